//! Going on with a ceremony whose coordinator is gone, from its public log and its transcript alone
//! (`docs/spec/public-log.md#recovery`).

mod error;
mod old_log;
mod records;
mod transcript;

use std::path::Path;

use tauline_log::tree::TreeHead;
use tauline_protocol::journal::Record;
use tauline_protocol::public_log::{Hex32, Notice};
use tauline_queue_core::{Rules, Timestamp};
use tauline_store::making::{Made, make};
use tauline_store::signed::Signed;
use tauline_store::sqlite::Sqlite;
use tauline_store::{Store as _, StoreError, check};
use tauline_transcript::Sizes;

use self::error::RecoverError;
use self::old_log::{OldLog, checkpoint};
use self::records::{Recorder, contribution};
use self::transcript::TranscriptFile;
use crate::config::RecoverFrom;
use crate::public_log::recovered_beginning;

/// The ceremony that is made.
pub(super) struct NewCeremony<'a> {
    /// Where its data will be.
    pub(super) data_dir: &'a Path,
    /// Its sizes.
    pub(super) sizes: &'a Sizes,
    /// Its rules.
    pub(super) rules: Rules,
    /// The origin of its log.
    pub(super) origin: &'a str,
    /// The address of a certain coordinator that was asked for.
    pub(super) pinned: Option<&'a str>,
    /// When it begins.
    pub(super) at: Timestamp,
}

/// Makes the data of a ceremony that goes on from a log and a transcript, unless it was made before. Points
/// are decoded on the threads of the current rayon pool.
///
/// # Errors
/// When log or transcript are not as they should be, or the directory holds something else. Nothing was
/// made then.
pub(super) fn recover(from: &RecoverFrom<'_>, new: &NewCeremony<'_>) -> Result<(), RecoverError> {
    let fill = |store: &Sqlite| fill(store, from, new);
    match make(new.data_dir, new.sizes, new.at, fill)? {
        Made::Now => Ok(()),
        Made::Before(store) => {
            is_the_same(&store, from.log, new.data_dir)?;
            tracing::info!(
                log = %from.log.display(),
                "the ceremony of this log was recovered before"
            );
            Ok(())
        }
    }
}

/// Checks that the ceremony that is there went on from the log that is named.
fn is_the_same(store: &Sqlite, log: &Path, data_dir: &Path) -> Result<(), RecoverError> {
    let named = checkpoint(log)?;
    let named = named.unverified();
    let second = store.log(1, 1)?.pop();
    let second = second.and_then(|stored| Record::from_bytes(&stored.bytes).ok()?.notice);
    match second.map(|noticed| noticed.notice) {
        Some(Notice::Recovered {
            origin,
            entries,
            root,
            ..
        }) if origin == named.origin.as_str()
            && entries == named.tree.size
            && root == Hex32(named.tree.root.0) =>
        {
            Ok(())
        }
        _ => Err(RecoverError::AnotherCeremony {
            directory: data_dir.to_owned(),
        }),
    }
}

/// Checks log and transcript, and puts into a new store what follows from them. Returns what the new log
/// counts as signed: nothing.
fn fill(
    store: &Sqlite,
    from: &RecoverFrom<'_>,
    new: &NewCeremony<'_>,
) -> Result<Signed, RecoverError> {
    if let Some(pinned) = new.pinned {
        let pinned = pinned.to_owned();
        return Err(RecoverError::Pinned { pinned });
    }
    let log = OldLog::read(from.log)?;
    fits(&log, new)?;
    let transcript = TranscriptFile::at(from.transcript)?;
    transcript.compare(&log)?;
    transcript.verify(new.sizes)?;

    let mut recorder = Recorder::new(store, new.rules, new.at)?;
    let recovered = Notice::Recovered {
        origin: log.origin.clone(),
        entries: log.tree.size,
        root: Hex32(log.tree.root.0),
        coordinator: log.coordinator.clone(),
        contributions: log.contributions(),
        in_line: log.in_line(),
        used_up: log.used_up(),
        reason: from.reason.to_owned(),
    };
    let beginning = recovered_beginning(store.ceremony(), new.origin, &new.rules, recovered)?;
    for notice in beginning {
        recorder.notice(notice);
    }
    carry_over(&log, &transcript, new.sizes, &mut recorder)?;
    recorder.halt()?;
    sound(store, &log, new.rules)?;
    tracing::warn!(
        log = %from.log.display(),
        origin = log.origin,
        coordinator = log.coordinator,
        contributions = log.contributions(),
        places_lost = log.in_line(),
        used_up_not_known = log.used_up(),
        "the ceremony goes on without its coordinator: all its contributions count. It is halted until you open it"
    );
    Ok(Signed {
        origin: new.origin.to_owned(),
        tree: TreeHead::EMPTY,
    })
}

/// Checks that a log can go on in the new ceremony.
fn fits(log: &OldLog, new: &NewCeremony<'_>) -> Result<(), RecoverError> {
    let asked = new.sizes.to_string();
    if log.sizes != asked {
        let found = log.sizes.clone();
        return Err(RecoverError::OtherSizes { found, asked });
    }
    if log.origin == new.origin {
        let origin = log.origin.clone();
        return Err(RecoverError::SameOrigin { origin });
    }
    Ok(())
}

/// Has everybody contribute who stands in the transcript, in order.
fn carry_over(
    log: &OldLog,
    transcript: &TranscriptFile,
    sizes: &Sizes,
    recorder: &mut Recorder<'_>,
) -> Result<(), RecoverError> {
    let accepted = log.auditor.accepted();
    let mut logged = accepted.iter();
    let mut last = None;
    let mut result: Result<(), RecoverError> = Ok(());
    transcript.read(|entry| {
        if result.is_err() {
            return;
        }
        let is_last = entry.number == accepted.len() as u64;
        // It was held against the log before. What is written is held against it, too.
        let one = contribution(&entry).filter(|one| {
            let digest = one.accepted(recorder.blinding()).digest;
            logged.next().is_some_and(|it| it.accepted.digest == digest)
        });
        result = match one {
            Some(one) if is_last => {
                last = Some(one);
                Ok(())
            }
            Some(one) => recorder.contribute(one, None).map_err(RecoverError::from),
            None => Err(transcript.changed()),
        };
    })?;
    result?;
    if logged.next().is_some() {
        return Err(transcript.changed());
    }
    let Some(last) = last else {
        return Ok(());
    };
    let document = transcript.head(sizes, &last)?;
    Ok(recorder.contribute(last, Some(&document))?)
}

/// Checks all that was stored, as each start does.
fn sound(store: &Sqlite, log: &OldLog, rules: Rules) -> Result<(), StoreError> {
    store.check_structure()?;
    let checked = check::everything(store, rules)?;
    match checked.queue.state().contributions() == log.contributions() {
        true => Ok(()),
        false => Err(StoreError::damaged(
            "not all contributions were carried over",
        )),
    }
}

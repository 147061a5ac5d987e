//! The orders that need no coordinator: checking a ceremony's data, and restoring a backup.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use tauline_log::tree::Tree;
use tauline_protocol::status::ModeWord;
use tauline_queue_core::Rules;
use tauline_store::apart::Apart;
use tauline_store::check::{self, Checked};
use tauline_store::mark::{self, Mark};
use tauline_store::objects::Objects;
use tauline_store::signed::{self, SIGNED_NAME};
use tauline_store::sqlite::Sqlite;
use tauline_store::{DATABASE_NAME, PART_NAME, Store as _, StoreError};

use crate::exit::{Failure, Outcome};
use crate::{keys, numbers, output, times};

/// What a ceremony's data holds, after it has passed every check.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Contents {
    /// The coordinator's address.
    coordinator_address: String,
    /// The sizes, as `--ceremony` takes them.
    ceremony: String,
    contributions: u64,
    head: Option<Head>,
    log: Log,
    mode: ModeWord,
    in_line: u64,
    /// Whether everything stored beside the log has a digest, which is not so in old data.
    digests: bool,
}

/// The last contribution.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Head {
    number: u64,
    identity: String,
    ticket: u64,
}

/// The log's end.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Log {
    records: u64,
    hash: String,
    /// The time of the last record, or of the start, in Unix seconds.
    last_at: u64,
    /// The same as text.
    last_time: String,
}

/// Checks a backup or a data directory, and prints what it holds.
pub(super) fn check(path: &Path, objects: Option<Arc<Objects>>, json: bool) -> Outcome {
    let (contents, _, _) = look(path, objects)?;
    match json {
        true => output::print_json(&contents),
        false => output::print(&format!(
            "{} is sound: every record, contribution and digest fits.\n{}",
            path.display(),
            text(&contents)
        )),
    }
}

/// Opens data without changing it, and checks all of it.
fn look(path: &Path, objects: Option<Arc<Objects>>) -> Outcome<(Contents, Mark, Tree)> {
    fs::metadata(path).map_err(|error| Failure::file("read", path, &error))?;
    let looked = || -> Result<_, StoreError> {
        let store = Apart::new(Sqlite::look_at(path)?, objects);
        store.inner().check_structure()?;
        let checked = check::everything(&store, Rules::default())?;
        let digests = store.reading()?.has_sums();
        let contents = contents(store.inner(), &checked, digests);
        Ok((contents, store.inner().mark()?, checked.tree))
    };
    looked().map_err(|error| refused(path, &error))
}

fn refused(path: &Path, error: &StoreError) -> Failure {
    match error {
        StoreError::Foreign { .. } => {
            Failure::bad(format!("{} is not a backup", path.display())).help(
                "a backup is what `tauline admin backup -o FILE` writes; a data directory holds tauline.db",
            )
        }
        StoreError::File { .. } | StoreError::Unwritable { .. } => Failure::io(error.to_string()),
        // The error's own advice is for a coordinator that does not start.
        StoreError::Damaged(what) => Failure::bad(format!(
            "{} is damaged: the data contradicts itself: {what}",
            path.display()
        ))
        .help("take another backup, or the data directory itself"),
        _ => Failure::bad(error.to_string()),
    }
}

fn contents(store: &Sqlite, checked: &Checked, digests: bool) -> Contents {
    let state = checked.queue.state();
    let last_at = state.log_time().as_millis() / 1000;
    Contents {
        coordinator_address: store.ceremony().address(),
        ceremony: store.ceremony().sizes.to_string(),
        contributions: state.contributions(),
        head: checked.last.as_ref().map(|last| Head {
            number: last.number,
            identity: last.identity.to_string(),
            ticket: last.ticket.value(),
        }),
        log: Log {
            records: checked.chain.records(),
            hash: format!("0x{}", hex::encode(checked.chain.hash())),
            last_at,
            last_time: times::text(last_at),
        },
        mode: state.mode().into(),
        in_line: state.waiting() + u64::from(state.turn().is_some()),
        digests,
    }
}

/// The contents as lines for a person.
fn text(contents: &Contents) -> String {
    let head = contents.head.as_ref().map_or_else(
        || "the initial powers: nobody has contributed".to_owned(),
        |head| {
            format!(
                "contribution {} of {}, ticket {}",
                head.number, head.identity, head.ticket
            )
        },
    );
    let records = numbers::count(contents.log.records, "record");
    let digests = match contents.digests {
        true => "of everything that is kept beside the log",
        false => "none: it is of before there were any, and gains them when it is next started on",
    };
    let rows = [
        ("coordinator", contents.coordinator_address.clone()),
        ("sub-ceremonies", contents.ceremony.clone()),
        (
            "contributions",
            numbers::with_commas(contents.contributions),
        ),
        ("head", head),
        ("log", format!("{records}, head {}", contents.log.hash)),
        ("last time", contents.log.last_time.clone()),
        (
            "mode",
            format!(
                "{}, {} in line",
                contents.mode.as_str(),
                numbers::count(contents.in_line, "participant")
            ),
        ),
        ("digests", digests.to_owned()),
    ];
    let mut text = String::new();
    for (label, value) in rows {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {label:<15} {value}");
    }
    text.trim_end().to_owned()
}

/// Checks a backup, copies it to an empty data directory, checks the copy, and gives it its name. A
/// coordinator can then start there.
pub(super) fn restore(file: &Path, signed: Option<&Path>, data_dir: &Path, json: bool) -> Outcome {
    if file.is_dir() {
        return Err(
            Failure::usage(format!("{} is a directory", file.display())).help(
                "a backup is a file; to move a data directory, stop its coordinator and copy all of it",
            ),
        );
    }
    let (contents, _, _) = look(file, None)?;
    let failed = |error: io::Error| Failure::file("restore to", data_dir, &error);
    let made = !data_dir.exists();
    keys::create_private_dir(data_dir).map_err(failed)?;
    if fs::read_dir(data_dir).map_err(failed)?.next().is_some() {
        return Err(
            Failure::usage(format!("{} is not empty", data_dir.display()))
                .help("restore to a new directory: --data-dir NEW"),
        );
    }
    put_in_place(file, signed, data_dir, &contents).inspect_err(|_| {
        for name in [PART_NAME, SIGNED_NAME] {
            let _ = fs::remove_file(data_dir.join(name));
        }
        if made {
            let _ = fs::remove_dir(data_dir);
        }
    })?;
    if json {
        return output::print_json(&contents);
    }
    let dir = data_dir.display();
    let guard = match signed {
        Some(_) => String::new(),
        None => format!(
            "\nIf its public log was signed, copy {SIGNED_NAME} from the old data directory to {dir} before the start: it shows \
             whether this backup lacks what was signed. If it is lost, start once with --accept-missing-guard."
        ),
    };
    output::print(&format!(
        "Restored to {dir}; every record, contribution and digest fits.\n{}\n\
         Start the coordinator there, and no other on the same ceremony:\n  \
         tauline-server --data-dir {dir} --ceremony {} --coordinator-address {}\n\
         A ceremony that was drained goes on after: tauline admin --data-dir {dir} open{guard}",
        text(&contents),
        contents.ceremony,
        contents.coordinator_address
    ))
}

fn put_in_place(
    file: &Path,
    signed: Option<&Path>,
    data_dir: &Path,
    contents: &Contents,
) -> Outcome {
    let failed = |error: io::Error| Failure::file("restore to", data_dir, &error);
    // The copy gets its name when it is whole, so that no coordinator can start on half of it.
    let part = data_dir.join(PART_NAME);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut from = File::open(file).map_err(|error| Failure::file("read", file, &error))?;
    let mut copy = options.open(&part).map_err(failed)?;
    io::copy(&mut from, &mut copy)
        .and_then(|_| copy.sync_all())
        .map_err(failed)?;
    let (copied, mark, tree) = look(&part, None)?;
    if copied != *contents {
        return Err(Failure::bad(format!(
            "{} alone does not hold what was found in it: there is a write-ahead log beside it",
            file.display()
        ))
        .help("it belongs to a coordinator: stop that one first, or take a backup"));
    }
    if let Some(signed) = signed {
        signed::take_over(signed, data_dir, &tree).map_err(|error| refused(signed, &error))?;
    }
    fs::rename(&part, data_dir.join(DATABASE_NAME))
        .and_then(|()| File::open(data_dir)?.sync_all())
        .and_then(|()| mark::create(data_dir, &mark))
        .map_err(failed)
}

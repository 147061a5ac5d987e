//! A copy of the public log of a coordinator that is gone: read as a whole, and audited.

use std::fs;
use std::io;
use std::path::Path;

use tauline_audit::{Auditor, Expected};
use tauline_log::checkpoint::SignedCheckpoint;
use tauline_log::tile::{self, Tile};
use tauline_log::tree::TreeHead;

use super::error::RecoverError;

/// The file of the signed size and root.
const CHECKPOINT: &str = "checkpoint";

/// A log in which nothing was found that a fair coordinator does not do.
pub(super) struct OldLog {
    /// Who has read it.
    pub(super) auditor: Auditor,
    /// Size and root.
    pub(super) tree: TreeHead,
    /// Its origin.
    pub(super) origin: String,
    /// The EIP-55 address of its last coordinator.
    pub(super) coordinator: String,
    /// The ceremony's sizes, as a text.
    pub(super) sizes: String,
}

impl OldLog {
    /// Reads the log that is in a directory, as C2SP `tlog-tiles` has it.
    ///
    /// # Errors
    /// When it is not all there, or anything in it is not as it should be.
    pub(super) fn read(directory: &Path) -> Result<Self, RecoverError> {
        let checkpoint = checkpoint(directory)?;
        let tree = checkpoint.unverified().tree;
        let mut auditor = Auditor::new(Expected::default());
        auditor
            .check_signed_checkpoint(checkpoint, "of the log")
            .map_err(|error| RecoverError::log(directory, error.to_string()))?;
        for bundle in tile::bundles(tree.size) {
            read_bundle(directory, bundle, &mut auditor)?;
        }
        let report = auditor.report();
        if let Some(first) = report.violations.first() {
            let (text, kind) = (&first.text, first.kind);
            let why = format!("{text} [{kind}, {}]", kind.rule());
            return Err(RecoverError::log(directory, why));
        }
        let Some(opened) = auditor.opened() else {
            let why = "nothing in it says whose log it is";
            return Err(RecoverError::log(directory, why));
        };
        Ok(Self {
            tree,
            origin: opened.origin.clone(),
            coordinator: opened.coordinator.clone(),
            sizes: opened.sizes.clone(),
            auditor,
        })
    }

    /// How many contributions it says were accepted.
    pub(super) fn contributions(&self) -> u64 {
        self.auditor.accepted().len() as u64
    }

    /// How many have a place in line, or the turn, where the log ends.
    pub(super) fn in_line(&self) -> u64 {
        let state = self.auditor.state();
        state.waiting() + u64::from(state.turn().is_some())
    }

    /// How many are used up who have not contributed.
    pub(super) fn used_up(&self) -> u64 {
        self.auditor.state().used_up_in_vain()
    }
}

/// The checkpoint of the log in a directory, whose signature is not verified yet.
///
/// # Errors
/// When there is none.
pub(super) fn checkpoint(directory: &Path) -> Result<SignedCheckpoint, RecoverError> {
    let path = directory.join(CHECKPOINT);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let why = "there is no file `checkpoint` in it: name the directory that has this file and `tile`";
            return Err(RecoverError::log(directory, why));
        }
        Err(error) => return Err(RecoverError::unreadable(&path)(error)),
    };
    SignedCheckpoint::parse(&bytes)
        .map_err(|error| RecoverError::log(directory, format!("`checkpoint` is none: {error}")))
}

/// Has the entries of a bundle read. Where there is no partial one, there may be the full one.
fn read_bundle(directory: &Path, bundle: Tile, auditor: &mut Auditor) -> Result<(), RecoverError> {
    let wrong =
        |error: &dyn std::fmt::Display| RecoverError::log(directory, format!("{bundle}: {error}"));
    for one in [bundle, bundle.full()] {
        let path = directory.join(one.to_string());
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(RecoverError::unreadable(&path)(error)),
        };
        let entries =
            tile::bundle_from_bytes(&bytes, one.width()).map_err(|error| wrong(&error))?;
        for entry in entries.into_iter().take(usize::from(bundle.width())) {
            auditor.push(entry).map_err(|error| wrong(&error))?;
        }
        return Ok(());
    }
    Err(RecoverError::log(
        directory,
        format!("{bundle} is missing: its checkpoint was signed for more entries than are there"),
    ))
}

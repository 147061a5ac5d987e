//! What was last signed: a small file beside the database, which no backup holds.
//!
//! Who has a checkpoint of the public log can show that its entries existed. A coordinator whose data
//! holds fewer, or others, must never sign again (`docs/spec/public-log.md#never-back`). This file
//! tells how far it had signed, also when the database is that of a backup. It is durable before a
//! checkpoint is shown to anybody (`docs/spec/public-log.md#durable-first`).

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tauline_log::tree::{Hash, Tree, TreeHead};

use crate::error::StoreError;
use crate::failpoint::failpoint;
pub use crate::names::SIGNED_NAME;
use crate::slots::{self, Slot, SlotFile};

/// The size and root that were last signed, and in whose name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The log's origin.
    pub origin: String,
    /// Size and root.
    pub tree: TreeHead,
}

/// The content of a slot, as JSON. The sum covers the other fields.
#[derive(Serialize, Deserialize)]
struct Text {
    origin: String,
    size: u64,
    root: String,
    sum: String,
}

impl Signed {
    fn sum(&self) -> String {
        let TreeHead { size, root } = self.tree;
        let text = format!(
            "signed {} {size} {}",
            self.origin,
            hex::encode(root.as_bytes())
        );
        hex::encode(Sha256::digest(text))
    }
}

impl Signed {
    /// Checks that a tree is what was signed, or has grown from it
    /// (`docs/spec/public-log.md#never-back`).
    ///
    /// # Errors
    /// [`StoreError::Signed`].
    pub(crate) fn check(&self, tree: &Tree) -> Result<(), StoreError> {
        let size = self.tree.size;
        let what = match tree.at(size) {
            Ok(held) if held.root() == self.tree.root => return Ok(()),
            Ok(_) => {
                format!("the checkpoint of {size} entries that was signed is of other entries")
            }
            Err(_) => format!(
                "a checkpoint of {size} entries was signed, and the data has {}",
                tree.size()
            ),
        };
        Err(StoreError::Signed { what })
    }
}

impl Slot for Signed {
    fn to_text(&self) -> io::Result<Vec<u8>> {
        Ok(serde_json::to_vec(&Text {
            origin: self.origin.clone(),
            size: self.tree.size,
            root: hex::encode(self.tree.root.as_bytes()),
            sum: self.sum(),
        })?)
    }

    fn from_text(text: &[u8]) -> Option<Self> {
        let text: Text = serde_json::from_slice(text).ok()?;
        let mut root = [0; 32];
        hex::decode_to_slice(&text.root, &mut root).ok()?;
        let signed = Self {
            origin: text.origin,
            tree: TreeHead {
                size: text.size,
                root: Hash(root),
            },
        };
        (signed.sum() == text.sum).then_some(signed)
    }

    fn height(&self) -> u64 {
        self.tree.size
    }
}

/// The path of a directory's file.
fn path(directory: &Path) -> PathBuf {
    directory.join(SIGNED_NAME)
}

/// What was last signed by the coordinator of a directory; none if nothing tells.
///
/// # Errors
/// When the file cannot be read, or both of its slots are spoiled.
pub fn read(directory: &Path) -> Result<Option<Signed>, StoreError> {
    let path = path(directory);
    match std::fs::read(&path) {
        Ok(bytes) => match slots::newest(&bytes) {
            Some((_, signed)) => Ok(Some(signed)),
            None => Err(StoreError::Mark { path }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::file("read", &path)(source)),
    }
}

/// Takes the file of an old data directory over into a new one, whose database was restored and holds
/// `tree`.
///
/// # Errors
/// When the file is none, when the tree is not all that was signed, or when the copy cannot be
/// written.
pub fn take_over(file: &Path, directory: &Path, tree: &Tree) -> Result<(), StoreError> {
    let bytes = std::fs::read(file).map_err(StoreError::file("read", file))?;
    let (_, signed) = slots::newest::<Signed>(&bytes).ok_or_else(|| StoreError::Mark {
        path: file.to_owned(),
    })?;
    signed.check(tree)?;
    let path = path(directory);
    slots::make(&path, &signed).map_err(StoreError::file("write", &path))
}

/// Makes the file for a log that goes on in a new data directory.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn begin(directory: &Path, signed: &Signed) -> Result<(), StoreError> {
    let path = path(directory);
    slots::make(&path, signed).map_err(StoreError::file("write", &path))
}

/// The file, while the ceremony runs.
#[derive(Debug)]
pub(crate) struct SignedFile {
    path: PathBuf,
    file: Option<SlotFile>,
    last: Option<Signed>,
}

impl SignedFile {
    pub(crate) fn at(directory: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            path: path(directory),
            file: None,
            last: read(directory)?,
        })
    }

    pub(crate) fn last(&self) -> Option<&Signed> {
        self.last.as_ref()
    }

    /// Makes durable that this is going to be shown.
    ///
    /// # Errors
    /// When it is smaller than what was signed before, or another tree of the same size, or when it
    /// cannot be written.
    pub(crate) fn raise(&mut self, signed: &Signed) -> Result<(), StoreError> {
        if let Some(last) = &self.last {
            let another = signed.tree.size == last.tree.size && signed.tree.root != last.tree.root;
            if signed.tree.size < last.tree.size || another || signed.origin != last.origin {
                return Err(StoreError::damaged(format!(
                    "a checkpoint of {} entries of {} would take back one of {} entries of {}",
                    signed.tree.size, signed.origin, last.tree.size, last.origin
                )));
            }
            if signed == last {
                return Ok(());
            }
        }
        failpoint("signed-before-write");
        match &mut self.file {
            Some(file) => file
                .write(signed)
                .map_err(StoreError::file("write", &self.path))?,
            None => {
                let (mut file, _) = SlotFile::open(&self.path, signed)
                    .map_err(StoreError::file("write", &self.path))?;
                file.write(signed)
                    .map_err(StoreError::file("write", &self.path))?;
                self.file = Some(file);
            }
        }
        failpoint("signed-after-write");
        self.last = Some(signed.clone());
        Ok(())
    }
}

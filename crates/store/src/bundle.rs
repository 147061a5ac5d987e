//! The file by which a ceremony is handed over (`docs/spec/public-log.md#handover`).

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tauline_log::tree::{Hash, TreeHead};
use tauline_protocol::personal_message;
use tauline_protocol::public_log::SuccessorKey;

use crate::ceremony::Ceremony;
use crate::directory::sync_parent;
use crate::error::StoreError;

/// The first line of a bundle.
const FIRST_LINE: &str = "tauline handover bundle v1\n";

/// Longest line of the head, in bytes.
const MAX_LINE: u64 = 1 << 16;

/// What is given to whom.
#[derive(Debug, Clone)]
pub struct Given {
    /// The log's origin.
    pub origin: String,
    /// The whole log, which ends by naming the coordinator that goes on.
    pub tree: TreeHead,
    /// The checkpoint of it, signed.
    pub checkpoint: String,
    /// The coordinator that goes on.
    pub to: SuccessorKey,
}

/// What the leaving coordinator says, and signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Statement {
    /// The log's origin.
    pub origin: String,
    /// The number of the log's entries, of which the last one names the coordinator that goes on.
    pub entries: u64,
    /// The root of the tree over them: 64 hex digits.
    pub root: String,
    /// The checkpoint of that tree, as the leaving coordinator has signed it.
    pub checkpoint: String,
    /// The leaving coordinator.
    pub from: SuccessorKey,
    /// The coordinator that goes on.
    pub to: SuccessorKey,
    /// The length of the database that follows, in bytes.
    pub database_len: u64,
    /// SHA-256 of the database: 64 hex digits.
    pub database_sha256: String,
}

/// Why a file is no bundle that can be used.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The file is something else.
    #[error("{} is no handover bundle: {what}", path.display())]
    NoBundle {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The statement is not signed by whom it names.
    #[error(
        "the handover bundle {} is not signed by the coordinator that it names: it was changed, or is not that one's. Ask for another copy",
        path.display()
    )]
    NotSigned {
        /// The file.
        path: PathBuf,
    },
    /// The bundle is for somebody else.
    #[error(
        "the handover bundle {} is for the coordinator with the key {to}, and the key here is {here}: start with the --data-dir in which `public-key` printed {to}",
        path.display()
    )]
    ForAnother {
        /// The file.
        path: PathBuf,
        /// The key that it names.
        to: SuccessorKey,
        /// The key in the data directory.
        here: SuccessorKey,
    },
    /// The database in it is not the one that was signed.
    #[error(
        "the database in the handover bundle {} is not the one that was signed: the file was cut short or changed. Ask for another copy",
        path.display()
    )]
    Spoiled {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read the handover bundle {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Statement {
    /// Size and root of the log.
    #[must_use]
    pub fn tree(&self) -> Option<TreeHead> {
        let mut root = [0; 32];
        hex::decode_to_slice(&self.root, &mut root).ok()?;
        Some(TreeHead {
            size: self.entries,
            root: Hash(root),
        })
    }
}

/// Writes a bundle of this database. It gets its name when it is whole.
pub(crate) fn write(
    database: &Path,
    ceremony: &Ceremony,
    to: &Path,
    given: &Given,
) -> Result<(), StoreError> {
    let mut source = File::open(database).map_err(StoreError::file("read", database))?;
    let mut hash = Sha256::new();
    let database_len =
        io::copy(&mut source, &mut hash).map_err(StoreError::file("read", database))?;
    let statement = Statement {
        origin: given.origin.clone(),
        entries: given.tree.size,
        root: hex::encode(given.tree.root.as_bytes()),
        checkpoint: given.checkpoint.clone(),
        from: ceremony.public_key(),
        to: given.to,
        database_len,
        database_sha256: hex::encode(hash.finalize()),
    };
    let line = serde_json::to_string(&statement)
        .map_err(|error| StoreError::file("write", to)(io::Error::other(error)))?;
    let signature = personal_message::sign(&line, &ceremony.key);
    let mut partial = to.to_owned().into_os_string();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let written = || -> io::Result<()> {
        let mut source = File::open(database)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&partial)?;
        write!(file, "{FIRST_LINE}{line}\n{signature}\n")?;
        io::copy(&mut source, &mut file)?;
        file.sync_all()?;
        // A link, unlike a rename, fails if somebody has taken the name meanwhile.
        fs::hard_link(&partial, to)?;
        sync_parent(to)
    };
    let result = written().map_err(StoreError::file("write", to));
    let _ = fs::remove_file(&partial);
    result
}

/// Reads what stands before the database of a bundle, and checks who has signed it. The path is what
/// errors name.
pub(crate) fn read_head(from: &mut impl BufRead, path: &Path) -> Result<Statement, BundleError> {
    let no_bundle = |what: String| BundleError::NoBundle {
        path: path.to_owned(),
        what,
    };
    let mut line = || -> Result<String, BundleError> {
        let mut line = Vec::new();
        from.by_ref()
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)
            .map_err(|source| BundleError::Unreadable {
                path: path.to_owned(),
                source,
            })?;
        String::from_utf8(line).map_err(|_| no_bundle("its head is no text".to_owned()))
    };
    if line()? != FIRST_LINE {
        let what = "it does not begin like one; `tauline admin handover` writes them";
        return Err(no_bundle(what.to_owned()));
    }
    let statement = line()?;
    let statement = statement.trim_end_matches('\n');
    let signature = line()?;
    let read: Statement = serde_json::from_str(statement)
        .map_err(|error| no_bundle(format!("its statement cannot be read ({error})")))?;
    let signer = personal_message::signer(statement, signature.trim_end_matches('\n'));
    if signer.is_none() || signer != read.from.address() {
        return Err(BundleError::NotSigned {
            path: path.to_owned(),
        });
    }
    Ok(read)
}

/// A bundle that is being read, at its database.
#[derive(Debug)]
pub(crate) struct Bundle {
    path: PathBuf,
    pub(crate) statement: Statement,
    database: BufReader<File>,
}

impl Bundle {
    /// Opens a bundle, and checks who has signed it.
    pub(crate) fn open(path: &Path) -> Result<Self, BundleError> {
        let file = File::open(path).map_err(|source| BundleError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let mut database = BufReader::new(file);
        Ok(Self {
            path: path.to_owned(),
            statement: read_head(&mut database, path)?,
            database,
        })
    }

    /// Checks that it is for the coordinator with this key.
    pub(crate) fn check_is_for(&self, here: &SuccessorKey) -> Result<(), BundleError> {
        match self.statement.to == *here {
            true => Ok(()),
            false => Err(BundleError::ForAnother {
                path: self.path.clone(),
                to: self.statement.to,
                here: *here,
            }),
        }
    }

    /// Copies the database to a file that is there already and empty, and checks that it is the one
    /// that was signed.
    pub(crate) fn copy_database(mut self, to: &Path) -> Result<Statement, BundleError> {
        let unreadable = |source| BundleError::Unreadable {
            path: self.path.clone(),
            source,
        };
        let mut file = OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(to)
            .map_err(unreadable)?;
        let mut hash = Sha256::new();
        let mut len = 0;
        let mut piece = vec![0; 1 << 20];
        loop {
            let read = self.database.read(&mut piece).map_err(unreadable)?;
            if read == 0 {
                break;
            }
            len += read as u64;
            hash.update(&piece[..read]);
            file.write_all(&piece[..read]).map_err(unreadable)?;
        }
        file.sync_all().map_err(unreadable)?;
        let found = hex::encode(hash.finalize());
        if len != self.statement.database_len || found != self.statement.database_sha256 {
            return Err(BundleError::Spoiled { path: self.path });
        }
        Ok(self.statement)
    }
}

//! What a checkpoint says.

use std::fmt;
use std::str::FromStr;

use crate::decode::{decimal, excerpt};
use crate::hash::HashError;
use crate::note::KeyName;
use crate::tree::TreeHead;

/// Which log a checkpoint is of: `example.com/log`, the prefix of its address without scheme and last
/// slash.
///
/// Not empty, and without control characters. One of our own is also the [name](KeyName) of a key; of
/// others that must not be assumed.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(String);

/// A text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{found}\" is no origin of a log: it is empty, or has a control character")]
pub struct OriginError {
    found: String,
}

impl Origin {
    /// The origin.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(origin: &str) -> Result<Self, OriginError> {
        if origin.is_empty() || origin.contains(|c| c < ' ') {
            let found = excerpt(origin);
            return Err(OriginError { found });
        }
        Ok(Self(origin.to_owned()))
    }
}

impl From<&KeyName> for Origin {
    fn from(name: &KeyName) -> Self {
        Self(name.as_str().to_owned())
    }
}

impl PartialEq<KeyName> for Origin {
    fn eq(&self, name: &KeyName) -> bool {
        self.0 == name.as_str()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// The text of a checkpoint: which log, how large, which root.
///
/// Its [`Display`](fmt::Display) is what is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checkpoint {
    /// Which log.
    pub origin: Origin,
    /// Its size and root.
    pub tree: TreeHead,
    extensions: Vec<String>,
}

/// Why a text is not that of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Fewer than three lines.
    #[error("a checkpoint has at least three lines: origin, size, root; this has {0}")]
    TooFewLines(usize),
    /// The last line does not end.
    #[error("the checkpoint's last line does not end in a newline")]
    NotTerminated,
    /// Line 1 is no origin.
    #[error("line 1 of the checkpoint: {0}")]
    Origin(#[from] OriginError),
    /// Line 2 is no size.
    #[error("line 2 of the checkpoint: \"{0}\" is not a size in decimal, without leading zeros")]
    Size(String),
    /// Line 3 is no hash.
    #[error("line 3 of the checkpoint: {0}")]
    Root(#[from] HashError),
    /// An extension line is empty, or has a control character.
    #[error("line {0} of the checkpoint is empty, or has a control character")]
    Extension(usize),
}

impl Checkpoint {
    /// What a log says of itself.
    pub fn new(origin: Origin, tree: TreeHead) -> Self {
        Self {
            origin,
            tree,
            extensions: Vec::new(),
        }
    }

    /// Lines that other logs add. They are signed, and mean nothing here; ours have none.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }

    /// Reads the text of a checkpoint, without signatures.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let body = text
            .strip_suffix('\n')
            .ok_or(CheckpointError::NotTerminated)?;
        let mut lines = body.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::TooFewLines(body.split('\n').count()));
        };
        let tree = TreeHead {
            size: decimal(size).ok_or_else(|| CheckpointError::Size(excerpt(size)))?,
            root: root.parse()?,
        };
        let mut checkpoint = Self::new(origin.parse()?, tree);
        for (line, extension) in (4..).zip(lines) {
            if extension.is_empty() || extension.contains(|c| c < ' ') {
                return Err(CheckpointError::Extension(line));
            }
            checkpoint.extensions.push(extension.to_owned());
        }
        Ok(checkpoint)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            origin,
            tree,
            extensions,
        } = self;
        write!(f, "{origin}\n{}\n{}\n", tree.size, tree.root)?;
        extensions
            .iter()
            .try_for_each(|extension| writeln!(f, "{extension}"))
    }
}

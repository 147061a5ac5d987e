//! Names of keys.

use std::fmt;
use std::str::FromStr;

use crate::decode::excerpt;

/// The name of a key, which is the origin of the log whose key it is: `example.com/log`.
///
/// Not empty, and without spaces, control characters and `+`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(String);

/// A text is no name of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{found}\" is no name of a key: it is empty, or has a space, a control character or a \"+\""
)]
pub struct KeyNameError {
    found: String,
}

impl KeyName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = KeyNameError;

    fn from_str(name: &str) -> Result<Self, KeyNameError> {
        // White_Space of Unicode, as Go's unicode.IsSpace; and what a note may not have anywhere.
        let is_foreign = |c: char| c.is_whitespace() || c < ' ' || c == '+';
        if name.is_empty() || name.contains(is_foreign) {
            let found = excerpt(name);
            return Err(KeyNameError { found });
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

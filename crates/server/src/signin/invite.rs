//! Sign-in by invitation: a code that the operator gave to one party.
//!
//! A code stands for one identity, `invite|name`, and so for one contribution. Signing in with it
//! again finds the same place in the queue: a lost tab loses nothing.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tauline_protocol::Identity;

/// Shortest code that is not warned about, in bytes: 16 random characters cannot be guessed at the
/// rate that sign-ins are limited to.
const ADVISED_LEN: usize = 16;

/// The invitations of a ceremony, by the hash of their code: looking one up takes a time that
/// tells nothing about the codes.
#[derive(Default)]
pub struct Invites(HashMap<[u8; 32], Identity>);

/// Why a file of invitations cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvitesError {
    /// The file cannot be read.
    #[error("the invitations {} cannot be read: {error}; give --invites a file with one `name code` a line", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A line is wrong. The text never shows a code.
    #[error("line {line} of the invitations: {problem}")]
    Line {
        /// The line's number, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
}

impl Invites {
    /// Reads a file with one `name code` a line. Empty lines and lines that begin with `#` are
    /// passed over.
    ///
    /// # Errors
    /// An unreadable file, or the first wrong line.
    pub fn read(path: &Path) -> Result<Self, InvitesError> {
        let text = std::fs::read_to_string(path).map_err(|error| InvitesError::Unreadable {
            path: path.to_owned(),
            error,
        })?;
        Self::parse(&text)
    }

    /// Reads the text of such a file.
    ///
    /// # Errors
    /// The first wrong line.
    pub fn parse(text: &str) -> Result<Self, InvitesError> {
        let mut codes = HashMap::new();
        let mut names = HashSet::new();
        let mut short = 0_usize;
        for (index, content) in text.lines().map(str::trim).enumerate() {
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let wrong = |problem: String| InvitesError::Line {
                line: index + 1,
                problem,
            };
            let mut words = content.split_whitespace();
            let (Some(name), Some(code), None) = (words.next(), words.next(), words.next()) else {
                return Err(wrong("write a name, a space and a code".to_owned()));
            };
            let identity = Identity::invite(name).map_err(|error| wrong(error.to_string()))?;
            if !names.insert(identity.clone()) {
                return Err(wrong(format!(
                    "the name {name} was given before; names must differ"
                )));
            }
            if codes.insert(hash(code), identity).is_some() {
                return Err(wrong(
                    "this code was given before; codes must differ".to_owned(),
                ));
            }
            short += usize::from(code.len() < ADVISED_LEN);
        }
        if short > 0 {
            tracing::warn!(
                "{short} invitation codes are shorter than {ADVISED_LEN} characters and may be guessed"
            );
        }
        Ok(Self(codes))
    }

    /// Whom a code was given to.
    #[must_use]
    pub fn identity(&self, code: &str) -> Option<Identity> {
        self.0.get(&hash(code.trim())).cloned()
    }

    /// How many invitations there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn hash(code: &str) -> [u8; 32] {
    Sha256::digest(code.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Invites::parse(text)
            .err()
            .expect("must be refused")
            .to_string()
    }

    #[test]
    fn a_code_stands_for_its_name() {
        let invites =
            Invites::parse("# round one\n\nalice code-of-alice-0001\n bob\tcode-of-bob-000002 \n")
                .unwrap();
        assert_eq!(invites.len(), 2);
        assert_eq!(
            invites.identity("code-of-alice-0001").unwrap().as_str(),
            "invite|alice"
        );
        assert_eq!(
            invites.identity("code-of-bob-000002").unwrap().as_str(),
            "invite|bob"
        );
        for wrong in ["", "alice", "code-of-alice-0002", "CODE-OF-ALICE-0001"] {
            assert!(invites.identity(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_wrong_line_is_named_and_its_code_is_not_shown() {
        assert_eq!(
            error("alice"),
            "line 1 of the invitations: write a name, a space and a code"
        );
        assert!(error("\nalice secret more").starts_with("line 2 of the invitations"));
        assert!(error("a secret-1\na secret-2").contains("names must differ"));
        let same = error("a secret-1\nb secret-1");
        assert!(
            same.contains("codes must differ") && !same.contains("secret"),
            "{same}"
        );
        assert!(error("a|b secret").starts_with("line 1"));
    }
}

//! The codes of a file of invitations, and whom each stands for.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use tauline_protocol::Identity;

use super::error::InvitesError;
use crate::signin::secret;

/// Codes shorter than this, in bytes, are warned about: 16 random characters cannot be guessed at
/// the rate that sign-ins are limited to.
const ADVISED_LEN: usize = 16;

/// Invitations by the hash of their code: how long it takes to look one up tells nothing about the
/// codes.
pub(super) struct Codes {
    by_hash: HashMap<[u8; 32], Identity>,
    /// How many are so short that they may be guessed.
    short: usize,
}

impl Codes {
    /// The codes of a file. What is not safe about it is said in the log.
    pub(super) fn read(path: &Path) -> Result<Self, InvitesError> {
        let codes = Self::parse(&text_of(path)?)?;
        secret::warn_if_others_read("the invitations", path);
        codes.warn();
        Ok(codes)
    }

    /// The codes in a file's text.
    pub(super) fn parse(text: &str) -> Result<Self, InvitesError> {
        let mut codes = HashMap::new();
        let mut short = 0_usize;
        let mut names = HashSet::new();
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
        Ok(Self {
            by_hash: codes,
            short,
        })
    }

    /// Whom a code was given to.
    pub(super) fn identity(&self, code: &str) -> Option<Identity> {
        self.by_hash.get(&hash(code)).cloned()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_hash.len()
    }

    /// Everybody who is invited.
    pub(super) fn names(&self) -> HashSet<Identity> {
        self.by_hash.values().cloned().collect()
    }

    /// Says in the log that some codes are short.
    fn warn(&self) {
        if self.short > 0 {
            tracing::warn!(
                "{} invitation codes are shorter than {ADVISED_LEN} characters and may be guessed",
                self.short
            );
        }
    }
}

/// The text of a file.
pub(super) fn text_of(path: &Path) -> Result<String, InvitesError> {
    std::fs::read_to_string(path).map_err(|error| InvitesError::Unreadable {
        path: path.to_owned(),
        error,
    })
}

fn hash(code: &str) -> [u8; 32] {
    Sha256::digest(code.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let parsed = Codes::parse(text);
        parsed.err().expect("must be refused").to_string()
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

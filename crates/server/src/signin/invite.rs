//! Sign-in by invitation: a code that the operator gave to one party.
//!
//! A code stands for one identity, `invite|name`, and so for one contribution. Signing in with it
//! again finds the same place in the queue: a lost tab loses nothing.

use std::collections::{HashMap, HashSet};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use sha2::{Digest as _, Sha256};
use tauline_protocol::Identity;

use super::secret;

/// Shortest code that is not warned about, in bytes: 16 random characters cannot be guessed at the
/// rate that sign-ins are limited to.
const ADVISED_LEN: usize = 16;

/// Random bytes of a code that is made here: it cannot be guessed.
const MADE_LEN: usize = 16;

/// The invitations of a ceremony. They are those of a file, and follow it when it is read again
/// (`docs/spec/ceremony.md#invited`).
pub struct Invites {
    path: PathBuf,
    codes: RwLock<Arc<Codes>>,
    /// The file is changed by one at a time.
    change: Mutex<()>,
}

/// Invitations by the hash of their code: looking one up takes a time that tells nothing about the
/// codes.
struct Codes {
    by_hash: HashMap<[u8; 32], Identity>,
    /// How many are so short that they may be guessed.
    short: usize,
}

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
    /// A name that cannot be invited or revoked.
    #[error("{0}")]
    Name(String),
    /// The file cannot be written.
    #[error("the invitations {} cannot be written: {error}; nothing changed. Edit the file by hand and have it read again: tauline admin reload", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The operating system gave no random bytes.
    #[error("the system gave no random bytes: {0}")]
    Random(String),
}

impl Invites {
    /// Reads a file with one `name code` a line. Empty lines and lines that begin with `#` are
    /// passed over.
    ///
    /// # Errors
    /// An unreadable file, or the first wrong line.
    pub fn read(path: &Path) -> Result<Self, InvitesError> {
        let codes = Codes::read(path)?;
        Ok(Self {
            path: path.to_owned(),
            codes: RwLock::new(Arc::new(codes)),
            change: Mutex::default(),
        })
    }

    /// Reads the file again; says how many invitations there are now.
    ///
    /// # Errors
    /// As [`Invites::read`]; then those of before stand.
    pub fn reload(&self) -> Result<usize, InvitesError> {
        let _one = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let codes = Codes::read(&self.path)?;
        let len = codes.by_hash.len();
        self.set(codes);
        Ok(len)
    }

    /// Adds invitations for these names to the file, each with a code that is made for it, and puts
    /// the file in force. All are added or none.
    ///
    /// # Errors
    /// A name that is none or is there, or a file that cannot be read or written; then nothing
    /// changes.
    pub fn add(&self, names: &[String]) -> Result<Vec<(Identity, String)>, InvitesError> {
        let _one = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = text_of(&self.path)?;
        let mut taken = Codes::parse(&text)?.names();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        let mut added = Vec::with_capacity(names.len());
        for name in names {
            let identity = identity(name)?;
            if !taken.insert(identity.clone()) {
                return Err(InvitesError::Name(format!(
                    "{name} is invited already: take another name, or revoke {name} first"
                )));
            }
            let code = new_code()?;
            text.push_str(&format!("{name} {code}\n"));
            added.push((identity, code));
        }
        self.replace(&text)?;
        Ok(added)
    }

    /// Takes the lines of these names out of the file and puts it in force. All are taken out or
    /// none.
    ///
    /// # Errors
    /// A name that is not invited, or a file that cannot be read or written; then nothing changes.
    pub fn revoke(&self, names: &[String]) -> Result<Vec<Identity>, InvitesError> {
        let _one = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let text = text_of(&self.path)?;
        let invited = Codes::parse(&text)?.names();
        let mut revoked = Vec::with_capacity(names.len());
        for name in names {
            let identity = identity(name)?;
            if !invited.contains(&identity) {
                return Err(InvitesError::Name(format!(
                    "{name} is not invited; see who is: tauline admin invites list"
                )));
            }
            revoked.push(identity);
        }
        let is_kept = |line: &&str| {
            let first = line.split_whitespace().next();
            !first.is_some_and(|first| names.iter().any(|name| name == first))
        };
        let kept: String = text.split_inclusive('\n').filter(is_kept).collect();
        self.replace(&kept)?;
        Ok(revoked)
    }

    /// Who is invited, by name.
    #[must_use]
    pub fn invited(&self) -> Vec<Identity> {
        let mut names: Vec<Identity> = self.codes().names().into_iter().collect();
        names.sort_unstable();
        names
    }

    /// Whom a code was given to.
    #[must_use]
    pub fn identity(&self, code: &str) -> Option<Identity> {
        self.codes().by_hash.get(&hash(code.trim())).cloned()
    }

    /// How many invitations there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.codes().by_hash.len()
    }

    fn codes(&self) -> Arc<Codes> {
        let codes = self.codes.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&codes)
    }

    fn set(&self, codes: Codes) {
        let mut now = self.codes.write().unwrap_or_else(PoisonError::into_inner);
        *now = Arc::new(codes);
    }

    /// Puts a text in the place of the file's, whole or not at all, and in force.
    fn replace(&self, text: &str) -> Result<(), InvitesError> {
        let codes = Codes::parse(text)?;
        self.write(text).map_err(|error| InvitesError::Unwritable {
            path: self.path.clone(),
            error,
        })?;
        self.set(codes);
        Ok(())
    }

    fn write(&self, text: &str) -> std::io::Result<()> {
        // Where the file is a link, what it leads to is replaced.
        let path = std::fs::canonicalize(&self.path)?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        let before = std::fs::metadata(&path)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().set_permissions(before.permissions())?;
        let ours = file.as_file().metadata()?;
        if (ours.uid(), ours.gid()) != (before.uid(), before.gid()) {
            std::os::unix::fs::fchown(file.as_file(), Some(before.uid()), Some(before.gid()))?;
        }
        file.as_file().sync_all()?;
        file.persist(&path)?;
        std::fs::File::open(folder)?.sync_all()
    }
}

fn text_of(path: &Path) -> Result<String, InvitesError> {
    std::fs::read_to_string(path).map_err(|error| InvitesError::Unreadable {
        path: path.to_owned(),
        error,
    })
}

fn identity(name: &str) -> Result<Identity, InvitesError> {
    // A line that begins so would be a comment.
    if name.starts_with('#') {
        return Err(InvitesError::Name(format!(
            "{name} begins a comment: take another name"
        )));
    }
    Identity::invite(name).map_err(|error| InvitesError::Name(format!("{name:?}: {error}")))
}

fn new_code() -> Result<String, InvitesError> {
    let mut bytes = [0; MADE_LEN];
    getrandom::fill(&mut bytes).map_err(|error| InvitesError::Random(error.to_string()))?;
    Ok(hex::encode(bytes))
}

impl Codes {
    /// Those of a file, with a word in the log about what is not safe about it.
    fn read(path: &Path) -> Result<Self, InvitesError> {
        let codes = Self::parse(&text_of(path)?)?;
        secret::warn_if_others_read("the invitations", path);
        codes.warn();
        Ok(codes)
    }

    fn parse(text: &str) -> Result<Self, InvitesError> {
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

    fn names(&self) -> HashSet<Identity> {
        self.by_hash.values().cloned().collect()
    }

    fn warn(&self) {
        if self.short > 0 {
            tracing::warn!(
                "{} invitation codes are shorter than {ADVISED_LEN} characters and may be guessed",
                self.short
            );
        }
    }
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

    fn file(text: &str) -> (tempfile::TempDir, Invites) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("invites");
        std::fs::write(&path, text).unwrap();
        let invites = Invites::read(&path).unwrap();
        (folder, invites)
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_code_stands_for_its_name() {
        let (_folder, invites) =
            file("# round one\n\nalice code-of-alice-0001\n bob\tcode-of-bob-000002 \n");
        assert_eq!(invites.len(), 2);
        let name_of = |code: &str| invites.identity(code).map(|it| it.to_string());
        assert_eq!(name_of("code-of-alice-0001").unwrap(), "invite|alice");
        assert_eq!(name_of("code-of-bob-000002").unwrap(), "invite|bob");
        for wrong in ["", "alice", "code-of-alice-0002", "CODE-OF-ALICE-0001"] {
            assert!(name_of(wrong).is_none(), "{wrong}");
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

    #[test]
    fn who_is_added_signs_in_at_once_and_stays_in_the_file() {
        let (folder, invites) = file("# round one\nalice code-of-alice-0001");
        let added = invites.add(&names(&["bob", "carol"])).unwrap();
        assert_ne!(added[0].1, added[1].1);
        for (identity, code) in &added {
            assert!(code.len() >= 2 * ADVISED_LEN, "{code}");
            assert_eq!(invites.identity(code).as_ref(), Some(identity));
        }
        assert!(invites.identity("code-of-alice-0001").is_some());
        let path = folder.path().join("invites");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.starts_with("# round one\nalice code-of-alice-0001\nbob "),
            "{text}"
        );
        assert_eq!(Invites::read(&path).unwrap().invited(), invites.invited());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn all_are_added_or_none() {
        let text = "alice code-of-alice-0001\n";
        let (folder, invites) = file(text);
        for (wrong, expected) in [
            ("alice", "invited already"),
            ("bob", "invited already"),
            ("two words", "two words"),
            ("a|b", "a|b"),
            ("#bob", "comment"),
            ("", "\"\""),
            ("line\nfeed", "line"),
        ] {
            let error = invites
                .add(&names(&["bob", wrong]))
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{wrong}: {error}");
        }
        let path = folder.path().join("invites");
        assert_eq!(std::fs::read_to_string(path).unwrap(), text);
        assert_eq!(invites.len(), 1);
    }

    #[test]
    fn who_is_revoked_signs_in_no_more_and_the_rest_of_the_file_stays() {
        let text = "# round one\nalice code-of-alice-0001\n\nbob code-of-bob-000002\n# end";
        let (folder, invites) = file(text);
        let error = invites.revoke(&names(&["alice", "nobody"])).unwrap_err();
        assert!(
            error.to_string().contains("nobody is not invited"),
            "{error}"
        );
        assert!(invites.identity("code-of-alice-0001").is_some());
        invites.revoke(&names(&["alice"])).unwrap();
        assert!(invites.identity("code-of-alice-0001").is_none());
        assert!(invites.identity("code-of-bob-000002").is_some());
        let path = folder.path().join("invites");
        assert_eq!(
            std::fs::read_to_string(path).unwrap(),
            "# round one\n\nbob code-of-bob-000002\n# end"
        );
    }

    #[test]
    fn a_file_that_is_wrong_when_it_is_read_again_changes_nothing() {
        let (folder, invites) = file("alice code-of-alice-0001\n");
        let path = folder.path().join("invites");
        std::fs::write(&path, "alice\n").unwrap();
        assert!(
            invites
                .reload()
                .unwrap_err()
                .to_string()
                .starts_with("line 1")
        );
        assert!(invites.identity("code-of-alice-0001").is_some());
        assert!(invites.add(&names(&["bob"])).is_err());
        std::fs::write(&path, "bob code-of-bob-000002\n").unwrap();
        assert_eq!(invites.reload().unwrap(), 1);
        assert!(invites.identity("code-of-alice-0001").is_none());
        assert!(invites.identity("code-of-bob-000002").is_some());
    }

    #[test]
    fn the_file_stays_as_private_as_it_was_and_a_link_stays_a_link() {
        use std::os::unix::fs::PermissionsExt as _;
        let (folder, _) = file("alice code-of-alice-0001\n");
        let path = folder.path().join("invites");
        let link = folder.path().join("link");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("invites", &link).unwrap();
        Invites::read(&link).unwrap().add(&names(&["bob"])).unwrap();
        assert!(link.is_symlink());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert_eq!(Invites::read(&path).unwrap().len(), 2);
    }
}

//! Sign-in by invitation: a code that the operator gave to one party.
//!
//! A code stands for one identity, `invite|name`, and so for one contribution. Signing in with it
//! again finds the same place in the queue: a lost tab loses nothing.

mod codes;
mod error;

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tauline_protocol::Identity;

use self::codes::{Codes, text_of};
pub use self::error::InvitesError;

/// Random bytes of a code that is made here: too many to be guessed.
const MADE_LEN: usize = 16;

/// The invitations of a ceremony: those in a file, as it was when it was last read
/// (`docs/spec/ceremony.md#invited`).
pub struct Invites {
    path: PathBuf,
    codes: RwLock<Arc<Codes>>,
    /// Held while the file is changed.
    change: Mutex<()>,
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

    /// Reads the file again, and gives how many invitations there are now.
    ///
    /// # Errors
    /// As [`Invites::read`]; the invitations are then those from before.
    pub fn reload(&self) -> Result<usize, InvitesError> {
        let _one = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let codes = Codes::read(&self.path)?;
        let len = codes.len();
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
        self.codes().identity(code.trim())
    }

    /// How many invitations there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.codes().len()
    }

    fn codes(&self) -> Arc<Codes> {
        let codes = self.codes.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&codes)
    }

    fn set(&self, codes: Codes) {
        let mut now = self.codes.write().unwrap_or_else(PoisonError::into_inner);
        *now = Arc::new(codes);
    }

    /// Writes a new text to the file, whole or not at all, and takes the invitations from it.
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn who_is_added_signs_in_at_once_and_stays_in_the_file() {
        let (folder, invites) = file("# round one\nalice code-of-alice-0001");
        let added = invites.add(&names(&["bob", "carol"])).unwrap();
        assert_ne!(added[0].1, added[1].1);
        for (identity, code) in &added {
            assert!(code.len() >= 2 * MADE_LEN, "{code}");
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

//! The participant's Ethereum key: a file of 64 hex digits that only its owner can read.
//!
//! Key text and bytes are wiped from memory after use, and no message ever holds them.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use k256::ecdsa::SigningKey;
use rand_core::OsRng;
use tauline_transcript::signature;
use zeroize::Zeroizing;

use crate::exit::{Failure, Outcome};

/// Longest key file that is read, in bytes: 64 digits, `0x` and plenty of white space.
const MAX_FILE_LEN: u64 = 256;

/// A participant's key and the file it is kept in.
pub struct KeyFile {
    /// The secp256k1 secret; wiped when dropped.
    pub key: SigningKey,
    /// Where it is kept.
    pub path: PathBuf,
    /// Whether it was made just now.
    pub created: bool,
    /// Whether other users of the machine can read the file.
    pub exposed: bool,
}

impl KeyFile {
    /// Reads the key at `path`, or at the default place. Makes one, mode 0600, where there is none.
    ///
    /// # Errors
    /// A file that is no key, cannot be read, or cannot be made.
    pub fn open_or_create(path: Option<&Path>) -> Outcome<Self> {
        let path = match path {
            Some(path) => path.to_owned(),
            None => default_path()?,
        };
        match Self::open(&path) {
            Err(OpenError::Missing) => match Self::create(&path)? {
                Some(key) => Ok(key),
                // Another run has made it meanwhile.
                None => Self::read(&path),
            },
            Err(OpenError::Failed(failure)) => Err(failure),
            Ok(key) => Ok(key),
        }
    }

    /// Reads the key at `path`, which has to exist.
    ///
    /// # Errors
    /// A file that is no key, or cannot be read.
    pub fn read(path: &Path) -> Outcome<Self> {
        Self::open(path).map_err(|error| match error {
            OpenError::Missing => {
                Failure::file("read", path, &io::Error::from(io::ErrorKind::NotFound))
            }
            OpenError::Failed(failure) => failure,
        })
    }

    /// The key's address with the checksum of EIP-55.
    #[must_use]
    pub fn address(&self) -> String {
        signature::eip55(&address(&self.key))
    }

    fn open(path: &Path) -> Result<Self, OpenError> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(OpenError::Missing);
            }
            Err(error) => {
                return Err(OpenError::Failed(Failure::file(
                    "read the key",
                    path,
                    &error,
                )));
            }
        };
        // Allocated at its full size: a buffer that grows leaves copies behind.
        let mut text = Zeroizing::new(Vec::with_capacity(MAX_FILE_LEN as usize + 1));
        file.by_ref()
            .take(MAX_FILE_LEN + 1)
            .read_to_end(&mut text)
            .map_err(|error| OpenError::Failed(Failure::file("read the key", path, &error)))?;
        let key = parse(&text).ok_or_else(|| {
            OpenError::Failed(
                Failure::usage(format!("{} is not a key file", path.display())).help(
                    "a key file holds a 32-byte secp256k1 secret as 64 hex digits; \
                     name a file that does not exist yet to have a new key made",
                ),
            )
        })?;
        Ok(Self {
            key,
            path: path.to_owned(),
            created: false,
            exposed: exposed(&file),
        })
    }

    /// Makes a key. None if there is one by now.
    fn create(path: &Path) -> Outcome<Option<Self>> {
        let failed = |error: io::Error| Failure::file("make the key", path, &error);
        if let Some(parent) = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            create_private_dir(parent).map_err(failed)?;
        }
        let key = SigningKey::random(&mut OsRng);
        let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(key.to_bytes().into());
        let mut text = Zeroizing::new([0; 65]);
        hex::encode_to_slice(*bytes, &mut text[..64])
            .map_err(|error| Failure::io(error.to_string()))?;
        text[64] = b'\n';
        match write_private(path, text.as_ref()) {
            Ok(()) => Ok(Some(Self {
                key,
                path: path.to_owned(),
                created: true,
                exposed: false,
            })),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }
}

/// The address of a key's account.
#[must_use]
pub fn address(key: &SigningKey) -> [u8; 20] {
    signature::eth_address(key.verifying_key())
}

enum OpenError {
    Missing,
    Failed(Failure),
}

/// Where the key is kept unless `--key` says otherwise: `tauline/ethereum.key` in the user's data
/// directory.
///
/// # Errors
/// When neither `XDG_DATA_HOME` nor `HOME` is set.
pub fn default_path() -> Outcome<PathBuf> {
    let data_home = env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|dir| dir.is_absolute());
    let data_home = data_home.or_else(|| Some(env::home_dir()?.join(".local/share")));
    match data_home {
        Some(dir) => Ok(dir.join("tauline/ethereum.key")),
        None => Err(
            Failure::usage("there is no home directory to keep a key in")
                .help("say where: --key FILE"),
        ),
    }
}

/// Reads 64 hex digits of either case, with or without `0x`, with white space around.
fn parse(text: &[u8]) -> Option<SigningKey> {
    let digits = text.trim_ascii();
    let digits = digits.strip_prefix(b"0x").unwrap_or(digits);
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(digits, bytes.as_mut()).ok()?;
    SigningKey::from_slice(bytes.as_ref()).ok()
}

/// Writes a file that must not exist yet and that only its owner can read. It gets its name when it is
/// whole: whoever reads it at the same time finds no half of a key.
fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    use std::io::Write;

    let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
    // Only its owner can read a temporary file.
    let mut file = tempfile::NamedTempFile::new_in(parent.unwrap_or(Path::new(".")))?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)
        .map(drop)
        .map_err(|error| error.error)
}

/// Makes a directory and its parents, each for its owner alone.
pub(crate) fn create_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

#[cfg(unix)]
fn exposed(file: &File) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn exposed(_: &File) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/down/key");
        let made = KeyFile::open_or_create(Some(&path)).unwrap();
        assert!(made.created);
        let read = KeyFile::open_or_create(Some(&path)).unwrap();
        assert!(!read.created);
        assert_eq!(read.address(), made.address());
    }

    #[cfg(unix)]
    #[test]
    fn a_key_is_made_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("made/key");
        let made = KeyFile::open_or_create(Some(&path)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert!(!made.exposed);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(KeyFile::read(&path).unwrap().exposed);
    }

    #[test]
    fn only_a_secp256k1_secret_is_a_key() {
        let one = format!("0x{}1\n", "0".repeat(63));
        assert!(parse(one.as_bytes()).is_some());
        let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
        for bad in [
            "",
            "0x",
            "12",
            &"0".repeat(64),
            &"é".repeat(32),
            order,
            &"1".repeat(65),
        ] {
            assert!(parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_file_that_is_no_key_is_kept_and_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notes.txt");
        fs::write(&path, "dear diary").unwrap();
        let failure = KeyFile::open_or_create(Some(&path)).err().unwrap();
        assert_eq!(failure.exit(), crate::exit::Exit::Usage);
        assert!(!failure.to_string().contains("diary"));
        assert_eq!(fs::read(&path).unwrap(), b"dear diary");
    }
}

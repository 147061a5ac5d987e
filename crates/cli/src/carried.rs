//! The directory that is carried between a machine with a network and one without, for one turn.
//!
//! | file | written | holds |
//! |---|---|---|
//! | `tauline-powers-TICKET.msgpack` | by `contribute --offline`, in the turn | the powers to build on |
//! | `tauline-turn.json` | after that | whose turn it is, at which server, and the digest of the powers |
//! | `tauline-contribution-TICKET.msgpack` | by `compute` | the contribution |
//!
//! None of it is secret. The secrets stay in the memory of the machine that computes. The Ethereum
//! key stays on the machine with the network, which also adds the Ethereum signature, since that is
//! over public keys.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tauline_protocol::Identity;
use tauline_transcript::Sizes;
use time::OffsetDateTime;

use crate::client::{Download, Form};
use crate::exit::{Failure, Outcome};
use crate::input::MAX_DOCUMENT;
use crate::output;

/// The file that says whose turn it is. It is written last.
const TURN: &str = "tauline-turn.json";

/// Longest such file that is read, in bytes: about a hundred times its length.
const MAX_TURN_LEN: u64 = 64 << 10;

/// A directory that is carried.
#[derive(Debug, Clone)]
pub struct Carried(PathBuf);

/// A turn, as the directory describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Turn {
    /// The coordinator's address on the network.
    pub server: String,
    /// The address that its receipts recover to.
    pub coordinator_address: String,
    /// Whose turn it is.
    pub identity: Identity,
    /// The ticket.
    pub ticket: u64,
    /// The ceremony's sizes.
    #[serde(with = "sizes_text")]
    pub ceremony: Sizes,
    /// The form that the contribution shall have.
    pub form: Form,
    /// Whether the powers are JSON.
    powers_are_json: bool,
    /// SHA-256 of the file of the powers, in hex.
    powers_sha256: String,
    /// When the contribution has to be back, in Unix seconds by the clock of the machine with a
    /// network.
    pub ends_at: u64,
}

impl Turn {
    /// When the contribution has to be back, as a time of day.
    #[must_use]
    pub fn ends_at_text(&self) -> String {
        let at = i64::try_from(self.ends_at).ok();
        match at.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok()) {
            Some(at) => format!("{:02}:{:02}:{:02} UTC", at.hour(), at.minute(), at.second()),
            None => "an unknown time".to_owned(),
        }
    }
}

mod sizes_text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use tauline_transcript::Sizes;

    pub(super) fn serialize<S: Serializer>(sizes: &Sizes, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(sizes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Sizes, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// What tells whether a file has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    len: u64,
    modified: Option<SystemTime>,
}

impl Carried {
    /// The directory at `path`, which is made if it does not exist. Files can be written to it.
    ///
    /// # Errors
    /// A directory that cannot be made or written to.
    pub fn make(path: &Path) -> Outcome<Self> {
        if !path.is_dir() {
            fs::create_dir(path).map_err(|error| Failure::file("make", path, &error))?;
        }
        tempfile::tempfile_in(path).map_err(|error| Failure::file("write to", path, &error))?;
        Ok(Self(path.to_owned()))
    }

    /// The directory at `path`.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The turn that it is for, if it has one.
    ///
    /// # Errors
    /// A file that cannot be read or understood.
    pub fn turn(&self) -> Outcome<Option<Turn>> {
        let path = self.0.join(TURN);
        match read(&path, MAX_TURN_LEN) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| {
                Failure::bad(format!("{} is not understood: {error}", path.display()))
                    .help("copy the directory again, or begin with another one")
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::file("read", &path, &error)),
        }
    }

    /// The turn that it is for.
    ///
    /// # Errors
    /// As for [`Carried::turn`], and when it has none.
    pub fn known_turn(&self) -> Outcome<Turn> {
        self.turn()?.ok_or_else(|| {
            Failure::usage(format!(
                "there is no turn in {}: {TURN} is missing",
                self.0.display()
            ))
            .help(
                "`tauline contribute --offline DIR` writes it when your turn has come, on the \
                 machine with the network; then carry DIR over, with all that is in it",
            )
        })
    }

    /// Refuses a directory that is for another participant or another ceremony.
    ///
    /// # Errors
    /// Such a directory, with whose it is.
    pub fn check_owner(&self, coordinator: &str, identity: &Identity) -> Outcome {
        let Some(turn) = self.turn()? else {
            return Ok(());
        };
        let (is, wanted) = match () {
            () if !turn.coordinator_address.eq_ignore_ascii_case(coordinator) => (
                format!("the ceremony of coordinator {}", turn.coordinator_address),
                format!("that of {coordinator}"),
            ),
            () if turn.identity != *identity => (turn.identity.to_string(), identity.to_string()),
            () => return Ok(()),
        };
        Err(
            Failure::usage(format!("{} is for {is}, not {wanted}", self.0.display()))
                .help("give another directory; nothing was joined"),
        )
    }

    /// Writes a turn and its powers to the directory, unless they are there already. Returns the
    /// turn, and whether it was written now.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(crate) fn write(&self, turn: NewTurn<'_>) -> Outcome<(Turn, bool)> {
        let NewTurn {
            server,
            coordinator,
            identity,
            ticket,
            ceremony,
            form,
            powers,
            left,
        } = turn;
        let ends_at = SystemTime::now().checked_add(left);
        let ends_at = ends_at.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let turn = Turn {
            server: server.to_owned(),
            coordinator_address: coordinator.to_owned(),
            identity: identity.clone(),
            ticket,
            ceremony: ceremony.clone(),
            form,
            powers_are_json: powers.is_json,
            powers_sha256: sha256(&powers.bytes),
            ends_at: ends_at.unwrap_or_default().as_secs(),
        };
        let there = self.turn()?.filter(|there| {
            let same = Turn {
                ends_at: turn.ends_at,
                ..there.clone()
            };
            same == turn && self.powers(there).is_ok()
        });
        if let Some(there) = there {
            return Ok((there, false));
        }
        let file = self.powers_file(&turn);
        output::write_file(&file, true, |out| out.write_all(&powers.bytes))?;
        let mut text = serde_json::to_vec_pretty(&turn).map_err(|e| Failure::io(e.to_string()))?;
        text.push(b'\n');
        output::write_file(&self.0.join(TURN), true, |out| out.write_all(&text))?;
        Ok((turn, true))
    }

    /// The powers of a turn.
    ///
    /// # Errors
    /// A file that is missing, or is not what was downloaded.
    pub fn powers(&self, turn: &Turn) -> Outcome<Download> {
        let path = self.powers_file(turn);
        let bytes =
            read(&path, MAX_DOCUMENT).map_err(|error| Failure::file("read", &path, &error))?;
        match sha256(&bytes) == turn.powers_sha256 {
            true => Ok(Download {
                bytes,
                is_json: turn.powers_are_json,
            }),
            false => Err(
                Failure::io(format!("{} is not what was fetched", path.display()))
                    .help("it was not copied whole, perhaps: copy the directory again"),
            ),
        }
    }

    fn powers_file(&self, turn: &Turn) -> PathBuf {
        let end = match turn.powers_are_json {
            true => "json",
            false => "msgpack",
        };
        self.0.join(format!("tauline-powers-{}.{end}", turn.ticket))
    }

    /// The path of a turn's contribution.
    #[must_use]
    pub fn contribution_file(&self, turn: &Turn) -> PathBuf {
        let end = match turn.form {
            Form::Json => "json",
            Form::Msgpack | Form::MsgpackUncompressed => "msgpack",
        };
        self.0
            .join(format!("tauline-contribution-{}.{end}", turn.ticket))
    }

    /// The contribution to a turn, if it is there.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn contribution(&self, turn: &Turn) -> Outcome<Option<Vec<u8>>> {
        let path = self.contribution_file(turn);
        match read(&path, MAX_DOCUMENT) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::file("read", &path, &error)),
        }
    }

    /// Length and time of the contribution's file, which tell whether it has changed.
    pub(crate) fn glance(&self, turn: &Turn) -> Option<Seen> {
        let metadata = fs::metadata(self.contribution_file(turn)).ok()?;
        Some(Seen {
            len: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}

/// A turn that is to be written to the directory.
pub(crate) struct NewTurn<'a> {
    pub(crate) server: &'a str,
    pub(crate) coordinator: &'a str,
    pub(crate) identity: &'a Identity,
    pub(crate) ticket: u64,
    pub(crate) ceremony: &'a Sizes,
    pub(crate) form: Form,
    pub(crate) powers: &'a Download,
    pub(crate) left: Duration,
}

/// Reads a file that is no longer than `limit`.
fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    file.take(limit + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Err(io::Error::other(format!("it is longer than {limit} bytes"))),
        false => Ok(bytes),
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_turn<'a>(
        identity: &'a Identity,
        ceremony: &'a Sizes,
        powers: &'a Download,
    ) -> NewTurn<'a> {
        NewTurn {
            server: "https://a.org/",
            coordinator: "0x00000000000000000000000000000000000000aa",
            identity,
            ticket: 7,
            ceremony,
            form: Form::Msgpack,
            powers,
            left: Duration::from_secs(180),
        }
    }

    #[test]
    fn a_turn_is_written_once_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let carried = Carried::make(&dir.path().join("stick")).unwrap();
        assert_eq!(carried.turn().unwrap(), None);
        let failure = carried.known_turn().unwrap_err();
        assert!(
            failure.to_string().contains("contribute --offline"),
            "{failure}"
        );
        let (identity, sizes) = (
            "invite|alice".parse().unwrap(),
            "16:4,32:4".parse().unwrap(),
        );
        let powers = Download {
            bytes: b"powers".to_vec(),
            is_json: false,
        };
        let (turn, is_new) = carried.write(new_turn(&identity, &sizes, &powers)).unwrap();
        assert!(is_new);
        assert_eq!(carried.known_turn().unwrap(), turn);
        assert_eq!(carried.powers(&turn).unwrap().bytes, b"powers");
        let (again, is_new) = carried.write(new_turn(&identity, &sizes, &powers)).unwrap();
        assert_eq!((again, is_new), (turn.clone(), false));
        // A file that was damaged is written again.
        fs::write(carried.powers_file(&turn), "power").unwrap();
        let failure = carried.powers(&turn).err().unwrap();
        assert!(
            failure.to_string().contains("copy the directory again"),
            "{failure}"
        );
        assert!(
            carried
                .write(new_turn(&identity, &sizes, &powers))
                .unwrap()
                .1
        );
        assert!(carried.powers(&turn).is_ok());
    }

    #[test]
    fn a_directory_of_somebody_else_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let carried = Carried::make(dir.path()).unwrap();
        let (alice, bob) = (
            "invite|alice".parse().unwrap(),
            "invite|bob".parse().unwrap(),
        );
        let sizes = "16:4".parse().unwrap();
        let powers = Download {
            bytes: vec![],
            is_json: true,
        };
        let coordinator = "0x00000000000000000000000000000000000000AA";
        carried.check_owner(coordinator, &bob).unwrap();
        carried.write(new_turn(&alice, &sizes, &powers)).unwrap();
        carried.check_owner(coordinator, &alice).unwrap();
        for (coordinator, identity, says) in [
            (coordinator, &bob, "is for invite|alice, not invite|bob"),
            ("0xbb", &alice, "not that of 0xbb"),
        ] {
            let failure = carried.check_owner(coordinator, identity).unwrap_err();
            assert!(failure.text().contains(says), "{failure}");
        }
    }
}

//! What a witness remembers: the last checkpoint of each log, durable before it is cosigned.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use rand_core::{OsRng, RngCore as _};
use tauline_log::checkpoint::{Cosigner, SignedCheckpoint};
use tauline_log::note::{KeyName, VerifierKey};
use tauline_log::tree::TreeHead;
use tauline_log::witness::{AddCheckpoint, KnownLog, Refusal, decide, monitoring_path};
use zeroize::Zeroizing;

use crate::exit::{Failure, Outcome};
use crate::{keys, output};

/// A witness's key and memory.
pub(super) struct Book {
    directory: PathBuf,
    cosigner: Cosigner,
    logs: Mutex<BTreeMap<String, WitnessedLog>>,
}

struct WitnessedLog {
    keys: Vec<VerifierKey>,
    latest: Option<SignedCheckpoint>,
}

/// Why a checkpoint is not cosigned.
pub(super) enum NotCosigned {
    /// It may not be.
    Refused(Refusal),
    /// It could not be remembered.
    Failed(String),
}

impl Book {
    /// Opens a directory, or makes it with a new key.
    pub(super) fn open(directory: &Path, name: KeyName, logs: Vec<VerifierKey>) -> Outcome<Self> {
        keys::create_private_dir(directory)
            .map_err(|error| Failure::file("make", directory, &error))?;
        let seed = seed(&directory.join("key"))?;
        let mut witnessed: BTreeMap<String, WitnessedLog> = BTreeMap::new();
        for key in logs {
            let origin = key.name().to_string();
            match witnessed.get_mut(&origin) {
                Some(log) => log.keys.push(key),
                None => {
                    let latest = latest(&directory.join(file_name(&key)?))?;
                    let keys = vec![key];
                    witnessed.insert(origin, WitnessedLog { keys, latest });
                }
            }
        }
        Ok(Self {
            directory: directory.to_owned(),
            cosigner: Cosigner::from_seed(name, &seed),
            logs: Mutex::new(witnessed),
        })
    }

    /// The key that verifies the cosignatures.
    pub(super) fn verifier_key(&self) -> &VerifierKey {
        self.cosigner.verifier_key()
    }

    /// Remembers a checkpoint and cosigns it, if it goes on from the last one of its log. Blocks.
    pub(super) fn add(
        &self,
        request: &AddCheckpoint,
    ) -> Result<tauline_log::note::Signature, NotCosigned> {
        let claimed = request.checkpoint.unverified();
        // One after the other: comparing and remembering is one step.
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let log = logs.get_mut(claimed.origin.as_str());
        let known = log.as_deref().map(|log| KnownLog {
            keys: &log.keys,
            latest: log.head(),
        });
        decide(request, known).map_err(NotCosigned::Refused)?;
        let failed = |error: &dyn std::fmt::Display| NotCosigned::Failed(error.to_string());
        let Some(log) = log else {
            return Err(failed(&"a log that is unknown was decided on"));
        };
        let path = self
            .directory
            .join(monitoring_file(claimed.origin.as_str()).map_err(|error| failed(&error))?);
        let text = request.checkpoint.to_string();
        output::write_file(&path, true, |out| out.write_all(text.as_bytes()))
            .map_err(|failure| failed(&failure))?;
        log.latest = Some(request.checkpoint.clone());
        let now = SystemTime::UNIX_EPOCH
            .elapsed()
            .map_err(|error| failed(&error))?;
        self.cosigner
            .cosign(claimed, now.as_secs())
            .map_err(|error| failed(&error))
    }

    /// The last checkpoint of the log that is monitored at this path.
    pub(super) fn at(&self, path: &str) -> Option<String> {
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let found = logs.iter().find(|(origin, _)| {
            origin
                .parse()
                .is_ok_and(|origin| monitoring_path(&origin) == path)
        });
        Some(found?.1.latest.as_ref()?.to_string())
    }
}

impl WitnessedLog {
    fn head(&self) -> TreeHead {
        match &self.latest {
            Some(latest) => latest.unverified().tree,
            None => TreeHead::EMPTY,
        }
    }
}

/// The name of the file with a log's last checkpoint.
fn monitoring_file(origin: &str) -> Result<String, String> {
    let origin = origin
        .parse()
        .map_err(|error| format!("{origin} is no origin: {error}"))?;
    Ok(monitoring_path(&origin).replace('/', "-"))
}

fn file_name(key: &VerifierKey) -> Outcome<String> {
    monitoring_file(key.name().as_str()).map_err(Failure::usage)
}

fn latest(path: &Path) -> Outcome<Option<SignedCheckpoint>> {
    match fs::read(path) {
        Ok(bytes) => SignedCheckpoint::parse(&bytes).map(Some).map_err(|error| {
            Failure::bad(format!("{} is no checkpoint: {error}", path.display())).help(
                "it says what this witness has cosigned: put back what was there; without it, begin with a new name and key",
            )
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::file("read", path, &error)),
    }
}

/// The key's seed, drawn where there is none.
fn seed(path: &Path) -> Outcome<Zeroizing<[u8; 32]>> {
    let mut seed = Zeroizing::new([0; 32]);
    match fs::read(path) {
        Ok(text) => {
            let text = Zeroizing::new(text);
            hex::decode_to_slice(text.trim_ascii(), seed.as_mut()).map_err(|_| {
                Failure::bad(format!("{} is no witness's key", path.display()))
                    .help("it has 64 hex digits: put back what was there")
            })?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            OsRng.fill_bytes(seed.as_mut());
            let text = Zeroizing::new(hex::encode(*seed));
            output::write_file(path, false, |out| writeln!(out, "{}", *text))?;
        }
        Err(error) => return Err(Failure::file("read", path, &error)),
    }
    Ok(seed)
}

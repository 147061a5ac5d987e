//! The file in which a participant keeps what the coordinator has signed: tickets, promises and
//! refusals (`docs/spec/public-log.md#ticket`). `tauline audit --ticket` reads it.
//!
//! A coordinator that signs nothing, or signs badly, does not keep anybody from taking part. Bad
//! signatures are told.

use std::path::{Path, PathBuf};

use reqwest::Url;
use sha2::{Digest as _, Sha256};
use tauline_log::checkpoint::SignedCheckpoint;
use tauline_log::note::{KeyId, Note, VerifierKey};
use tauline_protocol::Identity;
use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::error::SignedRefusal;
use tauline_protocol::keepsake::{KEEPSAKE_VERSION, Keepsake, KeptStay};
use tauline_protocol::public_log::{Commitment, Hex32};
use tauline_protocol::statement::{PromisedPhase, SignedStatement, Statement};
use tauline_protocol::status::{QueueStatus, SignedTicket};

use crate::output;

/// What a participant keeps, and where.
#[derive(Debug)]
pub struct Tickets {
    /// The directory for the file; none if nothing is kept.
    directory: Option<PathBuf>,
    server: Url,
    file: Option<(PathBuf, Keepsake)>,
    /// The key that the log has now by the coordinator's word, if it was looked up.
    certified: Option<String>,
}

/// Why something is not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotKept {
    /// It is signed with another key than what was kept before. The log's key may have been replaced
    /// (`docs/spec/public-log.md#rotation`).
    #[error("{why}")]
    OtherKey {
        /// The number of that key.
        id: KeyId,
        /// A sentence.
        why: String,
    },
    /// It is not valid, or cannot be written.
    #[error("{0}")]
    Failed(String),
}

impl From<String> for NotKept {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

impl Tickets {
    /// Keeps what this server signs in a file in this directory; nothing without one.
    #[must_use]
    pub fn new(directory: Option<PathBuf>, server: Url) -> Self {
        Self {
            directory,
            server,
            file: None,
            certified: None,
        }
    }

    /// The file, once there is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|(path, _)| path.as_path())
    }

    /// The key with which the log signed what is kept last.
    #[must_use]
    pub fn log_key(&self) -> Option<VerifierKey> {
        let (_, kept) = self.file.as_ref()?;
        kept.log_key.parse().ok()
    }

    /// The log has this key now: its coordinator has certified it.
    pub fn certified(&mut self, key: &VerifierKey) {
        self.certified = Some(key.to_string());
    }

    /// The ceremony goes on at another coordinator, and with it what is kept.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn moved_to(&mut self, server: &Url) -> Result<(), NotKept> {
        self.server = server.clone();
        self.change(|kept| kept.server = server.to_string())
    }

    /// Keeps the ticket and the promise that joining was answered with.
    ///
    /// # Errors
    /// What is wrong with the ticket, or with the file.
    pub fn joined(&mut self, status: &QueueStatus) -> Result<(), NotKept> {
        let Some(signed) = &status.signed_ticket else {
            return Ok(());
        };
        check_ticket(&status.id, signed)?;
        if !self.open(&status.id, &signed.origin, &signed.log_key)? {
            return Ok(());
        }
        self.change(|kept| {
            kept.nonce = Some(signed.nonce);
            kept.checkpoint = Some(signed.checkpoint.clone());
            let known = kept.stays.iter().any(|stay| {
                let number = |text: &str| ticket_of(text).map(|ticket| ticket.0);
                number(&stay.ticket) == number(&signed.ticket)
            });
            if !known {
                kept.stays.push(KeptStay {
                    ticket: signed.ticket.clone(),
                    checkpoint: Some(signed.checkpoint.clone()),
                    waiting: None,
                    ready: None,
                });
            }
        })?;
        self.checked_in(status)
    }

    /// Keeps the promise that a check-in was answered with.
    ///
    /// # Errors
    /// What is wrong with the promise, or with the file.
    pub fn checked_in(&mut self, status: &QueueStatus) -> Result<(), NotKept> {
        let (Some(promise), Some((_, kept))) = (&status.promise, &self.file) else {
            return Ok(());
        };
        let key = self.key_of(promise, kept)?;
        let signed = SignedStatement::parse(promise.as_bytes()).map_err(|error| bad(&error))?;
        let Statement::Promise(said) = signed.verify(&key).map_err(|error| bad(&error))? else {
            return Err(bad(&"it is no promise").into());
        };
        let (ticket, phase) = (said.ticket.value(), said.phase);
        self.change(|kept| {
            kept.log_key = key.to_string();
            let stay = kept
                .stays
                .iter_mut()
                .find(|stay| ticket_of(&stay.ticket).is_some_and(|(one, _)| one == ticket));
            if let Some(stay) = stay {
                let place = match phase {
                    PromisedPhase::Waiting => &mut stay.waiting,
                    PromisedPhase::Ready => &mut stay.ready,
                };
                *place = Some(promise.clone());
            }
        })
    }

    /// Keeps a refusal to let the participant in.
    ///
    /// # Errors
    /// What is wrong with the refusal, or with the file.
    pub fn refused(&mut self, identity: &Identity, signed: &SignedRefusal) -> Result<(), NotKept> {
        let said =
            SignedStatement::parse(signed.refusal.as_bytes()).map_err(|error| bad(&error))?;
        let key = key(&signed.log_key)?;
        match said.verify(&key).map_err(|error| bad(&error))? {
            Statement::Refusal(said) if opens(said.commitment, identity, signed.nonce) => {}
            _ => return Err(bad(&"it is no refusal of this participant").into()),
        }
        if !self.open(identity, &signed.origin, &signed.log_key)? {
            return Ok(());
        }
        self.change(|kept| {
            kept.nonce = Some(signed.nonce);
            kept.refusals.push(signed.refusal.clone());
        })
    }

    /// Keeps the receipt beside what was promised.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn accepted(&mut self, receipt: &SignedReceipt) -> Result<(), NotKept> {
        self.change(|kept| kept.receipt = Some(receipt.clone()))
    }

    /// Finds or begins the file of this participant, for what this key has signed. Says whether there
    /// is one.
    fn open(&mut self, identity: &Identity, origin: &str, log_key: &str) -> Result<bool, NotKept> {
        let Some(directory) = &self.directory else {
            return Ok(false);
        };
        let (path, mut kept) = match &self.file {
            Some(file) => file.clone(),
            None => {
                let path = directory.join(file_name(identity, origin));
                let kept = self.read_or_begin(&path, identity, origin, log_key)?;
                (path, kept)
            }
        };
        if kept.log_key != log_key {
            if self.certified.as_deref() != Some(log_key) {
                let why = format!(
                    "the public log has another key than in {}: {log_key}, not {}",
                    path.display(),
                    kept.log_key
                );
                let id = key(log_key)?.id();
                return Err(NotKept::OtherKey { id, why });
            }
            kept.log_key = log_key.to_owned();
        }
        self.file = Some((path, kept));
        Ok(true)
    }

    fn read_or_begin(
        &self,
        path: &Path,
        identity: &Identity,
        origin: &str,
        log_key: &str,
    ) -> Result<Keepsake, String> {
        match std::fs::read(path) {
            Ok(bytes) => Keepsake::from_json(&bytes)
                .map_err(|error| format!("{} is left alone: {error}", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Keepsake {
                v: KEEPSAKE_VERSION,
                server: self.server.to_string(),
                origin: origin.to_owned(),
                log_key: log_key.to_owned(),
                identity: identity.clone(),
                nonce: None,
                stays: Vec::new(),
                refusals: Vec::new(),
                checkpoint: None,
                receipt: None,
            }),
            Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
        }
    }

    /// The key that a promise claims to be signed with: the one that is kept, or the one that was
    /// looked up.
    fn key_of(&self, promise: &str, kept: &Keepsake) -> Result<VerifierKey, NotKept> {
        let known = key(&kept.log_key)?;
        let note = Note::parse(promise.as_bytes()).map_err(|error| bad(&error))?;
        let ids: Vec<KeyId> = note
            .signatures()
            .iter()
            .filter(|signature| signature.name() == known.name())
            .map(|signature| signature.id())
            .collect();
        let certified = self.certified.as_deref().map(key).transpose()?;
        let mut keys = [Some(known), certified].into_iter().flatten();
        match (keys.find(|key| ids.contains(&key.id())), ids.first()) {
            (Some(key), _) => Ok(key),
            (None, Some(id)) => Err(NotKept::OtherKey {
                id: *id,
                why: format!(
                    "a promise is signed with the key {id}, of which the coordinator's log does not \
                     say that it is the log's"
                ),
            }),
            (None, None) => Err(bad(&"the log's key has not signed it").into()),
        }
    }

    /// Changes the file, if there is one.
    fn change(&mut self, change: impl FnOnce(&mut Keepsake)) -> Result<(), NotKept> {
        let Some((path, kept)) = &mut self.file else {
            return Ok(());
        };
        let before = kept.clone();
        change(kept);
        if *kept == before {
            return Ok(());
        }
        let text = kept.to_json();
        output::write_file(path, true, |out| out.write_all(text.as_bytes()))
            .map_err(|failure| NotKept::Failed(failure.to_string()))
    }
}

/// One name for each ceremony and participant: nobody's tickets are written over another's.
fn file_name(identity: &Identity, origin: &str) -> String {
    let hash = Sha256::new()
        .chain_update(origin)
        .chain_update([0])
        .chain_update(identity.as_str())
        .finalize();
    format!("tauline-tickets-{}.json", hex::encode(&hash[..4]))
}

/// The number and the place in the log of a ticket.
fn ticket_of(text: &str) -> Option<(u64, u64)> {
    let signed = SignedStatement::parse(text.as_bytes()).ok()?;
    match signed.unverified() {
        Statement::Ticket(ticket) => Some((ticket.ticket.value(), ticket.entry)),
        _ => None,
    }
}

/// Whether a ticket is one: signed, for this participant, and covered by the checkpoint.
fn check_ticket(identity: &Identity, signed: &SignedTicket) -> Result<(), String> {
    let key = key(&signed.log_key)?;
    let ticket = SignedStatement::parse(signed.ticket.as_bytes()).map_err(|error| bad(&error))?;
    let entry = match ticket.verify(&key).map_err(|error| bad(&error))? {
        Statement::Ticket(said) if opens(said.commitment, identity, signed.nonce) => said.entry,
        _ => return Err(bad(&"it is no ticket of this participant")),
    };
    let checkpoint =
        SignedCheckpoint::parse(signed.checkpoint.as_bytes()).map_err(|error| bad(&error))?;
    let checkpoint = checkpoint.verify(&[key]).map_err(|error| bad(&error))?;
    match entry < checkpoint.tree.size {
        true => Ok(()),
        false => Err(bad(&"its checkpoint does not cover it")),
    }
}

fn opens(commitment: Commitment, identity: &Identity, nonce: Hex32) -> bool {
    Commitment::new(identity, &nonce.0) == commitment
}

fn key(text: &str) -> Result<VerifierKey, String> {
    text.parse().map_err(|error| bad(&error))
}

fn bad(why: &dyn std::fmt::Display) -> String {
    format!("what the coordinator has signed is not valid: {why}")
}

#[cfg(test)]
mod tests;

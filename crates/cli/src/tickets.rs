//! The file in which a participant keeps what the coordinator has signed: tickets, promises and
//! refusals (`docs/spec/public-log.md#ticket`). `tauline audit --ticket` reads it.
//!
//! A coordinator that signs nothing, or signs badly, does not keep anybody from taking part. Bad
//! signatures are told.

use std::path::{Path, PathBuf};

use reqwest::Url;
use sha2::{Digest as _, Sha256};
use tauline_log::checkpoint::SignedCheckpoint;
use tauline_log::note::VerifierKey;
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
}

impl Tickets {
    /// Keeps what this server signs in a file in this directory; nothing without one.
    #[must_use]
    pub fn new(directory: Option<PathBuf>, server: Url) -> Self {
        Self {
            directory,
            server,
            file: None,
        }
    }

    /// The file, once there is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|(path, _)| path.as_path())
    }

    /// Keeps the ticket and the promise that joining was answered with.
    ///
    /// # Errors
    /// What is wrong with the ticket, or with the file.
    pub fn joined(&mut self, status: &QueueStatus) -> Result<(), String> {
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
    pub fn checked_in(&mut self, status: &QueueStatus) -> Result<(), String> {
        let (Some(promise), Some((_, kept))) = (&status.promise, &self.file) else {
            return Ok(());
        };
        let key = key(&kept.log_key)?;
        let signed = SignedStatement::parse(promise.as_bytes()).map_err(|error| bad(&error))?;
        let Statement::Promise(said) = signed.verify(&key).map_err(|error| bad(&error))? else {
            return Err(bad(&"it is no promise"));
        };
        let (ticket, phase) = (said.ticket.value(), said.phase);
        self.change(|kept| {
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
    pub fn refused(&mut self, identity: &Identity, signed: &SignedRefusal) -> Result<(), String> {
        let said =
            SignedStatement::parse(signed.refusal.as_bytes()).map_err(|error| bad(&error))?;
        let key = key(&signed.log_key)?;
        match said.verify(&key).map_err(|error| bad(&error))? {
            Statement::Refusal(said) if opens(said.commitment, identity, signed.nonce) => {}
            _ => return Err(bad(&"it is no refusal of this participant")),
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
    pub fn accepted(&mut self, receipt: &SignedReceipt) -> Result<(), String> {
        self.change(|kept| kept.receipt = Some(receipt.clone()))
    }

    /// Finds or begins the file of this participant. Says whether there is one.
    fn open(&mut self, identity: &Identity, origin: &str, log_key: &str) -> Result<bool, String> {
        let Some(directory) = &self.directory else {
            return Ok(false);
        };
        if self.file.is_some() {
            return Ok(true);
        }
        let path = directory.join(file_name(identity, origin));
        let kept = match std::fs::read(&path) {
            Ok(bytes) => Keepsake::from_json(&bytes)
                .map_err(|error| format!("{} is left alone: {error}", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Keepsake {
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
            },
            Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
        };
        if kept.log_key != log_key {
            return Err(format!(
                "the public log has another key than in {}: {log_key}, not {}",
                path.display(),
                kept.log_key
            ));
        }
        self.file = Some((path, kept));
        Ok(true)
    }

    /// Changes the file, if there is one.
    fn change(&mut self, change: impl FnOnce(&mut Keepsake)) -> Result<(), String> {
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
            .map_err(|failure| failure.to_string())
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
mod tests {
    use tauline_log::checkpoint::{Checkpoint, Origin};
    use tauline_log::note::{KeyName, Signer};
    use tauline_log::tree::Tree;
    use tauline_protocol::statement::{PromiseStatement, TicketStatement};
    use tauline_queue_core::{Ticket, Timestamp};

    use super::*;

    const ORIGIN: &str = "ceremony.example.org/log";
    const NONCE: Hex32 = Hex32([3; 32]);

    fn signer() -> Signer {
        let name: KeyName = ORIGIN.parse().unwrap();
        Signer::from_seed(name, &[7; 32])
    }

    fn origin() -> KeyName {
        ORIGIN.parse().unwrap()
    }

    /// What joining is answered with.
    fn joined(identity: &Identity, number: u64, covered: bool) -> QueueStatus {
        let mut tree = Tree::new();
        (0..=number).for_each(|n| {
            tree.push(format!("entry {n}"));
        });
        let head = tree.at(number + u64::from(covered)).unwrap().head();
        let log: Origin = ORIGIN.parse().unwrap();
        let ticket = Statement::Ticket(TicketStatement {
            origin: origin(),
            ticket: Ticket::new(number),
            commitment: Commitment::new(identity, &NONCE.0),
            entry: number,
            leaf: Hex32(*tree.leaf(number).unwrap().as_bytes()),
            at: Timestamp::EPOCH,
        });
        let mut status: QueueStatus = serde_json::from_value(serde_json::json!({
            "id": identity,
            "ticket": number,
            "queueStatus": "queued",
            "queuePosition": 1,
            "expectedStartTime": null,
            "expectedStartInMs": null,
            "nextCheckinTime": null,
            "nextCheckinInMs": null,
            "ended": null,
            "receipt": null,
        }))
        .unwrap();
        status.signed_ticket = Some(SignedTicket {
            ticket: ticket.sign(&signer()).unwrap().to_string(),
            nonce: NONCE,
            checkpoint: Checkpoint::new(log, head)
                .sign(&signer())
                .unwrap()
                .to_string(),
            origin: ORIGIN.to_owned(),
            log_key: signer().verifier_key().to_string(),
        });
        status.promise = Some(promise(number, 30_000));
        status
    }

    fn promise(number: u64, until: u64) -> String {
        let promise = Statement::Promise(PromiseStatement {
            origin: origin(),
            ticket: Ticket::new(number),
            phase: PromisedPhase::Waiting,
            kept_until: Timestamp::from_millis(until),
            at: Timestamp::EPOCH,
        });
        promise.sign(&signer()).unwrap().to_string()
    }

    fn in_directory(directory: &Path) -> Tickets {
        let server = Url::parse("https://ceremony.example.org").unwrap();
        Tickets::new(Some(directory.to_owned()), server)
    }

    #[test]
    fn one_file_keeps_all_stays_of_a_participant_and_the_last_promise_of_each() {
        let directory = tempfile::tempdir().unwrap();
        let anna: Identity = "invite|anna".parse().unwrap();
        let mut tickets = in_directory(directory.path());
        tickets.joined(&joined(&anna, 1, true)).unwrap();
        let mut later = joined(&anna, 1, true);
        later.promise = Some(promise(1, 60_000));
        tickets.checked_in(&later).unwrap();
        // Another run of the program goes on with the same file.
        let mut tickets = in_directory(directory.path());
        tickets.joined(&joined(&anna, 2, true)).unwrap();
        let path = tickets.path().unwrap();
        let kept = Keepsake::from_json(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(kept.stays.len(), 2);
        assert_eq!(kept.stays[0].waiting, Some(promise(1, 60_000)));
        assert_eq!(kept.stays[1].waiting, Some(promise(2, 30_000)));
        assert_eq!(kept.nonce, Some(NONCE));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_signed_for_this_participant_is_told_and_not_kept() {
        let directory = tempfile::tempdir().unwrap();
        let anna: Identity = "invite|anna".parse().unwrap();
        let mut of_bert = joined(&"invite|bert".parse().unwrap(), 1, true);
        of_bert.id = anna.clone();
        let uncovered = joined(&anna, 1, false);
        let mut altered = joined(&anna, 1, true);
        let signed = altered.signed_ticket.as_mut().unwrap();
        signed.ticket = signed.ticket.replace("entry 1", "entry 0");
        for (status, why) in [
            (of_bert, "no ticket of this participant"),
            (uncovered, "does not cover it"),
            (altered, "not valid"),
        ] {
            let mut tickets = in_directory(directory.path());
            let told = tickets.joined(&status).unwrap_err();
            assert!(told.contains(why), "{told}");
            assert_eq!(tickets.path(), None);
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_log_that_changes_its_key_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let anna: Identity = "invite|anna".parse().unwrap();
        in_directory(directory.path())
            .joined(&joined(&anna, 1, true))
            .unwrap();
        let mut tickets = in_directory(directory.path());
        let other = Signer::from_seed(origin(), &[8; 32]);
        let told = tickets.open(&anna, ORIGIN, &other.verifier_key().to_string());
        assert!(told.unwrap_err().contains("another key"), "it is told");
    }

    #[test]
    fn a_file_that_is_none_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let anna: Identity = "invite|anna".parse().unwrap();
        let path = directory.path().join(file_name(&anna, ORIGIN));
        std::fs::write(&path, "my notes").unwrap();
        let mut tickets = in_directory(directory.path());
        let told = tickets.joined(&joined(&anna, 1, true)).unwrap_err();
        assert!(told.contains("is left alone"), "{told}");
        assert_eq!(std::fs::read(&path).unwrap(), b"my notes");
    }
}

//! The transcript against the log: the same contributions, by the same people, in the same order.

use std::collections::HashMap;

use tauline_protocol::Identity;
use tauline_protocol::public_log::{Accepted, Commitment, WitnessPart, witness_digest};
use tauline_queue_core::{Ticket, Timestamp};
use tauline_transcript::transcript::WitnessEntry;

use crate::finding::{MAX_LISTED, Violation};
use crate::kind::Kind;

/// A contribution that the log says was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AcceptedContribution {
    /// The entry that says so, from 0.
    pub entry: u64,
    /// The stay.
    pub ticket: Ticket,
    /// When it was accepted.
    pub at: Timestamp,
    /// Who had the turn.
    pub commitment: Commitment,
    /// What binds it to the transcript.
    pub accepted: Accepted,
}

/// A contribution as a transcript has it.
#[derive(Debug, Clone, Copy)]
pub struct TranscriptEntry<'a> {
    /// Its number, from 1.
    pub number: u64,
    /// Whose it is, as the transcript writes it.
    pub identity: &'a str,
    /// Its part in each sub-ceremony, in order.
    pub parts: &'a [WitnessPart<'a>],
    /// The EIP-712 signature, if there is one: 65 bytes.
    pub ecdsa: Option<&'a [u8]>,
}

/// A transcript that is read beside the log's accepted contributions
/// (`docs/spec/public-log.md#accepted`).
#[derive(Debug)]
pub struct TranscriptAudit<'a> {
    accepted: &'a [AcceptedContribution],
    /// Whether the log says that the ceremony is over.
    is_over: bool,
    read: u64,
    /// Who has contributed, and the number of the contribution.
    people: HashMap<String, u64>,
    found: Vec<Violation>,
    count: u64,
}

/// What comes of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TranscriptFindings {
    /// How many contributions it has.
    pub contributions: u64,
    /// The first of the violations.
    pub violations: Vec<Violation>,
    /// How many there are.
    pub violation_count: u64,
    /// How many contributions the log has beyond the transcript's end, where the ceremony goes on and
    /// the transcript may be older.
    pub newer_in_log: u64,
}

impl<'a> TranscriptAudit<'a> {
    pub(crate) fn new(accepted: &'a [AcceptedContribution], is_over: bool) -> Self {
        Self {
            accepted,
            is_over,
            read: 0,
            people: HashMap::new(),
            found: Vec::new(),
            count: 0,
        }
    }

    /// The next contribution of the transcript, as it is read.
    pub fn witness(&mut self, entry: &WitnessEntry) {
        // A point that is none gives another digest than any contribution's.
        let parts = entry.parts.iter().map(|part| WitnessPart {
            running_product: part.running_product.as_ref().map_or(&[], |it| &it[..]),
            pot_pubkey: part.pot_pubkey.as_ref().map_or(&[], |it| &it[..]),
            bls_signature: part.bls_signature.as_ref().map(|it| &it[..]),
        });
        let parts: Vec<WitnessPart<'_>> = parts.collect();
        self.entry(&TranscriptEntry {
            number: entry.number,
            identity: &entry.identity,
            parts: &parts,
            ecdsa: entry.ecdsa_signature.as_ref().map(|it| &it[..]),
        });
    }

    /// The next contribution of the transcript.
    pub fn entry(&mut self, entry: &TranscriptEntry<'_>) {
        self.read += 1;
        let number = entry.number;
        let log = usize::try_from(number.wrapping_sub(1)).ok();
        let Some(log) = log.and_then(|it| self.accepted.get(it)) else {
            self.violation(
                Kind::NotInLog,
                None,
                format!(
                    "The transcript has a contribution {number} by {}, and the log does not say that it \
                     was accepted.",
                    entry.identity
                ),
            );
            return;
        };
        let nonce = log.accepted.nonce.0;
        let identity = Identity::from_listed(entry.identity).ok();
        let opens = |identity: &Identity| Commitment::new(identity, &nonce) == log.commitment;
        let Some(identity) = identity.filter(opens) else {
            self.violation(
                Kind::ContributorDiffers,
                Some(log),
                format!(
                    "Contribution {number} of the transcript is {}'s, and by the log somebody else had \
                     that turn, with ticket {}.",
                    entry.identity, log.ticket
                ),
            );
            return;
        };
        let digest = witness_digest(number, &identity, entry.parts.iter().copied(), entry.ecdsa);
        if digest != log.accepted.digest.0 {
            self.violation(
                Kind::ContributionDiffers,
                Some(log),
                format!(
                    "Contribution {number} of the transcript, {identity}'s, is another than the one that \
                     was accepted."
                ),
            );
        }
        // With another nonce one person has another commitment, so the log alone cannot show this.
        if let Some(before) = self.people.insert(person(&identity).to_owned(), number) {
            self.violation(
                Kind::ContributedTwice,
                Some(log),
                format!("{identity} stands in the transcript twice, as {before} and as {number}."),
            );
        }
    }

    /// What comes of it.
    #[must_use]
    pub fn finish(mut self) -> TranscriptFindings {
        let in_log = self.accepted.len() as u64;
        let newer_in_log = in_log.saturating_sub(self.read);
        if newer_in_log > 0 && self.is_over {
            let first = usize::try_from(self.read).unwrap_or(usize::MAX);
            self.violation(
                Kind::NotInTranscript,
                self.accepted.get(first),
                format!(
                    "The log has {in_log} contributions and the ceremony is over, and the transcript has \
                     {}: contributions were left out.",
                    self.read
                ),
            );
        }
        TranscriptFindings {
            contributions: self.read,
            violations: self.found,
            violation_count: self.count,
            newer_in_log,
        }
    }

    fn violation(&mut self, kind: Kind, log: Option<&AcceptedContribution>, text: String) {
        self.count += 1;
        if self.found.len() < MAX_LISTED {
            self.found.push(Violation {
                entry: log.map(|it| it.entry),
                ticket: log.map(|it| it.ticket),
                at: log.map(|it| it.at),
                ..Violation::of_log(kind, text)
            });
        }
    }
}

/// Who somebody is: an account on GitHub is its number, whatever its login is at the time.
fn person(identity: &Identity) -> &str {
    let text = identity.as_str();
    match text.rfind('|') {
        Some(end) if text.starts_with("git|") => &text[..end],
        _ => text,
    }
}

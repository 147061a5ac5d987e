//! What participants show: signed tickets, promises, refusals and receipts, held against the log.
//!
//! A statement is proof because a key of the log has signed it, so whatever is not signed with one
//! proves nothing, and is remarked. The log's keys are known when the whole log is read, so what the
//! entries say is noted on the way and judged in the end.

mod read;

use std::collections::BTreeMap;
use std::time::Duration;

use tauline_log::tree::Hash;
use tauline_protocol::error::Code;
use tauline_protocol::keepsake::Keepsake;
use tauline_protocol::public_log::{Commitment, PublicEntry};
use tauline_protocol::statement::{
    PromiseStatement, PromisedPhase, RefusalStatement, TicketStatement,
};
use tauline_queue_core::{Event, Mode, Outcome, State, Ticket, Timestamp};

use self::read::{Statements, read};
use crate::custody::Opened;
use crate::finding::{Place, Violation, shown};
use crate::kind::Kind;

/// What the participants show.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claims {
    kept: Vec<Kept>,
    /// The sizes of the log that refusals rest on, with the states there.
    refused_at: BTreeMap<u64, Vec<(usize, usize)>>,
}

/// What one participant shows.
#[derive(Debug, Clone)]
struct Kept {
    keepsake: Keepsake,
    statements: Statements,
    /// What the log says of each ticket.
    stays: Vec<Stay>,
    /// For each refusal, whether the log had the reason; none until the log is that large.
    borne_out: Vec<Option<bool>>,
}

/// What the log says of a stay that somebody has a ticket for.
#[derive(Debug, Clone, Default)]
struct Stay {
    /// The entry that the ticket names: its hash, and who joined by it.
    named: Option<(Hash, Option<(Ticket, Commitment)>)>,
    ended: Option<(Place, Outcome)>,
    /// How far absences have moved each promise on since it was given.
    moved: [Duration; 2],
}

/// What the claims come to.
pub(crate) struct Judged {
    pub(crate) violations: Vec<Violation>,
    /// What shows nothing, a sentence each.
    pub(crate) unproven: Vec<String>,
}

impl Claims {
    /// Takes what a participant shows; what cannot be read of it is told in the end. To be called
    /// before the log is read.
    pub(crate) fn show(&mut self, keepsake: Keepsake) {
        let statements = read(&keepsake);
        let number = self.kept.len();
        for (i, (_, refusal)) in statements.refusals.iter().enumerate() {
            let sizes = self.refused_at.entry(refusal.log_size);
            sizes.or_default().push((number, i));
        }
        self.kept.push(Kept {
            stays: vec![Stay::default(); statements.stays.len()],
            borne_out: vec![None; statements.refusals.len()],
            keepsake,
            statements,
        });
    }

    /// The log has `size` entries now, and amounts to this state.
    pub(crate) fn grown(&mut self, size: u64, state: &State<Commitment>) {
        let Some(refused) = self.refused_at.get(&size) else {
            return;
        };
        for &(number, i) in refused {
            if let Some(kept) = self.kept.get_mut(number)
                && let Some((_, refusal)) = kept.statements.refusals.get(i)
                && let Some(borne_out) = kept.borne_out.get_mut(i)
            {
                *borne_out = Some(is_borne_out(refusal, state));
            }
        }
    }

    /// An entry, whether it could follow or not.
    pub(crate) fn take(&mut self, place: Place, leaf: Hash, entry: &PublicEntry) {
        for kept in &mut self.kept {
            for (shown, stay) in kept.statements.stays.iter().zip(&mut kept.stays) {
                if shown.ticket.entry == place.entry {
                    let joined = match &entry.queue {
                        Some(Event::Joined { ticket, id, .. }) => Some((*ticket, *id)),
                        _ => None,
                    };
                    stay.named = Some((leaf, joined));
                }
                let Some(event) = &entry.queue else {
                    continue;
                };
                match event {
                    Event::Ended { ticket, outcome } if *ticket == shown.ticket.ticket => {
                        stay.ended = Some((place, *outcome));
                    }
                    Event::Resumed { pause, .. } if stay.ended.is_none() => {
                        for (moved, promise) in stay.moved.iter_mut().zip(shown.promises()) {
                            let since = promise.map(|(_, promise)| place.at.since(promise.at));
                            let by = since.unwrap_or_default().min(*pause);
                            *moved = moved.saturating_add(by);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    /// What all of it comes to. `size` is the log's.
    pub(crate) fn judge(&self, opened: Option<&Opened>, size: u64) -> Judged {
        let mut judged = Judged {
            violations: Vec::new(),
            unproven: Vec::new(),
        };
        for kept in &self.kept {
            kept.judge(opened, size, &mut judged);
        }
        judged
    }
}

/// Whether a state has the reason for a refusal (`docs/spec/public-log.md#signed-refusal`).
fn is_borne_out(refusal: &RefusalStatement, state: &State<Commitment>) -> bool {
    let who = &refusal.commitment;
    let has_reason = match refusal.code {
        Code::Draining => state.mode() == Mode::Draining,
        Code::Halted => state.mode() == Mode::Halted,
        Code::AlreadyContributed => state.used_up(who) == Some(Outcome::Contributed),
        Code::UsedUp | Code::StayEnded => state.used_up(who).is_some(),
        // Whatever else was said: nobody has to be refused who can join.
        _ => state.mode() != Mode::Open || state.used_up(who).is_some(),
    };
    // Who has a place is not refused: joining is a check-in.
    state.mode() == refusal.mode && state.stay(who).is_none() && has_reason
}

impl Kept {
    fn judge(&self, opened: Option<&Opened>, size: u64, judged: &mut Judged) {
        let who = &self.keepsake.identity;
        judged
            .unproven
            .extend(self.statements.unreadable.iter().cloned());
        let Some(opened) = opened else {
            let text = format!("What {who} shows proves nothing: the log's key is not known.");
            judged.unproven.push(text);
            return;
        };
        for (shown, stay) in self.statements.stays.iter().zip(&self.stays) {
            let ticket = shown.ticket.ticket;
            if let Err(why) = opened.verify(&shown.signed, shown.ticket.at) {
                let text = format!("Ticket {ticket} of {who} proves nothing: {why}.");
                judged.unproven.push(text);
                continue;
            }
            if !self.opens(&shown.ticket.commitment) {
                let text =
                    format!("Ticket {ticket} is signed, and nothing shows that it is {who}'s.");
                judged.unproven.push(text);
            }
            judged
                .violations
                .extend(not_in_log(&shown.ticket, stay, size));
            for (promise, moved) in shown.promises().zip(stay.moved) {
                let Some((signed, promise)) = promise else {
                    continue;
                };
                match opened.verify(signed, promise.at) {
                    Ok(()) => judged.violations.extend(broken(promise, stay, moved)),
                    Err(why) => judged.unproven.push(format!(
                        "A promise to ticket {ticket} of {who} proves nothing: {why}."
                    )),
                }
            }
        }
        self.judge_refusals(opened, size, judged);
        self.judge_receipt(opened, judged);
    }

    /// Whether the participant's identity and nonce open a commitment.
    fn opens(&self, commitment: &Commitment) -> bool {
        let nonce = self.keepsake.nonce;
        nonce.is_some_and(|nonce| Commitment::new(&self.keepsake.identity, &nonce.0) == *commitment)
    }

    fn judge_refusals(&self, opened: &Opened, size: u64, judged: &mut Judged) {
        let who = &self.keepsake.identity;
        for ((signed, refusal), borne_out) in self.statements.refusals.iter().zip(&self.borne_out) {
            if let Err(why) = opened.verify(signed, refusal.at) {
                let text = format!("A refusal that {who} shows proves nothing: {why}.");
                judged.unproven.push(text);
                continue;
            }
            if !self.opens(&refusal.commitment) {
                let text = format!("A refusal is signed, and nothing shows that it is {who}'s.");
                judged.unproven.push(text);
            }
            let code = refusal.code.as_str();
            let (kind, text) = match borne_out {
                Some(true) => continue,
                Some(false) => (
                    Kind::RefusalNotBorneOut,
                    format!(
                        "{who} was not let in, for the reason {code}, and by the log there was none when \
                         it had {} entries.",
                        refusal.log_size
                    ),
                ),
                None => (
                    Kind::EntriesMissing,
                    format!(
                        "{who} was not let in when the log had {} entries, and it has {size}: this copy \
                         is older, or entries were taken away.",
                        refusal.log_size
                    ),
                ),
            };
            let mut violation = Violation::of_log(kind, text);
            violation.at = Some(refusal.at);
            judged.violations.push(violation);
        }
    }

    /// The rule: `docs/spec/ceremony.md#receipt`.
    fn judge_receipt(&self, opened: &Opened, judged: &mut Judged) {
        let who = &self.keepsake.identity;
        let Some(receipt) = &self.keepsake.receipt else {
            return;
        };
        // Each coordinator that has held the log has given receipts.
        let signer = receipt.signer().unwrap_or_default();
        let mut holders = opened.keys.iter().map(|it| it.coordinator.as_str());
        let holder = holders.find(|it| *it == signer);
        match receipt.verify(holder.unwrap_or(opened.coordinator.as_str())) {
            Ok(read) if read.identity == *who => {}
            Ok(read) => {
                let text = format!("The receipt that {who} shows is {}'s.", read.identity);
                judged.unproven.push(text);
                return;
            }
            Err(error) => {
                let text = format!("The receipt that {who} shows proves nothing: {error}.");
                judged.unproven.push(text);
                return;
            }
        }
        let accepted = |(shown, stay): (&read::ShownStay, &Stay)| {
            let contributed = matches!(stay.ended, Some((_, Outcome::Contributed)));
            contributed && self.opens(&shown.ticket.commitment)
        };
        let stays = self.statements.stays.iter().zip(&self.stays);
        if !self.stays.is_empty() && !stays.into_iter().any(accepted) {
            let text = format!(
                "{who} has a receipt for a contribution, and by the log none of its stays ended with \
                 one."
            );
            judged
                .violations
                .push(Violation::of_log(Kind::ReceiptNotInLog, text));
        }
    }
}

/// The rule: `docs/spec/public-log.md#ticket`.
fn not_in_log(ticket: &TicketStatement, stay: &Stay, size: u64) -> Option<Violation> {
    let number = ticket.ticket;
    let entry = ticket.entry;
    let (kind, text) = match &stay.named {
        None => (
            Kind::EntriesMissing,
            format!(
                "Ticket {number} says that entry {entry} has it, and the log has {size} entries: this \
                 copy is older, or entries were taken away."
            ),
        ),
        Some((leaf, _)) if leaf.0 != ticket.leaf.0 => (
            Kind::TicketNotInLog,
            format!(
                "Ticket {number} says that entry {entry} has it, and that entry is another: who holds \
                 the ticket has joined, and the log does not say so."
            ),
        ),
        Some((_, joined)) if *joined != Some((number, ticket.commitment)) => (
            Kind::TicketNotInLog,
            format!(
                "Ticket {number} says that entry {entry} has it, and by that entry somebody else joined, \
                 or nobody."
            ),
        ),
        Some(_) => return None,
    };
    Some(Violation {
        entry: Some(entry),
        ticket: Some(number),
        at: Some(ticket.at),
        ..Violation::of_log(kind, text)
    })
}

/// The rule: `docs/spec/public-log.md#place-promise`.
fn broken(promise: &PromiseStatement, stay: &Stay, moved: Duration) -> Option<Violation> {
    let (place, outcome) = stay.ended?;
    let (breaks, kept, lost) = match promise.phase {
        PromisedPhase::Waiting => (Outcome::MissedCheckIn, "place", "a missed check-in"),
        PromisedPhase::Ready => (Outcome::FailedToStart, "turn", "a start that did not come"),
    };
    let until: Timestamp = promise.kept_until.saturating_add(moved);
    if outcome != breaks || place.at >= until {
        return None;
    }
    let ticket = promise.ticket;
    let text = format!(
        "Ticket {ticket} was promised that its {kept} is kept, and lost it for {lost} {} before that \
         time.",
        shown(until.since(place.at))
    );
    Some(Violation::at(place, Kind::PromiseBroken, ticket, text))
}

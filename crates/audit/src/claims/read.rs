//! A participant's file, read: the statements in it, not yet believed.

use tauline_protocol::keepsake::{Keepsake, KeptStay};
use tauline_protocol::statement::{
    PromiseStatement, PromisedPhase, RefusalStatement, SignedStatement, Statement, TicketStatement,
};

/// What a file says, and what in it cannot be read.
#[derive(Debug, Clone, Default)]
pub(super) struct Statements {
    pub(super) stays: Vec<ShownStay>,
    pub(super) refusals: Vec<(SignedStatement, RefusalStatement)>,
    /// Sentences.
    pub(super) unreadable: Vec<String>,
}

/// What a file says of a stay.
#[derive(Debug, Clone)]
pub(super) struct ShownStay {
    pub(super) signed: SignedStatement,
    pub(super) ticket: TicketStatement,
    waiting: Option<(SignedStatement, PromiseStatement)>,
    ready: Option<(SignedStatement, PromiseStatement)>,
}

impl ShownStay {
    /// The promises: to keep the place, to keep the turn.
    pub(super) fn promises(
        &self,
    ) -> impl Iterator<Item = Option<&(SignedStatement, PromiseStatement)>> {
        [self.waiting.as_ref(), self.ready.as_ref()].into_iter()
    }
}

pub(super) fn read(keepsake: &Keepsake) -> Statements {
    let mut statements = Statements::default();
    let who = &keepsake.identity;
    for stay in &keepsake.stays {
        match SignedStatement::parse(stay.ticket.as_bytes()) {
            Ok(signed) => match signed.unverified().clone() {
                Statement::Ticket(ticket) => {
                    let stay = with_promises(stay, signed, ticket, &mut statements.unreadable);
                    statements.stays.push(stay);
                }
                _ => statements.unreadable.push(format!(
                    "Where {who}'s file should have a ticket there is another statement."
                )),
            },
            Err(error) => statements
                .unreadable
                .push(format!("A ticket of {who} cannot be read: {error}.")),
        }
    }
    for refusal in &keepsake.refusals {
        let read = SignedStatement::parse(refusal.as_bytes());
        match read.map(|signed| (signed.unverified().clone(), signed)) {
            Ok((Statement::Refusal(refusal), signed)) => {
                statements.refusals.push((signed, refusal));
            }
            Ok(_) => statements.unreadable.push(format!(
                "Where {who}'s file should have a refusal there is another statement."
            )),
            Err(error) => statements
                .unreadable
                .push(format!("A refusal of {who} cannot be read: {error}.")),
        }
    }
    statements
}

fn with_promises(
    stay: &KeptStay,
    signed: SignedStatement,
    ticket: TicketStatement,
    unreadable: &mut Vec<String>,
) -> ShownStay {
    let number = ticket.ticket;
    let mut promise = |text: &Option<String>, phase: PromisedPhase| {
        let text = text.as_ref()?;
        let read = SignedStatement::parse(text.as_bytes());
        match read.map(|signed| (signed.unverified().clone(), signed)) {
            Ok((Statement::Promise(promise), signed))
                if promise.ticket == number && promise.phase == phase =>
            {
                return Some((signed, promise));
            }
            Ok(_) => unreadable.push(format!(
                "Where the file should have a promise to ticket {number} there is another statement."
            )),
            Err(error) => {
                unreadable.push(format!("A promise to ticket {number} cannot be read: {error}."));
            }
        }
        None
    };
    let waiting = promise(&stay.waiting, PromisedPhase::Waiting);
    let ready = promise(&stay.ready, PromisedPhase::Ready);
    ShownStay {
        signed,
        ticket,
        waiting,
        ready,
    }
}

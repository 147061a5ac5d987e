//! What is signed for one participant (`docs/spec/public-log.md#ticket`,
//! `docs/spec/public-log.md#place-promise`, `docs/spec/public-log.md#signed-refusal`).
//!
//! It is signed once the task has answered, so what it rests on is durable, and away from the task's
//! thread.

use tauline_log::note::KeyName;
use tauline_protocol::Identity;
use tauline_protocol::error::SignedRefusal;
use tauline_protocol::public_log::Hex32;
use tauline_protocol::statement::{
    PromiseStatement, PromisedPhase, RefusalStatement, SignedStatement, Statement, TicketStatement,
};
use tauline_protocol::status::SignedTicket;
use tauline_queue_core::{Mode, Ticket, Timestamp};

use super::grown::PublicLog;
use crate::refused::Refused;

/// Until when a place, or a turn that was offered, is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Promise {
    pub(crate) ticket: Ticket,
    pub(crate) phase: PromisedPhase,
    pub(crate) kept_until: Timestamp,
    pub(crate) at: Timestamp,
}

/// What a refusal rests on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogMoment {
    pub(crate) mode: Mode,
    /// The number of the log's entries.
    pub(crate) log_size: u64,
    pub(crate) at: Timestamp,
}

impl PublicLog {
    /// The ticket of a stay. None if the log does not cover its beginning, which it does when the
    /// participant is answered.
    pub(crate) fn ticket(
        &self,
        identity: &Identity,
        ticket: Ticket,
        at: Timestamp,
    ) -> Option<SignedTicket> {
        let (entry, leaf, signed) = {
            let grown = self.read();
            let number = usize::try_from(ticket.value().checked_sub(1)?).ok()?;
            let entry = *grown.joined.get(number)?;
            (entry, grown.tree.leaf(entry)?, grown.signed.clone()?)
        };
        let statement = Statement::Ticket(TicketStatement {
            origin: self.key_name(),
            ticket,
            commitment: self.blinding.commitment(identity),
            entry,
            leaf: Hex32(*leaf.as_bytes()),
            at,
        });
        (entry < signed.head.size).then(|| SignedTicket {
            ticket: self.signed_statement(statement),
            nonce: Hex32(self.blinding.nonce(identity)),
            checkpoint: signed.text.to_string(),
            origin: self.origin.to_string(),
            log_key: self.signer().verifier_key().to_string(),
        })
    }

    /// A promise, signed.
    pub(crate) fn promise(&self, promise: &Promise) -> String {
        self.signed_statement(Statement::Promise(PromiseStatement {
            origin: self.key_name(),
            ticket: promise.ticket,
            phase: promise.phase,
            kept_until: promise.kept_until,
            at: promise.at,
        }))
    }

    /// The refusal with the proof that it was given.
    pub(crate) fn sign_refusal(
        &self,
        identity: &Identity,
        moment: LogMoment,
        refused: Refused,
    ) -> Refused {
        let statement = Statement::Refusal(RefusalStatement {
            origin: self.key_name(),
            commitment: self.blinding.commitment(identity),
            code: refused.code,
            mode: moment.mode,
            log_size: moment.log_size,
            at: moment.at,
        });
        let signed = SignedRefusal {
            refusal: self.signed_statement(statement),
            nonce: Hex32(self.blinding.nonce(identity)),
            origin: self.origin.to_string(),
            log_key: self.signer().verifier_key().to_string(),
        };
        Refused {
            signed: Some(Box::new(signed)),
            ..refused
        }
    }

    fn key_name(&self) -> KeyName {
        self.signer().verifier_key().name().clone()
    }

    fn signed_statement(&self, statement: Statement) -> String {
        #[expect(clippy::expect_used, reason = "it names this log, and is short")]
        let signed: SignedStatement = statement
            .sign(&self.signer())
            .expect("a statement of this log");
        signed.to_string()
    }
}

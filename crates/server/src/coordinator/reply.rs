//! What the coordinator's task answers to those who ask it.

use std::sync::Arc;

use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::status::QueueStatus;
use tauline_queue_core::{Outcome, Refusal, Ticket};
use tokio::sync::oneshot;

use crate::base::CurrentBase;
use crate::fingerprint::Fingerprint;
use crate::public_log::Promise;
use crate::refused::Refused;

/// Where an answer goes. Whoever waited for it may be gone.
pub(super) type Reply<T> = oneshot::Sender<Result<T, RulesRefusal>>;

/// A refusal by the queue's rules, before it is put into words.
#[derive(Debug, Clone, Copy)]
pub(super) struct RulesRefusal {
    pub(super) refusal: Refusal,
    /// The last stay of whoever is refused, if that is over. The store may have a note on how it
    /// ended, which belongs into the words.
    pub(super) past: Option<Ticket>,
}

/// A participant's status, and how its last stay ended, if it is over.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) status: QueueStatus,
    pub(super) past: Option<(Ticket, Outcome)>,
    /// What is promised, if something is.
    pub(super) promise: Option<Promise>,
}

/// An accepted contribution: its receipt, and its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The number, from 1.
    pub number: u64,
    /// The receipt.
    pub receipt: SignedReceipt,
}

/// What somebody is answered who sent a contribution.
#[derive(Debug, Clone)]
pub(super) enum SubmitAnswer {
    /// It was accepted just now.
    Counted(Counted),
    /// One was accepted before, for this stay. Its receipt is the answer, unless another
    /// contribution was `sent`.
    AcceptedBefore {
        ticket: Ticket,
        sent: Option<Fingerprint>,
    },
    /// There is no receipt.
    Failed(Refused),
}

/// What a try is answered with.
#[derive(Clone)]
pub enum Tried {
    /// It is the participant's turn, which has started: the state to build on.
    Base(Arc<CurrentBase>),
    /// It is not: the participant is to try again.
    Wait,
}

impl std::fmt::Debug for Tried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Base(base) => write!(f, "Base(after {} contributions)", base.contributions()),
            Self::Wait => f.write_str("Wait"),
        }
    }
}

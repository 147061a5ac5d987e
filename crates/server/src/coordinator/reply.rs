//! What the coordinator's task answers to its handles.

use std::sync::Arc;

use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::status::QueueStatus;
use tauline_queue_core::{Outcome, Refusal, Ticket};
use tokio::sync::oneshot;

use crate::base::CurrentBase;
use crate::fingerprint::Fingerprint;
use crate::submission::SubmitError;

/// Where an answer goes. Whoever waited for it may be gone.
pub(super) type Reply<T> = oneshot::Sender<Result<T, No>>;

/// Where a verdict goes.
pub(super) type VerdictReply = oneshot::Sender<Result<Known, NoReceipt>>;

/// A refusal, and the last stay of whom it is for, if that one is over: the store may know more
/// about how it ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct No {
    pub(super) refusal: Refusal,
    pub(super) past: Option<Ticket>,
}

/// A participant's status, and how its last stay ended, if it is over.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) status: QueueStatus,
    pub(super) past: Option<(Ticket, Outcome)>,
}

/// A receipt, or the stay that one can be made for, if what was sent is what it was accepted for.
#[derive(Debug, Clone)]
pub(super) enum Known {
    Receipt(SignedReceipt),
    Accepted(Ticket, Option<Fingerprint>),
}

/// Why there is no receipt.
#[derive(Debug, Clone)]
pub(super) enum NoReceipt {
    Failed(SubmitError),
    Refused(No),
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

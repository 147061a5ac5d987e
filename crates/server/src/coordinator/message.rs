//! What handles ask of the coordinator's task, and what it answers them.

use std::sync::Arc;
use std::time::Duration;

use tauline_protocol::Identity;
use tauline_protocol::admin::AdminAnswer;
use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::status::QueueStatus;
use tauline_queue_core::{Outcome, Refusal, Ticket, Timestamp};
use tokio::sync::oneshot;

use super::Caller;
use super::answer::SubmitError;
use super::held::{Hold, Seen};
use super::operator::Order;
use crate::http::upload::reader::Arrived;
use crate::fingerprint::Fingerprint;
use crate::base::Head;
use crate::verifier::Judgement;

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

/// What a poll is answered with.
#[derive(Clone)]
pub enum Polled {
    /// It is the participant's turn, which has started: the state to build on.
    Base(Arc<Head>),
    /// It is not: the participant is to poll again.
    Wait,
}

impl std::fmt::Debug for Polled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Base(head) => write!(f, "Base(after {} contributions)", head.contributions()),
            Self::Wait => f.write_str("Wait"),
        }
    }
}

/// Whether a contribution's body is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted {
    /// Yes, for this stay.
    Body(Ticket),
    /// There is one already, being verified.
    Verifying,
    /// There is one already, accepted.
    Accepted(Ticket),
}

/// Something for the coordinator's task.
pub(super) enum Message {
    Join {
        who: Caller,
        reply: Reply<Standing>,
    },
    CheckIn {
        who: Caller,
        reply: Reply<Standing>,
    },
    /// A poll by somebody who polls again after `interval`; the answer may be held until then.
    Poll {
        who: Identity,
        interval: Duration,
        until: Timestamp,
        reply: Reply<Polled>,
    },
    /// Whether this identity was last heard of by a poll.
    Polls {
        who: Identity,
        reply: Reply<bool>,
    },
    /// A check-in whose answer is held.
    Hold {
        who: Identity,
        hold: Hold,
        at_once_unless: Option<Seen>,
    },
    InQueue {
        who: Identity,
        reply: Reply<bool>,
    },
    Start {
        who: Identity,
        note: Option<String>,
        checks_in: bool,
        reply: Reply<Arc<Head>>,
    },
    MaySubmit {
        who: Identity,
        reply: Reply<Wanted>,
    },
    /// The last byte of a contribution arrived at `at`; it is being read. The answer comes with the
    /// state that it builds on, if it is wanted.
    Arrived {
        who: Identity,
        at: Timestamp,
        reply: Reply<(Wanted, Arc<Head>)>,
    },
    /// Bytes of a contribution arrive.
    Uploading {
        who: Identity,
    },
    /// What arrived could not be read.
    Unreadable {
        ticket: Ticket,
    },
    Submit(Box<Submit>),
    /// Asks for the verdict on what arrived first; and, if something was sent, whether that is it.
    Verdict {
        who: Identity,
        sent: Option<Fingerprint>,
        reply: VerdictReply,
    },
    Leave {
        who: Caller,
        reply: Reply<Standing>,
    },
    Abort {
        who: Identity,
        reason: Option<String>,
        reply: Reply<Standing>,
    },
    /// The first so many of the line, who has the turn first.
    InLine {
        first: usize,
        reply: oneshot::Sender<AdminAnswer>,
    },
    /// How far these have come.
    HowFar {
        whom: Vec<Identity>,
        reply: oneshot::Sender<Vec<QueueStatus>>,
    },
    Obey {
        order: Order,
        reply: oneshot::Sender<Result<(), String>>,
    },
    Close {
        patience: Duration,
    },
}

impl Message {
    /// Arrivals are heard before anything else that is in the mailbox: they stop a clock.
    pub(super) fn stops_a_clock(&self) -> bool {
        matches!(self, Self::Arrived { .. })
    }
}

/// A contribution that arrived and could be read.
pub(super) struct Submit {
    pub(super) who: Identity,
    pub(super) ticket: Ticket,
    pub(super) arrived: Arrived,
    pub(super) reply: VerdictReply,
}

/// What is heard before the mailbox, which may be full.
pub(super) enum Urgent {
    /// A verification is over.
    Judged(Ticket, Judgement),
    /// A connection by which this participant was there is closed.
    Disconnected(Identity),
    /// All held answers go out now, and none is held any more.
    ReleaseHeld,
}

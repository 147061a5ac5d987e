//! What handles ask of the coordinator's task.

use std::sync::Arc;
use std::time::Duration;

use tauline_protocol::Identity;
use tauline_protocol::admin::AdminAnswer;
use tauline_protocol::status::QueueStatus;
use tauline_queue_core::{MaySubmit, Ticket, Timestamp};
use tokio::sync::oneshot;

use super::Caller;
use super::operator::Order;
use super::presence::waiters::{Hold, Seen};
use super::reply::{Reply, Standing, Tried, VerdictReply};
use crate::base::CurrentBase;
use crate::fingerprint::Fingerprint;
use crate::submission::Arrived;
use crate::verifier::Judgement;

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
    /// A try by somebody who tries again after `interval`; the answer may be held until then.
    TryContribute {
        who: Identity,
        interval: Duration,
        until: Timestamp,
        reply: Reply<Tried>,
    },
    /// Whether this identity was last heard of by a try.
    TriesOnly {
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
        reply: Reply<Arc<CurrentBase>>,
    },
    MaySubmit {
        who: Identity,
        reply: Reply<MaySubmit>,
    },
    /// The last byte of a contribution arrived at `at`; it is being read. The answer comes with the
    /// state that it builds on, if it is wanted.
    Arrived {
        who: Identity,
        at: Timestamp,
        reply: Reply<(MaySubmit, Arc<CurrentBase>)>,
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

//! What happens in a participant's life, for whoever watches.

use std::path::Path;
use std::time::Duration;

use reqwest::Url;
use tauline_protocol::Identity;
use tauline_protocol::status::QueueStatus;

use crate::carried::Turn;
use crate::signin::InBrowser;

/// A part of the work that takes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Fetching the powers.
    Download,
    /// Checking the powers that came.
    Check,
    /// Raising them to the secrets.
    Compute,
    /// Sending them.
    Upload,
    /// The coordinator's verification.
    Verify,
    /// Checking what another machine has computed.
    Recheck,
}

/// What happens in a participant's life, for whoever watches.
#[derive(Debug)]
pub enum News<'a> {
    /// Somebody has to follow a link in a browser, to sign in.
    SignInAt {
        /// The link.
        link: &'a Url,
        /// What to sign in with there.
        with: InBrowser,
        /// Where the browser comes back to, on this machine.
        redirect: &'a Url,
    },
    /// The coordinator knows the participant as this.
    SignedIn(&'a Identity),
    /// Where the participant stands.
    Standing(&'a QueueStatus),
    /// Where the participant stands while it works in its turn.
    Meanwhile(&'a QueueStatus),
    /// The ceremony is halted: joining has to wait.
    Halted,
    /// The ceremony goes on.
    GoesOn,
    /// A body of so many bytes would be refused on the way; the contribution goes in a smaller
    /// form.
    SmallerForm {
        /// Who refuses.
        by: &'a str,
        /// Bytes that are too many.
        refused: u64,
        /// Bytes that get through.
        len: u64,
    },
    /// The powers are to be carried to another machine, in a directory.
    Carry {
        /// The directory.
        dir: &'a Path,
        /// The turn.
        turn: &'a Turn,
        /// What is left of it.
        left: Duration,
        /// Whether the turn was not there before.
        is_new: bool,
    },
    /// The contribution is not back yet.
    Awaiting {
        /// What is left of the turn.
        left: Duration,
    },
    /// What lies in the directory is not sent.
    NotSent {
        /// Why not.
        why: &'a str,
    },
    /// A step goes on: `done` of `total`.
    Working {
        /// The step.
        step: Step,
        /// Bytes or points done.
        done: u64,
        /// All of them, if known.
        total: Option<u64>,
    },
    /// A call failed and will be repeated.
    Trouble {
        /// What failed.
        why: &'a str,
        /// When it is repeated.
        again_in: Duration,
    },
    /// The call that failed has succeeded.
    Recovered,
    /// The coordinator's fault ended the stay; the participant joins again.
    CoordinatorFault,
}

/// Somebody who watches a participant.
pub trait Listener {
    /// Takes a piece of news.
    fn tell(&self, news: News<'_>);
}

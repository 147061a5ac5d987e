//! What a participant tells whoever watches it.

use std::path::Path;
use std::time::Duration;

use reqwest::Url;
use tauline_log::note::VerifierKey;
use tauline_protocol::Identity;
use tauline_protocol::status::QueueStatus;

use crate::carried::Turn;
use crate::signin::InBrowser;

/// A step of a turn that takes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Fetching the powers.
    Download,
    /// Checking the powers that came.
    Check,
    /// Computing the contribution.
    Compute,
    /// Sending the contribution.
    Upload,
    /// The coordinator's verification.
    Verify,
    /// Checking a contribution that another machine has computed.
    Recheck,
}

/// Something that happens to a participant.
#[derive(Debug)]
pub enum News<'a> {
    /// The user has to follow a link in a browser to sign in.
    SignInAt {
        /// The link.
        link: &'a Url,
        /// What to sign in with there.
        with: InBrowser,
        /// The address on this machine to which the browser is sent afterwards.
        redirect: &'a Url,
    },
    /// The participant has signed in as this identity.
    SignedIn(&'a Identity),
    /// The participant's status.
    Standing(&'a QueueStatus),
    /// The participant's status while it works in its turn.
    Meanwhile(&'a QueueStatus),
    /// What the coordinator signs is kept in a file.
    Kept {
        /// The file.
        path: &'a Path,
    },
    /// Something that the coordinator has signed is not valid, or cannot be kept.
    NotKept {
        /// Why.
        why: &'a str,
    },
    /// The public log has another key now, which the coordinator has certified.
    LogKey {
        /// The key.
        key: &'a VerifierKey,
    },
    /// The ceremony has moved to another coordinator, which the log of the older one names.
    Moved {
        /// Where that one is to be found.
        to: &'a Url,
        /// Its address, which receipts recover to.
        coordinator: &'a str,
    },
    /// The ceremony is halted, so joining has to wait.
    Halted,
    /// The ceremony goes on.
    GoesOn,
    /// A body of this length would be refused, so the contribution is sent in a smaller form.
    SmallerForm {
        /// Who refuses.
        by: &'a str,
        /// The length that is refused, in bytes.
        refused: u64,
        /// The length in the smaller form, in bytes.
        len: u64,
    },
    /// The powers are to be carried to another machine, in a directory.
    Carry {
        /// The directory.
        dir: &'a Path,
        /// The turn.
        turn: &'a Turn,
        /// The time that is left of it.
        left: Duration,
        /// Whether the turn was written to the directory now, and not by an earlier run.
        is_new: bool,
    },
    /// The contribution is not in the directory yet.
    Awaiting {
        /// The time that is left of the turn.
        left: Duration,
    },
    /// The contribution in the directory is not sent.
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
        /// How long until it is repeated.
        again_in: Duration,
    },
    /// The call that failed has succeeded.
    Recovered,
    /// The coordinator's fault ended the stay; the participant joins again.
    CoordinatorFault,
}

/// Watches a participant.
pub trait Listener {
    /// Takes a piece of news.
    fn tell(&self, news: News<'_>);
}

//! What the handlers work with.

use std::time::Duration;

use tokio::sync::watch;

use crate::coordinator::Coordinator;
use crate::signin::SignIn;
use crate::snapshot::Transcripts;

use super::limits::Limits;
use super::upload::{Repeats, UploadSlot};

/// What the handlers work with.
pub struct App {
    /// The handle of the one task that decides.
    pub coordinator: Coordinator,
    /// Sign-in and sessions.
    pub sign_in: SignIn,
    /// The current transcript, as a file.
    pub transcripts: Transcripts,
    /// Rates.
    pub limits: Limits,
    /// Longest pause in a body.
    pub body_timeout: Duration,
    /// Longest time for a contribution's body: its deadline and the grace on it.
    pub upload_limit: Duration,
    /// Becomes true when the server stops: streams end.
    pub stopping: watch::Receiver<bool>,
    /// The one upload that is read.
    pub upload: UploadSlot,
    /// Those that are read only to be compared.
    pub repeats: Repeats,
    /// How clients of the sequencer's API poll.
    pub lobby: Lobby,
}

/// How clients of the sequencer's API poll (`docs/spec/sequencer.md#rhythm`,
/// `docs/spec/sequencer.md#hold`).
#[derive(Debug, Clone, Copy)]
pub struct Lobby {
    /// After what time at the latest a client polls again, grace not included.
    pub interval: Duration,
    /// How long the answer to one of the first in line is held.
    pub hold: Duration,
}

impl App {
    /// An application around these parts.
    #[must_use]
    #[expect(
        clippy::too_many_arguments,
        reason = "each part once, by name at the one call"
    )]
    pub fn new(
        coordinator: Coordinator,
        sign_in: SignIn,
        transcripts: Transcripts,
        limits: Limits,
        body_timeout: Duration,
        upload_limit: Duration,
        stopping: watch::Receiver<bool>,
        lobby: Lobby,
    ) -> Self {
        Self {
            coordinator,
            sign_in,
            transcripts,
            limits,
            body_timeout,
            upload_limit,
            stopping,
            upload: UploadSlot::default(),
            repeats: Repeats::default(),
            lobby,
        }
    }
}

//! What the handlers work with.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::limits::Limits;
use super::upload::Uploads;
use crate::addresses::Proxies;
use crate::coordinator::Coordinator;
use crate::health::Health;
use crate::live::Live;
use crate::measures::Measures;
use crate::signin::SignIn;
use crate::snapshot::Transcripts;
use crate::traces::Traces;

/// What the handlers work with.
pub(crate) struct App {
    /// The handle of the one task that decides.
    pub(crate) coordinator: Coordinator,
    /// Sign-in and sessions.
    pub(crate) sign_in: SignIn,
    /// The current transcript, as a file.
    pub(crate) transcripts: Transcripts,
    /// The ceremony's status, for all who ask or watch.
    pub(crate) live: Arc<Live>,
    /// The contributions that are being sent.
    pub(crate) uploads: Uploads,
    /// Rate limits.
    pub(crate) limits: Limits,
    /// Who may say for whom it asks.
    pub(crate) proxies: Proxies,
    /// Longest pause in a body.
    pub(crate) body_timeout: Duration,
    /// How clients of the sequencer's API poll.
    pub(crate) lobby: Lobby,
    /// Whether participants can be served.
    pub(crate) health: Arc<Health>,
    /// What is measured.
    pub(crate) measures: Arc<Measures>,
    /// What is traced.
    pub(crate) traces: Traces,
    /// Becomes true when the server stops: streams end.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// How clients of the sequencer's API poll (`docs/spec/sequencer.md#rhythm`,
/// `docs/spec/sequencer.md#hold`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lobby {
    /// After what time at the latest a client polls again, grace not included.
    pub(crate) interval: Duration,
    /// How long the answer to one of the first in line is held.
    pub(crate) hold: Duration,
}

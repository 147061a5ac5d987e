//! What a rehearsal was.

use crate::client::Form;

/// What was played, and against what.
#[derive(Debug, Clone)]
pub(super) struct Played {
    pub(super) server: String,
    /// The EIP-55 address of the coordinator.
    pub(super) coordinator: String,
    /// Name and version of the coordinator's program, where its public log could be read.
    pub(super) program: Option<String>,
    /// When it began, in Unix seconds.
    pub(super) began: u64,
    /// The share that was to drop out.
    pub(super) dropouts: f64,
    /// What the participants signed in with.
    pub(super) sign_in: &'static str,
    /// The form of contributions that was asked for, and the one that was used.
    pub(super) asked_form: Form,
    pub(super) form: Form,
    /// The length of a contribution in that form, in bytes.
    pub(super) contribution_len: u64,
    /// The sub-ceremonies, as `G1:G2`.
    pub(super) sizes: String,
    /// How long a turn could last at the beginning, in milliseconds.
    pub(super) contribution_limit_in_ms: u64,
    pub(super) interrupted: bool,
}

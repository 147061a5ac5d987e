//! A participant's settings.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tauline_protocol::status::MovedTo;
use tauline_transcript::Sizes;
use zeroize::Zeroizing;

use crate::carried::Carried;
use crate::check_ins::CheckInThread;
use crate::client::Form;

/// A participant's settings.
pub struct ParticipantSettings {
    /// The ceremony's sizes.
    pub sizes: Sizes,
    /// The form in which powers are sent, if it gets through.
    pub form: Form,
    /// Whether to find out first which form of a contribution gets through.
    pub probes: bool,
    /// The thread that checks in during the turns.
    pub check_ins: CheckInThread,
    /// Extra entropy for the secrets.
    pub entropy: Arc<Zeroizing<Vec<u8>>>,
    /// How often it is measured, beside a check-in that is held or during a rest, how long one takes that is not; none if it
    /// is not measured.
    pub glances: Option<Duration>,
    /// How long calls are repeated while the coordinator does not answer.
    pub patience: Duration,
    /// The address of the coordinator that was asked first, which has to have signed the receipt, or
    /// to have given the ceremony to the one that has.
    pub coordinator: String,
    /// Where the ceremony went, if that coordinator has given it away already.
    pub moved_to: Option<MovedTo>,
    /// The directory for the file with what the coordinator signs; none if it is not kept.
    pub tickets: Option<PathBuf>,
    /// The directory for another machine, if that computes the contribution.
    pub offline: Option<Offline>,
}

/// A contribution that another machine computes.
#[derive(Debug, Clone)]
pub struct Offline {
    /// The directory that is carried there and back.
    pub carried: Carried,
    /// Whether to join and to wait for the contribution. Otherwise the contribution has to be in
    /// the directory.
    pub waits: bool,
}

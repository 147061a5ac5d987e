//! What a participant is told before it begins.

use std::sync::Arc;
use std::time::Duration;

use tauline_transcript::Sizes;
use zeroize::Zeroizing;

use crate::carried::Carried;
use crate::check_ins::CheckInThread;
use crate::client::Form;

/// How a participant lives.
pub struct ParticipantSettings {
    /// The ceremony's sizes.
    pub sizes: Sizes,
    /// The form in which powers travel, if it gets through.
    pub form: Form,
    /// Whether it is yet to be found out which form of a contribution gets through.
    pub probes: bool,
    /// What checks in during the turns.
    pub check_ins: CheckInThread,
    /// Extra entropy for the secrets.
    pub entropy: Arc<Zeroizing<Vec<u8>>>,
    /// How long a coordinator that does not answer is asked again.
    pub patience: Duration,
    /// The address that receipts have to recover to.
    pub coordinator: String,
    /// Where the contribution is computed, if not here.
    pub offline: Option<Offline>,
}

/// Where a contribution is computed, if not here.
#[derive(Debug, Clone)]
pub struct Offline {
    /// The directory that is carried there and back.
    pub carried: Carried,
    /// Whether to join, and to wait for the contribution. It has to be there otherwise.
    pub waits: bool,
}

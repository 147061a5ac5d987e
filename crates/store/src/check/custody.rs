//! Who keeps the log, and what is planned, by the notices in it.

use tauline_protocol::public_log::{Notice, SuccessorKey};
use tauline_queue_core::Timestamp;

/// Who keeps the log, and what is planned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Custody {
    /// Whose log it is. None while no entry has said so.
    pub holder: Option<Holder>,
    /// To whom the ceremony was given, until that one says that it goes on.
    pub given_to: Option<GivenTo>,
    /// What is planned.
    pub plan: Plan,
}

/// Whose log it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The log's origin.
    pub origin: String,
    /// The log's verifier key.
    pub key: String,
    /// The coordinator's EIP-55 address.
    pub coordinator: String,
}

/// The coordinator that a ceremony was given to (`docs/spec/public-log.md#handover`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenTo {
    /// Its public key.
    pub key: SuccessorKey,
    /// Where participants will reach it.
    pub url: Option<String>,
}

/// What is planned (`docs/spec/public-log.md#planned`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Plan {
    /// When everybody may join.
    pub opens: Option<Timestamp>,
    /// When nobody may join any more.
    pub drains: Option<Timestamp>,
}

impl Custody {
    /// Takes what a notice says.
    pub(super) fn take(&mut self, notice: &Notice) {
        match notice {
            Notice::Opened {
                origin,
                key,
                coordinator,
                ..
            } => {
                self.holder = Some(Holder {
                    origin: origin.clone(),
                    key: key.clone(),
                    coordinator: coordinator.clone(),
                });
            }
            Notice::Recovered { .. } | Notice::Started { .. } => {}
            Notice::Planned { opens, drains } => {
                self.plan = Plan {
                    opens: *opens,
                    drains: *drains,
                };
            }
            Notice::KeyRotated { key, .. } => {
                if let Some(holder) = &mut self.holder {
                    holder.key.clone_from(key);
                }
            }
            Notice::HandingOver { to, url, .. } => {
                self.given_to = Some(GivenTo {
                    key: *to,
                    url: url.clone(),
                });
            }
            Notice::HandedOver {
                coordinator, key, ..
            } => {
                self.given_to = None;
                if let Some(holder) = &mut self.holder {
                    holder.coordinator.clone_from(coordinator);
                    holder.key.clone_from(key);
                }
            }
        }
    }
}

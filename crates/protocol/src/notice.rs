//! What records and entries of the log tell beside what happens to the queue.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::Duration;

use k256::ecdsa::VerifyingKey;
use serde::{Deserialize, Serialize};
use tauline_queue_core::{Rules, Timestamp};
use tauline_transcript::signature;

use crate::commitment::Hex32;

/// What binds an accepted contribution to the transcript (`docs/spec/public-log.md#accepted`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// Its number in the transcript, from 1.
    pub number: u64,
    /// What `witness_digest` gives for it.
    pub digest: Hex32,
    /// Opens the commitment with which the participant joined: the transcript has the identity.
    pub nonce: Hex32,
}

/// What a coordinator says in the log beside what happens to the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Notice {
    /// Whose log it is. The first entry, or the first of a log that was not public before.
    Opened {
        /// The log's origin, which is the name of its key.
        origin: String,
        /// The log's verifier key, as C2SP `signed-note` writes it.
        key: String,
        /// The EIP-55 address of the coordinator.
        coordinator: String,
        /// Sizes of the sub-ceremonies, `G1:G2,G1:G2,…`.
        sizes: String,
        /// When the queue's log began.
        started: Timestamp,
        /// The coordinator's signature over `key_certificate`: 130 hex digits.
        certificate: String,
    },
    /// The ceremony goes on from another log, without the help of that one's coordinator
    /// (`docs/spec/public-log.md#recovery`). The second entry, or none.
    Recovered {
        /// The other log's origin.
        origin: String,
        /// How many entries it had.
        entries: u64,
        /// The root of the tree over them.
        root: Hex32,
        /// The EIP-55 address of its last coordinator.
        coordinator: String,
        /// How many contributions are carried over: all that it says were accepted.
        contributions: u64,
        /// How many had a place in line or the turn, and have none here.
        in_line: u64,
        /// How many were used up without contributing, and are not here.
        used_up: u64,
        /// Why: a line by the operator.
        reason: String,
    },
    /// A coordinator started: a new process, perhaps with other settings.
    Started {
        /// Name and version of the program.
        program: String,
        /// The rules from now on.
        rules: PublicRules,
        /// Until when the coordinator before was there, if that is known to be later than the last event of
        /// the queue (`docs/spec/queue.md#there-until`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        there_until: Option<Timestamp>,
    },
    /// The operator plans to open or to drain (`docs/spec/public-log.md#planned`). What was planned
    /// before and is not in here is planned no more.
    Planned {
        /// When everybody may join.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        opens: Option<Timestamp>,
        /// When nobody may join any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        drains: Option<Timestamp>,
    },
    /// The log has another key from now on (`docs/spec/public-log.md#rotation`).
    KeyRotated {
        /// The new verifier key, with the log's origin as its name.
        key: String,
        /// The coordinator's signature over `key_certificate`: 130 hex digits.
        certificate: String,
    },
    /// The coordinator gives the ceremony to another one (`docs/spec/public-log.md#handover`). Only
    /// that one's `HandedOver` follows.
    HandingOver {
        /// The key of the coordinator that goes on: a compressed point of secp256k1, 66 hex digits.
        to: SuccessorKey,
        /// Where participants will reach it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// The leaving coordinator's signature over `handover_certificate`: 130 hex digits.
        certificate: String,
    },
    /// The coordinator that was named has taken the ceremony over, and goes on with the log under
    /// keys of its own (`docs/spec/public-log.md#handover`).
    HandedOver {
        /// Its EIP-55 address.
        coordinator: String,
        /// The log's verifier key from now on, with the log's origin as its name.
        key: String,
        /// The new coordinator's signature over `key_certificate`: 130 hex digits.
        certificate: String,
    },
}

impl Notice {
    /// Until when the coordinator before was there, if this is a start that says so.
    #[must_use]
    pub const fn there_until(&self) -> Option<Timestamp> {
        match self {
            Self::Started { there_until, .. } => *there_until,
            _ => None,
        }
    }
}

/// The public key by which a coordinator is named before it goes on with a ceremony: a compressed
/// point of secp256k1, as 66 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SuccessorKey([u8; 33]);

/// A text names no coordinator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no coordinator's public key, which has 66 hex digits: take the one that `tauline-server public-key` \
     prints on the machine that goes on"
)]
pub struct SuccessorKeyError;

impl SuccessorKey {
    /// The key's bytes, in the form of SEC 1.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 33] {
        &self.0
    }

    /// The key itself. None if it is no point, as one that was mistyped may be.
    #[must_use]
    pub fn verifying_key(&self) -> Option<VerifyingKey> {
        VerifyingKey::from_sec1_bytes(&self.0).ok()
    }

    /// The EIP-55 address of the coordinator that has this key. None if it is no point.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        let key = self.verifying_key()?;
        Some(signature::eip55(&signature::eth_address(&key)))
    }

    /// The key of these bytes, in the form of SEC 1. Whether they are a point is not checked.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 33]) -> Self {
        Self(bytes)
    }
}

impl From<&VerifyingKey> for SuccessorKey {
    fn from(key: &VerifyingKey) -> Self {
        let mut bytes = [0; 33];
        bytes.copy_from_slice(key.to_encoded_point(true).as_bytes());
        Self(bytes)
    }
}

impl FromStr for SuccessorKey {
    type Err = SuccessorKeyError;

    fn from_str(text: &str) -> Result<Self, SuccessorKeyError> {
        let mut bytes = [0; 33];
        let has_one_form = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) if has_one_form && matches!(bytes[0], 2 | 3) => Ok(Self(bytes)),
            _ => Err(SuccessorKeyError),
        }
    }
}

impl Display for SuccessorKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl TryFrom<String> for SuccessorKey {
    type Error = SuccessorKeyError;

    fn try_from(text: String) -> Result<Self, SuccessorKeyError> {
        text.parse()
    }
}

impl From<SuccessorKey> for String {
    fn from(key: SuccessorKey) -> Self {
        key.to_string()
    }
}

/// The settings of the queue's rules, in milliseconds where they are lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the fields are those of `Rules`")]
pub struct PublicRules {
    pub checkin_max: u64,
    pub checkin_min: u64,
    pub checkin_grace: u64,
    pub checkin_rate: u32,
    pub checkin_relaxed: u64,
    pub passes: u32,
    pub start_limit: u64,
    pub contribution_limit: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contribution_min: Option<u64>,
    pub stall_limit: u64,
    pub disconnect_limit: u64,
    pub verification_limit: u64,
    pub expected_turn: u64,
    pub lasting_step: u64,
    pub tick: u64,
}

impl From<&Rules> for PublicRules {
    fn from(rules: &Rules) -> Self {
        let millis = |length: Duration| u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        Self {
            checkin_max: millis(rules.checkin_max),
            checkin_min: millis(rules.checkin_min),
            checkin_grace: millis(rules.checkin_grace),
            checkin_rate: rules.checkin_rate,
            checkin_relaxed: millis(rules.checkin_relaxed),
            passes: rules.passes,
            start_limit: millis(rules.start_limit),
            contribution_limit: millis(rules.contribution_limit),
            contribution_min: rules.contribution_min.map(millis),
            stall_limit: millis(rules.stall_limit),
            disconnect_limit: millis(rules.disconnect_limit),
            verification_limit: millis(rules.verification_limit),
            expected_turn: millis(rules.expected_turn),
            lasting_step: millis(rules.lasting_step),
            tick: millis(rules.tick),
        }
    }
}

impl From<&PublicRules> for Rules {
    fn from(rules: &PublicRules) -> Self {
        Self {
            checkin_max: Duration::from_millis(rules.checkin_max),
            checkin_min: Duration::from_millis(rules.checkin_min),
            checkin_grace: Duration::from_millis(rules.checkin_grace),
            checkin_rate: rules.checkin_rate,
            checkin_relaxed: Duration::from_millis(rules.checkin_relaxed),
            passes: rules.passes,
            start_limit: Duration::from_millis(rules.start_limit),
            contribution_limit: Duration::from_millis(rules.contribution_limit),
            contribution_min: rules.contribution_min.map(Duration::from_millis),
            stall_limit: Duration::from_millis(rules.stall_limit),
            disconnect_limit: Duration::from_millis(rules.disconnect_limit),
            verification_limit: Duration::from_millis(rules.verification_limit),
            expected_turn: Duration::from_millis(rules.expected_turn),
            lasting_step: Duration::from_millis(rules.lasting_step),
            tick: Duration::from_millis(rules.tick),
        }
    }
}

//! The settings of the queue's rules, as a log tells them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tauline_queue_core::Rules;

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

//! Bodies around a turn: `start`, `complete`, `abort`.
//!
//! The state handed out by `start` and the one taken by `complete` are documents of
//! `tauline-transcript` (`ceremony.md`, Documents).

use serde::{Deserialize, Serialize};

/// The optional body of `POST /contribution/start`: names of the programs at work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartRequest {
    /// The client's name and version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The library that computes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computation: Option<String>,
    /// Whether the client checks in while it contributes, or keeps an event stream open: it is then
    /// taken for gone when it stops (`http-queue-api.md`, Deadlines, stall).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub checks_in: bool,
}

/// Longest `client`, `computation` or `reason` that is kept, in bytes. Longer ones are refused.
pub const TAG_LIMIT: usize = 200;

/// The optional body of `POST /contribution/abort`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AbortRequest {
    /// Why the turn is given up, for the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The answer of `POST /contribution/probe`: a contribution of the length stated would be taken, as
/// far as its length goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeAnswer {
    /// The largest contribution that is taken, in bytes.
    pub limit: u64,
}

/// A receipt and the coordinator's signature over it: the answer of `POST /contribution/complete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedReceipt {
    /// Compact JSON, signed as these exact bytes. See [`crate::receipt::Receipt`].
    pub receipt: String,
    /// r‖s‖v: 130 lower-case hex digits without `0x`.
    pub signature: String,
}

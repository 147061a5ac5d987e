//! Bodies around a turn: `start`, `complete`, `abort`.
//!
//! The state handed out by `start` and the one taken by `complete` are documents of
//! `tauline-transcript` (`docs/spec/ceremony.md#base`, `docs/spec/ceremony.md#contribution`).

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
    /// taken for gone when it stops (`docs/spec/queue.md#stall`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub checks_in: bool,
}

/// Longest `client`, `computation` or `reason` that is kept, in bytes. Longer ones are refused
/// (`docs/spec/http-api.md#tags`).
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

/// The answer of `POST /contribution/complete`: the receipt, and what its owner ought to know
/// (`docs/spec/http-api.md#receipt`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceiptAnswer {
    /// The receipt.
    #[serde(flatten)]
    pub receipt: SignedReceipt,
    /// Sentences for people; left out when there are none, which is nearly always.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl From<SignedReceipt> for ReceiptAnswer {
    fn from(receipt: SignedReceipt) -> Self {
        let warnings = receipt.warnings();
        Self { receipt, warnings }
    }
}

//! The bodies of a turn's requests and answers: `start`, `complete`, `abort`, `probe`.
//!
//! The powers that `start` hands out and the contribution that `complete` takes are documents of
//! `tauline-transcript` (`docs/spec/ceremony.md#contribution`).

use serde::{Deserialize, Serialize};

/// The optional body of `POST /contribution/start`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(crate::schemas::start)))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartRequest {
    /// The client's name and version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub client: Option<String>,
    /// The name of the library that computes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub computation: Option<String>,
    /// Whether the client checks in while it contributes, or keeps an event stream open. It then
    /// loses the turn when it stops doing so (`docs/spec/queue.md#stall`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub checks_in: bool,
}

/// The longest `client`, `computation` or `reason` that is accepted, in characters
/// (`docs/spec/http-api.md#tags`).
pub const TAG_LIMIT: usize = 200;

/// The optional body of `POST /contribution/abort`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(crate::schemas::abort)))]
#[serde(deny_unknown_fields)]
pub struct AbortRequest {
    /// Why the turn is given up, for the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub reason: Option<String>,
}

/// The answer of `POST /contribution/probe`: a contribution of the stated length would not be
/// refused because of its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(crate::schemas::probe)))]
pub struct ProbeAnswer {
    /// The longest contribution that is accepted, in bytes.
    pub limit: u64,
}

/// A receipt and the coordinator's signature over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedReceipt {
    /// The receipt as compact JSON, of which exactly these bytes are signed
    /// (`docs/spec/ceremony.md#receipt`).
    pub receipt: String,
    /// r‖s‖v: 130 lower-case hex digits without `0x`.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{130}$"))]
    pub signature: String,
}

/// The answer of `POST /contribution/complete`: the receipt, the contribution's number, and warnings
/// for its owner (`docs/spec/http-api.md#receipt`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(crate::schemas::signed_receipt)))]
pub struct ReceiptAnswer {
    /// The receipt.
    #[serde(flatten)]
    pub receipt: SignedReceipt,
    /// The contribution's number, from 1. Left out for the clients of Ethereum's ceremony.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub number: Option<u64>,
    /// Sentences for people. Left out if there are none, which is usual.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl From<SignedReceipt> for ReceiptAnswer {
    fn from(receipt: SignedReceipt) -> Self {
        let warnings = receipt.warnings();
        Self {
            receipt,
            number: None,
            warnings,
        }
    }
}

impl ReceiptAnswer {
    /// The same with the contribution's number.
    #[must_use]
    pub fn numbered(self, number: u64) -> Self {
        Self {
            number: Some(number),
            ..self
        }
    }
}

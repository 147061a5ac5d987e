//! Single contributions, as anybody may look them up: the answers of `GET /ceremony/contributions/…`.
//!
//! All of it is in the transcript and the public log as well. This is for pages, which show one or
//! some of perhaps a hundred thousand.

use serde::{Deserialize, Serialize};

use crate::Identity;

/// How many contributions a piece of the list has (`docs/spec/http-api.md#contributions-page`).
pub const PIECE: u32 = 256;

/// The longest text that [`Found`] is asked for, in bytes.
pub const WHO_LIMIT: usize = 200;

/// One contribution (`docs/spec/http-api.md#one-contribution`). What is not known is absent: times of
/// contributions that were carried over from another coordinator's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "openapi",
    schema(examples(
        crate::schemas::contribution,
        crate::schemas::contribution_carried_over
    ))
)]
#[serde(rename_all = "camelCase")]
pub struct KeptContribution {
    /// Its number, from 1.
    pub number: u64,
    /// Whose it is.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Identity))]
    pub identity: Identity,
    /// The stay in which it was made.
    pub ticket: u64,
    /// The place in the public log of the entry that ended the stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub entry: Option<u64>,
    /// When its owner joined, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub joined_at: Option<u64>,
    /// When its turn started, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub started_at: Option<u64>,
    /// When it was accepted, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub accepted_at: Option<u64>,
    /// From the call to the acceptance, in milliseconds, without absences of the coordinator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub turn_in_ms: Option<u64>,
    /// Its sub-ceremonies, in order.
    pub sub_ceremonies: Vec<KeptPart>,
    /// The EIP-712 signature, `0x` and 130 hex digits; empty if there is none.
    pub ecdsa_signature: String,
}

/// A sub-ceremony's part of a contribution: compressed points, `0x` and lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeptPart {
    /// The first power before the contribution: the running product of the one before, or the
    /// generator.
    pub before: String,
    /// The first power after it.
    pub running_product: String,
    /// The public key of the contributor's secret.
    pub pot_pubkey: String,
    /// The BLS signature over the identity; empty if there is none.
    pub bls_signature: String,
}

/// A piece of the list of all contributions: columns, so that 256 lines are short
/// (`docs/spec/http-api.md#contributions-page`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "openapi",
    schema(examples(crate::schemas::contributions_piece))
)]
#[serde(rename_all = "camelCase")]
pub struct ContributionsPiece {
    /// The number of the first.
    pub first: u64,
    /// Whose they are.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schemas::Identity>))]
    pub identities: Vec<Identity>,
    /// When each was accepted, in Unix seconds; `null` where that is not known.
    pub accepted_at: Vec<Option<u64>>,
    /// How long each turn was, from the call to the acceptance, in milliseconds; `null` where that is
    /// not known.
    pub turn_in_ms: Vec<Option<u64>>,
}

/// Whose contribution is which (`docs/spec/http-api.md#find`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(crate::schemas::found)))]
pub struct Found {
    /// The number of the contribution, the lowest if there are several.
    pub number: u64,
}

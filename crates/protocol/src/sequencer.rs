//! Answers and errors for clients of the Ethereum ceremony's sequencer
//! (`docs/spec/sequencer.md#routes`).
//!
//! A dozen programs of other people depend on these codes, texts and fields. Nothing here may
//! change, and no field may be added (`docs/spec/sequencer.md#no-more-fields`).

use serde::{Deserialize, Serialize};

use crate::codes::codes_with_texts;
use crate::error::ErrorBody;

/// The answer of `GET /info/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SequencerStatus {
    /// The number of participants in line, without the one whose turn it is.
    pub lobby_size: u64,
    /// The number of contributions accepted so far.
    pub num_contributions: u64,
    /// The EIP-55 address of the coordinator, which signs receipts.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::EthAddress))]
    pub sequencer_address: String,
}

codes_with_texts! {
    /// Every error code of the sequencer that this coordinator uses
    /// (`docs/spec/sequencer.md#errors`), except those of signing in.
    Code

    /// The text in the body of the error, with names in braces for what varies.
    fn template

    /// The `Authorization: Bearer` header is missing or malformed.
    InvalidSessionId = "SessionError::InvalidSessionId", 400, "unknown session id";
    /// The session is not known, or its owner may not come back.
    UnknownSessionId = "TryContributeError::UnknownSessionId", 401, "unknown session id";
    /// There were far more calls than any client makes.
    RateLimited = "TryContributeError::RateLimited", 400, "call came too early. rate limited";
    /// It is somebody else's turn: the participant waits in line. Not an error.
    AnotherContributionInProgress = "TryContributeError::AnotherContributionInProgress", 200, "another contribution in progress";
    /// Nobody may join at present.
    LobbyIsFull = "TryContributeError::LobbyIsFull", 400, "lobby is full";
    /// The coordinator failed or is stopping.
    TryContributeTask = "TryContributeError::TaskError", 500, "background task error: {cause}";
    /// The coordinator cannot read or write its data.
    Storage = "StorageError::DatabaseError", 500, "{cause}";

    /// It is not this session's turn, or the session is not known.
    NotUsersTurn = "ContributeError::NotUsersTurn", 400, "not your turn to participate";
    /// Another number of sub-ceremonies than the ceremony has.
    UnexpectedNumContributions = "CeremoniesError::UnexpectedNumContributions", 400, "contribution invalid: Unexpected number of contributions: expected {expected}, got {got}";
    /// Another number of powers in G1.
    UnexpectedNumG1Powers = "CeremonyError::UnexpectedNumG1Powers", 400, "contribution invalid: Error in contribution {i}: Unexpected number of G1 powers: expected {expected}, got {got}";
    /// Another number of powers in G2.
    UnexpectedNumG2Powers = "CeremonyError::UnexpectedNumG2Powers", 400, "contribution invalid: Error in contribution {i}: Unexpected number of G2 powers: expected {expected}, got {got}";
    /// A power in G1 does not decode, or is not in the subgroup.
    InvalidG1Power = "CeremonyError::InvalidG1Power", 400, "contribution invalid: Error in contribution {i}: Error parsing G1 power {j}: {cause}";
    /// A power in G2 does not decode, or is not in the subgroup; or the public key, as number 0.
    InvalidG2Power = "CeremonyError::InvalidG2Power", 400, "contribution invalid: Error in contribution {i}: Error parsing G2 power {j}: {cause}";
    /// The public key is the identity.
    ZeroPubkey = "CeremonyError::ZeroPubkey", 400, "contribution invalid: Error in contribution {i}: pubkey is zero";
    /// The update is not proven.
    PubKeyPairingFailed = "CeremonyError::PubKeyPairingFailed", 400, "contribution invalid: Error in contribution {i}: Pubkey pairing check failed";
    /// The powers in G1 are no powers.
    G1PairingFailed = "CeremonyError::G1PairingFailed", 400, "contribution invalid: Error in contribution {i}: G1 pairing check failed";
    /// The powers in G2 do not match those in G1.
    G2PairingFailed = "CeremonyError::G2PairingFailed", 400, "contribution invalid: Error in contribution {i}: G2 pairing check failed";
    /// The power 0 in G1 is not the generator. Declared by the sequencer, raised here alone.
    InvalidG1FirstValue = "CeremonyError::InvalidG1FirstValue", 400, "contribution invalid: Error in contribution {i}: G1 power 0 is not the generator";
    /// The power 0 in G2 is not the generator. Declared by the sequencer, raised here alone.
    InvalidG2FirstValue = "CeremonyError::InvalidG2FirstValue", 400, "contribution invalid: Error in contribution {i}: G2 power 0 is not the generator";
    /// The power 1 in G1 is the identity. Declared by the sequencer, raised here alone.
    ZeroG1 = "CeremonyError::ZeroG1", 400, "contribution invalid: Error in contribution {i}: G1 power 1 is zero";
    /// The contribution changes nothing. Declared by the sequencer, raised here alone.
    ContributionNoEntropy = "CeremonyError::ContributionNoEntropy", 400, "contribution invalid: Error in contribution {i}: its secret is 1 and changes nothing";
    /// The coordinator could not finish verifying, or is stopping.
    ContributeTask = "ContributeError::TaskError", 500, "background task error: {cause}";
}

impl Code {
    /// The text with these values for the names in the template.
    #[must_use]
    pub fn text(self, values: &[(&str, &dyn std::fmt::Display)]) -> String {
        let mut text = String::new();
        let mut rest = self.template();
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            if let Some((_, value)) = values.iter().find(|(known, _)| *known == name) {
                text.push_str(&value.to_string());
            }
            rest = after;
        }
        text + rest
    }

    /// The body of an error with this code and text.
    #[must_use]
    pub fn body(self, error: impl Into<String>) -> ErrorBody {
        ErrorBody::with_code(self.as_str(), error)
    }
}

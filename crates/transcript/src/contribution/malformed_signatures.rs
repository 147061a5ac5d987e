//! What stands in the place of a signature and is none.

use serde::Deserialize;

use crate::contribution::wire::signature::SeenSignature;
use crate::signature::{bls_signature_point, ecdsa_recover};

/// The places of a contribution where something stands that is no signature.
///
/// A [`RawContribution`](crate::RawContribution) keeps only what can be a signature; the rest never
/// makes a contribution fail. This finds the rest, for whoever wants to tell the participant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MalformedSignatures {
    /// The sub-ceremonies with a BLS signature that is not a point of the group.
    pub bls: Vec<usize>,
    /// Whether the EIP-712 signature is not r, s and v of any key.
    pub ecdsa: bool,
}

/// A contribution without its points.
#[derive(Deserialize)]
struct Document {
    #[serde(alias = "subContributions")]
    contributions: Vec<Sub>,
    #[serde(default, rename = "ecdsaSignature")]
    ecdsa: SeenSignature<65>,
}

#[derive(Deserialize)]
struct Sub {
    #[serde(default, rename = "blsSignature")]
    bls: SeenSignature<48>,
    /// The older name.
    #[serde(default, rename = "bls_signature")]
    older: SeenSignature<48>,
}

impl Sub {
    fn is_malformed(&self) -> bool {
        let is_bad = |seen: &SeenSignature<48>| match seen {
            SeenSignature::Absent => false,
            SeenSignature::Malformed => true,
            SeenSignature::Given(bytes) => bls_signature_point(bytes).is_none(),
        };
        is_bad(&self.bls) || is_bad(&self.older)
    }
}

impl MalformedSignatures {
    /// Looks for them in a document, in JSON or MessagePack; finds none in what is no document.
    #[must_use]
    pub fn find(document: &[u8]) -> Self {
        let read: Option<Document> = match document.trim_ascii_start().first() {
            Some(b'{') => serde_json::from_slice(document).ok(),
            _ => rmp_serde::from_slice(document).ok(),
        };
        let Some(document) = read else {
            return Self::default();
        };
        let subs = document.contributions.iter().enumerate();
        Self {
            bls: subs
                .filter(|(_, sub)| sub.is_malformed())
                .map(|(i, _)| i)
                .collect(),
            ecdsa: match &document.ecdsa {
                SeenSignature::Absent => false,
                SeenSignature::Malformed => true,
                SeenSignature::Given(bytes) => ecdsa_recover(&[1; 32], bytes).is_none(),
            },
        }
    }
}

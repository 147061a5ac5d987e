//! Identities on the command line.

use tauline_protocol::Identity;
use tauline_transcript::identity::IdentityError;

/// Reads an identity. An Ethereum address may be in mixed case, and may be given without `eth|`.
pub(crate) fn parse_identity(text: &str) -> Result<Identity, IdentityError> {
    if text.starts_with("0x") {
        return parse_identity(&format!("eth|{text}"));
    }
    match text.strip_prefix("eth|") {
        Some(address) => format!("eth|{}", address.to_ascii_lowercase()).parse(),
        None => text.parse(),
    }
}

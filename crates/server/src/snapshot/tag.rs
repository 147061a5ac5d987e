//! Names of transcripts.

use sha2::{Digest as _, Sha256};
use tauline_store::{Reading, StoreError};
use tauline_transcript::Sizes;

/// Goes into the name of every transcript: another number for other bytes of the same
/// contributions.
const FORMAT_VERSION: u8 = 1;

/// The number of contributions in a tag.
pub(super) fn number(tag: &str) -> Option<u64> {
    tag.split_once('-')?.0.parse().ok()
}

/// Names the transcript of so many contributions by what it holds: their number, and a hash over
/// the last, which depends on all before it.
pub(super) fn tag(
    reading: &dyn Reading,
    sizes: &Sizes,
    contributions: u64,
) -> Result<String, StoreError> {
    let last = match contributions.checked_sub(1) {
        Some(before) => reading.page(before, 1)?.pop(),
        None => None,
    };
    let mut hasher = Sha256::new();
    hasher.update([FORMAT_VERSION]);
    hasher.update(sizes.to_string());
    if let Some(last) = last {
        hasher.update(last.identity.as_str());
        for witness in &last.witness {
            hasher.update(witness.to_bytes());
        }
    }
    let hash = hex::encode(hasher.finalize());
    Ok(format!("{contributions}-{}", &hash[..16]))
}

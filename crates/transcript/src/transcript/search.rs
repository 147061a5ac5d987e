//! A search for the entries of one participant.

use crate::encoding::{Encoding, Point};
use crate::identity::Identity;
use crate::transcript::read::index::Index;
use crate::transcript::read::source::Source;
use crate::transcript::read::walk::{RawSignature, Walk};
use crate::transcript::report::remarks::MAX_LISTED;
use crate::transcript::{error::TranscriptError, read::walk::BATCH_ENTRIES};

/// What to look for: an entry that matches either is found.
#[derive(Clone, Debug, Default)]
pub struct EntrySearch {
    /// The participant.
    pub identity: Option<Identity>,
    /// The public keys of the sub-ceremonies in their order, compressed: one of them at its place.
    pub pot_pubkeys: Vec<[u8; 96]>,
}

/// An entry that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundEntry {
    /// k, the entry.
    pub entry: u64,
    /// The identity as it stands.
    pub identity: String,
    /// Whether it is the one that was looked for.
    pub is_identity: bool,
    /// The public keys of the sub-ceremonies, compressed; none where there is no point.
    pub pot_pubkeys: Vec<Option<[u8; 96]>>,
    /// The number of sub-ceremonies with a BLS signature.
    pub bls_signatures: usize,
    /// Whether there is an EIP-712 signature.
    pub has_ecdsa_signature: bool,
}

/// Finds entries; the first [`MAX_LISTED`] of them. Nothing is verified.
///
/// # Errors
/// When the source cannot be read, or is no transcript.
pub fn find_entries<S: Source + ?Sized>(
    source: &S,
    wanted: &EntrySearch,
) -> Result<Vec<FoundEntry>, TranscriptError> {
    let index = Index::read(source)?;
    let mut walk = Walk::start(source, &index)?;
    let mut found = Vec::new();
    while let Some(batch) = walk.next_batch(BATCH_ENTRIES)? {
        let keys: Vec<Vec<Option<[u8; 96]>>> = (batch.subs.iter())
            .map(|sub| {
                let points = sub.pot_pubkeys.iter();
                points
                    .map(|bytes| compressed(bytes?, index.encoding))
                    .collect()
            })
            .collect();
        for i in 0..batch.len {
            let text = batch.participant_ids.get(i).map_or("", String::as_str);
            let is_identity =
                wanted.identity.is_some() && Identity::from_listed(text).ok() == wanted.identity;
            let pot_pubkeys: Vec<_> = (keys.iter())
                .map(|keys| keys.get(i).copied().flatten())
                .collect();
            let has_key = (pot_pubkeys.iter().zip(&wanted.pot_pubkeys))
                .any(|(key, wanted)| key.as_ref() == Some(wanted));
            if batch.first + i as u64 == 0 || !(is_identity || has_key) {
                continue;
            }
            if found.len() == MAX_LISTED {
                return Ok(found);
            }
            let is_signed = |signature: Option<&RawSignature<48>>| {
                signature.is_some_and(|it| *it != RawSignature::Absent)
            };
            let signed = batch.subs.iter();
            let signed = signed.filter(|sub| is_signed(sub.bls_signatures.get(i)));
            let ecdsa = batch.ecdsa_signatures.get(i);
            found.push(FoundEntry {
                entry: batch.first + i as u64,
                identity: text.to_owned(),
                is_identity,
                pot_pubkeys,
                bls_signatures: signed.count(),
                has_ecdsa_signature: ecdsa.is_some_and(|it| *it != RawSignature::Absent),
            });
        }
    }
    Ok(found)
}

fn compressed(bytes: &[u8], encoding: Encoding) -> Option<[u8; 96]> {
    match encoding {
        Encoding::Compressed => bytes.try_into().ok(),
        Encoding::Uncompressed => {
            let point = blstrs::G2Affine::decode(bytes, encoding).ok()?;
            Some(point.to_compressed())
        }
    }
}

//! What a transcript keeps of each contribution, one after the other, for whoever holds it against
//! something else.

use crate::encoding::{Encoding, Point};
use crate::transcript::error::TranscriptError;
use crate::transcript::read::index::Index;
use crate::transcript::read::source::Source;
use crate::transcript::read::walk::{BATCH_ENTRIES, EntryPoints, RawSignature, Walk};

/// What a transcript keeps of a contribution. Nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WitnessEntry {
    /// Its number, from 1.
    pub number: u64,
    /// The identity as it stands.
    pub identity: String,
    /// Its part in each sub-ceremony, in order.
    pub parts: Vec<WitnessPoints>,
    /// The EIP-712 signature. None if there is none, or if what stands there is none.
    pub ecdsa_signature: Option<[u8; 65]>,
}

/// A contribution's part in a sub-ceremony: compressed points.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WitnessPoints {
    /// The first power after the contribution. None where there is no point.
    pub running_product: Option<[u8; 48]>,
    /// The public key of the secret. None where there is no point.
    pub pot_pubkey: Option<[u8; 96]>,
    /// The BLS signature. None if there is none, or if what stands there is none.
    pub bls_signature: Option<[u8; 48]>,
}

/// Hands each contribution of a transcript on, in order, without entry 0, which is the start. Nothing is
/// verified but the document's form.
///
/// # Errors
/// When the source cannot be read, or is no transcript.
pub fn read_witnesses<S: Source + ?Sized>(
    source: &S,
    mut take: impl FnMut(WitnessEntry),
) -> Result<(), TranscriptError> {
    let index = Index::read(source)?;
    let mut walk = Walk::start(source, &index)?;
    while let Some(batch) = walk.next_batch(BATCH_ENTRIES)? {
        let subs = batch.subs.iter().map(|sub| SubPoints {
            products: compressed::<48, blstrs::G1Affine>(&sub.running_products, index.encoding),
            keys: compressed::<96, blstrs::G2Affine>(&sub.pot_pubkeys, index.encoding),
            signatures: &sub.bls_signatures,
        });
        let subs: Vec<SubPoints<'_>> = subs.collect();
        for i in 0..batch.len {
            let number = batch.first + i as u64;
            if number == 0 {
                continue;
            }
            let identity = batch.participant_ids.get(i).cloned();
            take(WitnessEntry {
                number,
                identity: identity.unwrap_or_default(),
                parts: subs.iter().map(|sub| sub.entry(i)).collect(),
                ecdsa_signature: given(batch.ecdsa_signatures.get(i)),
            });
        }
    }
    Ok(())
}

/// One sub-ceremony's part of a batch.
struct SubPoints<'a> {
    products: Vec<Option<[u8; 48]>>,
    keys: Vec<Option<[u8; 96]>>,
    signatures: &'a [RawSignature<48>],
}

impl SubPoints<'_> {
    fn entry(&self, i: usize) -> WitnessPoints {
        WitnessPoints {
            running_product: self.products.get(i).copied().flatten(),
            pot_pubkey: self.keys.get(i).copied().flatten(),
            bls_signature: given(self.signatures.get(i)),
        }
    }
}

fn given<const N: usize>(signature: Option<&RawSignature<N>>) -> Option<[u8; N]> {
    match signature {
        Some(RawSignature::Given(bytes)) => Some(*bytes),
        _ => None,
    }
}

fn compressed<const N: usize, P: Point>(
    points: &EntryPoints,
    encoding: Encoding,
) -> Vec<Option<[u8; N]>> {
    let one = |bytes: Option<&[u8]>| match encoding {
        Encoding::Compressed => bytes?.try_into().ok(),
        Encoding::Uncompressed => {
            let mut out = Vec::with_capacity(N);
            let point = P::decode(bytes?, encoding).ok()?;
            point.encode(Encoding::Compressed, &mut out);
            out.try_into().ok()
        }
    };
    points.iter().map(one).collect()
}

//! The points of a batch, decoded many at a time.

use crate::random::SecureRandom;
use blstrs::{G1Affine, G2Affine};
use rayon::prelude::*;

use crate::arithmetic::{Backend, COEFFICIENT_LEN, Curve, G1, G2, List};
use crate::encoding::{Encoding, Point, PointError};
use crate::error::Element;
use crate::identity::Identity;
use crate::transcript::read::walk::{EntryBatch, EntryPoints, RawSignature, SubBatch};
use crate::transcript::report::failure::{Found, TranscriptCheck};

/// Points that one task decodes: 1 to 2 ms of square roots, so that a batch keeps many cores busy.
const TASK_POINTS: usize = 128;

/// Random bytes of one contribution to one sub-ceremony.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Random {
    /// For the running product, and the update to it.
    pub(crate) product: [u8; COEFFICIENT_LEN],
    /// For the signature.
    pub(crate) signature: [u8; COEFFICIENT_LEN],
    /// For the public key.
    pub(crate) pubkey: [u8; COEFFICIENT_LEN],
}

/// Random bytes of all contributions of a batch.
pub(crate) struct Randoms {
    subs: usize,
    all: Vec<Random>,
}

impl Randoms {
    /// Draws for a batch that has been read.
    pub(crate) fn draw(batch: &EntryBatch, rng: &mut dyn SecureRandom) -> Self {
        let subs = batch.subs.len();
        let all = (0..batch.len * subs).map(|_| {
            let mut random = Random::default();
            rng.fill_bytes(&mut random.product);
            rng.fill_bytes(&mut random.signature);
            rng.fill_bytes(&mut random.pubkey);
            random
        });
        Self {
            subs,
            all: all.collect(),
        }
    }

    /// Those of the i-th entry of the batch.
    pub(crate) fn of(&self, i: usize, sub: usize) -> Random {
        self.all[i * self.subs + sub]
    }
}

/// The points of one sub-ceremony's part of a batch; none where they do not decode or are the
/// identity. Whether they are in the subgroup is for [`subgroups`](crate::transcript::verify::subgroups) to say.
pub(crate) struct BatchPoints {
    /// The running product before the first, which is in the subgroup.
    pub(crate) before: Option<G1Affine>,
    pub(crate) products: Vec<Option<G1Affine>>,
    pub(crate) pubkeys: Vec<Option<G2Affine>>,
    /// The signatures by participants who have an identity.
    pub(crate) signatures: Vec<Option<G1Affine>>,
}

/// Decodes the points of all sub-ceremonies, on all cores.
pub(crate) fn decode(
    batch: &EntryBatch,
    encoding: Encoding,
    identities: &[Option<Identity>],
    found: &mut Vec<Found>,
) -> Vec<BatchPoints> {
    let decode_sub = |(sub, raw): (usize, &SubBatch)| {
        let mut found = Vec::new();
        let mut refuse = |i: usize, check| found.push((batch.first + i as u64, sub, check));
        let products = decode_all::<G1>(&raw.running_products, encoding);
        let products = keep_good(products, Element::RunningProduct, &mut refuse);
        let pubkeys = decode_all::<G2>(&raw.pot_pubkeys, encoding);
        let pubkeys = keep_good(pubkeys, Element::PotPubkey, &mut refuse);
        let mut signatures = EntryPoints::default();
        for (signature, identity) in raw.bls_signatures.iter().zip(identities) {
            signatures.entries.push(match (signature, identity) {
                (RawSignature::Given(bytes), Some(_)) => {
                    signatures.bytes.extend_from_slice(bytes);
                    Ok(())
                }
                _ => Err(PointError::NotCompressed),
            });
        }
        let signatures = decode_all::<G1>(&signatures, Encoding::Compressed);
        let points = BatchPoints {
            before: before(raw, encoding),
            products,
            pubkeys,
            signatures: keep_good(signatures, Element::RunningProduct, &mut |_, _| {}),
        };
        (points, found)
    };
    let decoded: Vec<_> = batch.subs.par_iter().enumerate().map(decode_sub).collect();
    let mut points = Vec::with_capacity(decoded.len());
    for (points_of_sub, found_there) in decoded {
        points.push(points_of_sub);
        found.extend(found_there);
    }
    points
}

/// The batch before has judged it; here it is tested again by itself.
fn before(raw: &SubBatch, encoding: Encoding) -> Option<G1Affine> {
    let bytes = raw.product_before.as_ref()?.as_ref().ok()?;
    let point = G1Affine::decode(bytes, encoding).ok()?;
    (!is_identity(&point) && point.in_subgroup()).then_some(point)
}

fn is_identity<P: Point>(point: &P) -> bool {
    bool::from(point.is_identity())
}

/// The rule: `docs/spec/ceremony.md#transcript-points`.
fn keep_good<P: Point>(
    decoded: Vec<Result<P, PointError>>,
    element: Element,
    refuse: &mut impl FnMut(usize, TranscriptCheck),
) -> Vec<Option<P>> {
    let keep = |(i, point): (usize, Result<P, PointError>)| match point {
        Ok(point) if is_identity(&point) => {
            refuse(i, TranscriptCheck::Identity { element });
            None
        }
        Ok(point) => Some(point),
        Err(error) => {
            refuse(i, TranscriptCheck::Decoding { element, error });
            None
        }
    };
    decoded.into_iter().enumerate().map(keep).collect()
}

/// Decodes each entry, many at a time.
fn decode_all<C: Curve>(
    raw: &EntryPoints,
    encoding: Encoding,
) -> Vec<Result<C::Point, PointError>> {
    let mut rest = raw.bytes.as_slice();
    let tasks = raw.entries.chunks(TASK_POINTS).map(|entries| {
        let given = entries.iter().filter(|entry| entry.is_ok()).count();
        let bytes;
        (bytes, rest) = rest.split_at(given * C::Point::encoded_len(encoding));
        (entries, bytes)
    });
    let tasks: Vec<_> = tasks.collect();
    let parts = tasks.into_par_iter().map(|(entries, bytes)| {
        let list = List::<C>::decode_here(bytes, encoding, Backend::best());
        let points = match list {
            Ok(list) => list.to_affine().into_iter().map(Ok).collect(),
            Err(_) => decode_each(bytes, encoding),
        };
        let mut points = points.into_iter();
        let decoded = entries.iter().map(|entry| {
            entry.clone()?;
            // There are as many points as entries that say so.
            points.next().unwrap_or(Err(PointError::NotOnCurve))
        });
        decoded.collect()
    });
    parts.collect::<Vec<Vec<_>>>().concat()
}

/// Decodes one by one: names every culprit.
fn decode_each<P: Point>(bytes: &[u8], encoding: Encoding) -> Vec<Result<P, PointError>> {
    let points = bytes.chunks(P::encoded_len(encoding));
    points.map(|bytes| P::decode(bytes, encoding)).collect()
}

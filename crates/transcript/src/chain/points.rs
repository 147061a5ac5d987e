//! The points of a batch, decoded.

use blstrs::{G1Affine, G2Affine};

use super::report::TranscriptCheck;
use super::walk::{RawEntry, SubBatch};
use crate::encoding::{Encoding, Point};
use crate::error::{Element, PointError};

/// The points of one sub-ceremony's part of a batch; none where they are not good.
pub(super) struct Points {
    pub(super) before: Option<G1Affine>,
    pub(super) products: Vec<Option<G1Affine>>,
    pub(super) pubkeys: Vec<Option<G2Affine>>,
}

/// Decodes the points of a sub-ceremony: on the curve, in the subgroup, not the identity.
pub(super) fn decode(
    first: u64,
    sub: usize,
    raw: &SubBatch,
    encoding: Encoding,
    found: &mut Vec<(u64, usize, TranscriptCheck)>,
) -> Points {
    let mut all = |entries: &[RawEntry], element| -> Vec<Option<G1Affine>> {
        decode_all(first, sub, entries, element, encoding, found)
    };
    let products = all(&raw.running_products, Element::RunningProduct);
    let pubkeys = decode_all(
        first,
        sub,
        &raw.pot_pubkeys,
        Element::PotPubkey,
        encoding,
        found,
    );
    let before = raw
        .product_before
        .as_ref()
        .and_then(|raw| good_point(raw, encoding).ok());
    Points {
        before,
        products,
        pubkeys,
    }
}

fn decode_all<P: Point>(
    first: u64,
    sub: usize,
    entries: &[RawEntry],
    element: Element,
    encoding: Encoding,
    found: &mut Vec<(u64, usize, TranscriptCheck)>,
) -> Vec<Option<P>> {
    let decoded = (first..).zip(entries).map(|(entry, raw)| {
        good_point(raw, encoding)
            .map_err(|problem| {
                let check = match problem {
                    BadPoint::Decoding(error) => TranscriptCheck::Decoding { element, error },
                    BadPoint::Subgroup => TranscriptCheck::Subgroup { element },
                    BadPoint::Identity => TranscriptCheck::Identity { element },
                };
                found.push((entry, sub, check));
            })
            .ok()
    });
    decoded.collect()
}

enum BadPoint {
    Decoding(PointError),
    Subgroup,
    Identity,
}

fn good_point<P: Point>(raw: &RawEntry, encoding: Encoding) -> Result<P, BadPoint> {
    let bytes = raw
        .as_ref()
        .map_err(|error| BadPoint::Decoding(error.clone()))?;
    let point = P::decode(bytes, encoding).map_err(BadPoint::Decoding)?;
    if bool::from(point.is_identity()) {
        return Err(BadPoint::Identity);
    }
    if !point.in_subgroup() {
        return Err(BadPoint::Subgroup);
    }
    Ok(point)
}

//! The final powers of a transcript, read.

use crate::contribution::raw::{RawPoints, RawPowers};
use crate::encoding::Point;
use crate::error::{Check, Element, Invalid, SubCeremony};
use crate::powers::Powers;
use crate::sizes::Size;
use crate::transcript::error::TranscriptError;
use crate::transcript::read::form;
use crate::transcript::read::index::{Index, ListPlace, SubIndex};
use crate::transcript::read::source::Source;

/// Reads the powers of one sub-ceremony: as many as it states, undecoded.
pub(crate) fn raw_powers<S: Source + ?Sized>(
    source: &S,
    index: &Index,
    sub: &SubIndex,
    sub_ceremony: SubCeremony,
) -> Result<Result<RawPowers, Invalid>, TranscriptError> {
    let Size { g1, g2 } = sub_ceremony.size;
    let lists = [
        (Element::G1Power, g1, sub.g1_powers.len),
        (Element::G2Power, g2, sub.g2_powers.len),
    ];
    for (element, expected, got) in lists {
        if expected as u64 != got {
            let check = Check::Sizes {
                element,
                expected,
                got,
            };
            return Ok(Err(Invalid {
                sub_ceremony: Some(sub_ceremony),
                check,
                index: None,
            }));
        }
    }
    let g1 = raw_points(source, index, sub.g1_powers, Element::G1Power, sub_ceremony)?;
    let g2 = raw_points(source, index, sub.g2_powers, Element::G2Power, sub_ceremony)?;
    Ok(g1.and_then(|g1| Ok(RawPowers { g1, g2: g2? })))
}

fn raw_points<P: Point, S: Source + ?Sized>(
    source: &S,
    index: &Index,
    list: ListPlace,
    element: Element,
    sub_ceremony: SubCeremony,
) -> Result<Result<RawPoints<P>, Invalid>, TranscriptError> {
    let mut tokens = form::open(source, index.form, list.offset)?;
    let len = P::encoded_len(index.encoding);
    let mut bytes = Vec::new();
    let mut place = 0;
    tokens.begin_list()?;
    while tokens.next_item()? {
        if let Err(error) = tokens.point(len, &mut bytes)? {
            let check = Check::Decoding { element, error };
            let sub_ceremony = Some(sub_ceremony);
            return Ok(Err(Invalid {
                sub_ceremony,
                check,
                index: Some(place),
            }));
        }
        place += 1;
    }
    Ok(Ok(RawPoints::from_parts(index.encoding, bytes)))
}

/// Reads the final powers of the sub-ceremony with `g1` powers in G1, *without* verifying the
/// transcript that they are in.
///
/// They are decoded and nothing more: to be sure of what is exported, verify the transcript too.
///
/// Returns none when the transcript has no such sub-ceremony.
///
/// # Errors
/// When the source cannot be read or is no transcript, or the powers are fewer or more than
/// stated or do not decode.
pub fn read_powers<S: Source + ?Sized>(
    source: &S,
    g1: usize,
) -> Result<Option<Powers>, TranscriptError> {
    let index = Index::read(source)?;
    let found = index
        .subs
        .iter()
        .enumerate()
        .find(|(_, sub)| sub.num_g1_powers == g1 as u64);
    let Some((i, sub)) = found else {
        return Ok(None);
    };
    let name = sub.sub_ceremony(i);
    Ok(Some(raw_powers(source, &index, sub, name)??.decode(name)?))
}

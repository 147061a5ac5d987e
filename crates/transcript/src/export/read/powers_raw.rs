//! Sets of powers as bytes: those in G1, then those in G2, compressed or not, alone or each list
//! behind the number of its points.

use blstrs::{G1Affine, G2Affine};
use group::prime::PrimeCurveAffine;

use crate::contribution::raw::RawPoints;
use crate::encoding::{Encoding, Point};
use crate::export::file::{PowersFile, PowersFileError, PowersFileKind, PowersSet};
use crate::sizes::Size;

/// G2 powers of a raw file whose G2 generator is not found: as many as every sub-ceremony of the
/// Ethereum ceremony has. Only which point is called wrong hangs on it.
const ETHEREUM_G2_POWERS: usize = 65;

const ENCODINGS: [Encoding; 2] = [Encoding::Compressed, Encoding::Uncompressed];

/// Reads bytes.
pub(super) fn read(bytes: &[u8]) -> Result<PowersFile, PowersFileError> {
    if let Some((encoding, g1, g2)) = counted(bytes) {
        return Ok(file(encoding, g1, g2));
    }
    let split = ENCODINGS.into_iter().find_map(|encoding| {
        let at = generator_place(bytes, encoding)?;
        Some((encoding, at))
    });
    let damaged = || Some((Encoding::Compressed, usual_place(bytes)?));
    match split.or_else(damaged) {
        Some((_, 0)) => Err(PowersFileError::G2Alone),
        Some((encoding, at)) => Ok(file(encoding, &bytes[..at], &bytes[at..])),
        None => Err(alone(bytes)),
    }
}

fn file(encoding: Encoding, g1: &[u8], g2: &[u8]) -> PowersFile {
    let g1 = RawPoints::from_parts(encoding, g1.to_vec());
    let g2 = RawPoints::from_parts(encoding, g2.to_vec());
    PowersFile::of_one(PowersFileKind::Raw, PowersSet::new(Some(g1), None, g2))
}

/// Where the G2 powers start: with the generator, and such that whole points are before and after.
fn generator_place(bytes: &[u8], encoding: Encoding) -> Option<usize> {
    let mut generator = Vec::new();
    G2Affine::generator().encode(encoding, &mut generator);
    let places = (0..bytes.len()).step_by(G1Affine::encoded_len(encoding));
    places
        .filter(|&at| (bytes.len() - at).is_multiple_of(G2Affine::encoded_len(encoding)))
        .find(|&at| bytes[at..].starts_with(&generator))
}

/// Where the G2 powers of a file of Ethereum's ceremony start whose G2 generator is damaged: the
/// power after it is a point.
fn usual_place(bytes: &[u8]) -> Option<usize> {
    const G2_LEN: usize = G2Affine::COMPRESSED_LEN;
    let at = bytes.len().checked_sub(ETHEREUM_G2_POWERS * G2_LEN)?;
    let next = bytes.get(at + G2_LEN..at + 2 * G2_LEN)?;
    let is_point = G2Affine::decode(next, Encoding::Compressed).is_ok();
    (at > 0 && at.is_multiple_of(G1Affine::COMPRESSED_LEN) && is_point).then_some(at)
}

/// What bytes may be that have no place for G2 powers to start.
fn alone(bytes: &[u8]) -> PowersFileError {
    for encoding in ENCODINGS {
        let len = G1Affine::encoded_len(encoding);
        let first = bytes.get(..len);
        let is_point = first.is_some_and(|it| G1Affine::decode(it, encoding).is_ok());
        if is_point && bytes.len().is_multiple_of(len) {
            return PowersFileError::G1Alone {
                points: bytes.len() / len,
            };
        }
    }
    PowersFileError::Unknown { len: bytes.len() }
}

/// Reads a number of points; libraries write it in 4 or 8 bytes, in either order.
type Count = fn(&[u8]) -> Option<(usize, &[u8])>;

fn four(bytes: &[u8], number: fn([u8; 4]) -> u32) -> Option<(usize, &[u8])> {
    let (count, rest) = bytes.split_first_chunk()?;
    Some((usize::try_from(number(*count)).ok()?, rest))
}

fn eight(bytes: &[u8], number: fn([u8; 8]) -> u64) -> Option<(usize, &[u8])> {
    let (count, rest) = bytes.split_first_chunk()?;
    Some((usize::try_from(number(*count)).ok()?, rest))
}

const COUNTS: [Count; 4] = [
    |bytes| four(bytes, u32::from_be_bytes),
    |bytes| four(bytes, u32::from_le_bytes),
    |bytes| eight(bytes, u64::from_be_bytes),
    |bytes| eight(bytes, u64::from_le_bytes),
];

/// The two lists of a file that states their numbers: both in front, or each before its list.
fn counted(bytes: &[u8]) -> Option<(Encoding, &[u8], &[u8])> {
    let encodings = ENCODINGS.into_iter();
    encodings
        .flat_map(|encoding| COUNTS.map(|count| (encoding, count)))
        .find_map(|(encoding, count)| {
            let lists = each_behind_its_count(bytes, encoding, count)
                .or_else(|| both_in_front(bytes, encoding, count));
            let (g1, g2) = lists?;
            Some((encoding, g1, g2))
        })
}

fn list<P: Point>(bytes: &[u8], encoding: Encoding, count: usize) -> Option<(&[u8], &[u8])> {
    let count = Some(count).filter(|count| (2..=Size::MAX_G1).contains(count))?;
    bytes.split_at_checked(count * P::encoded_len(encoding))
}

fn each_behind_its_count(bytes: &[u8], encoding: Encoding, count: Count) -> Option<(&[u8], &[u8])> {
    let (g1_count, rest) = count(bytes)?;
    let (g1, rest) = list::<G1Affine>(rest, encoding, g1_count)?;
    let (g2_count, rest) = count(rest)?;
    let (g2, rest) = list::<G2Affine>(rest, encoding, g2_count)?;
    rest.is_empty().then_some((g1, g2))
}

fn both_in_front(bytes: &[u8], encoding: Encoding, count: Count) -> Option<(&[u8], &[u8])> {
    let (g1_count, rest) = count(bytes)?;
    let (g2_count, rest) = count(rest)?;
    let (g1, rest) = list::<G1Affine>(rest, encoding, g1_count)?;
    let (g2, rest) = list::<G2Affine>(rest, encoding, g2_count)?;
    rest.is_empty().then_some((g1, g2))
}

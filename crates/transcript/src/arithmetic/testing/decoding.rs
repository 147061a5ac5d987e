use super::*;
use crate::arithmetic::curve::list::G1List;
use crate::encoding::{Encoding, Point, PointError};

const BOTH: [Encoding; 2] = [Encoding::Compressed, Encoding::Uncompressed];

/// What the decoder of single points says about a list: the reference.
fn one_by_one(bytes: &[u8], encoding: Encoding) -> Result<Vec<G1Affine>, (usize, PointError)> {
    bytes
        .chunks(G1Affine::encoded_len(encoding))
        .enumerate()
        .map(|(i, bytes)| G1Affine::decode(bytes, encoding).map_err(|error| (i, error)))
        .collect()
}

fn assert_same(bytes: &[u8], encoding: Encoding, what: &str) {
    for path in paths() {
        let list = G1List::decode(bytes, encoding, path);
        let expected = one_by_one(bytes, encoding);
        match (list, expected) {
            (Ok(list), Ok(points)) => {
                assert_eq!(list.to_affine(), points, "{path:?}: {what}");
                assert_eq!(list.len(), points.len());
                assert_eq!(list.is_empty(), points.is_empty());
                for (i, point) in points.iter().enumerate().take(20) {
                    assert_eq!(list.point(i), Some(*point), "{path:?}: {what}");
                }
                assert_eq!(list.point(points.len()), None);
            }
            (list, expected) => assert_eq!(list.err(), expected.err(), "{path:?}: {what}"),
        }
    }
}

fn encode(points: &[G1Affine], encoding: Encoding) -> Vec<u8> {
    let mut bytes = Vec::new();
    points
        .iter()
        .for_each(|point| point.encode(encoding, &mut bytes));
    bytes
}

#[test]
fn points_decode_as_one_by_one() {
    for (seed, len) in [0, 1, 2, 7, 8, 9, 15, 16, 17, 100, 1025, 2100]
        .into_iter()
        .enumerate()
    {
        let points = awkward_points(len, &mut rng(seed as u64));
        for encoding in BOTH {
            assert_same(
                &encode(&points, encoding),
                encoding,
                &format!("{len} points"),
            );
        }
    }
}

#[test]
fn every_kind_of_bad_point_is_reported_as_one_by_one() {
    let mut rng = rng(30);
    let points: Vec<G1Affine> = (0..40).map(|_| on_curve(&mut rng)).collect();
    for encoding in BOTH {
        let len = G1Affine::encoded_len(encoding);
        let good = encode(&points, encoding);
        for at in [0, 3, 8, 15, 16, 39] {
            let mut kinds = std::collections::HashSet::new();
            for corruption in 0..200 {
                let mut bytes = good.clone();
                let point = &mut bytes[at * len..(at + 1) * len];
                match corruption {
                    // Every combination of flags, on a point and on zeros.
                    0..8 => point[0] = point[0] & 0x1f | corruption << 5,
                    8..16 => {
                        point.fill(0);
                        point[0] = corruption << 5;
                    }
                    16..24 => {
                        point.fill(0);
                        point[0] = corruption << 5;
                        point[len - 1] = 1;
                    }
                    // Numbers at and around the modulus and far above it, in each coordinate.
                    24..32 => {
                        let mut modulus = [0; 48];
                        for (bytes, word) in modulus.rchunks_mut(8).zip(P_WORDS) {
                            bytes.copy_from_slice(&word.to_be_bytes());
                        }
                        modulus[47] = modulus[47] + corruption - 28;
                        let coordinate = (usize::from(corruption) % 2 * 48) % len;
                        let flags = point[coordinate] & 0xe0;
                        point[coordinate..coordinate + 48].copy_from_slice(&modulus);
                        point[coordinate] |= flags;
                    }
                    32 => point.fill(0xff),
                    33 => point[1..].fill(0xff),
                    34 => point[48 % len] |= 0x80,
                    35 => point[48 % len] |= 0x20,
                    _ => point[rng.gen_range(0..len)] ^= 1 << rng.gen_range(0..8),
                }
                let what = format!("corruption {corruption} of {at}, {encoding}");
                assert_same(&bytes, encoding, &what);
                if let Err((index, error)) = one_by_one(&bytes, encoding) {
                    assert_eq!(index, at, "{what}");
                    kinds.insert(std::mem::discriminant(&error));
                }
            }
            assert_eq!(kinds.len(), 4, "flag, infinity, modulus, curve: {encoding}");
        }
    }
}

#[test]
fn lowest_bad_index_is_reported() {
    let mut rng = rng(31);
    let points: Vec<G1Affine> = (0..2500).map(|_| on_curve(&mut rng)).collect();
    for encoding in BOTH {
        let len = G1Affine::encoded_len(encoding);
        let mut bytes = encode(&points, encoding);
        for at in [2400, 1030, 1024, 900, 17, 2] {
            bytes[at * len] = 0xe0;
            assert_same(&bytes, encoding, &format!("{at}"));
            for path in paths() {
                assert_eq!(G1List::decode(&bytes, encoding, path).unwrap_err().0, at);
            }
        }
    }
}

#[test]
fn a_short_last_point_is_an_error() {
    let mut rng = rng(32);
    let points: Vec<G1Affine> = (0..20).map(|_| on_curve(&mut rng)).collect();
    for encoding in BOTH {
        let bytes = encode(&points, encoding);
        for missing in [1, 47, 48 % G1Affine::encoded_len(encoding)] {
            assert_same(
                &bytes[..bytes.len() - missing],
                encoding,
                &format!("{missing} less"),
            );
        }
    }
}

#[test]
fn lists_of_different_paths_are_joined() {
    let mut rng = rng(33);
    let points = awkward_points(30, &mut rng);
    for path in paths() {
        for other in paths() {
            let mut list = G1List::from_affine(&points[..11], path);
            list.extend(&G1List::from_affine(&points[11..], other));
            assert_eq!(list.to_affine(), points, "{path:?} and {other:?}");
        }
    }
}

//! Secrets τ that are no secrets: everybody knows them, or finds them in a moment.
//!
//! Powers of such a τ hold like any others, and whoever relies on them can be told any lie. There
//! is no test for "nobody knows τ"; this finds what has been seen in the wild: powers that nobody
//! contributed to (τ = 1), the sets that libraries are tested with, and small numbers.

use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

use blstrs::{G1Affine, G1Projective, Scalar};
use group::prime::PrimeCurveAffine;
use group::{Curve, Group};
use rayon::prelude::*;
use serde::{Serialize, Serializer};

use crate::arithmetic::normalize;
use crate::encoding::Point;

/// Secrets of published testing sets: the number, big-endian, and whose it is.
///
/// 1337: `gen_kzg_trusted_setups.py --secret=1337` of ethereum/consensus-specs, whose sets c-kzg and
/// others load. The long numbers stand in the tests of ethereum/research, go-kzg, c-kzg and rust-kzg (and
/// once more with its bytes in the other order, as Constantine reads it), of go-verkle, and of DyCAPS.
const TESTING: [(&str, &str); 5] = [
    (
        "0539",
        "the testing sets of Ethereum's consensus specifications and of c-kzg",
    ),
    (
        "1853cc084deab6c828953173a4",
        "the tests of go-kzg, c-kzg and rust-kzg",
    ),
    (
        "a473319528c8b6ea4d08cc531800000000000000000000000000000000000000",
        "the tests of Constantine",
    ),
    ("01e3f3d6ba566fd8cf59", "the tests of go-verkle"),
    (
        "65bb9cf86441b91e0f620bcd121d100f9df10f67591e276915215d665759a371",
        "the tests of DyCAPS",
    ),
];

/// Steps of either kind of the search for small secrets; it finds those up to about twice their
/// square, 2³¹, of either sign, in about a tenth of a second.
const STEPS: u32 = 1 << 15;

/// Below this a number is one that somebody writes down for a test: 42, 100, 1234. Ours.
const WRITTEN_DOWN: u64 = 1 << 16;

/// Points that one task of the search adds up, and whose coordinates share inversions.
const TASK_STEPS: u32 = 1 << 11;

/// A secret that everybody knows (`docs/spec/ceremony.md#known-secret`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KnownSecret {
    /// τ = 1: every power is the generator.
    One,
    /// The secret of sets that are there for tests.
    Testing {
        /// The number, in hex with `0x`, or in decimal where it is small.
        value: String,
        /// Whose tests.
        of: &'static str,
    },
    /// A number so small that trying finds it.
    Small {
        /// The number without its sign.
        magnitude: u64,
        /// Whether it is the number's opposite modulo the order of the groups.
        is_negative: bool,
    },
    /// A root of unity: some power of it is 1.
    RootOfUnity {
        /// The exponent, at most the number of powers.
        order: usize,
    },
}

impl KnownSecret {
    /// Whether anybody would know it without looking for it: it is 1, of a published testing set, of
    /// a few digits, or a root of unity. The others are numbers that a short search finds.
    #[must_use]
    pub fn is_public(&self) -> bool {
        match self {
            Self::Small { magnitude, .. } => *magnitude < WRITTEN_DOWN,
            _ => true,
        }
    }
}

impl fmt::Display for KnownSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One => {
                f.write_str("tau = 1, every power is the generator: nobody has contributed")
            }
            Self::Testing { value, of } => write!(f, "tau = {value}, the secret of {of}"),
            Self::Small {
                magnitude,
                is_negative,
            } => {
                let sign = if *is_negative { "-" } else { "" };
                write!(f, "tau = {sign}{magnitude}, which trying finds")
            }
            Self::RootOfUnity { order } => {
                write!(
                    f,
                    "tau is a root of unity of order {order}, which trying finds"
                )
            }
        }
    }
}

impl Serialize for KnownSecret {
    /// The sentence.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What is known of the secret of \[τ\]₁, which has to be in the subgroup.
#[must_use]
pub fn known_secret(tau: &G1Affine) -> Option<KnownSecret> {
    if *tau == G1Affine::generator() {
        return Some(KnownSecret::One);
    }
    testing_secret(tau).or_else(|| small_secret(tau))
}

/// What is known of the secret of these powers in G1, which have to be verified.
#[must_use]
pub fn known_secret_of(powers: &[G1Affine]) -> Option<KnownSecret> {
    let known = known_secret(powers.get(1)?);
    known.or_else(|| {
        let mut later = powers.iter().enumerate().skip(2);
        let order = later.find(|(_, power)| **power == G1Affine::generator())?.0;
        Some(KnownSecret::RootOfUnity { order })
    })
}

fn testing_secret(tau: &G1Affine) -> Option<KnownSecret> {
    TESTING.iter().find_map(|(digits, of)| {
        let bytes = hex::decode(digits).ok()?;
        let mut scalar = [0; 32];
        scalar[32 - bytes.len()..].copy_from_slice(&bytes);
        let scalar = Option::<Scalar>::from(Scalar::from_bytes_be(&scalar))?;
        let is_it = (G1Affine::generator() * scalar).to_affine() == *tau;
        let value = match u64::from_str_radix(digits, 16) {
            Ok(small) => small.to_string(),
            Err(_) => format!("0x{}", digits.trim_start_matches('0')),
        };
        is_it.then_some(KnownSecret::Testing { value, of })
    })
}

/// Shanks's search: with K = 2·STEPS + 1, the points τ·G ∓ i·K·G for i ≤ STEPS, one of which is
/// ±j·G with j ≤ STEPS if ±τ is at most K·STEPS + STEPS. Points are told by the start of x, and a find
/// is confirmed.
fn small_secret(tau: &G1Affine) -> Option<KnownSecret> {
    let babies = baby_steps();
    let stride = u64::from(2 * STEPS + 1);
    let giant = G1Affine::generator() * Scalar::from(stride);
    let search = |giant: G1Projective| {
        let found = (0..=STEPS / TASK_STEPS)
            .into_par_iter()
            .find_map_any(|task| {
                let first = task * TASK_STEPS;
                let start = G1Projective::from(*tau) + giant * Scalar::from(u64::from(first));
                points(start, &giant.to_affine(), TASK_STEPS)
                    .iter()
                    .zip(first..)
                    .find_map(|(point, i)| {
                        let j = match bool::from(point.is_identity()) {
                            true => 0,
                            false => *babies.get(&start_of_x(point))?,
                        };
                        let middle = stride * u64::from(i);
                        let j = u64::from(j);
                        [middle + j, middle.abs_diff(j)]
                            .into_iter()
                            .find(|magnitude| is_plus_or_minus(tau, *magnitude))
                    })
            });
        found.map(|magnitude| {
            let positive = (G1Affine::generator() * Scalar::from(magnitude)).to_affine();
            KnownSecret::Small {
                magnitude,
                is_negative: positive != *tau,
            }
        })
    };
    search(-giant).or_else(|| search(giant))
}

fn is_plus_or_minus(tau: &G1Affine, magnitude: u64) -> bool {
    let point = (G1Affine::generator() * Scalar::from(magnitude)).to_affine();
    point == *tau || -point == *tau
}

/// The start of x of j·G, for j from 1 to STEPS.
fn baby_steps() -> &'static HashMap<u64, u32> {
    static STEPS_OF_ONE: OnceLock<HashMap<u64, u32>> = OnceLock::new();
    STEPS_OF_ONE.get_or_init(|| {
        let tasks = (0..STEPS / TASK_STEPS)
            .into_par_iter()
            .flat_map_iter(|task| {
                let first = task * TASK_STEPS + 1;
                let start = G1Projective::generator() * Scalar::from(u64::from(first));
                let points = points(start, &G1Affine::generator(), TASK_STEPS);
                points.into_iter().zip(first..)
            });
        tasks.map(|(point, j)| (start_of_x(&point), j)).collect()
    })
}

/// `start`, `start` + `step`, … in affine coordinates.
fn points(start: G1Projective, step: &G1Affine, len: u32) -> Vec<G1Affine> {
    let points: Vec<_> = std::iter::successors(Some(start), |point| Some(point + step))
        .take(len as usize)
        .collect();
    normalize(&points)
}

/// 64 bits of x: enough that an accident is rare, and it is only a hint.
fn start_of_x(point: &G1Affine) -> u64 {
    let mut bytes = Vec::with_capacity(G1Affine::COMPRESSED_LEN);
    point.encode(crate::encoding::Encoding::Compressed, &mut bytes);
    let mut last = [0; 8];
    last.copy_from_slice(&bytes[G1Affine::COMPRESSED_LEN - 8..]);
    u64::from_be_bytes(last)
}

#[cfg(test)]
mod tests {
    use ff::Field;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    fn of(tau: Scalar) -> Option<KnownSecret> {
        known_secret(&(G1Affine::generator() * tau).to_affine())
    }

    #[test]
    fn small_secrets_are_found_with_their_sign() {
        let stride = u64::from(2 * STEPS + 1);
        let far = stride * u64::from(STEPS) + u64::from(STEPS);
        let edge = u64::from(STEPS);
        for magnitude in [
            2,
            3,
            42,
            1234,
            edge,
            edge + 1,
            stride - 1,
            stride,
            stride + 1,
            1 << 20,
        ]
        .into_iter()
        .chain([123_456_789, 2_147_000_000, far])
        {
            for is_negative in [false, true] {
                let tau = Scalar::from(magnitude);
                let small = KnownSecret::Small {
                    magnitude,
                    is_negative,
                };
                assert_eq!(of(if is_negative { -tau } else { tau }), Some(small));
            }
        }
        assert!(of(Scalar::from(1234)).unwrap().is_public());
        assert!(!of(Scalar::from(987_654_321)).unwrap().is_public());
        assert_eq!(of(Scalar::from(u64::MAX)), None);
        assert_eq!(of(Scalar::random(ChaCha20Rng::seed_from_u64(1))), None);
    }

    #[test]
    fn the_secrets_of_testing_sets_are_named() {
        assert_eq!(of(Scalar::ONE), Some(KnownSecret::One));
        let minus_one = of(-Scalar::ONE).unwrap().to_string();
        assert_eq!(minus_one, "tau = -1, which trying finds");
        let testing = of(Scalar::from(1337)).unwrap().to_string();
        assert!(
            testing.starts_with("tau = 1337, the secret of the testing sets"),
            "{testing}"
        );
        // 1927409816240961209460912649124 by its decimal digits.
        let digits = b"1927409816240961209460912649124";
        let research = digits.iter().fold(Scalar::ZERO, |sum, digit| {
            sum * Scalar::from(10) + Scalar::from(u64::from(digit - b'0'))
        });
        let named = of(research).unwrap().to_string();
        assert!(named.contains("0x1853cc084deab6c828953173a4"), "{named}");
        let mut all = TESTING.iter().map(|(digits, _)| digits);
        assert!(all.all(|digits| digits.len().is_multiple_of(2)));
    }

    #[test]
    fn a_root_of_unity_is_found_by_its_powers() {
        use ff::PrimeField;
        let mut root = Scalar::ROOT_OF_UNITY;
        for _ in 3..Scalar::S {
            root = root.square();
        }
        let powers: Vec<_> = std::iter::successors(Some(Scalar::ONE), |power| Some(*power * root))
            .take(16)
            .map(|power| (G1Affine::generator() * power).to_affine())
            .collect();
        let known = known_secret_of(&powers);
        assert_eq!(known, Some(KnownSecret::RootOfUnity { order: 8 }));
    }
}

//! A short name for a set of powers, the same in whichever form a file has them.
//!
//! SHA-256 over, one behind the other:
//!
//! * `tauline: fingerprint of powers, version 1`;
//! * the number of powers in G1, then in G2, as big-endian 64-bit numbers;
//! * \[τ\]₁ compressed, 48 bytes;
//! * all powers in G2 compressed, from \[τ⁰\]₂ on, 96 bytes each.
//!
//! Of *verified* powers this is a name for all of them: \[τ\]₁ and the numbers leave no choice for
//! any other. The further powers in G1 are left out because not every file has them: those with
//! Lagrange points alone determine \[τ\]₁ by one sum (see `export/lagrange/alone.rs`), and each
//! of the others by a sum of its own.

use std::fmt;
use std::str::FromStr;

use blstrs::{G1Affine, G2Affine};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::encoding::encode_hex;
use crate::powers::Powers;
use crate::sizes::Size;

/// Separates this use of the hash from any other, and names the version
/// (`docs/spec/ceremony.md#fingerprint`).
const DOMAIN: &[u8] = b"tauline: fingerprint of powers, version 1";

/// The published sets of Ethereum's KZG ceremony of 2023, computed from the published files:
/// `trusted_setup_4096.json` of ethereum/consensus-specs, and the 32768 powers of
/// autonomys/subspace. The sets of 8192 and 16384 powers are not published by themselves.
const PUBLISHED: [(&str, &str); 2] = [
    (
        "8b101ecd8ca8e607f2a2c3cf61977e1d9f0c5691d17d92e31251a1b188c5e108",
        "Ethereum's KZG ceremony of 2023, 4096 powers",
    ),
    (
        "f4b72d03c588073fd9114b4efa45f30007152175a9659cbdd67860ad0bf31ed2",
        "Ethereum's KZG ceremony of 2023, 32768 powers",
    ),
];

/// The fingerprint of a set of powers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a set of powers, from its number of powers in G1, \[τ\]₁, and all powers
    /// in G2.
    ///
    /// It is a name for the whole set if the set was verified.
    #[must_use]
    pub fn of(num_g1_powers: usize, tau_g1: &G1Affine, g2: &[G2Affine]) -> Self {
        let mut hasher = Sha256::new_with_prefix(DOMAIN);
        hasher.update((num_g1_powers as u64).to_be_bytes());
        hasher.update((g2.len() as u64).to_be_bytes());
        hasher.update(tau_g1.to_compressed());
        for power in g2 {
            hasher.update(power.to_compressed());
        }
        Self(hasher.finalize().into())
    }

    /// The published set that has this fingerprint.
    #[must_use]
    pub fn published_as(&self) -> Option<&'static str> {
        let text = self.to_string();
        let found = PUBLISHED.iter().find(|(known, _)| *known == text);
        found.map(|(_, name)| *name)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The text is not 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is 64 hex digits")]
pub struct FingerprintError;

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Reads 64 hex digits in either case, also behind `0x` or `sha256:`.
    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let digits = text
            .strip_prefix("0x")
            .or_else(|| text.strip_prefix("sha256:"))
            .unwrap_or(text);
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| FingerprintError)?;
        Ok(Self(bytes))
    }
}

/// What tells a verified set of powers from all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Mark {
    /// \[τ\]₁, compressed, as hex with `0x`.
    pub tau_g1: String,
    /// \[τ\]₂, compressed, as hex with `0x`.
    pub tau_g2: String,
    /// The fingerprint.
    pub fingerprint: Fingerprint,
    /// The published set that this is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_as: Option<&'static str>,
}

impl Mark {
    /// The mark of verified powers, from their number in G1, \[τ\]₁, and all of them in G2.
    #[must_use]
    pub fn new(num_g1_powers: usize, tau_g1: &G1Affine, g2: &[G2Affine]) -> Self {
        let fingerprint = Fingerprint::of(num_g1_powers, tau_g1, g2);
        let tau_g2 = g2.get(1).map(G2Affine::to_compressed);
        Self {
            tau_g1: encode_hex(&tau_g1.to_compressed()),
            tau_g2: tau_g2.map_or_else(String::new, |it| encode_hex(&it)),
            fingerprint,
            published_as: fingerprint.published_as(),
        }
    }
}

impl Powers {
    /// What tells these powers, once they are verified, from all others.
    #[must_use]
    pub fn mark(&self) -> Mark {
        let Size { g1, .. } = self.size();
        Mark::new(
            g1,
            &self.g1().get(1).copied().unwrap_or_default(),
            self.g2(),
        )
    }
}

#[cfg(test)]
mod tests {
    use group::Curve;
    use group::prime::PrimeCurveAffine;

    use super::*;

    #[test]
    fn every_point_and_number_counts() {
        let point = |n: u64| (G2Affine::generator() * blstrs::Scalar::from(n)).to_affine();
        let tau = (G1Affine::generator() * blstrs::Scalar::from(5)).to_affine();
        let g2 = [point(1), point(5), point(25)];
        let all = [
            Fingerprint::of(4, &tau, &g2),
            Fingerprint::of(5, &tau, &g2),
            Fingerprint::of(4, &tau, &g2[..2]),
            Fingerprint::of(4, &-tau, &g2),
            Fingerprint::of(4, &tau, &[point(1), point(5), point(26)]),
        ];
        for (i, one) in all.iter().enumerate() {
            assert!(!all[..i].contains(one));
        }
    }

    #[test]
    fn a_fingerprint_reads_what_it_writes() {
        let fingerprint = Fingerprint([0xab; 32]);
        let text = fingerprint.to_string();
        for text in [
            text.clone(),
            text.to_uppercase(),
            format!("0x{text}"),
            format!("sha256:{text}"),
        ] {
            assert_eq!(text.parse(), Ok(fingerprint));
        }
        for text in ["", "ab", &text[1..], &format!("{text}0"), "4096:65"] {
            assert_eq!(text.parse::<Fingerprint>(), Err(FingerprintError));
        }
    }
}

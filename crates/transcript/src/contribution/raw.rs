//! Contributions as they stand on the wire: points as bytes, nothing decoded, nothing believed.
//!
//! The base that the coordinator hands out and what a participant sends back have the same shape
//! (`docs/spec/ceremony.md#contribution`).

use std::fmt;
use std::marker::PhantomData;

use blstrs::{G1Affine, G2Affine};
use sha2::{Digest as _, Sha256};

use crate::encoding::{Encoding, Point, PointError, compress};
use crate::error::DocumentError;

/// Points of one group and one encoding, undecoded, end to end.
#[derive(Clone, PartialEq, Eq)]
pub struct RawPoints<P> {
    encoding: Encoding,
    bytes: Vec<u8>,
    group: PhantomData<P>,
}

impl<P: Point> RawPoints<P> {
    /// `bytes` has to be a whole number of points.
    pub(crate) fn from_parts(encoding: Encoding, bytes: Vec<u8>) -> Self {
        debug_assert!(bytes.len().is_multiple_of(P::encoded_len(encoding)));
        Self {
            encoding,
            bytes,
            group: PhantomData,
        }
    }

    /// The encodings of `points`.
    #[must_use]
    pub fn encode(points: &[P], encoding: Encoding) -> Self {
        let mut bytes = Vec::with_capacity(points.len() * P::encoded_len(encoding));
        for point in points {
            point.encode(encoding, &mut bytes);
        }
        Self::from_parts(encoding, bytes)
    }

    /// Points that stand end to end in `bytes`.
    ///
    /// # Errors
    ///
    /// When the last point is cut short.
    pub fn from_bytes(encoding: Encoding, bytes: Vec<u8>) -> Result<Self, PointError> {
        let expected = P::encoded_len(encoding);
        match bytes.len() % expected {
            0 => Ok(Self::from_parts(encoding, bytes)),
            got => Err(PointError::Length { expected, got }),
        }
    }

    /// How the points are encoded.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The number of points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() / P::encoded_len(self.encoding)
    }

    /// Whether there are no points.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// All bytes, point after point.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of each point.
    pub fn iter(&self) -> std::slice::ChunksExact<'_, u8> {
        self.bytes.chunks_exact(P::encoded_len(self.encoding))
    }

    /// Hashes the number of points and the compressed encoding of each.
    fn hash_into(&self, hash: &mut Sha256) {
        hash.update((self.len() as u64).to_be_bytes());
        match self.encoding {
            Encoding::Compressed => hash.update(&self.bytes),
            Encoding::Uncompressed => hash.update(self.compressed().bytes),
        }
    }

    /// The same points, compressed. Of bytes that are no points, something else that is none.
    pub(crate) fn compressed(&self) -> Self {
        if self.encoding == Encoding::Compressed {
            return self.clone();
        }
        let mut bytes = Vec::with_capacity(self.len() * P::COMPRESSED_LEN);
        for point in self.iter() {
            append_compressed(point, &mut bytes);
        }
        Self::from_parts(Encoding::Compressed, bytes)
    }

    fn to_encoding(&self, encoding: Encoding, at: &str) -> Result<Self, DocumentError> {
        if self.encoding == encoding {
            return Ok(self.clone());
        }
        let mut bytes = Vec::with_capacity(self.len() * P::encoded_len(encoding));
        for (i, point) in self.iter().enumerate() {
            P::decode(point, self.encoding)
                .map_err(|error| DocumentError::Point {
                    at: format!("{at}[{i}]"),
                    error,
                })?
                .encode(encoding, &mut bytes);
        }
        Ok(Self::from_parts(encoding, bytes))
    }
}

/// Appends the compressed encoding of a point, given the uncompressed one.
fn append_compressed(uncompressed: &[u8], out: &mut Vec<u8>) {
    /// Bytes of an uncompressed point of G2.
    const MAX_LEN: usize = 192;

    let mut bytes = [0; MAX_LEN];
    let bytes = &mut bytes[..uncompressed.len()];
    bytes.copy_from_slice(uncompressed);
    compress(bytes);
    out.extend_from_slice(&bytes[..uncompressed.len() / 2]);
}

impl<P: Point> fmt::Debug for RawPoints<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} points of {}", self.len(), self.encoding, P::GROUP)
    }
}

/// One point, undecoded.
#[derive(Clone, PartialEq, Eq)]
pub struct RawPoint<P> {
    encoding: Encoding,
    bytes: Vec<u8>,
    group: PhantomData<P>,
}

impl<P: Point> RawPoint<P> {
    /// `bytes` has to have the length of the encoding.
    pub(crate) fn from_parts(encoding: Encoding, bytes: Vec<u8>) -> Self {
        debug_assert_eq!(bytes.len(), P::encoded_len(encoding));
        Self {
            encoding,
            bytes,
            group: PhantomData,
        }
    }

    /// The encoding of `point`.
    #[must_use]
    pub fn encode(point: &P, encoding: Encoding) -> Self {
        let mut bytes = Vec::with_capacity(P::encoded_len(encoding));
        point.encode(encoding, &mut bytes);
        Self::from_parts(encoding, bytes)
    }

    /// A point in whichever encoding has as many bytes.
    ///
    /// # Errors
    ///
    /// When no encoding has.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, PointError> {
        let encoding = P::encoding_of_len(bytes.len()).ok_or(PointError::Length {
            expected: P::COMPRESSED_LEN,
            got: bytes.len(),
        })?;
        Ok(Self::from_parts(encoding, bytes))
    }

    /// How the point is encoded.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The point's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The point (`docs/spec/ceremony.md#check-2`).
    ///
    /// # Errors
    ///
    /// When the bytes are not the one encoding of a point.
    pub fn decode(&self) -> Result<P, PointError> {
        P::decode(&self.bytes, self.encoding)
    }

    /// The point's compressed encoding. Of bytes that are no point, something that depends on all
    /// of x.
    #[must_use]
    pub fn to_compressed_bytes(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        if self.encoding == Encoding::Uncompressed {
            compress(&mut bytes);
            bytes.truncate(P::COMPRESSED_LEN);
        }
        bytes
    }

    fn to_encoding(&self, encoding: Encoding, at: &str) -> Result<Self, DocumentError> {
        if self.encoding == encoding {
            return Ok(self.clone());
        }
        let point = self.decode().map_err(|error| DocumentError::Point {
            at: at.to_owned(),
            error,
        })?;
        Ok(Self::encode(&point, encoding))
    }
}

impl<P: Point> fmt::Debug for RawPoint<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::encoding::encode_hex(&self.bytes))
    }
}

/// The powers of one sub-ceremony, undecoded: `powersOfTau`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawPowers {
    /// Powers in G1: `G1Powers`.
    pub g1: RawPoints<G1Affine>,
    /// Powers in G2: `G2Powers`.
    pub g2: RawPoints<G2Affine>,
}

/// One sub-ceremony of a contribution, undecoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawSubContribution {
    /// The stated number of powers in G1; the list may disagree.
    pub num_g1_powers: u64,
    /// The stated number of powers in G2; the list may disagree.
    pub num_g2_powers: u64,
    /// The powers after the contribution.
    pub powers: RawPowers,
    /// \[x\]₂, where x is the contributor's secret; in a base, the generator.
    pub pot_pubkey: RawPoint<G2Affine>,
    /// BLS signature over the contributor's identity, if one was given.
    pub bls_signature: Option<[u8; 48]>,
}

impl RawSubContribution {
    /// The compressed encoding of P\[1\], which a transcript keeps as a running product; none when
    /// there are fewer powers.
    #[must_use]
    pub fn running_product(&self) -> Option<Vec<u8>> {
        let point = RawPoint::<G1Affine>::from_bytes(self.powers.g1.iter().nth(1)?.to_vec());
        Some(point.ok()?.to_compressed_bytes())
    }
}

/// A contribution to all sub-ceremonies, undecoded.
///
/// All points have one encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawContribution {
    /// The sub-ceremonies in the ceremony's order.
    pub sub_contributions: Vec<RawSubContribution>,
    /// EIP-712 signature over the public keys, r‖s‖v, if one was given.
    pub ecdsa_signature: Option<[u8; 65]>,
}

impl RawContribution {
    /// The same contribution with all points in `encoding`.
    ///
    /// # Errors
    ///
    /// When the encoding changes and bytes are not a point.
    pub fn to_encoding(&self, encoding: Encoding) -> Result<Self, DocumentError> {
        let sub_contributions = self
            .sub_contributions
            .iter()
            .enumerate()
            .map(|(i, sub)| {
                let at = |what| format!("contributions[{i}].{what}");
                Ok(RawSubContribution {
                    powers: RawPowers {
                        g1: sub.powers.g1.to_encoding(encoding, &at("G1Powers"))?,
                        g2: sub.powers.g2.to_encoding(encoding, &at("G2Powers"))?,
                    },
                    pot_pubkey: sub.pot_pubkey.to_encoding(encoding, &at("potPubkey"))?,
                    ..*sub
                })
            })
            .collect::<Result<_, DocumentError>>()?;
        Ok(Self {
            sub_contributions,
            ..*self
        })
    }

    /// SHA-256 of what the contribution says, the same in every form and encoding: the stated
    /// numbers, the powers and the public keys. Signatures do not count: no check depends on them,
    /// and a contribution that is signed again is still the same.
    ///
    /// Nothing is decoded. Uncompressed bytes that are no points may have the digest of others.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for sub in &self.sub_contributions {
            hash.update(sub.num_g1_powers.to_be_bytes());
            hash.update(sub.num_g2_powers.to_be_bytes());
            sub.powers.g1.hash_into(&mut hash);
            sub.powers.g2.hash_into(&mut hash);
            hash.update(sub.pot_pubkey.to_compressed_bytes());
        }
        hash.finalize().into()
    }

    /// The encoding of the document's points, for a document without points the compressed one.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.sub_contributions
            .first()
            .map(|sub| sub.pot_pubkey.encoding)
            .unwrap_or_default()
    }

    /// An upper bound for the document's length in MessagePack, in bytes.
    pub(crate) fn msgpack_len(&self) -> usize {
        /// What stands before a point.
        const POINT: usize = 2;
        /// What stands around a list, names and signatures with it.
        const LIST: usize = 256;
        let subs = self.sub_contributions.iter();
        let lists = subs.map(|sub| {
            let RawPowers { g1, g2 } = &sub.powers;
            let points = POINT * (g1.len() + g2.len() + 1);
            points + g1.bytes.len() + g2.bytes.len() + sub.pot_pubkey.bytes.len() + 2 * LIST
        });
        LIST + lists.sum::<usize>()
    }

    /// The one encoding of all points. Lists without points fit any.
    pub(crate) fn check_encoding(&self) -> Result<Encoding, DocumentError> {
        let first = self.encoding();
        for (i, sub) in self.sub_contributions.iter().enumerate() {
            let places = [
                ("G1Powers", sub.powers.g1.encoding, sub.powers.g1.is_empty()),
                ("G2Powers", sub.powers.g2.encoding, sub.powers.g2.is_empty()),
                ("potPubkey", sub.pot_pubkey.encoding, false),
            ];
            for (what, got, is_empty) in places {
                if got != first && !is_empty {
                    return Err(DocumentError::MixedEncodings {
                        at: format!("contributions[{i}].{what}"),
                        got,
                        first,
                    });
                }
            }
        }
        Ok(first)
    }
}

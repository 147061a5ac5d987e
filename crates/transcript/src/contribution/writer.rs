//! A contribution written part by part, while the parts to come are still being computed.
//!
//! Put together, the parts are the bytes of
//! [`RawContribution::to_json`](crate::RawContribution::to_json) or
//! [`to_msgpack`](crate::RawContribution::to_msgpack), and their length is known before any of them
//! is: points and signatures have one length each.

use blstrs::{G1Affine, G2Affine};
use group::prime::PrimeCurveAffine;
use serde::Serialize;

use crate::contribution::raw::{RawPoint, RawPoints, RawPowers, RawSubContribution};
use crate::contribution::wire::signature::LenientSignature;
use crate::encoding::{Encoding, Point};
use crate::error::DocumentError;
use crate::sizes::Sizes;
use crate::text_limits::error_text;

/// The form in which a contribution's parts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContributionForm {
    /// Compact JSON, points compressed.
    Json,
    /// MessagePack, points in this encoding.
    Msgpack(Encoding),
}

impl ContributionForm {
    /// The encoding of the points.
    #[must_use]
    pub fn encoding(self) -> Encoding {
        match self {
            Self::Json => Encoding::Compressed,
            Self::Msgpack(encoding) => encoding,
        }
    }

    /// What comes before the first of `count` sub-ceremonies.
    ///
    /// # Errors
    ///
    /// What the serializer could report; never in practice. The same holds of all parts.
    pub fn opening(self, count: usize) -> Result<Vec<u8>, DocumentError> {
        let mut out = Vec::new();
        match self {
            Self::Json => out.extend_from_slice(br#"{"contributions":["#),
            Self::Msgpack(_) => {
                let count = u32::try_from(count).map_err(packing)?;
                rmp::encode::write_map_len(&mut out, 2).map_err(packing)?;
                rmp::encode::write_str(&mut out, "contributions").map_err(packing)?;
                rmp::encode::write_array_len(&mut out, count).map_err(packing)?;
            }
        }
        Ok(out)
    }

    /// The contribution to the sub-ceremony at `index`, whose points are in
    /// [`encoding`](Self::encoding).
    #[expect(clippy::missing_errors_doc, reason = "see `opening`")]
    pub fn sub_contribution(
        self,
        index: usize,
        sub: &RawSubContribution,
    ) -> Result<Vec<u8>, DocumentError> {
        let mut out = Vec::new();
        if self == Self::Json && index > 0 {
            out.push(b',');
        }
        self.write(&mut out, sub)?;
        Ok(out)
    }

    /// What comes after the last sub-ceremony.
    #[expect(clippy::missing_errors_doc, reason = "see `opening`")]
    pub fn closing(self, ecdsa_signature: Option<[u8; 65]>) -> Result<Vec<u8>, DocumentError> {
        let mut out = Vec::new();
        match self {
            Self::Json => out.extend_from_slice(br#"],"ecdsaSignature":"#),
            Self::Msgpack(_) => {
                rmp::encode::write_str(&mut out, "ecdsaSignature").map_err(packing)?;
            }
        }
        self.write(&mut out, &LenientSignature(ecdsa_signature))?;
        if self == Self::Json {
            out.push(b'}');
        }
        Ok(out)
    }

    /// The length of the whole document, for a ceremony of these sizes, all sub-ceremonies signed.
    #[expect(clippy::missing_errors_doc, reason = "see `opening`")]
    pub fn document_len(
        self,
        sizes: &Sizes,
        is_ecdsa_signed: bool,
    ) -> Result<usize, DocumentError> {
        let closing = self.closing(is_ecdsa_signed.then_some([0; 65]))?;
        let mut len = self.opening(sizes.len())?.len() + closing.len();
        for (index, size) in sizes.iter().enumerate() {
            let encoding = self.encoding();
            let empty = RawSubContribution {
                num_g1_powers: size.g1 as u64,
                num_g2_powers: size.g2 as u64,
                powers: RawPowers {
                    g1: RawPoints::encode(&[], encoding),
                    g2: RawPoints::encode(&[], encoding),
                },
                pot_pubkey: RawPoint::encode(&G2Affine::generator(), encoding),
                bls_signature: Some([0; 48]),
            };
            len += self.sub_contribution(index, &empty)?.len()
                + self.list_len::<G1Affine>(size.g1)
                + self.list_len::<G2Affine>(size.g2);
        }
        Ok(len)
    }

    /// The bytes that so many points add to an empty list.
    fn list_len<P: Point>(self, points: usize) -> usize {
        /// Header of a byte string of 32 to 255 bytes.
        const BIN_8: usize = 2;
        let point = P::encoded_len(self.encoding());
        match self {
            // Quotes, 0x, digits, and commas between.
            Self::Json => points * (2 * point + 4) + points.saturating_sub(1),
            Self::Msgpack(_) => {
                // Headers of lists of at most 15, 65,535 and more items, beyond the shortest.
                let header = match points {
                    0..=15 => 0,
                    16..=0xffff => 2,
                    _ => 4,
                };
                points * (BIN_8 + point) + header
            }
        }
    }

    fn write(self, out: &mut Vec<u8>, value: &impl Serialize) -> Result<(), DocumentError> {
        match self {
            Self::Json => serde_json::to_writer(out, value)
                .map_err(|error| DocumentError::Json(error_text(error))),
            Self::Msgpack(_) => {
                let mut serializer = rmp_serde::Serializer::new(out).with_struct_map();
                value.serialize(&mut serializer).map_err(packing)
            }
        }
    }
}

fn packing(error: impl std::fmt::Display) -> DocumentError {
    DocumentError::MessagePack(error_text(error))
}

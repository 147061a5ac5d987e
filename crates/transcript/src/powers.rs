//! Powers of tau, decoded once, and the base that contributors build on.

use std::fmt;

use blstrs::{G1Affine, G2Affine};
use group::prime::PrimeCurveAffine;
use rayon::prelude::*;

use crate::contribution::lists::Lists;
use crate::contribution::raw::{
    RawContribution, RawPoint, RawPoints, RawPowers, RawSubContribution,
};
use crate::encoding::Encoding;
use crate::error::{DocumentError, Invalid, SubCeremony};
use crate::sizes::{Size, Sizes};

/// The powers of one sub-ceremony, decoded: every point is on the curve
/// (`docs/spec/known-faults.md#decoded-twice`).
#[derive(Clone, PartialEq, Eq)]
pub struct Powers {
    g1: Vec<G1Affine>,
    g2: Vec<G2Affine>,
}

impl Powers {
    /// The start of a sub-ceremony: τ = 1, every power is the generator.
    #[must_use]
    pub fn initial(size: Size) -> Self {
        Self {
            g1: vec![G1Affine::generator(); size.g1],
            g2: vec![G2Affine::generator(); size.g2],
        }
    }

    pub(crate) fn new(g1: Vec<G1Affine>, g2: Vec<G2Affine>) -> Self {
        Self { g1, g2 }
    }

    /// \[τⁱ\]₁ at index i.
    #[must_use]
    pub fn g1(&self) -> &[G1Affine] {
        &self.g1
    }

    /// \[τⁱ\]₂ at index i.
    #[must_use]
    pub fn g2(&self) -> &[G2Affine] {
        &self.g2
    }

    /// The numbers of powers.
    #[must_use]
    pub fn size(&self) -> Size {
        Size {
            g1: self.g1.len(),
            g2: self.g2.len(),
        }
    }

    /// The powers as bytes.
    #[must_use]
    pub fn to_raw(&self, encoding: Encoding) -> RawPowers {
        RawPowers {
            g1: RawPoints::encode(&self.g1, encoding),
            g2: RawPoints::encode(&self.g2, encoding),
        }
    }
}

impl fmt::Debug for Powers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Powers({})", self.size())
    }
}

impl RawPowers {
    /// The points (`docs/spec/ceremony.md#check-2`), on all cores.
    ///
    /// # Errors
    ///
    /// Names the lowest G1 power that does not decode, or else the lowest G2 power.
    pub fn decode(&self, sub_ceremony: SubCeremony) -> Result<Powers, Invalid> {
        let Lists { g1, g2, .. } = self.decode_lists(sub_ceremony)?;
        Ok(Powers {
            g1: g1.to_affine(),
            g2,
        })
    }
}

/// What contributors build on: the powers of all sub-ceremonies after the last contribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    sizes: Sizes,
    powers: Vec<Powers>,
}

impl Base {
    /// The start of a ceremony: τ = 1 everywhere.
    #[must_use]
    pub fn initial(sizes: &Sizes) -> Self {
        Self {
            powers: sizes.iter().map(Powers::initial).collect(),
            sizes: sizes.clone(),
        }
    }

    /// `powers` has to have the sizes `sizes`.
    pub(crate) fn from_parts(sizes: Sizes, powers: Vec<Powers>) -> Self {
        debug_assert!(sizes.iter().eq(powers.iter().map(Powers::size)));
        Self { sizes, powers }
    }

    /// Reads a base that is trusted: one's own, stored after it was verified.
    ///
    /// Checks sizes and decoding alone (`docs/spec/ceremony.md#check-1`,
    /// `docs/spec/ceremony.md#check-2`). For a base from somebody else use
    /// [`verify_base`](crate::verify::verify_base).
    ///
    /// # Errors
    ///
    /// When sizes differ, or a point does not decode.
    pub fn decode(document: &RawContribution, sizes: &Sizes) -> Result<Self, Invalid> {
        let subs = document.check_sizes(sizes)?;
        let powers = subs
            .into_par_iter()
            .map(|(sub_ceremony, sub)| sub.powers.decode(sub_ceremony))
            .collect::<Vec<_>>();
        Ok(Self {
            sizes: sizes.clone(),
            powers: powers.into_iter().collect::<Result<_, _>>()?,
        })
    }

    /// The ceremony's sizes.
    #[must_use]
    pub fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    /// The powers of each sub-ceremony, in the ceremony's order.
    #[must_use]
    pub fn powers(&self) -> &[Powers] {
        &self.powers
    }

    /// The document that is handed out: public keys are the generator, there are no signatures
    /// (`docs/spec/ceremony.md#base`).
    #[must_use]
    pub fn to_raw(&self, encoding: Encoding) -> RawContribution {
        let sub_contributions = self
            .powers
            .iter()
            .map(|powers| RawSubContribution {
                num_g1_powers: powers.g1.len() as u64,
                num_g2_powers: powers.g2.len() as u64,
                powers: powers.to_raw(encoding),
                pot_pubkey: RawPoint::encode(&G2Affine::generator(), encoding),
                bls_signature: None,
            })
            .collect();
        RawContribution {
            sub_contributions,
            ecdsa_signature: None,
        }
    }

    /// The document that is handed out, as compact JSON.
    ///
    /// # Errors
    ///
    /// Never in practice; what the serializer could report.
    pub fn to_json(&self) -> Result<Vec<u8>, DocumentError> {
        self.to_raw(Encoding::Compressed).to_json()
    }

    /// The document that is handed out, as MessagePack.
    ///
    /// # Errors
    ///
    /// Never in practice; what the serializer could report.
    pub fn to_msgpack(&self, encoding: Encoding) -> Result<Vec<u8>, DocumentError> {
        self.to_raw(encoding).to_msgpack(encoding)
    }
}

impl RawContribution {
    /// The base that comes of an accepted contribution, as it is handed out with compressed points: that of
    /// [`Base::to_raw`], without a point being decoded (`docs/spec/ceremony.md#base`).
    ///
    /// The contribution has to be one that was verified: nothing is checked here.
    #[must_use]
    pub fn to_base(&self) -> Self {
        let subs = self.sub_contributions.iter();
        let sub_contributions = subs.map(|sub| {
            let powers = RawPowers {
                g1: sub.powers.g1.compressed(),
                g2: sub.powers.g2.compressed(),
            };
            RawSubContribution {
                num_g1_powers: powers.g1.len() as u64,
                num_g2_powers: powers.g2.len() as u64,
                powers,
                pot_pubkey: RawPoint::encode(&G2Affine::generator(), Encoding::Compressed),
                bls_signature: None,
            }
        });
        Self {
            sub_contributions: sub_contributions.collect(),
            ecdsa_signature: None,
        }
    }
}

//! What of a base the checks on a contribution ask for.

use blstrs::G1Affine;

use crate::contribution::raw::RawContribution;
use crate::encoding::Point as _;
use crate::error::{Check, Element, Invalid};
use crate::powers::Base;
use crate::sizes::Sizes;

/// What a contribution builds on, as far as its verification asks: the ceremony's sizes, and the G1 power 1 of
/// each sub-ceremony (`docs/spec/ceremony.md#check-5`). All other powers are checked among themselves.
///
/// Whoever has a base only as the document that was accepted needs not decode sixty thousand points for this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foundation {
    sizes: Sizes,
    first_powers: Vec<G1Affine>,
}

impl Foundation {
    /// That of a base.
    #[must_use]
    pub fn of(base: &Base) -> Self {
        Self {
            sizes: base.sizes().clone(),
            first_powers: base.powers().iter().map(|powers| powers.g1()[1]).collect(),
        }
    }

    /// That of a document that is trusted: a contribution that was verified, or a base of one's own.
    ///
    /// # Errors
    ///
    /// When sizes differ, or a point that is asked for does not decode.
    pub fn decode(document: &RawContribution, sizes: &Sizes) -> Result<Self, Invalid> {
        let first = document.check_sizes(sizes)?.into_iter();
        let first = first.map(|(sub_ceremony, sub)| {
            let powers = &sub.powers.g1;
            let point = powers.iter().nth(1).unwrap_or_default();
            G1Affine::decode(point, powers.encoding()).map_err(|error| Invalid {
                sub_ceremony: Some(sub_ceremony),
                check: Check::Decoding {
                    element: Element::G1Power,
                    error,
                },
                index: Some(1),
            })
        });
        Ok(Self {
            first_powers: first.collect::<Result<_, _>>()?,
            sizes: sizes.clone(),
        })
    }

    /// The ceremony's sizes.
    #[must_use]
    pub fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    /// The G1 power 1 of each sub-ceremony, in the ceremony's order.
    pub(crate) fn first_powers(&self) -> &[G1Affine] {
        &self.first_powers
    }
}

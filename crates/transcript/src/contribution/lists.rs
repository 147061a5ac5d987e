//! A contribution's lists of powers: their numbers (`docs/spec/ceremony.md#check-1`), and their
//! points (check 2).

use blstrs::G2Affine;

use crate::arithmetic::{Backend, G1, G1List, G2List, Undecodable, WindowSums};
use crate::contribution::raw::{RawContribution, RawPowers, RawSubContribution};
use crate::error::{Check, Element, Invalid, SubCeremony};
use crate::sizes::{Size, Sizes};

impl RawContribution {
    /// Checks the number of sub-ceremonies and of powers, both stated and listed
    /// (`docs/spec/ceremony.md#check-1`), and names each sub-ceremony.
    ///
    /// # Errors
    ///
    /// When a number is not the ceremony's.
    pub fn check_sizes(
        &self,
        sizes: &Sizes,
    ) -> Result<Vec<(SubCeremony, &RawSubContribution)>, Invalid> {
        let expected = sizes.len();
        let got = self.sub_contributions.len();
        if got != expected {
            return Err(Invalid {
                sub_ceremony: None,
                check: Check::Count { expected, got },
                index: None,
            });
        }
        let named = sizes.iter().zip(&self.sub_contributions).enumerate();
        named
            .map(|(index, (size, sub))| {
                let sub_ceremony = SubCeremony { index, size };
                sub.check_size(sub_ceremony)?;
                Ok((sub_ceremony, sub))
            })
            .collect()
    }
}

impl RawSubContribution {
    fn check_size(&self, sub_ceremony: SubCeremony) -> Result<(), Invalid> {
        let Size { g1, g2 } = sub_ceremony.size;
        let numbers = [
            (Element::G1Power, g1, self.num_g1_powers),
            (Element::G2Power, g2, self.num_g2_powers),
            (Element::G1Power, g1, self.powers.g1.len() as u64),
            (Element::G2Power, g2, self.powers.g2.len() as u64),
        ];
        for (element, expected, got) in numbers {
            if got != expected as u64 {
                return Err(Invalid {
                    sub_ceremony: Some(sub_ceremony),
                    check: Check::Sizes {
                        element,
                        expected,
                        got,
                    },
                    index: None,
                });
            }
        }
        Ok(())
    }
}

impl RawPowers {
    /// The points, those of G1 ready for sums over all of them.
    pub(crate) fn decode_lists(&self, sub_ceremony: SubCeremony) -> Result<Lists, Invalid> {
        let path = Backend::best();
        let g1 = G1List::decode(self.g1.bytes(), self.g1.encoding(), path)
            .map_err(undecodable(sub_ceremony, Element::G1Power))?;
        let g2 = G2List::decode(self.g2.bytes(), self.g2.encoding(), path)
            .map_err(undecodable(sub_ceremony, Element::G2Power))?;
        Ok(Lists {
            g1,
            sums: Vec::new(),
            g2: g2.to_affine(),
        })
    }
}

/// The powers of one sub-ceremony, decoded, nothing else known of them.
pub(crate) struct Lists {
    pub(crate) g1: G1List,
    /// The window sums of the G1 powers, if they have been taken, of stretches that have one
    /// point in common with the next.
    pub(crate) sums: Vec<WindowSums<G1>>,
    pub(crate) g2: Vec<G2Affine>,
}

/// Names the power that does not decode (`docs/spec/ceremony.md#check-2`).
pub(crate) fn undecodable(
    sub_ceremony: SubCeremony,
    element: Element,
) -> impl FnOnce(Undecodable) -> Invalid {
    move |(index, error)| Invalid {
        sub_ceremony: Some(sub_ceremony),
        check: Check::Decoding { element, error },
        index: Some(index),
    }
}

//! Sums of two multiples, c·P + d·Q, of many pairs of points, which share their doublings.

use blstrs::G1Affine;

use crate::arithmetic::curve::decode::{from_library, load, to_library};
use crate::arithmetic::curve::endomorphism::BETA;
use crate::arithmetic::curve::groups::G1;
use crate::arithmetic::curve::projective::Projective;
use crate::arithmetic::field::backend::Backend;
use crate::arithmetic::field::lanes::{Lanes, Task};
use crate::arithmetic::field::library;
use crate::arithmetic::field::portable::Portable;
#[cfg(target_arch = "x86_64")]
use crate::arithmetic::field::radix52::Radix52;
use crate::arithmetic::sums::multiples::{look_up, multiples_of, to_affine};
use crate::arithmetic::sums::scalars::{Coefficient, DOUBLINGS, LaneDigits};

/// A point with its coefficient, twice.
pub(crate) type Terms = [(G1Affine, Coefficient); 2];

/// c·P + d·Q of each of these, on one core. For points in the subgroup, or infinity; of others
/// comes some point of the curve.
pub(crate) fn sums_of_two(terms: &[Terms], path: Backend) -> Vec<G1Affine> {
    match path {
        #[cfg(target_arch = "x86_64")]
        Backend::Ifma(ifma) => Radix52(ifma).enter(SumsOfTwo { terms }),
        Backend::Portable => SumsOfTwo { terms }.run(Portable),
    }
}

pub(crate) struct SumsOfTwo<'a> {
    pub(crate) terms: &'a [Terms],
}

impl<L: Lanes> Task<L> for SumsOfTwo<'_> {
    type Output = Vec<G1Affine>;

    #[inline(always)]
    fn run(self, lanes: L) -> Vec<G1Affine> {
        let beta = lanes.import_one(&library::from_words(&BETA));
        let mut sums = Vec::with_capacity(self.terms.len().div_ceil(L::N));
        for terms in self.terms.chunks(L::N) {
            sums.push(sum_of_two(lanes, terms, beta));
        }
        let mut affine = Vec::with_capacity(self.terms.len());
        to_affine(lanes, &sums, self.terms.len(), &mut affine);
        let mut out = Vec::with_capacity(affine.len());
        to_library::<G1, L>(lanes, &affine, &mut out);
        out
    }
}

/// As in [`multiples`](crate::arithmetic::sums::multiples), with four additions between doublings.
#[inline(always)]
fn sum_of_two<L: Lanes>(lanes: L, terms: &[Terms], beta: L::V) -> Projective<L::V> {
    let mut factors = Vec::with_capacity(2);
    for which in 0..2 {
        let points: Vec<G1Affine> = terms.iter().map(|terms| terms[which].0).collect();
        let halves: Vec<_> = terms.iter().map(|terms| terms[which].1.halves()).collect();
        let mut list = Vec::with_capacity(L::N);
        from_library::<G1, L>(lanes, &points, &mut list);
        let [x, y] = load(lanes, &list);
        let table = multiples_of(lanes, Projective::from_affine(lanes, x, y));
        factors.push((table, LaneDigits::new(&halves)));
    }
    let mut sum = Projective::infinity(lanes);
    for place in (0..Coefficient::DIGITS).rev() {
        if place + 1 < Coefficient::DIGITS {
            for _ in 0..DOUBLINGS {
                sum = sum.double(lanes);
            }
        }
        for (table, digits) in &factors {
            let term = look_up(lanes, table, digits, place, 0);
            sum = sum.add(lanes, term.negate(lanes, digits.negative(place, 0)));
            let term = look_up(lanes, table, digits, place, 1);
            let term = Projective {
                x: lanes.mul(term.x, beta),
                ..term
            };
            sum = sum.add(lanes, term.negate(lanes, !digits.negative(place, 1)));
        }
    }
    sum
}

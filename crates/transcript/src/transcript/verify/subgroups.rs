//! Which points of a batch are in the subgroup, tested over all sub-ceremonies at once.

use blstrs::G1Projective;
use rayon::prelude::*;

use crate::arithmetic::{Backend, Coefficient, Combination, Curve, G1, G2, List};
use crate::encoding::Point;
use crate::error::Element;
use crate::transcript::report::failure::{Found, TranscriptCheck};
use crate::transcript::verify::links::Link;
use crate::transcript::verify::points::{BatchPoints, Randoms};

/// Fewest points that are tested by the planes of a random combination (see `arithmetic/sums/combination.rs`): 128 planes
/// are tested instead of the points, and their sums cost about as much as 100 tests.
const MIN_COMBINED: usize = 256;

/// Whose point it is.
#[derive(Clone, Copy, Debug)]
struct Place {
    i: usize,
    sub: usize,
    is_signature: bool,
}

/// Points of all sub-ceremonies, put together.
struct Gathered<C: Curve> {
    places: Vec<Place>,
    points: Vec<C::Point>,
    coefficients: Vec<Coefficient>,
}

impl<C: Curve> Gathered<C> {
    fn new() -> Self {
        Self {
            places: Vec::new(),
            points: Vec::new(),
            coefficients: Vec::new(),
        }
    }

    fn push(&mut self, place: Place, point: C::Point, random: &[u8; 16]) {
        self.places.push(place);
        self.points.push(point);
        self.coefficients.push(Coefficient::from_bytes(random));
    }

    /// Tests the points by one random combination if that pays, and returns it if it shows all
    /// to be in the subgroup.
    fn combine(&self) -> Option<Combination<C>> {
        if self.points.len() < MIN_COMBINED {
            return None;
        }
        let list = List::<C>::from_affine(&self.points, Backend::best());
        let combination = list.combine(&self.coefficients);
        combination.in_subgroup().then_some(combination)
    }

    /// The places of the points that are not in the subgroup, each tested by itself.
    fn outside(&self) -> Vec<Place> {
        let points = self.points.par_iter().zip(&self.places);
        let outside = points.filter(|(point, _)| !point.in_subgroup());
        outside.map(|(_, place)| *place).collect()
    }
}

/// Refuses the public keys that are not in the subgroup.
pub(crate) fn refuse_pubkeys(
    first: u64,
    points: &mut [BatchPoints],
    random: &Randoms,
    found: &mut Vec<Found>,
) {
    let mut gathered = Gathered::<G2>::new();
    for (sub, points) in points.iter().enumerate() {
        for (i, pubkey) in points.pubkeys.iter().enumerate() {
            if let Some(pubkey) = pubkey {
                let place = Place {
                    i,
                    sub,
                    is_signature: false,
                };
                gathered.push(place, *pubkey, &random.of(i, sub).pubkey);
            }
        }
    }
    if gathered.combine().is_some() {
        return;
    }
    for Place { i, sub, .. } in gathered.outside() {
        points[sub].pubkeys[i] = None;
        let element = Element::PotPubkey;
        found.push((first + i as u64, sub, TranscriptCheck::Subgroup { element }));
    }
}

/// All running products and signatures of a batch, which are in the subgroup, combined.
pub(crate) struct CombinedG1 {
    gathered: Gathered<G1>,
    combination: Combination<G1>,
}

/// Combines the running products and the signatures, if that pays and all are in the subgroup.
/// Otherwise refuses those running products that are not, and drops such signatures.
pub(crate) fn combine_g1(
    first: u64,
    points: &mut [BatchPoints],
    random: &Randoms,
    found: &mut Vec<Found>,
) -> Option<CombinedG1> {
    let mut gathered = Gathered::<G1>::new();
    for (sub, points) in points.iter().enumerate() {
        for (points, is_signature) in [(&points.products, false), (&points.signatures, true)] {
            for (i, point) in points.iter().enumerate() {
                if let Some(point) = point {
                    let random = random.of(i, sub);
                    let random = match is_signature {
                        true => &random.signature,
                        false => &random.product,
                    };
                    let place = Place {
                        i,
                        sub,
                        is_signature,
                    };
                    gathered.push(place, *point, random);
                }
            }
        }
    }
    if let Some(combination) = gathered.combine() {
        return Some(CombinedG1 {
            gathered,
            combination,
        });
    }
    for place in gathered.outside() {
        let (i, sub) = (place.i, place.sub);
        if place.is_signature {
            points[sub].signatures[i] = None;
            continue;
        }
        points[sub].products[i] = None;
        let element = Element::RunningProduct;
        found.push((first + i as u64, sub, TranscriptCheck::Subgroup { element }));
    }
    None
}

impl CombinedG1 {
    /// The sum, with their coefficients, of the running products and signatures of these links.
    pub(crate) fn right(&self, links: &[Link]) -> G1Projective {
        let subs = self.gathered.places.iter().map(|place| place.sub + 1).max();
        let entries = self.gathered.places.iter().map(|place| place.i + 1).max();
        let mut linked = vec![vec![[false; 2]; entries.unwrap_or(0)]; subs.unwrap_or(0)];
        for link in links {
            linked[link.sub][link.i] = [true, link.signature.is_some()];
        }
        let gathered = &self.gathered;
        let terms = (gathered.places.par_iter())
            .zip(&gathered.points)
            .zip(&gathered.coefficients);
        // The start's, and those that a bad point stands beside.
        let unlinked: G1Projective = terms
            .filter(|((place, _), _)| !linked[place.sub][place.i][usize::from(place.is_signature)])
            .map(|((_, point), coefficient)| point * coefficient.to_scalar())
            .sum();
        self.combination.sum() - unlinked
    }
}

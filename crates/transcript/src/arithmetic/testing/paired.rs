use super::*;
use crate::arithmetic::curve::groups::{Curve as PointCurve, G1, G2};
use crate::arithmetic::curve::list::List;
use crate::arithmetic::pairing::miller::{Miller, miller_product};
use crate::arithmetic::sums::combination::Combination;
use crate::arithmetic::sums::pairs::{SumsOfTwo, Terms};
use crate::arithmetic::sums::scalars::Coefficient;
use blst::blst_fp12;

fn in_subgroup_g2(rng: &mut ChaCha20Rng) -> G2Affine {
    (G2Projective::generator() * Scalar::random(rng)).to_affine()
}

fn random_coefficients(len: usize, rng: &mut ChaCha20Rng) -> Vec<Coefficient> {
    let mut bytes = vec![[0; 16]; len];
    bytes.iter_mut().for_each(|bytes| rng.fill_bytes(bytes));
    bytes.iter().map(Coefficient::from_bytes).collect()
}

/// An eighth of them at the ends of the range, of the halves.
fn coefficients(len: usize, rng: &mut ChaCha20Rng) -> Vec<Coefficient> {
    let mut coefficients = random_coefficients(len, rng);
    for (i, coefficient) in coefficients.iter_mut().enumerate().take(len / 8) {
        let mut bytes = [[0; 16], [0xff; 16]][i % 2];
        bytes[8..].fill([0xff, 0][i / 2 % 2]);
        *coefficient = Coefficient::from_bytes(&bytes);
    }
    coefficients
}

/// Random pairs, with infinities among the points of G1.
fn pairs(len: usize, rng: &mut ChaCha20Rng) -> Vec<(G1Affine, G2Affine)> {
    (0..len)
        .map(|i| match i % 7 {
            3 => (G1Affine::default(), in_subgroup_g2(rng)),
            _ => (in_subgroup(rng), in_subgroup_g2(rng)),
        })
        .collect()
}

struct MillerLoops;

impl Law for MillerLoops {
    fn check<L: Lanes>(&self, lanes: L, name: &str) {
        let mut rng = rng(50);
        for len in [0, 1, 2, 7, 8, 9, 19] {
            let pairs = pairs(len, &mut rng);
            let values = lanes.enter(Miller { pairs: &pairs });
            let product = library::product(&values);
            let expected = miller_product(&pairs, Backend::Portable);
            assert_eq!(
                product.final_exp(),
                expected.final_exp(),
                "{name}: {len} pairs"
            );
            assert_eq!(expected.final_exp() == blst_fp12::default(), len == 0);
        }
    }
}

#[test]
fn miller_loops_are_the_library_s() {
    for_each_as_it_is(&MillerLoops);
}

#[test]
fn infinities_contribute_nothing() {
    let mut rng = rng(55);
    for path in paths() {
        let pairs = vec![(G1Affine::default(), in_subgroup_g2(&mut rng)); 3];
        let product = miller_product(&pairs, path);
        assert_eq!(product.final_exp(), blst_fp12::default(), "{path:?}");
    }
}

#[test]
fn pairings_that_cancel_are_one() {
    let mut rng = rng(51);
    for path in paths() {
        let mut all = Vec::new();
        for _ in 0..10 {
            let (secret, p) = (Scalar::random(&mut rng), in_subgroup(&mut rng));
            let q = in_subgroup_g2(&mut rng);
            all.push(((p * secret).to_affine(), q));
            all.push((-p, (q * secret).to_affine()));
        }
        let one = |pairs: &[_]| miller_product(pairs, path).final_exp() == blst_fp12::default();
        assert!(one(&all));
        all[13].0 = -all[13].0;
        assert!(!one(&all));
    }
}

struct SumsOfPairs;

impl Law for SumsOfPairs {
    fn check<L: Lanes>(&self, lanes: L, name: &str) {
        let mut rng = rng(52);
        let factors = coefficients(80, &mut rng);
        let mut terms: Vec<Terms> = factors
            .chunks(2)
            .enumerate()
            .map(|(i, factors)| {
                let mut points = [in_subgroup(&mut rng), in_subgroup(&mut rng)];
                match i % 8 {
                    1 => points[0] = G1Affine::default(),
                    2 => points[1] = G1Affine::default(),
                    3 => points[1] = points[0],
                    _ => {}
                }
                [(points[0], factors[0]), (points[1], factors[1])]
            })
            .collect();
        // The sum is infinity.
        terms[5] = [terms[5][0], (-terms[5][0].0, terms[5][0].1)];
        let sums = lanes.enter(SumsOfTwo { terms: &terms });
        assert_eq!(sums.len(), terms.len());
        for (terms, sum) in terms.iter().zip(sums) {
            let [(p, c), (q, d)] = terms;
            let expected = p * c.to_scalar() + q * d.to_scalar();
            assert_eq!(sum, expected.to_affine(), "{name}");
        }
    }
}

#[test]
fn sums_of_two_are_the_plain_sums() {
    for_each_as_it_is(&SumsOfPairs);
}

fn combined<C: PointCurve>(
    points: &[C::Point],
    coefficients: &[Coefficient],
    path: Backend,
) -> Combination<C> {
    List::<C>::from_affine(points, path).combine(coefficients)
}

#[test]
fn combinations_are_the_plain_sums() {
    let mut rng = rng(53);
    for path in paths() {
        for len in [0, 1, 2, 9, 100, 700] {
            let factors = coefficients(len, &mut rng);
            let mut points: Vec<G1Affine> = (0..len).map(|_| in_subgroup(&mut rng)).collect();
            let mut points_g2: Vec<G2Affine> = (0..len).map(|_| in_subgroup_g2(&mut rng)).collect();
            if len > 4 {
                points[1] = points[0];
                points[2] = -points[0];
                points[3] = G1Affine::default();
                points_g2[1] = points_g2[0];
            }
            let terms = || factors.iter().map(|factor| factor.to_scalar());
            let expected: G1Projective = points.iter().zip(terms()).map(|(p, c)| p * c).sum();
            let combination = combined::<G1>(&points, &factors, path);
            assert_eq!(combination.sum(), expected, "{path:?}, {len} points");
            assert!(combination.in_subgroup());
            let expected: G2Projective = points_g2.iter().zip(terms()).map(|(p, c)| p * c).sum();
            let combination = combined::<G2>(&points_g2, &factors, path);
            assert_eq!(combination.sum(), expected, "{path:?}, {len} points");
            assert!(combination.in_subgroup());
        }
    }
}

#[test]
fn combinations_tell_points_outside_of_the_subgroup() {
    let mut rng = rng(54);
    let third = of_order_3();
    let eleventh = of_order_11(&mut rng);
    for path in paths() {
        for len in [3, 300] {
            let good: Vec<G1Affine> = (0..len).map(|_| in_subgroup(&mut rng)).collect();
            for small in [third, eleventh, on_curve(&mut rng)] {
                let cancels = G1Affine::from(&(good[1] - G1Projective::from(small)));
                for bad in [
                    vec![(0, small)],
                    vec![(len - 1, small)],
                    // A pair that cancels in a sum without coefficients.
                    vec![
                        (0, (good[0] + G1Projective::from(small)).to_affine()),
                        (1, cancels),
                    ],
                    // All the same.
                    (0..len).map(|i| (i, small)).collect(),
                ] {
                    let mut points = good.clone();
                    bad.iter().for_each(|&(i, point)| points[i] = point);
                    let factors = random_coefficients(len, &mut rng);
                    assert!(!combined::<G1>(&points, &factors, path).in_subgroup());
                }
            }
        }
    }
}

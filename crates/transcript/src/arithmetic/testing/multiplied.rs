use super::*;
use crate::arithmetic::curve::decode::{from_library, to_library};
use crate::arithmetic::curve::endomorphism::X;
use crate::arithmetic::curve::groups::G1;
use crate::arithmetic::curve::list::G1List;
use crate::arithmetic::field::lanes::Task;
use crate::arithmetic::sums::multiples::Multiply;
use crate::arithmetic::sums::scalars::split;

/// Scalars at the ends of the range, of the halves, of the digits; random ones.
fn scalars(rng: &mut ChaCha20Rng) -> Vec<Scalar> {
    let x = Scalar::from(X);
    let mut scalars: Vec<Scalar> = (0..40).map(Scalar::from).collect();
    scalars.extend([x, x * x, x * x - Scalar::ONE, x * x + Scalar::ONE, -x * x]);
    scalars.extend((0..40).map(|n| -Scalar::from(n)));
    scalars.extend(
        (0..254)
            .step_by(3)
            .map(|bit| Scalar::from(2).pow_vartime([bit])),
    );
    scalars.extend((0..30).map(|_| Scalar::random(&mut *rng)));
    scalars
}

struct Products;

impl Law for Products {
    fn check<L: Lanes>(&self, lanes: L, name: &str) {
        let mut rng = rng(40);
        let scalars = scalars(&mut rng);
        let points: Vec<G1Affine> = (0..scalars.len())
            .map(|i| {
                if i % 17 == 3 {
                    G1Affine::default()
                } else {
                    in_subgroup(&mut rng)
                }
            })
            .collect();
        let mut list = Vec::new();
        from_library::<G1, L>(lanes, &points, &mut list);
        let halves: Vec<_> = scalars.iter().map(split).collect();
        let products = Multiply {
            points: &list,
            halves: &halves,
        }
        .run(lanes);
        let mut affine = Vec::new();
        to_library::<G1, L>(lanes, &products, &mut affine);
        for ((point, scalar), product) in points.iter().zip(&scalars).zip(affine) {
            assert_eq!(product, (point * scalar).to_affine(), "{name}: {scalar}");
        }
    }
}

#[test]
fn products_are_the_library_s() {
    for_each_implementation(&Products);
}

#[test]
fn each_point_is_multiplied_by_its_scalar() {
    let mut rng = rng(41);
    for path in paths() {
        for len in [0, 1, 7, 8, 9, 127, 128, 129, 300] {
            let points: Vec<G1Affine> = (0..len).map(|_| in_subgroup(&mut rng)).collect();
            let scalars: Vec<Scalar> = (0..len).map(|_| Scalar::random(&mut rng)).collect();
            let list = G1List::from_affine(&points, path);
            let expected: Vec<G1Affine> = points
                .iter()
                .zip(&scalars)
                .map(|(p, s)| (p * s).to_affine())
                .collect();
            assert_eq!(
                list.multiply_each(&scalars).to_affine(),
                expected,
                "{path:?}: {len}"
            );
        }
    }
}

#[test]
fn products_can_be_multiplied_and_summed_again() {
    let mut rng = rng(42);
    for path in paths() {
        let points: Vec<G1Affine> = (0..20).map(|_| in_subgroup(&mut rng)).collect();
        let mut scalars: Vec<Scalar> = (0..20).map(|_| Scalar::random(&mut rng)).collect();
        scalars[4] = Scalar::ZERO;
        let once = G1List::from_affine(&points, path).multiply_each(&scalars);
        let twice = once.multiply_each(&scalars);
        for (i, point) in twice.to_affine().into_iter().enumerate() {
            assert_eq!(
                point,
                (points[i] * scalars[i] * scalars[i]).to_affine(),
                "{path:?}"
            );
        }
    }
}

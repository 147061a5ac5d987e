//! The chance that a false list passes, measured on instances weakened on purpose: with so few
//! random bits that the bound can be seen.

use crate::arithmetic::G1;
use crate::arithmetic::curve::list::G1List;
use crate::arithmetic::sums::windows::{Digits, WindowSums, Windows};

use super::*;

/// Trials of each case.
const TRIALS: u32 = 640;

/// How many of the trials a false list passed, by digits drawn anew for each.
fn passed(
    points: &[G1Affine],
    windows: Windows,
    rng: &mut ChaCha20Rng,
    passes: impl Fn(&WindowSums<G1>) -> bool,
) -> u32 {
    let list = G1List::from_affine(points, Backend::best());
    let passed = (0..TRIALS).filter(|_| {
        let digits = Digits::draw_for(windows, points.len(), rng);
        passes(&list.window_sums(&digits))
    });
    passed.count() as u32
}

/// Random bits of the weakened instances: a false list passes once in sixteen times at most.
const BITS: u32 = 4;

/// At most the bound and five standard deviations of it.
fn assert_bounded(passed: u32, what: &str) {
    let expected = f64::from(TRIALS >> BITS);
    let most = expected + 5.0 * expected.sqrt();
    assert!(
        f64::from(passed) <= most,
        "{what}: {passed} of {TRIALS} passed, where {expected} are allowed on average"
    );
}

/// `list` with a multiple of `part` added to some of its points.
fn spoilt(list: &[G1Affine], part: G1Affine, multiples: &[(usize, i64)]) -> Vec<G1Affine> {
    let mut list = list.to_vec();
    for &(at, multiple) in multiples {
        let times = times(&part.into(), multiple.unsigned_abs());
        let add = if multiple < 0 { -times } else { times };
        list[at] = (G1Projective::from(list[at]) + add).to_affine();
    }
    list
}

#[test]
fn points_outside_of_the_subgroup_pass_no_oftener_than_the_bound() {
    let mut rng = rng(20);
    let inside: Vec<G1Affine> = (0..12).map(|_| in_subgroup(&mut rng)).collect();
    let parts = [
        ("order 3", of_order_3()),
        ("order 11", of_order_11(&mut rng)),
        ("the cofactor's", on_curve(&mut rng)),
    ];
    for (digit_bits, count) in [(1, 4), (2, 2), (4, 1)] {
        let windows = Windows::new(digit_bits, count);
        for (name, part) in parts {
            // A pair that cancels; one; neighbours; a pattern as wide as the windows; many alike.
            let pair: &[(usize, i64)] = &[(2, 1), (9, -1)];
            let patterns: [&[(usize, i64)]; 6] = [
                pair,
                &[(0, 1)],
                &[(11, 1)],
                &[(4, 1), (5, -1), (6, 1), (7, -1)],
                &[(3, 1), (3 + count, -(1 << digit_bits))],
                &[
                    (0, 1),
                    (1, 1),
                    (2, 1),
                    (3, 1),
                    (4, 1),
                    (5, 1),
                    (6, 1),
                    (7, 1),
                ],
            ];
            for pattern in patterns {
                let points = spoilt(&inside, part, pattern);
                let passed = passed(&points, windows, &mut rng, WindowSums::in_subgroup);
                let what = format!("{name} {pattern:?}, {count} windows of {digit_bits} bits");
                assert_bounded(passed, &what);
                // The pair passes as often as the bound allows: when its digits are alike.
                assert!(
                    passed > 0 || pattern != pair,
                    "{what}: the instance is not weak"
                );
            }
        }
    }
}

/// Powers with P_{i+1} = τ·Pᵢ + Dᵢ, for differences given as multiples of an error.
fn powers_with(tau: Scalar, error: G1Projective, differences: &[(usize, i64)]) -> Vec<G1Affine> {
    let mut power = G1Projective::generator();
    let mut points = Vec::new();
    for i in 0..12 {
        points.push(power.to_affine());
        power *= tau;
        for &(_, multiple) in differences.iter().filter(|(at, _)| *at == i) {
            let times = times(&error, multiple.unsigned_abs());
            power += if multiple < 0 { -times } else { times };
        }
    }
    points
}

#[test]
fn wrong_powers_pass_no_oftener_than_the_bound() {
    let mut rng = rng(21);
    let tau = Scalar::random(&mut rng);
    let error = G1Projective::from(in_subgroup(&mut rng));
    let ratio_holds = |sums: &WindowSums<G1>| {
        (1..=sums.windows().count()).all(|w| sums.before(w) * tau == sums.after(w))
    };
    let right = G1List::from_affine(&powers_with(tau, error, &[]), Backend::best());
    for (digit_bits, count) in [(1, 4), (2, 2), (4, 1)] {
        let windows = Windows::new(digit_bits, count);
        let digits = Digits::draw_for(windows, right.len(), &mut rng);
        assert!(ratio_holds(&right.window_sums(&digits)));
        let shift = 1 << digit_bits;
        // Two that cancel; the first, a middle and the last equation; neighbours that differ by the
        // base of the digits, which powers of it as weights would make small; so far apart as the
        // windows are many.
        let pair: &[(usize, i64)] = &[(1, 1), (10, -1)];
        let patterns: [&[(usize, i64)]; 8] = [
            pair,
            &[(0, 1)],
            &[(5, 1)],
            &[(10, 1)],
            &[(4, shift), (5, -1)],
            &[(4, -1), (5, shift)],
            &[(4, shift), (5, -1), (8, -shift), (9, 1)],
            &[(9 - count, 1), (9, -1)],
        ];
        for pattern in patterns {
            let points = powers_with(tau, error, pattern);
            let passed = passed(&points, windows, &mut rng, ratio_holds);
            let what = format!("{pattern:?}, {count} windows of {digit_bits} bits");
            assert_bounded(passed, &what);
            // The pair passes as often as the bound allows: when its digits are alike.
            assert!(
                passed > 0 || pattern != pair,
                "{what}: the instance is not weak"
            );
        }
    }
}

#[test]
fn weights_by_powers_of_the_digits_base_would_pass_what_the_windows_refuse() {
    // Were the windows merged by powers of 2ᶜ, in this order or the other, neighbours would have
    // weights that differ by a factor of 2ᶜ but for two digits: two pairs of differences of that
    // shape would pass whenever their digits are alike, once in 2²ᶜ times.
    let mut rng = rng(22);
    let windows = Windows::new(1, 128);
    let tau = Scalar::random(&mut rng);
    let error = G1Projective::from(in_subgroup(&mut rng));
    for (name, differences) in [
        ("rising", [(2, 1), (3, -2), (7, -1), (8, 2)]),
        ("falling", [(2, 2), (3, -1), (7, -2), (8, 1)]),
    ] {
        let points = powers_with(tau, error, &differences);
        let list = G1List::from_affine(&points, Backend::best());
        let mut naive = 0;
        for _ in 0..60 {
            let sums = list.window_sums(&Digits::draw_for(windows, points.len(), &mut rng));
            let mut misses: Vec<G1Projective> = (1..=windows.count())
                .map(|w| sums.before(w) * tau - sums.after(w))
                .collect();
            assert!(misses.iter().any(|miss| !bool::from(miss.is_identity())));
            if name == "rising" {
                misses.reverse();
            }
            let merged = misses
                .iter()
                .fold(G1Projective::identity(), |sum, miss| sum.double() + miss);
            naive += u32::from(bool::from(merged.is_identity()));
        }
        assert!(
            naive > 2,
            "{name}: {naive} of 60 passed, where 15 are expected"
        );
    }
}

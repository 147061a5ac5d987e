use super::*;
use crate::arithmetic::curve::groups::G1;
use crate::arithmetic::curve::list::G1List;
use crate::arithmetic::sums::windows::{Digits, WindowSums, Windows};

fn naive_sum(points: &[G1Affine], digits: impl Fn(usize) -> i32) -> G1Projective {
    points
        .iter()
        .enumerate()
        .map(|(i, &point)| {
            let sum = times(&point.into(), u64::from(digits(i).unsigned_abs()));
            if digits(i) < 0 { -sum } else { sum }
        })
        .sum()
}

fn check_sums(points: &[G1Affine], digits: &Digits, sums: &WindowSums<G1>, what: &str) {
    let windows = sums.windows();
    for w in 0..=windows.count() {
        for j in 0..windows.digit_bits() {
            let plane = naive_sum(points, |i| part(digits.value(i + w), j));
            assert_eq!(
                *sums.plane(w, j),
                plane.to_affine(),
                "{what}: window {w}, plane {j}"
            );
        }
        assert_eq!(
            sums.sum(w),
            naive_sum(points, |i| digits.value(i + w)),
            "{what}: {w}"
        );
        if w > 0 && !points.is_empty() {
            let n = points.len() - 1;
            let before = naive_sum(&points[..n], |i| digits.value(i + w));
            let after = naive_sum(&points[1..], |i| digits.value(i + w));
            assert_eq!(sums.before(w), before, "{what}: window {w}");
            assert_eq!(sums.after(w), after, "{what}: window {w}");
        }
    }
}

#[test]
fn digits_take_every_odd_value_of_their_bits_once() {
    for bits in 1..=5 {
        let mut values: Vec<i32> = (0..1 << bits)
            .map(|raw| Digits::of_raw(Windows::new(bits, 1), raw).value(0))
            .collect();
        values.sort_unstable();
        let most = (1 << bits) - 1;
        let odd: Vec<i32> = (-most..=most).filter(|value| value % 2 != 0).collect();
        assert_eq!(values, odd, "{bits} bits");
    }
}

#[test]
fn window_sums_are_the_plain_sums() {
    for path in paths() {
        for (seed, len) in [0, 1, 2, 3, 16, 65, 300].into_iter().enumerate() {
            let mut rng = rng(seed as u64);
            for points in [
                awkward_points(len, &mut rng),
                (0..len).map(|_| in_subgroup(&mut rng)).collect(),
                vec![in_subgroup(&mut rng); len],
            ] {
                let list = G1List::from_affine(&points, path);
                let digits = Digits::draw(len, &mut rng);
                let sums = list.window_sums(&digits);
                check_sums(&points, &digits, &sums, &format!("{path:?}: {len} points"));
            }
        }
    }
}

#[test]
fn paths_agree_on_long_lists() {
    let mut rng = rng(7);
    let some: Vec<G1Affine> = (0..64).map(|_| in_subgroup(&mut rng)).collect();
    let mut sum = G1Projective::identity();
    let points: Vec<G1Affine> = (0..5000)
        .map(|i| {
            sum += some[(i * i + i / 7) % 64];
            sum.to_affine()
        })
        .collect();
    let digits = Digits::draw(points.len(), &mut rng);
    let all: Vec<WindowSums<G1>> = paths()
        .into_iter()
        .map(|path| G1List::from_affine(&points, path).window_sums(&digits))
        .collect();
    for sums in &all {
        assert!(sums.in_subgroup());
        for w in 0..=sums.windows().count() {
            assert_eq!(sums.sum(w), all[0].sum(w), "window {w}");
            for b in 0..sums.windows().digit_bits() {
                assert_eq!(sums.plane(w, b), all[0].plane(w, b), "window {w}, bit {b}");
            }
        }
    }
}

#[test]
fn a_hidden_part_of_small_order_leaves_the_subgroup() {
    let mut rng = rng(8);
    let parts = [of_order_3(), of_order_11(&mut rng), on_curve(&mut rng)];
    for path in paths() {
        for part in parts {
            for at in [0, 1, 57, 98, 99] {
                let mut points: Vec<G1Affine> = (0..100).map(|_| in_subgroup(&mut rng)).collect();
                let digits = Digits::draw(100, &mut rng);
                assert!(
                    G1List::from_affine(&points, path)
                        .window_sums(&digits)
                        .in_subgroup()
                );
                points[at] = (G1Projective::from(points[at]) + part).to_affine();
                let sums = G1List::from_affine(&points, path).window_sums(&digits);
                assert!(!sums.in_subgroup(), "{path:?}: {part:?} at {at}");
                // One point outside shows in every plane of signs, and in half of the others, as the
                // error bound says.
                let windows = sums.windows();
                let outside = |j: usize| {
                    let planes = (1..=windows.count()).map(|w| sums.plane(w, j));
                    planes
                        .filter(|plane| !bool::from(plane.is_torsion_free()))
                        .count()
                };
                assert_eq!(outside(0), windows.count());
                let others = windows.count() * (windows.digit_bits() - 1);
                let outside: usize = (1..windows.digit_bits()).map(outside).sum();
                assert!(
                    outside > others / 4 && outside < others * 3 / 4,
                    "{outside} of {others}"
                );
            }
        }
    }
}

#[test]
fn parts_that_cancel_in_a_plain_sum_leave_the_subgroup() {
    let mut rng = rng(9);
    for path in paths() {
        let mut points: Vec<G1Affine> = (0..50).map(|_| in_subgroup(&mut rng)).collect();
        points[3] = (G1Projective::from(points[3]) + of_order_3()).to_affine();
        points[30] = (G1Projective::from(points[30]) - of_order_3()).to_affine();
        let digits = Digits::draw(50, &mut rng);
        assert!(
            !G1List::from_affine(&points, path)
                .window_sums(&digits)
                .in_subgroup()
        );
    }
}

#[test]
fn windows_have_at_least_128_bits_and_the_least_cost() {
    for len in [0, 1, 10, 100, 4096, 8192, 16384, 32768, 1 << 20] {
        let windows = Windows::for_len(len);
        assert!(
            windows.count() * windows.digit_bits() >= 128,
            "{len}: {windows:?}"
        );
    }
    assert_eq!(Windows::for_len(32768).digit_bits(), 13);
}

#[test]
fn first_point_outside_of_the_subgroup_is_found() {
    let mut rng = rng(10);
    let order_11 = of_order_11(&mut rng);
    for path in paths() {
        for part in [of_order_3(), order_11, on_curve(&mut rng)] {
            for len in [1, 8, 9, 300] {
                let mut points: Vec<G1Affine> = (0..len).map(|_| in_subgroup(&mut rng)).collect();
                points[len / 2] = G1Affine::default();
                let first =
                    |points: &[_]| G1List::from_affine(points, path).first_outside_subgroup();
                assert_eq!(first(&points), None, "{path:?}: {len} points");
                let mut places = vec![len - 1, len / 2, 0];
                places.dedup();
                for at in places {
                    points[at] = (G1Projective::from(points[at]) + part).to_affine();
                    assert_eq!(first(&points), Some(at), "{path:?}: {len} points");
                }
                assert_eq!(first(&[part]), Some(0), "{path:?}");
            }
        }
        assert_eq!(G1List::new(path).first_outside_subgroup(), None);
    }
}

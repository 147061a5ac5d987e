use super::*;
use crate::field::curves::G1;
use crate::field::list::G1List;
use crate::field::windows::{Digits, WindowSums, Windows};

fn naive_sum(points: &[G1Affine], digits: impl Fn(usize) -> u16) -> G1Projective {
    points
        .iter()
        .enumerate()
        .map(|(i, &point)| times(&point.into(), u64::from(digits(i))))
        .sum()
}

fn check_sums(points: &[G1Affine], digits: &Digits, sums: &WindowSums<G1>, what: &str) {
    let windows = sums.windows();
    for w in 0..=windows.count() {
        for b in 0..windows.digit_bits() {
            let plane = naive_sum(points, |i| digits.digit(i + w) >> b & 1);
            assert_eq!(
                *sums.plane(w, b),
                plane.to_affine(),
                "{what}: window {w}, bit {b}"
            );
        }
        assert_eq!(
            sums.sum(w),
            naive_sum(points, |i| digits.digit(i + w)),
            "{what}: {w}"
        );
        if w > 0 && !points.is_empty() {
            let n = points.len() - 1;
            let before = naive_sum(&points[..n], |i| digits.digit(i + w));
            let after = naive_sum(&points[1..], |i| digits.digit(i + w));
            assert_eq!(sums.before(w), before, "{what}: window {w}");
            assert_eq!(sums.after(w), after, "{what}: window {w}");
        }
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
                // One point outside shows in half of the planes, as the error bound says.
                let windows = sums.windows();
                let planes = windows.count() * windows.digit_bits();
                let outside = (1..=windows.count())
                    .flat_map(|w| (0..windows.digit_bits()).map(move |b| (w, b)))
                    .filter(|&(w, b)| !bool::from(sums.plane(w, b).is_torsion_free()))
                    .count();
                assert!(
                    outside > planes / 4 && outside < planes * 3 / 4,
                    "{outside} of {planes}"
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
    assert_eq!(Windows::for_len(32768).digit_bits(), 12);
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

use super::*;
use crate::arithmetic::curve::affine::{Affine, refresh};
use crate::arithmetic::curve::decode::{from_library, to_library};
use crate::arithmetic::curve::groups::G1;
use crate::arithmetic::curve::level::Level;
use crate::arithmetic::sums::segments::{Scratch, sum_segments};

/// Sums of segments of `points`, in the order of `index`, with how many batches were complete.
fn sums<L: Lanes>(
    lanes: L,
    points: &[G1Affine],
    index: &[u32],
    lengths: &[u32],
) -> (Vec<G1Affine>, usize) {
    let mut list = Vec::new();
    from_library::<G1, L>(lanes, points, &mut list);
    let mut scratch = Scratch::new();
    let mut out: Vec<Affine<L::Elem>> = Vec::new();
    let level = Level::of_products::<L>();
    let mut lengths = lengths.to_vec();
    sum_segments(
        lanes,
        &list,
        level,
        index,
        &mut lengths,
        &mut scratch,
        &mut out,
    );
    refresh(lanes, &mut out);
    let mut affine = Vec::new();
    to_library::<G1, L>(lanes, &out, &mut affine);
    (affine, scratch.batches.complete)
}

fn naive(points: &[G1Affine], index: &[u32], lengths: &[u32]) -> Vec<G1Affine> {
    let mut index = index.iter();
    lengths
        .iter()
        .map(|&length| {
            let segment = index.by_ref().take(length as usize);
            let sum: G1Projective = segment
                .map(|&i| G1Projective::from(points[i as usize]))
                .sum();
            sum.to_affine()
        })
        .collect()
}

struct RandomSegments {
    special: bool,
}

impl Law for RandomSegments {
    fn check<L: Lanes>(&self, lanes: L, name: &str) {
        for seed in 0..12 {
            let mut rng = rng(seed);
            let len = [1, 2, 3, 7, 8, 9, 17, 64, 100, 300, 500, 2500][seed as usize];
            let points = if self.special {
                awkward_points(len, &mut rng)
            } else {
                (0..len).map(|_| on_curve(&mut rng)).collect()
            };
            let longest = rng.gen_range(1..=len as u32 + 1);
            let lengths: Vec<u32> = (0..20).map(|_| rng.gen_range(0..=longest)).collect();
            let total = lengths.iter().sum();
            let index: Vec<u32> = (0..total).map(|_| rng.gen_range(0..len as u32)).collect();
            let (got, _) = sums(lanes, &points, &index, &lengths);
            assert_eq!(got, naive(&points, &index, &lengths), "{name}: seed {seed}");
        }
    }
}

#[test]
fn segments_of_any_points_are_summed() {
    for_each_implementation(&RandomSegments { special: true });
}

#[test]
fn segments_of_points_drawn_repeatedly_are_summed() {
    for_each_implementation(&RandomSegments { special: false });
}

struct EqualPoints;

impl Law for EqualPoints {
    fn check<L: Lanes>(&self, lanes: L, name: &str) {
        let mut rng = rng(20);
        for point in [on_curve(&mut rng), of_order_3(), G1Affine::default()] {
            // More rounds than levels: the points are brought down on the way.
            let len = 1 << 18 | 0b1_0110;
            let index: Vec<u32> = vec![0; len];
            if len > 4000 && name == "emulated" {
                continue;
            }
            let (got, complete) = sums(lanes, &[point], &index, &[len as u32]);
            let expected = times(&point.into(), len as u64).to_affine();
            assert_eq!(got, [expected], "{name}");
            assert!(complete > 0);
        }
    }
}

#[test]
fn equal_points_are_summed_over_more_rounds_than_there_are_levels() {
    for_each_implementation(&EqualPoints);
}

struct Distinct;

impl Law for Distinct {
    fn check<L: Lanes>(&self, lanes: L, name: &str) {
        let mut rng = rng(21);
        let points: Vec<G1Affine> = (0..1000).map(|_| on_curve(&mut rng)).collect();
        let index: Vec<u32> = (0..1000).collect();
        let lengths = [0, 500, 0, 0, 499, 1, 0];
        let (got, complete) = sums(lanes, &points, &index, &lengths);
        assert_eq!(got, naive(&points, &index, &lengths), "{name}");
        assert_eq!(complete, 0, "{name}: distinct points need no special case");
    }
}

#[test]
fn distinct_points_take_the_short_way() {
    for_each_implementation(&Distinct);
}

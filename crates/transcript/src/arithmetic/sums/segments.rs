//! Sums of segments of a list: the buckets of a window, and halves of buckets.
//!
//! Round by round, each segment becomes the sums of its pairs; all pairs of a round, of all
//! segments, are added side by side.

use crate::arithmetic::curve::affine::{
    Affine, Batches, OPPOSITE, Pair, add_pairs, opposite, place, refresh,
};
use crate::arithmetic::curve::level::Level;
use crate::arithmetic::field::lanes::Field;

/// Memory that sums use again and again.
pub(crate) struct Scratch<F: Field> {
    pub(crate) batches: Batches<F>,
    round: Round,
    current: Vec<Affine<F::Elem>>,
    next: Vec<Affine<F::Elem>>,
}

impl<F: Field> Scratch<F> {
    pub(crate) fn new() -> Self {
        Self {
            batches: Batches::new(),
            round: Round::default(),
            current: Vec::new(),
            next: Vec::new(),
        }
    }
}

/// What becomes of the points in one round.
#[derive(Default)]
struct Round {
    pairs: Vec<Pair>,
    /// Points without a partner, and their places after the round.
    singles: Vec<(u32, u32)>,
    /// How many points remain.
    len: usize,
}

impl Round {
    /// Pairs up the points of each segment, `at(i)` the i-th point's place, and halves the lengths.
    #[inline(always)]
    fn plan<F: Field>(
        &mut self,
        field: F,
        points: &[Affine<F::Elem>],
        at: impl Fn(u32) -> u32,
        lengths: &mut [u32],
    ) {
        self.pairs.clear();
        self.singles.clear();
        let (mut from, mut to) = (0, 0);
        for length in lengths {
            let half = *length / 2;
            self.pairs.extend((0..half).map(|i| Pair {
                a: at(from + 2 * i),
                b: at(from + 2 * i + 1),
                sum: to + i,
            }));
            if *length % 2 == 1 {
                let single = at(from + *length - 1);
                field.prefetch(&points[place(single)].x);
                field.prefetch(&points[place(single)].y);
                self.singles.push((single, to + half));
            }
            from += *length;
            *length = length.div_ceil(2);
            to += *length;
        }
        self.len = to as usize;
    }

    /// Adds the pairs of `points`, which are of `level`. Returns the level of the sums.
    #[inline(always)]
    fn run<F: Field>(
        &self,
        field: F,
        points: &[Affine<F::Elem>],
        level: Level,
        out: &mut Vec<Affine<F::Elem>>,
        batches: &mut Batches<F>,
    ) -> Level {
        // What was there before is overwritten, all of it: no need to clear.
        if out.len() < self.len {
            out.resize(self.len, Affine::default());
        }
        for &(from, to) in &self.singles {
            let point = &points[place(from)];
            out[to as usize] = match from & OPPOSITE {
                0 => *point,
                _ => opposite(field, point, level),
            };
        }
        if self.pairs.is_empty() {
            return level;
        }
        add_pairs(field, points, &self.pairs, out, level, batches);
        level.of_sums()
    }
}

/// Appends to `out` the sum of each segment; an empty one's is infinity. Returns their level.
///
/// Segment s is the next `lengths[s]` entries of `index`, places in `source` (or with [`OPPOSITE`],
/// the opposites of what is there), whose points are of `level`. `lengths` is overwritten.
#[inline(always)]
pub(crate) fn sum_segments<F: Field>(
    field: F,
    source: &[Affine<F::Elem>],
    mut level: Level,
    index: &[u32],
    lengths: &mut [u32],
    scratch: &mut Scratch<F>,
    out: &mut Vec<Affine<F::Elem>>,
) -> Level {
    debug_assert!(level.has_room());
    let Scratch {
        batches,
        round,
        current,
        next,
    } = scratch;
    round.plan(field, source, |i| index[i as usize], lengths);
    level = round.run(field, source, level, current, batches);
    while lengths.iter().any(|&length| length > 1) {
        if !level.has_room() {
            refresh(field, &mut current[..round.len]);
            level = Level::of_products::<F>();
        }
        round.plan(field, current, |i| i, lengths);
        level = round.run(field, current, level, next, batches);
        std::mem::swap(current, next);
    }
    let mut sums = current.iter();
    out.extend(lengths.iter().map(|&length| {
        let sum = if length == 0 { None } else { sums.next() };
        sum.copied().unwrap_or_default()
    }));
    level
}

/// Points and their level.
pub(crate) struct Leveled<E> {
    pub(crate) points: Vec<Affine<E>>,
    pub(crate) level: Level,
}

impl<E: Copy + Default> Leveled<E> {
    /// Makes sure that the points can be added.
    #[inline(always)]
    pub(crate) fn make_room<F: Field<Elem = E>>(&mut self, field: F) {
        if !self.level.has_room() {
            refresh(field, &mut self.points);
            self.level = Level::of_products::<F>();
        }
    }

    /// The sums of pairs of these points: `count` of them, at the pairs' places.
    #[inline(always)]
    pub(crate) fn add<F: Field<Elem = E>>(
        &mut self,
        field: F,
        pairs: impl Iterator<Item = Pair>,
        count: usize,
        scratch: &mut Scratch<F>,
    ) -> Self {
        self.make_room(field);
        let Scratch { batches, round, .. } = scratch;
        round.pairs.clear();
        round.pairs.extend(pairs);
        let mut points = vec![Affine::default(); count];
        let level = self.level;
        add_pairs(
            field,
            &self.points,
            &round.pairs,
            &mut points,
            level,
            batches,
        );
        let level = level.of_sums();
        Self { points, level }
    }
}

//! Sums of a list by digits: buckets for each value, and planes of them for each bit.

use crate::arithmetic::curve::affine::{Affine, OPPOSITE, Pair, refresh};
use crate::arithmetic::curve::level::Level;
use crate::arithmetic::field::lanes::Field;
use crate::arithmetic::sums::segments::{Leveled, Scratch, sum_segments};

/// For each list of digits, one for a point, the sums of the points with bit 0, 1, … set. The
/// points' coordinates are products.
#[inline(always)]
pub(crate) fn planes<F: Field>(
    field: F,
    points: &[Affine<F::Elem>],
    windows: &[&[u16]],
    bits: u32,
    scratch: &mut Scratch<F>,
) -> Vec<Affine<F::Elem>> {
    let mut buckets = Buckets::default();
    for digits in windows {
        let of = |i: usize| (usize::from(digits[i]), false);
        buckets.add_window(field, points, of, 1 << bits, scratch);
    }
    buckets.fold(field, windows.len(), bits, false, scratch)
}

/// The buckets of some windows, one window behind the other.
pub(crate) struct Buckets<E> {
    points: Leveled<E>,
    sorted: Sorted,
}

impl<E> Default for Buckets<E> {
    fn default() -> Self {
        let points = Leveled {
            points: Vec::new(),
            level: Level::NONE,
        };
        Self {
            points,
            sorted: Sorted::default(),
        }
    }
}

impl<E: Copy + Default> Buckets<E> {
    /// Adds up the buckets of a window. `of` gives a point's bucket, and whether its opposite is
    /// meant.
    #[inline(always)]
    pub(crate) fn add_window<F: Field<Elem = E>>(
        &mut self,
        field: F,
        points: &[Affine<E>],
        of: impl Fn(usize) -> (usize, bool),
        count: usize,
        scratch: &mut Scratch<F>,
    ) {
        self.sorted.sort(points.len(), of, count);
        let level = sum_segments(
            field,
            points,
            Level::of_products::<F>(),
            &self.sorted.index,
            &mut self.sorted.lengths,
            scratch,
            &mut self.points.points,
        );
        self.points.level = self.points.level.max(level);
    }

    /// For each of the windows, of 2^`bits` buckets each, the sums of the buckets with bit 0, 1, …
    /// set; before them the sum of all, if it is wanted.
    ///
    /// Bit by bit from the highest: its plane is the sum of the upper half; then the upper half is
    /// added onto the lower.
    #[inline(always)]
    pub(crate) fn fold<F: Field<Elem = E>>(
        self,
        field: F,
        windows: usize,
        bits: u32,
        wants_all: bool,
        scratch: &mut Scratch<F>,
    ) -> Vec<Affine<E>> {
        let mut buckets = self.points;
        let mut halves = Leveled {
            points: Vec::with_capacity(buckets.points.len()),
            level: Level::NONE,
        };
        let mut lengths = Vec::new();
        // Without the sum of all, the lowest buckets are not needed.
        let skipped = usize::from(!wants_all);
        for bit in (0..bits).rev() {
            let half = 1_usize << bit;
            for window in buckets.points.chunks(2 * half) {
                halves.points.extend_from_slice(&window[half..]);
                lengths.push(half as u32);
            }
            halves.level = halves.level.max(buckets.level);
            if bit > 0 || wants_all {
                let pairs = (0..windows).flat_map(|window| {
                    (skipped..half).map(move |i| Pair {
                        a: (window * 2 * half + i) as u32,
                        b: (window * 2 * half + half + i) as u32,
                        sum: (window * half + i) as u32,
                    })
                });
                buckets = buckets.add(field, pairs, windows * half, scratch);
            }
        }
        if wants_all {
            halves.points.extend_from_slice(&buckets.points);
            lengths.resize(lengths.len() + windows, 1);
            halves.level = halves.level.max(buckets.level);
        }
        halves.make_room(field);
        let index: Vec<u32> = (0..halves.points.len() as u32).collect();
        let places = lengths.len() / windows.max(1);
        let mut sums = Vec::with_capacity(lengths.len());
        let (points, level) = (&halves.points, halves.level);
        sum_segments(
            field,
            points,
            level,
            &index,
            &mut lengths,
            scratch,
            &mut sums,
        );
        refresh(field, &mut sums);
        // From bits downwards, of all windows, to windows, of bits upwards.
        let order = (0..windows)
            .flat_map(|window| (0..places).rev().map(move |place| place * windows + window));
        order.map(|place| sums[place]).collect()
    }
}

/// Points in the order of their buckets.
#[derive(Default)]
struct Sorted {
    /// Places in the list, or with [`OPPOSITE`] those whose opposites are meant.
    index: Vec<u32>,
    /// How many are in bucket 0, 1, …
    lengths: Vec<u32>,
    next: Vec<u32>,
}

impl Sorted {
    #[inline(always)]
    fn sort(&mut self, len: usize, of: impl Fn(usize) -> (usize, bool), buckets: usize) {
        self.lengths.clear();
        self.lengths.resize(buckets, 0);
        for i in 0..len {
            self.lengths[of(i).0] += 1;
        }
        let mut start = 0;
        self.next.clear();
        self.next.extend(self.lengths.iter().map(|length| {
            start += length;
            start - length
        }));
        self.index.resize(len, 0);
        for i in 0..len {
            let (bucket, opposite) = of(i);
            let next = &mut self.next[bucket];
            self.index[*next as usize] = i as u32 | if opposite { OPPOSITE } else { 0 };
            *next += 1;
        }
    }
}

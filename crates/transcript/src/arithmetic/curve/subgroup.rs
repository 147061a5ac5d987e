//! Whether points are in the subgroup of prime order, as many side by side as there are lanes.
//!
//! On the subgroup an endomorphism that costs a product or two is a multiplication by a number in
//! the curve's parameter; outside of it they differ (Scott, "A note on group membership tests for
//! G1, G2 and GT on BLS pairing-friendly curves", 2021; the library does the same). With the
//! parameter −x: in G1, (βX, −Y) = x²·P; in G2, ψ(P) = −x·P.

use rayon::prelude::*;

use crate::arithmetic::curve::affine::Affine;
use crate::arithmetic::curve::decode::load;
use crate::arithmetic::curve::groups::{Curve, Elem};
use crate::arithmetic::curve::list::{List, on_path};
use crate::arithmetic::field::lanes::{Lanes, Task};

/// Points of a task: some milliseconds.
const TASK_POINTS: usize = 128;

impl<C: Curve> List<C> {
    /// Whether all points are in the subgroup, checked one by one on all cores.
    pub(crate) fn in_subgroup(&self) -> bool {
        self.first_outside_subgroup().is_none()
    }

    /// The index of the first point outside of the subgroup, checked one by one on all cores
    /// (`docs/spec/ceremony.md#check-3`). Infinity is inside.
    ///
    /// Long lists are cheaper with [`window_sums`](Self::window_sums), which tell no index.
    pub(crate) fn first_outside_subgroup(&self) -> Option<usize> {
        on_path!(&self.0, |lanes, points| {
            let tasks = points.par_chunks(TASK_POINTS).enumerate();
            tasks.find_map_first(|(task, points)| {
                let outside = lanes.enter(FirstOutside::<C, _> { points })?;
                Some(task * TASK_POINTS + outside)
            })
        })
    }
}

struct FirstOutside<'a, C: Curve, L: Lanes> {
    points: &'a [Affine<Elem<C, L>>],
}

impl<C: Curve, L: Lanes> Task<L> for FirstOutside<'_, C, L> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run(self, lanes: L) -> Option<usize> {
        for (i, points) in self.points.chunks(L::N).enumerate() {
            // Lanes without a point hold infinity.
            let inside = C::in_subgroup(lanes, load(C::over(lanes), points));
            let first = inside.trailing_ones() as usize;
            if first < points.len() {
                return Some(i * L::N + first);
            }
        }
        None
    }
}

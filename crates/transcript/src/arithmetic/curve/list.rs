//! Lists of points in the layout of the path that works on them.

use std::ops::Range;

use rayon::prelude::*;

use crate::arithmetic::curve::affine::Affine;
use crate::arithmetic::curve::decode::{Decode, Undecodable, from_library, to_library};
use crate::arithmetic::curve::groups::{Curve, Elem, G1, G2};
use crate::arithmetic::field::backend::Backend;
use crate::arithmetic::field::lanes::{Lanes, Task};
use crate::arithmetic::field::portable::Portable;
#[cfg(target_arch = "x86_64")]
use crate::arithmetic::field::{ifma::Ifma, radix52::Radix52};
use crate::encoding::{Encoding, Point};

/// Points that one task decodes: some 5 ms of square roots in G1.
const DECODE_POINTS: usize = 1024;

/// Affine points of a curve, perhaps outside of the subgroup, perhaps infinite.
#[derive(Clone, Debug)]
pub(crate) struct List<C: Curve>(pub(crate) Points<C>);

/// Points of G1's curve.
pub(crate) type G1List = List<G1>;

/// Points of G2's curve.
pub(crate) type G2List = List<G2>;

/// The points, whose coordinates are products, and the proof that the path can be taken.
#[derive(Clone, Debug)]
pub(crate) enum Points<C: Curve> {
    #[cfg(target_arch = "x86_64")]
    Ifma(Ifma, Vec<Affine<Elem<C, Radix52<Ifma>>>>),
    Portable(Vec<Affine<Elem<C, Portable>>>),
}

/// Evaluates an expression with the lanes and the points of a list's path.
macro_rules! on_path {
    ($list:expr, |$lanes:ident, $points:ident| $body:expr) => {
        match $list {
            #[cfg(target_arch = "x86_64")]
            $crate::arithmetic::curve::list::Points::Ifma(ifma, $points) => {
                let $lanes = $crate::arithmetic::field::radix52::Radix52(*ifma);
                $body
            }
            $crate::arithmetic::curve::list::Points::Portable($points) => {
                let $lanes = $crate::arithmetic::field::portable::Portable;
                $body
            }
        }
    };
}
pub(crate) use on_path;

impl<C: Curve> List<C> {
    /// No points yet.
    pub(crate) fn new(path: Backend) -> Self {
        Self(match path {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma(ifma) => Points::Ifma(ifma, Vec::new()),
            Backend::Portable => Points::Portable(Vec::new()),
        })
    }

    /// The points that `bytes` encode, one after the other, on all cores.
    ///
    /// The errors are those of [`Point::decode`]; the number of bytes is a multiple of the
    /// encoding's length, or else the last point has the wrong one.
    ///
    /// # Errors
    ///
    /// The lowest index whose bytes are not a point, and why.
    pub(crate) fn decode(
        bytes: &[u8],
        encoding: Encoding,
        path: Backend,
    ) -> Result<Self, Undecodable> {
        let len = C::Point::encoded_len(encoding);
        let parts: Vec<Result<Self, Undecodable>> = bytes
            .par_chunks(len * DECODE_POINTS)
            .map(|bytes| Self::decode_here(bytes, encoding, path))
            .collect();
        let mut list = Self::new(path);
        list.reserve(bytes.len() / len);
        for part in parts {
            list.extend(&part.map_err(|(index, error)| (list.len() + index, error))?);
        }
        Ok(list)
    }

    /// Like [`decode`](Self::decode), on this core.
    ///
    /// # Errors
    ///
    /// Those of [`decode`](Self::decode).
    pub(crate) fn decode_here(
        bytes: &[u8],
        encoding: Encoding,
        path: Backend,
    ) -> Result<Self, Undecodable> {
        let len = C::Point::encoded_len(encoding);
        let whole = bytes.len() - bytes.len() % len;
        let mut list = Self::new(path);
        list.reserve(whole / len);
        match &mut list.0 {
            #[cfg(target_arch = "x86_64")]
            Points::Ifma(ifma, out) => Radix52(*ifma).enter(Decode::<C, _> {
                bytes: &bytes[..whole],
                encoding,
                out,
            })?,
            Points::Portable(out) => {
                for (i, bytes) in bytes[..whole].chunks(len).enumerate() {
                    let point = C::Point::decode(bytes, encoding).map_err(|error| (i, error))?;
                    from_library::<C, _>(Portable, &[point], out);
                }
            }
        }
        // What is left is too short for a point.
        match C::Point::decode(&bytes[whole..], encoding) {
            Err(error) if whole < bytes.len() => Err((whole / len, error)),
            _ => Ok(list),
        }
    }

    /// The library's points.
    pub(crate) fn from_affine(points: &[C::Point], path: Backend) -> Self {
        let mut list = Self::new(path);
        list.reserve(points.len());
        on_path!(&mut list.0, |lanes, out| lanes
            .enter(FromLibrary::<C, _> { points, out }));
        list
    }

    /// All points in the library's form.
    pub(crate) fn to_affine(&self) -> Vec<C::Point> {
        on_path!(&self.0, |lanes, points| lanes
            .enter(ToLibrary::<C, _> { points }))
    }

    /// The path that the list is for.
    pub(crate) fn path(&self) -> Backend {
        match &self.0 {
            #[cfg(target_arch = "x86_64")]
            Points::Ifma(ifma, _) => Backend::Ifma(*ifma),
            Points::Portable(_) => Backend::Portable,
        }
    }

    /// The number of points.
    pub(crate) fn len(&self) -> usize {
        on_path!(&self.0, |_lanes, points| points.len())
    }

    /// Whether there are none.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The point at `index`, if there is one.
    pub(crate) fn point(&self, index: usize) -> Option<C::Point> {
        on_path!(&self.0, |lanes, points| {
            let points = points.get(index..=index)?;
            lanes.enter(ToLibrary::<C, _> { points }).pop()
        })
    }

    /// The points in a range of indices, or as many as there are.
    pub(crate) fn slice(&self, range: Range<usize>) -> Self {
        let range = range.start.min(self.len())..range.end.min(self.len());
        Self(match &self.0 {
            #[cfg(target_arch = "x86_64")]
            Points::Ifma(ifma, points) => Points::Ifma(*ifma, points[range].to_vec()),
            Points::Portable(points) => Points::Portable(points[range].to_vec()),
        })
    }

    /// Appends the points of a list; of another path, too.
    pub(crate) fn extend(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            #[cfg(target_arch = "x86_64")]
            (Points::Ifma(_, points), Points::Ifma(_, more)) => points.extend_from_slice(more),
            (Points::Portable(points), Points::Portable(more)) => points.extend_from_slice(more),
            #[cfg(target_arch = "x86_64")]
            (own, _) => {
                let points = &other.to_affine();
                on_path!(own, |lanes, out| lanes
                    .enter(FromLibrary::<C, _> { points, out }));
            }
        }
    }

    fn reserve(&mut self, more: usize) {
        on_path!(&mut self.0, |_lanes, points| points.reserve_exact(more));
    }
}

struct FromLibrary<'a, C: Curve, L: Lanes> {
    points: &'a [C::Point],
    out: &'a mut Vec<Affine<Elem<C, L>>>,
}

impl<C: Curve, L: Lanes> Task<L> for FromLibrary<'_, C, L> {
    type Output = ();

    #[inline(always)]
    fn run(self, lanes: L) {
        from_library::<C, L>(lanes, self.points, self.out);
    }
}

struct ToLibrary<'a, C: Curve, L: Lanes> {
    points: &'a [Affine<Elem<C, L>>],
}

impl<C: Curve, L: Lanes> Task<L> for ToLibrary<'_, C, L> {
    type Output = Vec<C::Point>;

    #[inline(always)]
    fn run(self, lanes: L) -> Vec<C::Point> {
        let mut out = Vec::with_capacity(self.points.len());
        to_library::<C, L>(lanes, self.points, &mut out);
        out
    }
}

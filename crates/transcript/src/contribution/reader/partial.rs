//! The lists of one sub-ceremony, put together from their parts, and those of G1 summed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use blstrs::G2Affine;

use crate::arithmetic::{Backend, Digits, G1, G1List, Undecodable, WindowSums};
use crate::contribution::lists::{Lists, undecodable};
use crate::contribution::raw::RawPowers;
use crate::error::{Element, Invalid, SubCeremony};

/// The G1 powers of a sub-ceremony, and the sums of their windows, a stretch each.
pub(crate) type SummedG1 = (G1List, Vec<WindowSums<G1>>);

/// The powers of one sub-ceremony, as far as they are decoded.
#[derive(Debug, Default)]
pub(crate) struct ReceivedPowers {
    /// With the sums of its stretches, in any order.
    pub(crate) g1: Option<Result<SummedG1, Undecodable>>,
    pub(crate) g2: Option<Result<Vec<G2Affine>, Undecodable>>,
}

impl ReceivedPowers {
    /// The points, with the sums that were taken of them; decodes what is not decoded.
    pub(crate) fn lists(
        self,
        sub_ceremony: SubCeremony,
        raw: &RawPowers,
    ) -> Result<Lists, Invalid> {
        let (Some(g1), Some(g2)) = (self.g1, self.g2) else {
            return raw.decode_lists(sub_ceremony);
        };
        let (g1, sums) = g1.map_err(undecodable(sub_ceremony, Element::G1Power))?;
        let g2 = g2.map_err(undecodable(sub_ceremony, Element::G2Power))?;
        Ok(Lists { g1, sums, g2 })
    }
}

/// The powers of one sub-ceremony as they arrive. Their parts come decoded in any order.
#[derive(Default)]
pub(super) struct PartialPowers {
    g1: Mutex<PartialG1>,
    g2: Mutex<Parts<Vec<G2Affine>>>,
}

/// The parts of a list.
struct Parts<L> {
    /// Those that decode, by the index of their first point.
    decoded: BTreeMap<usize, L>,
    /// The lowest index so far that does not.
    undecodable: Option<Undecodable>,
    /// Whether the list has ended, with as many points as the ceremony's.
    is_whole: bool,
}

impl<L> Default for Parts<L> {
    fn default() -> Self {
        Self {
            decoded: BTreeMap::new(),
            undecodable: None,
            is_whole: false,
        }
    }
}

impl<L> Parts<L> {
    fn put(&mut self, first: usize, part: Result<L, Undecodable>) {
        match part {
            Ok(part) => {
                self.decoded.insert(first, part);
            }
            Err((index, error)) => {
                let index = first + index;
                if self
                    .undecodable
                    .as_ref()
                    .is_none_or(|(lowest, _)| index < *lowest)
                {
                    self.undecodable = Some((index, error));
                }
            }
        }
    }
}

/// The powers in G1.
struct PartialG1 {
    parts: Parts<G1List>,
    /// The points up to the first that is not decoded yet.
    list: G1List,
    /// Where the stretches end whose sums are not taken yet, and the digits for them.
    stretches: VecDeque<(usize, Digits)>,
    /// Where the last stretch that has digits ends.
    drawn: usize,
    /// Where the last stretch ends that is, or was, summed.
    begun: usize,
    sums: Vec<WindowSums<G1>>,
}

impl Default for PartialG1 {
    fn default() -> Self {
        Self {
            parts: Parts::default(),
            list: G1List::new(Backend::best()),
            stretches: VecDeque::new(),
            drawn: 0,
            begun: 0,
            sums: Vec::new(),
        }
    }
}

/// A stretch begins with the last point of the one before.
fn start_of_next(end: usize) -> usize {
    end.saturating_sub(1)
}

impl PartialG1 {
    /// The next stretch that is decoded and not summed yet.
    fn next_stretch(&mut self) -> Option<(G1List, Digits)> {
        while let Some(part) = self.parts.decoded.remove(&self.list.len()) {
            self.list.extend(&part);
        }
        if self.stretches.front()?.0 > self.list.len() {
            return None;
        }
        let (end, digits) = self.stretches.pop_front()?;
        let points = self.list.slice(start_of_next(self.begun)..end);
        self.begun = end;
        Some((points, digits))
    }
}

impl PartialPowers {
    /// All G1 powers have arrived, as many as the ceremony's.
    pub(super) fn g1_is_whole(&self) {
        lock(&self.g1).parts.is_whole = true;
    }

    /// The same of the G2 powers.
    pub(super) fn g2_is_whole(&self) {
        lock(&self.g2).is_whole = true;
    }

    /// How many of the first `len` G1 powers no stretch has yet.
    pub(super) fn new_points(&self, len: usize) -> usize {
        len - lock(&self.g1).drawn
    }

    /// Ends a stretch after `len` G1 powers, all of which have arrived. Draws digits for its points.
    pub(super) fn end_stretch(&self, len: usize, draw: impl FnOnce(usize) -> Digits) {
        let mut partial = lock(&self.g1);
        let digits = draw(len - start_of_next(partial.drawn));
        partial.stretches.push_back((len, digits));
        partial.drawn = len;
    }

    /// Takes decoded G1 powers, and sums whatever stretch is decoded now.
    pub(super) fn g1_part(&self, first: usize, part: Result<G1List, Undecodable>) {
        lock(&self.g1).parts.put(first, part);
        loop {
            let Some((points, digits)) = lock(&self.g1).next_stretch() else {
                return;
            };
            let sums = points.window_sums(&digits);
            lock(&self.g1).sums.push(sums);
        }
    }

    pub(super) fn g2_part(&self, first: usize, part: Result<Vec<G2Affine>, Undecodable>) {
        lock(&self.g2).put(first, part);
    }

    /// What came of it, when nothing is being decoded any more.
    pub(super) fn into_powers(self) -> ReceivedPowers {
        let g1 = self.g1.into_inner().unwrap_or_else(PoisonError::into_inner);
        let g2 = self.g2.into_inner().unwrap_or_else(PoisonError::into_inner);
        let g1 = match g1.parts {
            Parts {
                is_whole: false, ..
            } => None,
            Parts {
                undecodable: Some(undecodable),
                ..
            } => Some(Err(undecodable)),
            _ => Some(Ok((g1.list, g1.sums))),
        };
        let g2 = match g2 {
            Parts {
                is_whole: false, ..
            } => None,
            Parts {
                undecodable: Some(undecodable),
                ..
            } => Some(Err(undecodable)),
            Parts { decoded, .. } => Some(Ok(decoded.into_values().flatten().collect())),
        };
        ReceivedPowers { g1, g2 }
    }
}

/// A panic in the pool ends the whole reading, so nobody sees what it left behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Points handed on while the document that they are in is still being read.

use crate::encoding::{Encoding, Point};

/// Points of a list that are handed on at a time: some 4 ms of square roots in G1, so that few are
/// left to do after a document's last byte, and enough that handing them on costs nothing.
pub(crate) const BATCH_POINTS: usize = 1024;

/// One of a contribution's lists of powers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListId {
    /// The sub-ceremony's place in the document.
    pub(crate) sub_ceremony: usize,
    /// `G1` or `G2`, as [`Point::GROUP`] has it.
    pub(crate) group: &'static str,
}

/// Consecutive points of a list, undecoded.
pub(crate) struct PointBatch<'a> {
    pub(crate) list: ListId,
    /// The index of the first point.
    pub(crate) first: usize,
    pub(crate) encoding: Encoding,
    /// The points, end to end: [`BATCH_POINTS`] of them, or fewer at the end of the list.
    pub(crate) bytes: &'a [u8],
    /// Whether the list ends with them.
    pub(crate) is_last: bool,
}

/// A sink that takes points as soon as there is a batch of them.
///
/// The batches of a list come in their order, the last one perhaps without points. If the document
/// turns out to be malformed, lists stay without an end.
pub(crate) trait PointSink {
    /// Takes the next points of a list.
    fn points(&mut self, batch: PointBatch<'_>);
}

/// A sink that ignores points, where the document is wanted as a whole.
pub(crate) struct IgnorePoints;

impl PointSink for IgnorePoints {
    fn points(&mut self, _: PointBatch<'_>) {}
}

/// The points of one list on their way to a sink.
pub(crate) struct PointFeed<'a> {
    sink: &'a mut dyn PointSink,
    list: ListId,
    points: usize,
}

impl<'a> PointFeed<'a> {
    /// For a list of `P`s of which nothing is sent yet.
    pub(crate) fn new<P: Point>(sink: &'a mut dyn PointSink, sub_ceremony: usize) -> Self {
        let list = ListId {
            sub_ceremony,
            group: P::GROUP,
        };
        Self {
            sink,
            list,
            points: 0,
        }
    }

    /// Sends what is new among the `len` points in `bytes`, if that is a batch, or if the list ends
    /// here.
    pub(crate) fn send(&mut self, len: usize, encoding: Encoding, bytes: &[u8], is_last: bool) {
        if len - self.points < BATCH_POINTS && !is_last {
            return;
        }
        let start = bytes.len() / len.max(1) * self.points;
        self.sink.points(PointBatch {
            list: self.list,
            first: self.points,
            encoding,
            bytes: &bytes[start..],
            is_last,
        });
        self.points = len;
    }
}

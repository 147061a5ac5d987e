//! The tokens of a transcript, the same for both of its forms.

use crate::encoding::PointError;
use crate::transcript::error::TranscriptError;

/// Longest identity, field name or other text that a transcript may hold, in bytes. An
/// identity has at most a few hundred; a longer text would only fill memory.
pub(crate) const MAX_TEXT_BYTES: usize = 4096;

/// A signature as a document holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// `""`, `null`, or no bytes.
    Absent,
    /// As many bytes as there must be.
    Given,
    /// Anything else.
    Malformed,
}

/// A reader of one document, token by token.
///
/// Calls must fit what comes: an object where a list is expected is an error of the document.
pub(crate) trait Tokens: Send {
    /// Enters an object.
    fn begin_object(&mut self) -> Result<(), TranscriptError>;

    /// The next field's name, or none when the object ends here and is left.
    fn next_field(&mut self) -> Result<Option<String>, TranscriptError>;

    /// Enters a list. Returns its place, where `form::open` takes up reading again.
    fn begin_list(&mut self) -> Result<u64, TranscriptError>;

    /// Whether another item follows. If not, the list ends here and is left.
    fn next_item(&mut self) -> Result<bool, TranscriptError>;

    /// A number that is not negative.
    fn number(&mut self) -> Result<u64, TranscriptError>;

    /// A text of at most [`MAX_TEXT_BYTES`].
    fn text(&mut self) -> Result<String, TranscriptError>;

    /// A point of `len` bytes, appended to `out`; or what is wrong with it.
    fn point(
        &mut self,
        len: usize,
        out: &mut Vec<u8>,
    ) -> Result<Result<(), PointError>, TranscriptError>;

    /// The number of bytes of the point that follows, for forms that have points of several
    /// lengths.
    fn point_len(&mut self) -> Result<Option<usize>, TranscriptError>;

    /// Reads what stands in the place of a signature; one of the right length goes into `out`.
    fn signature(&mut self, out: &mut [u8]) -> Result<Presence, TranscriptError>;

    /// Passes over a value of any kind.
    fn skip(&mut self) -> Result<(), TranscriptError>;

    /// Checks that nothing follows the document.
    fn finish(self: Box<Self>) -> Result<(), TranscriptError>;
}

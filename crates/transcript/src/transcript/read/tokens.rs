//! The tokens of a transcript, the same for both of its forms.

use std::io::{self, BufRead, BufReader, Read};

use crate::error::{DocumentError, PointError};
use crate::transcript::read::json_tokens::JsonTokens;
use crate::transcript::read::msgpack_tokens::MessagePackTokens;
use crate::transcript::read::source::Source;
use crate::transcript::verify::{DocumentForm, TranscriptError};

/// Bytes read ahead by each of the readers that walk a transcript side by side: 64 KiB, so that a
/// disk is not asked for every point; times 14 readers of a ceremony of four it is 1 MB.
const READ_AHEAD: usize = 64 << 10;

/// Longest identity, field name or other text that a transcript may hold, in bytes. Ours: an
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
/// Calls must fit what comes: an object where a list is expected is a [`DocumentError`].
pub(crate) trait Tokens: Send {
    /// Enters an object.
    fn begin_object(&mut self) -> Result<(), TranscriptError>;

    /// The next field's name, or none when the object ends here and is left.
    fn next_field(&mut self) -> Result<Option<String>, TranscriptError>;

    /// Enters a list. Returns its place, where [`open`] takes up reading again.
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

    /// A signature, whatever it is, into `out`.
    fn signature(&mut self, out: &mut [u8]) -> Result<Presence, TranscriptError>;

    /// Passes over a value of any kind.
    fn skip(&mut self) -> Result<(), TranscriptError>;

    /// Checks that nothing follows the document.
    fn finish(self: Box<Self>) -> Result<(), TranscriptError>;
}

/// Tells the form of the document from its first byte: JSON starts with `{` or white space,
/// MessagePack with the header of a map.
pub(crate) fn detect<S: Source + ?Sized>(source: &S) -> Result<DocumentForm, TranscriptError> {
    let mut first = [0];
    source
        .open(0)
        .and_then(|mut reader| reader.read_exact(&mut first))
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                DocumentError::Json("the document is empty".to_owned()).into()
            }
            _ => TranscriptError::Read(error),
        })?;
    Ok(match first[0] {
        // fixmap, map 16, map 32
        0x80..=0x8f | 0xde | 0xdf => DocumentForm::MessagePack,
        _ => DocumentForm::Json,
    })
}

/// Starts reading at `offset`, which is 0 or the place of a list.
pub(crate) fn open<'a, S: Source + ?Sized>(
    source: &'a S,
    form: DocumentForm,
    offset: u64,
) -> Result<Box<dyn Tokens + 'a>, TranscriptError> {
    let reader = source.open(offset).map_err(TranscriptError::Read)?;
    let reader = BufReader::with_capacity(READ_AHEAD, reader);
    Ok(match form {
        DocumentForm::Json => Box::new(JsonTokens::new(reader, offset)),
        DocumentForm::MessagePack => Box::new(MessagePackTokens::new(reader, offset)),
    })
}

/// Reads `len` bytes away.
pub(crate) fn discard(reader: &mut impl BufRead, len: u64) -> io::Result<()> {
    match io::copy(&mut reader.take(len), &mut io::sink())? {
        skipped if skipped == len => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

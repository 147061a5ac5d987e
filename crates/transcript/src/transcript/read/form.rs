//! The two forms of a transcript's document, told apart and opened.

use std::io::{self, BufReader, Read};

use crate::error::DocumentError;
use crate::transcript::error::TranscriptError;
use crate::transcript::read::json_tokens::JsonTokens;
use crate::transcript::read::msgpack_tokens::MessagePackTokens;
use crate::transcript::read::source::Source;
use crate::transcript::read::tokens::Tokens;

/// The two forms of a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DocumentForm {
    Json,
    MessagePack,
}

/// Bytes read ahead by each of the readers that walk a transcript side by side: 64 KiB, so that a
/// disk is not asked for every point; times 14 readers of a ceremony of four it is 1 MB.
const READ_AHEAD: usize = 64 << 10;

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

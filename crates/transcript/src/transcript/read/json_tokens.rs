//! The tokens of a JSON transcript.

use std::io::Read;

use struson::reader::{JsonReader, JsonStreamReader, ReaderError, ValueType};

use crate::encoding::{PointError, decode_hex};
use crate::error::DocumentError;
use crate::text_limits::{LimitedWords, WordTooLong, error_text};
use crate::transcript::error::TranscriptError;
use crate::transcript::read::tokens::{MAX_TEXT_BYTES, Presence, Tokens};

pub(crate) struct JsonTokens<R: Read> {
    json: JsonStreamReader<LimitedWords<R>>,
    /// Where in the source the reader started.
    start: u64,
    hex: Vec<u8>,
}

impl<R: Read> JsonTokens<R> {
    pub(crate) fn new(reader: R, start: u64) -> Self {
        Self {
            json: JsonStreamReader::new(LimitedWords::new(reader)),
            start,
            hex: Vec::new(),
        }
    }
}

impl From<ReaderError> for TranscriptError {
    fn from(error: ReaderError) -> Self {
        match error {
            ReaderError::IoError { error, .. } => match WordTooLong::of(&error) {
                Some(long) => Self::Document(DocumentError::Json(long.to_string())),
                None => Self::Read(error),
            },
            other => Self::Document(DocumentError::Json(error_text(other))),
        }
    }
}

impl<R: Read + Send> Tokens for JsonTokens<R> {
    fn begin_object(&mut self) -> Result<(), TranscriptError> {
        Ok(self.json.begin_object()?)
    }

    fn next_field(&mut self) -> Result<Option<String>, TranscriptError> {
        if !self.json.has_next()? {
            self.json.end_object()?;
            return Ok(None);
        }
        Ok(Some(self.json.next_name_owned()?))
    }

    fn begin_list(&mut self) -> Result<u64, TranscriptError> {
        self.json.begin_array()?;
        // The position is now right after the bracket.
        let position = self
            .json
            .current_position(false)
            .data_pos
            .unwrap_or_default();
        Ok(self.start + position - 1)
    }

    fn next_item(&mut self) -> Result<bool, TranscriptError> {
        let more = self.json.has_next()?;
        if !more {
            self.json.end_array()?;
        }
        Ok(more)
    }

    fn number(&mut self) -> Result<u64, TranscriptError> {
        let digits = self.json.next_number_as_str()?;
        digits.parse().map_err(|_| {
            let digits: String = digits.chars().take(40).collect();
            DocumentError::Json(format!("{digits} is not a number of powers")).into()
        })
    }

    fn text(&mut self) -> Result<String, TranscriptError> {
        let text = self.json.next_str()?;
        if text.len() > MAX_TEXT_BYTES {
            let problem = format!(
                "a text of {} bytes, at most {MAX_TEXT_BYTES} fit",
                text.len()
            );
            return Err(DocumentError::Json(problem).into());
        }
        Ok(text.to_owned())
    }

    fn point(
        &mut self,
        len: usize,
        out: &mut Vec<u8>,
    ) -> Result<Result<(), PointError>, TranscriptError> {
        Ok(decode_hex(self.json.next_str()?, len, out))
    }

    fn point_len(&mut self) -> Result<Option<usize>, TranscriptError> {
        Ok(None)
    }

    fn signature(&mut self, out: &mut [u8]) -> Result<Presence, TranscriptError> {
        match self.json.peek()? {
            ValueType::String => {
                let text = self.json.next_str()?;
                if text.is_empty() {
                    return Ok(Presence::Absent);
                }
                self.hex.clear();
                if decode_hex(text, out.len(), &mut self.hex).is_err() {
                    return Ok(Presence::Malformed);
                }
                out.copy_from_slice(&self.hex);
                Ok(Presence::Given)
            }
            ValueType::Null => {
                self.json.next_null()?;
                Ok(Presence::Absent)
            }
            _ => {
                self.json.skip_value()?;
                Ok(Presence::Malformed)
            }
        }
    }

    fn skip(&mut self) -> Result<(), TranscriptError> {
        Ok(self.json.skip_value()?)
    }

    fn finish(self: Box<Self>) -> Result<(), TranscriptError> {
        Ok(self.json.consume_trailing_whitespace()?)
    }
}

//! The tokens of a MessagePack transcript.

use std::io::{self, BufRead, Read};

use rmp::Marker;

use crate::encoding::{PointError, decode_hex};
use crate::error::DocumentError;
use crate::transcript::error::TranscriptError;
use crate::transcript::read::tokens::{MAX_TEXT_BYTES, Presence, Tokens};

pub(crate) struct MessagePackTokens<R> {
    reader: Counted<R>,
    /// Items or fields still to come of each list and object that is open.
    open: Vec<u32>,
    /// The header of the value that follows, when it was looked at already.
    peeked: Option<Marker>,
}

/// A reader that knows how far it is.
struct Counted<R> {
    inner: R,
    position: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer)?;
        self.position += len as u64;
        Ok(len)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, len: usize) {
        self.position += len as u64;
        self.inner.consume(len);
    }
}

impl<R: BufRead> MessagePackTokens<R> {
    pub(crate) fn new(reader: R, start: u64) -> Self {
        Self {
            reader: Counted {
                inner: reader,
                position: start,
            },
            open: Vec::new(),
            peeked: None,
        }
    }

    fn refuse<T>(&self, problem: &str) -> Result<T, TranscriptError> {
        let text = format!("{problem} before byte {}", self.reader.position);
        Err(DocumentError::MessagePack(text).into())
    }

    fn failed(&self, error: io::Error) -> TranscriptError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                let text = format!("the document ends early, at byte {}", self.reader.position);
                DocumentError::MessagePack(text).into()
            }
            _ => TranscriptError::Read(error),
        }
    }

    fn marker(&mut self) -> Result<Marker, TranscriptError> {
        if let Some(marker) = self.peeked.take() {
            return Ok(marker);
        }
        Ok(Marker::from_u8(self.be::<1>()? as u8))
    }

    fn peek(&mut self) -> Result<Marker, TranscriptError> {
        let marker = self.marker()?;
        self.peeked = Some(marker);
        Ok(marker)
    }

    /// A length or number of `N` bytes, big-endian.
    fn be<const N: usize>(&mut self) -> Result<u64, TranscriptError> {
        let mut bytes = [0; 8];
        self.reader
            .read_exact(&mut bytes[8 - N..])
            .map_err(|error| self.failed(error))?;
        Ok(u64::from_be_bytes(bytes))
    }

    /// The length of a binary value or text, whose header has been read.
    fn blob_len(&mut self, marker: Marker) -> Result<Option<u64>, TranscriptError> {
        Ok(Some(match marker {
            Marker::FixStr(len) => len.into(),
            Marker::Bin8 | Marker::Str8 => self.be::<1>()?,
            Marker::Bin16 | Marker::Str16 => self.be::<2>()?,
            Marker::Bin32 | Marker::Str32 => self.be::<4>()?,
            _ => return Ok(None),
        }))
    }

    fn read_into(&mut self, len: usize, out: &mut Vec<u8>) -> Result<(), TranscriptError> {
        let start = out.len();
        out.resize(start + len, 0);
        self.reader
            .read_exact(&mut out[start..])
            .map_err(|error| self.failed(error))
    }

    fn discard(&mut self, len: u64) -> Result<(), TranscriptError> {
        discard(&mut self.reader, len).map_err(|error| self.failed(error))
    }
}

impl<R: BufRead + Send> Tokens for MessagePackTokens<R> {
    fn begin_object(&mut self) -> Result<(), TranscriptError> {
        let len = match self.marker()? {
            Marker::FixMap(len) => len.into(),
            Marker::Map16 => self.be::<2>()? as u32,
            Marker::Map32 => self.be::<4>()? as u32,
            _ => return self.refuse("an object is expected"),
        };
        self.open.push(len);
        Ok(())
    }

    fn next_field(&mut self) -> Result<Option<String>, TranscriptError> {
        if !self.next_item()? {
            return Ok(None);
        }
        self.text().map(Some)
    }

    fn begin_list(&mut self) -> Result<u64, TranscriptError> {
        // A list is never looked at in advance, so its header is what comes next.
        debug_assert!(self.peeked.is_none());
        let place = self.reader.position;
        let len = match self.marker()? {
            Marker::FixArray(len) => len.into(),
            Marker::Array16 => self.be::<2>()? as u32,
            Marker::Array32 => self.be::<4>()? as u32,
            _ => return self.refuse("a list is expected"),
        };
        self.open.push(len);
        Ok(place)
    }

    fn next_item(&mut self) -> Result<bool, TranscriptError> {
        match self.open.last_mut() {
            Some(left @ 1..) => {
                *left -= 1;
                Ok(true)
            }
            _ => {
                self.open.pop();
                Ok(false)
            }
        }
    }

    fn number(&mut self) -> Result<u64, TranscriptError> {
        match self.marker()? {
            Marker::FixPos(value) => Ok(value.into()),
            Marker::U8 => self.be::<1>(),
            Marker::U16 => self.be::<2>(),
            Marker::U32 => self.be::<4>(),
            Marker::U64 => self.be::<8>(),
            _ => self.refuse("a number of powers is expected"),
        }
    }

    fn text(&mut self) -> Result<String, TranscriptError> {
        let marker = self.marker()?;
        let is_text = matches!(
            marker,
            Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32
        );
        let len = match self.blob_len(marker)? {
            Some(len) if is_text => len,
            _ => return self.refuse("a text is expected"),
        };
        if len > MAX_TEXT_BYTES as u64 {
            return self.refuse(&format!(
                "a text of {len} bytes, at most {MAX_TEXT_BYTES} fit,"
            ));
        }
        let mut bytes = Vec::new();
        self.read_into(len as usize, &mut bytes)?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(text),
            Err(_) => self.refuse("a text that is not UTF-8"),
        }
    }

    fn point(
        &mut self,
        len: usize,
        out: &mut Vec<u8>,
    ) -> Result<Result<(), PointError>, TranscriptError> {
        let marker = self.marker()?;
        if !matches!(marker, Marker::Bin8 | Marker::Bin16 | Marker::Bin32) {
            return self.refuse("a point is expected, as bytes,");
        }
        let got = self.blob_len(marker)?.unwrap_or_default();
        if got == len as u64 {
            self.read_into(len, out)?;
            return Ok(Ok(()));
        }
        self.discard(got)?;
        Ok(Err(PointError::Length {
            expected: len,
            got: got as usize,
        }))
    }

    fn point_len(&mut self) -> Result<Option<usize>, TranscriptError> {
        let marker = self.marker()?;
        Ok(self.blob_len(marker)?.map(|len| len as usize))
    }

    fn signature(&mut self, out: &mut [u8]) -> Result<Presence, TranscriptError> {
        match self.peek()? {
            Marker::Null => {
                self.marker()?;
                Ok(Presence::Absent)
            }
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => {
                let marker = self.marker()?;
                match self.blob_len(marker)?.unwrap_or_default() {
                    0 => Ok(Presence::Absent),
                    len if len == out.len() as u64 => {
                        self.reader
                            .read_exact(out)
                            .map_err(|error| self.failed(error))?;
                        Ok(Presence::Given)
                    }
                    len => self.discard(len).map(|()| Presence::Malformed),
                }
            }
            Marker::FixStr(_) | Marker::Str8 => {
                let text = self.text()?;
                let mut bytes = Vec::new();
                Ok(match decode_hex(&text, out.len(), &mut bytes) {
                    _ if text.is_empty() => Presence::Absent,
                    Ok(()) => {
                        out.copy_from_slice(&bytes);
                        Presence::Given
                    }
                    Err(_) => Presence::Malformed,
                })
            }
            _ => self.skip().map(|()| Presence::Malformed),
        }
    }

    fn skip(&mut self) -> Result<(), TranscriptError> {
        // Values still to pass over; nesting adds to the number, not to the stack.
        let mut left: u64 = 1;
        while left > 0 {
            let marker = self.marker()?;
            let (bytes, values) = match marker {
                Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null => (0, 0),
                Marker::True | Marker::False => (0, 0),
                Marker::U8 | Marker::I8 => (1, 0),
                Marker::U16 | Marker::I16 => (2, 0),
                Marker::U32 | Marker::I32 | Marker::F32 => (4, 0),
                Marker::U64 | Marker::I64 | Marker::F64 => (8, 0),
                Marker::FixExt1 => (2, 0),
                Marker::FixExt2 => (3, 0),
                Marker::FixExt4 => (5, 0),
                Marker::FixExt8 => (9, 0),
                Marker::FixExt16 => (17, 0),
                Marker::Ext8 => (self.be::<1>()? + 1, 0),
                Marker::Ext16 => (self.be::<2>()? + 1, 0),
                Marker::Ext32 => (self.be::<4>()? + 1, 0),
                Marker::FixArray(len) => (0, len.into()),
                Marker::Array16 => (0, self.be::<2>()?),
                Marker::Array32 => (0, self.be::<4>()?),
                Marker::FixMap(len) => (0, 2 * u64::from(len)),
                Marker::Map16 => (0, 2 * self.be::<2>()?),
                Marker::Map32 => (0, 2 * self.be::<4>()?),
                Marker::Reserved => return self.refuse("a byte that MessagePack never uses"),
                blob => (self.blob_len(blob)?.unwrap_or_default(), 0),
            };
            self.discard(bytes)?;
            // Each step adds less than 2^33, and there are fewer steps than bytes: no overflow.
            left = left - 1 + values;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), TranscriptError> {
        match self.reader.fill_buf() {
            Ok([]) => Ok(()),
            Ok(_) => self.refuse("more bytes follow the document, which ends"),
            Err(error) => Err(TranscriptError::Read(error)),
        }
    }
}

/// Reads `len` bytes away.
fn discard(reader: &mut impl BufRead, len: u64) -> io::Result<()> {
    match io::copy(&mut reader.take(len), &mut io::sink())? {
        skipped if skipped == len => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

//! A reader that lets MessagePack pass only if its texts are UTF-8, as its specification demands,
//! and not too long.

use std::io::{self, Read};

use crate::text_limits::{MAX_WORD, WordTooLong};

/// Passes bytes through, and fails at a text that is not UTF-8.
///
/// `rmp_serde` hands such a text over as bytes, which could pass for a point. The reader of
/// transcripts refuses such texts, and both readers have to agree.
pub(super) struct StrictText<R> {
    inner: R,
    state: State,
    position: u64,
    /// Where the value stands that is being read.
    value_at: u64,
}

/// What the next byte is.
enum State {
    /// The header of a value.
    Header,
    /// One of the bytes of a length, `left` of which are still to come.
    Length {
        left: u8,
        length: u64,
        is_text: bool,
        extra: u64,
    },
    /// A value that is passed over.
    Skip(u64),
    /// A text of which so many bytes are to come; the start of a character is kept.
    Text { left: u64, character: Vec<u8> },
}

impl<R: Read> StrictText<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            state: State::Header,
            position: 0,
            value_at: 0,
        }
    }

    /// What is left to read.
    pub(super) fn into_inner(self) -> R {
        self.inner
    }

    /// Goes on over `bytes`; an error where a text among them is not UTF-8.
    fn follow(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while let Some((&first, rest)) = bytes.split_first() {
            let used = match &mut self.state {
                State::Header => {
                    self.value_at = self.position;
                    self.state = header(first);
                    1
                }
                State::Length {
                    left,
                    length,
                    is_text,
                    extra,
                } => {
                    *left -= 1;
                    *length = *length << 8 | u64::from(first);
                    if *left == 0 {
                        if *length > MAX_WORD as u64 {
                            let long = WordTooLong(self.position + 1);
                            return Err(io::Error::new(io::ErrorKind::InvalidData, long));
                        }
                        self.state = value(*length + *extra, *is_text);
                    }
                    1
                }
                State::Skip(left) => {
                    let used = shorter(*left, bytes.len());
                    self.state = value(*left - used as u64, false);
                    used
                }
                State::Text { left, character } => {
                    let used = shorter(*left, bytes.len());
                    *left -= used as u64;
                    let is_end = *left == 0;
                    if !continues(character, &bytes[..used], is_end) {
                        let text = format!("a text that is not UTF-8 at byte {}", self.value_at);
                        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
                    }
                    if is_end {
                        self.state = State::Header;
                    }
                    used
                }
            };
            self.position += used as u64;
            bytes = if used == 1 { rest } else { &bytes[used..] };
        }
        Ok(())
    }
}

impl<R: Read> Read for StrictText<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer)?;
        self.follow(&buffer[..len])?;
        Ok(len)
    }
}

fn shorter(left: u64, len: usize) -> usize {
    usize::try_from(left).map_or(len, |left| left.min(len))
}

/// What follows a header (MessagePack's specification, Formats). Lists and maps are the values in
/// them, one after the other.
fn header(byte: u8) -> State {
    let length = |left, is_text, extra| State::Length {
        left,
        length: 0,
        is_text,
        extra,
    };
    match byte {
        0xa0..=0xbf => value(u64::from(byte & 0x1f), true),
        0xd9 => length(1, true, 0),
        0xda => length(2, true, 0),
        0xdb => length(4, true, 0),
        0xc4 => length(1, false, 0),
        0xc5 => length(2, false, 0),
        0xc6 => length(4, false, 0),
        // An extension has a byte for its type.
        0xc7 => length(1, false, 1),
        0xc8 => length(2, false, 1),
        0xc9 => length(4, false, 1),
        0xcc | 0xd0 => State::Skip(1),
        0xcd | 0xd1 => State::Skip(2),
        0xca | 0xce | 0xd2 => State::Skip(4),
        0xcb | 0xcf | 0xd3 => State::Skip(8),
        0xd4..=0xd8 => State::Skip(1 + (1 << (byte - 0xd4))),
        0xdc | 0xde => State::Skip(2),
        0xdd | 0xdf => State::Skip(4),
        _ => State::Header,
    }
}

fn value(len: u64, is_text: bool) -> State {
    match (len, is_text) {
        (0, _) => State::Header,
        (left, false) => State::Skip(left),
        (left, true) => State::Text {
            left,
            character: Vec::new(),
        },
    }
}

/// Whether `bytes` go on as UTF-8 after the start of a character, which is replaced by the one at
/// their end.
fn continues(character: &mut Vec<u8>, bytes: &[u8], is_end: bool) -> bool {
    character.extend_from_slice(bytes);
    match std::str::from_utf8(character) {
        Ok(_) => {
            character.clear();
            true
        }
        Err(error) if error.error_len().is_none() && !is_end => {
            character.drain(..error.valid_up_to());
            true
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that gives a few bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let len = self.1.min(buffer.len()).min(self.0.len());
            buffer[..len].copy_from_slice(&self.0[..len]);
            self.0 = &self.0[len..];
            Ok(len)
        }
    }

    fn passes(bytes: &[u8]) -> bool {
        let results: Vec<bool> = [1, 2, 3, 7, 1000]
            .map(|step| {
                let mut out = Vec::new();
                let read = StrictText::new(Slow(bytes, step)).read_to_end(&mut out);
                assert!(read.is_err() || out == bytes);
                read.is_ok()
            })
            .to_vec();
        assert!(results.iter().all(|it| *it == results[0]), "{bytes:x?}");
        results[0]
    }

    #[test]
    fn texts_have_to_be_utf_8_and_nothing_else_has() {
        let long = |header: &[u8], fill: u8, len: usize| [header, &vec![fill; len][..]].concat();
        for good in [
            &b"\xa3abc\xa2\xc3\xbc\xc0"[..],
            &long(&[0xc4, 200], 0xff, 200),
            &long(&[0xc5, 1, 0], 0xff, 256),
            &long(&[0xc7, 3], 0xff, 4),
            &long(&[0xd8], 0xff, 17),
            &long(&[0xcf], 0xff, 8),
            &[
                0x82, 0xa1, b'a', 0x01, 0xa1, b'b', 0xcb, 255, 255, 255, 255, 255, 255, 255, 255,
            ],
            &long(&[0xda, 1, 0], b'x', 256),
        ] {
            assert!(passes(good), "{good:x?}");
        }
        for bad in [
            &b"\xa1\xff"[..],
            &b"\xa2a\xc3\xa1b"[..],
            &b"\xd9\x02\xc3("[..],
            &long(&[0xda, 1, 0], 0xff, 256),
            &long(&[0xdb, 0, 0, 0, 48], 0x97, 48),
            &b"\x92\xc4\x01\xff\xa1\xfe"[..],
        ] {
            assert!(!passes(bad), "{bad:x?}");
        }
    }
}

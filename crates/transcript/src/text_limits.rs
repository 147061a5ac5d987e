//! Limits for text that is read, and for text that is shown. A *word* is what stands between two
//! quotes, commas, brackets or spaces. The longest word of any document is a point. Parsers collect
//! a word before they look at it, so without a limit one word could fill the memory.

use std::fmt;
use std::io::{self, Read};

/// Longest word that is read, in bytes. A hundred times the longest point, and nothing to a
/// small machine.
pub const MAX_WORD: usize = 1 << 16;

/// Why a text is read no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a word of more than {MAX_WORD} bytes stands before byte {0}: no document has such")]
pub struct WordTooLong(pub u64);

impl WordTooLong {
    /// The problem that an error of a reader stands for, if it is this one.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

/// Passes a text through, and fails at a word that is longer than [`MAX_WORD`], or than twice that.
#[derive(Debug)]
pub struct LimitedWords<R> {
    inner: R,
    /// Bytes since the last mark.
    run: usize,
    position: u64,
}

impl<R> LimitedWords<R> {
    /// Reads from here.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            run: 0,
            position: 0,
        }
    }

    fn follow(&mut self, bytes: &[u8]) -> Result<(), WordTooLong> {
        // Only the first and the last mark of a piece are looked for: a word inside is no longer.
        for piece in bytes.chunks(MAX_WORD) {
            let first = piece.iter().position(is_mark);
            self.run += first.unwrap_or(piece.len());
            self.position += piece.len() as u64;
            if self.run > MAX_WORD {
                return Err(WordTooLong(self.position));
            }
            if let Some(last) = piece.iter().rposition(is_mark) {
                self.run = piece.len() - last - 1;
            }
        }
        Ok(())
    }
}

fn is_mark(byte: &u8) -> bool {
    matches!(byte, b'"' | b',' | b':' | b'[' | b']' | b'{' | b'}') || byte.is_ascii_whitespace()
}

impl<R: Read> Read for LimitedWords<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer)?;
        self.follow(&buffer[..len])
            .map_err(|long| io::Error::new(io::ErrorKind::InvalidData, long))?;
        Ok(len)
    }
}

/// The first characters of a text, with `…` where it was longer.
#[must_use]
pub fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// Longest text of an error about a document, in characters: serde quotes what it did not expect,
/// and that can be a whole body.
const MAX_ERROR_CHARS: usize = 240;

/// The text of an error, cut to a length fit for a log line.
pub(crate) fn error_text(error: impl fmt::Display) -> String {
    cut(&error.to_string(), MAX_ERROR_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a text in pieces of this length.
    fn read(text: &[u8], piece: usize) -> Result<usize, WordTooLong> {
        let mut reader = LimitedWords::new(text);
        let (mut all, mut buffer) = (0, vec![0; piece]);
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(all),
                Ok(len) => all += len,
                Err(error) => return Err(WordTooLong::of(&error).unwrap()),
            }
        }
    }

    #[test]
    fn words_of_any_place_are_seen_and_long_texts_of_short_ones_pass() {
        let word = "x".repeat(MAX_WORD / 2);
        let fine = format!("[{}]", vec![format!("\"{word}\""); 20].join(",\n"));
        let long = "x".repeat(2 * MAX_WORD + 1);
        for piece in [1_000, 4096, MAX_WORD - 1, MAX_WORD, 3 * MAX_WORD, 1 << 22] {
            assert_eq!(read(fine.as_bytes(), piece), Ok(fine.len()), "{piece}");
            for around in ["", "\"", "[[", "a b c "] {
                let text = format!("{fine}{around}{long}{around}{fine}");
                let WordTooLong(at) = read(text.as_bytes(), piece).unwrap_err();
                assert!(at as usize > fine.len(), "{piece}");
            }
        }
    }
}

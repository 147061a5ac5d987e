//! Reads usual JSON while it arrives, from memory.
//!
//! `serde_json` takes a stream byte by byte, which costs four times what the same bytes cost from
//! memory. This reader keeps what has arrived and looks at whole strings. It takes less than
//! `serde_json` does, and understands what it takes in the same way: escapes, fractions, exponents,
//! signs and deep nesting are *unusual*, and so is everything that is wrong. Whoever meets it reads the
//! bytes again with `serde_json`, which has the last word and the words of all errors.
//!
//! # Memory
//!
//! All bytes that have arrived.

use std::fmt;
use std::io::Read;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

/// Deepest nesting that is usual: a document has five levels.
const MAX_DEPTH: usize = 32;

/// Most digits of a number that is usual: as many always fit in 64 bits.
const MAX_DIGITS: usize = 19;

/// Bytes asked for at a time at least.
const READ_AHEAD: usize = 64 << 10;

/// What came is for the other reader; perhaps it is wrong.
#[derive(Debug)]
pub(super) struct Unusual;

impl fmt::Display for Unusual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unusual JSON")
    }
}

impl std::error::Error for Unusual {}

impl de::Error for Unusual {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// The reader: what has arrived, and how far it was read.
pub(super) struct QuickReader<R> {
    from: R,
    /// What has arrived, and room for more.
    bytes: Vec<u8>,
    arrived: usize,
    at: usize,
    depth: usize,
}

impl<R: Read> QuickReader<R> {
    pub(super) fn new(from: R) -> Self {
        Self {
            from,
            bytes: Vec::new(),
            arrived: 0,
            at: 0,
            depth: 0,
        }
    }

    /// Nothing but white space follows, to the end of the stream.
    pub(super) fn end(&mut self) -> Result<(), Unusual> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Unusual),
        }
    }

    /// Everything that has arrived, and what the stream still gives. An error of the stream is for
    /// whoever owns it to find.
    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        while self.fill() {}
        self.bytes.truncate(self.arrived);
        self.bytes
    }

    /// Waits for more bytes; whether there are any.
    fn fill(&mut self) -> bool {
        if self.bytes.len() < self.arrived + READ_AHEAD {
            self.bytes
                .resize(self.arrived + self.arrived / 2 + READ_AHEAD, 0);
        }
        let read = loop {
            match self.from.read(&mut self.bytes[self.arrived..]) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Ok(read) => break read,
                // Whoever reads again comes upon it.
                Err(_) => break 0,
            }
        };
        self.arrived += read;
        read > 0
    }

    /// The byte at the place that has been reached; none at the end of the stream.
    fn byte(&mut self) -> Option<u8> {
        while self.at == self.arrived {
            if !self.fill() {
                return None;
            }
        }
        Some(self.bytes[self.at])
    }

    /// The next byte that is no white space, without taking it.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = self.byte()?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Takes the next byte that is no white space, if it is this one.
    fn take(&mut self, byte: u8) -> Result<(), Unusual> {
        if self.peek() != Some(byte) {
            return Err(Unusual);
        }
        self.at += 1;
        Ok(())
    }

    /// Takes a string without escapes.
    fn string(&mut self) -> Result<&str, Unusual> {
        self.take(b'"')?;
        let start = self.at;
        loop {
            let new = &self.bytes[self.at..self.arrived];
            let is_special = |&byte: &u8| SPECIAL[usize::from(byte)];
            match new.iter().position(is_special) {
                Some(place) => {
                    self.at += place;
                    break;
                }
                None => {
                    self.at = self.arrived;
                    if !self.fill() {
                        return Err(Unusual);
                    }
                }
            }
        }
        let end = self.at;
        // What stands there now must be the quote itself: space before it would be of the string.
        if self.bytes[end] != b'"' {
            return Err(Unusual);
        }
        self.at += 1;
        std::str::from_utf8(&self.bytes[start..end]).map_err(|_| Unusual)
    }

    /// Takes a number without sign, fraction and exponent.
    fn number(&mut self) -> Result<u64, Unusual> {
        let mut value = 0;
        let mut digits = 0;
        let mut leads_with_zero = false;
        while let Some(byte @ b'0'..=b'9') = self.byte() {
            leads_with_zero |= digits == 0 && byte == b'0';
            digits += 1;
            if digits > MAX_DIGITS || (leads_with_zero && digits > 1) {
                return Err(Unusual);
            }
            value = 10 * value + u64::from(byte - b'0');
            self.at += 1;
        }
        match self.byte() {
            Some(b'.' | b'e' | b'E') => Err(Unusual),
            _ if digits == 0 => Err(Unusual),
            _ => Ok(value),
        }
    }

    /// Takes one of the three words.
    fn word(&mut self, word: &[u8]) -> Result<(), Unusual> {
        for &expected in word {
            if self.byte() != Some(expected) {
                return Err(Unusual);
            }
            self.at += 1;
        }
        Ok(())
    }

    /// Takes a list or an object, which the visitor has to read to its end.
    fn nested<T>(
        &mut self,
        close: u8,
        visit: impl FnOnce(Items<'_, R>) -> Result<T, Unusual>,
    ) -> Result<T, Unusual> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Unusual);
        }
        let mut is_over = false;
        let items = Items {
            reader: self,
            close,
            is_first: true,
            is_over: &mut is_over,
        };
        let value = visit(items)?;
        self.depth -= 1;
        if is_over { Ok(value) } else { Err(Unusual) }
    }
}

/// Bytes that end a string, or make it unusual.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        special[byte] = true;
        byte += 1;
    }
    special[b'"' as usize] = true;
    special[b'\\' as usize] = true;
    special
};

impl<'de, R: Read> Deserializer<'de> for &mut QuickReader<R> {
    type Error = Unusual;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unusual> {
        match self.peek().ok_or(Unusual)? {
            b'"' => visitor.visit_str(self.string()?),
            b'[' => self.nested(b']', |items| visitor.visit_seq(items)),
            b'{' => self.nested(b'}', |items| visitor.visit_map(items)),
            b'n' => {
                self.word(b"null")?;
                visitor.visit_unit()
            }
            b't' => {
                self.word(b"true")?;
                visitor.visit_bool(true)
            }
            b'f' => {
                self.word(b"false")?;
                visitor.visit_bool(false)
            }
            _ => visitor.visit_u64(self.number()?),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

/// What stands in a list or an object.
struct Items<'a, R> {
    reader: &'a mut QuickReader<R>,
    close: u8,
    is_first: bool,
    /// Set when the end was taken.
    is_over: &'a mut bool,
}

impl<R: Read> Items<'_, R> {
    /// Whether there is another; takes what stands before it, or else the end.
    fn has_next(&mut self) -> Result<bool, Unusual> {
        if *self.is_over {
            return Ok(false);
        }
        if self.reader.peek() == Some(self.close) {
            self.reader.at += 1;
            *self.is_over = true;
            return Ok(false);
        }
        if !std::mem::take(&mut self.is_first) {
            self.reader.take(b',')?;
            // Nothing follows a comma but an item.
            if self.reader.peek() == Some(self.close) {
                return Err(Unusual);
            }
        }
        Ok(true)
    }
}

impl<'de, R: Read> SeqAccess<'de> for Items<'_, R> {
    type Error = Unusual;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unusual> {
        match self.has_next()? {
            true => seed.deserialize(&mut *self.reader).map(Some),
            false => Ok(None),
        }
    }
}

impl<'de, R: Read> MapAccess<'de> for Items<'_, R> {
    type Error = Unusual;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Unusual> {
        if !self.has_next()? {
            return Ok(None);
        }
        if self.reader.peek() != Some(b'"') {
            return Err(Unusual);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unusual> {
        self.reader.take(b':')?;
        seed.deserialize(&mut *self.reader)
    }
}

#[cfg(test)]
mod tests;

//! Byte order marks, and text in UTF-16.

/// The bytes of a byte order mark in UTF-8.
pub const UTF8_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// Text of UTF-16, with a byte order mark or without, as UTF-8; none if it is not UTF-16.
///
/// `start` are the first bytes of a file, of which the byte order is told.
#[must_use]
pub fn utf16_order(start: &[u8]) -> Option<Utf16> {
    match start {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => None,
        [0xff, 0xfe, ..] => Some(Utf16::LittleEndian),
        [0xfe, 0xff, ..] => Some(Utf16::BigEndian),
        // Two characters of ASCII.
        [a, 0, b, 0, ..] if is_plain(*a) && is_plain(*b) => Some(Utf16::LittleEndian),
        [0, a, 0, b, ..] if is_plain(*a) && is_plain(*b) => Some(Utf16::BigEndian),
        _ => None,
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() || byte.is_ascii_whitespace()
}

/// The order of bytes in UTF-16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Utf16 {
    /// The low byte first, as Windows writes it.
    LittleEndian,
    /// The high byte first.
    BigEndian,
}

impl Utf16 {
    /// The text of an even number of bytes, without a byte order mark; what is no text becomes `�`.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> String {
        let units = bytes.chunks_exact(2).map(|pair| match self {
            Self::LittleEndian => u16::from_le_bytes([pair[0], pair[1]]),
            Self::BigEndian => u16::from_be_bytes([pair[0], pair[1]]),
        });
        char::decode_utf16(units)
            .map(|it| it.unwrap_or(char::REPLACEMENT_CHARACTER))
            .filter(|it| *it != '\u{feff}')
            .collect()
    }
}

//! Decimals and base64 that have one spelling each.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A decimal without sign and without leading zeros, below 2⁶⁴.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_shortest = text == "0" || !text.starts_with('0');
    // `parse` refuses the empty text and what does not fit, and takes a `+`.
    (is_plain && is_shortest).then(|| text.parse().ok())?
}

/// Bytes in standard base64 (RFC 4648, section 4), with its padding and without stray bits.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// The spelling that [`base64`] reads.
pub(crate) fn to_base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// What an error shows of a text from outside: its beginning, without control characters.
pub(crate) fn excerpt(text: &str) -> String {
    /// Characters: a hash in base64 is still shown whole.
    const LONGEST: usize = 48;
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_has_one_spelling() {
        for (text, value) in [
            ("0", Some(0)),
            ("7", Some(7)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("", None),
            ("00", None),
            ("07", None),
            ("+7", None),
            ("-0", None),
            (" 7", None),
            ("7 ", None),
            ("1_000", None),
            ("７", None),
        ] {
            assert_eq!(decimal(text), value, "{text:?}");
        }
    }

    #[test]
    fn bytes_have_one_spelling() {
        assert_eq!(base64("AA=="), Some(vec![0]));
        assert_eq!(base64(""), Some(vec![]));
        for text in ["AA", "AA=", "AB==", "AA==\n", " AA==", "A-==", "AA==AA=="] {
            assert_eq!(base64(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_excerpt_is_short_and_on_one_line() {
        assert_eq!(excerpt("a\nb"), "a\\nb");
        assert_eq!(excerpt(&"é".repeat(1000)).chars().count(), 49);
    }
}

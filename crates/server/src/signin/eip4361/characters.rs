//! The characters that a URI or a statement is made of (RFC 3986).

/// Whether a text is not empty and of these bytes.
pub(super) fn is_of(text: &str, is: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(is)
}

/// RFC 3986, section 2.3.
pub(super) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// RFC 3986, section 2.2.
pub(super) fn is_reserved(byte: u8) -> bool {
    b":/?#[]@".contains(&byte) || is_sub_delim(byte)
}

fn is_sub_delim(byte: u8) -> bool {
    b"!$&'()*+,;=".contains(&byte)
}

/// `*pchar` (RFC 3986, section 3.3).
pub(super) fn is_pchars(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut is_hex = || bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit());
        let is_pchar = match byte {
            b'%' => is_hex() && is_hex(),
            byte => is_unreserved(byte) || is_sub_delim(byte) || b":@".contains(&byte),
        };
        if !is_pchar {
            return false;
        }
    }
    true
}

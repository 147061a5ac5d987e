//! Bytes as hex digits.

/// Appends lower-case hex digits.
pub(super) fn push_hex(bytes: &[u8], out: &mut Vec<u8>) {
    let from = out.len();
    out.resize(from + 2 * bytes.len(), 0);
    // The room is as long as it has to be.
    let _ = hex::encode_to_slice(bytes, &mut out[from..]);
}

//! Ethereum addresses as people write them.

/// Reads `0x` and 40 hex digits, of either case.
#[must_use]
pub fn address(text: &str) -> Option<[u8; 20]> {
    let mut address = [0; 20];
    hex::decode_to_slice(text.strip_prefix("0x")?, &mut address).ok()?;
    Some(address)
}

//! The head that requests and proofs have before a checkpoint: lines, and an empty one.

use crate::hash::{Hash, HashError};

/// Splits bytes at the first empty line: the lines before it, with their last newline, and what
/// follows it. `None` if there is no empty line, or what is before it is not UTF-8.
pub(crate) fn split_head(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
    let head = std::str::from_utf8(&bytes[..=end]).ok()?;
    Some((head, &bytes[end + 2..]))
}

/// Hashes, a line each, of which the first is line `first`. The number of the line comes with the
/// error.
pub(crate) fn hashes<'a>(
    lines: impl Iterator<Item = &'a str>,
    first: usize,
) -> Result<Vec<Hash>, (usize, HashError)> {
    let numbered = (first..).zip(lines);
    let hashes = numbered.map(|(line, hash)| hash.parse().map_err(|error| (line, error)));
    hashes.collect()
}

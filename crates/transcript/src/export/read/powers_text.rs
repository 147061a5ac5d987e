//! Sets of powers in text: two counts and points in hex, as c-kzg has it, or points alone.

use blstrs::{G1Affine, G2Affine};

use crate::encoding::Point;
use crate::export::file::{PowersFile, PowersFileError, PowersFileKind, PowersSet, points};
use crate::export::read::powers_raw;
use crate::sizes::Size;

/// Longest count, in digits: more would be a point.
const COUNT_DIGITS: usize = 20;

/// Reads text. Lines may be broken anywhere, by any white space.
pub(super) fn read(bytes: &[u8]) -> Result<PowersFile, PowersFileError> {
    // What is not ASCII is no digit, and is named where it stands.
    let text = String::from_utf8_lossy(bytes);
    let mut words = text.split_ascii_whitespace();
    let is_count = |word: &&str| word.len() <= COUNT_DIGITS;
    if !words.clone().next().is_some_and(|word| is_count(&word)) {
        return without_counts(words);
    }
    let mut count = |line| {
        let number = words.next().and_then(|word| word.parse::<usize>().ok());
        number
            .filter(|&it| it <= Size::MAX_G1)
            .ok_or(PowersFileError::Count { line })
    };
    let (g1, g2) = (count(1)?, count(2)?);
    with_counts(g1, g2, words.collect())
}

/// As c-kzg has it: Lagrange points, powers in G2, and in G1 since 2024.
fn with_counts(g1: usize, g2: usize, words: Vec<&str>) -> Result<PowersFile, PowersFileError> {
    let got = words.len();
    if got == 2 * g1 + g2 || got == g1 + g2 {
        return lists(g1, g2, &words);
    }
    // Perhaps points are broken over several lines.
    let digits: String = words.iter().copied().map(without_prefix).collect();
    let split = [1, 2].into_iter().find_map(|scale| {
        let (g1_len, g2_len) = (
            2 * scale * G1Affine::COMPRESSED_LEN,
            2 * scale * G2Affine::COMPRESSED_LEN,
        );
        let once = g1 * g1_len + g2 * g2_len;
        let lens = [(once, false), (once + g1 * g1_len, true)];
        let found = lens.into_iter().find(|(len, _)| *len == digits.len());
        found.map(|(_, twice)| (g1_len, g2_len, twice))
    });
    let Some((g1_len, g2_len, twice)) = split.filter(|_| digits.is_ascii()) else {
        return Err(PowersFileError::Points { g1, g2, got });
    };
    let lens = std::iter::repeat_n(g1_len, g1)
        .chain(std::iter::repeat_n(g2_len, g2))
        .chain(std::iter::repeat_n(g1_len, if twice { g1 } else { 0 }));
    let mut rest = digits.as_str();
    let pieces: Vec<&str> = lens
        .map(|len| {
            let piece;
            (piece, rest) = rest.split_at(len.min(rest.len()));
            piece
        })
        .collect();
    lists(g1, g2, &pieces)
}

fn lists(g1: usize, g2: usize, texts: &[&str]) -> Result<PowersFile, PowersFileError> {
    let (lagrange, rest) = texts.split_at(g1);
    let (g2_texts, monomial) = rest.split_at(g2);
    let g1_lagrange = points("g1_lagrange", lagrange.iter().copied())?;
    let g2_monomial = points("g2_monomial", g2_texts.iter().copied())?;
    let with_monomial = !monomial.is_empty() || g1 == 0;
    let g1_monomial = with_monomial
        .then(|| points("g1_monomial", monomial.iter().copied()))
        .transpose()?;
    let kind = match with_monomial {
        true => PowersFileKind::CKzg,
        false => PowersFileKind::CKzgWithoutMonomial,
    };
    let set = PowersSet::new(g1_monomial, Some(g1_lagrange), g2_monomial);
    Ok(PowersFile::of_one(kind, set))
}

/// Points alone: those of a raw file, as hex.
fn without_counts<'a>(words: impl Iterator<Item = &'a str>) -> Result<PowersFile, PowersFileError> {
    let digits: String = words.map(without_prefix).collect();
    match hex::decode(&digits) {
        Ok(bytes) => powers_raw::read(&bytes),
        Err(_) => Err(PowersFileError::Unknown { len: digits.len() }),
    }
}

fn without_prefix(word: &str) -> &str {
    let prefixed = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    prefixed.unwrap_or(word)
}

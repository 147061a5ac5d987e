//! A file of powers, undecoded: its kind, its sets of powers, and why it is none.

use std::fmt;

use blstrs::{G1Affine, G2Affine};

use crate::contribution::raw::RawPoints;
use crate::encoding::{Encoding, Point, PointError};
use crate::error::DocumentError;
use crate::recognise::Kind;

/// What a file of powers is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PowersFileKind {
    /// c-kzg-4844's `trusted_setup.txt`.
    CKzg,
    /// The same as it was before G1 monomial powers were added to it.
    CKzgWithoutMonomial,
    /// The consensus specifications' `trusted_setup_4096.json`.
    Consensus,
    /// Points of G1, then of G2, as bytes or as hex, perhaps behind their numbers.
    Raw,
    /// A contribution or base, in JSON or MessagePack.
    Contribution,
}

impl fmt::Display for PowersFileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CKzg => "c-kzg trusted_setup.txt",
            Self::CKzgWithoutMonomial => "c-kzg trusted_setup.txt without G1 monomial powers",
            Self::Consensus => "consensus trusted_setup JSON",
            Self::Raw => "raw points",
            Self::Contribution => "contribution",
        })
    }
}

/// One set of powers as a file has it, undecoded.
#[derive(Clone, Debug)]
pub struct PowersSet {
    /// \[τⁱ\]₁.
    pub g1_monomial: Option<RawPoints<G1Affine>>,
    /// Their Lagrange points, in the file's order.
    pub g1_lagrange: Option<RawPoints<G1Affine>>,
    /// \[τⁱ\]₂.
    pub g2_monomial: RawPoints<G2Affine>,
}

impl PowersSet {
    pub(crate) fn new(
        g1_monomial: Option<RawPoints<G1Affine>>,
        g1_lagrange: Option<RawPoints<G1Affine>>,
        g2_monomial: RawPoints<G2Affine>,
    ) -> Self {
        Self {
            g1_monomial,
            g1_lagrange,
            g2_monomial,
        }
    }
}

/// A file of powers, undecoded.
#[derive(Clone, Debug)]
pub struct PowersFile {
    /// What the file is.
    pub kind: PowersFileKind,
    /// The sets in it: one, but for contributions.
    pub sets: Vec<PowersSet>,
}

impl PowersFile {
    pub(crate) fn of_one(kind: PowersFileKind, set: PowersSet) -> Self {
        Self {
            kind,
            sets: vec![set],
        }
    }
}

/// Why bytes are no file of powers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PowersFileError {
    /// None of the formats fits.
    #[error(
        "not a file of powers: neither c-kzg text, nor JSON, nor MessagePack, nor raw points (no \
         number of them has {len} bytes)"
    )]
    Unknown {
        /// The number of bytes.
        len: usize,
    },
    /// The file is something else.
    #[error("not a file of powers: it is {0}")]
    Other(Kind),
    /// The file is a transcript, which has more to verify than its powers.
    #[error("the file is a transcript: verify it as one")]
    Transcript,
    /// The JSON is malformed, or has neither `g1_monomial` nor `g1_lagrange`, or no
    /// `g2_monomial`.
    #[error("not a JSON file of powers: {0}")]
    Json(String),
    /// The file looks like a contribution and is none.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A line of a text file is not a number of points.
    #[error("line {line}: a number of points is expected")]
    Count {
        /// The line, from 1.
        line: usize,
    },
    /// A text file has more or fewer points than its counts ask for.
    #[error(
        "the counts ask for {g1} points in G1, once or twice, and {g2} in G2, but {got} points \
         follow"
    )]
    Points {
        /// The number of G1 points stated.
        g1: usize,
        /// The number of G2 points stated.
        g2: usize,
        /// The number of points.
        got: usize,
    },
    /// A file states another number of points than it holds.
    #[error("set {set} states {stated} powers in {group} and holds {got}")]
    Stated {
        /// The set, from 0.
        set: usize,
        /// `G1` or `G2`.
        group: &'static str,
        /// The number stated.
        stated: u64,
        /// The number of points.
        got: usize,
    },
    /// Raw points without a place where those of G2 could start.
    #[error(
        "no split into powers in G1 and in G2 fits: the generator of G2 is nowhere among the \
         points. Perhaps these are {points} points of G1 alone; without powers in G2 nothing can \
         be checked"
    )]
    G1Alone {
        /// The number of points that these would be.
        points: usize,
    },
    /// Raw points of which the first is the generator of G2.
    #[error("these are points of G2 alone; without powers in G1 nothing can be checked")]
    G2Alone,
    /// A point is not written as one.
    #[error("{list}[{index}]: {error}")]
    Point {
        /// The list, by its name in the consensus specifications.
        list: &'static str,
        /// The index in the list.
        index: usize,
        /// What is wrong.
        error: PointError,
    },
    /// Compressed and uncompressed points in one list.
    #[error("{list}[{index}] is {got}, and the points before it are not")]
    Mixed {
        /// The list, by its name in the consensus specifications.
        list: &'static str,
        /// The index in the list.
        index: usize,
        /// How it is encoded.
        got: Encoding,
    },
}

/// Refuses a number of points that is stated and is not that of the points.
pub(crate) fn check_stated(
    set: usize,
    group: &'static str,
    stated: Option<u64>,
    got: usize,
) -> Result<(), PowersFileError> {
    match stated {
        Some(stated) if stated != got as u64 => Err(PowersFileError::Stated {
            set,
            group,
            stated,
            got,
        }),
        _ => Ok(()),
    }
}

/// Points written as hex, each a text of its own.
pub(crate) fn points<'a, P: Point>(
    list: &'static str,
    texts: impl IntoIterator<Item = &'a str>,
) -> Result<RawPoints<P>, PowersFileError> {
    let mut bytes = Vec::new();
    let mut encoding = None;
    for (index, text) in texts.into_iter().enumerate() {
        let got = point::<P>(text, &mut bytes).map_err(|error| PowersFileError::Point {
            list,
            index,
            error,
        })?;
        if *encoding.get_or_insert(got) != got {
            return Err(PowersFileError::Mixed { list, index, got });
        }
    }
    Ok(RawPoints::from_parts(encoding.unwrap_or_default(), bytes))
}

/// Appends the bytes of a point: hex in either case, with `0x` or without, white space passed over.
/// Positions in errors are those of the text as it stands.
fn point<P: Point>(text: &str, out: &mut Vec<u8>) -> Result<Encoding, PointError> {
    let start = text.len() - text.trim_ascii_start().len();
    let prefix = text[start..].starts_with("0x") || text[start..].starts_with("0X");
    let skipped = start + if prefix { 2 } else { 0 };
    let mut digits = Vec::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate().skip(skipped) {
        match byte {
            _ if byte.is_ascii_whitespace() => {}
            _ if byte.is_ascii_hexdigit() => digits.push(byte),
            _ => return Err(PointError::Digit { at }),
        }
    }
    if !digits.len().is_multiple_of(2) {
        return Err(PointError::OddLength {
            digits: digits.len(),
        });
    }
    let (expected, got) = (P::COMPRESSED_LEN, digits.len() / 2);
    let encoding = P::encoding_of_len(got).ok_or(PointError::Length { expected, got })?;
    // Digits are all that is left.
    let decoded = hex::decode(&digits).map_err(|_| PointError::Length { expected, got })?;
    out.extend_from_slice(&decoded);
    Ok(encoding)
}

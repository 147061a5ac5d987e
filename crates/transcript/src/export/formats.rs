//! Files of powers, read: which format it is, and where the points are.

use std::fmt;

use blstrs::{G1Affine, G2Affine};
use group::prime::PrimeCurveAffine;
use serde::Deserialize;

use crate::contribution::{RawContribution, RawPoints};
use crate::encoding::{Encoding, Point, decode_hex};
use crate::error::{DocumentError, PointError};
use crate::sizes::Size;

/// G2 powers of a raw file whose G2 generator is not found: as many as every sub-ceremony of the
/// Ethereum ceremony has. Only which point is called wrong hangs on it.
const ETHEREUM_G2_POWERS: usize = 65;

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
    /// Compressed points of G1, then of G2.
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

/// A file of powers, undecoded.
#[derive(Clone, Debug)]
pub struct PowersFile {
    /// What the file is.
    pub kind: PowersFileKind,
    /// The sets in it: one, but for contributions.
    pub sets: Vec<PowersSet>,
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
}

/// Reads a file of powers in any format. Points are not decoded yet.
///
/// # Errors
/// When it is none, with what comes closest.
pub fn read_powers_file(bytes: &[u8]) -> Result<PowersFile, PowersFileError> {
    let start = bytes.trim_ascii_start();
    let beginning = &bytes[..bytes.len().min(64)];
    let names = |name: &[u8]| {
        beginning
            .windows(name.len())
            .any(|it| it.eq_ignore_ascii_case(name))
    };
    if names(b"transcripts\"") || names(b"subtranscripts\"") || names(b"\xabtranscripts") {
        return Err(PowersFileError::Transcript);
    }
    if start.first() == Some(&b'{') {
        return match names(b"contributions\"") {
            true => contribution(RawContribution::from_json(bytes)?),
            false => consensus(bytes),
        };
    }
    if start.first().is_some_and(u8::is_ascii_digit) && start.is_ascii() {
        return c_kzg(start);
    }
    if names(b"contributions") {
        return contribution(RawContribution::from_msgpack(bytes)?);
    }
    raw(bytes)
}

fn contribution(document: RawContribution) -> Result<PowersFile, PowersFileError> {
    let sets = document.sub_contributions.into_iter();
    let sets = sets
        .map(|sub| PowersSet::new(Some(sub.powers.g1), None, sub.powers.g2))
        .collect();
    Ok(PowersFile {
        kind: PowersFileKind::Contribution,
        sets,
    })
}

fn points<'a, P: Point>(
    list: &'static str,
    texts: impl IntoIterator<Item = &'a str>,
) -> Result<RawPoints<P>, PowersFileError> {
    let mut bytes = Vec::new();
    for (index, text) in texts.into_iter().enumerate() {
        decode_hex(text, P::COMPRESSED_LEN, &mut bytes)
            .map_err(|error| PowersFileError::Point { list, index, error })?;
    }
    Ok(RawPoints::from_parts(Encoding::Compressed, bytes))
}

fn consensus(bytes: &[u8]) -> Result<PowersFile, PowersFileError> {
    /// The older names are those of the specifications' first, `testing_trusted_setups.json`.
    #[derive(Deserialize)]
    struct Document {
        #[serde(alias = "setup_G1")]
        g1_monomial: Option<Vec<String>>,
        #[serde(alias = "setup_G1_lagrange")]
        g1_lagrange: Option<Vec<String>>,
        #[serde(alias = "setup_G2")]
        g2_monomial: Vec<String>,
    }
    let document: Document =
        serde_json::from_slice(bytes).map_err(|error| PowersFileError::Json(error.to_string()))?;
    let g1 = |list, texts: Option<Vec<String>>| {
        texts
            .map(|texts| points(list, texts.iter().map(String::as_str)))
            .transpose()
    };
    let g1_monomial = g1("g1_monomial", document.g1_monomial)?;
    let g1_lagrange = g1("g1_lagrange", document.g1_lagrange)?;
    if g1_monomial.is_none() && g1_lagrange.is_none() {
        let problem = "neither g1_monomial nor g1_lagrange is there";
        return Err(PowersFileError::Json(problem.to_owned()));
    }
    let g2_monomial = points(
        "g2_monomial",
        document.g2_monomial.iter().map(String::as_str),
    )?;
    let sets = vec![PowersSet::new(g1_monomial, g1_lagrange, g2_monomial)];
    Ok(PowersFile {
        kind: PowersFileKind::Consensus,
        sets,
    })
}

fn c_kzg(bytes: &[u8]) -> Result<PowersFile, PowersFileError> {
    // ASCII was checked: this loses nothing.
    let text = String::from_utf8_lossy(bytes);
    let mut words = text.split_ascii_whitespace();
    let mut count = |line| {
        let number = words.next().and_then(|word| word.parse::<usize>().ok());
        number
            .filter(|&it| it <= Size::MAX_G1)
            .ok_or(PowersFileError::Count { line })
    };
    let (g1, g2) = (count(1)?, count(2)?);
    // The text has no `0x`; the points' reader wants it.
    let lines: Vec<String> = words.map(|word| format!("0x{word}")).collect();
    let got = lines.len();
    let with_monomial = got == 2 * g1 + g2;
    if !with_monomial && got != g1 + g2 {
        return Err(PowersFileError::Points { g1, g2, got });
    }
    let mut lines = lines.iter().map(String::as_str);
    let g1_lagrange = points("g1_lagrange", lines.by_ref().take(g1))?;
    let g2_monomial = points("g2_monomial", lines.by_ref().take(g2))?;
    let g1_monomial = with_monomial
        .then(|| points("g1_monomial", lines))
        .transpose()?;
    let kind = match with_monomial {
        true => PowersFileKind::CKzg,
        false => PowersFileKind::CKzgWithoutMonomial,
    };
    let sets = vec![PowersSet::new(g1_monomial, Some(g1_lagrange), g2_monomial)];
    Ok(PowersFile { kind, sets })
}

fn raw(bytes: &[u8]) -> Result<PowersFile, PowersFileError> {
    const G1_LEN: usize = G1Affine::COMPRESSED_LEN;
    const G2_LEN: usize = G2Affine::COMPRESSED_LEN;
    let unknown = PowersFileError::Unknown { len: bytes.len() };
    if bytes.is_empty() || !bytes.len().is_multiple_of(G1_LEN) {
        return Err(unknown);
    }
    // G2 powers start with the generator.
    let mut generator = Vec::new();
    G2Affine::generator().encode(Encoding::Compressed, &mut generator);
    let places = (0..bytes.len()).step_by(G1_LEN);
    let found = places
        .filter(|&at| (bytes.len() - at).is_multiple_of(G2_LEN))
        .find(|&at| bytes[at..].starts_with(&generator));
    let usual = bytes
        .len()
        .checked_sub(ETHEREUM_G2_POWERS * G2_LEN)
        .filter(|&at| at > 0);
    let Some(g1_len) = found.or(usual) else {
        return Err(unknown);
    };
    let (g1, g2) = bytes.split_at(g1_len);
    let g1 = RawPoints::from_parts(Encoding::Compressed, g1.to_vec());
    let g2 = RawPoints::from_parts(Encoding::Compressed, g2.to_vec());
    let sets = vec![PowersSet::new(Some(g1), None, g2)];
    Ok(PowersFile {
        kind: PowersFileKind::Raw,
        sets,
    })
}

//! Files that KZG libraries load: a sub-ceremony's final powers (`ceremony.md`, Outputs).
//!
//! | format | what | written | read |
//! |---|---|---|---|
//! | c-kzg | `trusted_setup.txt` of c-kzg-4844 | yes | yes, also of before 2024, without G1 monomial powers |
//! | consensus | `trusted_setup_4096.json` of the consensus specifications | yes | yes, also with its older names |
//! | raw | compressed G1 powers, then compressed G2 powers, nothing else | no | yes |
//! | contribution | JSON or MessagePack, all sub-ceremonies | no | yes |
//!
//! [`read_powers_file`] takes any of them, [`verify_powers_file`] checks what was read. A
//! transcript's powers come from [`chain::read_powers`](crate::chain::read_powers).

mod formats;

use std::fmt;
use std::io::{self, Write};

use blstrs::{G1Affine, G2Affine};
use rand_core::{CryptoRng, RngCore};
use serde::Serialize;

pub use formats::{PowersFile, PowersFileError, PowersFileKind, PowersSet, read_powers_file};

use crate::contribution::{RawPoints, RawPowers};
use crate::encoding::{Encoding, Point, encode_hex};
use crate::error::{Invalid, PointError, SubCeremony};
use crate::field::{G1List, Path};
use crate::lagrange::{LagrangeMismatch, NotPowerOfTwo, check_lagrange, to_lagrange, to_monomial};
use crate::powers::Powers;
use crate::sizes::{Size, SizesError};
use crate::verify::verify_powers;

/// A format that powers are exported in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// `trusted_setup.txt` of c-kzg-4844: the two counts, then G1 Lagrange in natural order, G2
    /// monomial, G1 monomial, a line each.
    CKzg,
    /// `trusted_setup_4096.json` of the consensus specifications: `g1_monomial`, `g1_lagrange`,
    /// `g2_monomial`, indented by two spaces.
    Consensus,
}

/// Why powers were not exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The output failed.
    #[error("the powers cannot be written: {0}")]
    Io(#[from] io::Error),
    /// Both formats hold Lagrange points.
    #[error(transparent)]
    NotPowerOfTwo(#[from] NotPowerOfTwo),
}

/// Writes powers with their Lagrange points, which are computed on all cores.
///
/// The powers are written as they are: verify the transcript that they come from.
///
/// # Errors
/// When their number is not a power of two, or the output fails.
pub fn export_powers(
    mut out: impl Write,
    format: ExportFormat,
    powers: &Powers,
) -> Result<(), ExportError> {
    let lagrange = to_lagrange(powers.g1())?;
    match format {
        ExportFormat::CKzg => {
            writeln!(out, "{}\n{}", powers.g1().len(), powers.g2().len())?;
            write_lines(&mut out, &lagrange)?;
            write_lines(&mut out, powers.g2())?;
            write_lines(&mut out, powers.g1())?;
        }
        ExportFormat::Consensus => {
            let json = ConsensusFile {
                g1_monomial: hex_list(powers.g1()),
                g1_lagrange: hex_list(&lagrange),
                g2_monomial: hex_list(powers.g2()),
            };
            serde_json::to_writer_pretty(&mut out, &json).map_err(io::Error::from)?;
        }
    }
    Ok(out.flush()?)
}

#[derive(Serialize)]
struct ConsensusFile {
    g1_monomial: Vec<String>,
    g1_lagrange: Vec<String>,
    g2_monomial: Vec<String>,
}

fn compressed<P: Point>(point: &P) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(P::COMPRESSED_LEN);
    point.encode(Encoding::Compressed, &mut bytes);
    bytes
}

fn hex_list<P: Point>(points: &[P]) -> Vec<String> {
    points
        .iter()
        .map(|point| encode_hex(&compressed(point)))
        .collect()
}

fn write_lines<P: Point>(out: &mut impl Write, points: &[P]) -> io::Result<()> {
    points
        .iter()
        .try_for_each(|point| writeln!(out, "{}", hex::encode(compressed(point))))
}

/// Whether the Lagrange points of a file were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum LagrangeFinding {
    /// They are those of the G1 powers.
    Matches,
    /// There are none.
    Absent,
    /// They are all there is: the G1 powers were derived from them, and hold.
    OnlyOnes,
}

impl fmt::Display for LagrangeFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Matches => "the Lagrange points match the G1 powers",
            Self::Absent => "there are no Lagrange points to check",
            Self::OnlyOnes => {
                "there are no monomial G1 powers; those of the Lagrange points were derived and \
                 checked"
            }
        })
    }
}

/// What was found in a set of powers that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PowersReport {
    /// The number of G1 powers.
    pub num_g1_powers: usize,
    /// The number of G2 powers.
    pub num_g2_powers: usize,
    /// What there is to say of Lagrange points.
    pub lagrange: LagrangeFinding,
}

/// Why a set of powers is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PowersInvalid {
    /// A sub-ceremony cannot have as many powers.
    #[error(transparent)]
    Size(#[from] SizesError),
    /// The powers fail a check on a contribution (2 to 4, 6 or 7).
    #[error(transparent)]
    Powers(#[from] Invalid),
    /// A Lagrange point does not decode.
    #[error("Lagrange point {index} does not decode: {error}")]
    LagrangeDecoding {
        /// The lowest bad index.
        index: usize,
        /// What is wrong with it.
        error: PointError,
    },
    /// A Lagrange point is not in the prime-order subgroup.
    #[error("Lagrange point {index} is not in the prime-order subgroup")]
    LagrangeSubgroup {
        /// The lowest bad index.
        index: usize,
    },
    /// The Lagrange points are not those of the powers.
    #[error(transparent)]
    Lagrange(#[from] LagrangeMismatch),
    /// There are only Lagrange points, and the powers derived from them are wrong.
    #[error("the G1 powers that the Lagrange points stand for do not hold: {0}")]
    Derived(Invalid),
}

/// Checks every set of powers in a file.
///
/// # Errors
/// Names the first set that fails, the check, and the lowest bad index.
pub fn verify_powers_file(
    file: &PowersFile,
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<Vec<PowersReport>, PowersInvalid> {
    file.sets
        .iter()
        .enumerate()
        .map(|(i, set)| verify_set(set, i, rng))
        .collect()
}

/// Checks one set: points decode and are in the subgroup, the first are the generators, the
/// powers are of one τ that is not 0, and the Lagrange points are those of the powers.
fn verify_set(
    set: &PowersSet,
    index: usize,
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<PowersReport, PowersInvalid> {
    let lagrange = set.g1_lagrange.as_ref().map(decode_lagrange).transpose()?;
    let (g1_monomial, derived) = match (&set.g1_monomial, &lagrange) {
        (Some(monomial), _) => (monomial.clone(), false),
        (None, Some(lagrange)) => {
            let monomial = to_monomial(lagrange).map_err(LagrangeMismatch::from)?;
            (RawPoints::encode(&monomial, Encoding::Uncompressed), true)
        }
        (None, None) => (RawPoints::encode(&[], Encoding::Compressed), false),
    };
    let size = Size {
        g1: g1_monomial.len(),
        g2: set.g2_monomial.len(),
    }
    .check()?;
    let raw = RawPowers {
        g1: g1_monomial,
        g2: set.g2_monomial.clone(),
    };
    let powers = verify_powers(SubCeremony { index, size }, &raw, rng).map_err(|invalid| {
        if derived {
            PowersInvalid::Derived(invalid)
        } else {
            invalid.into()
        }
    })?;
    let finding = match lagrange {
        None => LagrangeFinding::Absent,
        Some(_) if derived => LagrangeFinding::OnlyOnes,
        Some(lagrange) => {
            check_lagrange(powers.g1(), &lagrange, rng)?;
            LagrangeFinding::Matches
        }
    };
    Ok(PowersReport {
        num_g1_powers: size.g1,
        num_g2_powers: size.g2,
        lagrange: finding,
    })
}

fn decode_lagrange(raw: &RawPoints<G1Affine>) -> Result<Vec<G1Affine>, PowersInvalid> {
    let points = G1List::decode(raw.bytes(), raw.encoding(), Path::best())
        .map_err(|(index, error)| PowersInvalid::LagrangeDecoding { index, error })?;
    match points.first_outside_subgroup() {
        Some(index) => Err(PowersInvalid::LagrangeSubgroup { index }),
        None => Ok(points.to_affine()),
    }
}

impl PowersSet {
    fn new(
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

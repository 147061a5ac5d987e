//! Powers written as KZG libraries load them.

use std::io::{self, Write};

use serde::Serialize;

use crate::encoding::{Encoding, Point, encode_hex};
use crate::export::lagrange::{NotPowerOfTwo, to_lagrange};
use crate::powers::Powers;

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
#[non_exhaustive]
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

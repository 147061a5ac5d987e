//! Files of powers, read: which format it is, and where the points are.

mod powers_json;
mod powers_raw;
mod powers_text;

use crate::contribution::raw::RawContribution;
use crate::export::file::{PowersFile, PowersFileError, PowersFileKind, PowersSet, check_stated};
use crate::recognise::{Kind, UTF8_MARK, recognise_bytes};

/// Reads a file of powers in any format. Points are not decoded yet.
///
/// Hex is read in either case, with `0x` or without, with white space in it; points compressed or
/// uncompressed; a byte order mark is passed over.
///
/// # Errors
/// When it is none, with what comes closest.
pub fn read_powers_file(bytes: &[u8]) -> Result<PowersFile, PowersFileError> {
    let bytes = bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes);
    match recognise_bytes(bytes) {
        Kind::Transcript => Err(PowersFileError::Transcript),
        Kind::Contribution if bytes.trim_ascii_start().first() == Some(&b'{') => {
            contribution(RawContribution::from_json(bytes)?)
        }
        Kind::Contribution => contribution(RawContribution::from_msgpack(bytes)?),
        // What is no set of powers after all is told by what is missing.
        Kind::PowersJson | Kind::Json(_) if bytes.trim_ascii_start().first() == Some(&b'{') => {
            powers_json::read(bytes)
        }
        Kind::PowersText => powers_text::read(bytes),
        Kind::PowersRaw | Kind::Unknown => powers_raw::read(bytes),
        Kind::Empty | Kind::Text => Err(PowersFileError::Unknown { len: bytes.len() }),
        other => Err(PowersFileError::Other(other)),
    }
}

fn contribution(document: RawContribution) -> Result<PowersFile, PowersFileError> {
    let mut sets = Vec::with_capacity(document.sub_contributions.len());
    for (set, sub) in document.sub_contributions.into_iter().enumerate() {
        check_stated(set, "G1", Some(sub.num_g1_powers), sub.powers.g1.len())?;
        check_stated(set, "G2", Some(sub.num_g2_powers), sub.powers.g2.len())?;
        sets.push(PowersSet::new(Some(sub.powers.g1), None, sub.powers.g2));
    }
    Ok(PowersFile {
        kind: PowersFileKind::Contribution,
        sets,
    })
}

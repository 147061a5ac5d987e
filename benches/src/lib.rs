//! Code that several benchmarks share.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod clock;
pub mod crowd;
pub mod hour;
pub mod kills;
pub mod load;
pub mod made_up;
pub mod obvious;
pub mod process;
pub mod transcripts;
pub mod turns;

use anyhow::{Context, Result};
use tauline_transcript::{
    Base, DocumentError, Encoding, RawContribution, Secret, Sizes, contribute_with,
};

/// Keeps the vector instructions out where `TAULINE_FIELD=portable` asks for it.
pub fn choose_arithmetic() {
    if std::env::var_os("TAULINE_FIELD").is_some_and(|value| value == "portable") {
        tauline_transcript::use_portable_arithmetic();
    }
}

/// A chain of `count` contributions from the initial state, with known secrets, each as the
/// MessagePack body of an upload.
///
/// # Errors
/// More contributions than there are known secrets for.
pub fn contribution_chain(sizes: &Sizes, count: usize, encoding: Encoding) -> Result<Vec<Vec<u8>>> {
    chain_of(sizes, count, |document| document.to_msgpack(encoding))
}

/// The same as JSON.
///
/// # Errors
/// More contributions than there are known secrets for.
pub fn json_contribution_chain(sizes: &Sizes, count: usize) -> Result<Vec<Vec<u8>>> {
    chain_of(sizes, count, RawContribution::to_json)
}

fn chain_of(
    sizes: &Sizes,
    count: usize,
    write: impl Fn(&RawContribution) -> Result<Vec<u8>, DocumentError>,
) -> Result<Vec<Vec<u8>>> {
    let mut base = Base::initial(sizes);
    let mut bodies = Vec::with_capacity(count);
    for number in 0..count {
        let secrets = (0..sizes.len())
            .map(|sub_ceremony| known_secret(number, sub_ceremony))
            .collect::<Option<Vec<_>>>()
            .context("a number below 2^32 is a usable secret")?;
        let update = contribute_with(&base, secrets, &|_| ())?;
        base = update.base().clone();
        bodies.push(write(&update.unsigned())?);
    }
    Ok(bodies)
}

/// A known secret of full size, different for each contribution and sub-ceremony.
fn known_secret(number: usize, sub_ceremony: usize) -> Option<Secret> {
    let mut bytes = [0x5a; 32];
    bytes[0] = 0x11;
    bytes[1..5].copy_from_slice(&u32::try_from(number).ok()?.to_be_bytes());
    bytes[5] = u8::try_from(sub_ceremony).ok()?;
    Secret::from_be_bytes(&bytes)
}

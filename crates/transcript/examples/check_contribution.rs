//! Checks one contribution against the base that it was to build on.
//!
//! ```text
//! cargo run -p tauline-transcript --example check_contribution
//! cargo run -p tauline-transcript --example check_contribution -- BASE CONTRIBUTION [IDENTITY]
//! ```
//!
//! Without arguments it checks two small documents of the tests. BASE and CONTRIBUTION are
//! JSON. With an IDENTITY, such as `eth|0x…`, it also says which signatures are that participant's.

#![expect(
    clippy::disallowed_types,
    reason = "a program takes its randomness from the system"
)]

use std::error::Error;
use std::process::ExitCode;

use tauline_transcript::identity::Identity;
use tauline_transcript::known_secret::known_secret_of;
use tauline_transcript::rand_core::OsRng;
use tauline_transcript::{RawContribution, Size, Sizes, verify, verify_base};

const BASE: &[u8] = include_bytes!("../tests/golden/base.json");
const CONTRIBUTION: &[u8] = include_bytes!("../tests/golden/contribution.json");

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (base, contribution, identity) = match arguments.as_slice() {
        [] => (BASE.to_vec(), CONTRIBUTION.to_vec(), None),
        [base, contribution, identity @ ..] if identity.len() <= 1 => {
            let identity = identity.first().map(|text| text.parse::<Identity>());
            let (base, contribution) = (std::fs::read(base)?, std::fs::read(contribution)?);
            (base, contribution, identity.transpose()?)
        }
        _ => return Err("give BASE, CONTRIBUTION, and perhaps an IDENTITY".into()),
    };

    // A base is somebody else's document too: its powers are checked before anything else.
    let document = RawContribution::from_json(&base)?;
    let base = verify_base(&document, &stated_sizes(&document)?, &mut OsRng)?;
    println!("base: sizes {}", base.sizes());
    for powers in base.powers() {
        if let Some(known) = known_secret_of(powers.g1()) {
            println!("base: {} powers: {known}", powers.g1().len());
        }
    }

    let contribution = RawContribution::from_json(&contribution)?;
    let mut verified = verify(&base, &contribution, &mut OsRng)?;
    println!("contribution: valid");
    for sub_ceremonies in verified.equal_secrets() {
        println!("contribution: one secret for the sub-ceremonies {sub_ceremonies:?}");
    }
    if let Some(identity) = identity {
        verified.prune_signatures(&identity);
        let bls = verified.witness().iter().map(|it| it.bls_signature);
        println!("BLS signatures of {identity}: {}", bls.flatten().count());
        let ecdsa = verified.ecdsa_signature().is_some();
        println!("EIP-712 signature of {identity}: {ecdsa}");
    }
    Ok(())
}

/// The sizes that a document states.
fn stated_sizes(document: &RawContribution) -> Result<Sizes, Box<dyn Error>> {
    let stated = document.sub_contributions.iter().map(|sub| {
        let g1 = usize::try_from(sub.num_g1_powers)?;
        let g2 = usize::try_from(sub.num_g2_powers)?;
        Ok(Size { g1, g2 })
    });
    let stated: Result<Vec<_>, Box<dyn Error>> = stated.collect();
    Ok(Sizes::new(stated?)?)
}

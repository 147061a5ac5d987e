//! `tauline verify-contribution`: one contribution against the powers it was to build on.

use std::path::PathBuf;

use rand_core::OsRng;
use serde::Serialize;
use tauline_protocol::Identity;
use tauline_transcript::contribution::RawContribution;
use tauline_transcript::powers::Base;
use tauline_transcript::signature::{bls_verify, ecdsa_verify, eip712_digest};
use tauline_transcript::sizes::SizesError;
use tauline_transcript::verify::{Verified, verify, verify_base};
use tauline_transcript::{Encoding, Invalid, Size, Sizes};

use crate::exit::{Failure, Outcome};
use crate::input::Input;
use crate::verbs::compute::parse_identity;
use crate::verbs::export::sub_ceremony_powers;
use crate::{output, work};

/// Check a contribution against the powers it builds on.
///
/// All checks that the coordinator makes. Signatures are checked when --identity says whose they
/// should be; a bad one does not make a contribution invalid.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The contribution; `-` is standard input.
    #[arg(value_name = "CONTRIBUTION")]
    contribution: PathBuf,
    /// The powers before it: a base, a contribution, or a transcript.
    #[arg(long, value_name = "BASE")]
    base: PathBuf,
    /// The contributor, whose signatures are then checked.
    #[arg(long, value_name = "ID", value_parser = parse_identity)]
    identity: Option<Identity>,
    /// The ceremony's sizes, which both have to have [default: those that BASE
    /// states; for a transcript, the Ethereum ceremony's].
    #[arg(long, value_name = "SIZES")]
    ceremony: Option<Sizes>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// What was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Fault>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sub_ceremonies: Vec<Sub>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ecdsa_signature: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Fault {
    code: &'static str,
    sub_ceremony: Option<usize>,
    index: Option<usize>,
    message: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Sub {
    num_g1_powers: usize,
    num_g2_powers: usize,
    pot_pubkey: String,
    bls_signature: &'static str,
}

/// Checks.
///
/// # Errors
/// A contribution that is not valid, or files that cannot be read.
pub fn run(args: &Args) -> Outcome {
    let base = base(&Input::open(&args.base)?, args.ceremony.as_ref())?;
    let input = Input::open(&args.contribution)?;
    let document = document(&input)?;
    match verify(&base, &document, &mut OsRng) {
        Ok(verified) => {
            let report = report(&verified, &document, args.identity.as_ref());
            match args.json {
                true => output::print_json(&report),
                false => output::print(&text(&report, input.name())),
            }
        }
        Err(invalid) => {
            if args.json {
                output::print_json(&refusal(&invalid))?;
            }
            Err(
                Failure::bad(format!("{} is not valid: {invalid}", input.name()))
                    .code(invalid.code()),
            )
        }
    }
}

/// Reads a contribution.
fn document(input: &Input) -> Outcome<RawContribution> {
    let bytes = input.bytes(MAX_LEN)?;
    work::read_document(&bytes)
        .map_err(|error| Failure::bad(format!("{} is not a contribution: {error}", input.name())))
}

/// Longest document that is read into memory, in bytes. Ours: 64 times a contribution to the
/// Ethereum ceremony, and less than a small machine has.
const MAX_LEN: u64 = 1 << 29;

/// Reads and checks the powers to build on, out of a base, a contribution or a transcript.
pub(crate) fn base(input: &Input, ceremony: Option<&Sizes>) -> Outcome<Base> {
    let bad = |why: &dyn std::fmt::Display| {
        Failure::bad(format!(
            "{} holds no powers to build on: {why}",
            input.name()
        ))
    };
    let (document, sizes) = if is_transcript(input)? {
        let sizes = ceremony.cloned().unwrap_or_default();
        (transcript_powers(input, &sizes)?, sizes)
    } else {
        let document = document(input)?;
        let sizes = match ceremony {
            Some(sizes) => sizes.clone(),
            None => stated_sizes(&document).map_err(|error| bad(&error))?,
        };
        (document, sizes)
    };
    verify_base(&document, &sizes, &mut OsRng).map_err(|invalid| bad(&invalid).code(invalid.code()))
}

/// The sizes of the lists in a document.
fn stated_sizes(document: &RawContribution) -> Result<Sizes, SizesError> {
    let lists = document.sub_contributions.iter().map(|sub| &sub.powers);
    Sizes::new(
        lists
            .map(|powers| Size {
                g1: powers.g1.len(),
                g2: powers.g2.len(),
            })
            .collect(),
    )
}

/// Whether the document begins as a transcript does; a contribution has no such field names.
fn is_transcript(input: &Input) -> Outcome<bool> {
    const NAMES: [&[u8]; 3] = [b"transcripts", b"subTranscripts", b"participantIds"];
    let start = input.start(256)?;
    Ok(NAMES
        .iter()
        .any(|name| start.windows(name.len()).any(|window| window == *name)))
}

/// The final powers of a transcript as a base.
fn transcript_powers(input: &Input, sizes: &Sizes) -> Outcome<RawContribution> {
    let mut document = Base::initial(sizes).to_raw(Encoding::Uncompressed);
    for (sub, size) in document.sub_contributions.iter_mut().zip(sizes) {
        let powers = sub_ceremony_powers(input, size.g1)?;
        (sub.num_g1_powers, sub.num_g2_powers) =
            (powers.g1().len() as u64, powers.g2().len() as u64);
        sub.powers = powers.to_raw(Encoding::Uncompressed);
    }
    Ok(document)
}

fn report(verified: &Verified, document: &RawContribution, identity: Option<&Identity>) -> Report {
    let judged = |present: bool, is_valid: &dyn Fn(&Identity) -> bool| match (present, identity) {
        (false, _) => "absent",
        (true, None) => "unchecked",
        (true, Some(identity)) if is_valid(identity) => "valid",
        (true, Some(_)) => "invalid",
    };
    let sizes = verified.base().sizes();
    let sub_ceremonies = sizes
        .iter()
        .zip(verified.witness())
        .map(|(size, entry)| Sub {
            num_g1_powers: size.g1,
            num_g2_powers: size.g2,
            pot_pubkey: format!("0x{}", hex::encode(entry.pot_pubkey.to_compressed())),
            bls_signature: judged(entry.bls_signature.is_some(), &|identity| {
                let signature = entry.bls_signature.as_ref();
                signature.is_some_and(|it| bls_verify(identity, &entry.pot_pubkey, it))
            }),
        })
        .collect();
    let signature = document.ecdsa_signature.as_ref();
    let ecdsa = judged(signature.is_some(), &|identity| {
        let digest = eip712_digest(&verified.signed_pubkeys());
        signature.is_some_and(|it| ecdsa_verify(identity, &digest, it))
    });
    Report {
        valid: true,
        failure: None,
        sub_ceremonies,
        ecdsa_signature: Some(ecdsa),
    }
}

fn refusal(invalid: &Invalid) -> Report {
    let failure = Fault {
        code: invalid.code(),
        sub_ceremony: invalid.sub_ceremony.map(|it| it.index),
        index: invalid.index,
        message: invalid.to_string(),
    };
    Report {
        valid: false,
        failure: Some(failure),
        sub_ceremonies: vec![],
        ecdsa_signature: None,
    }
}

fn text(report: &Report, name: &str) -> String {
    let mut lines = vec![format!(
        "{:>12}  {:>9}  {:<14}  pot pubkey",
        "sub-ceremony", "G2 powers", "BLS signature"
    )];
    for sub in &report.sub_ceremonies {
        lines.push(format!(
            "{:>12}  {:>9}  {:<14}  {}…",
            sub.num_g1_powers,
            sub.num_g2_powers,
            sub.bls_signature,
            &sub.pot_pubkey[..26]
        ));
    }
    lines.push(format!(
        "Ethereum signature: {}",
        report.ecdsa_signature.unwrap_or("absent")
    ));
    lines.push(format!("{name} is valid."));
    lines.join("\n")
}

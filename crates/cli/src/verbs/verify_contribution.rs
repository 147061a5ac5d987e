//! `tauline verify-contribution`: checks one contribution against the powers it builds on.

use std::path::PathBuf;

use rand_core::OsRng;
use serde::Serialize;
use tauline_protocol::Identity;
use tauline_transcript::signature::{bls_verify, ecdsa_verify, eip712_digest};
use tauline_transcript::{Invalid, MalformedSignatures, RawContribution, Sizes, Verified, verify};

use crate::documents;
use crate::exit::{Failure, Outcome};
use crate::identity::parse_identity;
use crate::input::{Input, Limits};
use crate::recognised::Wanted;
use crate::{numbers, output};

/// Check a contribution against the powers it builds on.
///
/// Makes all checks that the coordinator makes. Signatures are checked if --identity says whose
/// they should be. A bad signature does not make a contribution invalid.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The contribution; `-` is standard input.
    #[arg(value_name = "CONTRIBUTION")]
    contribution: PathBuf,
    /// The powers it builds on: a base, a contribution, or a transcript.
    #[arg(long, value_name = "BASE")]
    base: PathBuf,
    /// The contributor: eth|0x…, git|ID|LOGIN or invite|NAME. The signatures are then checked.
    #[arg(long, value_name = "ID", value_parser = parse_identity)]
    identity: Option<Identity>,
    /// The ceremony's sizes, which both must have [default: those that BASE states; for a
    /// transcript, those of the Ethereum ceremony].
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
    failure: Option<FailedCheck>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sub_ceremonies: Vec<Sub>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ecdsa_signature: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FailedCheck {
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

/// Checks the contribution.
///
/// # Errors
/// A contribution that is not valid, or files that cannot be read.
pub fn run(args: &Args) -> Outcome {
    let base = Input::open(&args.base, Limits::TRANSCRIPT)?;
    let base = documents::base(&base, args.ceremony.as_ref())?;
    let input = Input::open(&args.contribution, Limits::DOCUMENT)?;
    let (document, bytes) = documents::contribution(&input, Wanted::Contribution)?;
    match verify(&base, &document, &mut OsRng) {
        Ok(verified) => {
            let malformed = MalformedSignatures::find(&bytes);
            let report = report(&verified, &document, &malformed, args.identity.as_ref());
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

fn report(
    verified: &Verified,
    document: &RawContribution,
    malformed: &MalformedSignatures,
    identity: Option<&Identity>,
) -> Report {
    let judged = |present: bool, is_malformed: bool, is_valid: &dyn Fn(&Identity) -> bool| match (
        present, identity,
    ) {
        _ if is_malformed => "malformed",
        (false, _) => "absent",
        (true, None) => "unchecked",
        (true, Some(identity)) if is_valid(identity) => "valid",
        (true, Some(_)) => "invalid",
    };
    let sizes = verified.base().sizes();
    let sub_ceremonies = (sizes.iter().zip(verified.witness()).enumerate())
        .map(|(i, (size, entry))| {
            let signature = entry.bls_signature.as_ref();
            let is_valid = |identity: &Identity| {
                signature.is_some_and(|it| bls_verify(identity, &entry.pot_pubkey, it))
            };
            Sub {
                num_g1_powers: size.g1,
                num_g2_powers: size.g2,
                pot_pubkey: format!("0x{}", hex::encode(entry.pot_pubkey.to_compressed())),
                bls_signature: judged(signature.is_some(), malformed.bls.contains(&i), &is_valid),
            }
        })
        .collect();
    let signature = document.ecdsa_signature.as_ref();
    let ecdsa = judged(signature.is_some(), malformed.ecdsa, &|identity| {
        let digest = eip712_digest(&verified.signed_pubkeys());
        signature.is_some_and(|it| ecdsa_verify(identity, &digest, it))
    });
    Report {
        valid: true,
        failure: None,
        sub_ceremonies,
        ecdsa_signature: Some(ecdsa),
        warnings: warnings(verified, malformed),
    }
}

/// What does not make a contribution invalid, but its owner should know.
fn warnings(verified: &Verified, malformed: &MalformedSignatures) -> Vec<String> {
    let mut warnings: Vec<String> = (verified.equal_secrets().iter())
        .map(|group| {
            format!(
                "the sub-ceremonies {} have one secret: a participant should draw one for each",
                numbers::list(group)
            )
        })
        .collect();
    if !malformed.bls.is_empty() {
        warnings.push(format!(
            "malformed BLS signature in the sub-ceremonies {}: a coordinator leaves it out",
            numbers::list(&malformed.bls)
        ));
    }
    if malformed.ecdsa {
        warnings
            .push("the Ethereum signature is malformed: a coordinator leaves it out".to_owned());
    }
    warnings
}

fn refusal(invalid: &Invalid) -> Report {
    let failure = FailedCheck {
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
        warnings: vec![],
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
    lines.extend(report.warnings.iter().map(|it| format!("WARNING  {it}")));
    lines.push(format!("{name} is valid."));
    lines.join("\n")
}

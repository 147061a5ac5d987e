//! `tauline verify-powers`: checks powers in any of the published formats.

mod expect;

use std::path::PathBuf;

use rand_core::OsRng;
use serde::Serialize;
use tauline_transcript::Encoding;
use tauline_transcript::export::{
    LagrangeFinding, PowersFile, PowersFileKind, PowersSet, SetFindings, check_powers_file,
    read_powers_file,
};
use tauline_transcript::known_secret::KnownSecret;
use tauline_transcript::recognise::{Kind, top_level_keys};

use self::expect::{Expected, ExpectedSizes};
use crate::exit::{Failure, Outcome};
use crate::input::{Input, Limits, MAX_DOCUMENT};
use crate::progress::Meter;
use crate::recognised::{Wanted, want};
use crate::{numbers, output};

/// A testing set with at most this many powers in G1 only causes a warning. The sets for the
/// `minimal` preset of consensus clients have 4, and cannot be mistaken for the result of a
/// ceremony.
const MAX_MINIMAL_G1: usize = 4;

/// Check a file of powers: c-kzg's trusted_setup.txt, the consensus specifications' JSON, raw
/// points, or a contribution.
///
/// Checks that every point decodes and lies in the subgroup; that the powers are those of one tau,
/// which is not 0, not 1 and not that of a published testing set; and that Lagrange points, if
/// there are any, belong to the powers.
///
/// Powers that pass are valid for *some* tau. The fingerprint tells which, and is the same in every
/// format: compare it with --expect or --transcript.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file, which may be compressed with gzip or zstd; `-` is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What the powers must match: a fingerprint, sizes such as 4096:65, or a file that holds the
    /// same powers in any format or contains the fingerprint. May be given several times.
    #[arg(long, value_name = "FINGERPRINT|SIZES|FILE")]
    expect: Vec<String>,
    /// A transcript whose final powers these must be. Its contributions are not checked: use
    /// `tauline verify` for that.
    #[arg(long, value_name = "TRANSCRIPT")]
    transcript: Option<PathBuf>,
    /// The sizes that the file must have, such as 4096:65.
    #[arg(long, value_name = "SIZES")]
    ceremony: Option<ExpectedSizes>,
    /// Refuse a file without Lagrange points.
    #[arg(long)]
    lagrange: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json<'a> {
    valid: bool,
    format: Option<&'a str>,
    sets: &'a [SetFindings],
    /// Lists in the file that belong to no set of powers.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    not_looked_at: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

/// What was found about a file.
#[derive(Default)]
struct Found {
    format: Option<String>,
    sets: Vec<SetFindings>,
    not_looked_at: Vec<String>,
    warnings: Vec<String>,
    /// Why it is refused.
    failure: Option<String>,
}

/// Checks the powers.
///
/// # Errors
/// Powers that are not valid or not the expected ones, or a file that cannot be read.
pub fn run(args: &Args) -> Outcome {
    let mut expected: Vec<Expected> = Vec::new();
    expected.extend(args.ceremony.clone().map(Expected::Sizes));
    for text in &args.expect {
        expected.push(Expected::read(text)?);
    }
    if let Some(path) = &args.transcript {
        expected.push(Expected::transcript(path)?);
    }
    let input = Input::open(&args.file, Limits::DOCUMENT)?;
    let found = match want(&input, Wanted::Powers) {
        Ok(kind) => check(&input, &kind, args, &expected)?,
        Err(failure) if args.json => {
            print_json(&Found {
                failure: Some(failure.text().to_owned()),
                ..Found::default()
            })?;
            return Err(failure);
        }
        Err(failure) => return Err(failure),
    };
    let name = input.name();
    match args.json {
        true => print_json(&found)?,
        // Powers that are valid are shown even if they are not the expected ones.
        false if !found.sets.is_empty() => output::print(&text(name, &found))?,
        false => {}
    }
    match (found.failure, found.format.is_some()) {
        (None, _) => Ok(()),
        (Some(why), true) => Err(Failure::bad(format!("{name} is NOT valid: {why}"))),
        (Some(why), false) => Err(Failure::bad(format!("{name}: {why}"))),
    }
}

/// Reads and checks the file.
fn check(input: &Input, kind: &Kind, args: &Args, expected: &[Expected]) -> Outcome<Found> {
    let mut found = Found::default();
    let file = match read_powers_file(&input.bytes(MAX_DOCUMENT)?) {
        Ok(file) => file,
        Err(error) => {
            found.failure = Some(error.to_string());
            return Ok(found);
        }
    };
    found.format = Some(format(&file));
    if *kind == Kind::PowersJson {
        found.not_looked_at = not_looked_at(input)?;
    }
    let meter = Meter::share("Checking the powers");
    let checked = check_powers_file(&file, &mut OsRng, &|done, total| {
        meter.set(done as u64, Some(total as u64));
    });
    drop(meter);
    match checked {
        Ok(sets) => found.sets = sets,
        Err(invalid) => {
            found.failure = Some(invalid.to_string());
            return Ok(found);
        }
    }
    found.warnings = warnings(&file, &found.sets);
    found.failure = refused(&found.sets, args, expected)?;
    Ok(found)
}

/// The format's name, with a remark if points are not compressed, which is unusual.
fn format(file: &PowersFile) -> String {
    let is_uncompressed = |set: &PowersSet| set.g2_monomial.encoding() == Encoding::Uncompressed;
    match file.sets.iter().any(is_uncompressed) {
        true => format!("{}, uncompressed", file.kind),
        false => file.kind.to_string(),
    }
}

/// The lists in a JSON file that are not lists of powers.
fn not_looked_at(input: &Input) -> Outcome<Vec<String>> {
    let keys = top_level_keys(input)
        .map_err(|error| Failure::file("read", input.name().as_ref(), &error))?;
    let lists = keys
        .into_iter()
        .filter(|key| key.is_list && !key.is_powers());
    Ok(lists.map(|key| key.name).collect())
}

/// Why sets that are valid are refused nevertheless, if they are.
fn refused(sets: &[SetFindings], args: &Args, expected: &[Expected]) -> Outcome<Option<String>> {
    let known = sets.iter().enumerate().find_map(|(i, set)| {
        let secret = set.known_secret.as_ref();
        let secret = secret.filter(|it| it.is_public() && !is_minimal(set))?;
        Some(match sets.len() {
            1 => format!("the secret is known: {secret}"),
            _ => format!("the secret of set {i} is known: {secret}"),
        })
    });
    if known.is_some() {
        return Ok(known);
    }
    let has_none = |set: &SetFindings| set.report.lagrange == LagrangeFinding::Absent;
    if args.lagrange && sets.iter().any(has_none) {
        return Ok(Some("there are no Lagrange points".to_owned()));
    }
    for expected in expected {
        if let Some(mismatch) = expected.mismatch(sets)? {
            return Ok(Some(format!("not what is expected: {mismatch}")));
        }
    }
    Ok(None)
}

/// Whether this is a set that libraries load for the `minimal` preset, in tests.
fn is_minimal(set: &SetFindings) -> bool {
    matches!(set.known_secret, Some(KnownSecret::Testing { .. }))
        && set.report.num_g1_powers <= MAX_MINIMAL_G1
}

fn warnings(file: &PowersFile, sets: &[SetFindings]) -> Vec<String> {
    let mut warnings = Vec::new();
    for (i, set) in sets.iter().enumerate() {
        match &set.known_secret {
            Some(secret) if is_minimal(set) => warnings.push(format!(
                "a set for tests alone, whose secret everybody knows: {secret}"
            )),
            Some(secret) if !secret.is_public() => {
                warnings.push(format!("anybody can find the secret of set {i}: {secret}"))
            }
            _ => {}
        }
    }
    let is_again = |(i, set): (usize, &SetFindings)| {
        let mut before = sets[..i].iter();
        before.any(|it| it.mark.tau_g1 == set.mark.tau_g1)
    };
    if sets.iter().enumerate().any(is_again) {
        warnings.push("several sets have one tau: each should have its own".to_owned());
    }
    let has_lagrange_by_form = matches!(
        file.kind,
        PowersFileKind::Consensus | PowersFileKind::CKzg | PowersFileKind::CKzgWithoutMonomial
    );
    let is_without = |set: &SetFindings| set.report.lagrange == LagrangeFinding::Absent;
    if has_lagrange_by_form && sets.iter().any(is_without) {
        warnings.push(
            "there are no Lagrange points, which files of this form have, and libraries need"
                .to_owned(),
        );
    }
    warnings
}

fn print_json(found: &Found) -> Outcome {
    output::print_json(&Json {
        valid: found.failure.is_none(),
        format: found.format.as_deref(),
        sets: &found.sets,
        not_looked_at: &found.not_looked_at,
        warnings: &found.warnings,
        failure: found.failure.clone(),
    })
}

fn text(name: &str, found: &Found) -> String {
    let format = found.format.as_deref().unwrap_or_default();
    let mut lines = vec![format!("{name}: {format}")];
    for set in &found.sets {
        lines.push(format!(
            "  {} powers in G1, {} in G2; {}",
            numbers::with_commas(set.report.num_g1_powers as u64),
            numbers::with_commas(set.report.num_g2_powers as u64),
            set.report.lagrange
        ));
        lines.push(format!("    fingerprint  {}", set.mark.fingerprint));
        lines.push(format!("    [tau]1       {}", set.mark.tau_g1));
        lines.push(format!("    [tau]2       {}", set.mark.tau_g2));
        if let Some(published) = set.mark.published_as {
            lines.push(format!("    published as {published}"));
        }
    }
    if !found.not_looked_at.is_empty() {
        let lists = numbers::list(&found.not_looked_at);
        lines.push(format!("Not looked at: {lists}"));
    }
    lines.extend(found.warnings.iter().map(|it| format!("WARNING  {it}")));
    if found.failure.is_none() {
        lines.push(format!("{name} is valid."));
    }
    lines.join("\n")
}

//! `tauline verify`: a whole transcript, from the start to the final powers.

use std::fmt::Write;
use std::path::PathBuf;

use rand_core::OsRng;
use serde::Serialize;
use tauline_transcript::chain::{
    ExpectedSizes, Failure as Fault, Options, Progress, Refused, Report, Stage, TranscriptError,
    verify_transcript,
};
use tauline_transcript::sizes::SizesError;

use crate::exit::{Failure, Outcome};
use crate::input::Input;
use crate::progress::{Meter, Show};
use crate::verbs::export::failure;
use crate::{output, words};

/// Failures that are printed one by one; the rest are counted.
const LISTED: usize = 10;

/// Check a whole transcript: every contribution, every signature, and the final powers.
///
/// Reads JSON and MessagePack, also compressed with gzip or zstd. Exits with 1 when a check fails.
/// Signatures that are absent or not valid are counted; they do not make a transcript invalid.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The transcript; `-` is standard input.
    #[arg(value_name = "TRANSCRIPT")]
    transcript: PathBuf,
    /// The ceremony's sizes, all of which the transcript has to have, in this order. The default
    /// is the Ethereum ceremony. `as-stated` takes whatever sizes the transcript states.
    #[arg(
        long,
        value_name = "SIZES",
        default_value = "4096:65,8192:65,16384:65,32768:65",
        value_parser = parse_sizes
    )]
    ceremony: ExpectedSizes,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

fn parse_sizes(text: &str) -> Result<ExpectedSizes, SizesError> {
    match text {
        "as-stated" => Ok(ExpectedSizes::AsStated),
        _ => text.parse().map(ExpectedSizes::These),
    }
}

/// The report as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json<'a> {
    valid: bool,
    report: Option<&'a Report>,
    failures: &'a [Fault],
    failure_count: u64,
    /// Why there is no report: the document is not a transcript.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Checks.
///
/// # Errors
/// A transcript that is not valid, or cannot be read.
pub fn run(args: &Args) -> Outcome {
    let input = Input::open(&args.transcript)?;
    let options = Options {
        sizes: args.ceremony.clone(),
        ..Options::default()
    };
    let meter = Meter::share("Opening");
    let progress = |progress: Progress| {
        match progress.stage {
            Stage::Indexing => meter.enter("Reading", Show::Name),
            Stage::Entries => meter.enter("Checking contributions", Show::Rate),
            Stage::Powers => meter.enter("Checking the powers", Show::Share),
        }
        meter.set(progress.done, Some(progress.total));
    };
    let result = verify_transcript(&input, &options, &mut OsRng, &progress);
    drop(meter);
    let name = input.name();
    match result {
        Ok(report) if args.json => output::print_json(&Json {
            valid: true,
            report: Some(&report),
            failures: &[],
            failure_count: 0,
            error: None,
        }),
        Ok(report) => {
            let mut text = table(&report);
            if report.contributions == 0 {
                text.push_str("Nobody has contributed: the powers are those of tau = 1.\n");
            }
            output::print(&format!("{text}{name} is valid."))
        }
        Err(TranscriptError::Refused(refused)) => {
            match args.json {
                true => output::print_json(&json(&refused))?,
                false => output::print(&bad(&refused))?,
            }
            Err(Failure::bad(format!("{name} is NOT valid: {refused}")))
        }
        Err(error) => {
            if let (true, TranscriptError::Document(why)) = (args.json, &error) {
                output::print_json(&Json {
                    valid: false,
                    report: None,
                    failures: &[],
                    failure_count: 0,
                    error: Some(why.to_string()),
                })?;
            }
            Err(failure(&input, &error))
        }
    }
}

fn json(refused: &Refused) -> Json<'_> {
    Json {
        valid: false,
        report: Some(&refused.report),
        failures: &refused.failures,
        failure_count: refused.failure_count,
        error: None,
    }
}

/// What was found, then what is wrong.
fn bad(refused: &Refused) -> String {
    let mut text = table(&refused.report);
    let listed = refused.failures.iter().take(LISTED);
    for fault in listed {
        let _ = writeln!(text, "FAILED  {fault}");
    }
    let more = refused.failure_count.saturating_sub(LISTED as u64);
    if more > 0 {
        let _ = writeln!(text, "FAILED  … and {}", words::count(more, "more check"));
    }
    text.truncate(text.trim_end().len());
    text
}

/// The counts of a report.
fn table(report: &Report) -> String {
    let participants = report.participants;
    let kinds = [
        (participants.ethereum, "by Ethereum key"),
        (participants.github, "by GitHub account"),
        (participants.invited, "by invitation"),
    ];
    let kinds: Vec<String> = kinds
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, kind)| format!("{} {kind}", words::number(*count)))
        .collect();
    let mut text = words::count(report.contributions, "contribution");
    if !kinds.is_empty() {
        let _ = write!(text, ": {}", kinds.join(", "));
    }
    text.push('\n');
    let _ = writeln!(
        text,
        "  {:>12}  {:>9}  {:>10}    {:>9}  {:>9}  {:>9}",
        "sub-ceremony", "links", "no entropy", "BLS valid", "invalid", "absent"
    );
    for sub in &report.sub_ceremonies {
        let _ = writeln!(
            text,
            "  {:>12}  {:>9}  {:>10}    {:>9}  {:>9}  {:>9}",
            words::number(sub.num_g1_powers),
            words::number(sub.links_valid),
            words::number(sub.no_entropy),
            words::number(sub.bls_signatures.valid),
            words::number(sub.bls_signatures.invalid),
            words::number(sub.bls_signatures.absent),
        );
    }
    let _ = writeln!(text, "  Ethereum signatures: {}", report.ecdsa_signatures);
    text
}

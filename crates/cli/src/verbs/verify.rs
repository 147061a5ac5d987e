//! `tauline verify`: checks a whole transcript, from the start to the final powers.

mod lookup;
mod text;

use std::io::Read;
use std::path::PathBuf;

use rand_core::OsRng;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tauline_protocol::Identity;
use tauline_transcript::SizesError;
use tauline_transcript::transcript::{
    ExpectedSizes, Options, RefusedTranscript, Report, TranscriptError, TranscriptFailure,
    VerificationProgress, VerificationStage, verify_transcript,
};

use self::lookup::{Answer, Question};
use self::text::{bad, notes, table};
use crate::documents::transcript_failure;
use crate::exit::{Failure, Outcome};
use crate::identity::parse_identity;
use crate::input::{Input, Limits};
use crate::output;
use crate::progress::{Meter, Show};
use crate::recognised::{Wanted, want};

/// Check a whole transcript: every contribution, every signature, and the final powers.
///
/// Reads JSON and MessagePack, also compressed with gzip or zstd. The exit code is 1 if a check
/// fails.
///
/// Signatures that are not valid are named, but make the check fail only with --strict. A
/// coordinator leaves such signatures out, so if there is one, it was changed afterwards, or the
/// participant's name was.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The transcript; `-` is standard input.
    #[arg(value_name = "TRANSCRIPT")]
    transcript: PathBuf,
    /// The ceremony's sizes, all of which the transcript must have, in this order. The default is
    /// the Ethereum ceremony. `as-stated` accepts whatever sizes the transcript states.
    #[arg(
        long,
        value_name = "SIZES",
        default_value = "4096:65,8192:65,16384:65,32768:65",
        value_parser = parse_sizes
    )]
    ceremony: ExpectedSizes,
    /// Also say whether the transcript contains the contribution of this receipt; exit with 1 if it
    /// does not.
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Also say what this participant contributed; exit with 1 if it contributed nothing.
    #[arg(long, value_name = "ID", value_parser = parse_identity)]
    identity: Option<Identity>,
    /// Exit with 1 also where there would only be a warning: for signatures that are not valid,
    /// contributions that change nothing or have one secret for several sub-ceremonies,
    /// participants who are listed twice, and powers whose secret is known.
    #[arg(long)]
    strict: bool,
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
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Json<'a> {
    valid: bool,
    /// SHA-256 of the document, decompressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<&'a str>,
    report: Option<&'a Report>,
    failures: &'a [TranscriptFailure],
    failure_count: u64,
    /// What does not make the transcript invalid, but should be known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// The answers to `--receipt` and `--identity`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    mine: &'a [Answer],
    /// Why there is no report: the document is not a transcript.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Checks the transcript.
///
/// # Errors
/// A transcript that is not valid, or cannot be read.
pub fn run(args: &Args) -> Outcome {
    let questions = Question::read(args.receipt.as_deref(), args.identity.as_ref())?;
    let input = Input::open(&args.transcript, Limits::TRANSCRIPT)?;
    if let Err(failure) = want(&input, Wanted::Transcript) {
        return Err(no_transcript(args, failure));
    }
    let result = verify(&input, &args.ceremony);
    let (report, refused) = match &result {
        Ok(report) => (report, None),
        Err(TranscriptError::Refused(refused)) => (&refused.report, Some(&**refused)),
        Err(error) => {
            let failure = transcript_failure(&input, error);
            return Err(match error {
                TranscriptError::Document(_) => no_transcript(args, failure),
                _ => failure,
            });
        }
    };
    let sha256 = sha256(&input)?;
    let mine = questions
        .iter()
        .map(|question| question.answer(&input, report.contributions))
        .collect::<Outcome<Vec<_>>>()?;
    let verdict = verdict(args, &input, report, refused, &mine);
    match args.json {
        true => output::print_json(&Json {
            valid: refused.is_none(),
            sha256: Some(&sha256),
            report: Some(report),
            failures: refused.map_or(&[], |it| &it.failures),
            failure_count: refused.map_or(0, |it| it.failure_count),
            warnings: notes(report),
            mine: &mine,
            error: None,
        })?,
        false => {
            let mut text = table(report);
            text.push_str(&format!(
                "SHA-256 of the transcript{}: {sha256}\n",
                if input.is_converted() {
                    ", as UTF-8"
                } else {
                    ""
                }
            ));
            for note in notes(report) {
                text.push_str(&format!("WARNING  {note}\n"));
            }
            for answer in &mine {
                text.push_str(&format!("{answer}\n"));
            }
            match (refused, &verdict) {
                (Some(refused), _) => text.push_str(&bad(refused)),
                (None, Ok(())) => text.push_str(&format!("{} is valid.", input.name())),
                (None, Err(_)) => {}
            }
            output::print(text.trim_end())?;
        }
    }
    verdict
}

/// How the verb ends, after the report.
fn verdict(
    args: &Args,
    input: &Input,
    report: &Report,
    refused: Option<&RefusedTranscript>,
    mine: &[Answer],
) -> Outcome {
    let name = input.name();
    if let Some(refused) = refused {
        return Err(Failure::bad(format!("{name} is NOT valid: {refused}")));
    }
    if let Some(answer) = mine.iter().find(|answer| !answer.is_there()) {
        return Err(Failure::bad(format!("{name} is valid, but {answer}")));
    }
    match notes(report).first() {
        Some(note) if args.strict && !report.is_unremarkable() => Err(Failure::bad(format!(
            "{name} holds by its proofs, but by --strict it does not pass: {note}"
        ))),
        _ => Ok(()),
    }
}

fn verify(input: &Input, ceremony: &ExpectedSizes) -> Result<Report, TranscriptError> {
    let options = Options {
        sizes: ceremony.clone(),
        ..Options::default()
    };
    let meter = Meter::share("Opening");
    let progress = |progress: VerificationProgress| {
        match progress.stage {
            VerificationStage::Indexing => meter.enter("Reading", Show::Name),
            VerificationStage::Entries => meter.enter("Checking contributions", Show::Rate),
            VerificationStage::Powers => meter.enter("Checking the powers", Show::Share),
        }
        meter.set(progress.done, Some(progress.total));
    };
    verify_transcript(input, &options, &mut OsRng, &progress)
}

/// The error for a file that is not a transcript. With `--json`, it is printed as JSON, too.
fn no_transcript(args: &Args, failure: Failure) -> Failure {
    let json = Json {
        error: Some(failure.text().to_owned()),
        ..Json::default()
    };
    match args.json.then(|| output::print_json(&json)) {
        Some(Err(unwritable)) => unwritable,
        _ => failure,
    }
}

/// SHA-256 of the decompressed document.
fn sha256(input: &Input) -> Outcome<String> {
    let failed = |error| Failure::file("read", input.name().as_ref(), &error);
    let mut hasher = Sha256::new();
    let mut reader = input.whole();
    let mut block = vec![0; 256 << 10];
    loop {
        match reader.read(&mut block).map_err(failed)? {
            0 => return Ok(hex::encode(hasher.finalize())),
            len => hasher.update(&block[..len]),
        }
    }
}

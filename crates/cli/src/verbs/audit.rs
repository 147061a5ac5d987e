//! `tauline audit`: holds a ceremony's public log against the rules, and what participants kept
//! against the log.

mod cache;
mod json;
mod source;
mod text;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use tauline_audit::{Auditor, Expected, TranscriptEntry, TranscriptFindings};
use tauline_log::checkpoint::SignedCheckpoint;
use tauline_log::note::{VerifierKey, VerifierKeyError};
use tauline_protocol::keepsake::Keepsake;
use tauline_protocol::public_log::WitnessPart;
use tauline_transcript::signature::{AddressError, read_address};
use tauline_transcript::transcript::{WitnessEntry, read_witnesses};

use self::cache::Cache;
use self::json::Json;
use self::source::Source;
use crate::client::parse_server;
use crate::documents::transcript_failure;
use crate::exit::{Failure, Outcome};
use crate::input::{Input, Limits};
use crate::output;
use crate::progress::Meter;
use crate::recognised::{Wanted, want};
use crate::runtime::online;

/// Check a ceremony's public log: whether its coordinator has kept to the rules.
///
/// Reads every entry, recomputes the tree that the log's checkpoints are signed for, follows the queue
/// by the rules and the settings that the log tells, and says what no fair coordinator does. The exit
/// code is 1 if there is such a thing.
///
/// With the tickets that participants have kept, it also checks that their places are in the log and
/// that promises were kept; with the transcript, that it has what the log says was accepted.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The coordinator's address: its log is downloaded.
    #[arg(
        long,
        value_name = "URL",
        env = "TAULINE_SERVER",
        value_parser = parse_server,
        required_unless_present = "log"
    )]
    server: Option<Url>,
    /// A directory that holds the log, as C2SP tlog-tiles has it: `checkpoint`, `tile/…`. It counts
    /// even if there is a server.
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
    /// A participant's file of tickets, promises and refusals; may be given several times.
    #[arg(long = "ticket", value_name = "FILE")]
    tickets: Vec<PathBuf>,
    /// The transcript. Take it before the log, which then has all that is in it.
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
    /// The log's verifier key, if it is known from elsewhere [default: the key that the coordinator's
    /// Ethereum key certifies in the log].
    #[arg(long, value_name = "VKEY", value_parser = parse_key)]
    key: Option<VerifierKey>,
    /// The address of the coordinator whose log it must be, as the ceremony's operator announced it
    /// [default: the address that the log states].
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "TAULINE_COORDINATOR_ADDRESS",
        value_parser = parse_address
    )]
    coordinator_address: Option<[u8; 20]>,
    /// Go on: look at the log again and again, and tell what is found when it is found.
    #[arg(long, conflicts_with_all = ["json", "transcript"])]
    watch: bool,
    /// Seconds between two looks.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, requires = "watch",
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    every: u64,
    /// Where tiles are kept that were downloaded, and the checkpoints that were seen: each later audit
    /// holds the log against them too [default: a folder of this user's for the server].
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

fn parse_key(text: &str) -> Result<VerifierKey, VerifierKeyError> {
    text.parse()
}

fn parse_address(text: &str) -> Result<[u8; 20], AddressError> {
    read_address(text)
}

/// Audits the log.
///
/// # Errors
/// A violation, or a log that cannot be read.
pub fn run(args: &Args) -> Outcome {
    let keepsakes = args.tickets.iter().map(|path| keepsake(path));
    let keepsakes: Vec<Keepsake> = keepsakes.collect::<Outcome<_>>()?;
    let transcript = match &args.transcript {
        Some(path) => {
            let input = Input::open(path, Limits::TRANSCRIPT)?;
            want(&input, Wanted::Transcript)?;
            Some(input)
        }
        None => None,
    };
    online(async {
        let cache = Cache::open(
            args.cache.as_deref(),
            args.server.as_ref(),
            args.log.is_some(),
        )?;
        let mut source = Source::open(args.log.as_deref(), args.server.as_ref(), cache)?;
        if args.watch {
            let every = Duration::from_secs(args.every);
            return watch::run(args, source, keepsakes, every).await;
        }
        let (mut auditor, mut checkpoint) = audit(args, &mut source, &keepsakes).await?;
        // What is kept on the disk may have changed there: it condemns nobody.
        if !auditor.report().is_fair() && source.has_used_cache() {
            source.forget_tiles();
            (auditor, checkpoint) = audit(args, &mut source, &keepsakes).await?;
        }
        let compared = match &transcript {
            Some(input) => Some(compare(&auditor, input)?),
            None => None,
        };
        let mut report = auditor.report();
        if let Some(compared) = &compared {
            report.add(compared);
        }
        source.remember(&checkpoint)?;
        match args.json {
            true => output::print_json(&Json::new(&report, compared.as_ref()))?,
            false => output::print(text::report(&report, compared.as_ref()).trim_end())?,
        }
        match report.is_fair() {
            true => Ok(()),
            false => Err(Failure::bad(report.verdict())),
        }
    })
}

/// Reads the log as far as its checkpoint goes.
async fn audit(
    args: &Args,
    source: &mut Source,
    keepsakes: &[Keepsake],
) -> Outcome<(Auditor, SignedCheckpoint)> {
    let mut auditor = begin(args, source, keepsakes)?;
    let checkpoint = source.checkpoint().await?;
    grow(&mut auditor, source, &checkpoint).await?;
    Ok((auditor, checkpoint))
}

/// An auditor who knows what the command line and the cache know.
fn begin(args: &Args, source: &Source, keepsakes: &[Keepsake]) -> Outcome<Auditor> {
    let expected = Expected {
        coordinator: args.coordinator_address,
        key: args.key.clone(),
    };
    let mut auditor = Auditor::new(expected);
    let late = |error: tauline_audit::TooLate| Failure::io(error.to_string());
    for keepsake in keepsakes {
        auditor.check_keepsake(keepsake.clone()).map_err(late)?;
    }
    for seen in source.remembered() {
        let whose = "that an earlier audit saw";
        let checked = auditor.check_signed_checkpoint(seen.clone(), whose);
        checked.map_err(late)?;
    }
    Ok(auditor)
}

/// Reads on as far as a checkpoint goes.
async fn grow(
    auditor: &mut Auditor,
    source: &mut Source,
    checkpoint: &SignedCheckpoint,
) -> Outcome {
    let size = checkpoint.unverified().tree.size;
    auditor
        .check_signed_checkpoint(checkpoint.clone(), "of the log")
        .map_err(|error| Failure::io(error.to_string()))?;
    let meter = Meter::share("Reading the log");
    let from = auditor.size();
    let name = source.name();
    let take = |entry: &[u8]| {
        meter.set(auditor.size(), Some(size));
        let later = |error: tauline_audit::NewerEntry| Failure::io(format!("{name}: {error}"));
        auditor.push(entry).map_err(later)
    };
    source.entries(from, size, take).await
}

fn keepsake(path: &std::path::Path) -> Outcome<Keepsake> {
    let bytes = std::fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
    Keepsake::from_json(&bytes)
        .map_err(|error| Failure::bad(format!("{}: {error}", path.display())))
}

/// Holds a transcript against the contributions that the log says were accepted.
fn compare(auditor: &Auditor, input: &Input) -> Outcome<TranscriptFindings> {
    let mut audit = auditor.transcript();
    read_witnesses(input, |entry| take(&mut audit, &entry))
        .map_err(|error| transcript_failure(input, &error))?;
    Ok(audit.finish())
}

fn take(audit: &mut tauline_audit::TranscriptAudit<'_>, entry: &WitnessEntry) {
    // A point that is none gives another digest than any contribution's.
    let parts = entry.parts.iter().map(|part| WitnessPart {
        running_product: part.running_product.as_ref().map_or(&[], |it| &it[..]),
        pot_pubkey: part.pot_pubkey.as_ref().map_or(&[], |it| &it[..]),
        bls_signature: part.bls_signature.as_ref().map(|it| &it[..]),
    });
    let parts: Vec<WitnessPart<'_>> = parts.collect();
    audit.entry(&TranscriptEntry {
        number: entry.number,
        identity: &entry.identity,
        parts: &parts,
        ecdsa: entry.ecdsa_signature.as_ref().map(|it| &it[..]),
    });
}

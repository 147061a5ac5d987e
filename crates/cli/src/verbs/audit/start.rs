//! The arguments, and an auditor who has read the log.

use std::path::PathBuf;

use reqwest::Url;
use tauline_audit::{Auditor, Expected, Kind, Report};
use tauline_log::checkpoint::SignedCheckpoint;
use tauline_log::note::{VerifierKey, VerifierKeyError};
use tauline_protocol::keepsake::Keepsake;
use tauline_protocol::public_log::{Notice, PublicEntry};
use tauline_transcript::signature::{AddressError, read_address};

use super::source::Source;
use crate::client::parse_server;
use crate::exit::{Failure, Outcome};
use crate::progress::Meter;

/// Check a ceremony's public log: whether its coordinator has kept to the rules.
///
/// Reads every entry, recomputes the tree that the log's checkpoints are signed for, follows the queue
/// by the rules and the settings that the log tells, and says what no fair coordinator does. The exit
/// code is 1 if there is such a thing.
///
/// With the tickets that participants have kept, it also checks that their places are in the log and
/// that promises were kept; with the transcript, that it has what the log says was accepted; with a
/// policy, that the witnesses that you trust have seen the same log.
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
    pub(super) server: Option<Url>,
    /// A directory that holds the log, as C2SP tlog-tiles has it: `checkpoint`, `tile/…`. It counts
    /// even if there is a server.
    #[arg(long, value_name = "DIR")]
    pub(super) log: Option<PathBuf>,
    /// A participant's file of tickets, promises and refusals; may be given several times.
    #[arg(long = "ticket", value_name = "FILE")]
    pub(super) tickets: Vec<PathBuf>,
    /// The transcript. Take it before the log, which then has all that is in it.
    #[arg(long, value_name = "FILE")]
    pub(super) transcript: Option<PathBuf>,
    /// The log's verifier key, if it is known from elsewhere [default: the key that the coordinator's
    /// Ethereum key certifies in the log].
    #[arg(long, value_name = "VKEY", value_parser = parse_key)]
    pub(super) key: Option<VerifierKey>,
    /// The address of the coordinator whose log it must be, as the ceremony's operator announced it
    /// [default: the address that the log states].
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "TAULINE_COORDINATOR_ADDRESS",
        value_parser = parse_address
    )]
    pub(super) coordinator_address: Option<[u8; 20]>,
    /// A policy (C2SP tlog-policy): the log's key, the witnesses that you trust, and how many of them
    /// must have cosigned the log's checkpoint. Fewer are a violation [default: cosignatures are
    /// listed, and not verified].
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
    /// How old a cosignature may be, in seconds. A coordinator asks its witnesses again every hour,
    /// also when nothing happens.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400, requires = "policy",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max_age: u64,
    /// Go on: look at the log again and again, and tell what is found when it is found. When the
    /// ceremony is handed over, look where it goes on.
    #[arg(long, conflicts_with_all = ["json", "transcript"])]
    pub(super) watch: bool,
    /// Seconds between two looks.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, requires = "watch",
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) every: u64,
    /// Where tiles are kept that were downloaded, and the checkpoints that were seen: each later audit
    /// holds the log against them too [default: a folder of this user's for the server].
    #[arg(long, value_name = "DIR")]
    pub(super) cache: Option<PathBuf>,
    /// Print the report as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

fn parse_key(text: &str) -> Result<VerifierKey, VerifierKeyError> {
    text.parse()
}

fn parse_address(text: &str) -> Result<[u8; 20], AddressError> {
    read_address(text)
}

/// An auditor who knows what the command line and the cache know.
pub(super) fn begin(args: &Args, source: &Source, keepsakes: &[Keepsake]) -> Outcome<Auditor> {
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

/// What a look at the log has shown.
pub(super) enum Look {
    /// The entries that were read before. The checkpoint may have other cosignatures.
    Same(SignedCheckpoint),
    /// More entries, or others; they were read.
    New {
        /// The checkpoint.
        checkpoint: SignedCheckpoint,
        /// Where the ceremony goes on, if the last entry gives it away and says where to.
        goes_to: Option<String>,
    },
    /// Fewer entries than were read.
    Older,
}

/// Looks at the log, and reads on if it has grown.
pub(super) async fn look(auditor: &mut Auditor, source: &mut Source) -> Outcome<Look> {
    let checkpoint = source.checkpoint().await?;
    let tree = checkpoint.unverified().tree;
    if tree == auditor.head() && auditor.size() > 0 {
        return Ok(Look::Same(checkpoint));
    }
    // A smaller one may come from a cache on the way.
    if tree.size < auditor.size() {
        return Ok(Look::Older);
    }
    let goes_to = grow(auditor, source, &checkpoint).await?;
    Ok(Look::New {
        checkpoint,
        goes_to,
    })
}

/// Reads on as far as a checkpoint goes. Returns where the ceremony goes on, if the last entry gives it
/// away and says where to.
pub(super) async fn grow(
    auditor: &mut Auditor,
    source: &mut Source,
    checkpoint: &SignedCheckpoint,
) -> Outcome<Option<String>> {
    let size = checkpoint.unverified().tree.size;
    auditor
        .check_signed_checkpoint(checkpoint.clone(), "of the log")
        .map_err(|error| Failure::io(error.to_string()))?;
    let meter = Meter::share("Reading the log");
    let from = auditor.size();
    let name = source.name();
    let mut last = Vec::new();
    let take = |entry: &[u8]| {
        meter.set(auditor.size(), Some(size));
        if auditor.size() + 1 == size {
            last = entry.to_vec();
        }
        let later = |error: tauline_audit::NewerEntry| Failure::io(format!("{name}: {error}"));
        auditor.push(entry).map_err(later)
    };
    source.entries(from, size, take).await?;
    match PublicEntry::from_bytes(&last).map(|entry| entry.notice) {
        Ok(Some(Notice::HandingOver { url, .. })) => Ok(url),
        _ => Ok(None),
    }
}

/// Whether the checkpoints that were held against the log are its own, as far as they claim to be. Others
/// prove nothing, and are not worth remembering.
pub(super) fn is_signed(report: &Report) -> bool {
    let mut violations = report.violations.iter();
    violations.all(|it| it.kind != Kind::CheckpointNotSigned)
}

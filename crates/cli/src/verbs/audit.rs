//! `tauline audit`: holds a ceremony's public log against the rules, and what participants kept
//! against the log.

mod asked;
mod cache;
mod json;
mod source;
mod start;
mod text;
mod watch;

use tauline_audit::{Auditor, TranscriptFindings};
use tauline_log::checkpoint::SignedCheckpoint;
use tauline_protocol::keepsake::Keepsake;
use tauline_transcript::transcript::read_witnesses;

use self::asked::Asked;
use self::cache::Cache;
use self::json::Json;
use self::source::Source;
pub use self::start::Args;
use self::start::{begin, grow, is_signed};
use crate::documents::transcript_failure;
use crate::exit::{Failure, Outcome};
use crate::input::{Input, Limits};
use crate::output;
use crate::recognised::{Wanted, want};
use crate::runtime::online;

/// Audits the log.
///
/// # Errors
/// A violation, or a log or a file that cannot be read.
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
    let asked = Asked::read(args.policy.as_deref(), args.max_age)?;
    online(async {
        let cache = Cache::open(
            args.cache.as_deref(),
            args.server.as_ref(),
            args.log.is_some(),
        )?;
        let mut source = Source::open(args.log.as_deref(), args.server.as_ref(), cache)?;
        if args.watch {
            return watch::run(args, source, &keepsakes, &asked).await;
        }
        let (mut auditor, mut checkpoint) = audit(args, &mut source, &keepsakes).await?;
        // What is kept on the disk may have changed there: it condemns nobody.
        if !auditor.report().is_fair() && source.has_used_cache() {
            source.forget_tiles();
            (auditor, checkpoint) = audit(args, &mut source, &keepsakes).await?;
        }
        let witnessed = asked
            .judge_patiently(&mut auditor, &mut source, &mut checkpoint)
            .await?;
        let compared = match &transcript {
            Some(input) => Some(compare(&auditor, input)?),
            None => None,
        };
        let mut report = auditor.report();
        if is_signed(&report) {
            source.remember(&checkpoint)?;
        }
        if let Some(compared) = &compared {
            report.add(compared);
        }
        report.add_witnesses(witnessed);
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

fn keepsake(path: &std::path::Path) -> Outcome<Keepsake> {
    let bytes = std::fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
    Keepsake::from_json(&bytes)
        .map_err(|error| Failure::bad(format!("{}: {error}", path.display())))
}

/// Holds a transcript against the contributions that the log says were accepted.
fn compare(auditor: &Auditor, input: &Input) -> Outcome<TranscriptFindings> {
    let mut audit = auditor.transcript();
    read_witnesses(input, |entry| audit.witness(&entry))
        .map_err(|error| transcript_failure(input, &error))?;
    Ok(audit.finish())
}

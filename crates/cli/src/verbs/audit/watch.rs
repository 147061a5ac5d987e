//! `--watch`: the log is looked at again and again.

use std::time::Duration;

use tauline_audit::Auditor;
use tauline_log::checkpoint::SignedCheckpoint;
use tauline_protocol::keepsake::Keepsake;
use tokio::time::sleep;

use super::source::Source;
use super::start::{Args, begin, grow};
use super::text;
use crate::exit::{Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::{numbers, output};

/// Looks at the log until it is interrupted. The exit code is that of all that was found.
pub(super) async fn run(
    args: &Args,
    mut source: Source,
    keepsakes: Vec<Keepsake>,
    every: Duration,
) -> Outcome {
    let mut interrupt = Interrupt::listen()?;
    let mut auditor = begin(args, &source, &keepsakes)?;
    let mut told = Told::default();
    loop {
        let looked = look(&mut auditor, &mut source);
        let looked = tokio::select! {
            looked = looked => looked,
            _ = interrupt.raised() => break,
        };
        match looked {
            Ok(Some(checkpoint)) => {
                source.remember(&checkpoint)?;
                told.tell(&auditor, &checkpoint)?;
            }
            Ok(None) => {}
            // Whoever watches waits until the coordinator is back.
            Err(failure) => {
                output::print(&format!("The log could not be read: {}", failure.text()))?
            }
        }
        tokio::select! {
            () = sleep(every) => {}
            _ = interrupt.raised() => break,
        }
    }
    let report = auditor.report();
    match told.violations {
        0 => Ok(()),
        _ => Err(Failure::bad(report.verdict())),
    }
}

/// Reads on if the log has grown. Returns its checkpoint if there is another.
async fn look(auditor: &mut Auditor, source: &mut Source) -> Outcome<Option<SignedCheckpoint>> {
    let checkpoint = source.checkpoint().await?;
    let tree = checkpoint.unverified().tree;
    let is_known = tree == auditor.head() && auditor.size() > 0;
    // A smaller one may come from a cache on the way, and is held against those that were seen.
    let is_older = tree.size < auditor.size();
    if is_known || is_older {
        return Ok(None);
    }
    grow(auditor, source, &checkpoint).await?;
    Ok(Some(checkpoint))
}

/// What was told already.
#[derive(Default)]
struct Told {
    violations: u64,
    remarks: u64,
}

impl Told {
    fn tell(&mut self, auditor: &Auditor, checkpoint: &SignedCheckpoint) -> Outcome {
        let report = auditor.report();
        let size = checkpoint.unverified().tree.size;
        let new = report.violation_count.saturating_sub(self.violations);
        let what = match (new, report.violation_count) {
            (0, 0) => "fair".to_owned(),
            (0, count) => format!("{} as before", numbers::count(count, "violation")),
            (new, _) => numbers::count(new, "new violation"),
        };
        output::print(&format!("{} entries: {what}.", numbers::with_commas(size)))?;
        let from = usize::try_from(self.violations).unwrap_or(usize::MAX);
        for violation in report.violations.iter().skip(from) {
            output::print(&text::violation(violation))?;
        }
        let from = usize::try_from(self.remarks).unwrap_or(usize::MAX);
        for remark in report.remarks.iter().skip(from) {
            output::print(&format!("  {}", remark.text))?;
        }
        self.violations = report.violation_count;
        self.remarks = report.remarks.len() as u64;
        Ok(())
    }
}

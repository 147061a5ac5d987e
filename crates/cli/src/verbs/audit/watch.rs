//! `--watch`: the log is looked at again and again, and where it goes on if it is handed over.

use std::collections::HashSet;
use std::time::Duration;

use reqwest::Url;
use tauline_audit::{Auditor, Remark, Report, Violation, Witnessed};
use tauline_protocol::keepsake::Keepsake;
use tokio::time::sleep;

use super::asked::Asked;
use super::cache::Cache;
use super::source::Source;
use super::start::{Args, Look, begin, is_signed, look};
use super::text;
use crate::client::parse_server;
use crate::exit::{Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::{numbers, output};

/// Looks at the log until it is interrupted. The exit code is that of all that was found.
pub(super) async fn run(
    args: &Args,
    source: Source,
    keepsakes: &[Keepsake],
    asked: &Asked,
) -> Outcome {
    let mut interrupt = Interrupt::listen()?;
    let every = Duration::from_secs(args.every);
    let mut watch = Watch {
        args,
        keepsakes,
        asked,
        auditor: begin(args, &source, keepsakes)?,
        source,
        goes_to: None,
        told: Told::default(),
    };
    loop {
        let looked = tokio::select! {
            looked = watch.look() => looked,
            _ = interrupt.raised() => break,
        };
        match looked {
            Ok(looked) => watch.take(looked)?,
            // Whoever watches waits until the coordinator is back.
            Err(failure) => {
                output::print(&format!("The log could not be read: {}", failure.text()))?;
            }
        }
        tokio::select! {
            () = sleep(every) => {}
            _ = interrupt.raised() => break,
        }
    }
    watch.told.outcome()
}

/// A log that is watched.
struct Watch<'a> {
    args: &'a Args,
    keepsakes: &'a [Keepsake],
    asked: &'a Asked,
    auditor: Auditor,
    source: Source,
    /// Where the ceremony goes on, while the log is not there yet.
    goes_to: Option<Url>,
    told: Told,
}

impl Watch<'_> {
    /// Looks at the log, where it is now.
    async fn look(&mut self) -> Outcome<Look> {
        self.follow().await?;
        let looked = look(&mut self.auditor, &mut self.source).await?;
        if !self.source.has_used_cache() || self.auditor.report().is_fair() {
            return Ok(looked);
        }
        // What is kept on the disk may have changed there: it condemns nobody.
        self.source.forget_tiles();
        self.auditor = begin(self.args, &self.source, self.keepsakes)?;
        look(&mut self.auditor, &mut self.source).await
    }

    /// Goes where the ceremony was given to, if what is there goes on from this log. A copy of the auditor
    /// finds out, so that it does no harm if something else is there.
    async fn follow(&mut self) -> Outcome {
        let Some(url) = self.goes_to.clone() else {
            return Ok(());
        };
        let mut there = Source::open(None, Some(&url), None)?;
        let mut trial = self.auditor.clone();
        // It may take until the other coordinator has started.
        let Ok(Look::New { .. }) = look(&mut trial, &mut there).await else {
            return Ok(());
        };
        let (before, found) = (self.auditor.report(), trial.report());
        if found.violation_count > before.violation_count {
            return self.told.elsewhere(&url, &found);
        }
        let cache = Cache::open(self.args.cache.as_deref(), Some(&url), false)?;
        let mut there = Source::open(None, Some(&url), cache)?;
        for seen in self.source.remembered() {
            there.remember(seen)?;
        }
        self.source = there;
        self.goes_to = None;
        output::print(&format!(
            "The ceremony goes on at {url}: this looks there from now on."
        ))
    }

    /// Tells what a look has shown, and remembers it.
    fn take(&mut self, looked: Look) -> Outcome {
        let checkpoint = match looked {
            Look::Older => return self.told.older(),
            Look::Same(checkpoint) => checkpoint,
            Look::New {
                checkpoint,
                goes_to,
            } => {
                let goes_to = goes_to.filter(|_| self.source.is_server());
                self.goes_to = goes_to.and_then(|url| parse_server(&url).ok());
                let report = self.auditor.report();
                if is_signed(&report) {
                    self.source.remember(&checkpoint)?;
                }
                self.told.tell(&report)?;
                checkpoint
            }
        };
        self.told.olders = 0;
        let witnessed = self.asked.judge(&self.auditor, &checkpoint)?;
        self.told.witnesses(&witnessed)
    }
}

/// What was told already.
#[derive(Default)]
struct Told {
    /// Violations and remarks, as [`of_violation`] and [`of_remark`] write them. Which they are counts,
    /// not how many: what the log as a whole shows comes after what its entries show, old or new.
    lines: HashSet<String>,
    /// What the log came to at the last look that read on.
    violations: u64,
    verdict: String,
    /// How many looks one after the other have shown fewer entries than were read.
    olders: u32,
    /// How many looks one after the other have found too few cosignatures.
    lacks: u32,
    /// Whether it was told that there are enough, or too few.
    is_witnessed: Option<bool>,
    /// Whether there ever were too few, in a sentence.
    unwitnessed: Option<String>,
}

impl Told {
    fn tell(&mut self, report: &Report) -> Outcome {
        let violations = report.violations.iter();
        let violations: Vec<&Violation> = violations
            .filter(|it| self.lines.insert(of_violation(it)))
            .collect();
        let remarks = report.remarks.iter();
        let remarks: Vec<&Remark> = remarks
            .filter(|it| self.lines.insert(of_remark(it)))
            .collect();
        // Beyond a limit they are counted, and not listed.
        let unlisted = report.violation_count.saturating_sub(self.violations);
        let new = (violations.len() as u64).max(unlisted);
        let what = match (new, report.violation_count) {
            (0, 0) => "fair".to_owned(),
            (0, count) => format!("{} as before", numbers::count(count, "violation")),
            (new, _) => numbers::count(new, "new violation"),
        };
        let size = numbers::with_commas(report.entries);
        output::print(&format!("{size} entries: {what}."))?;
        for violation in violations {
            output::print(&text::violation(violation))?;
        }
        for remark in remarks {
            output::print(&format!("  {}", remark.text))?;
        }
        self.violations = report.violation_count;
        self.verdict = report.verdict();
        Ok(())
    }

    /// Tells that fewer entries are shown than were read. Once may be a cache on the way.
    fn older(&mut self) -> Outcome {
        self.olders = self.olders.saturating_add(1);
        match self.olders {
            2 => output::print(
                "Fewer entries are shown than were read before: an old copy, or entries were taken away.",
            ),
            _ => Ok(()),
        }
    }

    /// Tells when the witnesses of the policy begin to be enough, and when they cease to be. The second look
    /// decides on that: a coordinator that has just started shows its checkpoint before its witnesses
    /// have answered.
    fn witnesses(&mut self, witnessed: &Witnessed) -> Outcome {
        let Some(violation) = &witnessed.violation else {
            self.lacks = 0;
            if witnessed.known.is_some() && self.is_witnessed != Some(true) {
                self.is_witnessed = Some(true);
                output::print(&format!("  {}.", text::quorum(witnessed)))?;
            }
            return Ok(());
        };
        self.lacks = self.lacks.saturating_add(1);
        if self.lacks < 2 || self.is_witnessed == Some(false) {
            return Ok(());
        }
        self.is_witnessed = Some(false);
        self.unwitnessed = Some(violation.text.clone());
        output::print(&text::violation(violation))
    }

    /// Tells, once, that something else is where the ceremony is said to go on.
    fn elsewhere(&mut self, url: &Url, found: &Report) -> Outcome {
        let new = found.violations.iter();
        let mut new = new.filter(|it| !self.lines.contains(&of_violation(it)));
        let why = new
            .next()
            .map_or("it is another log", |it| it.text.as_str());
        let text = format!("What is at {url} does not go on from this log: {why}");
        match self.lines.insert(text.clone()) {
            true => output::print(&text),
            false => Ok(()),
        }
    }

    fn outcome(self) -> Outcome {
        match (self.violations, self.unwitnessed) {
            (0, None) => Ok(()),
            (0, Some(text)) => Err(Failure::bad(text)),
            _ => Err(Failure::bad(self.verdict)),
        }
    }
}

/// What tells a violation from others. Its text may change while the log grows.
fn of_violation(violation: &Violation) -> String {
    let Violation {
        kind,
        entry,
        ticket,
        ..
    } = violation;
    match (entry, ticket) {
        (None, None) => format!("{kind}: {}", violation.text),
        _ => format!("{kind}: entry {entry:?}, ticket {ticket:?}"),
    }
}

fn of_remark(remark: &Remark) -> String {
    format!("remark at {:?}: {}", remark.entry, remark.text)
}

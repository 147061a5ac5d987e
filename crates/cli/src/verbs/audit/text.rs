//! The report for people: the verdict, violations, remarks, figures.

use std::fmt::Write;
use std::time::Duration;

use tauline_audit::{
    Cosignature, Remark, Report, Statistics, TranscriptFindings, Violation, Witnessed, Worth,
};
use tauline_queue_core::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::numbers;

/// Violations, and remarks of each topic, that are shown one by one.
const SHOWN: usize = 20;

/// Hours that are shown one by one: two days.
const HOURS: usize = 48;

pub(super) fn report(report: &Report, compared: Option<&TranscriptFindings>) -> String {
    let mut text = format!("{}\n", report.verdict());
    let _ = writeln!(text, "{}", scope(report, compared));
    if !report.violations.is_empty() {
        let _ = writeln!(text, "\nVIOLATIONS");
        for violation in report.violations.iter().take(SHOWN) {
            let _ = writeln!(text, "{}", self::violation(violation));
        }
        more(
            &mut text,
            report.violation_count,
            SHOWN.min(report.violations.len()),
        );
    }
    if let Some(witnessed) = &report.witnesses {
        witnesses(&mut text, witnessed);
    }
    remarks(&mut text, report);
    figures(&mut text, &report.statistics);
    text
}

/// What was looked at, in a sentence.
fn scope(report: &Report, compared: Option<&TranscriptFindings>) -> String {
    let mut parts = vec![
        format!("{} with the root {}", entries(report.entries), report.root),
        numbers::count(report.checkpoints, "checkpoint"),
    ];
    if report.keepsakes > 0 {
        parts.push(format!(
            "what {} kept",
            numbers::count(report.keepsakes, "participant")
        ));
    }
    if let Some(compared) = compared {
        let number = numbers::count(compared.contributions, "contribution");
        parts.push(format!("a transcript of {number}"));
    }
    let coordinator = match report.coordinators.as_slice() {
        [] => String::new(),
        [address] => format!("The coordinator is {address}. "),
        [before @ .., address] => format!(
            "The coordinator is {address}; {} had the ceremony before. ",
            numbers::list(before)
        ),
    };
    let key = report.key.as_ref();
    let key = key.map(|key| format!("The log's key is {key}. "));
    let key = key.unwrap_or_default();
    format!("{coordinator}{key}Checked: {}.", numbers::list(&parts))
}

fn entries(count: u64) -> String {
    numbers::count(count, "entry").replace("entrys", "entries")
}

/// Who has cosigned the log's checkpoint.
fn witnesses(text: &mut String, witnessed: &Witnessed) {
    let size = entries(witnessed.size);
    let _ = writeln!(text, "\nWITNESSES of the checkpoint of {size}");
    let _ = writeln!(text, "  {}", quorum(witnessed));
    for one in &witnessed.cosignatures {
        let _ = writeln!(text, "    {}", cosignature(one));
    }
}

/// How many witnesses have cosigned, in a sentence.
pub(super) fn quorum(witnessed: &Witnessed) -> String {
    let Some(known) = witnessed.known else {
        let there = witnessed.cosignatures.len() as u64;
        let there = numbers::count(there, "cosignature");
        return format!("{there}, not verified: --policy FILE says whom you trust");
    };
    let counting = numbers::with_commas(witnessed.counting());
    let enough = match witnessed.violation {
        None => "which is enough",
        Some(_) => "which is not enough",
    };
    let known = numbers::count(known, "witness").replace("witnesss", "witnesses");
    format!("{counting} of the policy's {known} have cosigned the checkpoint lately, {enough}")
}

fn cosignature(one: &Cosignature) -> String {
    let at = |seconds: u64| shown(Timestamp::from_millis(seconds.saturating_mul(1000)));
    let at = one.time.map_or("no time".to_owned(), at);
    let worth = match one.worth {
        Worth::Counts => "counts",
        Worth::TooOld => "too far from now to count",
        _ => "not verified",
    };
    format!("{} ({}), {at}: {worth}", one.witness, one.key)
}

/// A violation on a line of its own, with the place that shows it and the rule.
pub(super) fn violation(violation: &Violation) -> String {
    let place = place(violation.entry, violation.at);
    format!(
        "  {place}{} [{}, {}]",
        violation.text,
        violation.kind,
        violation.kind.rule()
    )
}

fn place(entry: Option<u64>, at: Option<Timestamp>) -> String {
    let entry = entry.map(|entry| format!("entry {entry}"));
    let parts: Vec<String> = entry.into_iter().chain(at.map(shown)).collect();
    match parts.is_empty() {
        true => String::new(),
        false => format!("{}: ", parts.join(", ")),
    }
}

/// A time, as RFC 3339 has it, in seconds.
fn shown(at: Timestamp) -> String {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    let time = OffsetDateTime::from_unix_timestamp(seconds).ok();
    let text = time.and_then(|time| time.format(&Rfc3339).ok());
    text.unwrap_or_else(|| at.to_string())
}

fn remarks(text: &mut String, report: &Report) {
    if report.remarks.is_empty() {
        return;
    }
    let _ = writeln!(text, "\nREMARKS (allowed, and worth knowing)");
    for (topic, count) in &report.remark_counts {
        let _ = writeln!(
            text,
            "  {}: {}",
            topic.as_str(),
            numbers::with_commas(*count)
        );
        let of_topic = report.remarks.iter().filter(|it| it.topic == *topic);
        let of_topic: Vec<&Remark> = of_topic.take(SHOWN).collect();
        for remark in &of_topic {
            let place = place(remark.entry, remark.at);
            let _ = writeln!(text, "    {place}{}", remark.text);
        }
        more(text, *count, of_topic.len());
    }
}

fn more(text: &mut String, count: u64, shown: usize) {
    let rest = count.saturating_sub(shown as u64);
    if rest > 0 {
        let _ = writeln!(text, "    and {} more", numbers::with_commas(rest));
    }
}

fn figures(text: &mut String, figures: &Statistics) {
    let length = |millis| numbers::duration(Duration::from_millis(millis));
    let _ = writeln!(text, "\nFIGURES");
    let outcomes = &figures.outcomes;
    let lost = figures.turns.saturating_sub(outcomes.contributed);
    let rows = [
        ("joined", numbers::with_commas(figures.joined)),
        ("contributed", numbers::with_commas(outcomes.contributed)),
        ("turns", numbers::with_commas(figures.turns)),
        ("without result", numbers::with_commas(lost)),
        (
            "missed check-in",
            numbers::with_commas(outcomes.missed_checkin),
        ),
        ("left", numbers::with_commas(outcomes.left)),
        ("passes", numbers::with_commas(figures.passes)),
        ("half waited", length(figures.waits.median)),
        ("nine of ten", length(figures.waits.nine_tenths)),
        ("the longest", length(figures.waits.longest)),
        ("turn stood free", length(figures.idle)),
    ];
    for (label, value) in rows {
        let _ = writeln!(text, "  {label:<16} {value}");
    }
    let hours = figures.hours.len();
    let _ = writeln!(text, "  hour                  joined contributed lost free");
    for hour in figures.hours.iter().skip(hours.saturating_sub(HOURS)) {
        let _ = writeln!(
            text,
            "  {:<20} {:>7} {:>11} {:>4} {}",
            shown(hour.began),
            hour.joined,
            hour.contributed,
            hour.lost,
            length(hour.idle)
        );
    }
}

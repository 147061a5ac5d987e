//! A rehearsal in plain words: what was played, whether it held, what an operator should look at.

use std::time::Duration;

use super::super::played::Played;
use super::super::report::Report;
use crate::numbers;

/// A tenth of the turns' time, or more, in which nobody computes is worth a look.
const MUCH_IDLE: f64 = 0.1;

/// Idle time that nobody minds, in milliseconds: a participant on a slow connection needs as long to begin.
const LITTLE_IDLE: u64 = 2_000;

/// A check-in that takes longer is slow, in milliseconds: the grace is 5 s
/// (`docs/spec/queue.md#grace`), and a client gives up after 4 s.
const SLOW: u64 = 1_000;

/// A turn that takes more of its limit, here, leaves little to slower machines and links.
const NEAR_THE_LIMIT: f64 = 0.5;

/// Something to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) weight: Weight,
    pub(super) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// It did not go as it should.
    Bad,
    /// An operator should look at it.
    Look,
    /// It is as it should be.
    Good,
}

impl Weight {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bad => "Not as it should be",
            Self::Look => "Look at this",
            Self::Good => "Good",
        }
    }

    /// The name of its style.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Look => "look",
            Self::Good => "good",
        }
    }
}

/// The verdict, in some words.
pub(super) fn verdict(report: &Report, played: &Played) -> (Weight, &'static str) {
    match (played.interrupted, report.is_good(), report.accepted) {
        (true, ..) => (Weight::Look, "The rehearsal was interrupted"),
        (_, false, _) => (Weight::Bad, "The rehearsal did not go as it should"),
        (_, true, 0) => (Weight::Look, "It held, and nobody contributed"),
        (_, true, _) => (Weight::Good, "The rehearsal held"),
    }
}

/// What was played and what came of it.
pub(super) fn summary(report: &Report) -> String {
    let dropouts: u64 = report.dropouts.iter().map(|group| group.participants).sum();
    let dropped = match dropouts {
        0 => "none of whom were to drop out".to_owned(),
        1 => "one of whom was to drop out".to_owned(),
        _ => format!(
            "{} of whom were to drop out",
            numbers::with_commas(dropouts)
        ),
    };
    let took = numbers::duration(Duration::from_millis(report.took_in_ms));
    let order = match (report.accepted, report.in_ticket_order) {
        (0 | 1, _) => "",
        (_, true) if report.passed > 0 => ", in the order of tickets but for those who were passed",
        (_, true) => ", in the order of tickets",
        (_, false) => ", but not in the order of tickets",
    };
    let were = if report.accepted == 1 { "was" } else { "were" };
    let mut text = format!(
        "{} took part, {dropped}. {} {were} accepted{order}. It took {took}.",
        numbers::count(report.participants as u64, "participant"),
        numbers::count(report.accepted, "contribution"),
    );
    if let Some(rate) = report.turns_an_hour.filter(|rate| *rate > 0) {
        let thousand = Duration::from_secs(3_600_000 / rate);
        text = format!(
            "{text} That is {} an hour: a thousand contributions by participants like these would take \
             about {}.",
            numbers::count(rate, "contribution"),
            numbers::duration(thousand)
        );
    }
    text
}

/// What there is to know, the worst first.
pub(super) fn findings(report: &Report, played: &Played) -> Vec<Finding> {
    let mut findings: Vec<Finding> = [
        parts(report),
        order(report),
        passed(report),
        nothing(report),
        way(played),
        near_the_limit(report, played),
        idle(report),
        lost(report),
        check_ins(report),
    ]
    .into_iter()
    .flatten()
    .chain(failed_calls(report))
    .collect();
    findings.sort_by_key(|finding| finding.weight);
    findings
}

fn finding(weight: Weight, text: impl Into<String>) -> Option<Finding> {
    let text = text.into();
    Some(Finding { weight, text })
}

fn parts(report: &Report) -> Option<Finding> {
    match report.failures.len() as u64 {
        0 => finding(
            Weight::Good,
            "Every participant ended as its part says, also those who dropped out.",
        ),
        1 => finding(
            Weight::Bad,
            "One participant did not end as its part says. It is listed below; the coordinator's log says \
             what happened at that time.",
        ),
        failed => finding(
            Weight::Bad,
            format!(
                "{} did not end as their parts say. They are listed below; the coordinator's log says what \
                 happened at that time.",
                numbers::count(failed, "participant")
            ),
        ),
    }
}

fn order(report: &Report) -> Option<Finding> {
    match report.in_ticket_order {
        true => None,
        false => finding(
            Weight::Bad,
            "Contributions were accepted in another order than that of tickets, though nobody was passed who \
             came later. This must not happen, whatever the settings: keep the data directory, and report it.",
        ),
    }
}

fn passed(report: &Report) -> Option<Finding> {
    let who = match report.passed {
        0 => return None,
        1 => "One participant was not heard of when its turn came, so somebody behind it had the turn. It".to_owned(),
        passed => format!(
            "{} were not heard of when their turns came, so others behind them had these turns. They",
            numbers::count(passed, "participant")
        ),
    };
    finding(
        Weight::Look,
        format!(
            "{who} came next, and lost nothing else. All of them asked in time: so this machine was too busy \
             to play so many participants, or the network stood still. Rehearse from another machine."
        ),
    )
}

fn nothing(report: &Report) -> Option<Finding> {
    match report.accepted {
        0 => finding(
            Weight::Look,
            "No contribution was accepted, so this says little about a ceremony. Rehearse with more \
             participants, or with fewer who drop out.",
        ),
        _ => None,
    }
}

fn way(played: &Played) -> Option<Finding> {
    let len = numbers::bytes(played.contribution_len);
    match played.form == played.asked_form {
        true => finding(
            Weight::Good,
            format!("A contribution of {len} gets through to the coordinator."),
        ),
        false => finding(
            Weight::Look,
            format!(
                "Something in front of the coordinator refuses larger bodies, so contributions went in a \
                 smaller form, of {len}. Raise its limit (nginx: client_max_body_size): clients that \
                 know one form only will fail."
            ),
        ),
    }
}

fn near_the_limit(report: &Report, played: &Played) -> Option<Finding> {
    let limit = played.contribution_limit_in_ms;
    let longest = report.turns.as_ref()?.longest_in_ms;
    let text = |ms| numbers::duration(Duration::from_millis(ms));
    match longest as f64 > limit as f64 * NEAR_THE_LIMIT && limit > 0 {
        true => finding(
            Weight::Look,
            format!(
                "The longest turn took {} of the {} that --contribution-limit allows. Participants with \
                 slower machines or connections than this one would be cut off.",
                text(longest),
                text(limit)
            ),
        ),
        false => None,
    }
}

fn idle(report: &Report) -> Option<Finding> {
    let (idle, turns) = (report.idle.as_ref()?, report.turns.as_ref()?);
    let text = |ms| numbers::duration(Duration::from_millis(ms));
    let share = idle.mean_in_ms as f64 / turns.mean_in_ms.max(1) as f64;
    match share > MUCH_IDLE && idle.median_in_ms > LITTLE_IDLE {
        true => finding(
            Weight::Look,
            format!(
                "Between two turns nobody computed for {} (median {}), which is {:.0} % of a turn. The next \
                 participant has to download the state in this time: look at the network, and at what the \
                 coordinator's machine does besides.",
                text(idle.mean_in_ms),
                text(idle.median_in_ms),
                share * 100.0
            ),
        ),
        false => finding(
            Weight::Good,
            format!(
                "One turn followed the other: nobody computed for {} between two of them (median {}).",
                text(idle.mean_in_ms),
                text(idle.median_in_ms)
            ),
        ),
    }
}

fn lost(report: &Report) -> Option<Finding> {
    let cost = |lost: &super::super::slots::Lost| lost.cost.mean_in_ms * lost.slots as u64;
    let all: u64 = report.lost_slots.iter().map(cost).sum();
    let worst = report
        .lost_slots
        .iter()
        .max_by_key(|lost| lost.cost.mean_in_ms)?;
    let text = |ms| numbers::duration(Duration::from_millis(ms));
    let share = all as f64 * 100.0 / report.took_in_ms.max(1) as f64;
    finding(
        match share > 25.0 {
            true => Weight::Look,
            false => Weight::Good,
        },
        format!(
            "Those who were called and dropped out cost {}, {share:.0} % of the time. What cost most each \
             time was to {}{}: {}. How long absent participants are waited for is set by --start-limit, \
             --contribution-limit and --disconnect-limit.",
            text(all),
            worst.role.name(),
            worst.role.manner(worst.silent),
            text(worst.cost.mean_in_ms)
        ),
    )
}

fn check_ins(report: &Report) -> Option<Finding> {
    let Some(times) = &report.check_ins else {
        return None;
    };
    let took = format!(
        "half of them within {} ms, 99 of 100 within {} ms",
        times.p50_in_ms, times.p99_in_ms
    );
    match times.p99_in_ms > SLOW {
        true => finding(
            Weight::Look,
            format!(
                "Some check-ins were slow: {took}. A client gives up after 4 s. Look at the load of the \
                 coordinator's machine, at its disk, and at the proxy."
            ),
        ),
        false => finding(
            Weight::Good,
            format!("Check-ins were answered quickly, {took}."),
        ),
    }
}

/// Calls that failed, by what to do about them.
fn failed_calls(report: &Report) -> Vec<Finding> {
    let of = |is: &dyn Fn(&str) -> bool| -> u64 {
        let failed = report.failed_calls.iter();
        failed
            .filter(|(way, _)| is(way))
            .map(|(_, count)| count)
            .sum()
    };
    let limited = |way: &str| way.ends_with("(429)");
    let proxy = |way: &str| way.starts_with("a proxy");
    let unanswered = |way: &str| way.starts_with("no answer");
    let server = |way: &str| way.contains("(5") && way.starts_with("Server::");
    let kinds: [(u64, &str); 4] = [
        (
            of(&server),
            "were answered by an error of the coordinator's. Its log says why, by the time.",
        ),
        (
            of(&limited),
            "were refused by a rate limit. For a rehearsal, whose participants have one address, start the \
             coordinator with --login-rate 0 --anonymous-rate 0 --session-rate 0; in the ceremony, those \
             behind one address share the first two.",
        ),
        (
            of(&proxy),
            "were answered by a proxy, which could not reach the coordinator or gave up waiting: look at \
             its timeouts.",
        ),
        (
            of(&unanswered),
            "got no answer. That is so when the coordinator restarts; otherwise look at the network and \
             the limits on connections.",
        ),
    ];
    let mut findings: Vec<Finding> = kinds
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .filter_map(|(count, what)| {
            let what = match count {
                1 => what.replacen("were ", "was ", 1),
                _ => what.to_owned(),
            };
            finding(
                Weight::Look,
                format!("{} {what}", numbers::count(count, "call")),
            )
        })
        .collect();
    if findings.is_empty() {
        findings.extend(finding(
            Weight::Good,
            "No call had to be repeated for a fault on the way.",
        ));
    }
    findings
}

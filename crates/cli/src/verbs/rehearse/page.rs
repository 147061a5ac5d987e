//! The report as a page: one file with all that it needs, without scripts, to be kept, sent and printed.

mod charts;
mod words;

#[cfg(test)]
mod tests;

use std::time::Duration;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use plotters::style::RGBColor;

use self::words::{findings, summary, verdict};
use super::played::Played;
use super::report::Report;
use super::series::{Point, Series};
use super::slots::Spread;
use crate::client::{Form, NAME};
use crate::shown::escaped;
use crate::{numbers, times};

/// Points of a line in a chart at most.
const POINTS: usize = 320;

/// Stretches of the rehearsal in which check-ins are summed up.
const STRETCHES: u32 = 24;

/// Failures that are listed; the rest is counted.
const MAX_LISTED: usize = 200;

/// The page.
pub(super) fn page(report: &Report, series: &Series, played: &Played) -> String {
    let (weight, verdict) = verdict(report, played);
    let server = escaped(&played.server);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // Nothing is asked of anybody, whatever names are in here.
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'";
                title { "Rehearsal of " (server) }
                style { (PreEscaped(include_str!("page/style.css"))) }
            }
            body {
                p.where { (server) " · " (times::text(played.began)) }
                div.verdict.(weight.class()) { h1 { (verdict) } }
                p.summary { (summary(report)) }
                h2 { "What an operator should look at" }
                ul.findings {
                    @for finding in findings(report, played) {
                        li.(finding.weight.class()) {
                            strong { (finding.weight.name()) ". " } (finding.text)
                        }
                    }
                }
                (failures(report))
                h2 { "Figures" }
                (figures(report))
                (dropouts(report))
                h2 { "Charts" }
                div.charts { (charts(series)) }
                (failed_calls(report))
                h2 { "Settings and versions" }
                (settings(report, played))
            }
        }
    };
    page.into_string()
}

/// Milliseconds, for a person.
fn time(ms: u64) -> String {
    numbers::duration(Duration::from_millis(ms))
}

fn figures(report: &Report) -> Markup {
    let spreads: [(&str, &str, &Option<Spread>); 3] = [
        ("Turns", "from the call to the receipt", &report.turns),
        (
            "Idle between turns",
            "from a receipt to the next start",
            &report.idle,
        ),
        ("Waits", "from joining to the call", &report.waits),
    ];
    html! {
        table {
            tr { th { "Participants" } td.number { (numbers::with_commas(report.participants as u64)) } }
            tr { th { "Contributions accepted" } td.number { (numbers::with_commas(report.accepted)) } }
            @if let Some(rate) = report.turns_an_hour {
                tr { th { "Contributions an hour" } td.number { (numbers::with_commas(rate)) } }
            }
            tr { th { "Length of the rehearsal" } td.number { (time(report.took_in_ms)) } }
            tr { th { "Calls that were repeated" } td.number { (numbers::with_commas(report.repeated_calls)) } }
        }
        div.scroll {
            table {
                tr { th {} th.number { "mean" } th.number { "median" } th.number { "longest" } th {} }
                @for (name, what, spread) in spreads {
                    @if let Some(spread) = spread {
                        tr {
                            th { (name) }
                            td.number { (time(spread.mean_in_ms)) }
                            td.number { (time(spread.median_in_ms)) }
                            td.number { (time(spread.longest_in_ms)) }
                            td { (what) }
                        }
                    }
                }
                @if let Some(check_ins) = &report.check_ins {
                    tr {
                        th { "Check-ins" }
                        td.number { "p50 " (check_ins.p50_in_ms) " ms" }
                        td.number { "p99 " (check_ins.p99_in_ms) " ms" }
                        td.number { (check_ins.longest_in_ms) " ms" }
                        td { "from the question to the answer, " (numbers::with_commas(check_ins.count as u64)) " of them" }
                    }
                }
            }
        }
    }
}

fn dropouts(report: &Report) -> Markup {
    html! {
        @if !report.dropouts.is_empty() {
            h2 { "Those who dropped out" }
            div.scroll {
                table {
                    tr { th { "their part was to" } th.number { "how many" } th { "how the coordinator ended it" } }
                    @for group in &report.dropouts {
                        tr {
                            td { (group.role.name()) }
                            td.number { (group.participants) }
                            td {
                                @for (i, (end, count)) in group.ends.iter().enumerate() {
                                    @if i > 0 { ", " }
                                    (count) " " (end)
                                }
                            }
                        }
                    }
                }
            }
        }
        @if !report.lost_slots.is_empty() {
            h2 { "What they cost" }
            p { "The time from the call of somebody who dropped out to the next participant's start." }
            div.scroll {
                table {
                    tr { th { "to" } th.number { "slots" } th.number { "mean" } th.number { "longest" } }
                    @for lost in &report.lost_slots {
                        tr {
                            td { (lost.role.name()) (lost.role.manner(lost.silent)) }
                            td.number { (lost.slots) }
                            td.number { (time(lost.cost.mean_in_ms)) }
                            td.number { (time(lost.cost.longest_in_ms)) }
                        }
                    }
                }
            }
        }
    }
}

fn failures(report: &Report) -> Markup {
    let more = report.failures.len().saturating_sub(MAX_LISTED);
    html! {
        @if !report.failures.is_empty() {
            h2 { "Failures" }
            div.scroll {
                table {
                    tr { th.number { "participant" } th { "part" } th { "what went wrong" } }
                    @for failed in report.failures.iter().take(MAX_LISTED) {
                        tr {
                            td.number { (failed.participant) }
                            td { (failed.role.name()) }
                            td { (failed.what) }
                        }
                    }
                }
            }
            @if more > 0 { p { "… and " (numbers::with_commas(more as u64)) " more." } }
        }
    }
}

fn failed_calls(report: &Report) -> Markup {
    html! {
        @if !report.failed_calls.is_empty() {
            h2 { "Calls that failed" }
            p {
                "A participant repeats a call that may succeed later. Refusals that say how things stand \
                 are in here, too."
            }
            div.scroll {
                table {
                    tr { th { "how" } th.number { "how often" } }
                    @for (way, count) in &report.failed_calls {
                        tr { td { (way) } td.number { (numbers::with_commas(*count)) } }
                    }
                }
            }
        }
    }
}

fn settings(report: &Report, played: &Played) -> Markup {
    let form = |form| match form {
        Form::Json => "json",
        Form::Msgpack => "msgpack",
        Form::MsgpackUncompressed => "msgpack-uncompressed",
    };
    let coordinator = escaped(&played.coordinator);
    let rows: [(&str, String); 10] = [
        ("--server", escaped(&played.server)),
        ("--participants", report.participants.to_string()),
        (
            "--dropouts",
            format!("{} %", (played.dropouts * 1000.0).round() / 10.0),
        ),
        ("--seed", report.seed.to_string()),
        (
            "--form",
            match played.form == played.asked_form {
                true => form(played.form).to_owned(),
                false => format!(
                    "{}, and {} was used",
                    form(played.asked_form),
                    form(played.form)
                ),
            },
        ),
        ("signed in with", played.sign_in.to_owned()),
        ("sub-ceremonies", escaped(&played.sizes)),
        (
            "contribution limit",
            match played.contribution_limit_in_ms {
                0 => "not told".to_owned(),
                ms => time(ms),
            },
        ),
        (
            "coordinator",
            match &played.program {
                Some(program) => format!("{}, {coordinator}", escaped(program)),
                None => format!("{coordinator}; its version was not told"),
            },
        ),
        ("played by", NAME.to_owned()),
    ];
    html! {
        table {
            @for (name, value) in &rows {
                tr { th { (name) } td { (value) } }
            }
        }
    }
}

fn charts(series: &Series) -> Markup {
    let ends: Vec<(&str, u64, RGBColor)> = series
        .ends
        .iter()
        .map(|(end, count)| {
            let colour = match *end {
                "contributed" => charts::FIRST,
                "failed" | "unknown" | "coordinatorFault" | "invalid" => charts::BAD,
                _ => charts::SECOND,
            };
            (*end, *count, colour)
        })
        .collect();
    let idle: Vec<u64> = series.idle.iter().map(|it| it.value).collect();
    let rates = series.rates(POINTS as u32 / 4);
    let latencies = series.check_in_percentiles(STRETCHES);
    let length = series.length;
    html! {
        (chart("How long turns took", "Turns that brought a contribution, from the call to the receipt.",
            charts::histogram(&series.turns, "length of the turn", "turns")))
        (chart("What became of the stays", "Blue contributed, orange dropped out, red should not be there.",
            charts::bars(&ends)))
        (chart("Contributions over time", "How many were accepted by then.",
            charts::course(&thin(&sum_up(&series.accepted)), length, "contributions")))
        (chart("Turns an hour", "The pace of the turns around each moment.",
            charts::course(&rates, length, "turns an hour")))
        (chart("Idle time between turns", "From a receipt to the next participant's start.",
            charts::histogram(&idle, "nobody computed for", "times")))
        (chart("The line", "Participants who waited.",
            charts::course(&thin(&series.line), length, "in line")))
        (figure(html! {
            strong { "How long check-ins took" }
            span { span.swatch.first {} "half were quicker (p50)" span.swatch.second {} "99 of 100 were quicker (p99)" }
        }, "How long check-ins took", charts::two_courses(&latencies, length, "milliseconds")))
        (chart("Calls that failed", "How many in each stretch of time.",
            charts::happenings(&series.failed, length, "calls")))
    }
}

fn chart(title: &str, text: &str, svg: Option<String>) -> Markup {
    figure(html! { strong { (title) } span { (text) } }, title, svg)
}

fn figure(caption: Markup, title: &str, svg: Option<String>) -> Markup {
    html! {
        figure {
            figcaption { (caption) }
            @match svg {
                Some(svg) => div role="img" aria-label=(title) { (PreEscaped(svg)) },
                None => p.none { "There was nothing of this." },
            }
        }
    }
}

/// How many there were after each, from none at the beginning.
fn sum_up(times: &[Duration]) -> Vec<Point> {
    let none = Point {
        at: Duration::ZERO,
        value: 0,
    };
    let sums = times
        .iter()
        .zip(1..)
        .map(|(at, value)| Point { at: *at, value });
    match times {
        [] => Vec::new(),
        _ => std::iter::once(none).chain(sums).collect(),
    }
}

/// At most so many points: of those close to each other the highest.
fn thin(points: &[Point]) -> Vec<Point> {
    let each = points.len().div_ceil(POINTS).max(1);
    let pieces = points.chunks(each);
    pieces
        .filter_map(|piece| piece.iter().max_by_key(|it| it.value).copied())
        .collect()
}

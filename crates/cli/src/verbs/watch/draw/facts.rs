//! The numbers: contributions, the line, the turn, the log.

use ratatui::text::{Line, Span};
use tokio::time::Instant;

use super::super::state::State;
use super::super::theme::Theme;
use super::super::told::Told;
use super::super::words;
use crate::numbers;
use crate::shown::escaped;

/// Columns for the names of the facts.
const LABEL: usize = 14;

/// The longest bar for the time of a turn, in columns.
const MAX_BAR: usize = 46;

/// The facts, in lines of this width.
pub(super) fn lines(
    state: &State,
    theme: Theme,
    now: Instant,
    width: u16,
    is_tall: bool,
) -> Vec<Line<'static>> {
    let Some(told) = state.told() else {
        return Vec::new();
    };
    let status = &told.status;
    let clock = state.clock(now).unwrap_or(status.time);
    let mut lines = vec![
        fact(theme, "contributions", contributions(told, clock)),
        fact(
            theme,
            "in line",
            format!(
                "{}, {}",
                numbers::with_commas(status.queue_length),
                words::joining(told)
            ),
        ),
        fact(theme, "turn", words::turn(status, state.turn_age(now))),
    ];
    if is_tall {
        lines.extend(bar(state, theme, now, width));
    }
    lines.push(fact(theme, "public log", words::log(told, clock)));
    if is_tall {
        let whose = escaped(&status.coordinator_address);
        lines.push(fact(theme, "receipts by", whose));
    }
    lines
}

fn contributions(told: &Told, clock: u64) -> String {
    let status = &told.status;
    let count = numbers::with_commas(status.contributions);
    let mean = std::time::Duration::from_millis(status.mean_turn_in_ms);
    match status.contributions {
        0 => format!(
            "{count}; a turn is expected to take {}",
            numbers::duration(mean)
        ),
        _ => format!(
            "{count}; {} an hour, {} each",
            numbers::count(told.turns_an_hour(clock), "turn"),
            numbers::duration(mean)
        ),
    }
}

fn fact(theme: Theme, label: &str, value: String) -> Line<'static> {
    Line::from(vec![
        Span::styled(format!("{label:<LABEL$} "), theme.quiet()),
        Span::raw(value),
    ])
}

/// How much of the turn's time is used up.
fn bar(state: &State, theme: Theme, now: Instant, width: u16) -> Option<Line<'static>> {
    let status = &state.told()?.status;
    let (age, limit) = (state.turn_age(now)?, words::limit(status)?);
    let columns = usize::from(width).saturating_sub(LABEL + 2).min(MAX_BAR);
    let share = (age.as_secs_f64() / limit.as_secs_f64()).min(1.0);
    let full = (share * columns as f64).round() as usize;
    let style = match share {
        ..0.75 => theme.good(),
        _ => theme.warning(),
    };
    Some(Line::from(vec![
        Span::raw(" ".repeat(LABEL + 1)),
        Span::styled("█".repeat(full), style),
        Span::styled("░".repeat(columns - full), theme.quiet()),
    ]))
}

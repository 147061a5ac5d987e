//! The latest turns one beside the other: how long each took, and what became of it.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{RenderDirection, Sparkline, SparklineBar, Widget};

use super::super::theme::Theme;
use super::super::told::{Became, RecentTurn, Told};
use super::rule::rule;
use crate::numbers;

/// Columns for each turn at most.
const MAX_COLUMNS: usize = 3;

/// Draws the chart: a title, bars, marks below the bars of turns that brought nothing, and how many there
/// were of each kind.
pub(super) fn draw(told: &Told, theme: Theme, area: Rect, buffer: &mut Buffer) {
    if area.height < 4 {
        return;
    }
    let turns = told.turns();
    let columns = usize::from(area.width)
        .checked_div(turns.len())
        .unwrap_or(1);
    let columns = columns.clamp(1, MAX_COLUMNS);
    let fitting = usize::from(area.width) / columns;
    let shown = &turns[turns.len().saturating_sub(fitting)..];
    let longest = shown.iter().map(|it| it.turn_in_ms).max().unwrap_or(0);
    rule(&title(told, shown, longest), theme, area, buffer);
    if shown.is_empty() {
        return;
    }
    let bars_area = Rect {
        y: area.y + 1,
        height: area.height - 3,
        ..area
    };
    // Nothing is lower than the smallest step of a bar.
    let steps = u64::from(bars_area.height) * 8;
    let least = longest.div_ceil(steps.max(1)).max(1);
    let bars = shown.iter().rev().flat_map(|turn| {
        let bar = SparklineBar::from(turn.turn_in_ms.max(least)).style(theme.of(turn.became()));
        std::iter::repeat_n(bar, columns)
    });
    Sparkline::default()
        .data(bars.collect::<Vec<_>>())
        .max(longest.max(1))
        .direction(RenderDirection::RightToLeft)
        .render(bars_area, buffer);
    let marks_y = bars_area.bottom();
    for (i, turn) in shown.iter().rev().enumerate() {
        let became = turn.became();
        let right = (i * columns) as u16;
        if became != Became::Accepted {
            let x = area.right() - 1 - right;
            buffer.set_string(x, marks_y, became.mark(), theme.of(became));
        }
    }
    let legend = Rect {
        y: marks_y + 1,
        height: 1,
        ..area
    };
    counts(shown, theme).render(legend, buffer);
}

fn title(told: &Told, shown: &[RecentTurn], longest: u64) -> String {
    let longest = numbers::duration(Duration::from_millis(longest));
    match (&told.recent, shown.len()) {
        (None, _) => "This coordinator does not tell its turns".to_owned(),
        (_, 0) => "No turn yet".to_owned(),
        (_, 1) => format!("The first turn: {longest}"),
        (_, count) => format!("Lengths of the last {count} turns, the longest {longest}"),
    }
}

/// How many turns came to what.
fn counts(shown: &[RecentTurn], theme: Theme) -> Line<'static> {
    let mut spans = Vec::new();
    for became in Became::ALL {
        let count = shown.iter().filter(|it| it.became() == became).count();
        if count > 0 {
            spans.push(Span::styled(became.mark(), theme.of(became)));
            spans.push(Span::raw(format!(" {count} {}   ", became.name())));
        }
    }
    Line::from(spans)
}

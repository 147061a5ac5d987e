//! The view: from what is known of a ceremony to what a terminal shows. Nothing here asks for the time,
//! the terminal or the network.

mod facts;
mod help;
mod latest;
mod lengths;
mod rule;
mod turns;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget, Wrap};
use tokio::time::Instant;

use super::heard::Via;
use super::state::{Connection, State};
use super::theme::Theme;
use super::view::{Drawn, View};
use super::words;
use crate::numbers;

/// The width from which on there is a third chart, in columns.
const WIDE: u16 = 110;

/// Draws the view, and returns what of the contributions is in it. `changes` is how often something has
/// happened, also while the view stands still.
pub(super) fn draw(
    state: &State,
    view: &View,
    changes: u64,
    now: Instant,
    area: Rect,
    buffer: &mut Buffer,
) -> Drawn {
    let theme = view.theme;
    let (mut rest, real_now) = (area, now);
    let now = view.paused.map_or(now, |(since, _)| since);
    title(state, theme, now, take(&mut rest, 1), buffer);
    if view.keys {
        let bottom = Rect {
            y: rest.bottom().saturating_sub(1),
            height: rest.height.min(1),
            ..rest
        };
        rest.height -= bottom.height;
        footer(view, changes, real_now, bottom, buffer);
    }
    let Some(told) = state.told() else {
        let known = words::lost(state, now)
            .into_iter()
            .chain(words::moved(state));
        let text = known.collect::<Vec<_>>().join("\n");
        Paragraph::new(text)
            .wrap(Wrap { trim: true })
            .render(rest, buffer);
        return overlay(view, area, buffer, Drawn::default());
    };
    for (text, style) in notices(state, theme, now) {
        let lines = wrapped(&text, rest.width);
        let height = lines.len().min(3) as u16;
        let part = take(&mut rest, height);
        Paragraph::new(lines).style(style).render(part, buffer);
    }
    let is_tall = area.height >= 22;
    let facts = facts::lines(state, theme, now, rest.width, is_tall);
    let part = take(&mut rest, facts.len() as u16);
    Paragraph::new(facts).render(part, buffer);

    // The chart needs two lines around its bars, and as much again is left for the contributions.
    let mut drawn = Drawn::default();
    let chart_height = match rest.height {
        0..7 => 0,
        height => (height / 2).clamp(4, 10),
    };
    let mut charts = take(&mut rest, chart_height);
    if area.width >= WIDE && chart_height >= 6 {
        let width = charts.width * 2 / 5;
        let right = Rect {
            x: charts.right() - width,
            width,
            ..charts
        };
        charts.width -= width + 2;
        lengths::draw(told, theme, right, buffer);
    }
    turns::draw(told, theme, charts, buffer);
    if rest.height >= 2 {
        let clock = state.clock(now).unwrap_or_default();
        drawn = latest::draw(told, view, clock, rest, buffer);
    }
    overlay(view, area, buffer, drawn)
}

/// Draws the help above everything else, if it is wanted.
fn overlay(view: &View, area: Rect, buffer: &mut Buffer, drawn: Drawn) -> Drawn {
    if view.help {
        help::draw(view.theme, area, buffer);
    }
    drawn
}

/// The upper lines of what is left, which is less afterwards.
fn take(rest: &mut Rect, height: u16) -> Rect {
    let height = height.min(rest.height);
    let part = Rect { height, ..*rest };
    rest.y += height;
    rest.height -= height;
    part
}

/// What the ceremony is called, where it is, and how it is reached.
fn title(state: &State, theme: Theme, now: Instant, area: Rect, buffer: &mut Buffer) {
    let (mark, style) = match state.connection {
        Connection::Here(Via::Stream) => ("● ", theme.good()),
        Connection::Here(Via::Polls) => ("○ ", theme.warning()),
        Connection::Lost { .. } => ("✗ ", theme.bad()),
    };
    if area.is_empty() {
        return;
    }
    let right = format!("{mark}{}", words::connection(state, now));
    let right_width = Span::raw(right.as_str()).width() as u16;
    let left = Line::from(vec![
        Span::styled(words::name(state), theme.strong()),
        Span::styled(format!("  {}", host(&state.server)), theme.quiet()),
    ]);
    let left_width = area.width.saturating_sub(right_width + 2);
    buffer.set_line(area.x, area.y, &left, left_width);
    let right_area = Rect {
        x: area.right().saturating_sub(right_width).max(area.x),
        width: right_width.min(area.width),
        ..area
    };
    Line::styled(right, style).render(right_area, buffer);
}

/// The address without its scheme, as people say it.
fn host(server: &str) -> &str {
    let bare = server.split_once("://").map_or(server, |(_, rest)| rest);
    bare.trim_end_matches('/')
}

/// What comes before all numbers: that nothing new is known, that it has moved, who may join.
fn notices(state: &State, theme: Theme, now: Instant) -> Vec<(String, ratatui::style::Style)> {
    let mut notices = Vec::new();
    notices.extend(words::lost(state, now).map(|text| (text, theme.bad())));
    notices.extend(words::moved(state).map(|text| (text, theme.warning())));
    if let Some(told) = state.told().filter(|told| told.status.moved_to.is_none()) {
        let is_plain = told.status.mode == tauline_protocol::status::ModeWord::Open;
        let style = match is_plain {
            true => theme.good(),
            false => theme.warning(),
        };
        notices.push((words::mode(told), style));
    }
    notices
}

/// The text in lines of this width, broken between words where that is possible.
fn wrapped(text: &str, width: u16) -> Vec<Line<'static>> {
    let width = usize::from(width).max(1);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let len = Span::raw(word).width();
        if used > 0 && used + 1 + len > width {
            lines.push(String::new());
            used = 0;
        }
        let Some(line) = lines.last_mut() else { break };
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += len;
    }
    lines.into_iter().map(Line::from).collect()
}

/// The keys, or that the view stands still.
fn footer(view: &View, changes: u64, now: Instant, area: Rect, buffer: &mut Buffer) {
    let (text, style) = match view.paused {
        Some((since, at)) => (
            format!(
                "This view stands still since {}; {} since. p: go on",
                words::seconds(now.saturating_duration_since(since)),
                numbers::count(changes.saturating_sub(at), "change")
            ),
            view.theme.reversed(),
        ),
        None => (
            "q quit  ? help  ↑ ↓ PgUp PgDn scroll  p pause this view".to_owned(),
            view.theme.quiet(),
        ),
    };
    Line::styled(text, style).render(area, buffer);
}

/// What is drawn as lines of text, without blanks at their ends and without empty lines at the end.
pub(super) fn as_text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area().width).max(1);
    let lines = buffer.content().chunks(width).map(|cells| {
        let mut line = String::new();
        let mut hidden = 0;
        for cell in cells {
            if hidden == 0 {
                line.push_str(cell.symbol());
            }
            // A wide letter hides the cell after it.
            hidden = std::cmp::max(hidden, Span::raw(cell.symbol()).width()).saturating_sub(1);
        }
        line.truncate(line.trim_end().len());
        line
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    text.trim_end().to_owned()
}

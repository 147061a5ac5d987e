//! The help, above everything else.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Widget};

use super::super::theme::Theme;
use super::super::told::Became;

/// Keys and marks, and what they mean.
const KEYS: [(&str, &str); 6] = [
    ("q, Esc, Ctrl-C", "quit"),
    ("↑ ↓, PgUp PgDn", "scroll the contributions"),
    ("Home", "back to the latest one"),
    ("p, blank", "let this view stand still, and go on"),
    ("Ctrl-Z", "suspend; fg goes on"),
    ("?, h", "this help"),
];

/// Draws the help in the middle.
pub(super) fn draw(theme: Theme, area: Rect, buffer: &mut Buffer) {
    let mut lines: Vec<Line<'_>> = KEYS
        .iter()
        .map(|(key, text)| {
            Line::from(vec![
                Span::styled(format!(" {key:<16}"), theme.strong()),
                Span::raw(*text),
            ])
        })
        .collect();
    lines.push(Line::raw(" Turns, by what became of them:"));
    let marks = Became::ALL.into_iter().flat_map(|became| {
        let mark = Span::styled(format!(" {}", became.mark()), theme.of(became));
        [mark, Span::raw(format!(" {} ", became.name()))]
    });
    lines.push(Line::from(marks.collect::<Vec<_>>()));
    lines.push(Line::raw(" A turn lasts from the call to the end."));
    let height = (lines.len() as u16 + 2).min(area.height);
    let width = 64.min(area.width);
    let middle = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    Clear.render(middle, buffer);
    let block = Block::bordered().title(" tauline watch ");
    Paragraph::new(lines).block(block).render(middle, buffer);
}

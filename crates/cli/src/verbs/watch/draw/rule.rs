//! A line with a title.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::theme::Theme;

/// A line with a title, above a part.
pub(super) fn rule(title: &str, theme: Theme, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let line = "─".repeat(usize::from(area.width));
    buffer.set_stringn(area.x, area.y, line, usize::from(area.width), theme.quiet());
    let title = format!(" {title} ");
    let width = usize::from(area.width).saturating_sub(2);
    buffer.set_stringn(area.x + 1, area.y, title, width, theme.strong());
}

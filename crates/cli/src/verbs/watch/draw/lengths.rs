//! How many of the latest turns took how long.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget};

use super::super::theme::Theme;
use super::super::told::{Became, Bucket, Told, buckets};
use super::rule::rule;

/// Columns for the lengths.
const LABEL: usize = 13;

/// Columns for the numbers.
const COUNT: usize = 4;

/// Draws a bar for each bucket of lengths, with a part for each thing that became of them.
pub(super) fn draw(told: &Told, theme: Theme, area: Rect, buffer: &mut Buffer) {
    rule("How many took how long", theme, area, buffer);
    let rows = area.height.saturating_sub(1);
    let buckets = buckets(told.turns(), rows.into());
    let most = buckets.iter().map(total).max().unwrap_or(0).max(1);
    let columns = usize::from(area.width).saturating_sub(LABEL + COUNT + 2);
    let lines = buckets.iter().map(|bucket| {
        let mut spans = vec![Span::styled(
            format!("{:>LABEL$} ", label(bucket)),
            theme.quiet(),
        )];
        for became in Became::ALL {
            let count = bucket.counts[became as usize];
            // Whatever there is one of is seen.
            let share = (count * columns as u64).div_ceil(most) as usize;
            spans.push(Span::styled(became.mark().repeat(share), theme.of(became)));
        }
        spans.push(Span::raw(format!(" {}", total(bucket))));
        Line::from(spans)
    });
    let below = Rect {
        y: area.y + 1,
        height: rows,
        ..area
    };
    Paragraph::new(lines.collect::<Vec<_>>()).render(below, buffer);
}

fn total(bucket: &Bucket) -> u64 {
    bucket.counts.iter().sum()
}

/// `15–30 s`, `2–4 min`.
fn label(bucket: &Bucket) -> String {
    let (from, to) = (bucket.from, bucket.to);
    match (from, to) {
        _ if to - from < 1_000 => {
            format!(
                "{}.{}–{}.{} s",
                from / 1000,
                from / 100 % 10,
                to / 1000,
                to / 100 % 10
            )
        }
        _ if (to - from) % 60_000 == 0 => format!("{}–{} min", from / 60_000, to / 60_000),
        _ => format!("{}–{} s", from / 1000, to / 1000),
    }
}

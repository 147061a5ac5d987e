//! The latest contributions: number, whose, how long, when.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::super::told::{RecentTurn, Told};
use super::super::view::{Drawn, View};
use super::super::words::seconds;
use super::rule::rule;
use crate::numbers;
use crate::shown::escaped;

/// Columns for the number, the length and the time.
const NUMBER: usize = 8;
const LENGTH: usize = 11;
const WHEN: usize = 17;

/// Draws as many as there is room for. `clock` is the coordinator's time, in Unix seconds.
pub(super) fn draw(told: &Told, view: &View, clock: u64, area: Rect, buffer: &mut Buffer) -> Drawn {
    let all = told.latest().count();
    let rows = usize::from(area.height.saturating_sub(1));
    let offset = view.offset.min(all.saturating_sub(rows));
    let shown = rows.min(all - offset);
    let drawn = Drawn { rows, all };
    let title = match (all, shown < all) {
        (0, _) if told.status.contributions == 0 => "No contribution yet".to_owned(),
        (0, _) if told.recent.is_none() => {
            "This coordinator does not tell who contributed".to_owned()
        }
        (0, _) => "No contribution among the latest turns".to_owned(),
        (_, false) => "Latest contributions".to_owned(),
        (_, true) => format!(
            "Latest contributions, {}–{} of {all}",
            offset + 1,
            offset + shown
        ),
    };
    rule(&title, view.theme, area, buffer);
    for (turn, y) in told.latest().skip(offset).take(rows).zip(area.y + 1..) {
        let row = Rect {
            y,
            height: 1,
            ..area
        };
        line(turn, clock, usize::from(area.width), view).render(row, buffer);
    }
    drawn
}

fn line(turn: &RecentTurn, clock: u64, width: usize, view: &View) -> Line<'static> {
    let number = turn.number.map(numbers::with_commas).unwrap_or_default();
    let length = numbers::duration(Duration::from_millis(turn.turn_in_ms));
    let since = Duration::from_secs(clock.saturating_sub(turn.ended_at));
    let when = format!("{} ago", seconds(since));
    let who = match &turn.identity {
        Some(identity) => escaped(identity),
        None => format!("ticket {}", turn.ticket),
    };
    let room = width.saturating_sub(NUMBER + 2 + LENGTH + WHEN);
    let who = fit(&who, room);
    let blanks = room.saturating_sub(Span::raw(who.as_str()).width());
    Line::from(vec![
        Span::styled(format!("{number:>NUMBER$}  "), view.theme.strong()),
        Span::raw(who),
        Span::raw(" ".repeat(blanks)),
        Span::raw(format!("{length:>LENGTH$}")),
        Span::styled(format!("{when:>WHEN$}"), view.theme.quiet()),
    ])
}

/// The text in at most so many columns: the middle of a longer one is left out, since identities differ
/// at their beginning and at their end.
fn fit(text: &str, columns: usize) -> String {
    if Span::raw(text).width() <= columns {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    let width = |letters: &[char]| {
        let text: String = letters.iter().collect();
        Span::raw(text).width()
    };
    let (mut head, mut tail) = (letters.len().div_ceil(2), letters.len() / 2);
    while head + tail > 0 {
        let (front, back) = (&letters[..head], &letters[letters.len() - tail..]);
        if width(front) + 1 + width(back) <= columns {
            break;
        }
        match head > tail {
            true => head -= 1,
            false => tail -= 1,
        }
    }
    match columns {
        0 => String::new(),
        _ => {
            let front: String = letters[..head].iter().collect();
            let back: String = letters[letters.len() - tail..].iter().collect();
            format!("{front}…{back}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_too_long_keeps_its_ends() {
        assert_eq!(fit("git|1|Cat", 9), "git|1|Cat");
        assert_eq!(fit("eth|0x0123456789abcdef", 11), "eth|0…bcdef");
        assert_eq!(fit("名前名前名前", 7), "名前…前");
        assert_eq!(fit("名前名前名前", 6), "名…前");
        for columns in 0..12 {
            let fitted = fit("名前名前 and more", columns);
            assert!(Span::raw(fitted.as_str()).width() <= columns, "{fitted}");
        }
    }
}

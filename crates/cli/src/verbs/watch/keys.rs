//! What each key does to the view.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::time::Instant;

use super::state::State;
use super::view::{Drawn, View};

/// What a key asks for that is not the view's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Quit,
    /// Stop, as a shell's job, until it is told to go on.
    Suspend,
    /// The view may have changed.
    Look,
}

impl View {
    /// Takes a key.
    pub(super) fn press(
        &mut self,
        key: KeyEvent,
        drawn: Drawn,
        changes: u64,
        now: Instant,
    ) -> Wish {
        if key.kind == KeyEventKind::Release {
            return Wish::Look;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c' | 'd') => Wish::Quit,
                KeyCode::Char('z') => Wish::Suspend,
                _ => Wish::Look,
            };
        }
        let last = drawn.all.saturating_sub(drawn.rows);
        match key.code {
            // Whoever reads the help wants to leave the help.
            KeyCode::Esc if self.help => self.help = false,
            KeyCode::Char('q' | 'Q') | KeyCode::Esc => return Wish::Quit,
            KeyCode::Char('?' | 'h' | 'H') | KeyCode::F(1) => self.help = !self.help,
            KeyCode::Char('p' | 'P' | ' ') => {
                self.paused = match self.paused {
                    Some(_) => None,
                    None => Some((now, changes)),
                };
            }
            KeyCode::Up | KeyCode::Char('k') => self.offset = self.offset.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => self.offset = (self.offset + 1).min(last),
            KeyCode::PageUp => self.offset = self.offset.saturating_sub(drawn.rows.max(1)),
            KeyCode::PageDown => self.offset = (self.offset + drawn.rows.max(1)).min(last),
            KeyCode::Home | KeyCode::Char('g') => self.offset = 0,
            KeyCode::End | KeyCode::Char('G') => self.offset = last,
            _ => {}
        }
        Wish::Look
    }

    /// Keeps the contributions where they are that somebody has scrolled to, when there are newer ones.
    pub(super) fn keep_place(&mut self, before: &State, after: &State) {
        let newest = before.told().and_then(|told| told.latest().next()?.number);
        let (Some(newest), Some(told)) = (newest, after.told()) else {
            return;
        };
        if self.offset > 0 {
            let newer = told.latest().take_while(|turn| turn.number > Some(newest));
            self.offset += newer.count();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::examples::{NOW, running, seen, status, turn};
    use super::super::heard::Via;
    use super::super::theme::Theme;
    use super::*;

    const DRAWN: Drawn = Drawn { rows: 10, all: 35 };

    fn view() -> View {
        View::new(Theme { colours: true })
    }

    fn key(view: &mut View, code: KeyCode, modifiers: KeyModifiers) -> Wish {
        view.press(KeyEvent::new(code, modifiers), DRAWN, 7, Instant::now())
    }

    fn plain(view: &mut View, code: KeyCode) -> Wish {
        key(view, code, KeyModifiers::NONE)
    }

    #[test]
    fn q_escape_and_ctrl_c_quit_and_escape_leaves_the_help_first() {
        let mut view = view();
        assert_eq!(plain(&mut view, KeyCode::Char('q')), Wish::Quit);
        assert_eq!(plain(&mut view, KeyCode::Esc), Wish::Quit);
        let control = KeyModifiers::CONTROL;
        assert_eq!(key(&mut view, KeyCode::Char('c'), control), Wish::Quit);
        assert_eq!(key(&mut view, KeyCode::Char('z'), control), Wish::Suspend);
        assert_eq!(plain(&mut view, KeyCode::Char('?')), Wish::Look);
        assert!(view.help);
        assert_eq!(plain(&mut view, KeyCode::Esc), Wish::Look);
        assert!(!view.help);
        assert_eq!(plain(&mut view, KeyCode::Char('c')), Wish::Look);
    }

    #[test]
    fn scrolling_stays_within_what_there_is() {
        let mut view = view();
        let mut offset_after = |code| {
            plain(&mut view, code);
            view.offset
        };
        assert_eq!(offset_after(KeyCode::Up), 0);
        assert_eq!(offset_after(KeyCode::Down), 1);
        assert_eq!(offset_after(KeyCode::PageDown), 11);
        assert_eq!(offset_after(KeyCode::PageDown), 21);
        assert_eq!(offset_after(KeyCode::PageDown), 25);
        assert_eq!(offset_after(KeyCode::Down), 25);
        assert_eq!(offset_after(KeyCode::PageUp), 15);
        assert_eq!(offset_after(KeyCode::End), 25);
        assert_eq!(offset_after(KeyCode::Home), 0);
    }

    #[test]
    fn a_pause_begins_and_ends_by_the_same_key() {
        let mut view = view();
        plain(&mut view, KeyCode::Char('p'));
        assert_eq!(view.paused.map(|(_, changes)| changes), Some(7));
        plain(&mut view, KeyCode::Char('p'));
        assert_eq!(view.paused, None);
    }

    #[test]
    fn what_somebody_reads_stays_in_place_when_others_contribute() {
        let (before, now) = seen(running());
        let mut after = before.clone();
        let mut told = running();
        let turns = told.recent.as_mut().unwrap();
        for ticket in [1_501, 1_502, 1_503] {
            turns.push(turn(ticket, "contributed", NOW, 30_000));
        }
        turns.push(turn(1_504, "timedOut", NOW, 180_000));
        after.hear(&status(told, Via::Stream), now);
        let mut view = view();
        view.keep_place(&before, &after);
        assert_eq!(view.offset, 0, "whoever is at the top sees the new ones");
        view.offset = 5;
        view.keep_place(&before, &after);
        assert_eq!(view.offset, 8);
    }
}

//! Lines of text, one for each change, where there is no terminal to draw on.

use std::time::Duration;

use tokio::time::Instant;

use super::heard::Via;
use super::state::{Connection, State};
use super::told::{Became, RecentTurn, Told};
use super::words;
use crate::shown::escaped;
use crate::{numbers, times};

/// Time between two lines at least that say only how many wait. After an announcement hundreds join in a
/// minute.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// What was said, and when.
#[derive(Debug, Default)]
pub(super) struct Plain {
    said: Option<State>,
    /// When it was said how many wait, and how many that were.
    line_said: Option<(Instant, u64)>,
}

impl Plain {
    /// The lines for what has changed since the last time. Asked for each second, it misses nothing.
    pub(super) fn lines(&mut self, state: &State, now: Instant) -> Vec<String> {
        let before = self.said.replace(state.clone());
        let mut lines = Vec::new();
        lines.extend(connection(before.as_ref(), state));
        let moved = words::moved(state);
        if moved != before.as_ref().and_then(words::moved) {
            lines.extend(moved);
        }
        if let Some(told) = state.told() {
            match before.as_ref().and_then(State::told) {
                None => {
                    self.line_said = Some((now, told.status.queue_length));
                    lines.extend(first(told, state, now));
                }
                Some(before) => {
                    lines.extend(turns(before, told));
                    lines.extend(phase(before, told));
                    lines.extend(mode(before, told));
                    lines.extend(self.line(told, now));
                }
            }
        }
        let clock = state.clock(now).map(times::text);
        let clock = clock.map(|clock| format!("{clock}  ")).unwrap_or_default();
        lines
            .into_iter()
            .map(|line| format!("{clock}{line}"))
            .collect()
    }

    /// How many wait, if that has changed and was not said just now.
    fn line(&mut self, told: &Told, now: Instant) -> Option<String> {
        let waiting = told.status.queue_length;
        let (said_at, said) = self.line_said?;
        if waiting == said || now.saturating_duration_since(said_at) < LINE_INTERVAL {
            return None;
        }
        self.line_said = Some((now, waiting));
        Some(in_line(told))
    }
}

fn in_line(told: &Told) -> String {
    let waiting = numbers::with_commas(told.status.queue_length);
    format!("{waiting} in line; {}", words::joining(told))
}

/// All that is known at first.
fn first(told: &Told, state: &State, now: Instant) -> Vec<String> {
    let status = &told.status;
    let contributions = numbers::count(status.contributions, "contribution");
    vec![
        format!("{} at {}", words::name(state), escaped(&state.server)),
        words::mode(told),
        format!("{contributions}, {}", in_line(told)),
        format!("turn: {}", words::turn(status, state.turn_age(now))),
        format!("public log: {}", words::log(told, status.time)),
    ]
}

fn connection(before: Option<&State>, state: &State) -> Option<String> {
    let was = before.map(|before| &before.connection);
    match (&state.connection, was) {
        (now, Some(was)) if now == was => None,
        (Connection::Lost { why, .. }, Some(Connection::Here(_)) | None) => {
            Some(format!("no answer: {why}; this goes on trying"))
        }
        (Connection::Here(_), Some(Connection::Lost { .. })) if before?.told().is_some() => {
            Some("connected again".to_owned())
        }
        (Connection::Here(Via::Polls), Some(Connection::Here(_))) => {
            Some("the stream of events has ended: asking each 5 s".to_owned())
        }
        (Connection::Here(Via::Stream), Some(Connection::Here(_))) => Some("live".to_owned()),
        _ => None,
    }
}

/// The turns that are over since then.
fn turns(before: &Told, told: &Told) -> Vec<String> {
    let known = |turn: &&RecentTurn| before.turns().contains(turn);
    let mut lines: Vec<String> = match before.recent {
        Some(_) => {
            let new = told.turns().iter().filter(|turn| !known(turn));
            new.map(|turn| over(turn, told)).collect()
        }
        None => Vec::new(),
    };
    let names_it = lines.iter().any(|line| line.starts_with("contribution"));
    if told.status.contributions > before.status.contributions && !names_it {
        let count = numbers::count(told.status.contributions, "contribution");
        lines.push(format!("{count}, {}", in_line(told)));
    }
    lines
}

fn over(turn: &RecentTurn, told: &Told) -> String {
    let length = numbers::duration(Duration::from_millis(turn.turn_in_ms));
    match (turn.became(), turn.number) {
        (Became::Accepted, Some(number)) => {
            let who = turn.identity.as_deref().map(escaped);
            let who = who.map(|who| format!(" by {who}")).unwrap_or_default();
            format!(
                "contribution {}{who}, after {length}; {} in line",
                numbers::with_commas(number),
                numbers::with_commas(told.status.queue_length)
            )
        }
        _ => match turn.sentence() {
            Some(sentence) => format!("ticket {} {sentence}, after {length}", turn.ticket),
            None => format!(
                "ticket {}: {}, after {length}",
                turn.ticket,
                escaped(&turn.ended)
            ),
        },
    }
}

/// What the participant whose turn it is does now.
fn phase(before: &Told, told: &Told) -> Option<String> {
    let turn = told.status.turn?;
    let was = before.status.turn;
    let same = was.is_some_and(|was| (was.ticket, was.phase) == (turn.ticket, turn.phase));
    (!same).then(|| format!("ticket {} {}", turn.ticket, words::phase(turn.phase)))
}

/// Who may join now, if that is not as it was.
fn mode(before: &Told, told: &Told) -> Option<String> {
    let changed =
        (before.status.mode, before.status.planned) != (told.status.mode, told.status.planned);
    (changed && told.status.moved_to.is_none()).then(|| words::mode(told))
}

#[cfg(test)]
mod tests {
    use super::super::examples::{NOW, hostile, moved, paused, running, seen, status, turn};
    use super::super::heard::Heard;
    use super::*;

    #[test]
    fn each_change_is_a_line() {
        let (mut state, mut now) = seen(running());
        let mut plain = Plain::default();
        let mut all = plain.lines(&state, now);
        let mut told = running();
        let mut hear = |state: &mut State, heard: Heard| {
            now += Duration::from_secs(1);
            state.hear(&heard, now);
            all.extend(plain.lines(state, now));
        };
        // Only time goes by.
        hear(&mut state, status(told.clone(), Via::Stream));
        told.status.turn = None;
        told.status.contributions += 1;
        let turns = told.recent.as_mut().unwrap();
        turns.remove(0);
        turns.push(turn(1_500, "contributed", NOW + 3, 45_000));
        hear(&mut state, status(told.clone(), Via::Stream));
        told.status.turn = running().status.turn;
        told.status.turn.as_mut().unwrap().ticket = 1_501;
        hear(&mut state, status(told.clone(), Via::Stream));
        told.recent
            .as_mut()
            .unwrap()
            .push(turn(1_501, "timedOut", NOW + 5, 180_000));
        told.status.turn = None;
        hear(&mut state, status(told.clone(), Via::Stream));
        hear(&mut state, status(told.clone(), Via::Polls));
        hear(
            &mut state,
            Heard::Lost {
                why: "refused".to_owned(),
            },
        );
        hear(
            &mut state,
            Heard::Lost {
                why: "refused".to_owned(),
            },
        );
        hear(&mut state, status(told, Via::Stream));
        hear(&mut state, status(paused(), Via::Stream));
        hear(&mut state, status(moved(), Via::Stream));
        insta::assert_snapshot!(all.join("\n"));
    }

    #[test]
    fn how_many_wait_is_not_said_for_each_who_joins() {
        let (mut state, mut now) = seen(running());
        let mut plain = Plain::default();
        plain.lines(&state, now);
        let mut said = Vec::new();
        for joined in 1..=25 {
            let mut told = running();
            told.status.queue_length += joined;
            now += Duration::from_secs(1);
            state.hear(&status(told, Via::Stream), now);
            said.extend(plain.lines(&state, now));
        }
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[1].contains("432 in line"), "{said:?}");
        let later = plain.lines(&state, now + LINE_INTERVAL);
        assert!(
            later[0].contains("437 in line"),
            "the last one is said: {later:?}"
        );
    }

    #[test]
    fn a_line_is_a_line_whatever_the_names() {
        let (mut state, now) = seen(running());
        let mut plain = Plain::default();
        plain.lines(&state, now);
        state.hear(&status(hostile(), Via::Stream), now);
        let lines = plain.lines(&state, now);
        assert!(lines.len() > 50, "{lines:?}");
        for line in lines {
            assert!(!line.chars().any(char::is_control), "{line:?}");
        }
    }
}

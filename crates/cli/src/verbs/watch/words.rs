//! The state of the ceremony in sentences, for the screen and for lines of text.

use std::time::Duration;

use tauline_protocol::status::{CeremonyStatus, ModeWord, QueueWord};
use tokio::time::Instant;

use super::heard::Via;
use super::state::{Connection, Move, State};
use super::told::Told;
use crate::shown::escaped;
use crate::{numbers, times};

/// What the operator calls the ceremony, or else what it is.
pub(super) fn name(state: &State) -> String {
    let name = state.told().and_then(|told| told.name.as_deref());
    name.map_or_else(|| "Powers of tau".to_owned(), escaped)
}

/// Whether anybody can join, and what the operator plans.
pub(super) fn mode(told: &Told) -> String {
    let status = &told.status;
    let mode = match status.mode {
        _ if status.moved_to.is_some() => "Handed over: another coordinator has the ceremony now.",
        ModeWord::Open => "Open: anybody who may take part can join.",
        ModeWord::Draining => "Draining: nobody can join any more, those in line are served.",
        ModeWord::Halted if told.is_paused() => {
            "Paused by the operator: places are kept, no deadline runs."
        }
        ModeWord::Halted => "Halted: nobody can join now.",
    };
    let planned = status.planned.unwrap_or_default();
    let plans = [("Opens", planned.opens), ("Drains", planned.drains)];
    let plans = plans.iter().filter_map(|(what, at)| {
        let at = (*at)?;
        let left = at.saturating_sub(status.time);
        let left = numbers::duration(Duration::from_secs(left));
        Some(format!(" {what} {}, in {left}.", times::text(at)))
    });
    std::iter::once(mode.to_owned()).chain(plans).collect()
}

/// Where the ceremony went, or where it came from.
pub(super) fn moved(state: &State) -> Option<String> {
    let moved_to = state.told().and_then(|told| told.status.moved_to.as_ref());
    let Some(to) = moved_to else {
        return match state.moved.as_ref()? {
            Move::FollowedFrom(from) => Some(format!(
                "The ceremony has moved here from {}: the public log there says so.",
                escaped(from)
            )),
            Move::NotFollowed { .. } => None,
        };
    };
    let place = to.url.as_deref().map(escaped);
    let place = place
        .as_deref()
        .unwrap_or("an address that is not known here");
    let whose = escaped(&to.coordinator_address);
    let mut text = format!("The ceremony has moved to {place}, coordinator {whose}.");
    if let Some(Move::NotFollowed { why }) = &state.moved {
        text = format!("{text} {why}.");
    }
    Some(text)
}

/// How the coordinator is reached.
pub(super) fn connection(state: &State, now: Instant) -> String {
    match &state.connection {
        Connection::Here(Via::Stream) => "live".to_owned(),
        Connection::Here(Via::Polls) => "asking each 5 s".to_owned(),
        Connection::Lost { .. } if state.seen.is_none() => "connecting".to_owned(),
        Connection::Lost { since, .. } => {
            format!(
                "no answer for {}",
                seconds(now.saturating_duration_since(*since))
            )
        }
    }
}

/// Why the coordinator is not reached.
pub(super) fn lost(state: &State, now: Instant) -> Option<String> {
    match &state.connection {
        Connection::Lost { since, why } => Some(format!(
            "No answer for {}: {why}. What is shown is older; this goes on trying.",
            seconds(now.saturating_duration_since(*since))
        )),
        Connection::Here(_) => None,
    }
}

/// Whose turn it is, in which phase, and for how long.
pub(super) fn turn(status: &CeremonyStatus, age: Option<Duration>) -> String {
    let Some(turn) = status.turn else {
        return match status.mode {
            ModeWord::Open if status.queue_length == 0 => "nobody's, and nobody waits".to_owned(),
            _ => "nobody's".to_owned(),
        };
    };
    let age = age
        .map(|age| format!(": {}", seconds(age)))
        .unwrap_or_default();
    let limit = match (turn.phase, limit(status)) {
        (QueueWord::Contributing, Some(limit)) => format!(" of {}", numbers::duration(limit)),
        _ => String::new(),
    };
    format!("ticket {} {}{age}{limit}", turn.ticket, phase(turn.phase))
}

/// What the participant whose turn it is does.
pub(super) fn phase(phase: QueueWord) -> &'static str {
    match phase {
        QueueWord::ReadyToContribute => "is called and has to start",
        QueueWord::Contributing => "computes and sends",
        QueueWord::Verifying => "is being verified",
        other => other.as_str(),
    }
}

/// How long a turn may take, where the coordinator says so.
pub(super) fn limit(status: &CeremonyStatus) -> Option<Duration> {
    let limit = status.contribution_limit_max_in_ms;
    let limit = limit.unwrap_or(status.contribution_limit_in_ms);
    (limit > 0).then(|| Duration::from_millis(limit))
}

/// When somebody who joins now would have a turn.
pub(super) fn joining(told: &Told) -> String {
    let status = &told.status;
    let is_free = status.queue_length == 0 && status.turn.is_none();
    match status.mode {
        _ if status.moved_to.is_some() => "joining now: at the other coordinator".to_owned(),
        ModeWord::Draining => "nobody can join any more".to_owned(),
        ModeWord::Halted if told.is_paused() => {
            format!(
                "joining: when the ceremony goes on, then a turn in {}",
                told.wait()
            )
        }
        ModeWord::Halted => "nobody can join now".to_owned(),
        ModeWord::Open if is_free => "joining now: a turn at once".to_owned(),
        ModeWord::Open => format!("joining now: a turn in {}", told.wait()),
    }
}

/// The public log, how old its checkpoint is, and who has cosigned it. `clock` is the coordinator's time, in
/// Unix seconds.
pub(super) fn log(told: &Told, clock: u64) -> String {
    let log = &told.status.log;
    let records = numbers::count(log.records, "record");
    let age = told.signed_at.map(|at| clock.saturating_sub(at));
    let age = age.map(|age| format!(", signed {} ago", seconds(Duration::from_secs(age))));
    let cosigned = match log.cosigned {
        Some(it) => format!("cosigned by {} of {}", it.by, it.of),
        None => "no witnesses".to_owned(),
    };
    let head: String = log.hash.chars().take(10).collect();
    let age = age.unwrap_or_default();
    format!("{records}{age}, {cosigned}, head {}…", escaped(&head))
}

/// A time that goes by, in whole seconds while it is short.
pub(super) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        _ => numbers::duration(Duration::from_secs(time.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::examples::{
        NOW, draining, empty, halted, hostile, moved as moved_away, paused, running, seen,
    };
    use super::super::heard::Heard;
    use super::*;

    #[test]
    fn each_state_has_its_sentence() {
        for (told, mode_says, joining_says) in [
            (empty(), "Open", "a turn at once"),
            (running(), "Open", "a turn in "),
            (
                draining(),
                "in line are served. Opens 2026-09-22T14:13:20Z, in 1 d.",
                "any more",
            ),
            (paused(), "no deadline runs", "when the ceremony goes on"),
            (halted(), "nobody can join now", "nobody can join now"),
            (moved_away(), "Handed over", "at the other coordinator"),
        ] {
            let (mode, joining) = (mode(&told), joining(&told));
            assert!(mode.contains(mode_says), "{mode}");
            assert!(joining.contains(joining_says), "{joining}");
        }
        let (state, now) = seen(running());
        let status = &state.told().unwrap().status;
        assert_eq!(
            turn(status, state.turn_age(now)),
            "ticket 1500 computes and sends: 44 s of 3 min"
        );
        assert_eq!(
            log(state.told().unwrap(), NOW),
            "9,120 records, signed 5 s ago, cosigned by 2 of 3, head 0xabababab…"
        );
    }

    #[test]
    fn where_it_went_is_said_before_and_after_it_is_followed() {
        let (mut state, now) = seen(moved_away());
        let says = moved(&state).unwrap();
        assert!(says.contains("moved to https://next.example.org/, coordinator 0x7E5F"));
        let why = "It was not followed: its log does not say so".to_owned();
        state.hear(&Heard::NotFollowed { why }, now);
        let says = moved(&state).unwrap();
        assert!(
            says.ends_with("It was not followed: its log does not say so."),
            "{says}"
        );
        let to = "https://next.example.org/".parse().unwrap();
        state.hear(&Heard::Moved { to }, now);
        let says = moved(&state).unwrap();
        assert!(
            says.contains("moved here from https://ceremony.example.org/"),
            "{says}"
        );
    }

    #[test]
    fn no_sentence_lets_a_control_character_through() {
        let (mut state, now) = seen(hostile());
        let why = crate::shown::HOSTILE.to_owned();
        state.hear(&Heard::NotFollowed { why: why.clone() }, now);
        state.hear(&Heard::Lost { why }, now);
        let told = state.told().unwrap();
        for text in [
            name(&state),
            mode(told),
            moved(&state).unwrap(),
            lost(&state, now).unwrap(),
            connection(&state, now),
            log(told, NOW),
            turn(&told.status, None),
        ] {
            assert!(!text.chars().any(char::is_control), "{text:?}");
        }
    }
}

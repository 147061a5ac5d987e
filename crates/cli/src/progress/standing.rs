//! Lines about a participant's status, each written once when something changes.

use tauline_protocol::status::{ModeWord, QueueStatus, QueueWord};

use crate::numbers;

/// What the user was told last.
#[derive(Default)]
pub(super) struct Told {
    mode: ModeWord,
    other_clients: bool,
    passed: u32,
}

impl Told {
    /// The lines about what has changed.
    pub(super) fn changes(&mut self, status: &QueueStatus) -> Vec<String> {
        let mut lines = Vec::new();
        let in_queue = status.queue_position.is_some();
        if in_queue && status.mode != self.mode {
            lines.extend(mode(status.mode, self.mode));
            self.mode = status.mode;
        }
        if in_queue && (status.other_clients > 0) != self.other_clients {
            self.other_clients = !self.other_clients;
            let id = &status.id;
            lines.push(match self.other_clients {
                true => format!(
                    "Another client of {id} is attached: it has the same place, and only one of \
                     your contributions can count. Leaving in one of them does not give the \
                     place up."
                ),
                false => format!(
                    "The other client of {id} has gone: the place is kept by this one alone."
                ),
            });
        }
        if status.passed > self.passed {
            self.passed = status.passed;
            if status.queue_status == QueueWord::Queued {
                lines.push(
                    "A turn was free while this client was not there, and went to somebody behind \
                     you. You kept your place, and are next."
                        .to_owned(),
                );
            }
        }
        lines
    }
}

fn mode(now: ModeWord, before: ModeWord) -> Option<String> {
    let line = match (now, before) {
        (ModeWord::Halted, _) => {
            "The ceremony is paused by its operator. Your place is kept, and no deadline runs."
        }
        (ModeWord::Draining, _) => {
            "The ceremony takes no newcomers any more. You are in line, and will be served."
        }
        (ModeWord::Open, ModeWord::Halted) => "The ceremony goes on.",
        (ModeWord::Open, _) => return None,
    };
    Some(line.to_owned())
}

/// A place in the queue as text.
pub(super) fn place(status: &QueueStatus) -> String {
    let place = match status.queue_position {
        Some(0 | 1) => "You are next".to_owned(),
        Some(position) => format!("Number {} in line", numbers::with_commas(position)),
        None => "In line".to_owned(),
    };
    match status.expected_start_in_ms {
        _ if status.mode == ModeWord::Halted => {
            format!("{place}; the ceremony is paused by its operator, and no deadline runs")
        }
        Some(ms) => format!("{place}, {} to go", numbers::about(ms)),
        None => place,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queued(position: u64, ms: u64) -> QueueStatus {
        QueueStatus {
            id: "invite|alice".parse().unwrap(),
            ticket: Some(7),
            queue_status: QueueWord::Queued,
            queue_position: Some(position),
            passed: 0,
            other_clients: 0,
            mode: ModeWord::Open,
            expected_start_time: Some(0),
            expected_start_in_ms: Some(ms),
            next_checkin_time: None,
            next_checkin_in_ms: None,
            contribute_in_ms: None,
            signed_ticket: None,
            promise: None,
            ended: None,
            ended_because: None,
            receipt: None,
        }
    }

    #[test]
    fn a_place_is_told_with_its_estimate() {
        assert_eq!(
            place(&queued(17, 720_000)),
            "Number 17 in line, about 12 min to go"
        );
        assert_eq!(
            place(&queued(1, 2_000)),
            "You are next, a few seconds to go"
        );
        assert_eq!(
            place(&queued(4_000, 86_400_000 * 3)),
            "Number 4,000 in line, about 3 d to go"
        );
    }

    #[test]
    fn nobody_who_waits_through_a_pause_is_told_a_few_seconds() {
        let mut status = queued(1, 2_000);
        status.mode = ModeWord::Halted;
        let text = place(&status);
        assert!(text.contains("paused by its operator"), "{text}");
        assert!(!text.contains("seconds"), "{text}");
    }

    #[test]
    fn each_change_is_told_once() {
        let mut told = Told::default();
        let mut status = queued(3, 2_000);
        let mut changes = |status: &QueueStatus| told.changes(status).join("\n");
        assert_eq!(changes(&status), "");
        status.mode = ModeWord::Halted;
        status.other_clients = 2;
        status.passed = 1;
        let all = changes(&status);
        for says in [
            "paused by its operator",
            "Another client of invite|alice",
            "are next",
        ] {
            assert!(all.contains(says), "{all}");
        }
        assert_eq!(changes(&status), "");
        status.mode = ModeWord::Open;
        status.other_clients = 0;
        let all = changes(&status);
        assert!(all.contains("goes on") && all.contains("has gone"), "{all}");
        status.mode = ModeWord::Draining;
        assert!(changes(&status).contains("will be served"));
        assert_eq!(changes(&status), "");
    }
}

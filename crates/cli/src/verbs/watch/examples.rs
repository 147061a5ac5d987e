//! What the tests are told about a ceremony.

use std::time::Duration;

use tauline_protocol::status::{Cosigned, ModeWord, MovedTo, Planned, QueueWord, TurnStatus};
use tokio::time::Instant;

use super::heard::{Heard, Via};
use super::state::State;
use super::told::{RecentTurn, Told};

/// When everything is told, in Unix seconds.
pub(super) const NOW: u64 = 1_790_000_000;

pub(super) fn turn(ticket: u64, ended: &str, ended_at: u64, turn_in_ms: u64) -> RecentTurn {
    RecentTurn {
        ticket,
        ended: ended.to_owned(),
        ended_at,
        turn_in_ms,
        number: (ended == "contributed").then_some(ticket - ticket / 10),
        identity: (ended == "contributed").then(|| format!("eth|0x{ticket:040x}")),
    }
}

/// A ceremony in which nothing has happened yet.
pub(super) fn empty() -> Told {
    // As text: a coordinator of a later version tells more.
    let status = serde_json::json!({
        "mode": "open",
        "queueLength": 0,
        "contributions": 0,
        "turn": null,
        "meanTurnInMs": 60_000,
        "contributionLimitInMs": 180_000,
        "expectedWaitInMs": 0,
        "expectedStartTime": NOW,
        "subCeremonies": [{"numG1Powers": 4096, "numG2Powers": 65}],
        "signIn": ["siwe"],
        "coordinatorAddress": "0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF",
        "log": {"records": 1, "hash": format!("0x{}", "ab".repeat(32))},
        "time": NOW,
    });
    let status = serde_json::from_value(status).unwrap();
    Told {
        status,
        recent: Some(Vec::new()),
        name: None,
        signed_at: None,
    }
}

/// A ceremony that runs: a hundred turns are told, most of them accepted.
pub(super) fn running() -> Told {
    let mut told = empty();
    told.name = Some("Powers of Tau, the second".to_owned());
    let status = &mut told.status;
    status.contributions = 1_350;
    status.queue_length = 412;
    status.turn = Some(TurnStatus {
        ticket: 1_500,
        phase: QueueWord::Contributing,
        age_in_ms: 42_000,
    });
    status.mean_turn_in_ms = 34_000;
    status.expected_wait_in_ms = 412 * 34_000;
    status.log.records = 9_120;
    status.log.cosigned = Some(Cosigned { by: 2, of: 3 });
    told.signed_at = Some(NOW - 5);
    let turns = (1_400..1_500).map(|ticket| {
        let ended = match ticket % 10 {
            3 if ticket == 1_443 => "invalid",
            3 if ticket == 1_463 => "coordinatorFault",
            3 => "timedOut",
            _ => "contributed",
        };
        let length = match ended {
            "timedOut" => 180_000,
            _ => 21_000 + ticket * 7_919 % 24_000,
        };
        turn(ticket, ended, NOW - 42 - (1_499 - ticket) * 36, length)
    });
    told.recent = Some(turns.collect());
    told
}

/// Nobody can join any more.
pub(super) fn draining() -> Told {
    let mut told = running();
    told.status.mode = ModeWord::Draining;
    told.status.planned = Some(Planned {
        opens: Some(NOW + 86_400),
        drains: None,
    });
    told
}

/// The operator has paused it.
pub(super) fn paused() -> Told {
    let mut told = running();
    told.status.mode = ModeWord::Halted;
    told
}

/// Nobody is in the queue, and nobody can join.
pub(super) fn halted() -> Told {
    let mut told = paused();
    (told.status.queue_length, told.status.turn) = (0, None);
    told
}

/// Another coordinator has it.
pub(super) fn moved() -> Told {
    let mut told = halted();
    told.status.moved_to = Some(MovedTo {
        key: "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
            .parse()
            .unwrap(),
        coordinator_address: "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf".to_owned(),
        url: Some("https://next.example.org/".to_owned()),
    });
    told
}

/// The names are not what they should be.
pub(super) fn hostile() -> Told {
    let mut told = moved();
    let name = crate::shown::HOSTILE;
    told.name = Some(name.repeat(20));
    told.status.coordinator_address = name.to_owned();
    told.status.log.hash = name.to_owned();
    let moved_to = told.status.moved_to.as_mut().unwrap();
    moved_to.url = Some(name.to_owned());
    moved_to.coordinator_address = name.to_owned();
    for turn in told.recent.iter_mut().flatten() {
        turn.identity = Some(name.to_owned());
        turn.number = Some(turn.ticket);
        if turn.ticket % 10 != 5 {
            turn.ended = "contributed".to_owned();
        } else {
            turn.ended = name.to_owned();
        }
    }
    told
}

/// What is heard when this is told.
pub(super) fn status(told: Told, via: Via) -> Heard {
    Heard::Status {
        text: serde_json::to_string(&told.status).unwrap(),
        told: Box::new(told),
        via,
    }
}

/// The state of whoever has been told this by the stream, and the time two seconds later.
pub(super) fn seen(told: Told) -> (State, Instant) {
    let now = Instant::now();
    let mut state = State::new("https://ceremony.example.org/".to_owned(), now);
    state.hear(&status(told, Via::Stream), now);
    (state, now + Duration::from_secs(2))
}

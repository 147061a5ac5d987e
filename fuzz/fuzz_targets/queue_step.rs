//! Whatever commands come at whatever times, the queue's rules never panic, replaying the log gives
//! the same state, and turns are called in the order of tickets.

#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use tauline_queue_core::{Command, Event, Mode, Queue, Rules, Ticket, Timestamp, Verdict};

/// What happens, and how long after what happened before.
#[derive(Debug, Arbitrary)]
struct Happening {
    /// Small steps most of the time; the sign bit makes the clock jump back.
    later: i32,
    what: What,
}

#[derive(Debug, Arbitrary)]
enum What {
    Join(u8),
    CheckIn(u8),
    TryContribute(u8),
    Start(u8),
    Disconnect(u8),
    Upload(u8),
    Submit(u8),
    Abort(u8),
    Leave(u8),
    Judge(u8, u8),
    JudgeTurn(u8),
    Open,
    Drain,
    Halt,
    Pardon(u8),
    Expel(u8),
    Tick,
    Restart,
    RestartWithoutVolatile,
}

fn verdict(number: u8) -> Verdict {
    match number % 3 {
        0 => Verdict::Valid,
        1 => Verdict::Invalid,
        _ => Verdict::CoordinatorFault,
    }
}

fuzz_target!(|happenings: Vec<Happening>| {
    let begin = Timestamp::from_millis(1_000_000);
    let rules = Rules {
        checkin_max: Duration::from_secs(60),
        ..Rules::default()
    };
    let mut queue = Queue::<u8>::new(rules.clone(), begin).expect("the rules are sound");
    let mut log = Vec::new();
    let mut now = begin;
    let mut passed_once = std::collections::BTreeSet::new();
    for Happening { later, what } in happenings {
        let step = Duration::from_millis(u64::from(later.unsigned_abs() >> 8));
        now = if later < 0 {
            now.saturating_sub(step)
        } else {
            now.saturating_add(step)
        };
        // Twenty people make crowds and repetitions likely.
        let command = match what {
            What::Join(id) => Command::Join { id: id % 20 },
            What::CheckIn(id) => Command::CheckIn { id: id % 20 },
            What::TryContribute(id) => Command::TryContribute {
                id: id % 20,
                interval: Duration::from_secs(32),
            },
            What::Start(id) => Command::Start {
                id: id % 20,
                checks_in: id >= 128,
            },
            What::Disconnect(id) => Command::Disconnect { id: id % 20 },
            What::Upload(id) => Command::Upload { id: id % 20 },
            What::Submit(id) => Command::Submit { id: id % 20 },
            What::Abort(id) => Command::Abort { id: id % 20 },
            What::Leave(id) => Command::Leave { id: id % 20 },
            What::Judge(ticket, number) => Command::Judge {
                ticket: Ticket::new(ticket.into()),
                verdict: verdict(number),
            },
            What::JudgeTurn(number) => match queue.state().turn() {
                Some(turn) => Command::Judge {
                    ticket: turn.ticket,
                    verdict: verdict(number),
                },
                None => Command::Tick,
            },
            What::Open => Command::SetMode(Mode::Open),
            What::Drain => Command::SetMode(Mode::Draining),
            What::Halt => Command::SetMode(Mode::Halted),
            What::Pardon(id) => Command::Pardon { id: id % 20 },
            What::Expel(ticket) => Command::Expel {
                ticket: Ticket::new(ticket.into()),
            },
            What::Tick => Command::Tick,
            What::Restart => {
                let again = Queue::replay(rules.clone(), begin, log.iter().cloned())
                    .expect("its own log replays");
                assert!(
                    again.state() == queue.state(),
                    "a replay equals the live state"
                );
                queue = again;
                continue;
            }
            What::RestartWithoutVolatile => {
                log.retain(|entry: &tauline_queue_core::Entry<u8>| !entry.event.is_volatile());
                let again = Queue::replay(rules.clone(), begin, log.iter().cloned())
                    .expect("its own log replays without what is volatile");
                let order = |queue: &Queue<u8>| -> Vec<_> {
                    queue
                        .state()
                        .line()
                        .map(|(ticket, id)| (ticket, *id))
                        .collect()
                };
                assert_eq!(order(&again), order(&queue), "the order survives");
                queue = again;
                continue;
            }
        };
        let step = queue.step(now, command);
        for entry in &step.entries {
            if let Event::Called { ticket, passed, .. } = &entry.event {
                let line = queue.state().line().map(|(one, _)| one);
                assert!(
                    line.take_while(|one| one < ticket)
                        .eq(passed.iter().copied()),
                    "whoever is ahead in line is named"
                );
                for one in passed {
                    assert!(passed_once.insert(*one), "nobody is passed twice");
                }
            }
        }
        assert!(
            log.last()
                .is_none_or(|last| step.entries.iter().all(|entry| entry.at >= last.at)),
            "log time never falls"
        );
        log.extend(step.entries);
    }
});

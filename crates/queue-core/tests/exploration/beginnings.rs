//! The rules that are explored, with short times so that few steps lead to every deadline, and the
//! states that the search begins with.

use std::time::Duration;

use tauline_queue_core::{Command, Rules, Verdict};

use crate::actions::{Action, TRY_EVERY};
use crate::world::{Id, World};

/// A second, in milliseconds: the grain of all times.
pub(crate) const SECOND: u64 = 1000;

/// Which rules are explored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// Whoever is absent is passed once.
    Usual,
    /// Nobody is passed.
    StrictOrder,
    /// The limit of a contribution follows recent turns, which were quick.
    RecentTurns,
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

impl Setting {
    /// A second is the time that whoever asked still counts as there, and the tick. The grace is just longer
    /// than the longest gap that is no absence, 2.5 s. Records of deadlines cover little, so that
    /// some check-ins are recorded.
    pub(crate) fn rules(self) -> Rules {
        Rules {
            checkin_min: secs(5),
            checkin_grace: secs(3),
            passes: u32::from(self != Self::StrictOrder),
            start_limit: secs(3),
            contribution_limit: secs(8),
            contribution_min: (self == Self::RecentTurns).then_some(secs(2)),
            stall_limit: secs(4),
            disconnect_limit: secs(2),
            verification_limit: secs(4),
            expected_turn: secs(6),
            lasting_step: secs(2),
            tick: secs(1),
            ..Rules::default()
        }
    }

    /// How many kinds of events and outcomes there are: nine and ten, but where the limit of a
    /// contribution is always the longest, none is extended.
    pub(crate) fn kinds(self) -> u32 {
        match self {
            Self::Usual | Self::StrictOrder => 18,
            Self::RecentTurns => 19,
        }
    }

    /// The ways to the states that the search begins with. Whatever is far from an empty queue is
    /// near to one of these.
    pub(crate) fn beginnings(self) -> Vec<(World, Vec<Action>)> {
        let join = |id| Action::Do(Command::Join { id });
        let tries = |id| {
            Action::Do(Command::TryContribute {
                id,
                interval: TRY_EVERY,
            })
        };
        let start = |id, checks_in| Action::Do(Command::Start { id, checks_in });
        let leave = |id| Action::Do(Command::Leave { id });
        let check_in = |id| Action::Do(Command::CheckIn { id });
        let ways = [
            vec![],
            // Called, with an absent head and somebody present behind.
            vec![join(0), tries(1), join(2)],
            // Somebody contributes and checks in; somebody does not.
            vec![join(0), start(0, true), join(1), tries(2)],
            vec![tries(0), tries(1), join(2)],
            // The first contribution is being verified.
            vec![
                tries(0),
                Action::Do(Command::Submit { id: 0 }),
                join(1),
                tries(2),
            ],
            // The turn is free, and nobody is there any more.
            vec![join(0), tries(1), join(2), leave(0), Action::Soon],
            // The head was passed, by one who has left; a third is back at the tail.
            vec![
                join(0),
                tries(1),
                join(2),
                leave(0),
                Action::Soon,
                check_in(2),
                leave(2),
                Action::Do(Command::Pardon { id: 2 }),
            ],
        ];
        let empty = match self {
            Self::RecentTurns => after_quick_turns(self.rules()),
            _ => World::new(self.rules()),
        };
        ways.into_iter()
            .map(|way| {
                let mut world = empty.clone();
                for action in &way {
                    world.take(action);
                }
                (world, way)
            })
            .collect()
    }
}

/// Five people have contributed in no time, so that a limit can follow.
fn after_quick_turns(rules: Rules) -> World {
    let mut world = World::new(rules);
    for id in 10..15 as Id {
        for command in [
            Command::Join { id },
            Command::Start {
                id,
                checks_in: false,
            },
            Command::Submit { id },
        ] {
            world.prepare(command);
        }
        let ticket = world.queue.state().turn().unwrap().ticket;
        let verdict = Verdict::Valid;
        world.prepare(Command::Judge { ticket, verdict });
    }
    world
}

//! What every command does in every phase and mode, against the reviewed table that is part of the
//! crate's documentation.
//!
//! `TAULINE_UPDATE_GOLDEN=1` writes the table anew; read the difference before committing it.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use tauline_queue_core::{Command, Event, Mode, Refusal, Step, Verdict};

use crate::world::{Id, TRY_EVERY, World, start};

/// Whom the table is about.
const SUBJECT: Id = "subject";
/// Has the turn where the subject waits.
const AHEAD: Id = "ahead";
/// Keeps the queue from being empty where it is to drain.
const BEHIND: Id = "behind";

/// The world in which a tenth of a second passes before each command.
struct Scene(World<Id>);

impl Scene {
    fn step(&mut self, command: Command<Id>) -> Step<Id> {
        self.0.sleep(Duration::from_millis(100)).step(command)
    }

    fn must(&mut self, command: Command<Id>) -> &mut Self {
        let step = self.step(command.clone());
        assert_eq!(step.result, Ok(()), "{command:?}");
        self
    }

    fn join(&mut self, id: Id) -> &mut Self {
        self.must(Command::Join { id })
    }

    fn start(&mut self) -> &mut Self {
        self.must(start(SUBJECT))
    }

    /// Time passes, and the coordinator lives.
    fn wait(&mut self, seconds: u64) -> &mut Self {
        for _ in 0..seconds {
            self.0.sleep(Duration::from_millis(900));
            self.must(Command::Tick);
        }
        self
    }

    fn submit(&mut self) -> &mut Self {
        self.must(Command::Submit { id: SUBJECT })
    }

    fn judge(&mut self, verdict: Verdict) -> &mut Self {
        let ticket = self.0.queue.state().turn().unwrap().ticket;
        self.must(Command::Judge { ticket, verdict })
    }
}

/// How to get the subject into a situation.
type Situation = (&'static str, fn(&mut Scene));

/// Tries and goes away until the next try: absent for half a minute.
fn try_contribute(id: Id) -> Command<Id> {
    let interval = TRY_EVERY;
    Command::TryContribute { id, interval }
}

const SITUATIONS: [Situation; 17] = [
    ("never joined", |_| {}),
    ("waiting, second", |world| {
        world.join(AHEAD).join("between").join(SUBJECT);
    }),
    ("waiting, head, turn taken", |world| {
        world.join(AHEAD).join(SUBJECT);
    }),
    ("waiting, head, turn free", |world| {
        world
            .join(AHEAD)
            .join(SUBJECT)
            .must(Command::Leave { id: AHEAD });
    }),
    ("waiting, second, turn free, head expected", |world| {
        world.join(AHEAD).join("head").join(SUBJECT);
        world.wait(2).must(Command::Leave { id: AHEAD });
    }),
    ("waiting, second, turn free, head absent", |world| {
        world.join(AHEAD).must(try_contribute("head")).join(SUBJECT);
        world.wait(2).must(Command::Leave { id: AHEAD });
    }),
    ("waiting, second, turn free, head just there", |world| {
        world.join(AHEAD).must(try_contribute("head")).join(SUBJECT);
        world.must(Command::Leave { id: AHEAD });
    }),
    ("waiting, second, turn free, head passed before", |world| {
        world
            .join(AHEAD)
            .must(try_contribute("head"))
            .join("between");
        world.join(SUBJECT);
        world.wait(2).must(Command::Leave { id: AHEAD });
        world.must(Command::CheckIn { id: "between" });
        world.must(Command::Leave { id: "between" });
    }),
    ("waiting, fourth, turn free, all ahead absent", |world| {
        world
            .join(AHEAD)
            .must(try_contribute("head"))
            .must(try_contribute("second"));
        world.must(try_contribute("third")).join(SUBJECT);
        world.wait(2).must(Command::Leave { id: AHEAD });
    }),
    ("ready", |world| {
        world.join(SUBJECT);
    }),
    ("contributing", |world| {
        world.join(SUBJECT).start();
    }),
    ("contributing, checks in", |world| {
        world
            .join(SUBJECT)
            .start()
            .must(Command::CheckIn { id: SUBJECT });
    }),
    ("verifying", |world| {
        world.join(SUBJECT).start().submit();
    }),
    ("contributed", |world| {
        world.join(SUBJECT).start().submit().judge(Verdict::Valid);
    }),
    ("aborted", |world| {
        world.join(SUBJECT).must(Command::Abort { id: SUBJECT });
    }),
    ("pardoned", |world| {
        world.join(SUBJECT).must(Command::Abort { id: SUBJECT });
        world.must(Command::Pardon { id: SUBJECT });
    }),
    ("coordinator's fault", |world| {
        world
            .join(SUBJECT)
            .start()
            .submit()
            .judge(Verdict::CoordinatorFault);
    }),
];

const COLUMNS: [&str; 14] = [
    "Join",
    "CheckIn",
    "TryContribute",
    "Start",
    "Start, checks in",
    "Disconnect",
    "Upload",
    "Submit",
    "Abort",
    "Leave",
    "Judge",
    "Pardon",
    "Expel",
    "deadline passes",
];

const MODES: [Mode; 3] = [Mode::Open, Mode::Draining, Mode::Halted];

/// What concerns the subject in an answer, in few words.
fn in_words(world: &Scene, steps: &[Step<Id>]) -> String {
    let mut words = Vec::new();
    for entry in steps.iter().flat_map(|step| &step.entries) {
        let own = entry.event.ticket().is_none_or(|ticket| {
            let state = world.0.queue.state();
            state
                .stay(&SUBJECT)
                .is_some_and(|stay| stay.ticket == ticket)
                || state
                    .past(&SUBJECT)
                    .is_some_and(|past| past.ticket == ticket)
        });
        if own {
            words.push(match &entry.event {
                Event::Ended { outcome, .. } => format!("Ended: {outcome:?}"),
                Event::ModeSet { mode } => format!("ModeSet: {mode:?}"),
                Event::Called { passed, .. } if !passed.is_empty() => {
                    format!("Called past {}", passed.len())
                }
                event => {
                    let text = format!("{event:?}");
                    text.split(' ').next().unwrap().to_owned()
                }
            });
        }
    }
    if let Some(Err(refusal)) = steps.last().map(|step| step.result) {
        let text = match refusal {
            // Which ticket it was says nothing here.
            Refusal::StaleVerdict { .. } => "StaleVerdict".to_owned(),
            Refusal::UnknownTicket { .. } => "UnknownTicket".to_owned(),
            Refusal::StayOver { .. } => "StayOver".to_owned(),
            refusal => format!("{refusal:?}"),
        };
        let text = text
            .replace(" { outcome: ", "(")
            .replace(" { position: ", "(");
        words.push(format!("*{}*", text.replace(" }", ")")));
    }
    match words.is_empty() {
        true => "·".to_owned(),
        false => words.join(", "),
    }
}

fn cell(column: &str, mode: Mode, reach: fn(&mut Scene)) -> String {
    let mut world = Scene(World::new());
    reach(&mut world);
    world.join(BEHIND);
    if mode != Mode::Open {
        world.must(Command::SetMode(mode));
    }
    let id = SUBJECT;
    let command = match column {
        "Join" => Command::Join { id },
        "CheckIn" => Command::CheckIn { id },
        "TryContribute" => try_contribute(id),
        "Start" | "Start, checks in" => Command::Start {
            id,
            checks_in: column != "Start",
        },
        "Disconnect" => Command::Disconnect { id },
        "Upload" => Command::Upload { id },
        "Submit" => Command::Submit { id },
        "Abort" => Command::Abort { id },
        "Leave" => Command::Leave { id },
        "Pardon" => Command::Pardon { id },
        "Judge" | "Expel" => {
            let state = world.0.queue.state();
            let ticket = match (state.stay(&id), state.past(&id)) {
                (Some(stay), _) => stay.ticket,
                (None, Some(past)) => past.ticket,
                (None, None) => state.next_ticket(),
            };
            let verdict = Verdict::Valid;
            match column {
                "Judge" => Command::Judge { ticket, verdict },
                _ => Command::Expel { ticket },
            }
        }
        _ => return past_the_deadline(world),
    };
    let step = world.step(command);
    in_words(&world, &[step])
}

fn past_the_deadline(mut world: Scene) -> String {
    let mut steps = Vec::new();
    while world.0.queue.state().stay(&SUBJECT).is_some()
        && let Some(due) = world.0.queue.wake_at()
    {
        steps.push(world.0.queue.step(due, Command::Tick));
    }
    in_words(&world, &steps)
}

fn table() -> String {
    let mut text = String::new();
    for mode in MODES {
        let _ = writeln!(text, "**{mode:?}**\n");
        let _ = writeln!(text, "| | {} |", COLUMNS.join(" | "));
        let _ = writeln!(text, "|---{}|", "|---".repeat(COLUMNS.len()));
        for (name, reach) in SITUATIONS {
            let cells: Vec<String> = COLUMNS
                .iter()
                .map(|column| cell(column, mode, reach))
                .collect();
            let _ = writeln!(text, "| **{name}** | {} |", cells.join(" | "));
        }
        text.push('\n');
    }
    let _ = writeln!(text, "**Modes**\n");
    let _ = writeln!(
        text,
        "| | SetMode(Open) | SetMode(Draining) | SetMode(Halted) |"
    );
    let _ = writeln!(text, "|---|---|---|---|");
    for mode in MODES {
        for (queue, people) in [("empty", 0), ("not empty", 1)] {
            if (mode, people) == (Mode::Draining, 0) {
                continue; // halts at once
            }
            let cells = MODES.map(|new| {
                let mut world = Scene(World::new());
                if people > 0 {
                    world.join(SUBJECT);
                }
                if mode != Mode::Open {
                    world.must(Command::SetMode(mode));
                }
                let step = world.step(Command::SetMode(new));
                in_words(&world, &[step])
            });
            let _ = writeln!(text, "| **{mode:?}, {queue}** | {} |", cells.join(" | "));
        }
    }
    text
}

#[test]
fn every_command_in_every_phase_and_mode_does_what_the_manual_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/transitions.md");
    let actual = table();
    if std::env::var_os("TAULINE_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &actual).unwrap();
    }
    let reviewed = std::fs::read_to_string(&path).unwrap();
    for (number, (actual, reviewed)) in actual.lines().zip(reviewed.lines()).enumerate() {
        assert_eq!(
            actual,
            reviewed,
            "line {} of {}",
            number + 1,
            path.display()
        );
    }
    assert_eq!(actual, reviewed);
}

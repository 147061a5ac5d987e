//! A coordinator of another kind, which embeds only the rules of a turn.
//!
//! Some ceremonies have no line but a lobby: everybody waits in it, and when the turn is free somebody
//! is drawn at random. Such a coordinator keeps its lobby itself. Whoever is drawn joins an empty
//! queue and so has the turn at once; from there on the rules decide: how long it may take to start,
//! to contribute and to be verified, how its turn ends, and that nobody comes twice.
//!
//! ```console
//! $ cargo run -p tauline-queue-core --example random_lobby
//! ```

#![allow(clippy::unwrap_used)] // An example may stop where it stands.

use std::time::Duration;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tauline_queue_core::{
    Command, Entry, Event, MaySubmit, Outcome, Queue, Refusal, Rules, Timestamp, Verdict,
};

type Name = &'static str;

/// What somebody in the lobby will do when it is drawn.
#[derive(Clone, Copy, PartialEq)]
enum Conduct {
    Contributes,
    /// Is not there when it is drawn.
    IsAway,
    /// Takes the state to build on, and is not heard of again.
    Vanishes,
    /// Hands something in that does not hold.
    Cheats,
}

const LOBBY: [(Name, Conduct); 8] = [
    ("ada", Conduct::Contributes),
    ("bob", Conduct::IsAway),
    ("cleo", Conduct::Contributes),
    ("dan", Conduct::Cheats),
    ("eve", Conduct::Vanishes),
    ("fay", Conduct::Contributes),
    ("gus", Conduct::IsAway),
    ("hal", Conduct::Contributes),
];

/// The queue, the time and the log: a real coordinator has a clock, and commits before it answers.
struct Coordinator {
    queue: Queue<Name>,
    now: Timestamp,
    log: Vec<Entry<Name>>,
}

impl Coordinator {
    fn step(&mut self, command: Command<Name>) -> Result<(), Refusal> {
        let step = self.queue.step(self.now, command);
        for entry in &step.entries {
            println!("{:>6} s  {}", self.now.as_secs(), in_words(&entry.event));
        }
        self.log.extend(step.entries);
        step.result
    }

    /// Lets time pass. The coordinator's timer wakes the rules whenever they want to be woken.
    fn wait(&mut self, time: Duration) {
        let until = self.now.saturating_add(time);
        while let Some(wake) = self.queue.wake_at().filter(|wake| *wake <= until) {
            self.now = wake;
            self.step(Command::Tick).unwrap();
        }
        self.now = until;
    }

    /// One turn, until it is over.
    fn turn(&mut self, id: Name, conduct: Conduct, rng: &mut ChaCha8Rng) {
        // Nobody else is in the queue: whoever joins is called by the same step.
        self.step(Command::Join { id }).unwrap();
        if conduct != Conduct::IsAway {
            let checks_in = false;
            self.step(Command::Start { id, checks_in }).unwrap();
        }
        if let Conduct::Contributes | Conduct::Cheats = conduct {
            self.wait(Duration::from_secs(rng.gen_range(20..90)));
            let Ok(MaySubmit::Yes(ticket)) = self.queue.state().may_submit(&id) else {
                panic!("{id} was in time");
            };
            self.step(Command::Submit { id }).unwrap();
            // Here the contribution would be verified.
            self.wait(Duration::from_secs(3));
            let verdict = match conduct {
                Conduct::Cheats => Verdict::Invalid,
                _ => Verdict::Valid,
            };
            self.step(Command::Judge { ticket, verdict }).unwrap();
        }
        // Whoever is away or has vanished loses the turn by the clock.
        while self.queue.state().turn().is_some() {
            self.wait(Duration::from_secs(1));
        }
    }
}

fn in_words(event: &Event<Name>) -> String {
    match event {
        Event::Joined { ticket, id, .. } => format!("{id} is drawn: turn {ticket}"),
        Event::Called { ticket, .. } => format!("turn {ticket} may start"),
        Event::Started { ticket, .. } => format!("turn {ticket} has started"),
        Event::Submitted { ticket, .. } => format!("turn {ticket}: a contribution is here"),
        Event::Ended { ticket, outcome } => format!("turn {ticket} is over: {outcome:?}"),
        other => format!("{other:?}"),
    }
}

fn main() {
    let mut rng = ChaCha8Rng::seed_from_u64(10);
    let now = Timestamp::EPOCH;
    let rules = Rules::default();
    let mut coordinator = Coordinator {
        queue: Queue::new(rules, now).unwrap(),
        now,
        log: Vec::new(),
    };

    let mut lobby = LOBBY.to_vec();
    lobby.shuffle(&mut rng);
    while let Some((id, conduct)) = lobby.pop() {
        coordinator.turn(id, conduct, &mut rng);
        coordinator.wait(Duration::from_secs(1));
    }

    let state = coordinator.queue.state();
    println!("{} contributions", state.contributions());
    assert_eq!(state.contributions(), 4);
    for (id, conduct) in LOBBY {
        let expected = match conduct {
            Conduct::Contributes => Outcome::Contributed,
            Conduct::IsAway => Outcome::FailedToStart,
            Conduct::Vanishes => Outcome::TimedOut,
            Conduct::Cheats => Outcome::Invalid,
        };
        assert_eq!(state.used_up(&id), Some(expected), "{id} has had its turn");
    }
    // The log is the ceremony's account of it: whoever replays it has the same state.
    let replayed = Queue::replay(rules, now, coordinator.log.iter().cloned()).unwrap();
    assert!(replayed.state() == state);
    println!(
        "{} entries in the log, which replay to the same",
        coordinator.log.len()
    );
}

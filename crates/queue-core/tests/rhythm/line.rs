//! A line of clients that keep the rhythm, before a queue that answers as the coordinator does.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tauline_queue_core::rhythm::{Next, Told, hurry, next};
use tauline_queue_core::{Command, Event, Mode, Outcome, Phase, Queue, Rules, Timestamp, Verdict};

/// For how long a check-in near the turn is held.
const HOLD: Duration = Duration::from_secs(15);
/// From an answer to the next request of who holds, and from a request to its answer.
const LATENCY: Duration = Duration::from_millis(30);
/// From a try that gets no answer to the next.
const AGAIN: Duration = Duration::from_millis(7000);
/// How long before a deadline the coordinator checks in for who holds.
const AHEAD: Duration = Duration::from_secs(1);

pub(crate) struct People {
    pub(crate) count: u32,
    /// How long turns last.
    pub(crate) turn: Range<Duration>,
    /// How many of the tries after a rest get no answer; never three in a row.
    pub(crate) lost: f64,
}

impl Default for People {
    fn default() -> Self {
        Self {
            count: 0,
            turn: Duration::from_secs(30)..Duration::from_secs(40),
            lost: 0.0,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// A request of a client's comes. It counts if it is that client's latest.
    Ask(u32),
    /// The coordinator looks at a held answer.
    Look(u32),
    Submit(u32),
    Judge(u32),
}

#[derive(Clone, Copy)]
struct Client {
    /// What was told last, and when.
    position: u64,
    turns: u64,
    in_line: u64,
    /// When it asks next, or when its answer is given.
    at: Timestamp,
    holds: bool,
    /// When the coordinator looks at its held answer next.
    look: Timestamp,
    lost: u8,
}

/// The line, its clients, and what has been seen.
pub(crate) struct Line {
    queue: Queue<u32>,
    now: Timestamp,
    due: BinaryHeap<Reverse<(Timestamp, Due)>>,
    clients: Vec<Option<Client>>,
    random: ChaCha8Rng,
    turn: Range<Duration>,
    lost: f64,
    turns: u64,
    asked: u64,
    served: u32,
    free_since: Option<Timestamp>,
    longest_idle: Duration,
    wrongs: Vec<String>,
}

impl Line {
    /// Everybody joins within half a minute.
    pub(crate) fn of(people: &People) -> Self {
        let now = Timestamp::from_millis(1_790_000_000_000);
        let mut line = Self {
            queue: Queue::new(Rules::default(), now).unwrap(),
            now,
            due: BinaryHeap::new(),
            clients: vec![None; people.count as usize],
            random: ChaCha8Rng::seed_from_u64(1),
            turn: people.turn.clone(),
            lost: people.lost,
            turns: 0,
            asked: 0,
            served: 0,
            free_since: None,
            longest_idle: Duration::ZERO,
            wrongs: Vec::new(),
        };
        line.step(Command::SetMode(Mode::Open));
        for id in 0..people.count {
            let at = now.saturating_add(Duration::from_secs(30) * id / people.count);
            line.advance(at);
            line.step(Command::Join { id });
            line.told(id);
        }
        line
    }

    pub(crate) fn asked(&self) -> u64 {
        self.asked
    }

    pub(crate) fn served(&self) -> u32 {
        self.served
    }

    pub(crate) fn longest_idle(&self) -> Duration {
        self.longest_idle
    }

    pub(crate) fn nobody_has_lost_anything(&self) {
        assert!(self.wrongs.is_empty(), "{:?}", self.wrongs);
    }

    pub(crate) fn run(&mut self, time: Duration) {
        self.advance(self.now.saturating_add(time));
    }

    pub(crate) fn run_to_the_end(&mut self) {
        while !self.queue.state().is_empty() {
            self.run(Duration::from_secs(60));
        }
    }

    /// All leave but so many of those in line, all over it. Returns how many left.
    pub(crate) fn all_but(&mut self, stay: usize) -> u32 {
        let all: Vec<u32> = self.queue.state().line().map(|(_, id)| *id).collect();
        let each = all.len() / stay;
        let mut left = 0;
        for (number, id) in all.into_iter().enumerate() {
            if number % each != each - 1 {
                self.step(Command::Leave { id });
                self.clients[id as usize] = None;
                left += 1;
            }
        }
        self.tell_motion();
        left
    }

    fn advance(&mut self, until: Timestamp) {
        loop {
            let next = self.due.peek().map_or(until, |Reverse((at, _))| *at);
            // The coordinator looks at the time each second.
            let tick = self.now.saturating_add(Duration::from_secs(1));
            let at = next.min(until).min(tick);
            self.now = self.now.max(at);
            if at < next || at >= until {
                self.step(Command::Tick);
                if at >= until {
                    return;
                }
                continue;
            }
            if let Some(Reverse((_, due))) = self.due.pop() {
                self.happens(due);
            }
        }
    }

    fn happens(&mut self, due: Due) {
        match due {
            Due::Ask(id) if self.is_at(id) => self.ask(id),
            Due::Look(id)
                if self
                    .client(id)
                    .is_some_and(|it| it.holds && it.look == self.now) =>
            {
                self.step(Command::CheckIn { id });
                self.look(id);
            }
            Due::Ask(_) | Due::Look(_) => {}
            Due::Submit(id) => self.step(Command::Submit { id }),
            Due::Judge(id) => {
                let stay = self.queue.state().stay(&id).unwrap();
                let verdict = Verdict::Valid;
                self.step(Command::Judge {
                    ticket: stay.ticket,
                    verdict,
                });
                self.tell_motion();
            }
        }
    }

    fn client(&self, id: u32) -> Option<Client> {
        self.clients[id as usize]
    }

    /// Whether this is the moment of the client's next request.
    fn is_at(&self, id: u32) -> bool {
        self.client(id).is_some_and(|it| it.at == self.now)
    }

    /// A request comes; that of somebody who held until now is answered before.
    fn ask(&mut self, id: u32) {
        let Some(mut client) = self.client(id) else {
            return;
        };
        self.asked += 1;
        if !client.holds && client.lost < 2 && self.random.r#gen::<f64>() < self.lost {
            client.lost += 1;
            client.at = self.now.saturating_add(AGAIN);
            self.clients[id as usize] = Some(client);
            self.due.push(Reverse((client.at, Due::Ask(id))));
            return;
        }
        self.step(Command::CheckIn { id });
        if self.client(id).is_some() {
            self.told(id);
        }
    }

    /// A client hears how it stands, and settles when it asks next.
    fn told(&mut self, id: u32) {
        let Some(stay) = self.queue.state().stay(&id) else {
            return;
        };
        if stay.phase != Phase::Waiting {
            return;
        }
        let told = Told {
            position: stay.position,
            deadline_in: stay.deadline.since(self.now),
            start_in: self.queue.state().wait_of(&id, self.now).unwrap(),
        };
        let chance = self.random.gen_range(0..=1000);
        let next = next(&told, Duration::ZERO, chance);
        let (holds, after) = match next {
            Next::Hold => (true, HOLD + LATENCY),
            Next::Rest(after) => (false, after + LATENCY),
        };
        let at = self.now.saturating_add(after);
        self.clients[id as usize] = Some(Client {
            position: stay.position,
            turns: self.turns,
            in_line: self.queue.state().waiting(),
            at,
            holds,
            look: self.now,
            lost: 0,
        });
        self.due.push(Reverse((at, Due::Ask(id))));
        if holds {
            self.look(id);
        }
    }

    /// The coordinator looks at a held answer again before the deadline.
    fn look(&mut self, id: u32) {
        let Some(stay) = self.queue.state().stay(&id) else {
            return;
        };
        let soonest = self.now.saturating_add(LATENCY);
        let at = stay.deadline.saturating_sub(AHEAD).max(soonest);
        if let Some(client) = &mut self.clients[id as usize] {
            client.look = at;
            self.due.push(Reverse((at, Due::Look(id))));
        }
    }

    /// The public stream says how the line has moved: those who rest hear of it.
    fn tell_motion(&mut self) {
        let in_line = self.queue.state().waiting();
        for id in 0..self.clients.len() as u32 {
            let Some(mut client) = self.client(id).filter(|it| !it.holds) else {
                continue;
            };
            let turns = self.turns - client.turns;
            let gone = turns.max(client.in_line.saturating_sub(in_line));
            if let Some(soon) = hurry(client.position, gone) {
                let at = self.now.saturating_add(soon);
                if at < client.at {
                    client.at = at;
                    self.clients[id as usize] = Some(client);
                    self.due.push(Reverse((at, Due::Ask(id))));
                }
            }
        }
    }

    /// A step of the queue, and what the coordinator and the clients make of it.
    fn step(&mut self, command: Command<u32>) {
        let entries = self.queue.step(self.now, command).entries;
        for entry in entries {
            match entry.event {
                Event::Called { ticket, passed, .. } => {
                    if !passed.is_empty() {
                        self.wrongs.push(format!("{passed:?} passed"));
                    }
                    let id = *self.queue.state().id_of(ticket).unwrap();
                    self.begin(id);
                }
                Event::Ended { outcome, .. } => {
                    match outcome {
                        Outcome::Contributed => self.served += 1,
                        Outcome::Left => {}
                        other => self.wrongs.push(format!("{other:?}")),
                    }
                    if outcome == Outcome::Contributed {
                        self.turns += 1;
                    }
                }
                _ => {}
            }
        }
        self.offer();
    }

    fn begin(&mut self, id: u32) {
        if let Some(since) = self.free_since.take() {
            self.longest_idle = self.longest_idle.max(self.now.since(since));
        }
        self.clients[id as usize] = None;
        self.step(Command::Start {
            id,
            checks_in: false,
        });
        let turn = self.random.gen_range(self.turn.clone());
        let sent = self.now.saturating_add(turn);
        self.due.push(Reverse((sent, Due::Submit(id))));
        let judged = sent.saturating_add(Duration::from_millis(300));
        self.due.push(Reverse((judged, Due::Judge(id))));
    }

    /// A free turn is offered to those who hold, in the order of the line.
    fn offer(&mut self) {
        let state = self.queue.state();
        if state.turn().is_some() || state.waiting() == 0 {
            return;
        }
        self.free_since.get_or_insert(self.now);
        let near: Vec<_> = state
            .near_head()
            .map(|(ticket, id)| (ticket, *id))
            .collect();
        for (ticket, id) in near {
            let holds = self.client(id).is_some_and(|it| it.holds);
            if holds && self.queue.would_be_called(self.now, ticket) {
                self.step(Command::CheckIn { id });
                return;
            }
        }
    }
}

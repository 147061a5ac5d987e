//! The rules one by one, each test named by the rule it states.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use tauline_queue_core::{
    Command, Entry, Event, Misfit, Mode, NotPaused, Outcome, Phase, Queue, Refusal, ReplayError,
    Rules, RulesError, Step, Ticket, Timestamp, Verdict,
};

type Id = &'static str;

/// A queue with the default rules, its clock and its log.
struct World {
    queue: Queue<Id>,
    began: Timestamp,
    now: Timestamp,
    log: Vec<Entry<Id>>,
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

impl World {
    fn new() -> Self {
        Self::with(Rules::default())
    }

    fn with(rules: Rules) -> Self {
        let began = Timestamp::from_millis(1_790_000_000_000);
        Self {
            queue: Queue::new(rules, began).unwrap(),
            began,
            now: began,
            log: Vec::new(),
        }
    }

    fn step(&mut self, command: Command<Id>) -> Step<Id> {
        let step = self.queue.step(self.now, command);
        self.log.extend(step.entries.iter().cloned());
        step
    }

    /// Carries out a command that must succeed.
    fn must(&mut self, command: Command<Id>) -> &mut Self {
        let step = self.step(command.clone());
        assert_eq!(step.result, Ok(()), "{command:?}");
        self
    }

    fn refused(&mut self, command: Command<Id>) -> Refusal {
        self.step(command.clone())
            .result
            .expect_err("must be refused")
    }

    fn join(&mut self, id: Id) -> &mut Self {
        self.must(Command::Join { id })
    }

    fn check_in(&mut self, id: Id) -> &mut Self {
        self.must(Command::CheckIn { id })
    }

    fn start(&mut self, id: Id) -> &mut Self {
        self.must(Command::Start {
            id,
            checks_in: false,
        })
    }

    fn submit(&mut self, id: Id) -> &mut Self {
        self.must(Command::Submit { id })
    }

    fn judge(&mut self, verdict: Verdict) -> &mut Self {
        let ticket = self.queue.state().turn().unwrap().ticket;
        self.must(Command::Judge { ticket, verdict })
    }

    /// A whole turn of somebody who was called.
    fn contribute(&mut self, id: Id) -> &mut Self {
        self.start(id).submit(id).judge(Verdict::Valid)
    }

    /// Time passes, and the coordinator's timer works.
    fn wait(&mut self, time: Duration) -> &mut Self {
        let until = self.now.saturating_add(time);
        while let Some(due) = self.queue.wake_at().filter(|&due| due <= until) {
            self.now = self.now.max(due);
            self.must(Command::Tick);
        }
        self.now = until;
        self.must(Command::Tick)
    }

    /// Time passes, and the coordinator does nothing.
    fn sleep(&mut self, time: Duration) -> &mut Self {
        self.now = self.now.saturating_add(time);
        self
    }

    /// The process dies and another takes over from the durable log.
    fn restart(&mut self) -> &mut Self {
        self.log.retain(|entry| !entry.event.is_volatile());
        let rules = *self.queue.rules();
        self.queue = Queue::replay(rules, self.began, self.log.clone()).unwrap();
        self
    }

    fn phase(&self, id: Id) -> Option<Phase> {
        self.queue.state().stay(&id).map(|stay| stay.phase)
    }

    fn position(&self, id: Id) -> Option<u64> {
        self.queue.state().stay(&id).map(|stay| stay.position)
    }

    /// Milliseconds left until the deadline.
    fn left(&self, id: Id) -> Duration {
        self.queue
            .state()
            .stay(&id)
            .unwrap()
            .deadline
            .since(self.now)
    }

    fn ended(&self, id: Id) -> Option<Outcome> {
        self.queue.state().past(&id).map(|past| past.outcome)
    }
}

/// The grace of the default rules and a millisecond less, and the same plus the millisecond.
const IN_GRACE: Duration = Duration::from_millis(4999);
const MS: Duration = Duration::from_millis(1);

// Joining and the line.

#[test]
fn joining_an_empty_queue_calls_at_once() {
    let mut world = World::new();
    world.join("a");
    assert_eq!(
        (world.phase("a"), world.position("a")),
        (Some(Phase::Ready), Some(0))
    );
}

#[test]
fn joining_puts_at_the_tail() {
    let mut world = World::new();
    world.join("a").join("b").join("c");
    assert_eq!(
        [world.position("b"), world.position("c")],
        [Some(1), Some(2)]
    );
    let line: Vec<Id> = world.queue.state().line().map(|(_, id)| *id).collect();
    assert_eq!(line, ["b", "c"]);
}

#[test]
fn joining_twice_keeps_the_place_and_counts_as_a_check_in() {
    let mut world = World::new();
    world.join("a").join("b").join("c").wait(secs(3)).join("b");
    assert_eq!(world.position("b"), Some(1));
    assert_eq!(world.left("b"), secs(5));
    world.must(Command::Leave { id: "a" }).join("b");
    assert_eq!(world.phase("b"), Some(Phase::Ready));
}

#[test]
fn joining_while_somebody_absent_is_head_does_not_overtake() {
    let mut world = World::new();
    world
        .join("a")
        .join("b")
        .must(Command::Leave { id: "a" })
        .join("c");
    assert_eq!(
        [world.phase("b"), world.phase("c")],
        [Some(Phase::Waiting); 2]
    );
    assert_eq!(world.queue.state().turn(), None);
}

#[test]
fn only_the_head_is_called() {
    let mut world = World::new();
    world
        .join("a")
        .join("b")
        .join("c")
        .must(Command::Leave { id: "a" })
        .check_in("c");
    assert_eq!(world.phase("c"), Some(Phase::Waiting));
    world.check_in("b");
    assert_eq!(world.phase("b"), Some(Phase::Ready));
}

#[test]
fn leaving_moves_those_behind_up() {
    let mut world = World::new();
    world
        .join("a")
        .join("b")
        .join("c")
        .must(Command::Leave { id: "b" });
    assert_eq!(world.position("c"), Some(1));
    assert_eq!(world.ended("b"), Some(Outcome::Left));
}

#[test]
fn an_identity_contributes_once() {
    let mut world = World::new();
    world.join("a").contribute("a");
    let used_up = Refusal::UsedUp {
        outcome: Outcome::Contributed,
    };
    assert_eq!(world.refused(Command::Join { id: "a" }), used_up);
    assert_eq!(
        world.refused(Command::Pardon { id: "a" }),
        Refusal::ContributionIsFinal
    );
}

#[test]
fn who_left_may_not_rejoin_without_a_pardon() {
    let mut world = World::new();
    world.join("a").join("b").must(Command::Leave { id: "b" });
    assert_eq!(
        world.refused(Command::Join { id: "b" }),
        Refusal::UsedUp {
            outcome: Outcome::Left
        }
    );
    world.must(Command::Pardon { id: "b" }).join("c").join("b");
    assert_eq!(
        (world.position("c"), world.position("b")),
        (Some(1), Some(2))
    );
    assert_eq!(
        world.queue.state().stay(&"b").unwrap().ticket,
        Ticket::new(4)
    );
}

#[test]
fn a_pardon_is_for_one_stay() {
    let mut world = World::new();
    world
        .join("a")
        .must(Command::Abort { id: "a" })
        .must(Command::Pardon { id: "a" });
    assert_eq!(
        world.refused(Command::Pardon { id: "a" }),
        Refusal::NothingToPardon
    );
    world.join("a").must(Command::Abort { id: "a" });
    assert_eq!(
        world.refused(Command::Join { id: "a" }),
        Refusal::UsedUp {
            outcome: Outcome::Aborted
        }
    );
}

// Check-in deadlines.

#[test]
fn the_first_three_check_in_every_five_seconds() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .join("c")
        .join("d")
        .join("e");
    assert_eq!(
        [world.left("b"), world.left("c"), world.left("d")],
        [secs(5); 3]
    );
    // Number four: half of three turns of a minute ahead and the current one, within the budget.
    assert_eq!(world.left("e"), secs(30));
}

fn crowd(number: usize) -> Vec<Id> {
    (0..number)
        .map(|number| &*Box::leak(format!("{number}").into_boxed_str()))
        .collect()
}

#[test]
fn the_check_in_interval_is_half_the_wait_and_at_most_an_hour() {
    let mut world = World::with(Rules {
        checkin_relaxed: secs(24 * 3600),
        ..Rules::default()
    });
    world.join("first");
    let crowd = crowd(200);
    for id in &crowd {
        world.join(id);
    }
    assert_eq!(world.left(crowd[9]), secs(10 * 60 / 2));
    assert_eq!(world.left(crowd[119]), secs(3600));
    assert_eq!(world.left(crowd[199]), secs(3600));
}

#[test]
fn all_in_line_check_in_within_the_budget_and_no_promise_is_longer_than_it_needs() {
    let rules = Rules::default();
    for (in_line, longest) in [
        (100, 30),
        (10_000, 30),
        (30_000, 30),
        (60_000, 60),
        (1_000_000, 1000),
        (100_000_000, 3600),
    ] {
        assert_eq!(rules.longest_interval(in_line), secs(longest), "{in_line}");
    }
    let mut world = World::with(Rules {
        checkin_rate: 2,
        expected_turn: secs(3600),
        ..rules
    });
    let crowd = crowd(200);
    for id in &crowd {
        world.join(id);
    }
    assert_eq!(world.left(crowd[50]), secs(30), "49 in line");
    assert_eq!(world.left(crowd[199]), secs(99), "198 in line");
}

/// Turns of a fifth of a second, where a minute was expected: nobody was promised minutes.
#[test]
fn a_wrong_first_estimate_makes_no_promise_that_holds_everybody_up() {
    let mut world = World::new();
    let crowd = crowd(20);
    for id in &crowd {
        world.join(id);
    }
    for id in &crowd[..8] {
        world.check_in(id).contribute(id);
        world.wait(Duration::from_millis(200));
    }
    let absent = crowd[8];
    assert!(world.left(absent) <= secs(30), "{:?}", world.left(absent));
}

// Who is not there when the turn comes.

/// "a" has the turn, "b" has tried and is away for a minute, "c" checks in.
fn with_absent_head(rules: Rules) -> World {
    let mut world = World::with(rules);
    let interval = secs(60);
    world
        .join("a")
        .must(Command::TryContribute { id: "b", interval });
    world.join("c").join("d").join("e").wait(secs(2));
    world.must(Command::Leave { id: "a" });
    world
}

#[test]
fn a_free_turn_passes_who_is_absent_once_and_the_passed_is_next() {
    let mut world = with_absent_head(Rules::default());
    let deadline = world.left("b");
    let step = world.step(Command::CheckIn { id: "c" });
    let passed = vec![Ticket::new(2)];
    assert!(
        matches!(&step.entries[..], [Entry { event: Event::Called { passed: named, .. }, .. }] if *named == passed),
        "{:?}",
        step.entries
    );
    let stay = world.queue.state().stay(&"b").unwrap();
    assert_eq!(
        (stay.position, stay.passed, world.left("b")),
        (1, 1, deadline)
    );
    world.contribute("c").check_in("d");
    assert_eq!(world.phase("d"), Some(Phase::Waiting), "b is next");
    world.check_in("b");
    assert_eq!(world.phase("b"), Some(Phase::Ready));
}

#[test]
fn without_passes_the_order_is_strict() {
    let mut world = with_absent_head(Rules {
        passes: 0,
        ..Rules::default()
    });
    world.check_in("c");
    assert_eq!(world.phase("c"), Some(Phase::Waiting));
    world.check_in("b");
    assert_eq!(world.phase("b"), Some(Phase::Ready));
}

#[test]
fn whoever_is_expected_within_the_shortest_interval_is_not_passed() {
    let mut world = with_absent_head(Rules::default());
    world.wait(world.left("b").saturating_sub(secs(5)));
    world.join("f");
    assert_eq!(world.phase("f"), Some(Phase::Waiting));
    // It comes in its grace, and has the turn.
    world.wait(secs(9)).check_in("b");
    assert_eq!(world.phase("b"), Some(Phase::Ready));
}

#[test]
fn whoever_asked_a_moment_ago_is_not_passed() {
    let mut world = World::new();
    let interval = secs(60);
    world
        .join("a")
        .must(Command::TryContribute { id: "b", interval });
    world
        .join("c")
        .must(Command::Leave { id: "a" })
        .check_in("c");
    assert_eq!(world.phase("c"), Some(Phase::Waiting));
    let wake = world.queue.wake_at().unwrap();
    assert_eq!(wake.since(world.now), secs(1));
    world.wait(secs(1)).check_in("c");
    assert_eq!(world.phase("c"), Some(Phase::Ready));
}

#[test]
fn a_free_turn_goes_to_nobody_behind_the_first_three() {
    let mut world = World::new();
    let interval = secs(60);
    world.join("a");
    for id in ["b", "c", "d", "e"] {
        world.must(Command::TryContribute { id, interval });
    }
    world.wait(secs(2)).must(Command::Leave { id: "a" });
    world.check_in("e");
    assert_eq!(world.phase("e"), Some(Phase::Waiting));
    assert!(!world.queue.would_be_called(world.now, Ticket::new(5)));
    assert!(world.queue.would_be_called(world.now, Ticket::new(4)));
    world.check_in("d");
    assert_eq!(world.phase("d"), Some(Phase::Ready));
    assert_eq!(
        (world.position("b"), world.position("c")),
        (Some(1), Some(2))
    );
    world.restart().contribute("d");
    let passed = |id| world.queue.state().stay(&id).unwrap().passed;
    assert_eq!((passed("b"), passed("c"), passed("e")), (1, 1, 0));
}

// Who vanishes in its turn.

#[test]
fn whoever_says_at_the_start_that_it_checks_in_has_gone_when_it_does_not() {
    let mut world = World::new();
    world.join("a").must(Command::Start {
        id: "a",
        checks_in: true,
    });
    assert_eq!(world.left("a"), secs(30));
    world.wait(secs(20)).check_in("a");
    assert_eq!(world.left("a"), secs(30));
    world.wait(secs(35));
    assert_eq!(world.ended("a"), Some(Outcome::Stalled));
}

#[test]
fn a_closed_connection_ends_the_turn_sooner_unless_something_comes_back() {
    let mut world = World::new();
    world.join("a").must(Command::Start {
        id: "a",
        checks_in: true,
    });
    world.must(Command::Disconnect { id: "a" });
    assert_eq!(world.left("a"), secs(15));
    world.wait(secs(14)).check_in("a");
    assert_eq!(world.left("a"), secs(30));
    world.wait(secs(20)).must(Command::Disconnect { id: "a" });
    assert_eq!(world.left("a"), secs(10), "never later than before");
    world.wait(secs(15));
    assert_eq!(world.ended("a"), Some(Outcome::Stalled));
}

#[test]
fn whoever_gives_no_sign_while_it_computes_may_close_its_connection() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .must(Command::Disconnect { id: "a" });
    assert_eq!(world.left("a"), secs(180));
}

#[test]
fn a_restart_gives_whoever_checks_in_all_of_its_time() {
    let mut world = World::new();
    world.join("a").must(Command::Start {
        id: "a",
        checks_in: true,
    });
    for _ in 0..10 {
        world.wait(secs(5)).check_in("a");
    }
    // The last entry of the log is the start, 50 s ago.
    world.restart().sleep(secs(3)).must(Command::Tick);
    assert_eq!(world.left("a"), secs(30));
}

#[test]
fn an_upload_that_arrives_is_a_check_in_of_whoever_checks_in() {
    let mut world = World::new();
    world.join("a").must(Command::Start {
        id: "a",
        checks_in: true,
    });
    world.wait(secs(25)).must(Command::Upload { id: "a" });
    assert_eq!(world.left("a"), secs(30));
    let mut silent = World::new();
    silent
        .join("a")
        .start("a")
        .wait(secs(25))
        .must(Command::Upload { id: "a" });
    assert_eq!(silent.left("a"), secs(155));
}

// A limit that follows the turns of late.

#[test]
fn the_contribution_limit_follows_recent_contributions_within_bounds() {
    let rules = Rules {
        contribution_min: Some(secs(60)),
        ..Rules::default()
    };
    for (work, limit) in [(10, 60), (40, 80), (100, 180)] {
        let mut world = World::with(rules);
        for id in crowd(5) {
            assert_eq!(world.queue.contribution_limit(), secs(180));
            world.join(id).start(id).wait(secs(work));
            world.submit(id).judge(Verdict::Valid);
        }
        assert_eq!(world.queue.contribution_limit(), secs(limit));
        world.join("a").start("a");
        assert_eq!(world.left("a"), secs(limit));
        // Failed turns are no measure of what is needed, and a running turn keeps what it was told.
        world.submit("a").judge(Verdict::Invalid);
        assert_eq!(world.queue.contribution_limit(), secs(limit));
    }
}

#[test]
fn an_upload_in_progress_is_waited_for_up_to_the_longest_limit() {
    let mut world = World::with(Rules {
        contribution_min: Some(secs(60)),
        ..Rules::default()
    });
    for id in crowd(5) {
        world.join(id).start(id).wait(secs(20));
        world.submit(id).judge(Verdict::Valid);
    }
    world.join("a").start("a");
    let mut records = 0;
    for second in 1..=180 {
        world.wait(secs(1));
        let step = world.step(Command::Upload { id: "a" });
        records += step.entries.len();
        assert_eq!(step.result, Ok(()), "after {second} s");
        assert!(world.left("a") + secs(second) <= secs(180));
    }
    assert!(records <= 10, "{records} records");
    world.wait(secs(5));
    assert_eq!(world.ended("a"), Some(Outcome::TimedOut));
}

#[test]
fn whoever_shows_itself_in_a_pause_has_all_of_its_time_after_it() {
    let interval = secs(60);
    let tries = || Command::TryContribute { id: "b", interval };
    let mut world = World::new();
    world.join("a").must(tries()).join("c").wait(secs(4));
    world.must(Command::SetMode(Mode::Halted)).wait(secs(50));
    world.must(tries()).check_in("c").wait(secs(10));
    world.must(Command::SetMode(Mode::Open));
    assert_eq!([world.left("b"), world.left("c")], [interval, secs(5)]);
}

// Pauses of a living coordinator.

#[test]
fn a_pause_of_any_length_costs_nobody_anything() {
    for pause in [3, 8, 12, 20, 38, 60, 3600] {
        let mut world = World::new();
        world.join("a").must(Command::Start {
            id: "a",
            checks_in: true,
        });
        world.join("b").join("c").wait(secs(4));
        let before = ["a", "b", "c"].map(|id| world.left(id));
        world.sleep(secs(pause)).must(Command::Tick);
        assert_eq!(
            ["a", "b", "c"].map(|id| world.left(id)),
            before,
            "{pause} s"
        );
        // A participant called before the pause has all of its time to start after it.
        let mut world = World::new();
        world.join("a").sleep(secs(pause)).must(Command::Tick);
        assert_eq!(world.left("a"), secs(15), "{pause} s");
    }
}

#[test]
fn a_check_in_moves_the_deadline() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .wait(secs(4))
        .check_in("b");
    assert_eq!(world.left("b"), secs(5));
    world.wait(secs(9)).check_in("b");
    assert_eq!(world.phase("b"), Some(Phase::Waiting));
}

#[test]
fn a_check_in_in_the_grace_is_in_time_and_one_after_it_is_not() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .wait(secs(5) + IN_GRACE)
        .check_in("b");
    world.wait(secs(5) + IN_GRACE + MS);
    let missed = Refusal::Ended {
        outcome: Outcome::MissedCheckIn,
    };
    assert_eq!(world.refused(Command::CheckIn { id: "b" }), missed);
}

#[test]
fn a_late_command_is_too_late_even_before_the_timer() {
    let mut world = World::new();
    world.join("a").start("a").join("b");
    world.wait(secs(9)).sleep(secs(1));
    let step = world.step(Command::CheckIn { id: "b" });
    assert_eq!(
        step.result,
        Err(Refusal::Ended {
            outcome: Outcome::MissedCheckIn
        })
    );
    assert_eq!(step.entries.len(), 1, "a refusal may have entries");
}

#[test]
fn checking_in_early_or_twice_is_harmless() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .check_in("b")
        .check_in("b")
        .check_in("b");
    assert_eq!((world.position("b"), world.left("b")), (Some(1), secs(5)));
}

#[test]
fn a_promised_deadline_is_never_taken_back() {
    let mut world = World::new();
    world.join("a").join("b").join("c").join("d").join("e");
    let promised = world.left("e");
    assert_eq!(promised, secs(30));
    for id in ["a", "b", "c", "d"] {
        world.must(Command::Leave { id });
    }
    // Head at once, although it was told to come back in half a minute.
    assert_eq!((world.position("e"), world.left("e")), (Some(1), promised));
    world.wait(promised).check_in("e");
    assert_eq!(world.phase("e"), Some(Phase::Ready));
}

#[test]
fn the_deadlines_of_a_tie_end_in_ticket_order() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .join("c")
        .wait(secs(9))
        .sleep(secs(1));
    let step = world.step(Command::Tick);
    let tickets: Vec<_> = step
        .entries
        .iter()
        .map(|entry| entry.event.ticket())
        .collect();
    assert_eq!(tickets, [Some(Ticket::new(2)), Some(Ticket::new(3))]);
}

#[test]
fn the_next_deadline_is_when_the_first_stay_ends() {
    let mut world = World::new();
    assert_eq!(world.queue.next_deadline(), None);
    world.join("a").start("a").join("b");
    let due = world.queue.next_deadline().unwrap();
    assert_eq!(due.since(world.now), secs(10));
    world.wait(secs(9));
    assert_eq!(
        world
            .queue
            .step(due.saturating_sub(MS), Command::Tick)
            .entries,
        []
    );
    assert_eq!(world.queue.step(due, Command::Tick).entries.len(), 1);
}

// The turn.

#[test]
fn late_start_fails() {
    let mut world = World::new();
    world.join("a").wait(secs(15) + IN_GRACE);
    assert_eq!(world.phase("a"), Some(Phase::Ready));
    world.wait(MS);
    assert_eq!(world.ended("a"), Some(Outcome::FailedToStart));
    let refusal = world.refused(Command::Start {
        id: "a",
        checks_in: false,
    });
    assert_eq!(
        refusal,
        Refusal::Ended {
            outcome: Outcome::FailedToStart
        }
    );
}

#[test]
fn checking_in_when_called_does_not_move_the_start_deadline() {
    let mut world = World::new();
    world.join("a").wait(secs(14)).check_in("a").wait(secs(6));
    assert_eq!(world.ended("a"), Some(Outcome::FailedToStart));
}

#[test]
fn late_contribution_times_out() {
    let mut world = World::new();
    world.join("a").start("a").wait(secs(180) + IN_GRACE);
    assert_eq!(world.phase("a"), Some(Phase::Contributing));
    world.wait(MS);
    assert_eq!(world.ended("a"), Some(Outcome::TimedOut));
}

#[test]
fn starting_again_does_not_restart_the_clock() {
    let mut world = World::new();
    world.join("a").start("a").wait(secs(100));
    let step = world.step(Command::Start {
        id: "a",
        checks_in: false,
    });
    assert_eq!((step.result, step.entries.len()), (Ok(()), 0));
    assert_eq!(world.left("a"), secs(80));
}

#[test]
fn who_checks_in_while_contributing_and_stops_has_stalled() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .wait(secs(20))
        .check_in("a")
        .wait(secs(30) + IN_GRACE);
    assert_eq!(world.phase("a"), Some(Phase::Contributing));
    world.wait(MS);
    assert_eq!(world.ended("a"), Some(Outcome::Stalled));
}

#[test]
fn who_never_checks_in_while_contributing_cannot_stall() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .wait(secs(60))
        .join("a")
        .wait(secs(120))
        .submit("a");
    assert_eq!(world.phase("a"), Some(Phase::Verifying));
}

#[test]
fn checking_in_while_contributing_does_not_move_the_contribution_deadline() {
    let mut world = World::new();
    world.join("a").start("a");
    for _ in 0..18 {
        world.wait(secs(10)).check_in("a");
    }
    world.wait(secs(5));
    assert_eq!(world.ended("a"), Some(Outcome::TimedOut));
}

#[test]
fn start_submit_and_abort_need_the_turn() {
    let mut world = World::new();
    world.join("a").join("b").join("c");
    let second = Refusal::NotYourTurn { position: 2 };
    assert_eq!(
        world.refused(Command::Start {
            id: "c",
            checks_in: false
        }),
        second
    );
    assert_eq!(world.refused(Command::Submit { id: "c" }), second);
    assert_eq!(world.refused(Command::Abort { id: "c" }), second);
    assert_eq!(
        world.refused(Command::Start {
            id: "nobody",
            checks_in: false
        }),
        Refusal::NotQueued
    );
    assert_eq!(
        world.refused(Command::Submit { id: "a" }),
        Refusal::NotStarted
    );
    assert_eq!(
        world.phase("a"),
        Some(Phase::Ready),
        "nothing of it disturbs the turn"
    );
}

#[test]
fn a_submitted_contribution_can_be_neither_replaced_nor_withdrawn() {
    let mut world = World::new();
    world.join("a").start("a").submit("a");
    let id = "a";
    for command in [
        Command::Submit { id },
        Command::Start {
            id,
            checks_in: false,
        },
        Command::Abort { id },
        Command::Leave { id },
    ] {
        assert_eq!(world.refused(command), Refusal::AlreadySubmitted);
    }
}

#[test]
fn abort_frees_the_turn_at_once() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .must(Command::Abort { id: "a" })
        .check_in("b");
    assert_eq!(world.ended("a"), Some(Outcome::Aborted));
    assert_eq!(world.phase("b"), Some(Phase::Ready));
}

#[test]
fn an_invalid_contribution_uses_the_identity_up() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .submit("a")
        .judge(Verdict::Invalid);
    assert_eq!(
        world.refused(Command::Join { id: "a" }),
        Refusal::UsedUp {
            outcome: Outcome::Invalid
        }
    );
    assert_eq!(world.queue.state().contributions(), 0);
}

#[test]
fn a_fault_of_the_coordinators_does_not_use_the_identity_up() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .submit("a")
        .judge(Verdict::CoordinatorFault);
    assert_eq!(world.queue.state().used_up(&"a"), None);
    assert_eq!(
        world.refused(Command::Pardon { id: "a" }),
        Refusal::NothingToPardon
    );
    world.join("a").contribute("a");
    assert_eq!(world.queue.state().last_contributed(), Some(Ticket::new(2)));
}

#[test]
fn the_head_of_the_ceremony_is_the_last_contributed() {
    let mut world = World::new();
    world
        .join("a")
        .join("b")
        .join("c")
        .contribute("a")
        .check_in("b");
    world
        .start("b")
        .submit("b")
        .judge(Verdict::Invalid)
        .check_in("c")
        .contribute("c");
    assert_eq!(world.queue.state().last_contributed(), Some(Ticket::new(3)));
    assert_eq!(world.queue.state().contributions(), 2);
}

// Modes.

#[test]
fn draining_refuses_newcomers_and_serves_those_in_line() {
    let mut world = World::new();
    world
        .join("a")
        .join("b")
        .must(Command::SetMode(Mode::Draining));
    assert_eq!(world.refused(Command::Join { id: "c" }), Refusal::Draining);
    world.contribute("a").check_in("b").start("b").submit("b");
    assert_eq!(
        world.queue.state().mode(),
        Mode::Draining,
        "the last is not processed yet"
    );
    world.judge(Verdict::Valid);
    assert_eq!(world.queue.state().mode(), Mode::Halted);
    assert_eq!(
        world.queue.state().mode_after_pause(),
        Err(NotPaused::Drained)
    );
    assert_eq!(world.refused(Command::Join { id: "c" }), Refusal::Halted);
}

#[test]
fn ticks_alone_empty_a_draining_queue() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .join("c")
        .must(Command::SetMode(Mode::Draining));
    world.wait(secs(600));
    assert!(world.queue.state().is_empty());
    assert_eq!(world.queue.state().mode(), Mode::Halted);
}

#[test]
fn draining_can_be_taken_back() {
    let mut world = World::new();
    world
        .join("a")
        .must(Command::SetMode(Mode::Draining))
        .must(Command::SetMode(Mode::Open));
    world.join("b");
    assert_eq!(world.position("b"), Some(1));
}

#[test]
fn a_pause_stops_every_deadline() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .wait(secs(3))
        .must(Command::SetMode(Mode::Halted));
    assert_eq!(world.queue.next_deadline(), None);
    world
        .wait(secs(100_000))
        .check_in("b")
        .must(Command::SetMode(Mode::Open));
    // Whoever showed itself meanwhile has all of its time again.
    assert_eq!((world.left("a"), world.left("b")), (secs(177), secs(5)));
}

#[test]
fn a_contribution_is_taken_and_judged_during_a_pause() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .must(Command::SetMode(Mode::Halted));
    world
        .wait(secs(1000))
        .submit("a")
        .wait(secs(10))
        .must(Command::SetMode(Mode::Open));
    assert_eq!(
        world.left("a"),
        secs(300),
        "only the rest of the pause is made good"
    );
    world
        .judge(Verdict::Valid)
        .must(Command::SetMode(Mode::Halted))
        .check_in("b");
    assert_eq!(
        world.phase("b"),
        Some(Phase::Waiting),
        "nobody is called in a pause"
    );
}

#[test]
fn nothing_starts_during_a_pause() {
    let mut world = World::new();
    world.join("a").must(Command::SetMode(Mode::Halted));
    assert_eq!(
        world.refused(Command::Start {
            id: "a",
            checks_in: false
        }),
        Refusal::Halted
    );
    assert_eq!(world.refused(Command::Join { id: "b" }), Refusal::Halted);
    world.must(Command::SetMode(Mode::Open)).start("a");
}

// Absence of the coordinator.

#[test]
fn a_restart_costs_nobody_a_place() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .wait(secs(2))
        .check_in("b")
        .wait(secs(2));
    world.restart().sleep(secs(86_400)).check_in("b");
    assert_eq!(world.phase("a"), Some(Phase::Contributing));
    // Away since the last entry that was kept, four seconds before the process died.
    assert_eq!(world.left("a"), secs(180));
}

#[test]
fn an_unrecorded_promise_survives_a_restart() {
    let mut world = World::new();
    world.join("a").start("a").join("b");
    for _ in 0..10 {
        world.wait(secs(4)).check_in("b");
    }
    let volatile = world
        .log
        .iter()
        .filter(|entry| entry.event.is_volatile())
        .count();
    assert_eq!(volatile, 10);
    world.restart().sleep(secs(9)).check_in("b");
    assert_eq!(world.position("b"), Some(1));
}

#[test]
fn records_of_check_ins_are_few() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .join("c")
        .join("d")
        .join("e");
    let before = world.log.len();
    for _ in 0..900 {
        for id in ["b", "c", "d", "e"] {
            world.check_in(id);
        }
        world.wait(Duration::from_millis(200));
    }
    let recorded = world.log[before..]
        .iter()
        .filter(|entry| !entry.event.is_volatile())
        .count();
    // Three minutes: three records each near the head, and fewer behind.
    assert!((4..=12).contains(&recorded), "{recorded} records");
}

#[test]
fn a_stall_of_the_coordinator_costs_nobody_a_place() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .join("b")
        .sleep(secs(10 + 30) + MS);
    let step = world.step(Command::Tick);
    let pause = secs(40) + MS;
    assert_eq!(step.entries.len(), 1);
    assert_eq!(
        step.entries[0].event,
        Event::Resumed {
            pause,
            restarted: false
        }
    );
    assert_eq!((world.left("a"), world.left("b")), (secs(180), secs(5)));
}

#[test]
fn a_clock_that_falls_does_not_take_time_back() {
    let mut world = World::new();
    world.join("a").start("a").wait(secs(100));
    let step = world.queue.step(world.began, Command::Submit { id: "a" });
    assert_eq!(step.entries[0].at, world.now);
}

#[test]
fn a_clock_that_leaps_ahead_costs_nobody_a_place() {
    let mut world = World::new();
    world.join("a").start("a").join("b");
    world.sleep(secs(10 * 365 * 86_400)).must(Command::Tick);
    assert_eq!((world.left("a"), world.left("b")), (secs(180), secs(5)));
}

#[test]
fn at_the_end_of_time_nothing_panics_and_every_stay_ends() {
    let mut world = World::new();
    world
        .join("a")
        .join("b")
        .join("c")
        .must(Command::SetMode(Mode::Draining));
    world.now = Timestamp::MAX;
    for id in ["a", "b", "c"] {
        let _ = world.step(Command::CheckIn { id });
    }
    assert!(world.queue.state().is_empty());
    assert_eq!(world.queue.next_deadline(), None);
}

// The estimate.

#[test]
fn the_estimate_is_turns_ahead_and_what_is_left_of_the_current_turn() {
    let mut world = World::new();
    world
        .join("a")
        .start("a")
        .wait(secs(20))
        .submit("a")
        .judge(Verdict::Valid);
    assert_eq!(world.queue.state().mean_turn(), secs(20));
    world
        .join("b")
        .join("c")
        .join("d")
        .wait(secs(8))
        .check_in("c")
        .check_in("d");
    let wait = |id| world.queue.state().wait_of(&id, world.now).unwrap();
    assert_eq!(
        [wait("b"), wait("c"), wait("d")],
        [secs(0), secs(12), secs(32)]
    );
    assert_eq!(world.queue.state().wait_of(&"nobody", world.now), None);
}

#[test]
fn failed_turns_count_in_the_estimate() {
    let mut world = World::new();
    world
        .join("a")
        .wait(secs(20))
        .join("b")
        .wait(secs(10))
        .must(Command::Abort { id: "b" });
    assert_eq!(world.queue.state().mean_turn(), secs(15));
}

#[test]
fn a_pause_does_not_lengthen_the_mean_turn() {
    let mut world = World::new();
    world
        .join("a")
        .wait(secs(10))
        .must(Command::SetMode(Mode::Halted))
        .wait(secs(5000));
    world
        .must(Command::SetMode(Mode::Open))
        .must(Command::Abort { id: "a" });
    assert_eq!(world.queue.state().mean_turn(), secs(10));
}

// The log.

/// A log with every kind of event in it.
fn eventful() -> World {
    let mut world = World::new();
    world
        .join("a")
        .join("b")
        .join("c")
        .join("d")
        .wait(secs(3))
        .check_in("b")
        .start("a");
    world
        .wait(secs(3))
        .check_in("a")
        .check_in("b")
        .check_in("c")
        .check_in("d")
        .submit("a");
    world
        .wait(secs(1))
        .judge(Verdict::Valid)
        .must(Command::SetMode(Mode::Halted));
    world
        .wait(secs(50))
        .must(Command::SetMode(Mode::Open))
        .check_in("b")
        .wait(secs(30));
    world
        .must(Command::Pardon { id: "b" })
        .join("b")
        .join("e")
        .start("b");
    world.must(Command::SetMode(Mode::Draining)).wait(secs(500));
    world
}

#[test]
fn replaying_the_log_gives_the_live_state() {
    let world = eventful();
    let rules = Rules::default();
    let replayed = Queue::replay(rules, world.began, world.log.clone()).unwrap();
    assert!(replayed.state() == world.queue.state());
}

#[test]
fn every_beginning_of_a_log_is_a_log() {
    let world = eventful();
    for length in 0..=world.log.len() {
        let log = world.log[..length].to_vec();
        let mut queue = Queue::replay(Rules::default(), world.began, log).unwrap();
        let log_time = queue.state().log_time();
        let step = queue.step(log_time.saturating_add(secs(1000)), Command::Tick);
        assert!(
            step.entries.iter().all(|entry| !matches!(
                entry.event,
                Event::Ended {
                    outcome: Outcome::MissedCheckIn,
                    ..
                }
            )),
            "cut after {length} entries the log costs somebody a place"
        );
    }
}

#[test]
fn changed_settings_do_not_change_a_replay() {
    let world = eventful();
    let rules = Rules {
        checkin_max: secs(7),
        checkin_min: secs(1),
        checkin_grace: secs(0),
        start_limit: secs(1),
        contribution_limit: secs(1),
        stall_limit: secs(1),
        verification_limit: secs(1),
        expected_turn: secs(1),
        lasting_step: secs(0),
        checkin_rate: 1,
        checkin_relaxed: secs(1),
        contribution_min: Some(secs(1)),
        disconnect_limit: secs(1),
        passes: 0,
        tick: secs(9),
    };
    let replayed = Queue::replay(rules, world.began, world.log.clone()).unwrap();
    assert!(replayed.state() == world.queue.state());
}

#[test]
fn a_log_with_an_entry_missing_twice_or_out_of_order_is_refused() {
    let world = eventful();
    let replay = |log: Vec<_>| Queue::replay(Rules::default(), world.began, log);
    let begins = world
        .log
        .iter()
        .position(|entry| matches!(&entry.event, Event::Joined { id, .. } if *id == "b"));
    let mut log = world.log.clone();
    log.remove(begins.unwrap());
    let misfit = Misfit::WrongTicket {
        ticket: Ticket::new(3),
        next: Ticket::new(2),
    };
    assert_eq!(
        replay(log).unwrap_err(),
        ReplayError::Entry { index: 2, misfit }
    );

    let mut log = world.log.clone();
    log.insert(0, log[0].clone());
    let misfit = Misfit::WrongTicket {
        ticket: Ticket::new(1),
        next: Ticket::new(2),
    };
    assert_eq!(
        replay(log).unwrap_err(),
        ReplayError::Entry { index: 1, misfit }
    );

    let mut log = world.log.clone();
    let at = log[0].at.saturating_sub(MS);
    log[3].at = at;
    let misfit = Misfit::TimeFalls {
        at,
        log_time: world.log[2].at,
    };
    assert_eq!(
        replay(log).unwrap_err(),
        ReplayError::Entry { index: 3, misfit }
    );
}

#[test]
fn entries_that_no_rule_could_emit_are_refused() {
    let mut world = World::new();
    world.join("a").start("a").join("b").join("c");
    let ticket = Ticket::new(2);
    let by = world.now;
    let refused = |event: Event<Id>| {
        let mut log = world.log.clone();
        log.push(Entry {
            at: world.now,
            event,
        });
        match Queue::replay(Rules::default(), world.began, log) {
            Err(ReplayError::Entry { misfit, .. }) => misfit,
            other => panic!("{other:?}"),
        }
    };
    let joined = |ticket, id| Event::Joined {
        ticket,
        id,
        check_in_by: by,
        lasting_by: by,
    };
    assert_eq!(refused(joined(Ticket::new(4), "b")), Misfit::AlreadyQueued);
    assert_eq!(
        refused(Event::Called {
            ticket,
            start_by: by,
            passed: Vec::new(),
        }),
        Misfit::OutOfTurn { ticket }
    );
    for outcome in [
        Outcome::Contributed,
        Outcome::TimedOut,
        Outcome::Aborted,
        Outcome::Invalid,
    ] {
        assert_eq!(
            refused(Event::Ended { ticket, outcome }),
            Misfit::WrongPhase { ticket }
        );
    }
    let gone = Ticket::new(9);
    assert_eq!(
        refused(Event::Ended {
            ticket: gone,
            outcome: Outcome::Left
        }),
        Misfit::WrongPhase { ticket: gone }
    );
    assert_eq!(
        refused(Event::Started {
            ticket: Ticket::new(1),
            contribute_by: by,
            stall_by: None,
        }),
        Misfit::WrongPhase {
            ticket: Ticket::new(1)
        }
    );
    assert_eq!(
        refused(Event::Submitted {
            ticket,
            verify_by: by
        }),
        Misfit::WrongPhase { ticket }
    );
    assert_eq!(
        refused(Event::CheckedIn {
            ticket: gone,
            check_in_by: by,
            lasting_by: None
        }),
        Misfit::WrongPhase { ticket: gone }
    );
    assert_eq!(
        refused(Event::ModeSet { mode: Mode::Open }),
        Misfit::WrongMode
    );
    assert_eq!(
        refused(Event::Pardoned { id: "a" }),
        Misfit::NothingToPardon
    );
}

#[test]
fn the_log_survives_being_written_and_read() {
    let world = eventful();
    let bytes = rmp_serde::to_vec_named(
        &world
            .log
            .iter()
            .map(|entry| owned(entry.clone()))
            .collect::<Vec<_>>(),
    )
    .unwrap();
    let log: Vec<Entry<String>> = rmp_serde::from_slice(&bytes).unwrap();
    let queue = Queue::replay(Rules::default(), world.began, log).unwrap();
    assert_eq!(queue.state().log_time(), world.queue.state().log_time());
    assert_eq!(queue.state().contributions(), 1);
    assert_eq!(
        queue.state().used_up(&"c".to_owned()),
        world.queue.state().used_up(&"c")
    );
}

fn owned(entry: Entry<Id>) -> Entry<String> {
    let event = match entry.event {
        Event::Joined {
            ticket,
            id,
            check_in_by,
            lasting_by,
        } => Event::Joined {
            ticket,
            id: id.to_owned(),
            check_in_by,
            lasting_by,
        },
        Event::CheckedIn {
            ticket,
            check_in_by,
            lasting_by,
        } => Event::CheckedIn {
            ticket,
            check_in_by,
            lasting_by,
        },
        Event::Called {
            ticket,
            start_by,
            passed,
        } => Event::Called {
            ticket,
            start_by,
            passed,
        },
        Event::Started {
            ticket,
            contribute_by,
            stall_by,
        } => Event::Started {
            ticket,
            contribute_by,
            stall_by,
        },
        Event::Extended {
            ticket,
            contribute_by,
        } => Event::Extended {
            ticket,
            contribute_by,
        },
        Event::Submitted { ticket, verify_by } => Event::Submitted { ticket, verify_by },
        Event::Ended { ticket, outcome } => Event::Ended { ticket, outcome },
        Event::ModeSet { mode } => Event::ModeSet { mode },
        Event::Pardoned { id } => Event::Pardoned { id: id.to_owned() },
        Event::Resumed { pause, restarted } => Event::Resumed { pause, restarted },
    };
    Entry {
        at: entry.at,
        event,
    }
}

// Settings.

#[test]
fn unusable_rules_are_refused_by_name() {
    let rules = Rules::default();
    assert_eq!(rules.validate(), Ok(()));
    let validate = |rules: Rules| Queue::<Id>::new(rules, Timestamp::EPOCH).unwrap_err();
    assert_eq!(
        validate(Rules {
            start_limit: Duration::from_micros(999),
            ..rules
        }),
        RulesError::Zero {
            setting: "start_limit"
        }
    );
    assert_eq!(
        validate(Rules {
            checkin_min: secs(10),
            checkin_max: secs(9),
            ..rules
        }),
        RulesError::MinAboveMax {
            min: secs(10),
            max: secs(9)
        }
    );
    let value = Duration::MAX;
    assert_eq!(
        validate(Rules {
            checkin_grace: value,
            ..rules
        }),
        RulesError::TooLong {
            setting: "checkin_grace",
            value
        }
    );
    let none = Rules {
        checkin_grace: secs(0),
        lasting_step: secs(0),
        ..rules
    };
    assert_eq!(none.validate(), Ok(()));
}

const TRY_EVERY: Duration = secs(32);

impl World {
    fn try_contribute(&mut self, id: Id) -> &mut Self {
        self.must(Command::TryContribute {
            id,
            interval: TRY_EVERY,
        })
    }
}

#[test]
fn a_try_joins_checks_in_and_starts_whichever_is_due() {
    let mut world = World::new();
    world.try_contribute("ada").try_contribute("bob");
    assert_eq!(world.phase("ada"), Some(Phase::Contributing));
    assert_eq!(world.position("bob"), Some(1));
    world
        .wait(secs(30))
        .try_contribute("bob")
        .wait(secs(30))
        .try_contribute("bob");
    assert_eq!(world.phase("bob"), Some(Phase::Waiting));
    world
        .submit("ada")
        .judge(Verdict::Valid)
        .try_contribute("bob");
    assert_eq!(world.phase("bob"), Some(Phase::Contributing));
}

#[test]
fn whoever_tries_has_the_interval_and_the_grace_to_try_again() {
    let mut world = World::new();
    world.join("ada").start("ada").try_contribute("bob");
    let grace = world.queue.rules().checkin_grace;
    world
        .wait(TRY_EVERY + grace - secs(1))
        .try_contribute("bob");
    assert_eq!(world.left("bob"), TRY_EVERY);
    world.wait(TRY_EVERY + grace);
    assert_eq!(world.phase("bob"), None);
    assert_eq!(
        world.queue.state().used_up(&"bob"),
        Some(Outcome::MissedCheckIn)
    );
}

#[test]
fn behind_the_first_three_one_try_may_be_lost() {
    let mut world = World::new();
    for id in ["1", "2", "3"] {
        world.join(id);
    }
    world.try_contribute("third").try_contribute("fourth");
    assert_eq!(
        (world.left("third"), world.left("fourth")),
        (TRY_EVERY, 2 * TRY_EVERY)
    );
    world.try_contribute("fourth");
    assert_eq!(world.left("fourth"), 2 * TRY_EVERY);
}

#[test]
fn a_try_never_shortens_what_was_promised() {
    let mut world = World::with(Rules {
        checkin_relaxed: secs(3600),
        ..Rules::default()
    });
    for id in ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"] {
        world.join(id);
    }
    world.join("bob");
    let left = world.left("bob");
    assert!(left > TRY_EVERY, "{left:?}");
    world.try_contribute("bob");
    assert_eq!(world.left("bob"), left);
}

#[test]
fn trying_on_while_contributing_restarts_no_clock_and_starts_no_stall_timer() {
    let mut world = World::new();
    world.try_contribute("ada");
    let limit = world.queue.rules().contribution_limit;
    world.wait(secs(100)).try_contribute("ada");
    assert_eq!(world.left("ada"), limit - secs(100));
    assert_eq!(
        world.queue.state().turn().map(|turn| turn.overdue),
        Some(Outcome::TimedOut)
    );
}

#[test]
fn a_try_starts_a_turn_that_was_called_before() {
    let mut world = World::new();
    world.join("ada");
    assert_eq!(world.phase("ada"), Some(Phase::Ready));
    world.try_contribute("ada");
    assert_eq!(world.phase("ada"), Some(Phase::Contributing));
}

#[test]
fn a_turn_called_by_a_check_in_is_held_until_the_next_try() {
    let mut world = World::new();
    world.join("ada").start("ada").try_contribute("bob");
    world.submit("ada").judge(Verdict::Valid);
    // A page that watches the queue for Bob, while his client sleeps.
    world.check_in("bob");
    assert_eq!(world.phase("bob"), Some(Phase::Ready));
    assert_eq!(world.left("bob"), TRY_EVERY);
    world.wait(secs(30)).try_contribute("bob");
    assert_eq!(world.phase("bob"), Some(Phase::Contributing));
}

#[test]
fn a_try_by_one_who_is_not_next_gets_no_turn() {
    let mut world = World::new();
    world.join("ada").join("bob").try_contribute("cleo");
    world
        .must(Command::Leave { id: "ada" })
        .try_contribute("cleo");
    assert_eq!(world.phase("cleo"), Some(Phase::Waiting));
    assert_eq!(world.queue.state().turn(), None);
}

#[test]
fn a_try_by_one_who_was_used_up_is_refused() {
    let mut world = World::new();
    world
        .try_contribute("ada")
        .must(Command::Abort { id: "ada" });
    let interval = TRY_EVERY;
    assert_eq!(
        world.refused(Command::TryContribute {
            id: "ada",
            interval
        }),
        Refusal::UsedUp {
            outcome: Outcome::Aborted
        }
    );
}

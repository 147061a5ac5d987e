//! Frauds with turns: who is called, who is passed, what is accepted.

use std::time::Duration;

use tauline_audit::Kind;
use tauline_queue_core::{Command, Event, Mode, Outcome, Rules, Verdict};

use crate::support::{Log, Story, called, ended, five, joined, person, secs, ticket};

fn call(number: u64, passed: &[u64], log: &Log, place: usize) -> Event<crate::support::Who> {
    let at = log.entries[place - 1].at;
    Event::Called {
        ticket: ticket(number),
        start_by: at.saturating_add(secs(15)),
        passed: passed.iter().copied().map(ticket).collect(),
    }
}

/// Ada has contributed, and the turn is free: four are in line.
fn free() -> (Log, usize) {
    let mut story = five(Rules::default());
    story.submit("ada").pass(500).judge(Verdict::Valid);
    let log = story.log();
    let place = log.entries.len();
    (log, place)
}

#[test]
fn a_friend_is_called_before_the_head_of_the_line() {
    let (mut log, place) = free();
    let call = call(3, &[], &log, place);
    log.insert(place, call);
    log.assert_caught(Kind::CalledOutOfOrder, place);
}

#[test]
fn a_friend_is_called_past_one_who_is_not_named() {
    let (mut log, place) = free();
    let call = call(4, &[2], &log, place);
    log.insert(place, call);
    log.assert_caught(Kind::CalledOutOfOrder, place);
}

#[test]
fn a_friend_is_called_from_behind_the_first_three() {
    let (mut log, place) = free();
    let call = call(5, &[2, 3, 4], &log, place);
    log.insert(place, call);
    log.assert_caught(Kind::CalledFromBehind, place);
}

#[test]
fn somebody_is_called_who_never_joined() {
    let (mut log, place) = free();
    let call = call(9, &[], &log, place);
    log.insert(place, call);
    log.assert_caught(Kind::WrongPhase, place);
}

#[test]
fn a_second_turn_runs_beside_the_first() {
    let mut log = five(Rules::default()).log();
    let place = log.entries.len();
    let call = call(2, &[], &log, place);
    log.insert(place, call);
    log.assert_caught(Kind::TwoTurns, place);
}

#[test]
fn a_turn_is_left_without_an_end() {
    let mut story = five(Rules::default());
    story.submit("ada").pass(500).judge(Verdict::Invalid);
    story.check_in("bob");
    let mut log = story.log();
    let end = log.find(ended(1));
    log.entries.remove(end);
    log.assert_caught(Kind::TwoTurns, end);
}

#[test]
fn somebody_is_called_while_the_ceremony_is_halted() {
    let mut story = five(Rules::default());
    story.submit("ada").pass(500);
    story.mode(Mode::Halted).judge(Verdict::Valid);
    let mut log = story.log();
    let place = log.entries.len();
    let call = call(2, &[], &log, place);
    log.insert(place, call);
    log.assert_caught(Kind::CalledWhileHalted, place);
}

/// Bob, who polls every half minute, is passed once, by Carol.
fn passed() -> Story {
    let mut story = Story::new(Rules::default());
    let tries = Command::TryContribute {
        id: person("bob"),
        interval: secs(30),
    };
    story.join("ada").start("ada", false);
    story.step(tries.clone()).unwrap();
    story.join("carol").join("dan");
    story.pass(2000);
    story.check_in("carol").check_in("dan");
    story.submit("ada").judge(Verdict::Valid);
    story.check_in("carol");
    assert_eq!(story.queue.state().turn().unwrap().id, &person("carol"));
    story
}

#[test]
fn somebody_is_passed_twice() {
    let mut story = passed();
    story.contribute("carol");
    let mut log = story.log();
    let place = log.entries.len();
    let call = call(4, &[2], &log, place);
    log.insert(place, call);
    log.assert_caught(Kind::PassedTooOften, place);
}

#[test]
fn somebody_is_passed_where_the_order_is_strict() {
    let mut log = passed().log();
    let mut rules = Rules::default();
    rules.passes = 0;
    log.entries[1] = tauline_protocol::public_log::PublicEntry::of_notice(
        log.entries[1].at,
        crate::support::started(&rules),
    );
    let place = log.find(called(3));
    log.assert_caught(Kind::PassedTooOften, place);
}

#[test]
fn somebody_is_passed_who_was_due_at_once() {
    let mut rules = Rules::default();
    rules.lasting_step = Duration::ZERO;
    let mut story = five(rules);
    story.submit("ada").pass(2000).judge(Verdict::Valid);
    // Bob was to check in five seconds after he joined, 7.5 s at the latest, and 3.1 s are over.
    let mut log = story.log();
    let place = log.entries.len();
    let call = call(3, &[2], &log, place);
    log.insert(place, call);
    log.assert_caught(Kind::PassedThoughExpected, place);
}

#[test]
fn a_contribution_is_accepted_that_never_arrived() {
    let mut story = five(Rules::default());
    story.submit("ada").pass(500).judge(Verdict::Valid);
    let mut log = story.log();
    let submitted = log.find(|event| matches!(event, Event::Submitted { .. }));
    log.entries.remove(submitted);
    log.assert_caught(Kind::AcceptedUnsubmitted, submitted);
}

#[test]
fn a_number_of_the_transcript_is_left_out() {
    let mut story = five(Rules::default());
    story.submit("ada").pass(500).judge(Verdict::Valid);
    story.check_in("bob").contribute("bob");
    let mut log = story.log();
    let place = log.find(ended(2));
    log.entries[place].accepted.as_mut().unwrap().number = 3;
    log.assert_caught(Kind::Miscounted, place);
}

#[test]
fn a_contribution_is_put_in_without_a_turn() {
    let (mut log, place) = free();
    let end = Event::Ended {
        ticket: ticket(2),
        outcome: Outcome::Contributed,
    };
    log.insert(place, end);
    log.entries[place].accepted = log.transcript.first().map(|it| it.accepted());
    log.assert_caught(Kind::AcceptedUnsubmitted, place);
}

#[test]
fn a_friend_hands_in_without_having_started() {
    let mut log = five(Rules::default()).log();
    let started = log.find(|event| matches!(event, Event::Started { .. }));
    let at = log.entries[started].at;
    *log.change(started) = Event::Submitted {
        ticket: ticket(1),
        verify_by: at.saturating_add(secs(300)),
    };
    log.assert_caught(Kind::WrongPhase, started);
}

#[test]
fn somebody_is_expelled_twice() {
    let mut story = five(Rules::default());
    let id = person("dan");
    story.step(Command::Leave { id }).unwrap();
    let mut log = story.log();
    let place = log.entries.len();
    let again = log.entries[place - 1].queue.clone().unwrap();
    log.insert(place, again);
    log.assert_caught(Kind::WrongPhase, place);
}

#[test]
fn a_friend_starts_while_the_ceremony_is_halted_for_everybody_else() {
    let mut story = Story::new(Rules::default());
    story.join("ada").join("bob");
    story.mode(Mode::Halted);
    let mut log = story.log();
    let at = log.entries.last().unwrap().at;
    let start = Event::Started {
        ticket: ticket(1),
        contribute_by: at.saturating_add(secs(180)),
        stall_by: None,
    };
    let place = log.push(at, start);
    log.assert_caught(Kind::StartedWhileHalted, place);
}

#[test]
fn the_order_of_joining_is_changed_afterwards() {
    let mut log = five(Rules::default()).log();
    let (dan, eve) = (log.find(joined(4)), log.find(joined(5)));
    log.entries.swap(dan, eve);
    log.assert_caught(Kind::TicketOutOfOrder, dan);
}

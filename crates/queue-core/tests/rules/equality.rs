//! Two states are equal only if nothing tells them apart: otherwise "a replay gives the live state"
//! would say little.

use tauline_queue_core::{Entry, Event, Mode, Outcome, Queue, Rules, Ticket, Timestamp};

use crate::world::{Id, secs};

const A: Ticket = Ticket::FIRST;
const B: Ticket = Ticket::new(2);

/// A time so many seconds after the beginning.
fn at(second: u64) -> Timestamp {
    Timestamp::EPOCH.saturating_add(secs(second))
}

fn state_is(left: &[(u64, Event<Id>)], right: &[(u64, Event<Id>)]) -> bool {
    let queue = |log: &[(u64, Event<Id>)]| {
        let entries = log.iter().map(|(second, event)| Entry {
            at: at(*second),
            event: event.clone(),
        });
        Queue::replay(Rules::default(), at(0), entries).unwrap()
    };
    queue(left).state() == queue(right).state()
}

#[track_caller]
fn same(left: &[(u64, Event<Id>)], right: &[(u64, Event<Id>)]) {
    assert!(state_is(left, right));
}

/// The same beginning, and two ends that differ in one thing.
#[track_caller]
fn differ(begin: &[(u64, Event<Id>)], left: &[(u64, Event<Id>)], right: &[(u64, Event<Id>)]) {
    let left = [begin, left].concat();
    let right = [begin, right].concat();
    same(&left, &left);
    same(&right, &right);
    assert!(!state_is(&left, &right));
    assert!(!state_is(&right, &left));
}

fn joined(ticket: Ticket, id: Id, check_in_by: u64, lasting_by: u64) -> Event<Id> {
    Event::Joined {
        ticket,
        id,
        check_in_by: at(check_in_by),
        lasting_by: at(lasting_by),
    }
}

fn called(ticket: Ticket, start_by: u64, passed: &[Ticket]) -> Event<Id> {
    Event::Called {
        ticket,
        start_by: at(start_by),
        passed: passed.to_vec(),
    }
}

fn started(contribute_by: u64, stall_by: Option<u64>) -> Event<Id> {
    Event::Started {
        ticket: A,
        contribute_by: at(contribute_by),
        stall_by: stall_by.map(at),
    }
}

fn submitted(verify_by: u64) -> Event<Id> {
    let verify_by = at(verify_by);
    Event::Submitted {
        ticket: A,
        verify_by,
    }
}

fn ended(ticket: Ticket, outcome: Outcome) -> Event<Id> {
    Event::Ended { ticket, outcome }
}

fn mode(mode: Mode) -> Event<Id> {
    Event::ModeSet { mode }
}

fn pardoned() -> Event<Id> {
    Event::Pardoned { id: "a" }
}

fn checked_in(check_in_by: u64, lasting_by: Option<u64>) -> Event<Id> {
    Event::CheckedIn {
        ticket: A,
        check_in_by: at(check_in_by),
        lasting_by: lasting_by.map(at),
    }
}

#[test]
fn states_in_two_modes_are_not_equal() {
    let (drained, halted) = (mode(Mode::Draining), mode(Mode::Halted));
    differ(
        &[(0, joined(A, "a", 5, 60))],
        &[(1, drained)],
        &[(1, halted)],
    );
}

#[test]
fn states_that_were_halted_at_two_times_or_from_two_modes_are_not_equal() {
    let begin = [
        (0, joined(A, "a", 5, 60)),
        (0, ended(A, Outcome::Left)),
        (0, joined(B, "b", 5, 60)),
    ];
    let halted = mode(Mode::Halted);
    differ(
        &begin,
        &[(1, halted.clone()), (2, pardoned())],
        &[(1, pardoned()), (2, halted.clone())],
    );
    differ(
        &begin,
        &[(1, halted.clone())],
        &[(1, mode(Mode::Draining)), (1, halted)],
    );
}

#[test]
fn states_at_two_times_are_not_equal() {
    differ(
        &[],
        &[(1, joined(A, "a", 5, 60)), (2, called(A, 9, &[]))],
        &[(1, joined(A, "a", 5, 60)), (3, called(A, 9, &[]))],
    );
    let halted = mode(Mode::Halted);
    let open = mode(Mode::Open);
    differ(&[(1, halted)], &[(2, open.clone())], &[(3, open)]);
}

#[test]
fn lines_with_other_people_or_deadlines_are_not_equal() {
    differ(
        &[],
        &[(0, joined(A, "a", 5, 60))],
        &[(0, joined(A, "b", 5, 60))],
    );
    differ(
        &[],
        &[(0, joined(A, "a", 5, 60))],
        &[(0, joined(A, "a", 6, 60))],
    );
    differ(
        &[],
        &[(0, joined(A, "a", 5, 60))],
        &[(0, joined(A, "a", 5, 61))],
    );
    let begin = [(0, joined(A, "a", 5, 60))];
    differ(
        &begin,
        &[(1, checked_in(7, None))],
        &[(1, checked_in(8, None))],
    );
    differ(
        &begin,
        &[(1, checked_in(7, None))],
        &[(1, checked_in(7, Some(61)))],
    );
    differ(
        &begin,
        &[(1, joined(B, "b", 6, 60))],
        &[(1, checked_in(5, None))],
    );
    // Whoever was passed has the same place and deadline.
    let begin = [(0, joined(A, "a", 50, 60)), (0, joined(B, "b", 50, 60))];
    differ(
        &begin,
        &[(1, called(B, 9, &[A])), (2, ended(B, Outcome::Left))],
        &[(1, called(A, 9, &[])), (2, ended(A, Outcome::Left))],
    );
}

#[test]
fn turns_in_other_phases_or_with_other_deadlines_are_not_equal() {
    let ready = [(0, joined(A, "a", 5, 60)), (1, called(A, 9, &[]))];
    differ(
        &ready[..1],
        &[(1, called(A, 9, &[]))],
        &[(1, called(A, 8, &[]))],
    );
    differ(&ready, &[(2, started(99, None))], &[(2, started(98, None))]);
    differ(
        &ready,
        &[(2, started(99, None))],
        &[(2, started(99, Some(32)))],
    );
    differ(
        &ready,
        &[(2, started(99, Some(31)))],
        &[(2, started(99, Some(32)))],
    );
    let begin = [ready.as_slice(), &[(2, started(99, None))]].concat();
    differ(&begin, &[(3, submitted(300))], &[(3, checked_in(30, None))]);
}

#[test]
fn states_that_have_seen_other_turns_are_not_equal() {
    let begin = [(0, joined(A, "a", 50, 60))];
    let aborted = ended(A, Outcome::Aborted);
    differ(
        &begin,
        &[(1, called(A, 90, &[])), (3, aborted.clone())],
        &[(2, called(A, 90, &[])), (3, aborted)],
    );
    // Turns as long, but contributions that took longer.
    let begin = [(0, joined(A, "a", 50, 60)), (1, called(A, 90, &[]))];
    let contributed = ended(A, Outcome::Contributed);
    let end = [(4, submitted(300)), (5, contributed)];
    differ(
        &begin,
        &[&[(2, started(99, None))], end.as_slice()].concat(),
        &[&[(3, started(99, None))], end.as_slice()].concat(),
    );
}

#[test]
fn identities_with_other_pasts_are_not_equal() {
    let begin = [(0, joined(A, "a", 50, 60)), (0, joined(B, "b", 50, 60))];
    let (left, missed) = (ended(A, Outcome::Left), ended(A, Outcome::MissedCheckIn));
    differ(&begin, &[(1, left.clone())], &[(1, missed)]);
    differ(
        &begin,
        &[
            (1, left.clone()),
            (2, pardoned()),
            (2, ended(B, Outcome::Left)),
        ],
        &[(1, left), (2, ended(B, Outcome::Left))],
    );
}

#[test]
fn equal_states_may_have_come_by_two_ways() {
    same(
        &[
            (0, joined(A, "a", 5, 60)),
            (1, checked_in(6, None)),
            (1, checked_in(7, None)),
        ],
        &[(0, joined(A, "a", 5, 60)), (1, checked_in(7, None))],
    );
}

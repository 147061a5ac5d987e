//! The line against a map that looks at everybody, and its memory.

use alloc::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

fn waiter(id: u64) -> Waiter<u64> {
    let joined_at = Timestamp::from_millis(id);
    Waiter {
        id,
        joined_at,
        passed: 0,
        lasting_by: joined_at,
    }
}

/// A line against a map that does everything by looking at everybody.
#[test]
fn line_agrees_with_a_sorted_map() {
    for seed in 0..40 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut line = Line::new();
        let mut map = BTreeMap::new();
        let mut next = Ticket::FIRST;
        // Some runs grow to thousands, some stay near empty.
        let growth = rng.gen_range(0.3..0.8);
        for _ in 0..4000 {
            let by = Timestamp::from_millis(rng.gen_range(0..50));
            let some = Ticket::new(rng.gen_range(0..next.value() + 2));
            if rng.gen_bool(growth) {
                line.push(next, waiter(next.value()), by);
                map.insert(next, by);
                next = next.next();
            } else if rng.gen_bool(0.5) {
                // Mostly the head, as a queue does.
                let gone = map.keys().next().copied().filter(|_| rng.gen_bool(0.7));
                let gone = gone.unwrap_or(some);
                let id = line.remove(gone).map(|waiter| waiter.id);
                assert_eq!(id, map.remove(&gone).map(|_| gone.value()), "seed {seed}");
            } else {
                line.set_deadline(some, by, None);
                map.entry(some).and_modify(|old| *old = by);
            }
            assert_eq!(line.len(), map.len() as u64, "seed {seed}");
            let head = line.head().map(|(ticket, _)| ticket);
            assert_eq!(head, map.keys().next().copied(), "seed {seed}");
            let earliest = map.iter().map(|(&ticket, &by)| (by, ticket)).min();
            assert_eq!(line.earliest(), earliest, "seed {seed}");
            let ahead = rng.gen_range(0..4.max(map.len() + 1));
            let nth = line.nth(ahead as u64).map(|(ticket, _)| ticket);
            assert_eq!(nth, map.keys().nth(ahead).copied(), "seed {seed}");
            let rank = map
                .contains_key(&some)
                .then(|| map.range(..some).count() as u64);
            assert_eq!(line.rank(some), rank, "seed {seed}");
            assert_eq!(line.deadline(some), map.get(&some).copied(), "seed {seed}");
        }
        line.move_deadlines(|_, by| by.saturating_add(core::time::Duration::from_secs(1)));
        map.values_mut()
            .for_each(|by| *by = Timestamp::from_millis(by.as_millis() + 1000));
        let all: Vec<_> = line
            .iter()
            .map(|(ticket, waiter)| (ticket, waiter.id))
            .collect();
        let expected: Vec<_> = map.keys().map(|&ticket| (ticket, ticket.value())).collect();
        assert_eq!(all, expected, "seed {seed}");
        let earliest = map.iter().map(|(&ticket, &by)| (by, ticket)).min();
        assert_eq!(line.earliest(), earliest, "seed {seed}");
    }
}

#[test]
fn memory_follows_those_in_line() {
    let mut line = Line::new();
    let mut next = Ticket::FIRST;
    for _ in 0..100_000 {
        line.push(next, waiter(next.value()), Timestamp::EPOCH);
        if let Some(gone) = next.value().checked_sub(100) {
            line.remove(Ticket::new(gone));
        }
        next = next.next();
    }
    assert_eq!(line.len(), 100);
    assert!(
        line.slots.capacity() <= 32 * BLOCK,
        "{} slots",
        line.slots.capacity()
    );
    assert!(line.blocks.len() <= 32, "{} blocks", line.blocks.len());
}

/// A line of this many, less as many of the first.
fn line_without_its_first(joined: u64, gone: u64) -> Line<u64> {
    let mut line = Line::new();
    for ticket in 1..=joined {
        line.push(Ticket::new(ticket), waiter(ticket), Timestamp::EPOCH);
    }
    for ticket in 1..=gone {
        line.remove(Ticket::new(ticket));
    }
    line
}

#[test]
fn empty_slots_are_dropped_when_they_are_more_than_half_and_many() {
    for (joined, gone, slots) in [
        (2000, 1000, 2000),
        (2000, 1001, 999),
        // Too few are left for it to be worth it.
        (2000, 1900, 999),
        (1024, 1000, 1024),
        (1025, 513, 512),
    ] {
        let line = line_without_its_first(joined, gone);
        assert_eq!(line.slots.len(), slots, "{joined} came, {gone} went");
        assert_eq!(line.len(), joined - gone);
        assert_eq!(
            line.head().map(|(ticket, _)| ticket.value()),
            Some(gone + 1)
        );
    }
}

#[test]
fn there_is_room_for_as_many_again_when_slots_are_dropped() {
    let line = line_without_its_first(2000, 1001);
    assert_eq!(line.blocks.len(), 32);
    assert!(line.slots.capacity() >= 2 * line.slots.len());
}

#[test]
fn lines_are_equal_however_their_slots_lie() {
    let compacted = line_without_its_first(2000, 1001);
    let mut young = Line::new();
    for ticket in 1002..=2000 {
        young.push(Ticket::new(ticket), waiter(ticket), Timestamp::EPOCH);
    }
    assert!(compacted == young);
    young.remove(Ticket::new(2000));
    assert!(compacted != young);
}

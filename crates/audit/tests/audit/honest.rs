//! Nothing is found in an honest log, whatever happened to its people and its coordinator.

use tauline_audit::Topic;
use tauline_queue_core::Event;

use crate::published::published;
use crate::support::{Log, auditor};
use crate::world::World;

pub(crate) fn life(seed: u64, records: usize) -> Log {
    let mut world = World::new(seed);
    world.live(records);
    world.drain();
    published(&world.into_records())
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |it| it.parse().unwrap())
}

/// `TAULINE_AUDIT_SEEDS` sets how many lives, `TAULINE_AUDIT_SEED` the first.
#[test]
fn no_life_of_an_honest_coordinator_is_condemned() {
    let first = setting("TAULINE_AUDIT_SEED", 1);
    let mut counts = std::collections::BTreeMap::<Topic, u64>::new();
    let (mut events, mut outcomes) = ([0_u64; 10], [0_u64; 9]);
    for seed in first..first + setting("TAULINE_AUDIT_SEEDS", 200) {
        let log = life(seed, 1500);
        let report = log.audit();
        assert!(
            report.is_fair(),
            "seed {seed}: {:#?}\n{:#?}",
            report.violations.first(),
            excerpt(&log, report.violations[0].entry)
        );
        for (topic, count) in report.remark_counts {
            *counts.entry(topic).or_default() += count;
        }
        for entry in &log.entries {
            if let Some(event) = &entry.queue {
                events[number(event)] += 1;
            }
        }
        let all = report.statistics.outcomes;
        let all = [
            all.contributed,
            all.missed_checkin,
            all.failed_to_start,
            all.timed_out,
            all.stalled,
            all.invalid,
            all.aborted,
            all.left,
            all.coordinator_fault,
        ];
        outcomes
            .iter_mut()
            .zip(all)
            .for_each(|(sum, it)| *sum += it);
    }
    println!("{counts:?} {events:?} {outcomes:?}");
    // The world is as colourful as it says.
    assert!(events.iter().all(|&count| count > 20), "{events:?}");
    assert!(outcomes.iter().all(|&count| count > 20), "{outcomes:?}");
    for topic in [
        Topic::Settings,
        Topic::Restart,
        Topic::Absence,
        Topic::Pause,
        Topic::Drain,
        Topic::Pass,
        Topic::Pardon,
        Topic::CoordinatorFault,
    ] {
        assert!(
            counts.get(&topic).is_some_and(|&count| count > 20),
            "{topic:?}"
        );
    }
}

/// The entries around one, for a failed test.
fn excerpt(log: &Log, entry: Option<u64>) -> Vec<String> {
    let entry = entry.map_or(0, |it| it as usize);
    let from = entry.saturating_sub(12);
    let shown = log.entries[from..].iter().take(16).enumerate();
    shown
        .map(|(i, it)| {
            let mark = if from + i == entry { ">" } else { " " };
            let bytes = it.to_bytes();
            format!("{mark} {} {}", from + i, String::from_utf8_lossy(&bytes))
        })
        .collect()
}

fn number<Id>(event: &Event<Id>) -> usize {
    match event {
        Event::Joined { .. } => 0,
        Event::CheckedIn { .. } => 1,
        Event::Called { .. } => 2,
        Event::Started { .. } => 3,
        Event::Extended { .. } => 4,
        Event::Submitted { .. } => 5,
        Event::Ended { .. } => 6,
        Event::ModeSet { .. } => 7,
        Event::Pardoned { .. } => 8,
        Event::Resumed { .. } => 9,
    }
}

#[test]
fn every_beginning_of_an_honest_log_is_honest() {
    for seed in 1..=4 {
        let log = life(seed, 300);
        let mut auditor = auditor();
        for (size, entry) in log.bytes().iter().enumerate() {
            auditor.push(entry).unwrap();
            let report = auditor.report();
            assert!(
                report.is_fair(),
                "seed {seed}, {size} entries: {:#?}",
                report.violations
            );
        }
    }
}

#[test]
fn a_log_that_became_public_late_is_listed_and_not_condemned() {
    let mut log = life(3, 3000);
    let mut opened = log.entries.remove(0);
    // Before it was public it had no notices. The process that makes it public gives its own.
    let notices = (log.entries.iter().enumerate()).filter(|(_, entry)| entry.notice.is_some());
    let (place, _) = notices.skip(1).nth(1).unwrap();
    let after = log.entries.split_off(place);
    log.entries.retain(|entry| entry.notice.is_none());
    let size = log.entries.len() as u64;
    opened.at = log.entries.last().unwrap().at;
    log.entries.push(opened);
    log.entries.extend(after);
    let report = log.audit();
    assert!(report.is_fair(), "{:#?}", report.violations);
    let mut remarks = report.remarks.iter();
    let remark = remarks.find(|remark| remark.topic == Topic::NotPublicBefore);
    assert_eq!(remark.unwrap().entry, Some(size));
}

#[test]
fn figures_are_those_of_the_log() {
    let log = life(5, 1500);
    let report = log.audit();
    let statistics = report.statistics;
    assert_eq!(statistics.outcomes.contributed, log.transcript.len() as u64);
    let count = |is: fn(&Event<_>) -> bool| {
        let events = log.entries.iter().filter_map(|entry| entry.queue.as_ref());
        events.filter(|event| is(event)).count() as u64
    };
    assert_eq!(
        statistics.joined,
        count(|it| matches!(it, Event::Joined { .. }))
    );
    assert_eq!(
        statistics.turns,
        count(|it| matches!(it, Event::Called { .. }))
    );
    let hours = &statistics.hours;
    assert_eq!(
        hours.iter().map(|it| it.joined).sum::<u64>(),
        statistics.joined
    );
    assert_eq!(hours.iter().map(|it| it.idle).sum::<u64>(), statistics.idle);
    let lost = hours.iter().map(|it| it.lost).sum::<u64>();
    assert_eq!(lost + statistics.outcomes.contributed, statistics.turns);
    let waits = statistics.waits;
    assert!(waits.median <= waits.nine_tenths && waits.nine_tenths <= waits.longest);
    assert_eq!(report.root, log.head(log.entries.len()).root.to_string());
}

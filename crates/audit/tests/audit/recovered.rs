//! A log that goes on from another one (`docs/spec/public-log.md#recovery`).

use tauline_audit::{Kind, Topic};
use tauline_protocol::public_log::{Hex32, Notice, PublicEntry};
use tauline_queue_core::{Mode, Rules};

use crate::chain::{SECOND, eip55, ethereum, kinds};
use crate::support::{Log, Story, at, coordinator, five, opened, person, started};

fn recovered() -> Notice {
    Notice::Recovered {
        origin: "gone.example.org/log".to_owned(),
        entries: 77,
        root: Hex32([7; 32]),
        coordinator: eip55(&ethereum(SECOND)),
        contributions: 3,
        in_line: 2,
        used_up: 1,
        reason: "The machine burned down".to_owned(),
    }
}

fn with(place: usize) -> Log {
    let mut log = five(Rules::default()).log();
    let at = log.entries[place - 1].at;
    let entry = PublicEntry::of_notice(at, recovered());
    log.entries.insert(place, entry);
    log
}

#[test]
fn a_log_that_goes_on_from_another_says_so_in_its_second_entry() {
    let report = with(1).audit();
    assert!(report.is_fair(), "{:#?}", report.violations);
    assert_eq!(report.remark_counts.get(&Topic::Recovery), Some(&1));
    let remark = report.remarks.iter().find(|it| it.topic == Topic::Recovery);
    let remark = remark.unwrap();
    assert_eq!(remark.entry, Some(1));
    for words in [
        "gone.example.org/log",
        "77 entries",
        &"07".repeat(32),
        &eip55(&ethereum(SECOND)),
        "The reason given: The machine burned down. ",
        "carried over: 3.",
        "lost: 2.",
        "again: 1.",
    ] {
        assert!(remark.text.contains(words), "{words} in {}", remark.text);
    }
}

#[test]
fn contributions_that_are_carried_over_at_one_time_keep_to_the_rules() {
    // With a limit that follows recent turns, too.
    let mut auto = Rules::default();
    auto.contribution_min = Some(auto.contribution_limit / 3);
    for rules in [Rules::default(), auto] {
        let mut story = Story::new(rules);
        for n in 0..200 {
            let who = person(&format!("p{n}"));
            story.join_as(&who).at_once(&who);
        }
        story.mode(Mode::Halted);
        let now = story.now();
        story.log.notice(now, started(&rules));
        story.pass(60_000).mode(Mode::Open);
        story.join("ada").contribute("ada");
        let mut log = story.log();
        log.entries
            .insert(1, PublicEntry::of_notice(at(0), recovered()));
        log.assert_honest();
    }
}

#[test]
fn that_a_log_goes_on_from_another_is_said_too_late() {
    for place in [2, 5] {
        with(place).assert_caught(Kind::RecoveredLate, place);
    }
    let mut twice = with(1);
    let again = PublicEntry::of_notice(at(0), recovered());
    twice.entries.insert(2, again);
    twice.assert_caught(Kind::RecoveredLate, 2);
}

#[test]
fn that_a_log_goes_on_from_another_is_said_before_whose_it_is() {
    let mut log = with(1);
    log.entries.swap(0, 1);
    let found = kinds(&log.audit());
    assert_eq!(found, [Kind::RecoveredLate]);
    // Nor is it said in a log that was not public from its beginning.
    let mut late = Log::default();
    late.notice(at(0), started(&Rules::default()));
    late.notice(at(0), opened(&coordinator()));
    late.notice(at(0), recovered());
    late.assert_caught(Kind::RecoveredLate, 2);
}

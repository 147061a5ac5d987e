//! Frauds with time: deadlines, absences, pauses.

use std::time::Duration;

use tauline_audit::Kind;
use tauline_queue_core::{Command, Event, Mode, Outcome, Rules, Timestamp, Verdict};

use crate::support::{BEGAN, Log, Story, at, called, ended, five, joined, person, secs, ticket};

fn is_resumed(event: &Event<crate::support::Who>) -> bool {
    matches!(event, Event::Resumed { .. })
}

fn is_started(event: &Event<crate::support::Who>) -> bool {
    matches!(event, Event::Started { .. })
}

fn after(log: &Log, place: usize, length: Duration) -> Timestamp {
    log.entries[place].at.saturating_add(length)
}

fn ends(number: u64, outcome: Outcome) -> Event<crate::support::Who> {
    let ticket = ticket(number);
    Event::Ended { ticket, outcome }
}

#[test]
fn time_falls() {
    let mut log = five(Rules::default()).log();
    let place = log.entries.len() - 1;
    log.entries[place].at = at(0);
    let earlier = log.entries[place - 1].at.since(at(0));
    assert!(!earlier.is_zero());
    log.assert_caught(Kind::TimeFalls, place);
}

#[test]
fn somebody_has_to_check_in_sooner_than_everybody_else() {
    let mut log = five(Rules::default()).log();
    // Eve is the fourth in line: she has half a minute by the estimate, not five seconds.
    let place = log.find(joined(5));
    let by = after(&log, place, secs(5));
    if let Event::Joined { check_in_by, .. } = log.change(place) {
        assert!(*check_in_by > by);
        *check_in_by = by;
    }
    log.assert_caught(Kind::CheckInTooShort, place);
}

#[test]
fn somebody_has_less_than_the_shortest_interval() {
    let mut log = five(Rules::default()).log();
    let place = log.find(joined(2));
    let by = after(&log, place, secs(1));
    if let Event::Joined { check_in_by, .. } = log.change(place) {
        *check_in_by = by;
    }
    log.assert_caught(Kind::CheckInTooShort, place);
}

/// Dan and Eve check in for so long that it is recorded.
fn checked_in() -> (Log, usize) {
    let mut story = five(Rules::default());
    story.wait(&["bob", "carol", "dan", "eve"], 100);
    let log = story.log();
    let place = log.find(|event| matches!(event, Event::CheckedIn { .. }));
    (log, place)
}

#[test]
fn a_check_in_gives_less_time_than_the_rules() {
    let (mut log, place) = checked_in();
    let by = after(&log, place, secs(2));
    if let Event::CheckedIn { check_in_by, .. } = log.change(place) {
        *check_in_by = by;
    }
    log.assert_caught(Kind::CheckInTooShort, place);
}

#[test]
fn a_check_in_takes_back_what_was_promised() {
    let mut rules = Rules::default();
    rules.lasting_step = Duration::ZERO;
    let mut story = five(rules);
    // Eve, the fourth, has long; then those ahead leave and the rules would give her five seconds.
    for name in ["carol", "dan"] {
        let id = person(name);
        story.step(Command::Leave { id }).unwrap();
    }
    let mut log = story.log();
    let place = log.entries.len();
    let at = log.entries[place - 1].at;
    let check_in = Event::CheckedIn {
        ticket: ticket(5),
        check_in_by: at.saturating_add(secs(5)),
        lasting_by: Some(at.saturating_add(secs(10))),
    };
    log.insert(place, check_in);
    log.assert_caught(Kind::PromiseTakenBack, place);
}

#[test]
fn a_promise_is_not_covered_by_its_record() {
    let mut log = five(Rules::default()).log();
    let place = log.find(joined(3));
    if let Event::Joined {
        check_in_by,
        lasting_by,
        ..
    } = log.change(place)
    {
        *lasting_by = *check_in_by;
    }
    log.assert_caught(Kind::PromiseNotCovered, place);
}

#[test]
fn somebody_has_less_time_to_start() {
    let mut log = five(Rules::default()).log();
    let place = log.find(called(1));
    let by = after(&log, place, secs(14));
    if let Event::Called { start_by, .. } = log.change(place) {
        *start_by = by;
    }
    log.assert_caught(Kind::StartTooShort, place);
}

#[test]
fn somebody_has_less_time_to_contribute() {
    let mut log = five(Rules::default()).log();
    let place = log.find(is_started);
    let by = after(&log, place, secs(60));
    if let Event::Started { contribute_by, .. } = log.change(place) {
        *contribute_by = by;
    }
    log.assert_caught(Kind::ContributionTooShort, place);
}

#[test]
fn a_friend_has_more_time_to_contribute() {
    let mut log = five(Rules::default()).log();
    let place = log.find(is_started);
    let by = after(&log, place, secs(600));
    if let Event::Started { contribute_by, .. } = log.change(place) {
        *contribute_by = by;
    }
    log.assert_caught(Kind::ContributionTooLong, place);
}

#[test]
fn the_limit_does_not_follow_recent_turns() {
    let mut rules = Rules::default();
    rules.contribution_min = Some(secs(20));
    let mut story = Story::new(rules);
    for n in 0..7 {
        let name = format!("p{n}");
        story.join(&name).contribute(&name);
    }
    let mut log = story.log();
    let place = log.find_last(is_started);
    let Some(Event::Started { contribute_by, .. }) = log.entries[place].queue else {
        unreachable!();
    };
    assert_eq!(contribute_by, after(&log, place, secs(20)));
    let by = after(&log, place, secs(180));
    if let Event::Started { contribute_by, .. } = log.change(place) {
        *contribute_by = by;
    }
    log.assert_caught(Kind::ContributionTooLong, place);
}

#[test]
fn somebody_stalls_sooner_than_everybody_else() {
    let mut story = Story::new(Rules::default());
    story.join("ada").start("ada", true).pass(1000);
    let mut log = story.log();
    let place = log.find(is_started);
    let by = after(&log, place, secs(10));
    if let Event::Started { stall_by, .. } = log.change(place) {
        *stall_by = Some(by);
    }
    log.assert_caught(Kind::WrongStallTime, place);
}

/// Ada has started, with limits that follow recent turns.
fn extended() -> Story {
    let mut rules = Rules::default();
    rules.contribution_min = Some(secs(20));
    let mut story = Story::new(rules);
    for n in 0..6 {
        let name = format!("p{n}");
        story.join(&name).contribute(&name);
    }
    story.join("ada").start("ada", false);
    story.pass(10_000);
    let id = person("ada");
    story.step(Command::Upload { id }).unwrap();
    story
}

#[test]
fn a_friend_is_waited_for_longer_than_there_is() {
    let mut log = extended().log();
    let place = log.find(|event| matches!(event, Event::Extended { .. }));
    let by = after(&log, place, secs(100));
    if let Event::Extended { contribute_by, .. } = log.change(place) {
        *contribute_by = by;
    }
    log.assert_caught(Kind::ExtendedTooFar, place);
}

#[test]
fn an_extension_takes_time_away() {
    let mut log = extended().log();
    let place = log.find(|event| matches!(event, Event::Extended { .. }));
    let by = after(&log, place, secs(1));
    if let Event::Extended { contribute_by, .. } = log.change(place) {
        *contribute_by = by;
    }
    log.assert_caught(Kind::PromiseTakenBack, place);
}

#[test]
fn a_coordinator_gives_itself_more_time_to_verify() {
    let mut story = five(Rules::default());
    let mut log = story.submit("ada").log();
    let place = log.entries.len() - 1;
    let by = after(&log, place, secs(3000));
    if let Event::Submitted { verify_by, .. } = log.change(place) {
        *verify_by = by;
    }
    log.assert_caught(Kind::WrongVerificationTime, place);
}

#[test]
fn a_verdict_is_given_when_the_time_for_it_is_over() {
    let mut story = Story::new(Rules::default());
    story.join("ada").start("ada", false).pass(1000);
    story.submit("ada").pass(1000).judge(Verdict::Valid);
    let mut log = story.log();
    let place = log.find(ended(1));
    log.entries[place].at = after(&log, place, secs(400));
    log.assert_caught(Kind::LateVerdict, place);
}

#[test]
fn somebody_fails_to_start_too_early() {
    let mut story = Story::new(Rules::default());
    let mut log = story.join("ada").log();
    let place = log.push(at(17), ends(1, Outcome::FailedToStart));
    log.assert_caught(Kind::EndedTooEarly, place);
}

#[test]
fn somebody_runs_out_of_time_too_early() {
    let mut log = five(Rules::default()).log();
    let place = log.push(at(100), ends(1, Outcome::TimedOut));
    log.assert_caught(Kind::EndedTooEarly, place);
}

#[test]
fn somebody_stalls_before_anybody_can() {
    let mut story = Story::new(Rules::default());
    story.join("ada").start("ada", true).pass(1000);
    let mut log = story.log();
    // A cut connection gives fifteen seconds, and five of grace.
    let place = log.push(at(19), ends(1, Outcome::Stalled));
    log.assert_caught(Kind::EndedTooEarly, place);
    log.entries[place].at = at(20);
    log.assert_honest();
}

#[test]
fn a_friend_starts_after_its_time() {
    let mut story = Story::new(Rules::default());
    let mut log = story.join("ada").log();
    let start = Event::Started {
        ticket: ticket(1),
        contribute_by: at(225),
        stall_by: None,
    };
    let place = log.push(at(45), start);
    log.assert_caught(Kind::LateButKept, place);
}

#[test]
fn a_friend_hands_in_after_its_time() {
    let mut log = five(Rules::default()).log();
    let hand_in = Event::Submitted {
        ticket: ticket(1),
        verify_by: at(500),
    };
    let place = log.push(at(200), hand_in);
    log.assert_caught(Kind::LateButKept, place);
}

#[test]
fn a_deadline_passes_while_the_ceremony_is_halted() {
    let mut story = five(Rules::default());
    let mut log = story.mode(Mode::Halted).log();
    let place = log.push(at(60), ends(2, Outcome::MissedCheckIn));
    log.assert_caught(Kind::EndedWhileHalted, place);
}

#[test]
fn people_in_line_pay_for_an_absence() {
    let mut story = five(Rules::default());
    story.pass(500);
    let mut log = story.log();
    // Nobody was there for ten minutes, and then all are ended.
    let place = log.push(at(600), ends(2, Outcome::MissedCheckIn));
    log.assert_caught(Kind::AbsenceNotMadeGood, place);
}

#[test]
fn whoever_has_the_turn_pays_for_an_absence() {
    let mut story = Story::new(Rules::default());
    let mut log = story.join("ada").log();
    let place = log.push(at(300), ends(1, Outcome::FailedToStart));
    log.assert_caught(Kind::AbsenceNotMadeGood, place);
}

/// Ada contributes when the coordinator is away for a minute.
fn restarted() -> Story {
    let mut story = five(Rules::default());
    story.restart(60_000).pass(0);
    story.check_in("bob");
    story
}

#[test]
fn a_restart_is_not_made_good() {
    let mut story = restarted();
    story.submit("ada");
    let mut log = story.log();
    let resumed = log.find(is_resumed);
    log.entries.remove(resumed);
    log.assert_caught(Kind::RestartNotMadeGood, resumed);
}

#[test]
fn a_restart_is_made_good_by_half() {
    let mut log = restarted().log();
    let place = log.find(is_resumed);
    if let Event::Resumed { pause, .. } = log.change(place) {
        *pause /= 2;
    }
    log.assert_caught(Kind::AbsenceTooShort, place);
}

#[test]
fn a_restart_gives_a_friend_an_hour_more() {
    let mut log = restarted().log();
    let place = log.find(is_resumed);
    if let Event::Resumed { pause, .. } = log.change(place) {
        *pause += secs(3600);
    }
    log.assert_caught(Kind::AbsenceTooLong, place);
}

/// Ada contributes, and nothing has been written for some seconds, when another replica takes the lead within four.
fn failed_over() -> Story {
    let mut story = five(Rules::default());
    story.pass(4_000).fail_over(4_000).pass(0);
    story.check_in("bob");
    story
}

#[test]
fn an_absence_counts_from_when_the_coordinator_was_last_there() {
    let mut log = failed_over().log();
    log.assert_honest();
    let place = log.find(is_resumed);
    let Event::Resumed { pause, .. } = log.change(place) else {
        unreachable!()
    };
    assert_eq!(*pause, secs(4));
}

#[test]
fn an_absence_is_longer_or_shorter_than_the_start_says() {
    for (pause_is, kind) in [(8, Kind::AbsenceTooLong), (3, Kind::AbsenceTooShort)] {
        let mut log = failed_over().log();
        let place = log.find(is_resumed);
        if let Event::Resumed { pause, .. } = log.change(place) {
            *pause = secs(pause_is);
        }
        log.assert_caught(kind, place);
    }
}

#[test]
fn an_absence_is_made_up() {
    let mut log = five(Rules::default()).log();
    let place = log.entries.len();
    let resumed = Event::Resumed {
        pause: Duration::from_millis(900),
        restarted: false,
    };
    log.insert(place, resumed);
    log.entries[place].at = after(&log, place, secs(1));
    log.assert_caught(Kind::AbsenceTooShort, place);
}

#[test]
fn a_restart_is_made_up() {
    let mut log = restarted().log();
    let notice = log.find(is_resumed) - 1;
    log.entries.remove(notice);
    log.assert_caught(Kind::RestartNotAnnounced, notice);
}

#[test]
fn a_pause_is_not_made_good() {
    let mut story = five(Rules::default());
    story.mode(Mode::Halted).pass(60_000).mode(Mode::Open);
    let mut log = story.log();
    let resumed = log.find(is_resumed);
    log.entries.remove(resumed);
    log.assert_caught(Kind::PauseNotMadeGood, resumed);
}

#[test]
fn a_pause_is_made_longer_than_it_was() {
    let mut story = five(Rules::default());
    story.mode(Mode::Halted).pass(60_000).mode(Mode::Open);
    let mut log = story.log();
    let place = log.find(is_resumed);
    if let Event::Resumed { pause, .. } = log.change(place) {
        *pause += secs(1);
    }
    log.assert_caught(Kind::AbsenceTooLong, place);
}

#[test]
fn a_stalled_process_is_an_absence_of_its_length() {
    let mut story = five(Rules::default());
    // No timer: the process stands still.
    let now = story.now().as_millis() + 40_000;
    let id = person("bob");
    let step = story
        .queue
        .step(Timestamp::from_millis(now), Command::CheckIn { id });
    let mut log = story.log.clone();
    step.entries.iter().for_each(|entry| log.event(entry));
    log.find(is_resumed);
    log.assert_honest();
    assert!(now > BEGAN);
}

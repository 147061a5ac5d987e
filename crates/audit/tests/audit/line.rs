//! Frauds in line: who joins, who is pardoned, who is kept.

use tauline_audit::Kind;
use tauline_queue_core::{Event, Mode, Outcome, Rules, Verdict};

use crate::support::{
    BEGAN, Story, Who, at, blinding, commitment, ended, five, joined, person, secs, ticket,
};

fn join(number: u64, name: &str, millis: u64) -> Event<Who> {
    let at = tauline_queue_core::Timestamp::from_millis(millis);
    Event::Joined {
        ticket: ticket(number),
        id: commitment(name),
        check_in_by: at.saturating_add(secs(200)),
        lasting_by: at.saturating_add(secs(400)),
    }
}

fn last(story: &Story) -> u64 {
    story.log.entries.last().unwrap().at.as_millis()
}

#[test]
fn somebody_has_two_places() {
    let story = five(Rules::default());
    let mut log = story.log();
    let place = log.entries.len();
    log.insert(place, join(6, "dan", last(&story)));
    log.assert_caught(Kind::JoinedTwice, place);
}

#[test]
fn a_friend_who_lost_its_place_joins_again() {
    let mut story = five(Rules::default());
    story.submit("ada").pass(500).judge(Verdict::Valid);
    story.pass(80_000);
    let mut log = story.log();
    log.find(ended(2));
    let place = log.entries.len();
    log.insert(place, join(6, "bob", last(&story)));
    log.assert_caught(Kind::JoinedThoughUsedUp, place);
}

#[test]
fn somebody_contributes_twice() {
    let mut story = five(Rules::default());
    story.submit("ada").pass(500).judge(Verdict::Valid);
    let mut log = story.log();
    let place = log.entries.len();
    log.insert(place, join(6, "ada", last(&story)));
    log.assert_caught(Kind::JoinedThoughUsedUp, place);
}

#[test]
fn a_contributor_is_pardoned() {
    let mut story = five(Rules::default());
    story.submit("ada").pass(500).judge(Verdict::Valid);
    let mut log = story.log();
    let place = log.entries.len();
    let id = commitment("ada");
    log.insert(place, Event::Pardoned { id });
    log.assert_caught(Kind::PardonOfContribution, place);
}

#[test]
fn a_pardon_is_kept_in_store() {
    let mut log = five(Rules::default()).log();
    let place = log.entries.len();
    let id = commitment("dan");
    log.insert(place, Event::Pardoned { id });
    log.assert_caught(Kind::PardonWithoutCause, place);
}

#[test]
fn a_pardon_is_taken_out_of_the_log() {
    let mut story = five(Rules::default());
    story.submit("ada").pass(500).judge(Verdict::Invalid);
    story.pardon("ada").join("ada");
    let mut log = story.log();
    let pardon = log.find(|event| matches!(event, Event::Pardoned { .. }));
    log.entries.remove(pardon);
    log.assert_caught(Kind::JoinedThoughUsedUp, pardon);
}

#[test]
fn a_friend_joins_while_the_ceremony_drains() {
    let mut story = five(Rules::default());
    story.mode(Mode::Draining);
    let mut log = story.log();
    let place = log.entries.len();
    log.insert(place, join(6, "friend", last(&story)));
    log.assert_caught(Kind::JoinedWhileClosed, place);
}

#[test]
fn a_friend_joins_while_the_ceremony_is_halted() {
    let mut story = five(Rules::default());
    story.mode(Mode::Halted);
    let mut log = story.log();
    let place = log.entries.len();
    log.insert(place, join(6, "friend", last(&story)));
    log.assert_caught(Kind::JoinedWhileClosed, place);
}

#[test]
fn a_joining_is_taken_out_of_the_log() {
    let mut log = five(Rules::default()).log();
    let place = log.find(joined(4));
    log.entries.remove(place);
    log.assert_caught(Kind::TicketOutOfOrder, place);
}

#[test]
fn a_drained_ceremony_goes_on_in_silence() {
    let mut story = Story::new(Rules::default());
    story.join("ada").mode(Mode::Draining).contribute("ada");
    let mut log = story.log();
    let halted = log.find_last(|event| matches!(event, Event::ModeSet { .. }));
    *log.change(halted) = Event::ModeSet { mode: Mode::Open };
    log.assert_caught(Kind::DrainedGoesOn, halted);
}

#[test]
fn a_mode_is_set_that_was_set() {
    let mut log = five(Rules::default()).log();
    let place = log.entries.len();
    log.insert(place, Event::ModeSet { mode: Mode::Open });
    log.assert_caught(Kind::ModeUnchanged, place);
}

/// Bob vanishes, and has missed his check-in when Carol is called.
fn vanished() -> Story {
    let mut story = Story::new(Rules::default());
    story.join("ada").join("bob").join("carol");
    story.start("ada", false);
    story.wait(&["carol"], 100);
    story.submit("ada").judge(Verdict::Valid);
    story.check_in("carol");
    story
}

#[test]
fn a_friend_is_kept_in_line_after_its_deadline_and_called() {
    let mut story = vanished();
    story.contribute("carol");
    let mut log = story.log();
    let end = log.find(ended(2));
    log.entries.remove(end);
    // Carol could only be called past Bob.
    let carol =
        log.find(|event| matches!(event, Event::Called { ticket, .. } if ticket.value() == 3));
    if let Event::Called { passed, .. } = log.change(carol) {
        passed.push(ticket(2));
    }
    let place = log.entries.len();
    let at = log.entries[place - 1].at;
    let call = Event::Called {
        ticket: ticket(2),
        start_by: at.saturating_add(secs(15)),
        passed: Vec::new(),
    };
    log.insert(place, call);
    let report = log.audit();
    let found = report.violations.iter().map(|it| (it.kind, it.entry));
    let found: Vec<_> = found.collect();
    assert!(
        found.contains(&(Kind::LateButKept, Some(place as u64))),
        "{found:?}"
    );
}

#[test]
fn a_friend_is_never_ended() {
    let mut story = Story::new(Rules::default());
    story.join("ada").join("bob").join("carol");
    story.start("ada", false);
    story.wait(&["carol"], 140);
    let mut log = story.log();
    let end = log.find(ended(2));
    log.entries.remove(end);
    let report = log.audit();
    let first = &report.violations[0];
    assert_eq!(
        (first.kind, first.ticket),
        (Kind::LateButKept, Some(ticket(2))),
        "{first:?}"
    );
}

#[test]
fn a_friend_checks_in_after_its_deadline() {
    let mut story = Story::new(Rules::default());
    story.join("ada").join("bob").join("carol");
    story.start("ada", false);
    story.wait(&["carol"], 60);
    let mut log = story.log();
    log.entries.remove(log.find(ended(2)));
    // Five seconds after he joined, and a minute that the record covers, and the grace: 70 s.
    let now = at(70);
    let check_in = Event::CheckedIn {
        ticket: ticket(2),
        check_in_by: now.saturating_add(secs(200)),
        lasting_by: Some(now.saturating_add(secs(400))),
    };
    let place = log.push(now, check_in);
    log.assert_caught(Kind::LateButKept, place);
    log.entries[place].at = tauline_queue_core::Timestamp::from_millis(BEGAN + 69_999);
    log.assert_honest();
}

#[test]
fn somebody_loses_its_place_before_its_deadline() {
    let mut story = five(Rules::default());
    let mut log = story.pass(2000).log();
    // Dan joined after 0.1 s, and had five seconds and five of grace.
    let missed = Event::Ended {
        ticket: ticket(4),
        outcome: Outcome::MissedCheckIn,
    };
    let place = log.push(at(3), missed);
    log.assert_caught(Kind::EndedTooEarly, place);
}

#[test]
fn somebody_is_not_given_the_grace() {
    let story = five(Rules::default());
    let mut log = story.log();
    let missed = Event::Ended {
        ticket: ticket(2),
        outcome: Outcome::MissedCheckIn,
    };
    let by = tauline_queue_core::Timestamp::from_millis(BEGAN + 9_999);
    let place = log.push(by, missed.clone());
    log.assert_caught(Kind::EndedTooEarly, place);
    // A millisecond later it would have been right.
    log.entries[place].at = at(10);
    log.assert_honest();
}

#[test]
fn names_of_participants_open_commitments() {
    let nonce = blinding().nonce(&person("ada"));
    assert_eq!(
        tauline_protocol::public_log::Commitment::new(&person("ada"), &nonce),
        commitment("ada")
    );
}

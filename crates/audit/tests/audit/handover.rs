//! Frauds with a ceremony that is given from one coordinator to another.

use tauline_audit::Kind;
use tauline_log::note::Signer;
use tauline_protocol::public_log::Notice;
use tauline_queue_core::{Event, Mode, Rules};

use crate::chain::{
    ANOTHER, Chain, SECOND, STRANGER, THIRD, certificate, chain, eip55, ethereum, handed_over,
    handing_over, kinds, log_key, rotated, say, signed_by,
};
use crate::support::{Log, Story, coordinator, five, started, ticket};

#[test]
fn another_goes_on_than_the_one_that_was_named() {
    let Chain { mut log, keys } = chain();
    let (place, _) = keys[1];
    log.entries[place].notice = Some(handed_over(STRANGER));
    log.assert_caught(Kind::OtherSuccessor, place);
    // Its key is not the log's.
    let found = signed_by(&log, place + 1, STRANGER);
    assert!(found.contains(&Kind::CheckpointNotSigned), "{found:?}");
}

#[test]
fn who_goes_on_has_not_certified_the_key() {
    let Chain { mut log, keys } = chain();
    let (place, _) = keys[1];
    let by_a_stranger: fn(&str) -> String = |key| certificate(&ethereum(STRANGER), key);
    for forged in [by_a_stranger, |_| String::new()] {
        let mut notice = handed_over(SECOND);
        if let Notice::HandedOver {
            certificate, key, ..
        } = &mut notice
        {
            *certificate = forged(key);
        }
        log.entries[place].notice = Some(notice);
        log.assert_caught(Kind::OtherSuccessor, place);
    }
}

#[test]
fn who_goes_on_brings_another_logs_key() {
    let Chain { mut log, keys } = chain();
    let (place, _) = keys[1];
    let own = ethereum(SECOND);
    let other = Signer::from_seed("other.example.org/log".parse().unwrap(), &[SECOND; 32]);
    let key = other.verifier_key().to_string();
    log.entries[place].notice = Some(Notice::HandedOver {
        coordinator: eip55(&own),
        certificate: certificate(&own, &key),
        key,
    });
    log.assert_caught(Kind::WrongCertificate, place);
}

/// A log that ends with the entry that gives the ceremony away.
fn given_away() -> Log {
    let Chain { mut log, keys } = chain();
    log.entries.truncate(keys[1].0);
    log.assert_honest();
    log
}

#[test]
fn the_queue_goes_on_although_the_ceremony_was_given_away() {
    let mut log = given_away();
    let now = log.entries.last().unwrap().at;
    let place = log.push(now, Event::ModeSet { mode: Mode::Open });
    log.assert_caught(Kind::WentOnAfterHandover, place);
}

#[test]
fn a_coordinator_goes_on_although_it_gave_the_ceremony_away() {
    let mut log = given_away();
    let (now, place) = (log.entries.last().unwrap().at, log.entries.len());
    for notice in [
        started(&Rules::default()),
        handing_over(&log, &coordinator(), &ethereum(THIRD)),
        rotated(&coordinator(), &log_key(ANOTHER)),
    ] {
        log.entries.truncate(place);
        log.notice(now, notice);
        log.assert_caught(Kind::WentOnAfterHandover, place);
    }
    // Whoever was named comes too late then: that log is not the one that was given away.
    log.notice(now, handed_over(SECOND));
    let expected = [Kind::WentOnAfterHandover, Kind::HandoverNotAnnounced];
    assert_eq!(kinds(&log.audit()), expected);
}

#[test]
fn a_ceremony_is_taken_that_nobody_gave_away() {
    let mut story = five(Rules::default());
    let mut log = story.mode(Mode::Halted).log();
    let (now, place) = (log.entries.last().unwrap().at, log.entries.len());
    log.notice(now, handed_over(SECOND));
    log.assert_caught(Kind::HandoverNotAnnounced, place);
    let report = log.audit();
    assert_eq!(report.coordinators, [eip55(&coordinator())]);
}

#[test]
fn a_ceremony_is_given_away_while_it_runs() {
    let to = |story: &Story| handing_over(&story.log, &coordinator(), &ethereum(SECOND));
    let mut open = five(Rules::default());
    let giving = to(&open);
    let place = say(&mut open, giving);
    open.log.assert_caught(Kind::HandedOverWhileRunning, place);

    let mut verifying = five(Rules::default());
    verifying.submit("ada").mode(Mode::Halted);
    let giving = to(&verifying);
    let place = say(&mut verifying, giving);
    let log = &verifying.log;
    log.assert_caught(Kind::HandedOverWhileRunning, place);
    assert_eq!(log.audit().violations[0].ticket, Some(ticket(1)));

    // A contribution that did not arrive yet can arrive at the other one.
    let mut halted = five(Rules::default());
    halted.mode(Mode::Halted);
    let giving = to(&halted);
    say(&mut halted, giving);
    halted.log.assert_honest();
}

#[test]
fn a_copy_of_a_log_goes_on_elsewhere_without_its_coordinators_word() {
    let mut story = five(Rules::default());
    story.mode(Mode::Halted);
    // Whoever has the public log can append to a copy of it, and give it to itself.
    let forged = handing_over(&story.log, &ethereum(STRANGER), &ethereum(STRANGER));
    let place = say(&mut story, forged);
    say(&mut story, handed_over(STRANGER));
    story.log.assert_caught(Kind::HandoverNotSigned, place);

    // The coordinator's own word is for one tree alone.
    let mut story = five(Rules::default());
    story.mode(Mode::Halted);
    let earlier = handing_over(&story.log, &coordinator(), &ethereum(SECOND));
    story.mode(Mode::Open).pass(1000).mode(Mode::Halted);
    let place = say(&mut story, earlier);
    story.log.assert_caught(Kind::HandoverNotSigned, place);
}

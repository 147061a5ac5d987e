//! Frauds with the transcript: what was accepted must be what is in it.

use tauline_audit::{Kind, TranscriptEntry, TranscriptFindings};
use tauline_protocol::Identity;
use tauline_protocol::public_log::{Blinding, Hex32};
use tauline_queue_core::{Event, Mode, Rules};

use crate::support::{Log, Story, Witness, auditor, commitment, ended, joined, person};

/// Five people have contributed, and the ceremony is over.
fn over() -> Log {
    let mut story = Story::new(Rules::default());
    for name in ["ada", "bob", "carol", "dan", "eve"] {
        story.join(name).contribute(name);
    }
    story.mode(Mode::Draining);
    story.log()
}

fn audited(log: &Log, transcript: &[Witness]) -> TranscriptFindings {
    let auditor = log.read_by(auditor());
    let mut audit = auditor.transcript();
    for (number, witness) in (1..).zip(transcript) {
        audit.entry(&TranscriptEntry {
            number,
            identity: witness.identity.as_str(),
            parts: &witness.parts(),
            ecdsa: witness.ecdsa.as_deref(),
        });
    }
    audit.finish()
}

fn kinds(findings: &TranscriptFindings) -> Vec<Kind> {
    findings.violations.iter().map(|it| it.kind).collect()
}

#[test]
fn the_transcript_of_an_honest_log_is_its_own() {
    let log = over();
    let findings = audited(&log, &log.transcript);
    assert_eq!((kinds(&findings), findings.contributions), (vec![], 5));
}

#[test]
fn a_contribution_is_dropped_from_the_end() {
    let log = over();
    let findings = audited(&log, &log.transcript[..4]);
    assert_eq!(kinds(&findings), [Kind::NotInTranscript]);
    assert_eq!(findings.violations[0].ticket.map(|it| it.value()), Some(5));
}

#[test]
fn a_contribution_is_dropped_from_the_middle() {
    let log = over();
    let mut transcript = log.transcript.clone();
    transcript.remove(2);
    let findings = audited(&log, &transcript);
    assert_eq!(kinds(&findings)[0], Kind::ContributorDiffers);
}

#[test]
fn a_transcript_that_ends_early_while_the_ceremony_goes_on_is_older() {
    let mut log = over();
    log.entries.truncate(log.entries.len() - 2);
    let findings = audited(&log, &log.transcript[..3]);
    assert_eq!((kinds(&findings), findings.newer_in_log), (vec![], 2));
}

#[test]
fn a_contribution_is_added_that_nobody_had_a_turn_for() {
    let log = over();
    let mut transcript = log.transcript.clone();
    transcript.push(Witness::new(6, person("friend")));
    let findings = audited(&log, &transcript);
    assert_eq!(kinds(&findings), [Kind::NotInLog]);
}

#[test]
fn two_contributions_change_places() {
    let log = over();
    let mut transcript = log.transcript.clone();
    transcript.swap(1, 3);
    let findings = audited(&log, &transcript);
    assert_eq!(kinds(&findings), [Kind::ContributorDiffers; 2]);
}

#[test]
fn somebodys_contribution_is_replaced_by_another() {
    let log = over();
    for change in [
        (|it| it.points[1].0[3] ^= 1) as fn(&mut Witness),
        |it| it.points[0].1[0] ^= 1,
        |it| it.points[0].2 = None,
        |it| it.points[1].2 = Some(vec![1; 48]),
        |it| it.ecdsa = None,
        |it| it.points.truncate(1),
    ] {
        let mut transcript = log.transcript.clone();
        change(&mut transcript[1]);
        let findings = audited(&log, &transcript);
        assert_eq!(kinds(&findings), [Kind::ContributionDiffers]);
    }
}

#[test]
fn a_contribution_is_given_to_a_friend() {
    let log = over();
    let mut transcript = log.transcript.clone();
    transcript[1].identity = person("friend");
    let findings = audited(&log, &transcript);
    assert_eq!(kinds(&findings), [Kind::ContributorDiffers]);
}

#[test]
fn somebody_contributes_twice_under_one_commitment() {
    // The log condemns itself.
    let mut log = over();
    let place = log.find(joined(4));
    if let Event::Joined { id, .. } = log.change(place) {
        *id = commitment("ada");
    }
    log.assert_caught(Kind::JoinedThoughUsedUp, place);
}

/// A log in which the second contributor has contributed again as the fourth: with another nonce, so
/// that the log does not show it.
fn again(first: Identity, fourth: Identity) -> Log {
    let mut story = Story::new(Rules::default());
    story.join("ada").contribute("ada");
    story.join_as(&first).contribute_as(&first);
    for name in ["carol", "dan"] {
        story.join(name).contribute(name);
    }
    let mut log = story.log();
    let other = Blinding::new([6; 32]);
    let place = log.find(joined(4));
    if let Event::Joined { id, .. } = log.change(place) {
        *id = other.commitment(&fourth);
    }
    let end = log.find(ended(4));
    log.transcript[3] = Witness::new(4, fourth.clone());
    let mut accepted = log.transcript[3].accepted();
    accepted.nonce = Hex32(other.nonce(&fourth));
    log.entries[end].accepted = Some(accepted);
    log.assert_honest();
    log
}

#[test]
fn somebody_stands_in_the_transcript_twice() {
    let renamed = |login| Identity::github(7, login).unwrap();
    for (first, fourth) in [
        (person("bob"), person("bob")),
        (renamed("bob"), renamed("bobby")),
    ] {
        let log = again(first, fourth);
        let findings = audited(&log, &log.transcript);
        assert_eq!(kinds(&findings), [Kind::ContributedTwice]);
        let end = log.find(ended(4)) as u64;
        assert_eq!(findings.violations[0].entry, Some(end));
    }
    let other = Identity::github(8, "bob").unwrap();
    let log = again(renamed("bob"), other);
    assert!(audited(&log, &log.transcript).violations.is_empty());
}

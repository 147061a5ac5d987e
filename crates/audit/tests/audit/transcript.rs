//! Frauds with the transcript: what was accepted must be what is in it.

use tauline_audit::{Kind, TranscriptEntry, TranscriptFindings};
use tauline_queue_core::{Mode, Rules};

use crate::support::{Log, Story, Witness, auditor, person};

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
fn somebody_stands_in_the_transcript_twice() {
    // A log in which Ada could contribute twice is condemned for itself; the transcript shows it too.
    let mut log = over();
    let place = log.find(crate::support::joined(4));
    let ada = log.find(crate::support::joined(1));
    let nonce = log.transcript[0].accepted().nonce;
    let (id, _) = (crate::support::commitment("ada"), ada);
    if let tauline_queue_core::Event::Joined { id: whose, .. } = log.change(place) {
        *whose = id;
    }
    log.transcript[3] = Witness::new(4, person("ada"));
    assert_eq!(log.transcript[3].accepted().nonce, nonce);
    let end = log.find(crate::support::ended(4));
    log.entries[end].accepted = Some(log.transcript[3].accepted());
    let report = log.audit();
    assert_eq!(report.violations[0].kind, Kind::JoinedThoughUsedUp);
}

//! Frauds with whose log it is, by which rules it goes, and in what form it is.

use k256::ecdsa::SigningKey;
use tauline_audit::{Auditor, Expected, Kind};
use tauline_log::note::Signer;
use tauline_protocol::public_log::{Notice, PublicEntry};
use tauline_queue_core::Rules;

use crate::support::{ORIGIN, address, at, auditor, five, opened, started};

#[test]
fn nobody_owns_the_log() {
    let mut log = five(Rules::default()).log();
    log.entries.remove(0);
    let report = log.audit();
    assert_eq!(report.violations[0].kind, Kind::NotOpened);
    assert!(report.origin.is_none() && report.coordinator.is_none());
}

#[test]
fn the_log_changes_its_owner() {
    let mut log = five(Rules::default()).log();
    let place = log.entries.len();
    let other = SigningKey::from_slice(&[0x43; 32]).unwrap();
    let at = log.entries[place - 1].at;
    log.notice(at, opened(&other));
    log.assert_caught(Kind::OpenedTwice, place);
}

fn with_opening(change: impl Fn(&mut Notice)) -> crate::support::Log {
    let mut log = five(Rules::default()).log();
    change(log.entries[0].notice.as_mut().unwrap());
    log
}

#[test]
fn the_logs_key_is_certified_by_somebody_else() {
    let log = with_opening(|notice| {
        let theirs = opened(&SigningKey::from_slice(&[0x43; 32]).unwrap());
        let Notice::Opened {
            certificate: theirs,
            ..
        } = theirs
        else {
            unreachable!();
        };
        if let Notice::Opened { certificate, .. } = notice {
            *certificate = theirs;
        }
    });
    log.assert_caught(Kind::WrongCertificate, 0);
}

#[test]
fn the_logs_key_is_exchanged() {
    let log = with_opening(|notice| {
        if let Notice::Opened { key, .. } = notice {
            let other = Signer::from_seed(ORIGIN.parse().unwrap(), &[8; 32]);
            *key = other.verifier_key().to_string();
        }
    });
    log.assert_caught(Kind::WrongCertificate, 0);
}

#[test]
fn the_certificate_is_for_another_origin() {
    let log = with_opening(|notice| {
        if let Notice::Opened { origin, .. } = notice {
            *origin = "other.example.org/log".to_owned();
        }
    });
    log.assert_caught(Kind::WrongCertificate, 0);
}

#[test]
fn the_certificate_is_no_signature() {
    let log = with_opening(|notice| {
        if let Notice::Opened { certificate, .. } = notice {
            certificate.truncate(128);
        }
    });
    log.assert_caught(Kind::WrongCertificate, 0);
}

#[test]
fn a_whole_log_is_another_coordinators() {
    let mut log = five(Rules::default()).log();
    let other = SigningKey::from_slice(&[0x43; 32]).unwrap();
    log.entries[0] = PublicEntry::of_notice(at(0), opened(&other));
    log.assert_caught(Kind::OtherCoordinator, 0);
    // Who expects nobody is told who it is.
    let report = log.read_by(Auditor::new(Expected::default())).report();
    assert!(report.is_fair());
    let theirs = tauline_transcript::signature::eip55(&address(&other));
    assert_eq!(report.coordinator, Some(theirs));
}

#[test]
fn a_coordinator_has_a_second_key() {
    let log = five(Rules::default()).log();
    let mut expected = Expected::default();
    let other = Signer::from_seed(ORIGIN.parse().unwrap(), &[8; 32]);
    expected.key = Some(other.verifier_key().clone());
    let report = log.read_by(Auditor::new(expected)).report();
    assert_eq!(report.violations[0].kind, Kind::OtherKey);
}

#[test]
fn the_rules_are_not_told() {
    let mut log = five(Rules::default()).log();
    log.entries.remove(1);
    log.assert_caught(Kind::RulesNotTold, 1);
}

#[test]
fn the_rules_make_no_sense() {
    let mut log = five(Rules::default()).log();
    let mut rules = Rules::default();
    rules.checkin_min = rules.checkin_max * 2;
    log.entries[1] = PublicEntry::of_notice(at(0), started(&rules));
    log.assert_caught(Kind::UnusableRules, 1);
}

#[test]
fn an_entry_is_none() {
    let log = five(Rules::default()).log();
    let mut auditor = auditor();
    for (i, entry) in log.bytes().iter().enumerate() {
        // The same values in another form: two people could have two logs.
        let text = String::from_utf8(entry.clone()).unwrap();
        let other = text.replacen(':', ": ", 1);
        let entry = if i == 3 { other } else { text };
        auditor.push(entry.as_bytes()).unwrap();
    }
    let report = auditor.report();
    let first = &report.violations[0];
    assert_eq!((first.kind, first.entry), (Kind::UnreadableEntry, Some(3)));
}

#[test]
fn an_entry_of_a_later_version_is_not_judged() {
    let mut auditor = auditor();
    let later = br#"{"v":2,"at":1}"#;
    let error = auditor.push(later).unwrap_err();
    assert!(error.to_string().contains("upgrade"), "{error}");
    assert_eq!(auditor.size(), 0);
}

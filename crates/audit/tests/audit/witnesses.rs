//! Frauds that only witnesses can show: a log for one person, and a log as it was long ago.

use tauline_audit::{Auditor, Demand, Expected, Kind, Report, Witnessed, Worth};
use tauline_log::checkpoint::{Cosigner, SignedCheckpoint};
use tauline_log::note::{Signer, VerifierKey};
use tauline_log::policy::{Freshness, Policy};
use tauline_queue_core::Rules;

use crate::chain::{Chain, FIRST, STRANGER, chain, checkpoint, kinds, log_key};
use crate::support::{Log, auditor, five, secs};

/// What time it is for whoever asks, in Unix seconds.
const NOW: u64 = 1_790_000_300;

/// How old a cosignature may be: a day.
const DAY: u64 = 86_400;

const WITNESSES: [&str; 3] = ["north.example", "south.example", "west.example"];

fn witness(name: &str) -> Cosigner {
    let seed = WITNESSES.iter().position(|known| *known == name);
    let seed = seed.map_or(99, |place| place as u8 + 90);
    Cosigner::from_seed(name.parse().unwrap(), &[seed; 32])
}

/// Two of the three have to cosign the log with this key.
fn two_of_three(log: &VerifierKey) -> Policy {
    let mut text = format!("log {log}\n");
    for name in WITNESSES {
        text += &format!("witness {} {}\n", &name[..1], witness(name).verifier_key());
    }
    text += "group two 2 n s w\nquorum two\n";
    Policy::parse(text.as_bytes()).unwrap()
}

fn cosigned(signed: SignedCheckpoint, by: &[(&str, u64)]) -> SignedCheckpoint {
    by.iter().fold(signed, |signed, &(name, time)| {
        let cosignature = witness(name).cosign(signed.unverified(), time).unwrap();
        signed.with(cosignature).unwrap()
    })
}

fn held_against(auditor: &Auditor, signed: &SignedCheckpoint, policy: Option<&Policy>) -> Report {
    let freshness = Freshness {
        now: NOW,
        max_age: secs(DAY),
    };
    let demand = policy.map(|policy| Demand { policy, freshness });
    let mut report = auditor.report();
    report.add_witnesses(Witnessed::of(signed, auditor.opened(), demand));
    report
}

fn worths(report: &Report) -> Vec<(&str, Worth)> {
    let witnessed = report.witnesses.as_ref().unwrap();
    let all = witnessed.cosignatures.iter();
    all.map(|it| (it.witness.as_str(), it.worth)).collect()
}

/// An honest log, read to its end by somebody who asks for two of three witnesses.
fn audited(by: &[(&str, u64)]) -> Report {
    let log = five(Rules::default()).log();
    let signed = cosigned(log.checkpoint(log.entries.len()), by);
    let policy = two_of_three(log_key(FIRST).verifier_key());
    held_against(&log.read_by(auditor()), &signed, Some(&policy))
}

#[test]
fn a_quorum_that_has_cosigned_lately_is_enough() {
    let report = audited(&[
        ("south.example", NOW - DAY),
        ("stranger.example", NOW),
        ("north.example", NOW + 60),
        ("north.example", NOW - 9 * DAY),
    ]);
    assert!(report.is_fair(), "{:#?}", report.violations);
    let expected = [
        ("north.example", Worth::Counts),
        ("south.example", Worth::Counts),
        ("stranger.example", Worth::Unverified),
    ];
    assert_eq!(worths(&report), expected);
    let witnessed = report.witnesses.as_ref().unwrap();
    assert_eq!((witnessed.counting(), witnessed.known), (2, Some(3)));
    let json = serde_json::to_value(&report).unwrap();
    let first = &json["witnesses"]["cosignatures"][0];
    assert_eq!(first["worth"], "counts");
    assert_eq!(first["time"], NOW + 60);
}

#[test]
fn a_log_is_shown_that_too_few_witnesses_have_seen() {
    for by in [
        &[][..],
        &[("west.example", NOW)],
        &[("west.example", NOW), ("stranger.example", NOW)],
        // Twice is once.
        &[("west.example", NOW), ("west.example", NOW - 1)],
        &[("west.example", NOW - 2 * DAY)],
    ] {
        let report = audited(by);
        assert_eq!(kinds(&report), [Kind::NotCosigned], "{by:?}");
        assert!(!report.is_fair());
        let verdict = report.verdict();
        assert!(
            verdict.contains("not what the policy asks for"),
            "{verdict}"
        );
    }
}

#[test]
fn a_log_is_shown_as_it_was_long_ago() {
    for (north, south) in [
        (NOW - DAY - 1, NOW),
        (NOW - 30 * DAY, NOW - 30 * DAY),
        // Nor can a witness's clock keep a state new for ever.
        (NOW + DAY + 1, NOW),
        (NOW + 9999 * DAY, NOW),
    ] {
        let report = audited(&[("north.example", north), ("south.example", south)]);
        assert_eq!(kinds(&report), [Kind::StaleCheckpoint], "{north} {south}");
        assert_eq!(worths(&report)[0], ("north.example", Worth::TooOld));
    }
}

#[test]
fn a_cosignature_of_another_log_is_put_on_a_checkpoint() {
    let log = five(Rules::default()).log();
    let size = log.entries.len();
    let other = witness("north.example").cosign(log.checkpoint(3).unverified(), NOW);
    let signed = cosigned(log.checkpoint(size), &[("south.example", NOW)]);
    let signed = signed.with(other.unwrap()).unwrap();
    let policy = two_of_three(log_key(FIRST).verifier_key());
    let report = held_against(&log.read_by(auditor()), &signed, Some(&policy));
    assert_eq!(kinds(&report), [Kind::NotCosigned]);
    assert!(report.violations[0].text.contains("does not verify"));
}

#[test]
fn witnesses_of_a_checkpoint_that_is_not_the_logs_count_for_nothing() {
    let log = five(Rules::default()).log();
    let by = [("north.example", NOW), ("south.example", NOW)];
    let signed = cosigned(checkpoint(&log, log.entries.len(), STRANGER), &by);
    let policy = two_of_three(log_key(FIRST).verifier_key());
    let report = held_against(&log.read_by(auditor()), &signed, Some(&policy));
    assert_eq!(kinds(&report), [Kind::NotCosigned]);
}

#[test]
fn a_policy_is_about_another_log() {
    let log = five(Rules::default()).log();
    let by = [("north.example", NOW), ("south.example", NOW)];
    let signed = cosigned(log.checkpoint(log.entries.len()), &by);
    let other = Signer::from_seed("other.example.org/log".parse().unwrap(), &[FIRST; 32]);
    for policy in [
        two_of_three(other.verifier_key()),
        two_of_three(log_key(STRANGER).verifier_key()),
        Policy::parse(b"quorum none\n").unwrap(),
    ] {
        let report = held_against(&log.read_by(auditor()), &signed, Some(&policy));
        assert_eq!(kinds(&report), [Kind::OtherKey]);
    }
}

#[test]
fn a_policy_may_name_any_key_that_the_log_has_had() {
    let Chain { log, keys } = chain();
    let (_, last) = keys[keys.len() - 1];
    let by = [("north.example", NOW), ("south.example", NOW)];
    let signed = cosigned(checkpoint(&log, log.entries.len(), last), &by);
    let auditor = log.read_by(auditor());
    for (_, seed) in keys {
        let policy = two_of_three(log_key(seed).verifier_key());
        let report = held_against(&auditor, &signed, Some(&policy));
        assert!(report.is_fair(), "{seed}: {:#?}", report.violations);
    }
}

#[test]
fn a_log_without_an_owner_is_judged_by_the_policys_key() {
    let mut log = Log::default();
    log.entries = five(Rules::default()).log().entries.split_off(1);
    let by = [("north.example", NOW), ("south.example", NOW)];
    let auditor = log.read_by(Auditor::new(Expected::default()));
    let policy = two_of_three(log_key(FIRST).verifier_key());
    for (seed, is_enough) in [(FIRST, true), (STRANGER, false)] {
        let signed = cosigned(checkpoint(&log, log.entries.len(), seed), &by);
        let report = held_against(&auditor, &signed, Some(&policy));
        let found = kinds(&report);
        assert_eq!(found[0], Kind::NotOpened);
        assert_eq!(!found.contains(&Kind::NotCosigned), is_enough, "{found:?}");
    }
}

#[test]
fn without_a_policy_cosignatures_are_listed_and_nobody_is_condemned() {
    let log = five(Rules::default()).log();
    let auditor = log.read_by(auditor());
    let bare = log.checkpoint(log.entries.len());
    let report = held_against(&auditor, &bare, None);
    assert!(report.is_fair() && worths(&report).is_empty());
    let signed = cosigned(bare, &[("north.example", NOW), ("stranger.example", 7)]);
    let report = held_against(&auditor, &signed, None);
    assert!(report.is_fair());
    let expected = [
        ("north.example", Worth::Unverified),
        ("stranger.example", Worth::Unverified),
    ];
    assert_eq!(worths(&report), expected);
    let witnessed = report.witnesses.as_ref().unwrap();
    assert_eq!((witnessed.counting(), witnessed.known), (0, None));
    assert_eq!(witnessed.cosignatures[1].time, Some(7));
    assert_eq!(witnessed.size, log.entries.len() as u64);
}

#[test]
fn a_checkpoint_needs_no_witness_where_the_policy_asks_for_none() {
    let log = five(Rules::default()).log();
    let text = format!("log {}\nquorum none\n", log_key(FIRST).verifier_key());
    let policy = Policy::parse(text.as_bytes()).unwrap();
    let signed = log.checkpoint(log.entries.len());
    let report = held_against(&log.read_by(auditor()), &signed, Some(&policy));
    assert!(report.is_fair(), "{:#?}", report.violations);
}

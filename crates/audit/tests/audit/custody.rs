//! A log that changes hands: whose it is, which key is good for what, and what is planned.

use k256::ecdsa::SigningKey;
use tauline_audit::{Auditor, Expected, Kind, Report, Topic};
use tauline_log::note::Signer;
use tauline_log::tree::leaf_hash;
use tauline_protocol::error::Code;
use tauline_protocol::keepsake::{KEEPSAKE_VERSION, Keepsake, KeptStay};
use tauline_protocol::public_log::{Hex32, Notice, PublicEntry};
use tauline_protocol::receipt::Receipt;
use tauline_protocol::statement::{RefusalStatement, Statement, TicketStatement};
use tauline_queue_core::{Event, Mode, Rules, Timestamp, Verdict};

use crate::chain::{
    ANOTHER, Chain, FIRST, SECOND, STRANGER, THIRD, chain, checkpoint, eip55, ethereum, kinds,
    log_key, rotated, say, signed_by,
};
use crate::support::{
    Log, ORIGIN, address, at, auditor, blinding, commitment, coordinator, five, joined, opened,
    person, ticket,
};

#[test]
fn a_ceremony_goes_through_three_hands() {
    let Chain { log, keys } = chain();
    let mut auditor = auditor();
    for size in 1..=log.entries.len() {
        let begun = keys.iter().rev().find(|(entry, _)| *entry < size);
        let signed = checkpoint(&log, size, begun.unwrap().1);
        auditor
            .check_signed_checkpoint(signed, format!("of {size} entries"))
            .unwrap();
    }
    let auditor = log.read_by(auditor);
    let report = auditor.report();
    assert!(report.is_fair(), "{:#?}", report.violations);
    let all = [coordinator(), ethereum(SECOND), ethereum(THIRD)].map(|key| eip55(&key));
    assert_eq!(report.coordinators, all);
    assert_eq!(report.coordinator.as_deref(), Some(all[2].as_str()));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["coordinators"][1], all[1].as_str());
    let counts = [Topic::Handover, Topic::Key].map(|it| report.remark_counts.get(&it).copied());
    assert_eq!(counts, [Some(4), Some(1)]);
    let opened = auditor.opened().unwrap();
    assert_eq!(&opened.key, log_key(THIRD).verifier_key());
    let begun: Vec<usize> = opened.keys.iter().map(|it| it.entry as usize).collect();
    let places: Vec<usize> = keys.iter().map(|(place, _)| *place).collect();
    assert_eq!(begun, places);
}

#[test]
fn a_ceremony_in_one_hand_has_one_coordinator() {
    let report = five(Rules::default()).log().audit();
    assert_eq!(report.coordinators, [eip55(&coordinator())]);
}

#[test]
fn a_tree_is_signed_by_a_key_that_the_log_has_no_more() {
    let Chain { log, keys } = chain();
    for (before, next) in keys.iter().zip(&keys[1..]) {
        let ((_, old), (entry, _)) = (*before, *next);
        assert_eq!(signed_by(&log, entry, old), vec![]);
        let found = signed_by(&log, entry + 1, old);
        assert_eq!(found, vec![Kind::CheckpointNotSigned]);
        let found = signed_by(&log, log.entries.len(), old);
        assert_eq!(found, vec![Kind::CheckpointNotSigned]);
    }
}

#[test]
fn a_tree_is_signed_by_a_key_that_the_log_has_not_yet() {
    let Chain { log, keys } = chain();
    for (entry, new) in keys.into_iter().skip(1) {
        assert_eq!(signed_by(&log, entry + 1, new), vec![]);
        let found = signed_by(&log, entry, new);
        assert_eq!(found, vec![Kind::CheckpointNotSigned]);
        let found = signed_by(&log, 2, new);
        assert_eq!(found, vec![Kind::CheckpointNotSigned]);
    }
}

#[test]
fn a_new_key_is_certified_by_somebody_else() {
    let mut story = five(Rules::default());
    let forged = rotated(&ethereum(STRANGER), &log_key(ANOTHER));
    let place = say(&mut story, forged);
    story.log.assert_caught(Kind::WrongCertificate, place);
    // The log stays under the key that it had.
    let size = story.log.entries.len();
    let found = signed_by(&story.log, size, FIRST);
    assert_eq!(found, vec![Kind::WrongCertificate]);
}

#[test]
fn a_new_key_is_another_logs() {
    let mut story = five(Rules::default());
    let other = Signer::from_seed("other.example.org/log".parse().unwrap(), &[8; 32]);
    let place = say(&mut story, rotated(&coordinator(), &other));
    story.log.assert_caught(Kind::WrongCertificate, place);
}

#[test]
fn a_log_has_a_new_key_before_it_has_an_owner() {
    let mut log = five(Rules::default()).log();
    let notice = rotated(&coordinator(), &log_key(ANOTHER));
    log.entries.insert(0, PublicEntry::of_notice(at(0), notice));
    log.assert_caught(Kind::WrongCertificate, 0);
}

/// What somebody has kept who has nothing yet.
fn kept(name: &str) -> Keepsake {
    Keepsake {
        v: KEEPSAKE_VERSION,
        server: "https://ceremony.example.org".to_owned(),
        origin: ORIGIN.to_owned(),
        log_key: log_key(FIRST).verifier_key().to_string(),
        identity: person(name),
        nonce: Some(Hex32(blinding().nonce(&person(name)))),
        stays: Vec::new(),
        refusals: Vec::new(),
        checkpoint: None,
        receipt: None,
    }
}

fn audited(log: &Log, kept: Keepsake) -> Report {
    let mut auditor = auditor();
    auditor.check_keepsake(kept).unwrap();
    log.read_by(auditor).report()
}

/// Frank was turned away while everybody could join: who has signed that is a liar.
fn turned_away(seed: u8, at: Timestamp) -> Keepsake {
    let statement = Statement::Refusal(RefusalStatement {
        origin: ORIGIN.parse().unwrap(),
        commitment: commitment("frank"),
        code: Code::Draining,
        mode: Mode::Open,
        log_size: 3,
        at,
    });
    let mut frank = kept("frank");
    let signed = statement.sign(&log_key(seed)).unwrap();
    frank.refusals.push(signed.to_string());
    frank
}

#[test]
fn a_key_that_was_replaced_proves_what_was_said_before() {
    let mut story = five(Rules::default());
    let place = say(&mut story, rotated(&coordinator(), &log_key(ANOTHER)));
    story.submit("ada").pass(500).judge(Verdict::Valid);
    let log = story.log();
    let then = log.entries[place].at;
    let later = Timestamp::from_millis(then.as_millis() + 1);
    for (seed, when, is_proof) in [
        (FIRST, at(0), true),
        (FIRST, then, true),
        (FIRST, later, false),
        (ANOTHER, at(0), true),
        (ANOTHER, later, true),
        (STRANGER, at(0), false),
    ] {
        let report = audited(&log, turned_away(seed, when));
        let proven = [Kind::RefusalNotBorneOut];
        let expected: &[Kind] = if is_proof { &proven[..] } else { &[] };
        assert_eq!(kinds(&report), expected, "{seed} at {when}");
        let is_remarked = report.remark_counts.contains_key(&Topic::Unproven);
        assert_eq!(is_remarked, !is_proof, "{seed} at {when}");
    }
}

/// What somebody has kept who joined with this ticket, and was given a receipt.
fn kept_with_receipt(log: &Log, name: &str, number: u64, by: &SigningKey) -> Keepsake {
    let entry = log.find(joined(number));
    let statement = TicketStatement {
        origin: ORIGIN.parse().unwrap(),
        ticket: ticket(number),
        commitment: commitment(name),
        entry: entry as u64,
        leaf: Hex32(leaf_hash(log.entries[entry].to_bytes()).0),
        at: log.entries[entry].at,
    };
    let signed = Statement::Ticket(statement)
        .sign(&log_key(FIRST))
        .unwrap()
        .to_string();
    let mut kept = kept(name);
    kept.stays.push(KeptStay {
        ticket: signed,
        checkpoint: Some(checkpoint(log, entry + 1, FIRST).to_string()),
        waiting: None,
        ready: None,
    });
    let receipt = Receipt::new(person(name), [&[1_u8; 96][..]]);
    kept.receipt = Some(receipt.sign(by));
    kept
}

#[test]
fn tickets_and_receipts_are_good_in_other_hands() {
    let log = chain().log;
    for (name, number, by) in [
        ("ada", 1, coordinator()),
        ("bob", 2, ethereum(SECOND)),
        ("dan", 4, ethereum(THIRD)),
    ] {
        let report = audited(&log, kept_with_receipt(&log, name, number, &by));
        assert!(report.is_fair(), "{name}: {:#?}", report.violations);
        assert!(!report.remark_counts.contains_key(&Topic::Unproven));
    }
    for by in [coordinator(), ethereum(THIRD)] {
        let report = audited(&log, kept_with_receipt(&log, "eve", 5, &by));
        assert_eq!(kinds(&report), [Kind::ReceiptNotInLog]);
    }
}

fn expecting(log: &Log, coordinator: Option<&SigningKey>, key: Option<u8>) -> Auditor {
    let mut expected = Expected::default();
    expected.coordinator = coordinator.map(address);
    expected.key = key.map(|seed| log_key(seed).verifier_key().clone());
    log.read_by(Auditor::new(expected))
}

#[test]
fn a_ceremony_is_that_of_who_began_it_and_of_who_has_it() {
    let Chain { log, keys } = chain();
    for one in [coordinator(), ethereum(THIRD)] {
        let report = expecting(&log, Some(&one), None).report();
        assert!(report.is_fair(), "{:#?}", report.violations);
    }
    for one in [ethereum(SECOND), ethereum(STRANGER)] {
        let auditor = expecting(&log, Some(&one), None);
        let report = auditor.report();
        assert_eq!(kinds(&report), [Kind::OtherCoordinator]);
        assert_eq!(report.violations[0].entry, None);
        assert!(auditor.opened().is_none() && report.coordinators.is_empty());
    }
    // The second one is right as long as it has the ceremony.
    let mut until = log.clone();
    until.entries.truncate(keys[3].0);
    let second = ethereum(SECOND);
    assert!(expecting(&until, Some(&second), None).report().is_fair());
}

#[test]
fn each_key_of_a_log_is_its_key() {
    let Chain { log, keys } = chain();
    for (_, seed) in keys {
        let report = expecting(&log, None, Some(seed)).report();
        assert!(report.is_fair(), "{:#?}", report.violations);
    }
    let report = expecting(&log, None, Some(STRANGER)).report();
    assert_eq!(kinds(&report), [Kind::OtherKey]);
}

#[test]
fn that_it_is_another_log_is_told_in_its_place() {
    let mut log = five(Rules::default()).log();
    log.entries[0] = PublicEntry::of_notice(at(0), opened(&ethereum(STRANGER)));
    let now = log.entries.last().unwrap().at;
    log.push(now, Event::ModeSet { mode: Mode::Open });
    let expected = [Kind::OtherCoordinator, Kind::ModeUnchanged];
    assert_eq!(kinds(&log.audit()), expected);
}

#[test]
fn plans_are_told() {
    let mut story = five(Rules::default());
    for (opens, drains) in [
        (Some(at(7200)), None),
        (
            Some(at(7200)),
            Some(Timestamp::from_millis(1_835_481_599_000)),
        ),
        (None, Some(Timestamp::MAX)),
        (None, None),
    ] {
        say(&mut story, Notice::Planned { opens, drains });
    }
    let report = story.log().audit();
    let plans = report.remarks.iter().filter(|it| it.topic == Topic::Plan);
    let texts: Vec<&str> = plans.map(|it| it.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "It is planned that the queue opens at 2026-09-21T16:13:20Z.",
            "It is planned that the queue opens at 2026-09-21T16:13:20Z and drains at \
             2028-02-29T23:59:59Z.",
            "It is planned that the queue drains at 9999-12-31T23:59:59Z.",
            "Nothing is planned any more.",
        ]
    );
}

//! Frauds with what people were shown: checkpoints, tickets, promises, refusals, receipts.

use k256::ecdsa::SigningKey;
use tauline_audit::{Auditor, Kind, Report, Topic};
use tauline_log::checkpoint::Checkpoint;
use tauline_log::note::Signer;
use tauline_log::tree::leaf_hash;
use tauline_protocol::error::Code;
use tauline_protocol::keepsake::{KEEPSAKE_VERSION, Keepsake, KeptStay};
use tauline_protocol::public_log::Hex32;
use tauline_protocol::receipt::Receipt;
use tauline_protocol::statement::{
    PromiseStatement, PromisedPhase, RefusalStatement, Statement, TicketStatement,
};
use tauline_queue_core::{Event, Mode, Rules, Timestamp, Verdict};

use crate::support::{
    BEGAN, Log, ORIGIN, Story, at, auditor, blinding, commitment, coordinator, ended, five, joined,
    person, signer, ticket,
};

/// A longer honest log: Ada contributed, Bob vanished, Carol has the turn.
fn told() -> Story {
    let mut story = five(Rules::default());
    story.wait(&["carol", "dan", "eve"], 20);
    story.submit("ada").pass(500).judge(Verdict::Valid);
    story.check_in("carol").start("carol", false).pass(1000);
    story
}

/// An auditor who was shown what the log was at these sizes.
fn shown(log: &Log, sizes: &[usize]) -> Auditor {
    let mut auditor = auditor();
    for &size in sizes {
        let tree = log.head(size);
        auditor
            .check_checkpoint(tree, format!("of entry {size}"))
            .unwrap();
    }
    auditor
}

fn first(report: &Report) -> Option<Kind> {
    report.violations.first().map(|it| it.kind)
}

#[test]
fn checkpoints_of_one_log_agree() {
    let log = told().log();
    let sizes = [0, 1, 5, log.entries.len()];
    let mut auditor = shown(&log, &sizes);
    let signed = log.checkpoint(log.entries.len());
    auditor
        .check_signed_checkpoint(signed, "of the log")
        .unwrap();
    let report = log.read_by(auditor).report();
    assert!(report.is_fair(), "{:#?}", report.violations);
    assert_eq!(report.checkpoints, 5);
}

#[test]
fn an_entry_is_changed_between_two_checkpoints() {
    let log = told().log();
    let auditor = shown(&log, &[6, log.entries.len() - 2]);
    let mut changed = log.clone();
    // The whole history of Bob and Carol is told the other way round: consistent in itself.
    let place = changed.find(joined(2));
    if let Event::Joined { id, .. } = changed.change(place) {
        *id = commitment("friend");
    }
    changed.assert_honest();
    let report = changed.read_by(auditor).report();
    assert_eq!(first(&report), Some(Kind::TwoVersions));
    assert_eq!(report.violation_count, 2);
}

#[test]
fn two_people_are_shown_two_logs() {
    let mut story = told();
    let log = story.log();
    let mut other = log.clone();
    let place = other.find(ended(1));
    other.entries[place].at = Timestamp::from_millis(other.entries[place].at.as_millis() + 1);
    for entry in &mut other.entries[place + 1..] {
        entry.at = entry.at.max(Timestamp::from_millis(1));
    }
    let mut auditor = auditor();
    let shown_to_dan = other.checkpoint(place + 1);
    auditor
        .check_signed_checkpoint(shown_to_dan, "that dan was shown")
        .unwrap();
    let report = story.pass(10).log().read_by(auditor).report();
    assert_eq!(first(&report), Some(Kind::TwoVersions));
}

#[test]
fn entries_are_taken_away() {
    let log = told().log();
    let auditor = shown(&log, &[log.entries.len()]);
    let mut shorter = log.clone();
    shorter.entries.pop();
    let report = shorter.read_by(auditor).report();
    assert_eq!(first(&report), Some(Kind::EntriesMissing));
}

#[test]
fn a_checkpoint_is_signed_by_somebody_else() {
    let log = told().log();
    let size = log.entries.len();
    let other = Signer::from_seed(ORIGIN.parse().unwrap(), &[8; 32]);
    let checkpoint = Checkpoint::new(ORIGIN.parse().unwrap(), log.head(size));
    let mut auditor = auditor();
    auditor
        .check_signed_checkpoint(checkpoint.sign(&other).unwrap(), "of the log")
        .unwrap();
    let report = log.read_by(auditor).report();
    assert_eq!(first(&report), Some(Kind::CheckpointNotSigned));
}

#[test]
fn what_was_read_cannot_be_asked_for() {
    let log = told().log();
    let mut auditor = log.read_by(auditor());
    assert!(auditor.check_checkpoint(log.head(3), "of entry 3").is_err());
    assert!(auditor.check_keepsake(kept(&log, "ada", 1)).is_err());
    let size = log.entries.len();
    auditor.check_checkpoint(log.head(size), "of now").unwrap();
    assert!(auditor.report().is_fair());
}

fn signed(statement: Statement) -> String {
    statement.sign(&signer()).unwrap().to_string()
}

/// What somebody has kept who joined with this ticket, by this log.
fn kept(log: &Log, name: &str, number: u64) -> Keepsake {
    let entry = log.find(joined(number));
    let statement = TicketStatement {
        origin: ORIGIN.parse().unwrap(),
        ticket: ticket(number),
        commitment: commitment(name),
        entry: entry as u64,
        leaf: Hex32(leaf_hash(log.entries[entry].to_bytes()).0),
        at: log.entries[entry].at,
    };
    Keepsake {
        v: KEEPSAKE_VERSION,
        server: "https://ceremony.example.org".to_owned(),
        origin: ORIGIN.to_owned(),
        log_key: signer().verifier_key().to_string(),
        identity: person(name),
        nonce: Some(Hex32(blinding().nonce(&person(name)))),
        stays: vec![KeptStay {
            ticket: signed(Statement::Ticket(statement)),
            checkpoint: Some(log.checkpoint(entry + 1).to_string()),
            waiting: None,
            ready: None,
        }],
        refusals: Vec::new(),
        checkpoint: Some(log.checkpoint(log.entries.len()).to_string()),
        receipt: None,
    }
}

fn promise(number: u64, phase: PromisedPhase, at: Timestamp, kept_until: Timestamp) -> String {
    signed(Statement::Promise(PromiseStatement {
        origin: ORIGIN.parse().unwrap(),
        ticket: ticket(number),
        phase,
        kept_until,
        at,
    }))
}

fn refusal(name: &str, code: Code, mode: Mode, log: &Log, size: usize) -> String {
    signed(Statement::Refusal(RefusalStatement {
        origin: ORIGIN.parse().unwrap(),
        commitment: commitment(name),
        code,
        mode,
        log_size: size as u64,
        at: log.entries[size - 1].at,
    }))
}

fn audited(log: &Log, kept: Keepsake) -> Report {
    let mut auditor = auditor();
    auditor.check_keepsake(kept).unwrap();
    log.read_by(auditor).report()
}

#[test]
fn an_honest_log_keeps_all_that_was_said() {
    let mut story = told();
    let joined_at = story.log.entries[story.log.find(joined(2))].at;
    story.mode(Mode::Draining);
    let log = story.log();
    let mut bob = kept(&log, "bob", 2);
    // Bob has lost his place, but not before that time.
    let until = Timestamp::from_millis(joined_at.as_millis() + 10_000);
    bob.stays[0].waiting = Some(promise(2, PromisedPhase::Waiting, joined_at, until));
    let size = log.entries.len();
    for (code, name) in [(Code::Draining, "frank"), (Code::UsedUp, "bob")] {
        let refused = refusal(name, code, Mode::Draining, &log, size);
        bob.refusals.push(refused);
    }
    let report = audited(&log, bob);
    assert!(report.is_fair(), "{:#?}", report.violations);
    // Frank's refusal is no business of Bob's.
    assert_eq!(report.remark_counts.get(&Topic::Unproven), Some(&1));
    assert_eq!((report.checkpoints, report.keepsakes), (2, 1));

    let mut ada = kept(&log, "ada", 1);
    let receipt = Receipt::new(person("ada"), [&[1_u8; 96][..]]);
    ada.receipt = Some(receipt.sign(&coordinator()));
    let report = audited(&log, ada);
    assert!(report.is_fair(), "{:#?}", report.violations);
    assert!(!report.remark_counts.contains_key(&Topic::Unproven));
}

#[test]
fn somebody_joined_and_the_log_does_not_say_so() {
    let log = told().log();
    let eve = kept(&log, "eve", 5);
    let mut without = log.clone();
    without.entries.remove(log.find(joined(5)));
    without.assert_honest();
    let mut eve = eve;
    (eve.checkpoint, eve.stays[0].checkpoint) = (None, None);
    let report = audited(&without, eve);
    assert_eq!(first(&report), Some(Kind::TicketNotInLog));
    assert_eq!(report.violations[0].ticket, Some(ticket(5)));
}

#[test]
fn somebodys_place_is_given_to_a_friend() {
    let log = told().log();
    let mut eve = kept(&log, "eve", 5);
    (eve.checkpoint, eve.stays[0].checkpoint) = (None, None);
    let mut sold = log.clone();
    let place = log.find(joined(5));
    if let Event::Joined { id, .. } = sold.change(place) {
        *id = commitment("friend");
    }
    sold.assert_honest();
    let report = audited(&sold, eve);
    assert_eq!(first(&report), Some(Kind::TicketNotInLog));
}

#[test]
fn a_ticket_names_an_entry_by_which_somebody_else_joined() {
    let log = told().log();
    let mut eve = kept(&log, "eve", 5);
    let entry = log.find(joined(4));
    let statement = TicketStatement {
        origin: ORIGIN.parse().unwrap(),
        ticket: ticket(5),
        commitment: commitment("eve"),
        entry: entry as u64,
        leaf: Hex32(leaf_hash(log.entries[entry].to_bytes()).0),
        at: at(0),
    };
    eve.stays[0].ticket = signed(Statement::Ticket(statement));
    let report = audited(&log, eve);
    assert_eq!(first(&report), Some(Kind::TicketNotInLog));
}

#[test]
fn a_log_ends_before_a_tickets_entry() {
    let log = told().log();
    let mut eve = kept(&log, "eve", 5);
    (eve.checkpoint, eve.stays[0].checkpoint) = (None, None);
    let mut shorter = log.clone();
    shorter.entries.truncate(log.find(joined(5)));
    let report = audited(&shorter, eve);
    assert_eq!(first(&report), Some(Kind::EntriesMissing));
}

#[test]
fn a_ticket_holders_checkpoint_is_of_another_log() {
    let log = told().log();
    let eve = kept(&log, "eve", 5);
    let mut changed = log.clone();
    let place = log.find(joined(2));
    if let Event::Joined { id, .. } = changed.change(place) {
        *id = commitment("friend");
    }
    let report = audited(&changed, eve);
    assert_eq!(first(&report), Some(Kind::TwoVersions));
}

#[test]
fn a_place_is_lost_before_the_time_until_which_it_was_promised() {
    let log = told().log();
    let mut bob = kept(&log, "bob", 2);
    let ended = log.entries[log.find(ended(2))].at;
    let joined = log.entries[log.find(joined(2))].at;
    // The log looks honest: it does not have the check-in that was answered so.
    let until = ended.saturating_add(std::time::Duration::from_secs(20));
    bob.stays[0].waiting = Some(promise(2, PromisedPhase::Waiting, joined, until));
    let report = audited(&log, bob);
    assert_eq!(first(&report), Some(Kind::PromiseBroken));
}

#[test]
fn an_absence_moves_a_promise_on() {
    // Bob was promised ten seconds, then the coordinator was away for a minute.
    let mut story = five(Rules::default());
    let promised_at = story.now();
    let until = Timestamp::from_millis(promised_at.as_millis() + 9000);
    story.restart(60_000).pass(100_000);
    let log = story.log();
    let ended = log.find(ended(2));
    let mut bob = kept(&log, "bob", 2);
    bob.stays[0].waiting = Some(promise(2, PromisedPhase::Waiting, promised_at, until));
    let report = audited(&log, bob.clone());
    assert!(report.is_fair(), "{:#?}", report.violations);
    // By the log, all that was recorded was a deadline five seconds after joining, and moved.
    let mut early = log.clone();
    early.entries.truncate(ended);
    let event = log.entries[ended].queue.clone().unwrap();
    let place = early.push(Timestamp::from_millis(until.as_millis() + 30_000), event);
    (bob.checkpoint, bob.stays[0].checkpoint) = (None, None);
    let report = audited(&early, bob);
    let kinds: Vec<_> = report.violations.iter().map(|it| it.kind).collect();
    assert!(kinds.contains(&Kind::PromiseBroken), "{kinds:?} {place}");
}

#[test]
fn a_turn_is_lost_before_the_time_until_which_it_was_promised() {
    let mut story = Story::new(Rules::default());
    story.join("ada");
    let called = story.now();
    story.pass(60_000);
    let log = story.log();
    let mut ada = kept(&log, "ada", 1);
    let until = Timestamp::from_millis(BEGAN + 30_000);
    ada.stays[0].ready = Some(promise(1, PromisedPhase::Ready, called, until));
    let report = audited(&log, ada);
    assert_eq!(first(&report), Some(Kind::PromiseBroken));
}

#[test]
fn somebody_is_refused_while_everybody_may_join() {
    let log = told().log();
    let mut frank = kept(&log, "ada", 1);
    frank.stays.clear();
    frank.identity = person("frank");
    frank.nonce = Some(Hex32(blinding().nonce(&person("frank"))));
    for (code, mode) in [
        (Code::Draining, Mode::Open),
        (Code::Draining, Mode::Draining),
        (Code::Halted, Mode::Halted),
        (Code::UsedUp, Mode::Open),
        (Code::AlreadyContributed, Mode::Open),
        (Code::StayEnded, Mode::Open),
        (Code::Internal, Mode::Open),
    ] {
        let mut frank = frank.clone();
        let size = log.entries.len() - 1;
        frank.refusals = vec![refusal("frank", code, mode, &log, size)];
        let report = audited(&log, frank);
        assert_eq!(first(&report), Some(Kind::RefusalNotBorneOut), "{code:?}");
    }
}

#[test]
fn a_refusal_rests_on_entries_that_are_gone() {
    let log = told().log();
    let mut frank = kept(&log, "frank-to-be", 1);
    frank.stays.clear();
    frank.checkpoint = None;
    let size = log.entries.len();
    frank.refusals = vec![refusal("frank", Code::Draining, Mode::Draining, &log, size)];
    let mut shorter = log.clone();
    shorter.entries.pop();
    let report = audited(&shorter, frank);
    assert_eq!(first(&report), Some(Kind::EntriesMissing));
}

#[test]
fn a_receipt_is_for_a_contribution_that_was_dropped() {
    let log = told().log();
    let mut carol = kept(&log, "carol", 3);
    let receipt = Receipt::new(person("carol"), [&[1_u8; 96][..]]);
    carol.receipt = Some(receipt.sign(&coordinator()));
    let report = audited(&log, carol);
    assert_eq!(first(&report), Some(Kind::ReceiptNotInLog));
}

#[test]
fn what_the_log_has_not_signed_condemns_nobody() {
    let log = told().log();
    let mut mallory = kept(&log, "eve", 5);
    let forger = Signer::from_seed(ORIGIN.parse().unwrap(), &[9; 32]);
    let forged = |statement: Statement| statement.sign(&forger).unwrap().to_string();
    let statement = TicketStatement {
        origin: ORIGIN.parse().unwrap(),
        ticket: ticket(9),
        commitment: commitment("eve"),
        entry: 3,
        leaf: Hex32([0; 32]),
        at: at(0),
    };
    mallory.stays[0].ticket = forged(Statement::Ticket(statement));
    mallory.stays[0].waiting = Some("rubbish".to_owned());
    mallory.refusals = vec![forged(Statement::Refusal(RefusalStatement {
        origin: ORIGIN.parse().unwrap(),
        commitment: commitment("eve"),
        code: Code::Draining,
        mode: Mode::Open,
        log_size: 3,
        at: at(0),
    }))];
    let checkpoint = Checkpoint::new(ORIGIN.parse().unwrap(), log.head(3));
    let mut tree = checkpoint.tree;
    tree.size = 4;
    let checkpoint = Checkpoint::new(ORIGIN.parse().unwrap(), tree);
    mallory.checkpoint = Some(checkpoint.sign(&forger).unwrap().to_string());
    let receipt = Receipt::new(person("eve"), [&[1_u8; 96][..]]);
    let forger = SigningKey::from_slice(&[0x66; 32]).unwrap();
    mallory.receipt = Some(receipt.sign(&forger));
    let report = audited(&log, mallory);
    assert!(report.is_fair(), "{:#?}", report.violations);
    assert_eq!(report.remark_counts.get(&Topic::Unproven), Some(&5));
}

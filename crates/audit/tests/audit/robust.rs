//! Whatever an entry is, an auditor reads it and says what is wrong with it.

use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tauline_audit::{Auditor, Expected, Kind};
use tauline_protocol::public_log::PublicEntry;
use tauline_queue_core::{Event, Timestamp};

use crate::honest::life;
use crate::support::auditor;

fn read(entries: &[Vec<u8>]) -> Auditor {
    let mut auditor = Auditor::new(Expected::default());
    for entry in entries {
        let _ = auditor.push(entry);
    }
    let report = auditor.report();
    assert!(!report.verdict().is_empty());
    auditor
}

proptest! {
    #[test]
    fn any_bytes_are_read(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..8)) {
        read(&entries);
    }

    #[test]
    fn any_numbers_in_entries_are_read(numbers in prop::collection::vec(any::<u64>(), 12)) {
        let [a, b, c, d, e, f, ..] = numbers[..] else { unreachable!() };
        let entries: Vec<Vec<u8>> = [
            format!(r#"{{"v":1,"at":{a},"queue":{{"Resumed":{{"pause":{{"secs":{b},"nanos":{}}},"restarted":true}}}}}}"#, c % 1_000_000_000),
            format!(r#"{{"v":1,"at":{a},"queue":{{"Joined":{{"ticket":1,"id":"{:064x}","check_in_by":{b},"lasting_by":{c}}}}}}}"#, d),
            format!(r#"{{"v":1,"at":{a},"queue":{{"Called":{{"ticket":1,"start_by":{d}}}}}}}"#),
            format!(r#"{{"v":1,"at":{a},"queue":{{"Started":{{"ticket":1,"contribute_by":{e},"stall_by":{f}}}}}}}"#),
            format!(r#"{{"v":1,"at":{a},"queue":{{"Extended":{{"ticket":1,"contribute_by":{e}}}}}}}"#),
            format!(r#"{{"v":1,"at":{a},"queue":{{"Resumed":{{"pause":{{"secs":{f},"nanos":0}},"restarted":false}}}}}}"#),
            format!(r#"{{"v":1,"at":{a},"queue":{{"Submitted":{{"ticket":1,"verify_by":{e}}}}}}}"#),
        ].into_iter().map(String::into_bytes).collect();
        read(&entries);
    }
}

/// An entry of a life with something of it changed: bytes, a number, its place.
fn spoilt(rng: &mut ChaCha8Rng, entries: &mut Vec<Vec<u8>>) {
    let place = rng.gen_range(0..entries.len());
    match rng.gen_range(0..6) {
        0 => {
            let at = rng.gen_range(0..entries[place].len());
            entries[place][at] ^= 1 << rng.gen_range(0..8);
        }
        1 => {
            entries.remove(place);
        }
        2 => {
            let other = rng.gen_range(0..entries.len());
            entries.swap(place, other);
        }
        3 => {
            let again = entries[place].clone();
            entries.insert(place, again);
        }
        _ => {
            // A digit, so that what comes of it is an entry most times.
            let digits = entries[place].iter().enumerate();
            let digits: Vec<usize> = digits
                .filter(|(_, byte)| byte.is_ascii_digit())
                .map(|(at, _)| at)
                .collect();
            let at = digits[rng.gen_range(0..digits.len())];
            entries[place][at] = b'1' + rng.gen_range(0..9);
        }
    }
}

#[test]
fn any_log_that_was_spoilt_is_read_to_its_end() {
    let mut condemned = 0;
    for seed in 0..400 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut entries = life(seed % 8 + 1, 200).bytes();
        for _ in 0..rng.gen_range(1..6) {
            spoilt(&mut rng, &mut entries);
        }
        condemned += u64::from(!read(&entries).report().is_fair());
    }
    // A deadline that is longer than it had to be, or a changed commitment, is nobody's loss.
    assert!(condemned > 300, "{condemned}");
}

#[test]
fn the_rules_of_a_log_may_be_of_any_length() {
    for millis in [0, 1, u64::MAX / 2, u64::MAX] {
        let text = r#"{"v":1,"at":1,"notice":{"started":{"program":"x","rules":{"checkin_max":N,"checkin_min":N,"checkin_grace":N,"checkin_rate":1,"checkin_relaxed":N,"passes":1,"start_limit":N,"contribution_limit":N,"stall_limit":N,"disconnect_limit":N,"verification_limit":N,"expected_turn":N,"lasting_step":N,"tick":N}}}}"#;
        let rules = text.replace('N', &millis.to_string()).into_bytes();
        let joined = PublicEntry {
            v: 1,
            at: Timestamp::MAX,
            queue: Some(Event::Joined {
                ticket: tauline_queue_core::Ticket::FIRST,
                id: crate::support::commitment("ada"),
                check_in_by: Timestamp::MAX,
                lasting_by: Timestamp::MAX,
            }),
            accepted: None,
            because: None,
            notice: None,
        };
        read(&[rules, joined.to_bytes()]);
    }
}

#[test]
fn findings_are_counted_and_not_all_kept() {
    let mut auditor = auditor();
    for _ in 0..2 * tauline_audit::MAX_LISTED {
        auditor.push(b"rubbish").unwrap();
    }
    let report = auditor.report();
    assert_eq!(report.violations.len(), tauline_audit::MAX_LISTED);
    assert!(report.violation_count >= 2 * tauline_audit::MAX_LISTED as u64);
}

#[test]
fn every_kind_has_a_name_of_its_own_and_cites_a_rule() {
    let mut names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    for kind in Kind::ALL {
        let name = kind.as_str();
        assert!(
            name.bytes().all(|it| it.is_ascii_lowercase() || it == b'-'),
            "{name}"
        );
        assert!(kind.rule().starts_with("docs/spec/"), "{name}");
    }
}

//! Journal records: a log written today is read by every later coordinator.
#![allow(clippy::unwrap_used, clippy::too_many_lines)]

mod common;

use std::time::Duration;

use common::{assert_golden, golden};
use proptest::prelude::*;
use tauline_protocol::Identity;
use tauline_protocol::journal::{Beside, RECORD_VERSION, Record, RecordError, Tally};
use tauline_queue_core::{Entry, Event, Mode, Outcome, Ticket, Timestamp};

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + millis)
}

/// The ticket of these records.
const TICKET: Ticket = Ticket::new(1042);

/// What happens to a stay before it ends.
fn stay_events(id: &Identity) -> Vec<(&'static str, Event<Identity>)> {
    let ticket = TICKET;
    vec![
        (
            "joined",
            Event::Joined {
                ticket,
                id: id.clone(),
                check_in_by: at(5000),
                lasting_by: at(65_000),
            },
        ),
        (
            "checked-in",
            Event::CheckedIn {
                ticket,
                check_in_by: at(9000),
                lasting_by: None,
            },
        ),
        (
            "checked-in-lasting",
            Event::CheckedIn {
                ticket,
                check_in_by: at(9000),
                lasting_by: Some(at(69_000)),
            },
        ),
        (
            "called",
            Event::Called {
                ticket,
                start_by: at(15_000),
                passed: Vec::new(),
            },
        ),
        (
            "called-past",
            Event::Called {
                ticket,
                start_by: at(15_000),
                passed: vec![Ticket::new(1040), Ticket::new(1041)],
            },
        ),
        (
            "started",
            Event::Started {
                ticket,
                contribute_by: at(180_000),
                stall_by: None,
            },
        ),
        (
            "started-checks-in",
            Event::Started {
                ticket,
                contribute_by: at(180_000),
                stall_by: Some(at(30_000)),
            },
        ),
        (
            "extended",
            Event::Extended {
                ticket,
                contribute_by: at(210_000),
            },
        ),
        (
            "submitted",
            Event::Submitted {
                ticket,
                verify_by: at(300_000),
            },
        ),
    ]
}

/// What happens to others than a stay.
fn other_events(id: Identity) -> Vec<(&'static str, Event<Identity>)> {
    vec![
        ("pardoned", Event::Pardoned { id }),
        (
            "resumed",
            Event::Resumed {
                pause: Duration::from_millis(1234),
                restarted: false,
            },
        ),
        (
            "resumed-restarted",
            Event::Resumed {
                pause: Duration::from_secs(86_400),
                restarted: true,
            },
        ),
    ]
}

fn record(event: Event<Identity>, note: Option<String>) -> Record {
    Record::new(Entry { at: at(0), event }, note)
}

/// Records with a note, and with digests of what is stored beside the log.
fn with_more() -> [(&'static str, Record); 3] {
    let ended = |outcome| Event::Ended {
        ticket: TICKET,
        outcome,
    };
    let noted = record(
        ended(Outcome::Aborted),
        Some("the laptop sleeps".to_owned()),
    );
    let mut stored = record(ended(Outcome::Contributed), None);
    stored.stored = Some([0x11; 32]);
    let tally = |count, byte| Tally {
        count,
        digest: [byte; 32],
    };
    let mut beside = stored.clone();
    beside.beside = Some(Beside {
        ceremony: [0x22; 32],
        contributions: tally(141_416, 0x33),
        accounts: tally(0, 0),
    });
    [
        ("noted", noted),
        ("stored", stored),
        ("stored-beside", beside),
    ]
}

/// One record of every kind, and every value of the enums inside.
fn records() -> Vec<(String, Record)> {
    let ticket = TICKET;
    let id = Identity::eth([0xa1; 20]);
    let owned = |(name, event): (&str, Event<Identity>)| (name.to_owned(), event);
    let mut events: Vec<_> = stay_events(&id).into_iter().map(owned).collect();
    events.extend(other_events(id).into_iter().map(owned));
    for outcome in [
        Outcome::Contributed,
        Outcome::MissedCheckIn,
        Outcome::FailedToStart,
        Outcome::TimedOut,
        Outcome::Stalled,
        Outcome::Invalid,
        Outcome::Aborted,
        Outcome::Left,
        Outcome::Expelled,
        Outcome::CoordinatorFault,
    ] {
        events.push((
            format!("ended-{outcome:?}"),
            Event::Ended { ticket, outcome },
        ));
    }
    for mode in [Mode::Open, Mode::Draining, Mode::Halted] {
        events.push((format!("mode-set-{mode:?}"), Event::ModeSet { mode }));
    }
    let events = events.into_iter();
    let plain = events.map(|(name, event)| (name, record(event, None)));
    let more = with_more().map(|(name, record)| (name.to_owned(), record));
    plain.chain(more).collect()
}

#[test]
fn every_record_is_pinned() {
    for (name, record) in records() {
        let file = format!("journal/{name}.hex");
        assert_golden(&file, &hex::encode(record.to_bytes()));
    }
}

#[test]
fn every_pinned_record_is_read_as_what_it_was() {
    for (name, record) in records() {
        let bytes = hex::decode(golden(&format!("journal/{name}.hex"))).unwrap();
        assert_eq!(Record::from_bytes(&bytes).unwrap(), record, "{name}");
    }
}

#[test]
fn a_record_of_a_later_version_is_refused_and_says_so() {
    let (_, mut record) = records().remove(0);
    record.v = RECORD_VERSION + 1;
    match Record::from_bytes(&record.to_bytes()) {
        Err(error @ RecordError::Newer { found }) => {
            assert_eq!(found, RECORD_VERSION + 1);
            assert!(error.to_string().contains("upgrade"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_later_version_may_change_everything_but_the_version() {
    let bytes =
        rmp_serde::to_vec_named(&serde_json::json!({"v": 7, "entries": [1, 2, 3]})).unwrap();
    assert!(matches!(
        Record::from_bytes(&bytes),
        Err(RecordError::Newer { found: 7 })
    ));
}

#[test]
fn a_field_that_a_later_program_added_is_passed_over() {
    #[derive(serde::Serialize)]
    struct Later {
        v: u16,
        entry: Entry<Identity>,
        colour: &'static str,
    }
    let (_, record) = records().remove(0);
    let later = Later {
        v: record.v,
        entry: record.entry.clone().unwrap(),
        colour: "green",
    };
    let bytes = rmp_serde::to_vec_named(&later).unwrap();
    assert_eq!(Record::from_bytes(&bytes).unwrap(), record);
}

#[test]
fn a_program_of_before_digests_reads_records_that_have_them() {
    #[derive(serde::Deserialize)]
    struct Earlier {
        v: u16,
        entry: Entry<Identity>,
        #[serde(default)]
        note: Option<String>,
    }
    for (name, record) in records() {
        let earlier: Earlier = rmp_serde::from_slice(&record.to_bytes()).unwrap();
        assert_eq!(earlier.v, record.v, "{name}");
        assert_eq!(Some(earlier.entry), record.entry, "{name}");
        assert_eq!(earlier.note, record.note, "{name}");
    }
}

#[test]
fn a_truncated_record_is_refused_at_every_length() {
    for (name, record) in records() {
        let bytes = record.to_bytes();
        for len in 0..bytes.len() {
            assert!(
                Record::from_bytes(&bytes[..len]).is_err(),
                "{name} cut to {len} bytes"
            );
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Record::from_bytes(&bytes);
    }

    #[test]
    fn no_flipped_bit_makes_the_reader_panic(which in 0usize..30, bit in 0usize..2000) {
        let all = records();
        let mut bytes = all[which % all.len()].1.to_bytes();
        let bit = bit % (bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let _ = Record::from_bytes(&bytes);
    }
}

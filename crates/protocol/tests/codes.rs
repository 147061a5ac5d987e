//! The table of error codes is part of the interface: pinned whole.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::HashSet;
use std::fmt::Write as _;

use common::assert_golden;
use tauline_protocol::error::{Code, ErrorBody};

#[test]
fn the_table_is_pinned() {
    let mut table = String::new();
    for code in Code::ALL {
        writeln!(
            table,
            "{} {}: {}",
            code.status(),
            code.as_str(),
            code.meaning()
        )
        .unwrap();
    }
    assert_golden("codes.txt", table.trim_end());
}

#[test]
fn no_two_codes_are_written_alike() {
    let texts: HashSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(texts.len(), Code::ALL.len());
}

#[test]
fn every_code_has_a_status_of_an_error_and_a_meaning() {
    for code in Code::ALL {
        assert!((400..600).contains(&code.status()), "{code:?}");
        assert!(
            code.meaning().ends_with('.'),
            "{code:?} says {:?}",
            code.meaning()
        );
    }
}

#[test]
fn a_code_is_known_by_its_text_and_a_later_one_is_not() {
    for code in Code::ALL {
        assert_eq!(ErrorBody::new(*code, "").known_code(), Some(*code));
    }
    let later = ErrorBody::with_code("Queue::FromTheFuture", "");
    assert_eq!(later.known_code(), None);
}

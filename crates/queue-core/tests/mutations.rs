//! Rules broken on purpose: the simulation must notice every one.

#![allow(clippy::unwrap_used)]

mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use tauline_queue_core::Fault;

/// Lives in which a fault must show itself at least once.
const LIVES: u64 = 60;
/// Entries in the log of each.
const EVENTS_OF_A_LIFE: u64 = 2_000;

/// The first seed that shows the fault, and what it says.
fn caught(fault: Option<Fault>) -> Option<(u64, String)> {
    (1..=LIVES).find_map(|seed| {
        let life = AssertUnwindSafe(|| world::live(seed, EVENTS_OF_A_LIFE, fault));
        let panic = catch_unwind(life).err()?;
        let text = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
            .unwrap_or_default();
        Some((seed, text.lines().next().unwrap_or_default().to_owned()))
    })
}

#[test]
fn every_deliberate_fault_is_caught() {
    let mut missed = Vec::new();
    for fault in Fault::ALL {
        match caught(Some(fault)) {
            Some((seed, text)) => println!("{fault:?}: seed {seed}: {text}"),
            None => missed.push(fault),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

#[test]
fn nothing_is_caught_where_there_is_no_fault() {
    assert_eq!(caught(None), None);
}

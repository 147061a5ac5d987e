//! The power fails.

use std::collections::BTreeSet;

use tauline_protocol::status::EndedWord;

use crate::disk::{Disk, Kind};
use crate::operations::{Operation, Step};
use crate::record::recorded;
use crate::replay::{first_fault, replay};
use crate::told::Told;

/// Faults that are shown. What follows the first is mostly the same.
const SHOWN: usize = 5;

#[test]
fn a_power_failure_at_any_moment_costs_nothing_that_was_told() {
    let Some(recorded) = recorded() else {
        return;
    };
    let tally = replay(&recorded.steps);
    if tally.refused_beginnings > 0 {
        println!(
            "NOTE: {} images are of a ceremony that nobody was told of, and a start refuses them",
            tally.refused_beginnings
        );
    }
    let shown: Vec<_> = tally.faults.iter().take(SHOWN).collect();
    assert!(
        shown.is_empty(),
        "{} of {} images: {shown:#?}",
        tally.faults.len(),
        tally.images
    );
}

#[test]
fn the_recording_holds_what_people_were_told() {
    let Some(recorded) = recorded() else {
        return;
    };
    let told: Vec<&Told> = recorded
        .steps
        .iter()
        .filter_map(|step| match &step.operation {
            Operation::Tell(told) => Some(told),
            _ => None,
        })
        .flatten()
        .collect();
    let count = |is: fn(&Told) -> bool| told.iter().filter(|one| is(one)).count();
    // Two runs, five people.
    assert_eq!(count(|one| matches!(one, Told::Serves)), 2);
    assert_eq!(count(|one| matches!(one, Told::Ticket(_))), 5);
    // How many of these there are depends on how fast the machine is: a slow one signs for several turns at once.
    assert!(count(|one| matches!(one, Told::Checkpoint(_))) >= 3);
    assert!(count(|one| matches!(one, Told::Head(_))) >= 3);
    let contributors: BTreeSet<_> = told
        .iter()
        .filter_map(|one| match one {
            Told::Receipt(id) => Some(id),
            _ => None,
        })
        .collect();
    assert_eq!(contributors.len(), 3, "{contributors:?}");
    let ended: Vec<EndedWord> = told
        .iter()
        .filter_map(|one| match one {
            Told::Standing { ended, .. } => *ended,
            _ => None,
        })
        .collect();
    for word in [EndedWord::Invalid, EndedWord::Left] {
        assert!(ended.contains(&word), "{word:?}: {ended:?}");
    }
}

#[test]
fn with_everything_written_the_image_is_what_the_disk_holds() {
    let Some(recorded) = recorded() else {
        return;
    };
    let mut disk = Disk::default();
    for step in &recorded.steps[..recorded.first_run] {
        disk.take(step);
    }
    let image = disk.image(Kind::Everything);
    let lengths: Vec<_> = image
        .iter()
        .map(|(name, content)| (name, content.as_ref().map(Vec::len)))
        .collect();
    let mut left = recorded.left.clone();
    left.retain(|name, _| name != "lock" && !name.ends_with("-shm"));
    assert!(left.contains_key("tauline.db"), "{:?}", left.keys());
    let found = image
        .iter()
        .filter_map(|(name, content)| Some((name, content.as_ref()?)));
    assert!(
        found.eq(left.iter()),
        "the image: {lengths:?}, the disk: {:?}",
        left.keys()
    );
}

/// The steps of a program that does not flush a file, which it makes by this name.
fn without_flushes(steps: &[Step], of: &str) -> Vec<Step> {
    let made: BTreeSet<usize> = steps
        .iter()
        .filter_map(|step| match &step.operation {
            Operation::Create { file, name } if name == of => Some(*file),
            _ => None,
        })
        .collect();
    assert!(!made.is_empty(), "nobody makes {of}");
    let is_kept = |step: &&Step| match &step.operation {
        Operation::Sync { file, .. } => !made.contains(file),
        _ => true,
    };
    steps.iter().filter(is_kept).cloned().collect()
}

#[test]
fn without_its_flushes_a_file_fails_this_test() {
    let Some(recorded) = recorded() else {
        return;
    };
    for name in ["tauline.db-wal", "tauline.mark.new", "tauline.signed.new"] {
        let steps = without_flushes(&recorded.steps, name);
        let fault = first_fault(&steps);
        let fault = fault.unwrap_or_else(|| panic!("{name} need not be flushed"));
        println!("{name}: {fault}");
    }
}

//! `kill -9` of the real program at each of its named places: before a commit, after it, between an
//! answer and the next. Everything acknowledged is there after the restart, and the public log takes
//! nothing back of what was shown and signed.
//!
//! `TAULINE_FAILPOINT_ROUNDS` sets how often at each place, `TAULINE_FAILPOINT_SEED` the seed that
//! chooses at which passage.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use rand::{Rng as _, SeedableRng as _};

use common::crowd::Crowd;
use common::log::Watcher;
use common::number;
use common::real::{RealServer, Setup};

/// How often the program ends at each place.
const ROUNDS: usize = 3;

/// Who takes part in each round: enough to pass each place a few times.
const PEOPLE: usize = 4;

/// How often it is looked whether the program has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Who is in line keeps the place however slow the machine is, and nobody is passed: contributions come
/// in the order of tickets.
const FLAGS: &[&str] = &[
    "--passes",
    "0",
    "--checkin-min",
    "60",
    "--start-limit",
    "120",
];

/// A test for each place: its name in the sources, and the last passage at which the program ends. A
/// round has that many mostly.
macro_rules! places {
    ($($test:ident: $name:literal, $last:literal;)+) => {
        const PLACES: &[&str] = &[$($name),+];
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                nothing_is_lost_at($name, $last).await;
            }
        )+
    };
}

places! {
    nothing_is_lost_before_a_commit: "store-before-commit", 12;
    nothing_is_lost_after_a_commit: "store-after-commit", 12;
    nothing_is_lost_after_the_mark_is_raised: "store-mark-raised", 12;
    nothing_is_lost_before_a_slot_is_durable: "slot-before-sync", 8;
    nothing_is_lost_before_it_is_durable_what_is_signed: "signed-before-write", 6;
    nothing_is_lost_before_it_is_signed_what_is_durable: "signed-after-write", 6;
    nothing_is_lost_before_a_batch_is_published: "task-committed", 12;
    nothing_is_lost_before_a_batch_is_answered: "task-published", 12;
    nothing_is_lost_between_two_answers: "task-replied", 16;
    nothing_is_lost_before_a_contribution_is_stored: "contribution-read", 4;
    nothing_is_lost_before_a_verdict_is_waited_for: "contribution-stored", 2;
    nothing_is_lost_before_a_verdict_is_stored: "verdict-reached", 4;
    nothing_is_lost_before_the_swept_log_is_moved: "upkeep-swept", 2;
    nothing_is_lost_within_a_piece_of_the_transcript: "snapshot-put", 24;
}

/// Places that a single coordinator never passes: `tests/replicas/vetting.rs` ends the program there.
const OF_REPLICAS: [&str; 2] = ["vetting-read", "vetting-judged"];

/// The program ends at this place again and again, at one of its first passages up to the `last`.
async fn nothing_is_lost_at(name: &str, last: u64) {
    let rounds = number("TAULINE_FAILPOINT_ROUNDS").unwrap_or(ROUNDS);
    let seed: u64 = number("TAULINE_FAILPOINT_SEED").unwrap_or_else(rand::random);
    println!("TAULINE_FAILPOINT_SEED={seed}");
    let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
    let directory = tempfile::tempdir().unwrap();
    // The ceremony begins without a failpoint, so that there is something to lose.
    let (setup, mut server) = Setup::begin(directory.path(), rounds * PEOPLE, FLAGS);
    let url = server.url.clone();
    let watcher = Watcher::begin(&url, Some("/ceremony/transcript"));
    let mut crowd = Crowd::at(&url);
    let mut ends = 0;
    for _ in 0..rounds {
        let failpoint = format!("{name}:{}", rng.gen_range(1..=last));
        let started = tokio::task::block_in_place(|| {
            server.kill();
            setup.start_until(&failpoint)
        });
        crowd.come(PEOPLE);
        let has_ended = match started {
            Some(mut started) => has_ended_amid(&mut started, &crowd).await,
            None => true,
        };
        ends += usize::from(has_ended);
        println!("{failpoint}: ended {has_ended}");
        server = tokio::task::block_in_place(|| setup.start());
        while crowd.unfinished() > 0 {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    assert!(
        ends > 0,
        "{name} was never passed, so this test shows nothing"
    );
    server = tokio::task::block_in_place(|| {
        server.kill();
        setup.start()
    });
    crowd.assert_kept(watcher.end()).await;
    drop(server);
}

/// Whether the program ends by itself before all have contributed. Otherwise it is killed by the caller.
async fn has_ended_amid(server: &mut RealServer, crowd: &Crowd) -> bool {
    while !server.has_ended() {
        if crowd.unfinished() == 0 {
            return false;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    true
}

/// Adds the names of failpoints in the Rust files of a folder.
fn names_in(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names_in(&path, names);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let named = text.split("failpoint(\"").skip(1);
            names.extend(named.map(|rest| rest.split('"').next().unwrap().to_owned()));
        }
    }
}

#[test]
fn every_place_has_its_test() {
    let mut names = BTreeSet::new();
    for folder in ["src", "../store/src"] {
        names_in(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
            &mut names,
        );
    }
    let tested = PLACES.iter().chain(&OF_REPLICAS);
    let tested: BTreeSet<String> = tested.map(|&name| name.to_owned()).collect();
    assert_eq!(names, tested);
}

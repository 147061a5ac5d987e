//! Replicas are killed at random moments and at the named places of the program: everything acknowledged
//! is there, each contribution once, in the order of tickets, and the public log takes nothing back.
//!
//! `TAULINE_REPLICA_KILLS` sets another number of kills, `TAULINE_KILL_SEED` the seed of the moments,
//! `TAULINE_FAILPOINT_ROUNDS` how often a leader ends at each place.

use std::time::Duration;

use rand::{Rng as _, SeedableRng as _};

use crate::common::crowd::Crowd;
use crate::common::log::Watcher;
use crate::common::number;
use crate::common::replicas::Fleet;

/// How often a replica is killed.
const KILLS: usize = 12;

/// Who comes before the first kill; one more comes before each.
const EARLY: usize = 6;

/// The longest time between a start and the next kill, milliseconds.
const LONGEST_LIFE: u64 = 1500;

/// How often it is looked whether all have contributed.
const LOOK: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_replicas_are_killed_at_random_moments() {
    let kills = number("TAULINE_REPLICA_KILLS").unwrap_or(KILLS);
    let seed: u64 = number("TAULINE_KILL_SEED").unwrap_or_else(rand::random);
    println!("TAULINE_KILL_SEED={seed}");
    let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
    let flags = ["--lease", "1"];
    let Some(mut fleet) = Fleet::begin(3, EARLY + kills, &flags).await else {
        return;
    };
    let watcher = Watcher::begin(&fleet.url(0), Some("/ceremony/transcript"));
    let mut crowd = Crowd::among(fleet.urls());
    crowd.come(EARLY);
    for kill in 0..kills {
        crowd.come(1);
        let life = Duration::from_millis(rng.gen_range(0..LONGEST_LIFE));
        tokio::time::sleep(life).await;
        // Mostly whoever leads.
        let leader = fleet.leads().map(|(leader, _)| leader);
        let dies = match leader.filter(|_| kill % 3 < 2) {
            Some(leader) => leader,
            None => rng.gen_range(0..3),
        };
        fleet.kill(dies);
        fleet.start(dies);
    }
    while crowd.unfinished() > 0 {
        fleet.start_ended();
        tokio::time::sleep(LOOK).await;
    }
    crowd.assert_kept(watcher.end()).await;
}

/// A test for each place at which the leader ends, and the last passage at which it does.
macro_rules! places {
    ($($test:ident: $name:literal, $last:literal;)+) => {
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
    nothing_is_lost_before_it_is_durable_what_is_signed: "signed-before-write", 6;
    nothing_is_lost_before_it_is_signed_what_is_durable: "signed-after-write", 6;
    nothing_is_lost_before_a_batch_is_published: "task-committed", 12;
    nothing_is_lost_before_a_batch_is_answered: "task-published", 12;
    nothing_is_lost_between_two_answers: "task-replied", 16;
    nothing_is_lost_before_a_contribution_is_stored: "contribution-read", 2;
    nothing_is_lost_before_a_verdict_is_waited_for: "contribution-stored", 2;
    nothing_is_lost_before_a_verdict_is_stored: "verdict-reached", 2;
}

/// Who comes in each round.
const PEOPLE: usize = 4;

/// Each replica ends itself at this place once it leads; others take over, and it is started again.
async fn nothing_is_lost_at(name: &str, last: u64) {
    let rounds = number("TAULINE_FAILPOINT_ROUNDS").unwrap_or(1);
    let seed: u64 = number("TAULINE_FAILPOINT_SEED").unwrap_or_else(rand::random);
    println!("TAULINE_FAILPOINT_SEED={seed}");
    let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
    let Some(mut fleet) = Fleet::begin(2, rounds * PEOPLE, &["--lease", "1"]).await else {
        return;
    };
    let watcher = Watcher::begin(&fleet.url(0), None);
    let mut crowd = Crowd::among(fleet.urls());
    let mut ends = 0;
    for _ in 0..rounds {
        let (leader, _) = fleet.leads().unwrap();
        let follower = fleet.followers(leader)[0];
        let failpoint = format!("{name}:{}", rng.gen_range(1..=last));
        // The next leader has it.
        fleet.stop(follower);
        fleet.start_until(follower, Some(&failpoint));
        fleet.stop(leader);
        fleet.start(leader);
        crowd.come(PEOPLE);
        let mut has_ended = false;
        while crowd.unfinished() > 0 {
            if fleet.has_ended(follower) {
                has_ended = true;
                fleet.start(follower);
            }
            tokio::time::sleep(LOOK).await;
        }
        println!("{failpoint}: ended {has_ended}");
        ends += usize::from(has_ended);
    }
    assert!(ends > 0, "{name} was never passed");
    crowd.assert_kept(watcher.end()).await;
}

//! `kill -9` of the real program at random moments of a small ceremony: everything acknowledged is there
//! after each restart, nobody loses a place, the transcript verifies, and the public log takes nothing
//! back of what was shown and signed.
//!
//! `TAULINE_KILLS` sets another number of kills, `TAULINE_KILL_SEED` the seed of the moments.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use rand::{Rng as _, SeedableRng as _};

use common::crowd::Crowd;
use common::log::Watcher;
use common::number;
use common::real::Setup;

/// How often the program is killed.
const KILLS: usize = 50;

/// Participants before the first kill; one more joins before each, so that something happens in
/// every life of the program.
const EARLY: usize = 10;

/// As long as so many have not contributed, nobody joins: else a slow machine would serve a line that
/// only grows.
const MOST_IN_LINE: usize = 40;

/// The longest time between two kills, milliseconds: a turn or two.
const LONGEST_LIFE: u64 = 500;

/// How often it is looked whether all have contributed in the end.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Nobody is passed, so contributions come in the order of tickets. Who comes back first after a restart
/// is chance.
const FLAGS: &[&str] = &["--passes", "0"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_by_kill_9_at_random_moments() {
    let kills = number("TAULINE_KILLS").unwrap_or(KILLS);
    let seed: u64 = number("TAULINE_KILL_SEED").unwrap_or_else(rand::random);
    println!("TAULINE_KILL_SEED={seed}");
    let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
    let directory = tempfile::tempdir().unwrap();
    let (setup, mut server) = Setup::begin(directory.path(), kills + EARLY, FLAGS);
    let url = server.url.clone();
    let watcher = Watcher::begin(&url, None);
    let mut crowd = Crowd::at(&url);
    crowd.come(EARLY);
    for _ in 0..kills {
        if crowd.unfinished() < MOST_IN_LINE {
            crowd.come(1);
        }
        let life = Duration::from_millis(rng.gen_range(0..LONGEST_LIFE));
        tokio::time::sleep(life).await;
        server = tokio::task::block_in_place(|| {
            server.kill();
            setup.start()
        });
    }
    while crowd.unfinished() > 0 {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    server = tokio::task::block_in_place(|| {
        server.kill();
        setup.start()
    });
    crowd.assert_kept(watcher.end()).await;
    drop(server);
}

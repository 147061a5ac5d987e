//! `queue-core` with a million in line: the cost of a join, a check-in and a look-up of a position,
//! compared with finding an identity in a sorted and in a hashed map of that size.
//!
//! `cargo bench -p tauline-benches --bench queue`. Other sizes: `TAULINE_BENCH_WAITING=100000`.
//! Each figure is the mean processor time of a call in the fastest of three rounds. With a million
//! in line or fewer it fails if a join, a check-in or a look-up takes 2 µs or more.

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rustix::time::{ClockId, clock_gettime};
use tauline_queue_core::{Command, Queue, Rules, Timestamp};

/// Calls in a round.
const CALLS: usize = 1_000_000;

/// Rounds of each measurement. The fastest counts, since other programs slow rounds down.
const ROUNDS: usize = 3;

/// What a join, a check-in and a look-up may take on average with a million in line.
const LIMIT: Duration = Duration::from_micros(2);

/// 2026-01-01T00:00:00Z, in milliseconds.
const BEGINNING: u64 = 1_767_225_600_000;

/// An identity as the server holds it: shared text of `eth|0x` and 40 hex digits.
type Id = Arc<str>;

fn identity(rng: &mut StdRng) -> Id {
    let (high, low): (u32, [u64; 2]) = (rng.r#gen(), rng.r#gen());
    format!("eth|0x{high:08x}{:016x}{:016x}", low[0], low[1]).into()
}

/// Processor time of this thread so far. Other programs affect it only in so far as they share
/// caches.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let secs = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(secs, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Measures rounds of calls, whose arguments are prepared beforehand.
fn measure<T>(
    name: &str,
    mut prepare: impl FnMut() -> Vec<T>,
    mut call: impl FnMut(usize, T),
) -> Duration {
    let mut fastest = Duration::MAX;
    let mut calls = 0;
    for _ in 0..ROUNDS {
        let values = prepare();
        calls = values.len().max(1);
        let started = processor_time();
        for (number, value) in values.into_iter().enumerate() {
            call(number, value);
        }
        fastest =
            fastest.min((processor_time() - started) / u32::try_from(calls).unwrap_or(u32::MAX));
    }
    println!(
        "{name:<44} {calls:>9} calls {:>8} ns each",
        fastest.as_nanos()
    );
    fastest
}

/// Prints the mean of calls that began at `started`.
fn print_mean(name: &str, calls: usize, started: Duration) {
    let each = (processor_time() - started) / u32::try_from(calls.max(1)).unwrap_or(u32::MAX);
    println!("{name:<44} {calls:>9} calls {:>8} ns each", each.as_nanos());
}

/// A queue with all of these in line, and its time afterwards.
fn full_queue(ids: &[Id]) -> Option<(Queue<Id>, u64)> {
    // A mean turn of a second keeps the deadlines of a million apart.
    let rules = Rules {
        expected_turn: Duration::from_secs(1),
        ..Rules::default()
    };
    let mut queue = Queue::new(rules, Timestamp::from_millis(BEGINNING)).ok()?;
    let mut now = BEGINNING;
    let started = processor_time();
    for (count, id) in ids.iter().enumerate() {
        // All of them within two seconds, before the deadline of the first.
        now = BEGINNING + 2000 * count as u64 / ids.len().max(1) as u64;
        let _ = queue.step(
            Timestamp::from_millis(now),
            Command::Join { id: id.clone() },
        );
    }
    print_mean("join, from empty to full", ids.len(), started);
    Some((queue, now))
}

/// Measures finding an identity in maps.
fn baselines(ids: &[Id], calls: &[Id]) {
    let sorted: BTreeMap<&Id, u64> = ids.iter().zip(0..).collect();
    measure(
        "baseline: BTreeMap::get of the identity",
        || calls.iter().collect(),
        |_, id| {
            black_box(sorted.get(black_box(id)));
        },
    );
    let hashed: HashMap<&Id, u64> = ids.iter().zip(0..).collect();
    measure(
        "baseline: HashMap::get of the identity",
        || calls.iter().collect(),
        |_, id| {
            black_box(hashed.get(black_box(id)));
        },
    );
}

/// Measures how everybody's deadline expires, until the line is empty.
fn expire(queue: &mut Queue<Id>) {
    let started = processor_time();
    let mut ended = 0;
    while let Some(due) = queue.next_deadline() {
        ended += queue.step(due, Command::Tick).entries.len();
    }
    print_mean("expiry, from full to empty", ended, started);
}

fn main() -> ExitCode {
    let waiting: usize = std::env::var("TAULINE_BENCH_WAITING")
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(1_000_000);
    let mut rng = StdRng::seed_from_u64(1);
    let ids: Vec<Id> = (0..waiting).map(|_| identity(&mut rng)).collect();
    // Texts of their own, as a request brings them, and not the ones that the queue holds.
    let calls: Vec<Id> = (0..CALLS)
        .filter_map(|_| ids.choose(&mut rng))
        .map(|id| Id::from(&**id))
        .collect();
    println!("{waiting} in line, identities of 46 bytes, calls in random order");

    let Some((mut queue, mut now)) = full_queue(&ids) else {
        return ExitCode::FAILURE;
    };
    let position = measure(
        "position",
        || calls.iter().collect(),
        |_, id| {
            black_box(queue.state().position(black_box(id)));
        },
    );
    measure(
        "position, phase and deadline",
        || calls.iter().collect(),
        |_, id| {
            black_box(queue.state().stay(black_box(id)));
        },
    );
    let check_in = measure(
        "check-in",
        || {
            let check_in = |id: &Id| Command::CheckIn { id: id.clone() };
            calls.iter().map(check_in).collect()
        },
        |number, command| {
            // A thousand in a millisecond; each moves its deadline.
            now += u64::from(number % 1000 == 0);
            let _ = black_box(queue.step(Timestamp::from_millis(now), command));
        },
    );
    let join = measure(
        "join, when full",
        || {
            let join = |_| Command::Join {
                id: identity(&mut rng),
            };
            (0..waiting / 10).map(join).collect()
        },
        |_, command| {
            let _ = black_box(queue.step(Timestamp::from_millis(now), command));
        },
    );
    baselines(&ids, &calls);
    expire(&mut queue);

    let too_slow = [join, position, check_in]
        .into_iter()
        .any(|mean| mean >= LIMIT);
    if waiting <= 1_000_000 && too_slow {
        eprintln!("a join, a check-in or a look-up does not take less than {LIMIT:?}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

//! `queue-core` with a million in line: the cost of a join, a check-in and a look-up of one's
//! position, beside what finding an identity in a sorted and in a
//! hashed map of that size costs by itself.
//!
//! `cargo bench -p tauline-benches --bench queue`. Other sizes: `TAULINE_BENCH_WAITING=100000`.
//! It fails if one of the three takes 2 µs or more on average.

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use tauline_queue_core::{Command, Queue, Rules, Timestamp};

/// Calls that each figure is the mean of.
const CALLS: usize = 1_000_000;

/// What a join, a check-in and a look-up may take on average with a million in line.
const LIMIT: Duration = Duration::from_micros(2);

/// 2026-01-01T00:00:00Z, in milliseconds.
const BEGINNING: u64 = 1_767_225_600_000;

/// An identity in the form the server has it in: shared text, `eth|0x` and 40 hex digits.
type Id = Arc<str>;

fn identity(rng: &mut StdRng) -> Id {
    let (high, low): (u64, [u64; 2]) = (rng.r#gen(), rng.r#gen());
    format!("eth|0x{:08x}{:016x}{:016x}", high as u32, low[0], low[1]).into()
}

fn report(name: &str, calls: usize, took: Duration) -> Duration {
    let mean = took / u32::try_from(calls.max(1)).unwrap_or(u32::MAX);
    println!("{name:<44} {calls:>9} calls {:>8} ns each", mean.as_nanos());
    mean
}

fn main() -> ExitCode {
    let waiting = std::env::var("TAULINE_BENCH_WAITING")
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(1_000_000);
    let mut rng = StdRng::seed_from_u64(1);
    let ids: Vec<Id> = (0..waiting).map(|_| identity(&mut rng)).collect();
    let late: Vec<Id> = (0..waiting / 10).map(|_| identity(&mut rng)).collect();
    let calls: Vec<&Id> = (0..CALLS).filter_map(|_| ids.choose(&mut rng)).collect();
    println!("{waiting} in line, identities of 46 bytes, calls in random order");

    // A mean turn of a second keeps the deadlines of a million apart.
    let rules = Rules {
        expected_turn: Duration::from_secs(1),
        ..Rules::default()
    };
    let Ok(mut queue) = Queue::new(rules, Timestamp::from_millis(BEGINNING)) else {
        return ExitCode::FAILURE;
    };
    let mut now = BEGINNING;

    let joins: Vec<Command<Id>> = ids
        .iter()
        .map(|id| Command::Join { id: id.clone() })
        .collect();
    let started = Instant::now();
    for (count, command) in joins.into_iter().enumerate() {
        // All of them within two seconds, before the deadline of the first.
        now = BEGINNING + 2000 * count as u64 / waiting.max(1) as u64;
        let _ = black_box(queue.step(Timestamp::from_millis(now), command));
    }
    report("join, from empty to full", ids.len(), started.elapsed());

    let joins: Vec<Command<Id>> = late
        .iter()
        .map(|id| Command::Join { id: id.clone() })
        .collect();
    let started = Instant::now();
    for command in joins {
        let _ = black_box(queue.step(Timestamp::from_millis(now), command));
    }
    let join = report("join, when full", late.len(), started.elapsed());

    let started = Instant::now();
    let mut position = 0;
    for id in &calls {
        position ^= queue
            .state()
            .stay(black_box(*id))
            .map_or(0, |stay| stay.position);
    }
    black_box(position);
    let look_up = report("position", calls.len(), started.elapsed());

    let check_ins: Vec<Command<Id>> = calls
        .iter()
        .map(|id| Command::CheckIn { id: (*id).clone() })
        .collect();
    let started = Instant::now();
    for (count, command) in check_ins.into_iter().enumerate() {
        // A thousand in a millisecond; each moves its deadline.
        now += u64::from(count % 1000 == 0);
        let _ = black_box(queue.step(Timestamp::from_millis(now), command));
    }
    let check_in = report("check-in", calls.len(), started.elapsed());

    let map: BTreeMap<&Id, u64> = ids.iter().zip(0..).collect();
    let started = Instant::now();
    let mut found = 0;
    for id in &calls {
        found ^= map.get(black_box(*id)).copied().unwrap_or_default();
    }
    black_box(found);
    report(
        "baseline: BTreeMap::get of the identity",
        calls.len(),
        started.elapsed(),
    );

    let map: HashMap<&Id, u64> = ids.iter().zip(0..).collect();
    let started = Instant::now();
    for id in &calls {
        found ^= map.get(black_box(*id)).copied().unwrap_or_default();
    }
    black_box(found);
    report(
        "baseline: HashMap::get of the identity",
        calls.len(),
        started.elapsed(),
    );

    // Everybody has vanished: tick by tick until the line is empty.
    let mut expired = 0;
    let all = Instant::now();
    while let Some(due) = queue.next_deadline() {
        expired += queue.step(due, Command::Tick).entries.len();
    }
    report("expiry", expired, all.elapsed());
    assert!(queue.state().is_empty());

    if waiting <= 1_000_000
        && [join, look_up, check_in]
            .into_iter()
            .any(|mean| mean >= LIMIT)
    {
        eprintln!("a figure is not below {LIMIT:?}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

//! Three replicas behind nginx, one of which is killed again and again, while thousands wait and some
//! contribute.
//!
//! PostgreSQL, `tauline-server` (the one beside this program) and Debian's nginx with the examples of
//! `deploy` are started here. `--participants` people sign in by invitation and join; each checks in
//! before the deadline that it was last told, and those who are to contribute hold their check-ins.
//! Whoever is called contributes, `--contributions` of them in `--seconds` at least. Every `--kill-every`
//! seconds a replica gets SIGKILL, the leader and another by turns, and is started again 2 s later. What
//! breaks or is answered 502 to 504 is sent again through the proxy, uploads too.
//!
//! It fails unless every contribution was acknowledged once and is in transcript and log, in the order of
//! tickets; nobody lost a place; the log is that of a fair coordinator; and 99 of 100 check-ins took no
//! more than `--most` milliseconds, from when they were due, outside the windows from the kill of a leader
//! to the next check-in that is answered. The windows are told, with what check-ins in them took.
//!
//! `cargo build --workspace --bins && target/debug/replicas-killed --participants 5000`

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use tauline_benches::clock::processor_time;
use tauline_benches::json_contribution_chain;
use tauline_benches::kills::check::{Audited, audit, contributions};
use tauline_benches::kills::front::Front;
use tauline_benches::kills::person::Person;
use tauline_benches::kills::replicas::Replicas;
use tauline_benches::kills::seen::{Kill, Seen, latencies, windows};
use tauline_benches::kills::world::World;
use tauline_benches::load::{Binary, http};
use tokio::task::{JoinSet, block_in_place};

/// How many replicas there are: as many as the example for nginx has.
const REPLICAS: usize = 3;

/// How long a replica that was killed stays away.
const AWAY: Duration = Duration::from_secs(2);

/// How much longer than planned the contributions may take in all.
const PATIENCE: Duration = Duration::from_secs(180);

/// Replicas are killed while people wait and contribute.
#[derive(Parser)]
struct Options {
    /// People who join.
    #[arg(long, default_value_t = 5000)]
    participants: usize,
    /// Contributions until the run ends.
    #[arg(long, default_value_t = 100)]
    contributions: usize,
    /// Seconds from one kill to the next.
    #[arg(long, default_value_t = 20.0)]
    kill_every: f64,
    /// Seconds that the contributions take at least.
    #[arg(long, default_value_t = 200.0)]
    seconds: f64,
    /// How many join in a second.
    #[arg(long, default_value_t = 200.0)]
    joining: f64,
    /// Milliseconds that 99 of 100 check-ins may take outside the windows.
    #[arg(long, default_value_t = 250.0)]
    most: f64,
    /// Sizes of the ceremony.
    #[arg(long = "ceremony", default_value = "8:2,16:2")]
    sizes: String,
    #[command(flatten)]
    binary: Binary,
}

fn main() -> Result<()> {
    tauline_benches::choose_arithmetic();
    let options = Options::parse();
    ensure!(
        options.participants > options.contributions,
        "fewer people than contributions"
    );
    let chain = json_contribution_chain(&options.sizes.parse()?, options.contributions)?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(async { tokio::spawn(run(options, chain)).await? })
}

async fn run(options: Options, chain: Vec<Vec<u8>>) -> Result<()> {
    let (binary, people) = (options.binary.path()?, options.participants);
    let (client, sizes) = (http().build()?, &options.sizes);
    let mut replicas = block_in_place(|| Replicas::start(&binary, sizes, REPLICAS, people))?;
    replicas.ready(&client).await?;
    let front = block_in_place(|| Front::start(&replicas.addresses()))?;
    let proxy = front.url.trim_start_matches("http://").parse()?;
    let length = Duration::from_secs_f64(options.seconds);
    let pace = length / u32::try_from(options.contributions)?;
    let world = Arc::new(World::new(proxy, chain, pace)?);

    let since = Instant::now();
    let mut lives = fill(&world, people, options.joining).await?;
    println!(
        "{people} signed in and joined in {:.1} s",
        since.elapsed().as_secs_f64()
    );
    world.begin();
    let began = Instant::now();
    let every = Duration::from_secs_f64(options.kill_every);
    let kills = kill_by_turns(&world, &mut replicas, every, length + PATIENCE).await?;
    world.end();
    while lives.join_next().await.is_some() {}
    let took = began.elapsed().as_secs_f64();
    replicas.ready(&client).await?;

    let seen = std::mem::take(&mut *world.seen());
    println!(
        "{} of {} contributions were acknowledged in {took:.0} s; this program: {:.1} s of processor time",
        seen.done.len(),
        world.goal(),
        processor_time().as_secs_f64()
    );
    let p99 = tell(&seen, &kills, began, took);
    let audited = audit(&client, &front.url).await?;
    judge_log(&audited)?;
    contributions(&client, &front.url, sizes, &seen.done, &audited).await?;
    println!("receipts, transcript and log have the same contributions, each once and in order");
    judge(&seen, world.goal(), p99, options.most)
}

/// Has everybody join, so many a second; the first has the turn, and keeps it until all are there.
async fn fill(world: &Arc<World>, people: usize, a_second: f64) -> Result<JoinSet<()>> {
    let mut lives = JoinSet::new();
    let first = Person::join(Arc::clone(world), 0).await?;
    lives.spawn(first.live());
    let mut joining = JoinSet::new();
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / a_second));
    for number in 1..people {
        ticks.tick().await;
        let world = Arc::clone(world);
        joining.spawn(async move {
            let joined = Person::join(world, number).await;
            joined.with_context(|| format!("participant {number}"))
        });
        while let Some(joined) = joining.try_join_next() {
            lives.spawn(joined??.live());
        }
    }
    while let Some(joined) = joining.join_next().await {
        lives.spawn(joined??.live());
    }
    Ok(lives)
}

/// Kills the leader and another by turns, until all contributions are there.
async fn kill_by_turns(
    world: &World,
    replicas: &mut Replicas,
    every: Duration,
    limit: Duration,
) -> Result<Vec<Kill>> {
    let begun = Instant::now();
    let mut kills = Vec::new();
    let mut due = begun + every;
    while !world.is_complete() && begun.elapsed() < limit {
        tokio::time::sleep(Duration::from_millis(100)).await;
        replicas.run_on()?;
        if Instant::now() < due {
            continue;
        }
        let Some((leader, epoch)) = block_in_place(|| replicas.leads())? else {
            continue;
        };
        due += every;
        let led = kills.len() % 2 == 0;
        let replica = match led {
            true => leader,
            false => (leader + 1 + kills.len() / 2 % (REPLICAS - 1)) % replicas.count(),
        };
        let began = Instant::now();
        block_in_place(|| replicas.kill(replica))?;
        println!(
            "{:6.1} s: killed r{replica}, {} (epoch {epoch})",
            begun.elapsed().as_secs_f64(),
            if led { "the leader" } else { "a follower" },
        );
        kills.push(Kill {
            replica,
            led,
            began,
            ended: Instant::now(),
        });
        tokio::time::sleep(AWAY).await;
        replicas.run(replica)?;
    }
    Ok(kills)
}

/// Prints what was seen, and returns the 99th percentile outside the windows, in milliseconds.
fn tell(seen: &Seen, kills: &[Kill], began: Instant, seconds: f64) -> f64 {
    let windows = windows(kills, &seen.check_ins);
    let [outside, inside] = latencies(&windows, &seen.check_ins);
    outside.print("check-ins outside the windows", seconds);
    inside.print("check-ins inside the windows", seconds);
    for window in &windows {
        println!(
            "window: {:.2} s from {:.1} s on",
            window.length().as_secs_f64(),
            (window.began - began).as_secs_f64()
        );
    }
    println!(
        "{} kills, {} of a leader; {} requests repeated, {} uploads among them; {} places lost, {} faults, {} check-ins sent too late by this program",
        kills.len(),
        kills.iter().filter(|kill| kill.led).count(),
        seen.repeated,
        seen.uploads_repeated,
        seen.lost.len(),
        seen.faults.len(),
        seen.own_fault
    );
    for said in seen.lost.iter().chain(&seen.faults).take(10) {
        println!("{said}");
    }
    outside.at(0.99)
}

/// By the log, nobody's stay ended but by a contribution.
fn judge_log(audited: &Audited) -> Result<()> {
    let statistics = &audited.report.statistics;
    println!(
        "the audit of {} entries finds no violation; {:?}; turns went past {}",
        audited.report.entries,
        statistics.outcomes,
        audited.passed.len()
    );
    let ended = serde_json::to_value(statistics.outcomes)?;
    for (outcome, count) in ended.as_object().context("outcomes have names")? {
        ensure!(
            outcome == "contributed" || count == 0,
            "{count} stays ended as {outcome}"
        );
    }
    Ok(())
}

fn judge(seen: &Seen, goal: u64, p99: f64, most: f64) -> Result<()> {
    ensure!(
        seen.done.len() as u64 == goal,
        "only {} contributions were acknowledged",
        seen.done.len()
    );
    ensure!(seen.lost.is_empty(), "{} places were lost", seen.lost.len());
    ensure!(
        seen.faults.is_empty(),
        "{} answers should not be",
        seen.faults.len()
    );
    ensure!(
        seen.own_fault == 0,
        "this program was late {} times: it needs more of the machine",
        seen.own_fault
    );
    ensure!(p99 <= most, "99 of 100 check-ins took up to {p99:.0} ms");
    Ok(())
}

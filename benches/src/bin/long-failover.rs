//! How long nobody leads over a long log: after the leader got SIGKILL, and after it was told to stop.
//!
//! `cargo run --release -p tauline-benches --bin long-failover`
//!
//! A log of `--records` is made up in PostgreSQL, and three replicas are started on it. Then the leader is killed
//! and told to stop by turns, `--rounds` times each; each time it is started again, and `--settle` seconds pass, in
//! which it makes a copy. Prints the time from the signal to the first check-in that another leader answers,
//! asked for at a follower, and memory and processor time of all. Fails if it is longer than `--most` seconds.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use tauline_benches::kills::replicas::Replicas;
use tauline_benches::load::{Binary, http};
use tauline_benches::made_up::{MadeUp, START};
use tauline_store::postgres::{Cluster, Database, Member, Postgres};
use tauline_test_postgres::Server;
use tauline_transcript::Sizes;

/// Records of a contribution, from joining to acceptance.
const RECORDS_EACH: u64 = 5;

/// Pause before somebody asks again who was not answered.
const AGAIN: Duration = Duration::from_millis(5);

/// Compares ends of leaders.
#[derive(Parser)]
struct Args {
    /// How many records the log has.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// How often the leader ends in each way.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Seconds between two ends.
    #[arg(long, default_value_t = 20.0)]
    settle: f64,
    /// Seconds that it may take until another leads.
    #[arg(long, default_value_t = 5.0)]
    most: f64,
    /// The ceremony's sizes.
    #[arg(long = "ceremony", default_value = "16:4,32:4")]
    sizes: Sizes,
    #[command(flatten)]
    binary: Binary,
}

fn main() -> Result<()> {
    tauline_benches::choose_arithmetic();
    let args = Args::parse();
    let server = Server::start().context("PostgreSQL is not installed")?;
    let schema = server.fresh();
    let folder = tempfile::tempdir()?;
    let begun = Instant::now();
    make_up(&args, &server.url(&schema), folder.path())?;
    println!(
        "a log of {} records made up in {:.1} s",
        args.records,
        begun.elapsed().as_secs_f64()
    );
    let sizes = args.sizes.to_string();
    let replicas = Replicas::on(server, schema, &args.binary.path()?, &sizes, 3, 1)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(&args, replicas))
}

/// Fills an empty database.
fn make_up(args: &Args, url: &str, folder: &Path) -> Result<()> {
    let database = Database::parse(url)?;
    let cluster = Cluster::join(&database)?;
    let me = Member {
        name: "bench".to_owned(),
        url: "http://127.0.0.1".to_owned(),
    };
    let lease = cluster.take_lead(&me, Duration::from_secs(36_000))?;
    let lease = lease.context("somebody leads")?;
    let store = Postgres::lead(&database, &lease, &args.sizes, START, None, folder)?;
    MadeUp::begin(&store)?.fill(args.records / RECORDS_EACH)?;
    lease.give_up()?;
    Ok(())
}

async fn run(args: &Args, mut replicas: Replicas) -> Result<()> {
    let client = http().build()?;
    let begun = Instant::now();
    replicas.run(0)?;
    replicas.ready(&client).await?;
    println!(
        "the first replica, without a copy, leads {:.1} s after it was started",
        begun.elapsed().as_secs_f64()
    );
    for number in 1..replicas.count() {
        replicas.run(number)?;
    }
    replicas.ready(&client).await?;
    let mut longest = Duration::ZERO;
    for round in 1..=args.rounds {
        for is_killed in [true, false] {
            tokio::time::sleep(Duration::from_secs_f64(args.settle)).await;
            tell(&replicas)?;
            let (leader, epoch) = replicas.leads()?.context("nobody leads")?;
            let since = Instant::now();
            match is_killed {
                true => replicas.kill(leader)?,
                false => replicas.stop(leader)?,
            }
            let follower = (leader + 1) % replicas.count();
            let url = format!("http://{}/queue/checkin", replicas.addresses()[follower]);
            let took = loop {
                // Nobody has signed in, which only a leader can say.
                let asked = client.post(&url).timeout(Duration::from_secs(6));
                let answer = asked.send().await;
                let is_answered = answer.is_ok_and(|answer| answer.status() == 401);
                let leads = replicas.leads()?;
                if is_answered && leads.is_some_and(|(_, now)| now > epoch) {
                    break since.elapsed();
                }
                tokio::time::sleep(AGAIN).await;
            };
            let how = if is_killed { "killed" } else { "told to stop" };
            println!(
                "round {round}: another leads {:.2} s after the leader was {how}",
                took.as_secs_f64()
            );
            longest = longest.max(took);
            if !is_killed {
                replicas.has_stopped(leader)?;
            }
            replicas.run(leader)?;
            replicas.ready(&client).await?;
        }
    }
    tell(&replicas)?;
    let most = Duration::from_secs_f64(args.most);
    ensure!(longest <= most, "nobody led for {longest:?}");
    Ok(())
}

/// Prints what each replica uses.
fn tell(replicas: &Replicas) -> Result<()> {
    let leader = replicas.leads()?.map(|(leader, _)| leader);
    for number in 0..replicas.count() {
        let process = replicas.process(number).context("it runs")?;
        let usage = process.usage()?;
        println!(
            "  r{number}{}: {:.0} MB, {:.0} at its highest; {:.1} s of processor time",
            if Some(number) == leader {
                " (leads)"
            } else {
                ""
            },
            usage.memory as f64 / 1e6,
            usage.most_memory as f64 / 1e6,
            usage.time.as_secs_f64()
        );
    }
    Ok(())
}

//! The embedded store and PostgreSQL side by side: commits a second, how long one takes, and how long it
//! takes to read a long log again.
//!
//! `cargo run --release -p tauline-benches --bin stores`
//!
//! PostgreSQL is started here, with its data in a temporary directory as that of the embedded store, unless
//! `--store` names a database that is there. Both keep their promise to the disk with each commit.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Parser;
use tauline_benches::made_up::{MadeUp, START};
use tauline_queue_core::{Rules, Ticket};
use tauline_store::postgres::{Cluster, Database, Member, Postgres};
use tauline_store::sqlite::Sqlite;
use tauline_store::{Batch, Blob, Chain, Store, Write, check};
use tauline_test_postgres::Server;
use tauline_transcript::Sizes;

/// Records of a contribution, from joining to acceptance.
const RECORDS_EACH: u64 = 5;

/// Bytes of a record, about as many as most have.
const RECORD_LEN: usize = 160;

/// Compares the stores.
#[derive(Parser)]
struct Args {
    /// How many commits are measured of each kind.
    #[arg(long, default_value_t = 3000)]
    commits: u32,
    /// How many records the long log has.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// Bytes of a contribution; the default is one of full size.
    #[arg(long, default_value_t = 6_300_000)]
    powers: usize,
    /// An empty schema of a database, instead of one that is started here.
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// The ceremony's sizes.
    #[arg(long, value_name = "SIZES", default_value = "16:4,32:4")]
    ceremony: Sizes,
}

fn main() -> Result<()> {
    tauline_benches::choose_arithmetic();
    let args = Args::parse();
    let server = match args.store {
        Some(_) => None,
        None => Some(Server::start().context("PostgreSQL is not installed")?),
    };
    let folder = tempfile::tempdir()?;
    for name in ["short", "long"] {
        let directory = |store: &str| folder.path().join(name).join(store);
        let sqlite = Sqlite::open(&directory("sqlite"), &args.ceremony, START)?;
        let url = match (&server, &args.store) {
            (Some(server), _) => server.url(name),
            (None, Some(url)) => format!("{url}_{name}"),
            (None, None) => anyhow::bail!("there is no database"),
        };
        let database = Database::parse(&url)?;
        let cluster = Cluster::join(&database)?;
        let me = Member {
            name: "bench".to_owned(),
            url: "http://127.0.0.1".to_owned(),
        };
        let lease = cluster.take_lead(&me, Duration::from_secs(36_000))?;
        let lease = lease.context("somebody leads")?;
        let place = directory("postgres");
        let postgres = Postgres::lead(&database, &lease, &args.ceremony, START, None, &place)?;
        let both: [(&str, &dyn Store); 2] = [("sqlite", &sqlite), ("postgres", &postgres)];
        for (store_name, store) in both {
            match name {
                "short" => commits(&args, store_name, store)?,
                _ => recovery(&args, store_name, store)?,
            }
        }
    }
    Ok(())
}

/// Measures commits of different kinds.
fn commits(args: &Args, name: &str, store: &dyn Store) -> Result<()> {
    let mut chain = Chain::EMPTY;
    let mut ticket = 0;
    for records in [1, 16, 256] {
        let batch = |chain: &mut Chain| {
            let record = |_| Write::Record(chain.append(vec![b'x'; RECORD_LEN], None));
            (0..records).map(record).collect()
        };
        let times = measure(store, args.commits, || batch(&mut chain))?;
        say(name, &format!("{records} records"), &times);
    }
    let blob = Blob::new(vec![7; args.powers]);
    let times = measure(store, args.commits / 50, || {
        ticket += 1;
        let drop = Write::DropBlob(Ticket::new(ticket - 1).max(Ticket::FIRST));
        let ticket = Ticket::new(ticket);
        let blob = blob.clone();
        let record = chain.append(vec![b'x'; RECORD_LEN], None);
        vec![drop, Write::Blob { ticket, blob }, Write::Record(record)]
    })?;
    say(
        name,
        &format!("powers of {} bytes and a record", args.powers),
        &times,
    );
    Ok(())
}

/// How long each commit took.
fn measure(
    store: &dyn Store,
    commits: u32,
    mut next: impl FnMut() -> Vec<Write>,
) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    for _ in 0..commits {
        let batch = Batch { writes: next() };
        let begun = Instant::now();
        store.commit(&batch)?;
        times.push(begun.elapsed());
    }
    Ok(times)
}

fn say(name: &str, what: &str, times: &[Duration]) {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let at = |share: f64| {
        let index = (sorted.len() as f64 * share) as usize;
        sorted[index.min(sorted.len() - 1)].as_secs_f64() * 1000.0
    };
    let all: Duration = times.iter().sum();
    println!(
        "{name:<9} {what:<38} {:>7.0} commits/s, p50 {:.2} ms, p99 {:.2} ms, at most {:.2} ms",
        times.len() as f64 / all.as_secs_f64(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

/// Measures how long a long log takes to read, and with all checks.
fn recovery(args: &Args, name: &str, store: &dyn Store) -> Result<()> {
    let begun = Instant::now();
    MadeUp::begin(store)?.fill(args.records / RECORDS_EACH)?;
    let made = begun.elapsed();
    let begun = Instant::now();
    let mut records = 0;
    loop {
        let page = store.log(records, 1024)?;
        let Some(last) = page.last() else { break };
        records = last.seq + 1;
    }
    let read = begun.elapsed();
    let begun = Instant::now();
    let checked = check::everything(store, Rules::default())?;
    println!(
        "{name:<9} a log of {records} records, {} contributions: made in {:.1} s, read in {:.2} s, with all checks {:.2} s",
        checked.queue.state().contributions(),
        made.as_secs_f64(),
        read.as_secs_f64(),
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

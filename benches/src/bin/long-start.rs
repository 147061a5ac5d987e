//! How long a coordinator takes to open its data before it serves. A ceremony with many
//! contributions is made up and opened, with all checks.
//!
//! `cargo run --release -p tauline-benches --bin long-start -- --contributions 141416`
//!
//! The witnesses are random bytes, which makes no difference to digests. The powers are the initial
//! ones at full size. The log is as the queue writes it, with five records for each contribution.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use clap::Parser;
use tauline_benches::made_up::{MadeUp, START};
use tauline_queue_core::Rules;
use tauline_store::check;
use tauline_store::sqlite::Sqlite;
use tauline_transcript::Sizes;

/// Makes up a ceremony and measures how long it takes to open it.
#[derive(Parser)]
struct Args {
    /// How many contributions it has; the default is that of Ethereum's ceremony.
    #[arg(long, default_value_t = 141_416)]
    contributions: u64,
    /// How often it is opened.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Keep the data in this directory, or measure what is there.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The ceremony's sizes; the default is the Ethereum ceremony.
    #[arg(
        long,
        value_name = "SIZES",
        default_value = "4096:65,8192:65,16384:65,32768:65"
    )]
    ceremony: Sizes,
}

fn main() -> Result<()> {
    tauline_benches::choose_arithmetic();
    let args = Args::parse();
    let temporary = tempfile::tempdir()?;
    let directory = args.data_dir.as_deref().unwrap_or(temporary.path());
    if !directory.join(tauline_store::DATABASE_NAME).exists() {
        let store = Sqlite::open(directory, &args.ceremony, START)?;
        MadeUp::begin(&store)?.fill(args.contributions)?;
    }
    for round in 1..=args.rounds {
        let begun = Instant::now();
        let store = Sqlite::open(directory, &args.ceremony, START)?;
        let opened = begun.elapsed();
        let checked = check::everything(&store, Rules::default())?;
        let all = begun.elapsed();
        println!(
            "round {round}: {} contributions, {} records: opened in {} ms, with all checks {} ms",
            checked.queue.state().contributions(),
            checked.chain.records(),
            opened.as_millis(),
            all.as_millis()
        );
    }
    Ok(())
}

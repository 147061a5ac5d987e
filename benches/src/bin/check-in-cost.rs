//! What a check-in costs the coordinator, with the promise that is signed for it.
//!
//! `cargo run --release -p tauline-benches --bin check-in-cost`
//!
//! Processor time of the whole process for one call of the coordinator's handle: the message to the
//! task's thread, the rules, the answer, and the signature. HTTP is not in it: `checkin-load` measures
//! that. Beside it, the signature alone.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use tauline_benches::clock::processor_time;
use tauline_log::note::Signer;
use tauline_protocol::Identity;
use tauline_protocol::statement::{PromiseStatement, PromisedPhase, Statement};
use tauline_protocol::status::SignInMethod;
use tauline_queue_core::{Rules, Ticket, Timestamp};
use tauline_server::testing::clock::Clock;
use tauline_server::testing::coordinator::{self, CeremonySettings, Coordinator};
use tauline_server::testing::verifier::Verifier;
use tauline_store::Store;
use tauline_store::sqlite::Sqlite;
use tauline_transcript::Sizes;

/// The name of the log's key.
const ORIGIN: &str = "bench.test/log";

/// Measures check-ins.
#[derive(Parser)]
struct Args {
    /// How many are in line.
    #[arg(long, default_value_t = 1000)]
    participants: u32,
    /// How often all of them check in.
    #[arg(long, default_value_t = 20)]
    rounds: u32,
    /// How many calls are under way at a time: as many can share a turn of the task's thread.
    #[arg(long, default_value_t = 16)]
    at_once: usize,
    /// Fail if a check-in costs more than this many microseconds.
    #[arg(long)]
    at_most: Option<u64>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let args = Args::parse();
    let directory = tempfile::tempdir()?;
    let sizes: Sizes = "16:4,32:4,64:4,128:4".parse()?;
    let clock = Clock::system();
    let store: Arc<dyn Store> = Arc::new(Sqlite::open(directory.path(), &sizes, clock.now())?);
    let settings = CeremonySettings {
        rules: Rules::default(),
        sizes,
        name: None,
        sign_in: vec![SignInMethod::Invite],
        log_origin: ORIGIN.to_owned(),
        accept_missing_guard: false,
    };
    let opened = coordinator::open(store, settings, Verifier::new(1)?, clock)?;
    let people: Vec<Identity> = (0..args.participants)
        .map(|number| Identity::invite(&format!("p{number}")))
        .collect::<Result<_, _>>()?;
    for who in &people {
        opened.coordinator.join(who.clone()).await?;
    }
    // Once, so that everything is in its place.
    all_check_in(&opened.coordinator, &people, args.at_once).await?;
    let start = processor_time();
    for _ in 0..args.rounds {
        all_check_in(&opened.coordinator, &people, args.at_once).await?;
    }
    let calls = args.rounds * args.participants;
    let each = micros((processor_time() - start) / calls);
    println!(
        "{calls} check-ins of {} in line: {each:.1} us each",
        args.participants
    );
    println!(
        "of which the signature of a promise: {:.1} us",
        micros(signature()?)
    );
    if let Some(most) = args.at_most {
        ensure!(
            each <= most as f64,
            "a check-in costs {each:.1} us: {most} are the most"
        );
    }
    opened.coordinator.close(Duration::ZERO).await;
    drop(opened.coordinator);
    opened.task.await??;
    Ok(())
}

async fn all_check_in(
    coordinator: &Coordinator,
    people: &[Identity],
    at_once: usize,
) -> Result<()> {
    for some in people.chunks(at_once) {
        let calls = some.iter().map(|who| coordinator.check_in(who.clone()));
        for status in futures_util::future::try_join_all(calls).await? {
            // Whoever has the turn and does not start is promised nothing any more some day; the others
            // are promised their places.
            ensure!(
                status.promise.is_some() || status.ticket == Some(1),
                "{status:?} is promised nothing"
            );
        }
    }
    Ok(())
}

/// The processor time of one signature over a promise.
fn signature() -> Result<Duration> {
    const TIMES: u32 = 2000;
    let signer = Signer::from_seed(ORIGIN.parse()?, &[7; 32]);
    let start = processor_time();
    for number in 0..TIMES {
        let promise = PromiseStatement {
            origin: ORIGIN.parse()?,
            ticket: Ticket::new(u64::from(number) + 1),
            phase: PromisedPhase::Waiting,
            kept_until: Timestamp::from_millis(1_790_000_000_000),
            at: Timestamp::from_millis(1_780_000_000_000),
        };
        let signed = Statement::Promise(promise)
            .sign(&signer)
            .context("signing")?;
        std::hint::black_box(signed.to_string());
    }
    Ok((processor_time() - start) / TIMES)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

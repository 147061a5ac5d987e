//! Ten thousand waiting participants check in over HTTP, while full-size contributions are
//! verified.
//!
//! Starts the release coordinator on a fresh data directory, puts `--drivers` contributors and then
//! `--waiting` participants in line, and sends check-ins at a fixed rate (open loop: a request is
//! sent when it is due, whether or not the ones before it have been answered, and its latency
//! counts from when it was due). Two runs of `--seconds` each: one with the coordinator otherwise
//! idle, one while the contributors' contributions, computed beforehand, are uploaded and verified
//! one after the other. Prints percentiles in milliseconds, the coordinator's memory and its
//! processor time.
//!
//! `cargo build --release --bin tauline-server && cargo run --release -p tauline-benches --bin
//! checkin-load`

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Parser;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use tauline_benches::load::{Latencies, Server, Target, http, sign_in};
use tauline_transcript::Encoding;

/// Ten thousand waiting participants check in, while full-size contributions are verified.
#[derive(Parser)]
struct Options {
    /// Participants who wait in line.
    #[arg(long, default_value_t = 10_000)]
    waiting: usize,
    /// Participants who contribute.
    #[arg(long, default_value_t = 8)]
    drivers: usize,
    /// Check-ins a second.
    #[arg(long, default_value_t = 1000.0)]
    rate: f64,
    /// Length of each of the two runs.
    #[arg(long, default_value_t = 30.0)]
    seconds: f64,
    /// Connections that are kept open.
    #[arg(long, default_value_t = 200)]
    connections: usize,
    #[command(flatten)]
    target: Target,
}

/// Signs in and joins; gives the session's token.
async fn join(client: &reqwest::Client, url: &str, participant: usize) -> Result<String> {
    let token = sign_in(client, url, participant).await?;
    client
        .post(format!("{url}/queue/join"))
        .bearer_auth(&token)
        .send()
        .await?
        .error_for_status()?;
    Ok(token)
}

/// Sends check-ins at a fixed rate, each by another participant.
async fn load(
    client: &reqwest::Client,
    url: &str,
    tokens: &Arc<Vec<String>>,
    rate: f64,
    seconds: f64,
) -> Latencies {
    let started = Instant::now();
    let total = (rate * seconds) as usize;
    let mut running = tokio::task::JoinSet::new();
    let (mut latencies, mut failed) = (Vec::with_capacity(total), 0);
    for number in 0..total {
        let due = started + Duration::from_secs_f64(number as f64 / rate);
        tokio::time::sleep_until(due.into()).await;
        let (client, tokens, url) = (
            client.clone(),
            tokens.clone(),
            format!("{url}/queue/checkin"),
        );
        running.spawn(async move {
            let token = &tokens[number % tokens.len()];
            let answer = client.post(url).bearer_auth(token).send().await;
            let good = match answer {
                Ok(answer) if answer.status().is_success() => answer.bytes().await.is_ok(),
                _ => false,
            };
            (good, due.elapsed().as_secs_f64() * 1e3)
        });
        while let Some(done) = running.try_join_next() {
            tally(done, &mut latencies, &mut failed);
        }
    }
    while let Some(done) = running.join_next().await {
        tally(done, &mut latencies, &mut failed);
    }
    Latencies::new(latencies, failed)
}

fn tally(
    done: Result<(bool, f64), tokio::task::JoinError>,
    latencies: &mut Vec<f64>,
    failed: &mut usize,
) {
    match done {
        Ok((true, latency)) => latencies.push(latency),
        _ => *failed += 1,
    }
}

/// Takes the contributors' turns one after another, with contributions computed beforehand.
async fn contribute_all(
    client: reqwest::Client,
    url: String,
    tokens: Vec<String>,
    bodies: Vec<Vec<u8>>,
    until: Instant,
) -> Result<Vec<f64>> {
    let mut took = Vec::new();
    for (token, body) in tokens.iter().zip(bodies) {
        if Instant::now() >= until {
            break;
        }
        client
            .post(format!("{url}/queue/checkin"))
            .bearer_auth(token)
            .send()
            .await?
            .error_for_status()?;
        let base = client
            .post(format!("{url}/contribution/start"))
            .header("accept", "application/msgpack")
            .bearer_auth(token)
            .send()
            .await?
            .error_for_status()?;
        base.bytes().await?;
        let started = Instant::now();
        let answer = client
            .post(format!("{url}/contribution/complete"))
            .header("content-type", "application/msgpack")
            .bearer_auth(token)
            .body(body)
            .send()
            .await?;
        if !answer.status().is_success() {
            bail!("a contribution was refused: {}", answer.text().await?);
        }
        took.push(started.elapsed().as_secs_f64());
    }
    Ok(took)
}

/// A chain of contributions from the initial state, each as the body of an upload.
fn contributions(sizes: &str, count: usize) -> Result<Vec<Vec<u8>>> {
    let sizes: tauline_transcript::Sizes = sizes.parse()?;
    tauline_benches::contribution_chain(&sizes, count, Encoding::Compressed)
}

fn main() -> Result<()> {
    tauline_benches::choose_arithmetic();
    let options = Options::parse();
    eprintln!("computing {} contributions beforehand", options.drivers);
    let bodies = contributions(&options.target.sizes, options.drivers)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(options, bodies))
}

async fn run(options: Options, bodies: Vec<Vec<u8>>) -> Result<()> {
    let client = http().pool_max_idle_per_host(options.connections).build()?;
    let people = options.waiting + options.drivers;
    // Nobody may expire while the line is filled.
    let deadlines = [
        "--checkin-min",
        "3600",
        "--checkin-max",
        "3600",
        "--start-limit",
        "3600",
        "--contribution-limit",
        "3600",
    ];
    let server = Server::start(
        &options.target.binary()?,
        &options.target.sizes,
        people,
        &deadlines,
    )?;
    server.ready(&client).await?;
    let (drivers, tokens) = fill(&client, &server.url, &options).await?;

    let before = server.usage()?;
    load(&client, &server.url, &tokens, options.rate, options.seconds)
        .await
        .print("idle otherwise", options.seconds);
    let after = server.usage()?;
    println!(
        "processor time of the coordinator: {:.2} s",
        after.2 - before.2
    );

    let until = Instant::now() + Duration::from_secs_f64(options.seconds);
    let turns = tokio::spawn(contribute_all(
        client.clone(),
        server.url.clone(),
        drivers,
        bodies,
        until,
    ));
    load(&client, &server.url, &tokens, options.rate, options.seconds)
        .await
        .print("while verifying", options.seconds);
    let turns = turns.await??;
    let last = server.usage()?;
    let list: Vec<String> = turns.iter().map(|took| format!("{took:.2}")).collect();
    println!(
        "contributions accepted meanwhile, each upload to receipt in s: {}",
        list.join(" ")
    );
    println!(
        "processor time of the coordinator: {:.2} s",
        last.2 - after.2
    );
    println!(
        "memory of the coordinator: {:.0} MB at the end, {:.0} MB at its highest",
        last.0, last.1
    );
    Ok(())
}

/// Has everybody join. Returns the sessions of those who contribute, and of those who wait,
/// shuffled.
async fn fill(
    client: &reqwest::Client,
    url: &str,
    options: &Options,
) -> Result<(Vec<String>, Arc<Vec<String>>)> {
    eprintln!(
        "{} drivers and {} waiting participants join",
        options.drivers, options.waiting
    );
    let mut drivers = Vec::new();
    for driver in 0..options.drivers {
        drivers.push(join(client, url, driver).await?);
    }
    let (mut tokens, joined) = (Vec::new(), Instant::now());
    for participant in options.drivers..options.drivers + options.waiting {
        tokens.push(join(client, url, participant).await?);
    }
    println!(
        "{} participants signed in and joined, each durably, one after the other, in {:.1} s",
        tokens.len(),
        joined.elapsed().as_secs_f64()
    );
    tokens.shuffle(&mut rand_chacha::ChaCha8Rng::seed_from_u64(1));
    Ok((drivers, Arc::new(tokens)))
}

//! Many people sign in at the same moment, while others contribute.
//!
//! Starts the release coordinator on a fresh data directory, puts `--drivers` contributors in line,
//! and has them contribute one after the other, with contributions that were computed beforehand:
//! first with nobody else there, then while `--logins` people sign in at once, each on a connection
//! of its own. Prints how long a turn took, from its start to the receipt, and how long the
//! sign-ins.
//!
//! `cargo build --release --bin tauline-server && cargo run --release -p tauline-benches --bin
//! login-burst`

use std::ops::Range;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Parser;
use tauline_benches::load::{Latencies, Server, Target, http, sign_in};
use tauline_transcript::Encoding;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

/// Many people sign in at the same moment, while others contribute.
#[derive(Parser)]
struct Options {
    /// People who sign in at once.
    #[arg(long, default_value_t = 1500)]
    logins: usize,
    /// Participants who contribute meanwhile; as many contribute before.
    #[arg(long, default_value_t = 40)]
    drivers: usize,
    #[command(flatten)]
    target: Target,
}

/// A participant's turn, from its start to the receipt, in milliseconds.
async fn turn(client: &reqwest::Client, url: &str, token: &str, body: Vec<u8>) -> Result<f64> {
    let post = |path: &str| client.post(format!("{url}{path}")).bearer_auth(token);
    post("/queue/checkin").send().await?.error_for_status()?;
    let started = Instant::now();
    let base = post("/contribution/start")
        .header("accept", "application/msgpack")
        .send()
        .await?;
    base.error_for_status()?.bytes().await?;
    let answer = post("/contribution/complete")
        .header("content-type", "application/msgpack")
        .body(body)
        .send()
        .await?;
    if !answer.status().is_success() {
        bail!("a contribution was refused: {}", answer.text().await?);
    }
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

async fn login(client: reqwest::Client, url: String, participant: usize) -> Result<f64> {
    let started = Instant::now();
    sign_in(&client, &url, participant).await?;
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

/// Signs in all of these people at once, each with a connection of its own. Also returns how long
/// that took.
fn sign_in_at_once(url: &str, people: Range<usize>) -> Result<(Latencies, f64)> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = http().pool_max_idle_per_host(0).build()?;
        let (burst, mut logins) = (Instant::now(), JoinSet::new());
        for participant in people {
            logins.spawn(login(client.clone(), url.to_owned(), participant));
        }
        let (mut took, mut failed) = (Vec::new(), 0);
        while let Some(done) = logins.join_next().await {
            match done {
                Ok(Ok(time)) => took.push(time),
                _ => failed += 1,
            }
        }
        Ok((Latencies::new(took, failed), burst.elapsed().as_secs_f64()))
    })
}

fn main() -> Result<()> {
    tauline_benches::choose_arithmetic();
    let options = Options::parse();
    // Each open connection is a file.
    let mut files = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    files.current = files.maximum;
    rustix::process::setrlimit(rustix::process::Resource::Nofile, files)?;
    let bodies = tauline_benches::contribution_chain(
        &options.target.sizes.parse()?,
        2 * options.drivers,
        Encoding::Compressed,
    )?;
    Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(options, bodies))
}

async fn run(options: Options, bodies: Vec<Vec<u8>>) -> Result<()> {
    let client = http().build()?;
    let deadlines = ["--checkin-min", "3600", "--start-limit", "3600"];
    let people = 2 * options.drivers + options.logins;
    let binary = options.target.binary()?;
    let server = Server::start(&binary, &options.target.sizes, people, &deadlines)?;
    server.ready(&client).await?;
    let url = &server.url;
    let mut turns = Vec::new();
    for (driver, body) in bodies.into_iter().enumerate() {
        let token = sign_in(&client, url, driver).await?;
        let join = client.post(format!("{url}/queue/join")).bearer_auth(&token);
        join.send().await?.error_for_status()?;
        turns.push((token, body));
    }
    let mut turns = turns.into_iter();

    let (mut took, started) = (Vec::new(), Instant::now());
    for (token, body) in turns.by_ref().take(options.drivers) {
        took.push(turn(&client, url, &token, body).await?);
    }
    Latencies::new(took, 0).print("turns, nobody else there", started.elapsed().as_secs_f64());

    // On a thread of their own: the turns' requests do not wait for those of the crowd.
    let (crowd, to) = (2 * options.drivers..people, url.clone());
    let signing_in = std::thread::spawn(move || sign_in_at_once(&to, crowd));
    let mut took = Vec::new();
    while !signing_in.is_finished() {
        let (token, body) = turns.next().context("more --drivers are needed")?;
        took.push(turn(&client, url, &token, body).await?);
    }
    let Ok(signed_in) = signing_in.join() else {
        bail!("the crowd's thread panicked");
    };
    let (logins, seconds) = signed_in?;
    logins.print("sign-ins at once", seconds);
    Latencies::new(took, 0).print("turns meanwhile", seconds);
    Ok(())
}

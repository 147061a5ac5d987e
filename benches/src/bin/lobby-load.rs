//! Participants wait in line with clients that poll, like those of the Ethereum ceremony, while
//! others make contributions of full size (`docs/spec/known-faults.md#no-load-test`).
//!
//! Starts the release coordinator on a fresh data directory. `--participants` people join by their
//! first poll, one after the other, and from then on poll `--every` seconds after each answer.
//! Whoever is answered with the state hands in the next of `--contributions` contributions that
//! were computed beforehand, and is done. The run ends with the last of these.
//!
//! It fails if any request is refused or breaks, if the turns come in another order than people
//! joined, or if 99 in 100 polls take longer than `--p99` milliseconds: those aside that the
//! coordinator holds back on purpose, of the first three in line, and those that bring the state. A
//! poll's time counts from when it was due.
//!
//! `cargo build --release --bin tauline-server && cargo run --release -p tauline-benches --bin
//! lobby-load`

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use tauline_benches::json_contribution_chain;
use tauline_benches::load::{Latencies, Server, Target, http, sign_in};
use tokio::sync::{Mutex, watch};

/// The places whose polls the coordinator holds: the turn and the first places in line.
const NEAR: usize = 4;

/// Participants whose clients poll, while contributions of full size are made.
#[derive(Parser)]
struct Options {
    /// People who join and poll.
    #[arg(long, default_value_t = 1000)]
    participants: usize,
    /// How many of them contribute before the run ends.
    #[arg(long, default_value_t = 20)]
    contributions: usize,
    /// Seconds from an answer to the next poll.
    #[arg(long, default_value_t = 30.0)]
    every: f64,
    /// Milliseconds that 99 in 100 polls may take at most.
    #[arg(long, default_value_t = 50.0)]
    p99: f64,
    #[command(flatten)]
    target: Target,
}

/// What all participants share.
struct Crowd {
    client: reqwest::Client,
    url: String,
    every: Duration,
    /// The contribution of each turn.
    bodies: Vec<Vec<u8>>,
    /// Turns that are over.
    turns: AtomicUsize,
    seen: Mutex<Seen>,
    done: watch::Sender<bool>,
}

/// What the participants saw.
#[derive(Default)]
struct Seen {
    polls: Vec<f64>,
    held: usize,
    /// Who got the powers, in order.
    order: Vec<usize>,
    uploads: Vec<f64>,
    faults: Vec<String>,
}

enum Answer {
    Waits,
    Base,
}

impl Crowd {
    async fn poll(&self, token: &str) -> Result<Answer> {
        let answer = self
            .client
            .post(format!("{}/lobby/try_contribute", self.url))
            .bearer_auth(token)
            .send()
            .await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        let waits = br#"{"code":"TryContributeError::AnotherContributionInProgress","error":"another contribution in progress"}"#;
        match status.as_u16() {
            200 if body[..] == waits[..] => Ok(Answer::Waits),
            200 if body.starts_with(br#"{"contributions":["#) => Ok(Answer::Base),
            _ => bail!(
                "a poll was answered {status}: {}",
                String::from_utf8_lossy(&body)
            ),
        }
    }

    /// What a participant does after its first poll.
    async fn live(self: Arc<Self>, number: usize, token: String, first: Answer) {
        let mut done = self.done.subscribe();
        let life = async {
            let mut answer = first;
            loop {
                if let Answer::Base = answer {
                    return self.take_turn(number, &token).await;
                }
                let due = Instant::now() + self.every;
                tokio::time::sleep_until(due.into()).await;
                let near = number < self.turns.load(Ordering::Relaxed) + NEAR;
                answer = self.poll(&token).await?;
                let took = due.elapsed().as_secs_f64() * 1e3;
                // The participant may have come near the head meanwhile.
                let near = near || number < self.turns.load(Ordering::Relaxed) + NEAR;
                let mut seen = self.seen.lock().await;
                match answer {
                    Answer::Waits if !near => seen.polls.push(took),
                    _ => seen.held += 1,
                }
            }
        };
        let ended = tokio::select! {
            ended = life => ended,
            _ = done.wait_for(|done| *done) => Ok(()),
        };
        if let Err(error) = ended {
            let mut seen = self.seen.lock().await;
            seen.faults.push(format!("participant {number}: {error:#}"));
        }
    }

    async fn take_turn(&self, number: usize, token: &str) -> Result<()> {
        self.seen.lock().await.order.push(number);
        let Some(body) = self.bodies.get(number) else {
            self.done.send_replace(true);
            return Ok(());
        };
        let started = Instant::now();
        let answer = self
            .client
            .post(format!("{}/contribute", self.url))
            .header("content-type", "application/json")
            .bearer_auth(token)
            .body(body.clone())
            .send()
            .await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(
            status.is_success(),
            "a contribution was answered {status}: {text}"
        );
        self.turns.fetch_add(1, Ordering::Relaxed);
        let took = started.elapsed().as_secs_f64();
        self.seen.lock().await.uploads.push(took);
        if number + 1 == self.bodies.len() {
            self.done.send_replace(true);
        }
        Ok(())
    }
}

fn main() -> Result<()> {
    let options = Options::parse();
    ensure!(
        options.contributions <= options.participants,
        "nobody contributes twice: give more --participants"
    );
    eprintln!(
        "computing {} contributions beforehand",
        options.contributions
    );
    let bodies = json_contribution_chain(&options.target.sizes.parse()?, options.contributions)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(options, bodies))
}

async fn run(options: Options, bodies: Vec<Vec<u8>>) -> Result<()> {
    let client = http().build()?;
    let flags = ["--contribution-limit", "600"];
    let server = Server::start(
        &options.target.binary()?,
        &options.target.sizes,
        options.participants,
        &flags,
    )?;
    server.ready(&client).await?;
    eprintln!("{} participants sign in", options.participants);
    let mut tokens = Vec::new();
    for number in 0..options.participants {
        tokens.push(sign_in(&client, &server.url, number).await?);
    }
    eprintln!("they join, and poll every {} s", options.every);
    let crowd = Arc::new(Crowd {
        client,
        url: server.url.clone(),
        every: Duration::from_secs_f64(options.every),
        bodies,
        turns: AtomicUsize::new(0),
        seen: Mutex::default(),
        done: watch::Sender::new(false),
    });
    let started = Instant::now();
    let mut lives = tokio::task::JoinSet::new();
    for (number, token) in tokens.into_iter().enumerate() {
        join(&crowd, number, token, options.participants, &mut lives).await?;
    }
    let joined = started.elapsed().as_secs_f64();
    while lives.join_next().await.is_some() {}

    let seconds = started.elapsed().as_secs_f64();
    let seen = std::mem::take(&mut *crowd.seen.lock().await);
    println!(
        "{} joined one after the other in {joined:.1} s",
        options.participants
    );
    report(&server, &options, seen, seconds)
}

/// Sends a participant's first poll, waits for the answer, so that the order of joining is that of
/// the numbers, and starts what the participant does afterwards.
async fn join(
    crowd: &Arc<Crowd>,
    number: usize,
    token: String,
    participants: usize,
    lives: &mut tokio::task::JoinSet<()>,
) -> Result<()> {
    let polled = {
        let (crowd, token) = (Arc::clone(crowd), token.clone());
        tokio::spawn(async move { crowd.poll(&token).await })
    };
    // The first answers are held. Their participants are known to be in line from the length of the
    // line.
    if number > 0 && number < NEAR {
        until_in_line(crowd, number).await?;
        let crowd = Arc::clone(crowd);
        lives.spawn(async move {
            match polled.await {
                Ok(Ok(first)) => Arc::clone(&crowd).live(number, token, first).await,
                other => {
                    let fault = format!("participant {number}: {:?}", other.map(|_| ()));
                    crowd.seen.lock().await.faults.push(fault);
                }
            }
        });
        return Ok(());
    }
    let first = polled.await??;
    if number > 0 {
        lives.spawn(Arc::clone(crowd).live(number, token, first));
        return Ok(());
    }
    ensure!(
        matches!(first, Answer::Base),
        "the first finds its turn come"
    );
    // Waits until the others are in line; otherwise the first turns would be over before that.
    let crowd = Arc::clone(crowd);
    lives.spawn(async move {
        let mut ready = until_in_line(&crowd, participants - 1).await;
        if ready.is_ok() {
            ready = crowd.take_turn(0, &token).await;
        }
        if let Err(error) = ready {
            crowd.seen.lock().await.faults.push(format!("{error:#}"));
            crowd.done.send_replace(true);
        }
    });
    Ok(())
}

/// Prints what the participants saw, and fails if it is not as it should be.
fn report(server: &Server, options: &Options, seen: Seen, seconds: f64) -> Result<()> {
    let (now, most, processor) = server.usage()?;
    let polls = Latencies::new(seen.polls, seen.faults.len());
    polls.print("polls", seconds);
    println!(
        "polls of the first three in line, or with the state: {}",
        seen.held
    );
    let uploads: Vec<String> = seen
        .uploads
        .iter()
        .map(|took| format!("{took:.2}"))
        .collect();
    println!(
        "{} turns in {seconds:.0} s, in the order of joining; upload to receipt in s: {}",
        uploads.len(),
        uploads.join(" ")
    );
    println!(
        "the coordinator: {processor:.2} s of processor time, {now:.0} MB of memory, {most:.0} MB at its highest"
    );
    for fault in seen.faults.iter().take(10) {
        eprintln!("{fault}");
    }
    ensure!(
        seen.faults.is_empty(),
        "{} requests failed",
        seen.faults.len()
    );
    ensure!(
        uploads.len() == options.contributions,
        "not all contributions were made"
    );
    ensure!(
        seen.order.iter().copied().eq(0..seen.order.len()),
        "the turns were not in the order of joining: {:?}",
        seen.order
    );
    let p99 = polls.at(0.99);
    ensure!(
        p99 < options.p99,
        "99 in 100 polls took up to {p99:.1} ms, more than {}",
        options.p99
    );
    Ok(())
}

/// Waits until this number of participants is in line.
async fn until_in_line(crowd: &Crowd, many: usize) -> Result<()> {
    loop {
        let status = crowd
            .client
            .get(format!("{}/info/status", crowd.url))
            .send()
            .await?;
        let status: serde_json::Value =
            serde_json::from_str(&status.error_for_status()?.text().await?)?;
        if status["lobby_size"]
            .as_u64()
            .context("a lobby has a size")?
            >= many as u64
        {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

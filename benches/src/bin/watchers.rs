//! Ten thousand watch a ceremony live, while others contribute.
//!
//! Starts the release coordinator on a fresh data directory. `--contributions` participants contribute
//! one after another, all of them in line with a held check-in, and as many again once `--streams` event
//! streams (`GET /ceremony/events`) are open. Prints the coordinator's memory without and with the
//! streams; how long a turn change takes, from the answer to a contribution until the next participant
//! is told that its turn has come; and how long after the answer each watcher has the event that tells of
//! it, of which there are two a second at most.
//!
//! It fails if a stream ends or misses the end, or if 99 of 100 turn changes with streams take longer than
//! `--most-change` seconds. Both ends run on this machine: the watchers' side takes as much of it as the
//! coordinator.
//!
//! `cargo build --release --bin tauline-server && cargo run --release -p tauline-benches --bin
//! watchers`

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use rustix::process::{Resource, getrlimit, setrlimit};
use tauline_benches::load::{Binary, Latencies, Server, http, sign_in};
use tauline_transcript::Encoding;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Many watch, while others contribute.
#[derive(Parser)]
struct Options {
    /// Event streams.
    #[arg(long, default_value_t = 10_000)]
    streams: usize,
    /// Participants who contribute without streams, and again with them.
    #[arg(long, default_value_t = 100)]
    contributions: usize,
    /// Seconds that a participant computes.
    #[arg(long, default_value_t = 0.1)]
    compute: f64,
    /// Seconds that 99 of 100 turn changes may take.
    #[arg(long, default_value_t = 1.0)]
    most_change: f64,
    /// Sizes of the ceremony: few powers, so that nobody waits for arithmetic.
    #[arg(long = "ceremony", default_value = "16:4,32:4")]
    sizes: String,
    #[command(flatten)]
    binary: Binary,
}

/// Streams that are opened at a time.
const OPENED_AT_ONCE: usize = 200;
/// How long all watchers may take to hear of the last contribution.
const PATIENCE: Duration = Duration::from_secs(30);

/// When a participant was told that its turn had come, when it sent its contribution, and when that was
/// answered.
struct Turn {
    told: Instant,
    sent: Instant,
    answered: Instant,
}

fn main() -> Result<()> {
    tauline_benches::choose_arithmetic();
    let options = Options::parse();
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    setrlimit(Resource::Nofile, files)?;
    let needed = options.streams as u64 + 1000;
    ensure!(
        files.maximum.is_none_or(|most| most >= needed),
        "{needed} files have to be open: raise the limit (ulimit -Hn), or give fewer --streams"
    );
    let people = 2 * options.contributions;
    let sizes = options.sizes.parse()?;
    let bodies = tauline_benches::contribution_chain(&sizes, people, Encoding::Compressed)?;
    let binary = options.binary.path()?;
    let flags = ["--max-connections-per-address", "0", "--start-limit", "60"];
    let server = Server::start(&binary, &options.sizes, people, &flags)?;
    // Participants have a thread of their own, so that they do not wait for our own watchers.
    let (without, with) = {
        let mut bodies = bodies.into_iter();
        let without: Vec<_> = bodies.by_ref().take(options.contributions).collect();
        (without, bodies.collect::<Vec<_>>())
    };
    let first = contribute(&server.url, 0, without, &options)?;
    let baseline = report("without streams", &first);
    let before = server.usage()?;
    println!("the coordinator's memory: {:.1} MB", before.0);

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let last = people as u64;
    let watchers = Watchers::open(&runtime, server.address.parse()?, options.streams, last)?;
    std::thread::sleep(Duration::from_secs(2));
    let opened = server.usage()?;
    let each = (opened.0 - before.0) * 1e6 / options.streams as f64;
    println!(
        "with {} streams: {:.1} MB, {:.1} KB a stream",
        options.streams,
        opened.0,
        each / 1000.0
    );
    let second = contribute(&server.url, options.contributions, with, &options)?;
    let changes = report("with streams", &second);
    let seen = watchers.end(&runtime)?;
    let (now, most, time) = server.usage()?;
    println!(
        "after that: {now:.1} MB, {most:.1} MB at its highest; {:.1} s of processor time with streams",
        time - opened.2
    );
    lags(&second, options.contributions, &seen);
    println!("turn changes, p99: {baseline:.1} ms without streams, {changes:.1} ms with them");
    ensure!(
        changes <= 1000.0 * options.most_change,
        "99 of 100 turn changes took up to {changes:.0} ms"
    );
    Ok(())
}

/// Has as many contribute as there are contributions, one after another. Their invitations begin with
/// this number.
fn contribute(
    url: &str,
    from: usize,
    bodies: Vec<Vec<u8>>,
    options: &Options,
) -> Result<Vec<Turn>> {
    let (url, compute) = (url.to_owned(), Duration::from_secs_f64(options.compute));
    let participants = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let client = http().build()?;
            wait_until_it_serves(&client, &url).await?;
            let mut tokens = Vec::new();
            for participant in from..from + bodies.len() {
                let token = sign_in(&client, &url, participant).await?;
                post(&client, &url, "/queue/join", &token, None).await?;
                tokens.push(token);
            }
            let mut lives = Vec::new();
            for (token, body) in tokens.into_iter().zip(bodies) {
                let life = live(client.clone(), url.clone(), token, body, compute);
                lives.push(tokio::spawn(life));
            }
            let mut turns = Vec::new();
            for life in lives {
                turns.push(life.await??);
            }
            Ok(turns)
        })
    });
    match participants.join() {
        Ok(turns) => turns,
        Err(_) => anyhow::bail!("the participants' thread panicked"),
    }
}

async fn wait_until_it_serves(client: &reqwest::Client, url: &str) -> Result<()> {
    for _ in 0..200 {
        if client.get(format!("{url}/healthz")).send().await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("the coordinator did not start")
}

/// Waits for the turn, and uses it.
async fn live(
    client: reqwest::Client,
    url: String,
    token: String,
    body: Vec<u8>,
    compute: Duration,
) -> Result<Turn> {
    let told = loop {
        let answer = post(&client, &url, "/queue/checkin?wait=60", &token, None).await?;
        let status: serde_json::Value = serde_json::from_slice(&answer)?;
        match status["queueStatus"].as_str() {
            Some("readyToContribute") => break Instant::now(),
            Some("queued") => {}
            other => anyhow::bail!("a place was lost: {other:?} in {status}"),
        }
    };
    post(&client, &url, "/contribution/start", &token, None).await?;
    tokio::time::sleep(compute).await;
    let sent = Instant::now();
    post(&client, &url, "/contribution/complete", &token, Some(body)).await?;
    let answered = Instant::now();
    Ok(Turn {
        told,
        sent,
        answered,
    })
}

async fn post(
    client: &reqwest::Client,
    url: &str,
    path: &str,
    token: &str,
    body: Option<Vec<u8>>,
) -> Result<Vec<u8>> {
    let mut request = client
        .post(format!("{url}{path}"))
        .header("accept", "application/msgpack, application/json;q=0.5")
        .bearer_auth(token);
    if let Some(body) = body {
        let msgpack = request.header("content-type", "application/msgpack");
        request = msgpack.body(body);
    }
    let answer = request.send().await?;
    let status = answer.status();
    let bytes = answer.bytes().await?;
    let text = String::from_utf8_lossy(&bytes);
    ensure!(status.is_success(), "{path} was answered {status}: {text}");
    Ok(bytes.into())
}

fn millis(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64() * 1e3
}

/// Prints how long turn changes and completions took. Returns the p99 of turn changes, in milliseconds.
fn report(name: &str, turns: &[Turn]) -> f64 {
    let pairs = turns.windows(2);
    let changes = pairs.map(|pair| millis(pair[0].answered, pair[1].told));
    let changes = Latencies::new(changes.collect(), 0);
    let completions = turns.iter().map(|turn| millis(turn.sent, turn.answered));
    let completions = Latencies::new(completions.collect(), 0);
    for (what, times) in [("turn changes", &changes), ("completions", &completions)] {
        println!(
            "{name}, {what}: p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
            times.at(0.5),
            times.at(0.99),
            times.at(1.0)
        );
    }
    changes.at(0.99)
}

/// What a watcher saw: how many contributions there were, and when it knew.
type Seen = Vec<(u64, Instant)>;

/// Open event streams.
struct Watchers {
    streams: Vec<tokio::task::JoinHandle<Result<Seen>>>,
    /// How many have heard of the last contribution.
    finished: Arc<AtomicUsize>,
}

impl Watchers {
    /// Opens so many, and waits until each has had its first event. They end when there are `last`
    /// contributions.
    fn open(
        runtime: &tokio::runtime::Runtime,
        to: SocketAddr,
        count: usize,
        last: u64,
    ) -> Result<Self> {
        let (begun, finished) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut streams = Vec::new();
        for number in 0..count {
            let watching = watch(to, last, Arc::clone(&begun), Arc::clone(&finished));
            streams.push(runtime.spawn(watching));
            let since = Instant::now();
            while begun.load(Ordering::Relaxed) + OPENED_AT_ONCE <= number
                || (number + 1 == count && begun.load(Ordering::Relaxed) < count)
            {
                ensure!(since.elapsed() < PATIENCE, "streams do not open");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        Ok(Self { streams, finished })
    }

    /// Waits until all have heard of the last contribution. Returns what they saw.
    fn end(self, runtime: &tokio::runtime::Runtime) -> Result<Vec<Seen>> {
        let since = Instant::now();
        let count = self.streams.len();
        while self.finished.load(Ordering::Relaxed) < count {
            ensure!(
                since.elapsed() < PATIENCE,
                "of {count} watchers, {} have heard of the last contribution",
                self.finished.load(Ordering::Relaxed)
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        let streams = self.streams.into_iter();
        streams.map(|stream| runtime.block_on(stream)?).collect()
    }
}

/// Watches until there are `last` contributions.
async fn watch(
    to: SocketAddr,
    last: u64,
    begun: Arc<AtomicUsize>,
    finished: Arc<AtomicUsize>,
) -> Result<Seen> {
    const REQUEST: &[u8] =
        b"GET /ceremony/events HTTP/1.1\r\nHost: test\r\nAccept: text/event-stream\r\n\r\n";
    let mut stream = TcpStream::connect(to).await?;
    stream.write_all(REQUEST).await?;
    let (mut seen, mut known, mut rest) = (Seen::new(), None, Vec::new());
    loop {
        let mut piece = [0; 2048];
        let read = stream.read(&mut piece).await?;
        ensure!(read > 0, "a stream ended");
        rest.extend_from_slice(piece.get(..read).context("it was read")?);
        if let Some(count) = contributions_in(&mut rest) {
            if known.is_none() {
                begun.fetch_add(1, Ordering::Relaxed);
            } else if known < Some(count) {
                seen.push((count, Instant::now()));
            }
            known = Some(count);
            if count == last {
                finished.fetch_add(1, Ordering::Relaxed);
                return Ok(seen);
            }
        }
    }
}

/// The last number of contributions that a text tells, which is cut off up to where another may begin.
fn contributions_in(text: &mut Vec<u8>) -> Option<u64> {
    const NAME: &[u8] = b"\"contributions\":";
    let mut found = None;
    let mut from = 0;
    while let Some(at) = text[from..]
        .windows(NAME.len())
        .position(|window| window == NAME)
    {
        let digits = from + at + NAME.len();
        let Some(len) = text[digits..]
            .iter()
            .position(|byte| !byte.is_ascii_digit())
        else {
            // The number goes on in the next piece.
            text.drain(..from + at);
            return found;
        };
        let number = std::str::from_utf8(&text[digits..digits + len]).ok();
        found = number.and_then(|number| number.parse().ok()).or(found);
        from = digits + len;
    }
    let keep = (text.len() - from).min(NAME.len() - 1);
    text.drain(..text.len() - keep);
    found
}

/// Prints how long after a contribution was answered watchers had the event that tells of it.
fn lags(turns: &[Turn], before: usize, seen: &[Seen]) {
    let answered = |number: u64| {
        let index = usize::try_from(number).ok()?.checked_sub(before + 1)?;
        turns.get(index).map(|turn| turn.answered)
    };
    let mut all = Vec::new();
    let mut last: BTreeMap<u64, f64> = BTreeMap::new();
    for (number, at) in seen.iter().flatten() {
        let Some(since) = answered(*number) else {
            continue;
        };
        let lag = millis(since, *at);
        all.push(lag);
        let of_all = last.entry(*number).or_default();
        *of_all = of_all.max(lag);
    }
    let (told, events) = (last.len(), all.len());
    let (all, last) = (
        Latencies::new(all, 0),
        Latencies::new(last.into_values().collect(), 0),
    );
    println!(
        "{told} events told of {} contributions, {events} in all streams",
        turns.len()
    );
    for (who, lags) in [("each watcher", &all), ("the last watcher", &last)] {
        println!(
            "lag from the answer to {who}: p50 {:.0} ms, p99 {:.0} ms, max {:.0} ms",
            lags.at(0.5),
            lags.at(0.99),
            lags.at(1.0)
        );
    }
}

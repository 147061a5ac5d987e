//! Ten thousand waiting participants check in over HTTP, while full-size contributions are verified.
//!
//! Starts the release coordinator on a fresh data directory, puts `--drivers` contributors and then
//! `--waiting` participants in line, and sends check-ins at a fixed rate (open loop: a request is
//! sent when it is due, whether or not the ones before it have been answered, and its latency counts
//! from when it was due). Two runs of `--seconds` each: one with the coordinator otherwise idle, one
//! while the contributors' contributions, computed beforehand, are uploaded and verified one after
//! the other. Prints percentiles in milliseconds, the coordinator's memory and its processor time.
//!
//! `cargo build --release --bin tauline-server && cargo run --release -p tauline-benches --bin checkin-load`

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use tauline_transcript::encoding::Encoding;

/// The command line.
struct Options {
    waiting: usize,
    drivers: usize,
    rate: f64,
    seconds: f64,
    sizes: String,
    server: PathBuf,
    connections: usize,
}

impl Options {
    fn parse() -> Result<Self> {
        let mut options = Self {
            waiting: 10_000,
            drivers: 8,
            rate: 1000.0,
            seconds: 30.0,
            sizes: "4096:65,8192:65,16384:65,32768:65".into(),
            server: default_server()?,
            connections: 200,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments
                .next()
                .with_context(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--waiting" => options.waiting = value.parse()?,
                "--drivers" => options.drivers = value.parse()?,
                "--rate" => options.rate = value.parse()?,
                "--seconds" => options.seconds = value.parse()?,
                "--ceremony" => options.sizes = value,
                "--server-binary" => options.server = value.into(),
                "--connections" => options.connections = value.parse()?,
                _ => bail!("unknown option {name}"),
            }
        }
        Ok(options)
    }
}

/// The coordinator's binary beside this one.
fn default_server() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    Ok(here
        .parent()
        .context("a program lies in a folder")?
        .join("tauline-server"))
}

/// A coordinator that dies with this value.
struct Server {
    process: Child,
    url: String,
    _data: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    fn start(options: &Options) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let invites = data.path().join("invites");
        let people = options.waiting + options.drivers;
        let lines: String = (0..people)
            .map(|i| format!("p{i} code-of-participant-{i}\n"))
            .collect();
        std::fs::write(&invites, lines)?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let address = format!("127.0.0.1:{port}");
        let process = Command::new(&options.server)
            .args([
                "--listen",
                &address,
                "--ceremony",
                &options.sizes,
                "--signin",
                "invite",
            ])
            .arg("--data-dir")
            .arg(data.path().join("data"))
            .arg("--invites")
            .arg(&invites)
            // Nobody may expire while the line is filled; the load is one address's.
            .args([
                "--checkin-min",
                "3600",
                "--checkin-max",
                "3600",
                "--start-limit",
                "3600",
            ])
            .args(["--contribution-limit", "3600"])
            .args([
                "--login-rate",
                "0",
                "--anonymous-rate",
                "0",
                "--session-rate",
                "0",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .env("TAULINE_LOG", "warn")
            .spawn()
            .with_context(|| format!("cannot start {}", options.server.display()))?;
        Ok(Self {
            process,
            url: format!("http://{address}"),
            _data: data,
        })
    }

    async fn ready(&self, client: &reqwest::Client) -> Result<()> {
        for _ in 0..200 {
            if client
                .get(format!("{}/ceremony/status", self.url))
                .send()
                .await
                .is_ok()
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("the coordinator did not start")
    }

    /// Resident memory now and at its highest, in MB, and processor time in seconds.
    fn usage(&self) -> Result<(f64, f64, f64)> {
        let process = Path::new("/proc").join(self.process.id().to_string());
        let status = std::fs::read_to_string(process.join("status"))?;
        let field = |name: &str| -> f64 {
            status
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .and_then(|rest| rest.split_whitespace().next())
                .and_then(|kilobytes| kilobytes.parse::<f64>().ok())
                .map_or(f64::NAN, |kilobytes| kilobytes * 1024.0 / 1e6)
        };
        let stat = std::fs::read_to_string(process.join("stat"))?;
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks: f64 = after_name
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|ticks| ticks.parse::<f64>().ok())
            .sum();
        Ok((field("VmRSS:"), field("VmHWM:"), ticks / 100.0))
    }
}

/// Signs in and joins; gives the session's token.
async fn join(client: &reqwest::Client, url: &str, participant: usize) -> Result<String> {
    let body = format!(r#"{{"invite":"code-of-participant-{participant}"}}"#);
    let answer = client
        .post(format!("{url}/login"))
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await?;
    let answer: serde_json::Value =
        serde_json::from_str(&answer.error_for_status()?.text().await?)?;
    let token = answer["token"]
        .as_str()
        .context("a login answers with a token")?
        .to_owned();
    client
        .post(format!("{url}/queue/join"))
        .bearer_auth(&token)
        .send()
        .await?
        .error_for_status()?;
    Ok(token)
}

/// Latencies of a run, in milliseconds, sorted; and how many requests failed.
struct Latencies(Vec<f64>, usize);

impl Latencies {
    fn print(&self, name: &str, seconds: f64) {
        let at = |share: f64| {
            let index =
                ((self.0.len() as f64 * share) as usize).min(self.0.len().saturating_sub(1));
            self.0.get(index).copied().unwrap_or(f64::NAN)
        };
        println!(
            "{name}: {} answered, {} failed, {:.0} a second; p50 {:.2} ms, p90 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms",
            self.0.len(),
            self.1,
            self.0.len() as f64 / seconds,
            at(0.5),
            at(0.9),
            at(0.99),
            at(0.999),
            at(1.0),
        );
    }
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
    latencies.sort_by(f64::total_cmp);
    Latencies(latencies, failed)
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

/// Takes the turns of the drivers one after the other with contributions made beforehand.
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
    let sizes: tauline_transcript::sizes::Sizes = sizes.parse()?;
    tauline_benches::contribution_chain(&sizes, count, Encoding::Compressed)
}

fn main() -> Result<()> {
    let options = Options::parse()?;
    eprintln!("computing {} contributions beforehand", options.drivers);
    let bodies = contributions(&options.sizes, options.drivers)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(options, bodies))
}

async fn run(options: Options, bodies: Vec<Vec<u8>>) -> Result<()> {
    let client = reqwest::Client::builder()
        .pool_max_idle_per_host(options.connections)
        .build()?;
    let server = Server::start(&options)?;
    server.ready(&client).await?;

    eprintln!(
        "{} drivers and {} waiting participants join",
        options.drivers, options.waiting
    );
    let mut drivers = Vec::new();
    for driver in 0..options.drivers {
        drivers.push(join(&client, &server.url, driver).await?);
    }
    let (mut tokens, joined) = (Vec::new(), Instant::now());
    for participant in options.drivers..options.drivers + options.waiting {
        tokens.push(join(&client, &server.url, participant).await?);
    }
    println!(
        "{} participants signed in and joined, each durably, one after the other, in {:.1} s",
        tokens.len(),
        joined.elapsed().as_secs_f64()
    );
    tokens.shuffle(&mut rand_chacha::ChaCha8Rng::seed_from_u64(1));
    let tokens = Arc::new(tokens);

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

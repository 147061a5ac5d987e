//! Thousands of slow clients keep connections open, each from an address of its own, while somebody
//! contributes.
//!
//! Starts the release coordinator on a fresh data directory, with its default settings except for
//! rate limits. `--readers` clients ask for the transcript and never read it, `--heads` never end
//! the head of a request, and `--idle` send nothing. Each has an address of its own (127.x.y.z) and
//! connects again when its connection is closed. Meanwhile `--contributions` participants
//! contribute one after another. Prints how long that took and how much memory the coordinator
//! used.
//!
//! It fails if a contribution is refused, or the coordinator's memory exceeds `--most-memory` MB.
//!
//! `cargo build --release --bin tauline-server && cargo run --release -p tauline-benches --bin
//! slow-clients`

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Parser;
use rustix::process::{Resource, getrlimit, setrlimit};
use tauline_benches::load::{Server, Target, http, sign_in};
use tauline_transcript::Encoding;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

/// Slow clients keep connections open, while somebody contributes.
#[derive(Parser)]
struct Options {
    /// Clients that ask for the transcript and never read it.
    #[arg(long, default_value_t = 5000)]
    readers: usize,
    /// Clients that do not end the head of a request.
    #[arg(long, default_value_t = 5000)]
    heads: usize,
    /// Clients that send nothing.
    #[arg(long, default_value_t = 5000)]
    idle: usize,
    /// Bytes of a head that is not ended.
    #[arg(long, default_value_t = 15_000)]
    head_bytes: usize,
    /// Participants who contribute meanwhile.
    #[arg(long, default_value_t = 5)]
    contributions: usize,
    /// Seconds for which the connections are open before somebody contributes.
    #[arg(long, default_value_t = 40)]
    seconds: u64,
    /// Memory that the coordinator may have, in MB.
    #[arg(long, default_value_t = 200.0)]
    most_memory: f64,
    #[command(flatten)]
    target: Target,
}

#[derive(Clone, Copy)]
enum Kind {
    Reader,
    Head,
    Idle,
}

/// How many connections are open, were closed by the coordinator, or could not be made.
#[derive(Default)]
struct Seen {
    open: AtomicUsize,
    closed: AtomicUsize,
    failed: AtomicUsize,
}

/// Connects from an address of its own, does what its kind does, waits until the connection is
/// closed, and begins again.
async fn hold(kind: Kind, number: usize, to: SocketAddr, head: Arc<str>, seen: Arc<Seen>) {
    // 127.1.0.1 and on; the last byte is never 0 or 255.
    let [high, low] = u16::try_from(number / 250)
        .unwrap_or(u16::MAX)
        .to_be_bytes();
    let last = u8::try_from(number % 250 + 1).unwrap_or(1);
    let own = Ipv4Addr::new(127, 1 + high, low, last);
    loop {
        match once(kind, own, to, &head, &seen).await {
            Ok(()) => seen.closed.fetch_add(1, Ordering::Relaxed),
            Err(_) => seen.failed.fetch_add(1, Ordering::Relaxed),
        };
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn once(
    kind: Kind,
    own: Ipv4Addr,
    to: SocketAddr,
    head: &str,
    seen: &Seen,
) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    socket.bind((own, 0).into())?;
    let mut stream = socket.connect(to).await?;
    seen.open.fetch_add(1, Ordering::Relaxed);
    let sent = match kind {
        Kind::Reader => {
            let request = "GET /ceremony/transcript HTTP/1.1\r\nHost: test\r\n\r\n";
            stream.write_all(request.as_bytes()).await
        }
        Kind::Head => stream.write_all(head.as_bytes()).await,
        Kind::Idle => Ok(()),
    };
    if sent.is_ok() {
        match kind {
            // Without reading, only an error shows that the connection was closed.
            Kind::Reader => {
                let closed = stream.ready(tokio::io::Interest::ERROR);
                let _ = tokio::time::timeout(Duration::from_secs(60), closed).await;
            }
            Kind::Head | Kind::Idle => {
                let _ = stream.read(&mut [0; 256]).await;
            }
        }
    }
    seen.open.fetch_sub(1, Ordering::Relaxed);
    Ok(())
}

/// Takes part, from signing in to the receipt. Returns how long that took in all, and how long the
/// turn took.
async fn take_part(url: &str, participant: usize, body: Vec<u8>) -> Result<(f64, f64)> {
    let client = http().build()?;
    let began = Instant::now();
    let token = sign_in(&client, url, participant).await?;
    let post = |path: &str| client.post(format!("{url}{path}")).bearer_auth(&token);
    post("/queue/join").send().await?.error_for_status()?;
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
    let is_success = answer.status().is_success();
    let text = answer.text().await?;
    ensure!(is_success, "a contribution was refused: {text}");
    Ok((
        began.elapsed().as_secs_f64(),
        started.elapsed().as_secs_f64(),
    ))
}

/// Memory that the kernel uses for TCP, in MB: for both ends of all connections on this machine.
fn kernel_memory() -> f64 {
    let text = std::fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("TCP:"));
    let words = line.unwrap_or_default().split_whitespace();
    let pages = words.skip_while(|word| *word != "mem").nth(1);
    let pages: f64 = pages
        .and_then(|pages| pages.parse().ok())
        .unwrap_or(f64::NAN);
    pages * 4096.0 / 1e6
}

fn main() -> Result<()> {
    tauline_benches::choose_arithmetic();
    let options = Options::parse();
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    setrlimit(Resource::Nofile, files)?;
    let bodies = tauline_benches::contribution_chain(
        &options.target.sizes.parse()?,
        options.contributions + 1,
        Encoding::Compressed,
    )?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(options, bodies))
}

async fn run(options: Options, bodies: Vec<Vec<u8>>) -> Result<()> {
    let binary = options.target.binary()?;
    let sizes = &options.target.sizes;
    let server = Server::start(&binary, sizes, options.contributions + 1, &[])?;
    server.ready(&http().build()?).await?;
    let mut bodies = bodies.into_iter().enumerate();
    if let Some((participant, body)) = bodies.next() {
        let (all, turn) = take_part(&server.url, participant, body).await?;
        let (now, most, _) = server.usage()?;
        println!(
            "alone: a participant took {all:.2} s, its turn {turn:.2} s; memory {now:.0} MB, {most:.0} MB at its highest"
        );
    }

    let head = format!(
        "GET /ceremony/status HTTP/1.1\r\nHost: test\r\nX-Long: {}",
        "x".repeat(options.head_bytes)
    );
    let head: Arc<str> = head.into();
    let kinds = [
        (Kind::Reader, options.readers),
        (Kind::Head, options.heads),
        (Kind::Idle, options.idle),
    ];
    let (seen, to): (Arc<Seen>, SocketAddr) = (Arc::default(), server.address.parse()?);
    let mut number = 0;
    for (kind, count) in kinds {
        for _ in 0..count {
            tokio::spawn(hold(kind, number, to, Arc::clone(&head), Arc::clone(&seen)));
            number += 1;
            if number % 20 == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
    let report = |when: &str| -> Result<f64> {
        let (now, most, time) = server.usage()?;
        println!(
            "{when}: {} connections open, {} closed so far, {} not made; memory {now:.0} MB, {most:.0} MB at its highest; \
             the kernel's for TCP {:.0} MB; processor time {time:.1} s",
            seen.open.load(Ordering::Relaxed),
            seen.closed.load(Ordering::Relaxed),
            seen.failed.load(Ordering::Relaxed),
            kernel_memory(),
        );
        Ok(most)
    };
    report("all are there")?;
    tokio::time::sleep(Duration::from_secs(options.seconds)).await;
    report("a while later")?;
    for (participant, body) in bodies {
        let (all, turn) = take_part(&server.url, participant, body).await?;
        println!("a participant took {all:.2} s, its turn {turn:.2} s");
    }
    let most = report("after the contributions")?;
    let limit = options.most_memory;
    ensure!(most <= limit, "memory was {most:.0} MB, more than {limit}");
    Ok(())
}

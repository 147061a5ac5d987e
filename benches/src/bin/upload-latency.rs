//! How long it takes from the last byte of an upload to its receipt, and to the call of the next in
//! line, over loopback.
//!
//! Starts the release coordinator on a fresh data directory, and takes one turn after another with
//! contributions computed beforehand. Each is sent as fast as the connection takes it, or at a
//! `--rate`, as if over a link of this speed. Meanwhile the next in line holds a check-in. Prints
//! for each turn the milliseconds from the first to the last byte, from the last byte to the
//! receipt, and from the receipt to the answer of the next in line; and the coordinator's processor
//! time for the whole turn (in steps of 10 ms) and after the last byte. Then prints medians and
//! minima for each form.
//!
//! `cargo build --release --bin tauline-server && cargo run --release -p tauline-benches --bin
//! upload-latency`

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use tauline_benches::contribution_chain;
use tauline_benches::load::{Server, Target};
use tauline_transcript::{Encoding, RawContribution, Sizes};

/// Forms of a body: name, media type.
const FORMS: [(&str, &str); 3] = [
    ("json", "application/json"),
    ("msgpack", "application/msgpack"),
    ("msgpack-uncompressed", "application/msgpack"),
];

/// How many bytes are sent at a time if there is a rate.
const PIECE: usize = 16 << 10;

/// From the last byte of an upload to its receipt.
#[derive(Parser)]
struct Options {
    /// Uploads of each form.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Speed of the link: `100mbit`, `20kbit` or `1gbit` a second, or megabytes a second, as `12.5`
    /// [default: as fast as possible].
    #[arg(long)]
    rate: Option<Rate>,
    #[command(flatten)]
    target: Target,
}

/// Bytes a second.
#[derive(Clone, Copy)]
struct Rate(f64);

impl std::str::FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const UNITS: [(&str, f64); 4] = [
            ("kbit", 1e3 / 8.0),
            ("mbit", 1e6 / 8.0),
            ("gbit", 1e9 / 8.0),
            ("", 1e6),
        ];
        let lower = text.to_ascii_lowercase();
        let found = UNITS
            .iter()
            .find_map(|(unit, bytes)| Some((lower.strip_suffix(unit)?, bytes)));
        found
            .and_then(|(number, bytes)| Some(number.trim().parse::<f64>().ok()? * bytes))
            .filter(|rate| rate.is_finite() && *rate > 0.0)
            .map(Rate)
            .ok_or_else(|| format!("{text} is no rate: write 100mbit, say"))
    }
}

/// An answer, and when it was read completely.
struct Answer {
    body: Vec<u8>,
    at: Instant,
}

/// Sends requests to a coordinator, each over a connection of its own, to know when each byte is
/// sent.
struct Wire<'a> {
    server: &'a Server,
}

impl Wire<'_> {
    /// Waits until the coordinator accepts connections.
    fn ready(&self) -> Result<()> {
        for _ in 0..200 {
            if TcpStream::connect(&self.server.address).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("the coordinator did not start")
    }

    /// Begins a request.
    fn request(&self, path: &str, token: &str, headers: &str, len: usize) -> Result<TcpStream> {
        let mut stream = TcpStream::connect(&self.server.address)?;
        stream.set_nodelay(true)?;
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\
             Authorization: Bearer {token}\r\n{headers}Content-Length: {len}\r\n\r\n"
        )?;
        Ok(stream)
    }

    fn call(&self, path: &str, token: &str, headers: &str, body: &str) -> Result<Answer> {
        let mut stream = self.request(path, token, headers, body.len())?;
        stream.write_all(body.as_bytes())?;
        answer(stream)
    }

    /// Sends a check-in that is held until the status changes. Returns the time of its answer.
    fn hold(&self, token: &str) -> Result<JoinHandle<Result<Instant>>> {
        let stream = self.request("/queue/checkin?wait=60", token, "", 0)?;
        Ok(std::thread::spawn(move || {
            let answer = answer(stream)?;
            let status = String::from_utf8_lossy(&answer.body).into_owned();
            ensure!(status.contains("readyToContribute"), "not next: {status}");
            Ok(answer.at)
        }))
    }

    fn sign_in(&self, participant: usize) -> Result<String> {
        let body = format!(r#"{{"invite":"code-of-participant-{participant}"}}"#);
        let answer = self.call("/login", "", "Content-Type: application/json\r\n", &body)?;
        let answer: serde_json::Value = serde_json::from_slice(&answer.body)?;
        let token = answer["token"].as_str();
        Ok(token.context("a login answers with a token")?.to_owned())
    }
}

/// Reads an answer to the end of the connection.
fn answer(mut stream: TcpStream) -> Result<Answer> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let at = Instant::now();
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let body = bytes.split_off(head.context("an answer has a head")? + 4);
    ensure!(
        bytes.starts_with(b"HTTP/1.1 200"),
        "refused: {}{}",
        String::from_utf8_lossy(&bytes),
        String::from_utf8_lossy(&body)
    );
    Ok(Answer { body, at })
}

/// What one upload took, in milliseconds.
struct Took {
    sending: f64,
    verdict: f64,
    next_told: f64,
    processor: f64,
    processor_after: f64,
}

fn upload(
    wire: &Wire<'_>,
    token: &str,
    media: &str,
    body: &[u8],
    rate: Option<Rate>,
    next: JoinHandle<Result<Instant>>,
) -> Result<Took> {
    let server = wire.server;
    let before = server.processor_time()?;
    let headers = format!("Content-Type: {media}\r\n");
    let started = Instant::now();
    let mut stream = wire.request("/contribution/complete", token, &headers, body.len())?;
    match rate {
        None => stream.write_all(body)?,
        Some(Rate(rate)) => {
            let mut came = 0;
            for piece in body.chunks(PIECE) {
                came += piece.len();
                let due = started + Duration::from_secs_f64(came as f64 / rate);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                stream.write_all(piece)?;
            }
        }
    }
    let sent = Instant::now();
    let at_last_byte = server.processor_time()?;
    let answer = answer(stream)?;
    let after = server.processor_time()?;
    let next_at = match next.join() {
        Ok(told) => told?,
        Err(_) => bail!("the thread of the next in line failed"),
    };
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    Ok(Took {
        sending: ms(sent - started),
        verdict: ms(answer.at - sent),
        next_told: ms(next_at - sent) - ms(answer.at - sent),
        processor: ms(after - before),
        processor_after: ms(after - at_last_byte),
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn least(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::INFINITY, f64::min)
}

fn main() -> Result<()> {
    tauline_benches::choose_arithmetic();
    let options = Options::parse();
    let sizes: Sizes = options.target.sizes.parse()?;
    let turns = options.rounds * FORMS.len();
    let chain = contribution_chain(&sizes, turns, Encoding::Compressed)?;
    let binary = options.target.binary()?;
    let server = Server::start(&binary, &options.target.sizes, turns + 1, &[])?;
    let wire = Wire { server: &server };
    wire.ready()?;
    let mut all: [Vec<Took>; FORMS.len()] = Default::default();
    let mut token = wire.sign_in(0)?;
    wire.call("/queue/join", &token, "", "")?;
    for (turn, contribution) in chain.iter().enumerate() {
        let form = turn % FORMS.len();
        let (name, media) = FORMS[form];
        let contribution = RawContribution::from_msgpack(contribution)?;
        let body = match form {
            0 => contribution.to_json()?,
            1 => contribution.to_msgpack(Encoding::Compressed)?,
            _ => contribution.to_msgpack(Encoding::Uncompressed)?,
        };
        let next = wire.sign_in(turn + 1)?;
        wire.call("/queue/join", &next, "", "")?;
        let accept = "Accept: application/msgpack\r\n";
        wire.call("/contribution/start", &token, accept, "")?;
        // Lets the coordinator finish what the turn before has left to do.
        std::thread::sleep(Duration::from_millis(300));
        let held = wire.hold(&next)?;
        let took = upload(&wire, &token, media, &body, options.rate, held)?;
        token = next;
        println!(
            "# {name}: {} bytes, sent in {:.1} ms, receipt after {:.1} ms more, the next told {:.1} ms later; processor {:.0} ms, {:.0} ms of it after the last byte",
            body.len(),
            took.sending,
            took.verdict,
            took.next_told,
            took.processor,
            took.processor_after
        );
        all[form].push(took);
    }
    for ((name, _), took) in FORMS.iter().zip(&all) {
        let of = |what: fn(&Took) -> f64| median(took.iter().map(what).collect());
        println!("upload_{name}_sending_ms {:.1}", of(|it| it.sending));
        println!("upload_{name}_verdict_ms {:.1}", of(|it| it.verdict));
        let best = least(took.iter().map(|it| it.verdict));
        println!("upload_{name}_verdict_least_ms {best:.1}");
        println!("upload_{name}_next_told_ms {:.1}", of(|it| it.next_told));
        println!("upload_{name}_processor_ms {:.0}", of(|it| it.processor));
        println!(
            "upload_{name}_processor_after_ms {:.0}",
            of(|it| it.processor_after)
        );
    }
    Ok(())
}

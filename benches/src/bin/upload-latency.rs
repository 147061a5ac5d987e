//! From the last byte of an upload to its receipt, over loopback.
//!
//! Starts the release coordinator on a fresh data directory, takes one turn after the other with
//! contributions computed beforehand, and sends each as fast as the connection takes it, or at
//! `--rate` megabytes a second. Prints for each turn the milliseconds that sending took, those from
//! the last byte handed to the system to the receipt, and the coordinator's processor time for the
//! whole turn (in steps of 10 ms) and after the last byte; then medians by form.
//!
//! `cargo build --release --bin tauline-server && cargo run --release -p tauline-benches --bin upload-latency`

use std::io::{Read, Write};
use std::net::TcpStream;
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

/// Bytes handed to the system at a time when there is a rate.
const PIECE: usize = 64 << 10;

/// From the last byte of an upload to its receipt.
#[derive(Parser)]
struct Options {
    /// Uploads of each form.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Megabytes a second that are sent [default: as fast as can be].
    #[arg(long)]
    rate: Option<f64>,
    #[command(flatten)]
    target: Target,
}

/// An answer, and when it was complete.
struct Answer {
    body: Vec<u8>,
    at: Instant,
}

/// Requests to a coordinator, each over a connection of its own, whose bytes are seen going out.
struct Wire<'a> {
    server: &'a Server,
}

impl Wire<'_> {
    /// Waits until there is somebody to connect to.
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
    processor: f64,
    processor_after: f64,
}

fn upload(
    wire: &Wire<'_>,
    token: &str,
    media: &str,
    body: &[u8],
    rate: Option<f64>,
) -> Result<Took> {
    let server = wire.server;
    let before = server.processor_time()?;
    let headers = format!("Content-Type: {media}\r\n");
    let started = Instant::now();
    let mut stream = wire.request("/contribution/complete", token, &headers, body.len())?;
    match rate {
        None => stream.write_all(body)?,
        Some(rate) => {
            for (number, piece) in body.chunks(PIECE).enumerate() {
                let due = (number * PIECE) as f64 / (rate * 1e6);
                let due = started + Duration::from_secs_f64(due);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                stream.write_all(piece)?;
            }
        }
    }
    let sent = Instant::now();
    let at_last_byte = server.processor_time()?;
    let answer = answer(stream)?;
    let after = server.processor_time()?;
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    Ok(Took {
        sending: ms(sent - started),
        verdict: ms(answer.at - sent),
        processor: ms(after - before),
        processor_after: ms(after - at_last_byte),
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() -> Result<()> {
    let options = Options::parse();
    let sizes: Sizes = options.target.sizes.parse()?;
    let turns = options.rounds * FORMS.len();
    let chain = contribution_chain(&sizes, turns, Encoding::Compressed)?;
    let binary = options.target.binary()?;
    let server = Server::start(&binary, &options.target.sizes, turns, &[])?;
    let wire = Wire { server: &server };
    wire.ready()?;
    let mut all: [Vec<Took>; FORMS.len()] = Default::default();
    for (turn, contribution) in chain.iter().enumerate() {
        let form = turn % FORMS.len();
        let (name, media) = FORMS[form];
        let contribution = RawContribution::from_msgpack(contribution)?;
        let body = match form {
            0 => contribution.to_json()?,
            1 => contribution.to_msgpack(Encoding::Compressed)?,
            _ => contribution.to_msgpack(Encoding::Uncompressed)?,
        };
        let token = wire.sign_in(turn)?;
        wire.call("/queue/join", &token, "", "")?;
        let accept = "Accept: application/msgpack\r\n";
        wire.call("/contribution/start", &token, accept, "")?;
        // What the turn before has left to do is done.
        std::thread::sleep(Duration::from_millis(300));
        let took = upload(&wire, &token, media, &body, options.rate)?;
        println!(
            "# {name}: {} bytes, sent in {:.1} ms, receipt after {:.1} ms more; processor {:.0} ms, {:.0} ms of it after the last byte",
            body.len(),
            took.sending,
            took.verdict,
            took.processor,
            took.processor_after
        );
        all[form].push(took);
    }
    for ((name, _), took) in FORMS.iter().zip(&all) {
        let of = |what: fn(&Took) -> f64| median(took.iter().map(what).collect());
        println!("upload_{name}_sending_ms {:.1}", of(|it| it.sending));
        println!("upload_{name}_verdict_ms {:.1}", of(|it| it.verdict));
        println!("upload_{name}_processor_ms {:.0}", of(|it| it.processor));
        println!(
            "upload_{name}_processor_after_ms {:.0}",
            of(|it| it.processor_after)
        );
    }
    Ok(())
}

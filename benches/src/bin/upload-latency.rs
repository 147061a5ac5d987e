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
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tauline_benches::contribution_chain;
use tauline_transcript::{Encoding, RawContribution, Sizes};

/// Forms of a body: name, media type.
const FORMS: [(&str, &str); 3] = [
    ("json", "application/json"),
    ("msgpack", "application/msgpack"),
    ("msgpack-uncompressed", "application/msgpack"),
];

/// Bytes handed to the system at a time when there is a rate.
const PIECE: usize = 64 << 10;

struct Options {
    rounds: usize,
    /// Megabytes a second; as fast as can be without.
    rate: Option<f64>,
    server: PathBuf,
}

impl Options {
    fn parse() -> Result<Self> {
        let here = std::env::current_exe()?;
        let beside = here.parent().context("a program lies in a folder")?;
        let mut options = Self {
            rounds: 5,
            rate: None,
            server: beside.join("tauline-server"),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments
                .next()
                .with_context(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--rounds" => options.rounds = value.parse()?,
                "--rate" => options.rate = Some(value.parse()?),
                "--server-binary" => options.server = value.into(),
                _ => bail!("unknown option {name}"),
            }
        }
        Ok(options)
    }
}

/// A coordinator that dies with this value.
struct Server {
    process: Child,
    address: String,
    _data: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An answer, and when it was complete.
struct Answer {
    body: Vec<u8>,
    at: Instant,
}

impl Server {
    fn start(program: &Path, people: usize) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let invites = data.path().join("invites");
        let lines: String = (0..people)
            .map(|i| format!("p{i} code-of-participant-{i}\n"))
            .collect();
        std::fs::write(&invites, lines)?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let address = format!("127.0.0.1:{port}");
        let process = Command::new(program)
            .args(["--listen", &address, "--signin", "invite"])
            .arg("--data-dir")
            .arg(data.path().join("data"))
            .arg("--invites")
            .arg(&invites)
            .args(["--login-rate", "0", "--anonymous-rate", "0"])
            .args(["--session-rate", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .env("TAULINE_LOG", "warn")
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let server = Self {
            process,
            address,
            _data: data,
        };
        for _ in 0..200 {
            if TcpStream::connect(&server.address).is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("the coordinator did not start")
    }

    /// Processor time so far.
    fn processor_time(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks = after_name.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.map(str::parse::<u64>).sum::<Result<_, _>>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Begins a request with a connection of its own.
    fn request(&self, path: &str, token: &str, headers: &str, len: usize) -> Result<TcpStream> {
        let mut stream = TcpStream::connect(&self.address)?;
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
    server: &Server,
    token: &str,
    media: &str,
    body: &[u8],
    rate: Option<f64>,
) -> Result<Took> {
    let before = server.processor_time()?;
    let headers = format!("Content-Type: {media}\r\n");
    let started = Instant::now();
    let mut stream = server.request("/contribution/complete", token, &headers, body.len())?;
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
    let options = Options::parse()?;
    let turns = options.rounds * FORMS.len();
    let chain = contribution_chain(&Sizes::ethereum(), turns, Encoding::Compressed)?;
    let server = Server::start(&options.server, turns)?;
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
        let token = server.sign_in(turn)?;
        server.call("/queue/join", &token, "", "")?;
        let accept = "Accept: application/msgpack\r\n";
        server.call("/contribution/start", &token, accept, "")?;
        // What the turn before has left to do is done.
        std::thread::sleep(Duration::from_millis(300));
        let took = upload(&server, &token, media, &body, options.rate)?;
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

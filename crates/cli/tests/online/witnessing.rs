//! Witnesses see that everybody is shown the same log (`docs/spec/public-log.md#witnesses`).

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tauline_test_ports::free_address;

use crate::common::server::Server;
use crate::common::{run, temporary};

const PATIENCE: Duration = Duration::from_secs(30);

/// A running `tauline witness`.
struct Witness {
    child: Child,
    /// What a coordinator's `--witness` takes.
    setting: String,
}

impl Witness {
    fn start(dir: &Path, name: &str, log_key: &str) -> Self {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("tauline"))
            .current_dir(dir)
            .args(["witness", "--name", name, "--data-dir", name])
            .args(["--log", log_key, "--listen", &free_address()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let setting = lines
            .find_map(|line| {
                let line = line.unwrap();
                Some(line.split_once("--witness ")?.1.to_owned())
            })
            .expect("it says how a coordinator is told of it");
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, setting }
    }
}

impl Witness {
    /// Its key.
    fn key(&self) -> &str {
        self.setting.rsplit_once("=http").unwrap().0
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a coordinator serves at a path.
fn get(server: &Server, path: &str) -> String {
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// The size of the checkpoint that is served, and how many have cosigned it.
fn checkpoint(server: &Server) -> (u64, usize) {
    let text = get(server, "/log/checkpoint");
    let size = text.lines().nth(1).unwrap().parse().unwrap();
    let signatures = text.lines().filter(|line| line.starts_with("— ")).count();
    (size, signatures - 1)
}

/// Waits for a checkpoint of more than so many entries with so many cosignatures.
#[track_caller]
fn wait_for(server: &Server, more_than: u64, cosignatures: usize) -> u64 {
    let since = Instant::now();
    loop {
        let (size, cosigned) = checkpoint(server);
        if size > more_than && cosigned == cosignatures {
            return size;
        }
        assert!(
            since.elapsed() < PATIENCE,
            "{size} entries, {cosigned} cosignatures"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn contribute(dir: &Path, server: &Server, key: &str) {
    let (exit, _, error) = run(dir, &["contribute", "--server", &server.url, "--key", key]);
    assert_eq!(exit, 0, "{error}");
}

/// The key of the log, from what a contributor keeps.
fn log_key(dir: &Path) -> String {
    let kept = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().contains("tauline-tickets-"))
        .expect("contribute keeps its ticket");
    let kept: Value = serde_json::from_slice(&fs::read(kept).unwrap()).unwrap();
    kept["logKey"].as_str().unwrap().to_owned()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Writes a policy by which both witnesses have to cosign the log.
fn ask_for_both(dir: &Path, log_key: &str, witnesses: &[Witness; 2]) {
    let [north, south] = witnesses.each_ref().map(Witness::key);
    let policy = format!(
        "log {log_key}\nwitness north {north}\nwitness south {south}\ngroup both all north south\n\
         quorum both\n"
    );
    fs::write(dir.join("policy"), policy).unwrap();
}

/// Audits by that policy, with a cache of its own.
fn audit(dir: &Path, server: &Server, cache: &str) -> (i32, String) {
    let args = ["audit", "--server", &server.url, "--policy", "policy"];
    let (exit, output, error) = run(dir, &[&args[..], &["--cache", cache]].concat());
    (exit, output + &error)
}

#[test]
fn two_witnesses_catch_a_coordinator_that_shows_two_logs() {
    let dir = temporary();
    let dir = dir.path();
    let mut server = Server::start(&[]);
    contribute(dir, &server, "key-1");
    let log_key = log_key(dir);
    let witnesses =
        ["north.example", "south.example"].map(|name| Witness::start(dir, name, &log_key));
    let both = format!("{},{}", witnesses[0].setting, witnesses[1].setting);
    server.kill();
    // The same data is taken up twice: one log for some people, another for others.
    let (one, other) = (dir.join("one"), dir.join("other"));
    copy(&server.data_dir(), &one);
    copy(&server.data_dir(), &other);

    let shown = Server::start_on(&one, &["--witness", &both]);
    let size = wait_for(&shown, 0, 2);
    contribute(dir, &shown, "key-2");
    wait_for(&shown, size, 2);
    assert_eq!(
        shown.status()["log"]["cosigned"],
        serde_json::json!({"by": 2, "of": 2})
    );
    ask_for_both(dir, &log_key, &witnesses);
    let (exit, output) = audit(dir, &shown, "cache-shown");
    assert_eq!(exit, 0, "{output}");
    let enough = "2 of the policy's 2 witnesses have cosigned the checkpoint lately";
    assert!(output.contains(enough), "{output}");

    let hidden = Server::start_on(&other, &["--witness", &both]);
    contribute(dir, &hidden, "key-3");
    let log = hidden.data_dir().with_extension("log");
    let since = Instant::now();
    while !fs::read_to_string(&log)
        .unwrap()
        .contains("HOLDS ANOTHER LOG")
    {
        assert!(since.elapsed() < PATIENCE, "the operator is not told");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(checkpoint(&hidden).1, 0, "nobody cosigns the other log");
    let (exit, output) = audit(dir, &hidden, "cache-hidden");
    assert_eq!(exit, 1, "{output}");
    assert!(output.contains("[not-cosigned, "), "{output}");
    wait_for(&shown, size, 2);
}

#[test]
fn a_log_goes_on_without_a_witness_and_with_it_again() {
    let dir = temporary();
    let dir = dir.path();
    let mut server = Server::start(&[]);
    contribute(dir, &server, "key-1");
    let log_key = log_key(dir);
    let witness = Witness::start(dir, "north.example", &log_key);
    let setting = witness.setting.clone();
    server.kill();
    let data = dir.join("data");
    copy(&server.data_dir(), &data);
    let server = Server::start_on(&data, &["--witness", &setting]);
    let size = wait_for(&server, 0, 1);
    drop(witness);
    contribute(dir, &server, "key-2");
    let size = wait_for(&server, size, 0);
    // What it has cosigned is remembered: another run of it goes on from there.
    let address = setting.rsplit_once("http://").unwrap().1.to_owned();
    let mut again = Command::new(assert_cmd::cargo::cargo_bin!("tauline"))
        .current_dir(dir)
        .args([
            "witness",
            "--name",
            "north.example",
            "--data-dir",
            "north.example",
        ])
        .args(["--log", &log_key, "--listen", &address])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    contribute(dir, &server, "key-3");
    wait_for(&server, size, 1);
    again.kill().unwrap();
    again.wait().unwrap();
}

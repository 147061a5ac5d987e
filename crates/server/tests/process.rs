//! The program itself, as an operator runs it.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A running server, ended with the test.
struct Program {
    child: Child,
    url: String,
}

impl Program {
    fn start(data: &std::path::Path, more: &[&str]) -> Self {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("tauline-server"))
            .args([
                "--listen",
                "127.0.0.1:0",
                "--ceremony",
                "16:4,32:4",
                "--data-dir",
            ])
            .arg(data)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line.trim().strip_prefix("tauline-server listens on ");
        let url = url.unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { child, url }
    }

    /// Sends a signal and waits; gives the exit and what was logged.
    fn end(mut self, signal: Signal) -> (ExitStatus, String) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
        let mut log = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        (self.child.wait().unwrap(), log)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn status(url: &str) -> Value {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client
            .get(format!("{url}/ceremony/status"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    })
}

#[test]
fn sigterm_and_sigint_stop_it_cleanly_and_another_start_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut addresses = Vec::new();
    for signal in [Signal::TERM, Signal::INT] {
        let program = Program::start(&data, &[]);
        let status = status(&program.url);
        assert_eq!(status["mode"], "open");
        addresses.push(status["coordinatorAddress"].clone());
        let (exit, log) = program.end(signal);
        assert_eq!(exit.code(), Some(0), "{log}");
        assert!(log.contains("nothing is lost"), "{log}");
    }
    assert_eq!(addresses[0], addresses[1], "the same ceremony");
}

#[cfg(unix)]
#[test]
fn the_data_directory_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let program = Program::start(&data, &[]);
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for entry in std::fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
    }
    program.end(Signal::TERM);
}

#[test]
fn a_second_process_on_the_same_data_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let first = Program::start(directory.path(), &[]);
    let second = Command::new(assert_cmd::cargo::cargo_bin!("tauline-server"))
        .args([
            "--listen",
            "127.0.0.1:0",
            "--ceremony",
            "16:4,32:4",
            "--data-dir",
        ])
        .arg(directory.path())
        .output()
        .unwrap();
    let error = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{error}");
    assert!(
        error.contains(directory.path().to_str().unwrap()),
        "{error}"
    );
    assert!(
        error.contains(&first.child.id().to_string()),
        "it names the process: {error}"
    );
    assert_eq!(status(&first.url)["mode"], "open", "the first goes on");
}

#[test]
fn logs_may_be_json_and_never_hold_a_token_or_a_code() {
    let directory = tempfile::tempdir().unwrap();
    let invites = directory.path().join("invites");
    std::fs::write(&invites, "alice code-of-alice-0001\n").unwrap();
    let program = Program::start(
        &directory.path().join("data"),
        &[
            "--log=trace",
            "--log-format=json",
            "--signin=invite",
            &format!("--invites={}", invites.display()),
        ],
    );
    let url = program.url.clone();
    // Read while it runs: a full pipe would stop the program.
    let mut program = program;
    let mut stderr = program.child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut log = String::new();
        stderr.read_to_string(&mut log).unwrap();
        log
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let token: String = runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let login = client
            .post(format!("{url}/login"))
            .json(&serde_json::json!({"invite": "code-of-alice-0001"}));
        let answer: Value = login.send().await.unwrap().json().await.unwrap();
        let token = answer["token"].as_str().unwrap().to_owned();
        let join = client.post(format!("{url}/queue/join")).bearer_auth(&token);
        assert_eq!(join.send().await.unwrap().status(), 200);
        token
    });
    kill_process(Pid::from_child(&program.child), Signal::TERM).unwrap();
    let log = reader.join().unwrap();
    for line in log.lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    assert!(
        log.contains("invite|alice"),
        "whoever signs in is in the log"
    );
    for secret in [token.as_str(), "code-of-alice-0001"] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn refused_connections_are_in_the_log_once_a_minute_at_most() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::start(
        directory.path(),
        &["--max-connections-per-address=2", "--log=warn"],
    );
    let address = program.url.trim_start_matches("http://").to_owned();
    let mut connections = Vec::new();
    for _ in 0..40 {
        connections.push(std::net::TcpStream::connect(&address).unwrap());
    }
    // The last has been looked at when it has been closed.
    let mut answer = String::new();
    let mut last = connections.pop().unwrap();
    last.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    drop(connections);
    let (_, log) = program.end(Signal::TERM);
    let lines: Vec<_> = log
        .lines()
        .filter(|line| line.contains("connections were refused"))
        .collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains("WARN"), "{log}");
    assert!(lines[0].contains("--max-connections-per-address"), "{log}");
}

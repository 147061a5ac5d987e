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
    /// The line on standard output.
    said: String,
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
        // A line of JSON, where logs are to be JSON.
        let url = match serde_json::from_str::<Value>(&line) {
            Ok(json) => json["fields"]["url"].as_str().map(str::to_owned),
            Err(_) => line
                .trim()
                .strip_prefix("tauline-server listens on ")
                .map(str::to_owned),
        };
        let url = url.unwrap_or_else(|| panic!("{line:?}"));
        Self {
            child,
            url,
            said: line,
        }
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

/// A run that somebody with an invitation joins and leaves; gives standard output and the log.
fn joined_and_left(data: &std::path::Path, more: &[&str]) -> (String, String) {
    let invites = data.with_extension("invites");
    std::fs::write(&invites, "alice code-of-alice-0001\n").unwrap();
    let file = format!("--invites={}", invites.display());
    let mut arguments = vec!["--signin=invite", &file];
    arguments.extend(more);
    let program = Program::start(data, &arguments);
    let url = program.url.clone();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let login = client
            .post(format!("{url}/login"))
            .json(&serde_json::json!({"invite": "code-of-alice-0001"}));
        let answer: Value = login.send().await.unwrap().json().await.unwrap();
        let token = answer["token"].as_str().unwrap().to_owned();
        for path in ["join", "leave"] {
            let request = client.post(format!("{url}/queue/{path}"));
            let answer = request.bearer_auth(&token).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{path}");
        }
    });
    let said = program.said.clone();
    let (exit, log) = program.end(Signal::TERM);
    assert_eq!(exit.code(), Some(0), "{log}");
    (said, log)
}

#[test]
fn events_are_fields_with_the_same_names_in_both_forms() {
    let directory = tempfile::tempdir().unwrap();
    let (said, log) = joined_and_left(&directory.path().join("text"), &[]);
    assert!(
        said.starts_with("tauline-server listens on http://"),
        "{said}"
    );
    for line in [
        "event=joined ticket=1 identity=invite|alice",
        "event=called ticket=1 identity=invite|alice",
        "event=ended ticket=1 outcome=left identity=invite|alice",
    ] {
        assert!(log.lines().any(|it| it.ends_with(line)), "{line}: {log}");
    }
    assert!(!log.contains('\u{1b}'), "no colours: {log}");
    assert!(!log.contains("refinery"), "{log}");
    assert!(!log.contains("Ticket("), "{log}");

    let json = ["--log-format", "json"];
    let (said, log) = joined_and_left(&directory.path().join("json"), &json);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert!(
        said["fields"]["url"]
            .as_str()
            .unwrap()
            .starts_with("http://")
    );
    let events: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["fields"].take())
        .filter(|fields| fields["event"].is_string())
        .collect();
    let ended = events.last().unwrap();
    assert_eq!(ended["event"], "ended");
    assert_eq!(ended["ticket"], 1);
    assert_eq!(ended["outcome"], "left");
    assert_eq!(ended["identity"], "invite|alice");
}

#[test]
fn a_new_ceremony_is_announced_and_an_old_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let program = Program::start(&data, &["--log=warn"]);
    let address = status(&program.url)["coordinatorAddress"].clone();
    let address = address.as_str().unwrap();
    let (_, log) = program.end(Signal::TERM);
    let new = format!("A NEW ceremony begins, coordinator {address}");
    assert!(log.contains(&new), "{log}");
    let pinned = Program::start(&data, &["--log=warn", "--coordinator-address", address]);
    let (_, log) = pinned.end(Signal::TERM);
    assert_eq!(log, "", "nothing is new");
    // A directory that is not there any more, as when a disk is not mounted.
    std::fs::rename(&data, directory.path().join("elsewhere")).unwrap();
    let (exit, error) = refused(&data, &["--coordinator-address", address]);
    assert_eq!(exit, Some(1));
    assert!(error.contains("there is no ceremony in"), "{error}");
    assert!(error.contains("mount it"), "{error}");
    assert!(!data.exists());
    let program = Program::start(&data, &[]);
    let (_, log) = program.end(Signal::TERM);
    assert!(
        log.contains("A NEW ceremony begins, coordinator 0x"),
        "{log}"
    );
    assert!(!log.contains(address), "{log}");
}

/// A start that is refused: the exit code and standard error.
fn refused(data: &std::path::Path, more: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(assert_cmd::cargo::cargo_bin!("tauline-server"))
        .args(["--listen", "127.0.0.1:0", "--ceremony", "16:4,32:4"])
        .arg("--data-dir")
        .arg(data)
        .args(more)
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), error)
}

#[test]
fn fatal_errors_are_told_in_the_form_of_the_log() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("tauline.db"), b"").unwrap();
    let (exit, error) = refused(directory.path(), &[]);
    assert_eq!(exit, Some(1));
    assert!(
        error.contains("error: the ceremony's data is gone"),
        "{error}"
    );
    // Whatever the filter.
    for (more, code) in [
        (&["--log=off", "--log-format=json"][..], 1),
        (&["--log-format", "json", "--signin", "invite"], 2),
        (&["--log-format=json", "--chain-id", "many"], 2),
        (&["--log-format=json", "--log", "no such filter!!"], 1),
    ] {
        let (exit, error) = refused(directory.path(), more);
        assert_eq!(exit, Some(code), "{more:?}");
        let last = error.lines().last().unwrap();
        for line in error.lines() {
            serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{more:?}: {error}"));
        }
        let last: Value = serde_json::from_str(last).unwrap();
        assert_eq!(last["level"], "ERROR", "{more:?}");
        assert!(last["fields"]["message"].is_string(), "{more:?}");
    }
}

#[test]
fn an_address_that_was_mistyped_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for wrong in [
        "0x12",
        "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg",
    ] {
        let (exit, error) = refused(directory.path(), &["--coordinator-address", wrong]);
        assert_eq!(exit, Some(2), "{wrong}: {error}");
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

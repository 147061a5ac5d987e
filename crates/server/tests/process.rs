//! The program itself, as an operator runs it.
#![allow(clippy::unwrap_used)]

#[path = "common/http.rs"]
mod http;
#[path = "common/program.rs"]
mod program;

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
        let line = program::first_line(&mut child);
        // A line of JSON, where logs are to be JSON.
        let url = match serde_json::from_str::<Value>(&line) {
            Ok(json) => json["fields"]["url"].as_str().map(str::to_owned),
            Err(_) => program::address(&line),
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
        let client = http::client().build().unwrap();
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

/// Signs in with the invitation `code-of-alice-0001`; gives the token.
async fn token_of_alice(client: &reqwest::Client, url: &str) -> String {
    let login = client
        .post(format!("{url}/login"))
        .json(&serde_json::json!({"invite": "code-of-alice-0001"}));
    let answer: Value = login.send().await.unwrap().json().await.unwrap();
    answer["token"].as_str().unwrap().to_owned()
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
        let client = http::client().build().unwrap();
        let token = token_of_alice(&client, &url).await;
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
        let client = http::client().build().unwrap();
        let token = token_of_alice(&client, &url).await;
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

/// Has the coordinator on this data take no newcomers any more.
fn drain(data: &std::path::Path) {
    use std::io::Write as _;
    use tauline_protocol::admin::{AdminRequest, SOCKET_NAME};
    let mut socket = std::os::unix::net::UnixStream::connect(data.join(SOCKET_NAME)).unwrap();
    let mut line = serde_json::to_vec(&AdminRequest::Drain { at: None }).unwrap();
    line.push(b'\n');
    socket.write_all(&line).unwrap();
    let mut answer = String::new();
    BufReader::new(socket).read_line(&mut answer).unwrap();
    assert!(!answer.contains("refused"), "{answer}");
}

// `docs/spec/http-api.md#request-id`.
#[test]
fn a_fault_in_the_log_has_the_name_of_its_request() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let invites = directory.path().join("invites");
    std::fs::write(&invites, "alice code-of-alice-0001\n").unwrap();
    let file = format!("--invites={}", invites.display());
    let program = Program::start(&data, &["--signin=invite", &file]);
    drain(&data);
    let url = program.url.clone();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = http::client().build().unwrap();
        let token = token_of_alice(&client, &url).await;
        let join = client.post(format!("{url}/queue/join")).bearer_auth(&token);
        let answer = join.header("x-request-id", "trace-7").send().await.unwrap();
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["x-request-id"], "trace-7");
    });
    let (_, log) = program.end(Signal::TERM);
    let told = log
        .lines()
        .find(|line| line.contains("answered with a fault"));
    let told = told.unwrap_or_else(|| panic!("{log}"));
    assert!(told.contains("request=trace-7"), "{told}");
}

#[test]
fn a_disk_that_is_nearly_full_is_warned_of() {
    let directory = tempfile::tempdir().unwrap();
    // No disk has so much.
    let wanted = ["--min-free-disk=1000000TiB", "--log=warn"];
    let mut watched = Watched::start(&directory.path().join("data"), &wanted);
    let told = watched.wait_for("THE DISK IS NEARLY FULL");
    assert!(told.contains("--min-free-disk"), "{told}");
    let log = watched.end();
    assert_eq!(log.matches("NEARLY FULL").count(), 1, "{log}");
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

/// A program whose log is read while it runs.
struct Watched {
    program: Program,
    lines: std::sync::mpsc::Receiver<String>,
    log: String,
}

impl Watched {
    fn start(data: &std::path::Path, more: &[&str]) -> Self {
        let mut program = Program::start(data, more);
        let stderr = program.child.stderr.take().unwrap();
        let (sender, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                let _ = sender.send(line.unwrap());
            }
        });
        Self {
            program,
            lines,
            log: String::new(),
        }
    }

    /// Waits until a line holds this; gives the line.
    fn wait_for(&mut self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(std::time::Duration::from_secs(60));
            let line = line.unwrap_or_else(|_| panic!("no {text:?} in {}", self.log));
            self.log.push_str(&line);
            self.log.push('\n');
            if line.contains(text) {
                return line;
            }
        }
    }

    fn hang_up(&self) {
        kill_process(Pid::from_child(&self.program.child), Signal::HUP).unwrap();
    }

    /// The rest of the log, after the end.
    fn end(mut self) -> String {
        kill_process(Pid::from_child(&self.program.child), Signal::TERM).unwrap();
        self.program.child.wait().unwrap();
        for line in self.lines.iter() {
            self.log.push_str(&line);
            self.log.push('\n');
        }
        std::mem::take(&mut self.log)
    }
}

/// The HTTP status of a request with these headers.
fn ask(url: &str, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> u16 {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = http::client().build().unwrap();
        let mut request = match body {
            Some(body) => client.post(format!("{url}{path}")).json(&body),
            None => client.get(format!("{url}{path}")),
        };
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().status().as_u16()
    })
}

#[test]
fn a_hangup_reads_again_what_can_change_and_names_what_cannot() {
    let directory = tempfile::tempdir().unwrap();
    let (settings, invites) = (
        directory.path().join("toml"),
        directory.path().join("invites"),
    );
    let write = |invited: &str, more: &str| {
        std::fs::write(&invites, invited).unwrap();
        let path = invites.display();
        let text = format!("signin = [\"invite\"]\ninvites = \"{path}\"\n{more}");
        std::fs::write(&settings, text).unwrap();
    };
    write("alice code-of-alice-0001\n", "anonymous-rate = 1\n");
    let file = format!("--config={}", settings.display());
    let mut watched = Watched::start(&directory.path().join("data"), &[&file]);
    let url = watched.program.url.clone();
    let login = |code: &str| {
        let body = serde_json::json!({ "invite": code });
        ask(&url, "/login", Some(body), &[])
    };
    // What is not there is refused too, and counted.
    let from = |address: &str| ask(&url, "/nothing", None, &[("x-forwarded-for", address)]);
    assert_eq!(login("code-of-alice-0001"), 200);
    assert_eq!(login("code-of-bob-000002"), 401);
    assert_eq!([from("192.0.2.1"), from("192.0.2.2")], [404, 429]);

    write(
        "bob code-of-bob-000002\n",
        "anonymous-rate = 1\ntrusted-proxies = \"127.0.0.1\"\nmax-sessions = 7\nlog = \"debug\"\n",
    );
    watched.hang_up();
    let read = watched.wait_for("read again");
    for name in ["1 invitations", "--trusted-proxies", "--log"] {
        assert!(read.contains(name), "{read}");
    }
    let restart = watched.wait_for("need a restart");
    assert!(restart.contains("--max-sessions"), "{restart}");
    assert!(!restart.contains("--log"), "{restart}");
    assert_eq!(login("code-of-alice-0001"), 401);
    assert_eq!(login("code-of-bob-000002"), 200);
    assert_eq!([from("192.0.2.1"), from("192.0.2.2")], [404, 404]);
    watched.wait_for("DEBUG");

    // Of what is wrong nothing is taken.
    write("carol code-of-carol-0003\n", "anonymous-rate = \"many\"\n");
    watched.hang_up();
    let wrong = watched.wait_for("could not be read again");
    assert!(wrong.contains("anonymous-rate"), "{wrong}");
    write("carol\n", "");
    watched.hang_up();
    let wrong = watched.wait_for("could not be read again");
    assert!(wrong.contains("line 1 of the invitations"), "{wrong}");
    assert_eq!(login("code-of-bob-000002"), 200);
    let log = watched.end();
    assert!(log.contains("stopped; nothing is lost"), "{log}");
}

#[test]
fn a_proxy_that_is_not_trusted_is_told_of_once() {
    let directory = tempfile::tempdir().unwrap();
    for header in ["x-forwarded-for", "Forwarded", "X-Real-IP"] {
        let data = directory.path().join(header);
        let watched = Watched::start(&data, &["--log=warn"]);
        let url = watched.program.url.clone();
        for _ in 0..3 {
            ask(&url, "/ceremony/status", None, &[(header, "192.0.2.1")]);
        }
        let log = watched.end();
        assert_eq!(log.matches("speaks for others").count(), 1, "{log}");
        assert!(log.contains("--trusted-proxies 127.0.0.1"), "{log}");
        let trusting = ["--log=warn", "--trusted-proxies=127.0.0.1"];
        let watched = Watched::start(&data, &trusting);
        let url = watched.program.url.clone();
        ask(&url, "/ceremony/status", None, &[(header, "192.0.2.1")]);
        assert_eq!(watched.end(), "");
    }
}

#[test]
fn secrets_that_everybody_may_read_are_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let (settings, invites) = (
        directory.path().join("toml"),
        directory.path().join("invites"),
    );
    let secret = directory.path().join("secret");
    std::fs::write(&invites, "alice code-of-alice-0001\n").unwrap();
    std::fs::write(&secret, "hush\n").unwrap();
    std::fs::write(&settings, "eth-oidc-client-secret = \"hush\"\n").unwrap();
    let cases: [(&std::path::Path, &[&str]); 3] = [
        (
            &invites,
            &[
                "--signin=invite",
                &format!("--invites={}", invites.display()),
            ],
        ),
        (
            &secret,
            &[
                "--signin=github",
                "--github-client-id=us",
                &format!("--github-client-secret-file={}", secret.display()),
            ],
        ),
        (
            &settings,
            &[
                "--signin=oidc",
                "--eth-oidc-client-id=us",
                "--eth-oidc-auth-url=https://login.example.org/a",
                "--eth-oidc-token-url=https://login.example.org/t",
                "--eth-oidc-userinfo-url=https://login.example.org/u",
                &format!("--config={}", settings.display()),
            ],
        ),
    ];
    for (path, arguments) in cases {
        for (mode, warned) in [(0o644, true), (0o604, true), (0o640, false), (0o600, false)] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
            let data = directory.path().join("data");
            let program = Program::start(&data, arguments);
            let (_, log) = program.end(Signal::TERM);
            let path = path.display().to_string();
            let told = log.lines().any(|line| {
                line.contains("everybody on this machine may read") && line.contains(&path)
            });
            assert_eq!(told, warned, "{path} {mode:o}: {log}");
            assert!(!log.contains("hush"), "{log}");
        }
    }
}

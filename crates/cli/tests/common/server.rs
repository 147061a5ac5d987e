//! A coordinator of its own for each test: the real program, with small sizes and short deadlines.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use tauline_test_ports::free_address;

use super::{SIZES, tauline};

/// How long anything may take in a test. Generous, since other builds may be running on the same
/// processors.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A running coordinator. Killed when dropped.
pub(crate) struct Server {
    child: Child,
    dir: tempfile::TempDir,
    flags: Vec<String>,
    /// Its address.
    pub(crate) url: String,
}

impl Server {
    /// A coordinator with the tests' sizes and deadlines, and with these settings.
    pub(crate) fn start(flags: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let (child, url) = launch(&dir.path().join("data"), &free_address(), &flags);
        Self {
            child,
            dir,
            flags,
            url,
        }
    }

    /// A coordinator on this data directory, which is moved.
    pub(crate) fn start_on(data_dir: &Path, flags: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::rename(data_dir, dir.path().join("data")).unwrap();
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let (child, url) = launch(&dir.path().join("data"), &free_address(), &flags);
        Self {
            child,
            dir,
            flags,
            url,
        }
    }

    /// What a coordinator says that refuses to start on this data directory.
    pub(crate) fn refused_on(data_dir: &Path) -> String {
        let output = Command::new(program())
            .args(["--listen", "127.0.0.1:0", "--ceremony", SIZES, "--data-dir"])
            .arg(data_dir)
            .output()
            .unwrap();
        assert!(!output.status.success(), "it starts");
        super::stderr(&output)
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Kills it, whatever it is doing.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on the same data and address.
    pub(crate) fn restart(&mut self) {
        let address = self.url.strip_prefix("http://").unwrap().to_owned();
        (self.child, self.url) = launch(&self.data_dir(), &address, &self.flags);
    }

    /// Runs `tauline admin` on it. Returns the exit code, standard output and standard error.
    pub(crate) fn admin(&self, order: &[&str]) -> (i32, String, String) {
        let output = tauline()
            .current_dir(self.dir.path())
            .args(["admin", "--data-dir", "data"])
            .args(order)
            .output()
            .unwrap();
        let code = output.status.code().unwrap();
        (code, super::stdout(&output), super::stderr(&output))
    }

    /// The coordinator's address, which receipts recover to.
    pub(crate) fn coordinator(&self) -> String {
        let status = self.status();
        status["coordinatorAddress"].as_str().unwrap().to_owned()
    }

    /// The ceremony's status.
    pub(crate) fn status(&self) -> serde_json::Value {
        let output = tauline()
            .args(["status", "--json", "--server", &self.url])
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Waits until the status is as it should be.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, holds: impl Fn(&serde_json::Value) -> bool) {
        let since = Instant::now();
        while !holds(&self.status()) {
            assert!(
                since.elapsed() < PATIENCE,
                "{what} did not come: {:#}",
                self.status()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A coordinator that is to go on with another one's ceremony: it has a key, and has not started.
pub(crate) struct Successor {
    dir: tempfile::TempDir,
    /// Its public key.
    pub(crate) key: String,
    /// The address at which it will start.
    pub(crate) url: String,
}

impl Successor {
    /// Has its key made, and finds a free address.
    pub(crate) fn prepare() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let output = Command::new(program())
            .arg("--data-dir")
            .arg(dir.path().join("data"))
            .arg("public-key")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", super::stderr(&output));
        let text = super::stdout(&output);
        let key = text.trim_end().to_owned();
        assert_eq!(text, format!("{key}\n"), "one line");
        let is_hex = key.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(key.len() == 66 && is_hex, "{key}");
        let url = format!("http://{}", free_address());
        Self { dir, key, url }
    }

    /// Starts it with what the other one has handed over, and with these settings.
    pub(crate) fn take_over(self, bundle: &Path, flags: &[&str]) -> Server {
        let Self { dir, url, .. } = self;
        let bundle = bundle.to_str().unwrap();
        let more = ["--from-handover", bundle, "--public-url", &url];
        let flags = more.iter().chain(flags);
        let flags: Vec<String> = flags.map(|flag| (*flag).to_owned()).collect();
        let address = url.strip_prefix("http://").unwrap();
        let (child, url) = launch(&dir.path().join("data"), address, &flags);
        Server {
            child,
            dir,
            flags,
            url,
        }
    }
}

fn launch(data_dir: &Path, address: &str, flags: &[String]) -> (Child, String) {
    let mut command = Command::new(program());
    command
        .args(["--listen", address, "--data-dir"])
        .arg(data_dir);
    if !flags.iter().any(|flag| flag == "--ceremony") {
        command.args(["--ceremony", SIZES]);
    }
    let defaults = [
        ["--checkin-min", "1"],
        ["--checkin-grace", "2"],
        ["--start-limit", "3"],
        ["--login-rate", "0"],
        ["--anonymous-rate", "0"],
        ["--session-rate", "0"],
    ];
    for default in defaults {
        if !flags.iter().any(|flag| flag == default[0]) {
            command.args(default);
        }
    }
    command.args(flags);
    let log = data_dir.with_extension("log");
    command
        .stdout(Stdio::piped())
        .stderr(File::create(&log).unwrap());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next();
    let Some(url) = line.and_then(|line| Some(line.ok()?.split_once("http://")?.1.to_owned()))
    else {
        let _ = child.kill();
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        panic!("the coordinator did not start:\n{log}");
    };
    // Its standard output is drained, so that it never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    (child, format!("http://{}", url.trim()))
}

/// The server's program: `TAULINE_SERVER_BIN`, or the one beside this build's `tauline`, which is
/// built if it is missing.
fn program() -> PathBuf {
    static BUILD: Mutex<()> = Mutex::new(());
    if let Some(program) = std::env::var_os("TAULINE_SERVER_BIN") {
        return program.into();
    }
    let directory = Path::new(assert_cmd::cargo::cargo_bin!("tauline"))
        .parent()
        .unwrap();
    let program = directory.join(format!("tauline-server{}", std::env::consts::EXE_SUFFIX));
    let _one_at_a_time = BUILD.lock().unwrap();
    if !program.exists() {
        let profile = match directory.file_name().and_then(|name| name.to_str()) {
            Some("debug") => "dev",
            Some(profile) => profile,
            None => "dev",
        };
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--package",
                "tauline-server",
                "--bin",
                "tauline-server",
                "--profile",
            ])
            .arg(profile)
            .arg("--target-dir")
            .arg(directory.parent().unwrap())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(
            built.success() && program.exists(),
            "tauline-server cannot be built"
        );
    }
    program
}

/// A `tauline` that runs while the test goes on. Killed when dropped.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: String,
    /// Its terminal, if it has one.
    keys: Option<File>,
}

impl Running {
    /// Starts it in `dir`.
    pub(crate) fn start(dir: &Path, args: &[&str]) -> Self {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("tauline"))
            .current_dir(dir)
            .args(args)
            .env_remove("TAULINE_INVITE")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let outputs: Vec<Box<dyn Read + Send>> = vec![
            Box::new(child.stdout.take().unwrap()),
            Box::new(child.stderr.take().unwrap()),
        ];
        Self::listen(child, outputs, None)
    }

    fn listen(child: Child, outputs: Vec<Box<dyn Read + Send>>, terminal: Option<File>) -> Self {
        let (sender, lines) = channel();
        if let Some(mut terminal) = terminal {
            let sender = sender.clone();
            std::thread::spawn(move || {
                let mut piece = [0; 4096];
                while let Ok(len @ 1..) = terminal.read(&mut piece) {
                    let _ = sender.send(String::from_utf8_lossy(&piece[..len]).into_owned());
                }
            });
        }
        for output in outputs {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    let _ = sender.send(line + "\n");
                }
            });
        }
        Self {
            child,
            lines,
            seen: String::new(),
            keys: None,
        }
    }

    /// Waits until it says this.
    #[track_caller]
    pub(crate) fn says(&mut self, words: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.seen.contains(words) {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(piece) => self.seen.push_str(&piece),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("it does not say {words:?}, but:\n{}", self.seen)
                }
            }
        }
    }

    /// All that it has said so far.
    pub(crate) fn seen(&self) -> &str {
        &self.seen
    }

    /// Sends what Ctrl-C sends.
    #[cfg(unix)]
    pub(crate) fn interrupt(&self) {
        self.signal("-INT");
    }

    /// Sends a signal.
    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let kill = Command::new("kill").args([signal, &id]).status();
        assert!(kill.unwrap().success());
    }

    /// Starts it in `dir` with a terminal for its input and errors.
    #[cfg(unix)]
    pub(crate) fn at_a_terminal(dir: &Path, args: &[&str]) -> Self {
        Self::with_terminal(dir, args, (400, 50), false)
    }

    /// Starts it in `dir` with a terminal of 80 columns for all that it reads and writes.
    #[cfg(unix)]
    pub(crate) fn on_a_screen(dir: &Path, args: &[&str]) -> Self {
        Self::with_terminal(dir, args, (80, 24), true)
    }

    #[cfg(unix)]
    fn with_terminal(dir: &Path, args: &[&str], size: (u16, u16), draws: bool) -> Self {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let size = rustix::termios::Winsize {
            ws_row: size.1,
            ws_col: size.0,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        rustix::termios::tcsetwinsize(&terminal, size).unwrap();
        let open = || {
            let mut options = File::options();
            options.read(true).write(true);
            options.open(name.to_str().unwrap()).unwrap()
        };
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("tauline"));
        command
            .current_dir(dir)
            .args(args)
            .env_remove("TAULINE_INVITE")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("NO_COLOR")
            .env("TERM", "xterm")
            .stdin(open())
            .stderr(open());
        match draws {
            true => command.stdout(open()),
            false => command.stdout(Stdio::piped()),
        };
        let mut child = command.spawn().unwrap();
        // What it holds of the terminal is its own from here on: when it ends, so does what can be read.
        drop(command);
        let output = child.stdout.take();
        let output = output.map(|output| Box::new(output) as Box<dyn Read + Send>);
        let terminal = File::from(terminal);
        let keys = terminal.try_clone().unwrap();
        // Lines on a terminal do not end: they are filled with blanks.
        let mut running = Self::listen(child, output.into_iter().collect(), Some(terminal));
        running.keys = Some(keys);
        running
    }

    /// Presses keys on its terminal.
    pub(crate) fn press(&mut self, keys: &str) {
        use std::io::Write as _;
        let terminal = self.keys.as_mut().expect("a terminal");
        terminal.write_all(keys.as_bytes()).unwrap();
    }

    /// Forgets what it has said so far.
    pub(crate) fn forget(&mut self) {
        self.seen.clear();
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until it ends, and returns the exit code and all that it said.
    #[track_caller]
    pub(crate) fn ends(mut self) -> (i32, String) {
        let until = Instant::now() + PATIENCE;
        while let Ok(piece) = self
            .lines
            .recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            self.seen.push_str(&piece);
        }
        assert!(
            Instant::now() < until,
            "it does not end, but says:\n{}",
            self.seen
        );
        let status: ExitStatus = self.child.wait().unwrap();
        (
            status.code().expect("an exit code, not a signal"),
            self.seen.clone(),
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

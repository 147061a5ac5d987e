//! The real program: as it is, or within another that watches or limits it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tauline_protocol::admin::{AdminAnswer, AdminRequest, SOCKET_NAME};
use tauline_transcript::Sizes;

use crate::common::program;
use crate::trace;

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_tauline-server");

const SIZES: &str = "16:4,32:4";

/// How long the program may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// The sizes of the ceremonies.
pub(crate) fn sizes() -> Sizes {
    SIZES.parse().unwrap()
}

/// The program as it is.
pub(crate) fn plain() -> Command {
    Command::new(PROGRAM)
}

/// The program, with what it asks of the system written to a file.
pub(crate) fn traced(to: &Path) -> Command {
    let mut command = Command::new("strace");
    command
        .args(trace::ARGUMENTS)
        .arg("-o")
        .arg(to)
        .arg(PROGRAM);
    command
}

/// Whether `strace` can be used. If not, says loudly that the test shows nothing, or fails where
/// `TAULINE_REQUIRE_STRACE` is set.
pub(crate) fn can_trace() -> bool {
    let tried = Command::new("strace")
        .args(trace::ARGUMENTS)
        .args(["-o", "/dev/null", "true"])
        .output();
    let missing = match tried {
        Ok(tried) if tried.status.success() => return true,
        Ok(tried) => {
            let said = String::from_utf8_lossy(&tried.stderr).into_owned();
            format!("strace cannot trace here: {said}")
        }
        Err(_) => "there is no strace: apt-get install strace".to_owned(),
    };
    assert!(
        std::env::var_os("TAULINE_REQUIRE_STRACE").is_none(),
        "TAULINE_REQUIRE_STRACE is set, and {missing}"
    );
    eprintln!("SKIPPED: {missing}");
    false
}

/// A running program. Killed when dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    /// The program's own process.
    pub(crate) pid: Pid,
    /// What was started: the program, or what is around it.
    child: Child,
    has_ended: bool,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// What it wrote to standard error.
    pub(crate) said: String,
}

impl Ended {
    fn of(child: &mut Child) -> Self {
        let mut said = String::new();
        let mut stderr = child.stderr.take().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        let code = child.wait().unwrap().code();
        Self { code, said }
    }
}

impl Server {
    /// Starts the program that `command` names. How it ended, if it does not serve.
    pub(crate) fn try_start(mut command: Command, data: &Path) -> Result<Self, Ended> {
        // Whoever is in line keeps the place however slow the machine is, and nobody is passed.
        command
            .args(["--listen", "127.0.0.1:0", "--ceremony", SIZES])
            .args(["--log", "warn", "--threads", "1", "--passes", "0"])
            .args(["--checkin-min", "60", "--start-limit", "120"])
            .args(["--login-rate", "0", "--anonymous-rate", "0"])
            .args(["--session-rate", "0"])
            .arg("--data-dir")
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let line = program::first_line(&mut child);
        let Some(url) = program::address(&line) else {
            return Err(Ended::of(&mut child));
        };
        let number = std::fs::read_to_string(data.join("lock")).unwrap();
        let pid = Pid::from_raw(number.trim().parse().unwrap()).unwrap();
        Ok(Self {
            url,
            pid,
            child,
            has_ended: false,
        })
    }

    /// As [`try_start`](Self::try_start), where it has to serve.
    pub(crate) fn start(command: Command, data: &Path) -> Self {
        let started = Self::try_start(command, data);
        started.unwrap_or_else(|ended| panic!("the program does not serve: {ended:?}"))
    }

    /// Sends a signal, and waits for the end.
    pub(crate) fn end(mut self, signal: Signal) -> Ended {
        kill_process(self.pid, signal).unwrap();
        self.has_ended = true;
        Ended::of(&mut self.child)
    }

    /// Waits until the program has ended by itself.
    pub(crate) fn ended(mut self) -> Ended {
        let since = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(since.elapsed() < PATIENCE, "the program does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.has_ended = true;
        Ended::of(&mut self.child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.has_ended {
            let _ = kill_process(self.pid, Signal::KILL);
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// What the operator's socket answers.
pub(crate) fn ask(data: &Path, request: &AdminRequest) -> AdminAnswer {
    let mut stream = UnixStream::connect(data.join(SOCKET_NAME)).unwrap();
    let mut line = serde_json::to_vec(request).unwrap();
    line.push(b'\n');
    stream.write_all(&line).unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    serde_json::from_str(&answer).unwrap()
}

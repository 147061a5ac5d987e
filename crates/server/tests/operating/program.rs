//! The coordinator's own program, and its log while it runs.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{SMALL, program};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A coordinator. Killed when dropped.
pub(crate) struct Program {
    child: Child,
    pub(crate) url: String,
    lines: Receiver<String>,
    log: String,
}

impl Program {
    pub(crate) fn start(data: &Path, arguments: &[String]) -> Self {
        Self::start_in(data, arguments, &[])
    }

    /// Starts it with these variables in its environment.
    pub(crate) fn start_in(data: &Path, arguments: &[String], variables: &[(&str, &str)]) -> Self {
        let mut child = command(data, arguments)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = program::first_line(&mut child);
        let (sender, lines) = channel();
        let stderr = child.stderr.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                let _ = sender.send(line.unwrap());
            }
        });
        let mut program = Self {
            child,
            url: String::new(),
            lines,
            log: String::new(),
        };
        match program::address(&said) {
            Some(url) => program.url = url,
            None => panic!("it does not start: {}", program.rest()),
        }
        program
    }

    /// Waits until a line of the log holds this; gives the line.
    #[track_caller]
    pub(crate) fn says(&mut self, words: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("no {words:?} in:\n{}", self.log));
            self.log.push_str(&line);
            self.log.push('\n');
            if line.contains(words) {
                return line;
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Ends it as a service manager does. Gives the exit and all of its log.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        self.signal(Signal::TERM);
        let exit = self.child.wait().unwrap();
        (exit, self.rest())
    }

    fn rest(&mut self) -> String {
        for line in self.lines.iter() {
            self.log.push_str(&line);
            self.log.push('\n');
        }
        std::mem::take(&mut self.log)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A start that is refused: the exit code and what it says.
pub(crate) fn refused(data: &Path, arguments: &[String]) -> (Option<i32>, String) {
    refused_in(data, arguments, &[])
}

/// A start that is refused, with these variables in its environment.
pub(crate) fn refused_in(
    data: &Path,
    arguments: &[String],
    variables: &[(&str, &str)],
) -> (Option<i32>, String) {
    let mut command = command(data, arguments);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), error)
}

fn command(data: &Path, arguments: &[String]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("tauline-server"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("TAULINE_") || name.starts_with("OTEL_") {
            command.env_remove(name.as_ref());
        }
    }
    command
        .args(["--listen=127.0.0.1:0", "--ceremony", SMALL])
        .args(["--login-rate=0", "--anonymous-rate=0", "--session-rate=0"])
        .arg("--data-dir")
        .arg(data)
        .args(arguments);
    command
}

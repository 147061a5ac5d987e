//! The real program, stopped (SIGSTOP) while others are in the middle of something, and continued:
//! what they had no chance to do meanwhile does not count against them.
#![allow(clippy::unwrap_used)]

mod common;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tauline_protocol::error::Code;
use tauline_transcript::Sizes;

use common::raw::Raw;
use common::{Client, program};

const SIZES: &str = "16:4,32:4";

/// Time for the head or a pause in the body, in seconds.
const BODY_TIMEOUT: &str = "3";
/// How long the program is stopped: longer, but no absence of the coordinator.
const STOP: Duration = Duration::from_secs(8);

struct Program {
    child: Child,
    url: String,
}

impl Program {
    fn start(data: &std::path::Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tauline-server"))
            .args(["--listen", "127.0.0.1:0", "--ceremony", SIZES])
            .args(["--body-timeout", BODY_TIMEOUT, "--log", "warn"])
            .args(["--login-rate", "0", "--anonymous-rate", "0"])
            .arg("--data-dir")
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let line = program::first_line(&mut child);
        let url = program::address(&line).unwrap_or_else(|| panic!("{line:?}"));
        Self { child, url }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Stops the program for a while.
    async fn stop_for(&self, time: Duration) {
        self.signal(Signal::STOP);
        tokio::time::sleep(time).await;
        self.signal(Signal::CONT);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_a_body_nor_a_head_is_late_because_the_program_was_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::start(directory.path());
    let sizes: Sizes = SIZES.parse().unwrap();
    let mut holder = Client::with_key(&program.url, 1);
    holder.sign_in().await.expect_ok();
    holder.join().await;
    let base = holder.start(&sizes).await;
    let good = holder.contribution(&base).to_json().unwrap();
    let (first, rest) = good.split_at(good.len() / 2);

    let token = holder.token.clone();
    let mut upload = Raw::connect(&program.url).await;
    let headers = format!(
        "Content-Type: application/json\r\nContent-Length: {}\r\n",
        good.len()
    );
    upload
        .head("POST", "/contribution/complete", token.as_deref(), &headers)
        .await;
    upload.send(first).await;
    let mut small = Raw::connect(&program.url).await;
    small
        .head("POST", "/login", None, "Content-Length: 2\r\n")
        .await;
    small.send("{").await;
    let mut head = Raw::connect(&program.url).await;
    head.send("GET /ceremony/status HTTP/1.1\r\n").await;
    // They have been seen when somebody who came later is answered.
    holder.status().await;
    program.stop_for(STOP).await;
    // Nobody sends at the very moment at which the program goes on.
    tokio::time::sleep(Duration::from_millis(700)).await;
    upload.send(rest).await;
    small.send("}").await;
    head.send("Host: test\r\n\r\n").await;
    upload.answer().await.expect_ok();
    small.answer().await.expect_error(Code::MalformedBody);
    head.answer().await.expect_ok();

    // And time goes on: who sends nothing now is late.
    let mut late = Raw::connect(&program.url).await;
    late.head("POST", "/login", None, "Content-Length: 2\r\n")
        .await;
    late.answer().await.expect_error(Code::BodyTimeout);
}

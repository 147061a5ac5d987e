//! `kill -9` of the real program at random moments of a small ceremony: everything acknowledged
//! is there after each restart, nobody loses a place, and the transcript verifies.
#![allow(clippy::unwrap_used)]

#[path = "common/http.rs"]
mod http;
#[path = "common/program.rs"]
mod program;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rand::{Rng as _, SeedableRng as _};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tauline_protocol::Identity;
use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::login::LoginAnswer;
use tauline_protocol::status::{CeremonyStatus, EndedWord, QueueStatus, QueueWord};
use tauline_transcript::transcript::{ExpectedSizes, Options, verify_transcript};
use tauline_transcript::{Base, RawContribution, Sizes, contribute};

const SIZES: &str = "16:4,32:4,64:4,128:4";

/// How often the program is killed.
const KILLS: usize = 50;

/// Participants before the first kill; one more joins before each, so that something happens in
/// every life of the program.
const EARLY: usize = 10;

/// The longest time between two kills, milliseconds: a turn or two.
const LONGEST_LIFE: u64 = 500;

/// A running `tauline-server`; killed when dropped.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(data: &Path, invites: &Path, listen: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tauline-server"))
            .args([
                "--listen",
                listen,
                "--ceremony",
                SIZES,
                "--signin",
                "invite",
            ])
            .args([
                "--login-rate",
                "0",
                "--anonymous-rate",
                "0",
                "--session-rate",
                "0",
            ])
            .arg("--data-dir")
            .arg(data)
            .arg("--invites")
            .arg(invites)
            .args(["--log", "warn"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let line = program::first_line(&mut child);
        let url = program::address(&line);
        let url = url.unwrap_or_else(|| panic!("the server did not start: {line:?}"));
        Self { child, url }
    }

    /// SIGKILL, which no program can do anything about.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Somebody who takes part and writes down what was acknowledged.
struct Participant {
    http: Client,
    url: String,
    code: String,
    identity: Identity,
    sizes: Sizes,
    token: Option<String>,
    ticket: Option<u64>,
}

impl Participant {
    /// Sends until there is an answer; whoever got one may rely on it.
    async fn post(&self, path: &str, body: Option<Vec<u8>>) -> (StatusCode, Vec<u8>) {
        loop {
            let mut request = self.http.post(format!("{}{path}", self.url));
            if let Some(token) = &self.token {
                request = request.bearer_auth(token);
            }
            if let Some(body) = &body {
                request = request
                    .header("content-type", "application/json")
                    .body(body.clone());
            }
            if let Ok(response) = request.send().await {
                let status = response.status();
                if let Ok(bytes) = response.bytes().await
                    && status != StatusCode::SERVICE_UNAVAILABLE
                {
                    return (status, bytes.to_vec());
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn status(&mut self, path: &str) -> QueueStatus {
        let (code, body) = self.post(path, None).await;
        assert_eq!(code, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
        let status: QueueStatus = serde_json::from_slice(&body).unwrap();
        // The place that was acknowledged is the place that it has.
        if self.ticket.is_some() {
            assert_eq!(status.ticket, self.ticket, "{status:?}");
        }
        assert!(
            matches!(status.ended, None | Some(EndedWord::Contributed)),
            "lost its place: {status:?}"
        );
        status
    }

    async fn take_part(mut self) -> (Identity, u64, SignedReceipt) {
        let login = serde_json::to_vec(&json!({"invite": self.code})).unwrap();
        let (code, body) = self.post("/login", Some(login)).await;
        assert_eq!(code, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
        let LoginAnswer {
            token, identity, ..
        } = serde_json::from_slice(&body).unwrap();
        assert_eq!(identity, self.identity);
        self.token = Some(token);
        let mut status = self.status("/queue/join").await;
        self.ticket = status.ticket;
        let mut acknowledged = None;
        loop {
            match status.queue_status {
                QueueWord::ReadyToContribute | QueueWord::Contributing => {
                    if let Some(receipt) = self.contribute().await {
                        acknowledged = Some(receipt);
                    }
                }
                QueueWord::Contributed => {
                    let receipt = status.receipt.unwrap();
                    if let Some(acknowledged) = acknowledged {
                        assert_eq!(acknowledged, receipt);
                    }
                    return (self.identity, self.ticket.unwrap(), receipt);
                }
                QueueWord::Queued | QueueWord::Verifying => {}
                QueueWord::NotQueued | QueueWord::Expired => panic!("{status:?}"),
            }
            status = self.status("/queue/checkin?wait=5").await;
        }
    }

    /// One attempt, which a restart may have overtaken.
    async fn contribute(&self) -> Option<SignedReceipt> {
        let (code, body) = self.post("/contribution/start", None).await;
        if code != StatusCode::OK {
            return None;
        }
        let base = RawContribution::from_json(&body).unwrap();
        let base = Base::decode(&base, &self.sizes).unwrap();
        let update = contribute(&base, &mut rand_core::OsRng, b"", &|_| ());
        let body = update.sign(&self.identity, None).to_json().unwrap();
        let (code, body) = self.post("/contribution/complete", Some(body)).await;
        // Another upload than the one that was verified meanwhile: never is it refused as bad.
        if code == StatusCode::CONFLICT {
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["code"], "Queue::EarlierOneCounted", "{body}");
            return None;
        }
        assert_eq!(code, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
        Some(serde_json::from_slice(&body).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_by_kill_9_at_random_moments() {
    let seed: u64 = std::env::var("TAULINE_KILL_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(rand::random);
    println!("TAULINE_KILL_SEED={seed}");
    let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
    let directory = tempfile::tempdir().unwrap();
    let (data, invites) = (
        directory.path().join("data"),
        directory.path().join("invites"),
    );
    let list: String = (0..KILLS + EARLY)
        .map(|n| format!("p{n} secret-code-of-{n}\n"))
        .collect();
    std::fs::write(&invites, list).unwrap();
    let mut server = Server::start(&data, &invites, "127.0.0.1:0");
    let url = server.url.clone();
    let listen = url.trim_start_matches("http://").to_owned();
    let sizes: Sizes = SIZES.parse().unwrap();

    let http = http::client().build().unwrap();
    let mut comers = (0..KILLS + EARLY).map(|n| {
        let participant = Participant {
            http: http.clone(),
            url: url.clone(),
            code: format!("secret-code-of-{n}"),
            identity: Identity::invite(&format!("p{n}")).unwrap(),
            sizes: sizes.clone(),
            token: None,
            ticket: None,
        };
        tokio::spawn(participant.take_part())
    });
    let mut everybody: Vec<_> = comers.by_ref().take(EARLY).collect();
    for _ in 0..KILLS {
        everybody.extend(comers.next());
        let life = Duration::from_millis(rng.gen_range(0..LONGEST_LIFE));
        tokio::time::sleep(life).await;
        server = tokio::task::block_in_place(|| {
            server.kill();
            Server::start(&data, &invites, &listen)
        });
    }
    let mut finished = Vec::new();
    for one in everybody {
        finished.push(one.await.unwrap());
    }
    drop(server);
    let server = Server::start(&data, &invites, &listen);

    let status: CeremonyStatus = http
        .get(format!("{url}/ceremony/status"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(status.contributions, (KILLS + EARLY) as u64);
    finished.sort_by_key(|(_, ticket, _)| *ticket);
    for (identity, _, receipt) in &finished {
        assert_eq!(
            receipt
                .verify(&status.coordinator_address)
                .unwrap()
                .identity,
            *identity
        );
    }
    let transcript = http
        .get(format!("{url}/ceremony/transcript"))
        .send()
        .await
        .unwrap();
    let transcript = transcript.bytes().await.unwrap();
    let options = Options {
        sizes: ExpectedSizes::These(sizes),
        ..Options::default()
    };
    verify_transcript(&transcript[..], &options, &mut rand_core::OsRng, &|_| ()).unwrap();
    // In the order of tickets, each once.
    let transcript: Value = serde_json::from_slice(&transcript).unwrap();
    let listed: Vec<_> = transcript["participantIds"]
        .as_array()
        .unwrap()
        .iter()
        .skip(1)
        .collect();
    let expected: Vec<_> = finished
        .iter()
        .map(|(identity, _, _)| json!(identity))
        .collect();
    assert_eq!(listed, expected.iter().collect::<Vec<_>>());
    drop(server);
}

//! A process that is suspended and goes on (SIGSTOP, SIGCONT; a machine that sleeps): whoever waits,
//! is about to start or uploads loses nothing, however long it took.
#![allow(clippy::unwrap_used, clippy::too_many_lines)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::stream;
use reqwest::{Body, Client, RequestBuilder, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tauline_protocol::Identity;
use tauline_protocol::login::LoginAnswer;
use tauline_protocol::status::{QueueStatus, QueueWord};
use tauline_transcript::{Base, RawContribution, contribute};
use tempfile::TempDir;

const SIZES: &str = "16:4,32:4,64:4,128:4";

struct Server {
    child: Child,
    url: String,
    _data: TempDir,
}

impl Server {
    /// With the default deadlines.
    fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let invites = data.path().join("invites");
        std::fs::write(
            &invites,
            "anna code-anna\nbert code-bert\ncleo code-cleo\ndora code-dora\nemil code-emil\n",
        )
        .unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_tauline-server"))
            .args(["--listen", "127.0.0.1:0", "--ceremony", SIZES])
            .args(["--signin", "invite", "--log", "warn"])
            .arg("--data-dir")
            .arg(data.path().join("data"))
            .arg("--invites")
            .arg(&invites)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let url = line.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(url.starts_with("http://"), "did not start: {line:?}");
        Self {
            child,
            url,
            _data: data,
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    /// Suspends the process for so long.
    async fn pause(&self, seconds: u64) {
        self.signal(Signal::STOP);
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        self.signal(Signal::CONT);
    }

    async fn sign_in(&self, name: &str) -> Person {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::new();
        let invite = json!({ "invite": format!("code-{name}") });
        let answer = http.post(format!("{}/login", self.url)).json(&invite);
        let answer: LoginAnswer = answer.send().await.unwrap().json().await.unwrap();
        Person {
            http,
            url: self.url.clone(),
            token: answer.token,
            identity: answer.identity,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Clone)]
struct Person {
    http: Client,
    url: String,
    token: String,
    identity: Identity,
}

impl Person {
    fn post(&self, path: &str) -> RequestBuilder {
        let request = self.http.post(format!("{}{path}", self.url));
        request.bearer_auth(&self.token)
    }

    async fn status(&self, path: &str) -> QueueStatus {
        self.post(path).send().await.unwrap().json().await.unwrap()
    }

    async fn contribution(&self) -> Vec<u8> {
        let answer = self.post("/contribution/start").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let state = RawContribution::from_json(&answer.bytes().await.unwrap()).unwrap();
        let base = Base::decode(&state, &SIZES.parse().unwrap()).unwrap();
        let update = contribute(&base, &mut rand_core::OsRng, b"", &|_| ());
        update.sign(&self.identity, None).to_json().unwrap()
    }
}

async fn nobody_loses_anything(pause: u64) {
    let server = Server::start();
    let mut people = Vec::new();
    for name in ["anna", "bert", "cleo", "dora", "emil"] {
        people.push(server.sign_in(name).await);
    }
    let [anna, bert, cleo, dora, emil] = <[Person; 5]>::try_from(people).ok().unwrap();
    for person in [&anna, &bert, &cleo] {
        person.status("/queue/join").await;
    }
    // One with the turn, half of whose upload is on its way; a held check-in; a stream; a client that
    // polls; and one who comes back every few seconds.
    let body = anna.contribution().await;
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let (first, second) = body.split_at(body.len() / 2);
    let (first, second) = (first.to_vec(), second.to_vec());
    let pieces = stream::once(async move { Ok::<_, std::io::Error>(first) });
    let rest = stream::once(async move {
        let _ = receiver.await;
        Ok(second)
    });
    let pieces = futures_util::StreamExt::chain(pieces, rest);
    let upload = anna
        .post("/contribution/complete")
        .header("content-type", "application/json")
        .header("content-length", body.len())
        .body(Body::wrap_stream(pieces));
    let upload = tokio::spawn(upload.send());
    let held = tokio::spawn(bert.post("/queue/checkin?wait=60").send());
    let events = cleo.http.get(format!("{}/queue/events", cleo.url));
    let mut events = events.bearer_auth(&cleo.token).send().await.unwrap();
    events.chunk().await.unwrap().unwrap();
    let poll = tokio::spawn(dora.post("/lobby/try_contribute").send());
    let joined = emil.status("/queue/join").await;
    assert!(joined.queue_position >= Some(3), "{joined:?}");
    tokio::time::sleep(Duration::from_millis(500)).await;

    server.pause(pause).await;

    // Late by two seconds after its check-in was due, and so within the grace.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let emil = emil.status("/queue/checkin").await;
    assert_eq!(emil.queue_status, QueueWord::Queued, "{pause} s: {emil:?}");
    sender.send(()).unwrap();
    let receipt = upload.await.unwrap().unwrap();
    let (status, text) = (receipt.status(), receipt.text().await.unwrap());
    assert_eq!(status, StatusCode::OK, "{pause} s: {text}");
    let mut called: QueueStatus = held.await.unwrap().unwrap().json().await.unwrap();
    if called.queue_status == QueueWord::Queued {
        // Its minute was over before the turn was free.
        called = bert.status("/queue/checkin?wait=5").await;
    }
    assert_eq!(
        called.queue_status,
        QueueWord::ReadyToContribute,
        "{pause} s"
    );
    let cleo = cleo.status("/queue/checkin").await;
    assert_eq!(
        (cleo.queue_status, cleo.passed),
        (QueueWord::Queued, 0),
        "{pause} s"
    );
    assert!(!poll.is_finished() || poll.await.unwrap().unwrap().status().is_success());

    // The one whose turn it is has sent its start while nobody was there to hear it.
    let start = tokio::spawn({
        let bert = bert.clone();
        async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            bert.post("/contribution/start")
                .send()
                .await
                .unwrap()
                .status()
        }
    });
    server.pause(pause).await;
    assert_eq!(start.await.unwrap(), StatusCode::OK, "{pause} s");
}

/// All at once: each waits most of the time (`docs/spec/known-faults.md#frozen-process`).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_suspended_costs_nobody_anything() {
    let pauses = [3, 8, 12, 20, 38, 60].map(|pause| tokio::spawn(nobody_loses_anything(pause)));
    for pause in pauses {
        pause.await.unwrap();
    }
}

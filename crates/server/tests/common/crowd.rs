//! People who take part whatever happens to the coordinator. They send until there is an answer, write
//! down what was acknowledged, and hold the coordinator to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tauline_log::tree::TreeHead;
use tauline_protocol::Identity;
use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::keepsake::{KEEPSAKE_VERSION, Keepsake, KeptStay};
use tauline_protocol::login::LoginAnswer;
use tauline_protocol::statement::{PromisedPhase, SignedStatement, Statement};
use tauline_protocol::status::{CeremonyStatus, EndedWord, QueueStatus, QueueWord};
use tauline_transcript::transcript::{ExpectedSizes, Options, verify_transcript};
use tauline_transcript::{Base, RawContribution, contribute};
use tokio::task::JoinHandle;

use super::log::download;
use super::{Client, real};

/// What one of them was told and signed.
#[derive(Default)]
pub struct Kept(Option<Keepsake>);

impl Kept {
    /// Keeps what is signed in an answer. Nobody joins twice here.
    pub fn hear(&mut self, status: &QueueStatus) {
        if let Some(signed) = &status.signed_ticket {
            let kept = self.0.get_or_insert_with(|| Keepsake {
                v: KEEPSAKE_VERSION,
                server: "http://a.test".to_owned(),
                origin: signed.origin.clone(),
                log_key: signed.log_key.clone(),
                identity: status.id.clone(),
                nonce: Some(signed.nonce),
                stays: vec![KeptStay {
                    ticket: signed.ticket.clone(),
                    checkpoint: Some(signed.checkpoint.clone()),
                    waiting: None,
                    ready: None,
                }],
                refusals: Vec::new(),
                checkpoint: None,
                receipt: None,
            });
            kept.checkpoint = Some(signed.checkpoint.clone());
        }
        let Some(kept) = &mut self.0 else {
            return;
        };
        if let Some(promise) = &status.promise {
            let signed = SignedStatement::parse(promise.as_bytes()).unwrap();
            let Statement::Promise(said) = signed.unverified() else {
                panic!("this is no promise: {promise}");
            };
            match said.phase {
                PromisedPhase::Waiting => kept.stays[0].waiting = Some(promise.clone()),
                PromisedPhase::Ready => kept.stays[0].ready = Some(promise.clone()),
            }
        }
        if let Some(receipt) = &status.receipt {
            kept.receipt = Some(receipt.clone());
        }
    }

    /// All of it, of somebody who has joined.
    pub fn keepsake(self) -> Keepsake {
        self.0.expect("whoever joins is given a signed ticket")
    }
}

/// Somebody who has contributed.
pub struct Done {
    identity: Identity,
    ticket: u64,
    receipt: SignedReceipt,
    keepsake: Keepsake,
}

struct Participant {
    http: reqwest::Client,
    /// Where the coordinator is; each request goes to the next of them.
    urls: Arc<[String]>,
    next: AtomicUsize,
    code: String,
    identity: Identity,
    token: Option<String>,
    ticket: Option<u64>,
    kept: Kept,
}

impl Participant {
    /// Sends until there is an answer; whoever got one may rely on it.
    async fn post(&self, path: &str, body: Option<Vec<u8>>) -> (StatusCode, Vec<u8>) {
        loop {
            let next = self.next.fetch_add(1, Ordering::Relaxed);
            let url = &self.urls[next % self.urls.len()];
            let mut request = self.http.post(format!("{url}{path}"));
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
        self.kept.hear(&status);
        status
    }

    async fn take_part(mut self) -> Done {
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
                    return Done {
                        identity: self.identity,
                        ticket: self.ticket.unwrap(),
                        receipt,
                        keepsake: self.kept.keepsake(),
                    };
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
        let base = Base::decode(&base, &real::sizes()).unwrap();
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

/// All who take part.
pub struct Crowd {
    http: reqwest::Client,
    urls: Arc<[String]>,
    people: Vec<JoinHandle<Done>>,
}

impl Crowd {
    /// Nobody yet. They will go to the coordinator at this address.
    pub fn at(url: &str) -> Self {
        Self::among([url.to_owned()])
    }

    /// Nobody yet. They will go to all of these replicas of a coordinator, by turns.
    pub fn among(urls: impl IntoIterator<Item = String>) -> Self {
        Self {
            http: super::http::client().build().unwrap(),
            urls: urls.into_iter().collect(),
            people: Vec::new(),
        }
    }

    /// The same people, who ask elsewhere when an answer takes longer than that.
    pub fn giving_up_after(self, limit: Duration) -> Self {
        let http = super::http::client().timeout(limit);
        Self {
            http: http.build().unwrap(),
            ..self
        }
    }

    /// So many more come.
    pub fn come(&mut self, count: usize) {
        for number in self.people.len()..self.people.len() + count {
            let participant = Participant {
                http: self.http.clone(),
                urls: Arc::clone(&self.urls),
                next: AtomicUsize::new(number),
                code: real::code(number),
                identity: Identity::invite(&real::name(number)).unwrap(),
                token: None,
                ticket: None,
                kept: Kept::default(),
            };
            self.people.push(tokio::spawn(participant.take_part()));
        }
    }

    /// How many have not contributed yet.
    pub fn unfinished(&self) -> usize {
        self.people.iter().filter(|it| !it.is_finished()).count()
    }

    /// Waits until all have contributed. Then nothing is missing of what they were told, nor any of
    /// the checkpoints that were shown.
    pub async fn assert_kept(self, shown: impl Future<Output = Vec<TreeHead>>) {
        let mut done = Vec::new();
        for one in self.people {
            done.push(one.await.unwrap());
        }
        done.sort_by_key(|one| one.ticket);
        let client = Client::new(&self.urls[0]);
        let status = client.status().await;
        assert_eq!(status.contributions, done.len() as u64);
        check_receipts(&done, &status);
        check_transcript(&client, &done).await;
        let shown = shown.await;
        assert!(!shown.is_empty(), "no checkpoint was seen");
        let kept: Vec<Keepsake> = done.into_iter().map(|one| one.keepsake).collect();
        let log = download(&client).await;
        for head in &shown {
            let now = log.tree.at(head.size).unwrap().head();
            assert_eq!(now, *head, "the log does not extend what was shown");
        }
        let report = log.assert_fair(&shown, &kept);
        assert_eq!(report.statistics.outcomes.contributed, status.contributions);
    }
}

fn check_receipts(done: &[Done], status: &CeremonyStatus) {
    for one in done {
        let receipt = one.receipt.verify(&status.coordinator_address).unwrap();
        assert_eq!(receipt.identity, one.identity);
    }
}

/// The transcript holds, and has them all: in the order of tickets, each once.
async fn check_transcript(client: &Client, done: &[Done]) {
    let transcript = client.get("/ceremony/transcript").await.expect_ok();
    let options = Options {
        sizes: ExpectedSizes::These(real::sizes()),
        ..Options::default()
    };
    let document = &transcript.bytes[..];
    verify_transcript(document, &options, &mut rand_core::OsRng, &|_| ()).unwrap();
    let transcript: Value = transcript.json();
    let listed = transcript["participantIds"].as_array().unwrap();
    let expected: Vec<Value> = done.iter().map(|one| json!(one.identity)).collect();
    assert_eq!(listed[1..], expected);
}

//! A ceremony with somebody in a given situation, and what clients do there.

use std::time::Duration;

use serde_json::Value;
use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::sequencer::Code;
use tauline_protocol::status::QueueWord;
use tauline_queue_core::Ticket;
use tauline_server::testing::coordinator::Order;
use tauline_transcript::{Base, RawContribution};

use crate::common::{Answer, Client, TestServer};

/// The call that these clients repeat.
pub(crate) const POLL: &str = "/lobby/try_contribute";

/// Where somebody stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Has not signed in.
    Anonymous,
    /// Sends a session that nobody has.
    Unknown,
    /// Has signed in and done nothing yet.
    SignedIn,
    /// Is in line behind somebody who contributes.
    Waiting,
    /// Has got the state.
    Contributing,
    /// Has contributed.
    Accepted,
    /// Has got the state and let the deadline pass.
    TimedOut,
    /// Stood in line and did not poll again.
    Absent,
    /// Has given its turn up.
    Aborted,
    /// Stood in line and was expelled.
    Expelled,
    /// Has signed in to a ceremony that takes no entries.
    Drained,
}

/// Somebody in a situation, on a clock that stands still.
pub(crate) struct Scene {
    pub(crate) server: TestServer,
    pub(crate) subject: Client,
    /// Contributes while the subject waits.
    pub(crate) ahead: Client,
    /// What the subject builds on, once it has got it.
    pub(crate) base: Option<Base>,
    /// What the subject has handed in.
    pub(crate) handed_in: Option<(Vec<u8>, Vec<u8>)>,
}

impl Scene {
    pub(crate) async fn set(when: When) -> Self {
        Self::with(when, &[]).await
    }

    pub(crate) async fn with(when: When, flags: &[(&str, &str)]) -> Self {
        let mut all = vec![("lobby-hold", "0")];
        all.extend(flags);
        let server = TestServer::at_noon(&all).await;
        let subject = match when {
            When::Anonymous => server.anonymous(),
            When::Unknown => {
                let mut client = server.anonymous();
                client.token = Some("0c9ae0a5-5a4d-4c9a-9d2f-2f6f3c3d8a11".to_owned());
                client
            }
            _ => server.client(1).await,
        };
        let ahead = server.client(2).await;
        let mut scene = Self {
            server,
            subject,
            ahead,
            base: None,
            handed_in: None,
        };
        match when {
            When::Anonymous | When::Unknown | When::SignedIn => {}
            When::Waiting => {
                scene.base(&scene.ahead.post(POLL).await);
                assert_waits(&scene.subject.post(POLL).await);
            }
            When::Contributing => scene.get_base().await,
            When::Accepted => {
                scene.get_base().await;
                let body = scene.good();
                let answer = scene.contribute(body.clone()).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
                scene.handed_in = Some((body, answer.bytes));
            }
            When::TimedOut => {
                scene.get_base().await;
                scene.server.pass(Duration::from_secs(186)).await;
            }
            When::Absent => {
                scene.base(&scene.ahead.post(POLL).await);
                assert_waits(&scene.subject.post(POLL).await);
                scene.server.pass(Duration::from_secs(7200)).await;
            }
            When::Aborted => {
                scene.get_base().await;
                let answer = scene.subject.post("/contribute/abort").await;
                assert_eq!(answer.status, 200, "{}", answer.text());
            }
            When::Expelled => {
                scene.base(&scene.ahead.post(POLL).await);
                assert_waits(&scene.subject.post(POLL).await);
                let order = Order::Expel {
                    ticket: Ticket::new(2),
                    reason: "it floods the coordinator".parse().unwrap(),
                };
                let coordinator = scene.server.running().coordinator();
                coordinator.order(order).await.unwrap();
            }
            When::Drained => {
                let coordinator = scene.server.running().coordinator();
                coordinator.order(Order::Drain).await.unwrap();
            }
        }
        scene
    }

    async fn get_base(&mut self) {
        let answer = self.subject.post(POLL).await;
        self.base = Some(self.base(&answer));
    }

    /// The state in an answer.
    #[track_caller]
    pub(crate) fn base(&self, answer: &Answer) -> Base {
        base(&self.server, answer)
    }

    /// A good contribution of the subject's.
    pub(crate) fn good(&self) -> Vec<u8> {
        let base = self.base.as_ref().expect("has got the state");
        self.subject.contribution(base).to_json().unwrap()
    }

    pub(crate) async fn contribute(&self, body: Vec<u8>) -> Answer {
        contribute(&self.subject, body).await
    }

    /// The subject's turn still runs, and its contribution is taken.
    pub(crate) async fn turn_goes_on(&self) {
        let turn = self.subject.status().await.turn.expect("a turn runs");
        assert_eq!(turn.phase, QueueWord::Contributing);
        let answer = self.contribute(self.good()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[track_caller]
pub(crate) fn base(server: &TestServer, answer: &Answer) -> Base {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let document = RawContribution::from_json(&answer.bytes)
        .unwrap_or_else(|error| panic!("{error}: {}", answer.text()));
    Base::decode(&document, &server.sizes()).unwrap()
}

pub(crate) async fn contribute(client: &Client, body: Vec<u8>) -> Answer {
    client
        .post_bytes("/contribute", "application/json", body)
        .await
}

/// Polls, computes and hands in; the poll must find its turn come.
pub(crate) async fn take_turn(server: &TestServer, client: &Client) -> SignedReceipt {
    let base = base(server, &client.post(POLL).await);
    let body = client.contribution(&base).to_json().unwrap();
    contribute(client, body).await.expect_ok().json()
}

/// Exactly `code` and `error`, with the code's status.
#[track_caller]
pub(crate) fn assert_said(answer: &Answer, code: Code, error: &str) {
    assert_eq!(answer.status, code.status(), "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body: Value = answer.json();
    assert_eq!(
        body,
        serde_json::json!({"code": code.as_str(), "error": error})
    );
}

#[track_caller]
pub(crate) fn assert_waits(answer: &Answer) {
    assert_said(
        answer,
        Code::AnotherContributionInProgress,
        "another contribution in progress",
    );
}

//! A turn that runs, somebody who waits behind it, and the proof that it was not disturbed.

use serde_json::Value;
use tauline_protocol::error::Code;
use tauline_protocol::status::QueueWord;
use tauline_transcript::Base;

use super::raw::Raw;
use super::{Answer, Client, TestServer, alter_json};

pub const JSON: &str = "application/json";
pub const MSGPACK: &str = "application/msgpack";

pub struct Turn {
    pub server: TestServer,
    /// Has started and has not submitted.
    pub holder: Client,
    /// Is next in line.
    pub waiter: Client,
    /// What the holder builds on.
    pub base: Base,
}

impl Turn {
    pub async fn begin() -> Self {
        Self::on(TestServer::start().await).await
    }

    pub async fn on(server: TestServer) -> Self {
        let (holder, waiter) = (server.client(1).await, server.client(2).await);
        assert_eq!(
            holder.join().await.queue_status,
            QueueWord::ReadyToContribute
        );
        let base = holder.start(&server.sizes()).await;
        assert_eq!(waiter.join().await.queue_status, QueueWord::Queued);
        Self {
            server,
            holder,
            waiter,
            base,
        }
    }

    /// A good contribution of the holder's, as JSON bytes.
    pub fn good(&self) -> Vec<u8> {
        self.holder.contribution(&self.base).to_json().unwrap()
    }

    /// The holder sends bytes as its contribution.
    pub async fn complete(&self, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.holder
            .post_bytes("/contribution/complete", content_type, body)
            .await
    }

    /// The holder's contribution as JSON, with a change.
    pub fn altered(&self, change: impl FnOnce(&mut Value)) -> Vec<u8> {
        alter_json(&self.holder.contribution(&self.base), change)
    }

    /// The head of the holder's upload; its body follows.
    pub async fn begin_upload(&self, headers: &str) -> Raw {
        let mut raw = Raw::connect(&self.server.url()).await;
        let token = self.holder.token.as_deref();
        raw.head("POST", "/contribution/complete", token, headers)
            .await;
        raw
    }

    /// The holder sends each of these and is refused; then its turn goes on.
    pub async fn refuses(
        self,
        code: Code,
        bodies: impl IntoIterator<Item = (&'static str, Vec<u8>)>,
    ) {
        for (content_type, body) in bodies {
            let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
            let answer = self.complete(content_type, body).await;
            let error = answer.expect_error(code);
            println!("{shown:?} -> {error}");
        }
        self.goes_on_undisturbed().await;
    }

    /// The holder's turn still runs, its contribution is accepted, the waiter is next, and the
    /// transcript verifies.
    pub async fn goes_on_undisturbed(self) {
        let turn = self.waiter.status().await.turn.expect("a turn runs");
        assert_eq!(turn.phase, QueueWord::Contributing);
        assert_eq!(turn.ticket, 1);
        self.complete("application/json", self.good())
            .await
            .expect_ok();
        let next = self.waiter.check_in().await;
        assert_eq!(next.queue_status, QueueWord::ReadyToContribute);
        let report = self.server.verify_transcript().await.unwrap();
        let report: Value = serde_json::to_value(&report).unwrap();
        assert_eq!(report["contributions"], 1, "{report}");
    }
}

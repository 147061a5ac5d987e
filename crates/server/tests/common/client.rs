//! A participant's client, small and without any recovery: tests see each answer.

use std::time::Duration;

use k256::ecdsa::SigningKey;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tauline_protocol::Identity;
use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::error::{Code, ErrorBody};
use tauline_protocol::login::{LoginAnswer, NonceAnswer};
use tauline_protocol::status::{CeremonyStatus, QueueStatus, QueueWord};
use tauline_transcript::signature::{ecdsa_sign, eip55, eth_address, personal_message_digest};
use tauline_transcript::{Base, Encoding, RawContribution, Sizes, contribute};

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON of a shape.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{error} in {} {}", self.status, self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    #[track_caller]
    pub fn expect_ok(self) -> Self {
        assert!(
            (200..300).contains(&self.status),
            "{} {}",
            self.status,
            self.text()
        );
        self
    }

    /// The one shape of errors, with this code and its status; gives the text.
    #[track_caller]
    pub fn expect_error(&self, code: Code) -> String {
        let body: Value = self.json();
        assert_eq!(
            body["code"],
            code.as_str(),
            "{} {}",
            self.status,
            self.text()
        );
        assert_eq!(self.status, code.status(), "{}", self.text());
        // Who may not join gets it signed, too.
        let may_be_signed = matches!(
            code,
            Code::UsedUp | Code::AlreadyContributed | Code::Draining | Code::Halted
        );
        let fields = 2 + usize::from(may_be_signed && body.get("signed").is_some());
        assert_eq!(
            body.as_object().unwrap().len(),
            fields,
            "exactly {fields} fields: {}",
            self.text()
        );
        assert_eq!(self.header("content-type"), Some("application/json"));
        let ErrorBody { error, .. } = self.json();
        assert!(!error.is_empty());
        error
    }
}

/// A client of one participant.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    pub token: Option<String>,
    pub key: Option<SigningKey>,
    pub identity: Option<Identity>,
}

impl Client {
    pub fn new(base: &str) -> Self {
        let http = super::http::client()
            .no_gzip()
            .no_zstd()
            .timeout(Duration::from_secs(120))
            .build()
            .unwrap();
        Self {
            http,
            base: base.to_owned(),
            token: None,
            key: None,
            identity: None,
        }
    }

    /// With the Ethereum key of a number: the same number is the same identity.
    pub fn with_key(base: &str, number: u32) -> Self {
        let mut secret = [0x11; 32];
        secret[28..].copy_from_slice(&number.to_be_bytes());
        let key = SigningKey::from_slice(&secret).unwrap();
        Self {
            key: Some(key),
            ..Self::new(base)
        }
    }

    /// The same participant, by another HTTP client.
    pub fn by(self, http: reqwest::Client) -> Self {
        Self { http, ..self }
    }

    /// The same participant at another address, as after a restart of the server.
    pub fn at(&self, base: String) -> Self {
        Self {
            base,
            ..self.clone()
        }
    }

    pub fn identity(&self) -> Identity {
        self.identity.clone().expect("signed in")
    }

    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let bytes = response.bytes().await.unwrap().to_vec();
        Answer {
            status,
            headers,
            bytes,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(reqwest::Method::GET, path)).await
    }

    pub async fn post(&self, path: &str) -> Answer {
        self.send(self.request(reqwest::Method::POST, path)).await
    }

    pub async fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(reqwest::Method::POST, path).json(body))
            .await
    }

    pub async fn post_bytes(
        &self,
        path: &str,
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let request = self.request(reqwest::Method::POST, path);
        self.send(request.header("content-type", content_type).body(body))
            .await
    }

    pub async fn status(&self) -> CeremonyStatus {
        self.get("/ceremony/status").await.expect_ok().json()
    }

    pub async fn nonce(&self) -> NonceAnswer {
        self.get("/login/nonce").await.expect_ok().json()
    }

    pub fn address(&self) -> String {
        eip55(&eth_address(self.key.as_ref().unwrap().verifying_key()))
    }

    /// An EIP-4361 message with these contents, and lines to add at its end.
    pub fn siwe_message(&self, nonce: &NonceAnswer, more: &str) -> String {
        let NonceAnswer {
            nonce,
            domain,
            uri,
            chain_id,
            ..
        } = nonce;
        format!(
            "{domain} wants you to sign in with your Ethereum account:\n{}\n\nTake part.\n\n\
             URI: {uri}\nVersion: 1\nChain ID: {chain_id}\nNonce: {nonce}\n\
             Issued At: 2026-09-21T14:13:20Z{more}",
            self.address()
        )
    }

    pub fn personal_signature(&self, message: &str) -> String {
        let digest = personal_message_digest(message.as_bytes());
        format!(
            "0x{}",
            hex::encode(ecdsa_sign(&digest, self.key.as_ref().unwrap()))
        )
    }

    pub async fn login(&self, body: &Value) -> Answer {
        self.post_json("/login", body).await
    }

    pub async fn login_with(&self, message: &str) -> Answer {
        let signature = self.personal_signature(message);
        self.login(&json!({"siwe": {"message": message, "signature": signature}}))
            .await
    }

    /// Signs in by key.
    pub async fn sign_in(&mut self) -> Answer {
        let nonce = self.nonce().await;
        let answer = self.login_with(&self.siwe_message(&nonce, "")).await;
        self.keep_session(&answer);
        answer
    }

    pub async fn sign_in_by_invite(&mut self, code: &str) -> Answer {
        let answer = self.login(&json!({"invite": code})).await;
        self.keep_session(&answer);
        answer
    }

    fn keep_session(&mut self, answer: &Answer) {
        if answer.status == 200 {
            let LoginAnswer {
                token, identity, ..
            } = answer.json();
            self.token = Some(token);
            self.identity = Some(identity);
        }
    }

    #[track_caller]
    fn queue_status(answer: Answer) -> QueueStatus {
        answer.expect_ok().json()
    }

    pub async fn join(&self) -> QueueStatus {
        Self::queue_status(self.post("/queue/join").await)
    }

    pub async fn check_in(&self) -> QueueStatus {
        Self::queue_status(self.post("/queue/checkin").await)
    }

    pub async fn check_in_held(&self, seconds: f64) -> QueueStatus {
        Self::queue_status(self.post(&format!("/queue/checkin?wait={seconds}")).await)
    }

    /// Waits until the coordinator holds a check-in of another session of the same participant.
    pub async fn until_another_is_held(&self) {
        while self.check_in().await.other_clients == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    pub async fn leave(&self) -> QueueStatus {
        Self::queue_status(self.post("/queue/leave").await)
    }

    pub async fn abort(&self, reason: &str) -> QueueStatus {
        Self::queue_status(
            self.post_json("/contribution/abort", &json!({"reason": reason}))
                .await,
        )
    }

    /// Checks in, held, until the turn has come or the stay is over.
    pub async fn wait_for_turn(&self) -> QueueStatus {
        loop {
            let status = self.check_in_held(5.0).await;
            if status.queue_status != QueueWord::Queued {
                return status;
            }
        }
    }

    /// Starts and decodes the state.
    pub async fn start(&self, sizes: &Sizes) -> Base {
        let answer = self.post("/contribution/start").await.expect_ok();
        let document = RawContribution::from_json(&answer.bytes).unwrap();
        Base::decode(&document, sizes).unwrap()
    }

    pub async fn complete(&self, contribution: &RawContribution) -> Answer {
        let body = contribution.to_json().unwrap();
        self.post_bytes("/contribution/complete", "application/json", body)
            .await
    }

    /// A good contribution on a base, signed for this participant.
    pub fn contribution(&self, base: &Base) -> RawContribution {
        update(base, &self.identity(), self.key.as_ref())
    }

    /// Everything from the turn to the receipt, which is checked.
    pub async fn contribute(&self, sizes: &Sizes) -> SignedReceipt {
        let base = self.start(sizes).await;
        let contribution = self.contribution(&base);
        let receipt: SignedReceipt = self.complete(&contribution).await.expect_ok().json();
        let coordinator = self.status().await.coordinator_address;
        let said = receipt.verify(&coordinator).unwrap();
        assert_eq!(said.identity, self.identity());
        let keys = contribution.to_encoding(Encoding::Compressed).unwrap();
        for (said, sub) in said.witness.iter().zip(&keys.sub_contributions) {
            assert_eq!(*said, format!("0x{}", hex::encode(sub.pot_pubkey.bytes())));
        }
        receipt
    }

    /// The whole life of a participant.
    pub async fn take_part(&self, sizes: &Sizes) -> SignedReceipt {
        self.join().await;
        let status = self.wait_for_turn().await;
        assert_eq!(
            status.queue_status,
            QueueWord::ReadyToContribute,
            "{status:?}"
        );
        self.contribute(sizes).await
    }
}

/// A good contribution, signed.
pub fn update(base: &Base, identity: &Identity, key: Option<&SigningKey>) -> RawContribution {
    contribute(base, &mut rand_core::OsRng, b"", &|_| ()).sign(identity, key)
}

/// A contribution's JSON after a change to it as a JSON value.
pub fn alter_json(contribution: &RawContribution, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut value = serde_json::from_slice(&contribution.to_json().unwrap()).unwrap();
    change(&mut value);
    serde_json::to_vec(&value).unwrap()
}

//! Requests of the coordinator's own: to identity providers and to an Ethereum node.
//!
//! What is at the other end is trusted to vouch for people and for nothing else: answers are short
//! and in time, or there is none; nobody is followed elsewhere; and so many are asked at a time
//! and no more, whoever knocks here.

use std::time::Duration;

use axum::http;
use reqwest::redirect::Policy;
use tokio::sync::Semaphore;

use crate::clock::alive;

/// Longest time for a whole exchange, waiting for one's turn included. Ours: somebody looks at an
/// empty page meanwhile.
const EXCHANGE_LIMIT: Duration = Duration::from_secs(10);
/// Longest time for a connection to come about.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Longest answer, in bytes: a GitHub user is some 2 KB.
const ANSWER_LIMIT: usize = 64 * 1024;
/// Exchanges at a time: a crowd's sign-ins, at a fifth of a second each, are hundreds a second.
const AT_ONCE: usize = 64;

/// How others are asked.
pub struct Outgoing {
    http: reqwest::Client,
    at_once: Semaphore,
}

/// Why there is no answer. No text shows an address: those of nodes hold keys.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// No request, no connection, or one that broke.
    #[error("{0}")]
    Failed(String),
    /// Too late.
    #[error("no answer within {} s", EXCHANGE_LIMIT.as_secs())]
    Late,
    /// Too long.
    #[error("an answer of more than {ANSWER_LIMIT} bytes")]
    TooLong,
    /// A fault at the other end.
    #[error("answered with status {0}")]
    Status(u16),
}

impl From<reqwest::Error> for Unreachable {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(deeper) = source {
            text = format!("{text}: {deeper}");
            source = deeper.source();
        }
        Self::Failed(text)
    }
}

impl Outgoing {
    /// With the limits of this module.
    ///
    /// # Errors
    /// When the system has no TLS to offer.
    pub fn new() -> Result<Self, reqwest::Error> {
        // The cryptography under TLS; whoever named one before, in this process, keeps it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_LIMIT)
            .user_agent(concat!("tauline/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            http,
            at_once: Semaphore::new(AT_ONCE),
        })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// When there is none, or it tells of a fault at the other end (a status of 500 or above).
    pub async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, Unreachable> {
        alive::timeout(EXCHANGE_LIMIT, self.exchange(request))
            .await
            .map_err(|_| Unreachable::Late)?
    }

    async fn exchange(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, Unreachable> {
        let closed = |_| Unreachable::Failed("stopping".to_owned());
        let _turn = self.at_once.acquire().await.map_err(closed)?;
        let request = reqwest::Request::try_from(request)?;
        let mut answer = self.http.execute(request).await?;
        if answer.status().is_server_error() {
            return Err(Unreachable::Status(answer.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > ANSWER_LIMIT {
                return Err(Unreachable::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        let mut whole = http::Response::new(body);
        *whole.status_mut() = answer.status();
        *whole.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(whole)
    }
}

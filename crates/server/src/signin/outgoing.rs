//! Requests of the coordinator's own: to identity providers and to an Ethereum node.
//!
//! Whoever answers is trusted to vouch for people, and with nothing else. An answer that is long or
//! late counts as none, and redirections are not followed. Each [`Party`] has slots of its own, and
//! a sign-in that finds none free is refused at once: a party that hangs holds up only those who
//! sign in by it.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use axum::http;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use tauline_protocol::error::Code;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

use crate::clock::alive;
use crate::refused::Refused;
use crate::telemetry::throttle::Throttle;

/// The longest time for a whole exchange. Somebody looks at an empty page meanwhile.
const EXCHANGE_LIMIT: Duration = Duration::from_secs(10);
/// The longest time until there is a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The longest answer, in bytes: a GitHub user is some 2 KB.
const ANSWER_LIMIT: usize = 64 * 1024;
/// Look-ups of one party's name at a time. Its connections are kept, so there are few look-ups; but
/// one that hangs cannot be ended, and keeps a thread.
const MAX_LOOK_UPS: usize = 4;
/// When to come back to a party whose slots are taken: some exchanges later.
const BUSY_RETRY: Duration = Duration::from_secs(3);
/// Characters of others' texts in our log, at most.
const MAX_TEXT: usize = 200;

/// A provider or a node, which is asked (`docs/spec/http-api.md#busy`).
pub struct Party {
    /// For the log.
    name: &'static str,
    http: reqwest::Client,
    slots: Semaphore,
    busy: Throttle,
}

/// A permit to ask a party, one question after the other.
pub struct Slot<'a> {
    party: &'a Party,
    _permit: SemaphorePermit<'a>,
}

/// The refusal when all slots of a party are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

impl From<Busy> for Refused {
    fn from(_: Busy) -> Self {
        Self::new(
            Code::LoginBusy,
            "more people sign in this way than can be asked about at a time: try again in a few seconds",
        )
        .retry_after(BUSY_RETRY)
    }
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
        Self::Failed(cut(&text))
    }
}

impl Party {
    /// A party that is asked `at_once` questions at a time, within the limits of this module. The
    /// name is for the log.
    ///
    /// # Errors
    /// When the system has no TLS to offer.
    pub fn new(name: &'static str, at_once: usize) -> Result<Self, reqwest::Error> {
        // The cryptography under TLS, unless this process has chosen one before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_LIMIT)
            .dns_resolver(Names::default())
            .user_agent(concat!("tauline/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            name,
            http,
            slots: Semaphore::new(at_once),
            busy: Throttle::default(),
        })
    }

    /// A slot, if there is one now.
    ///
    /// # Errors
    /// [`Busy`].
    pub fn slot(&self) -> Result<Slot<'_>, Busy> {
        match self.slots.try_acquire() {
            Ok(permit) => Ok(Slot {
                party: self,
                _permit: permit,
            }),
            Err(_) => {
                if let Some(refused) = self.busy.count() {
                    let party = self.name;
                    tracing::warn!(party, refused, "sign-ins were refused: all slots are taken");
                }
                Err(Busy)
            }
        }
    }
}

impl Slot<'_> {
    /// Sends a request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// When there is none.
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
        let request = reqwest::Request::try_from(request)?;
        let mut answer = self.party.http.execute(request).await?;
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

/// The system's look-up of names, on threads of its own. tokio would use the threads that the store
/// is read on, of which there are few: a name server that hangs would stop everything.
pub(crate) struct Names(Arc<Semaphore>);

impl Default for Names {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_LOOK_UPS)))
    }
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let look_ups = Arc::clone(&self.0);
        Box::pin(async move {
            let permit = look_ups.acquire_owned().await?;
            let (found, wait) = oneshot::channel();
            let look_up = move || {
                let addresses = (name.as_str(), 0).to_socket_addrs();
                // Whoever asked may be gone.
                let _ = found.send(addresses.map(Iterator::collect::<Vec<SocketAddr>>));
                drop(permit);
            };
            std::thread::Builder::new()
                .name("name-look-up".to_owned())
                .spawn(look_up)?;
            let addresses: Addrs = Box::new(wait.await??.into_iter());
            Ok(addresses)
        })
    }
}

/// The beginning of somebody else's text, on one line, for our log.
#[must_use]
pub fn cut(text: &str) -> String {
    let mut characters = text.chars();
    let mut start: String = characters
        .by_ref()
        .take(MAX_TEXT)
        .flat_map(char::escape_debug)
        .collect();
    if characters.next().is_some() {
        start.push('…');
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_others_is_cut_and_stays_on_its_line() {
        assert_eq!(cut("as it is"), "as it is");
        assert_eq!(cut("a\nb\u{1b}[31m"), "a\\nb\\u{1b}[31m");
        assert_eq!(cut(&"x".repeat(64_000)).chars().count(), MAX_TEXT + 1);
    }

    #[test]
    fn a_party_whose_slots_are_taken_says_so_at_once_and_another_has_its_own() {
        let (one, other) = (
            Party::new("one", 2).unwrap(),
            Party::new("other", 1).unwrap(),
        );
        let held = (one.slot().unwrap(), one.slot().unwrap());
        assert_eq!(one.slot().err(), Some(Busy));
        assert!(other.slot().is_ok());
        drop(held);
        assert!(one.slot().is_ok());
        let refused = Refused::from(Busy);
        assert_eq!(refused.code.status(), 503);
        assert_eq!(refused.retry_after, Some(BUSY_RETRY));
    }

    /// With the one thread that tokio may block held, a name is looked up all the same.
    #[test]
    fn names_are_looked_up_on_threads_of_their_own() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let (release, held) = std::sync::mpsc::channel::<()>();
        runtime.block_on(async {
            tokio::task::spawn_blocking(move || held.recv());
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let router = axum::Router::new().fallback(|| async { "here" });
            tokio::spawn(async move { axum::serve(listener, router).await });
            let party = Party::new("one", 1).unwrap();
            let request = http::Request::builder()
                .uri(format!("http://localhost:{port}/"))
                .body(Vec::new())
                .unwrap();
            let answer = party.slot().unwrap().send(request).await.unwrap();
            assert_eq!(answer.body(), b"here");
            drop(release);
        });
    }
}

//! What a follower answers itself: what everybody may know, from its own copy of the ceremony.
//!
//! Whoever asks sees all that was acknowledged to anybody before: the copy is brought up to date first. One
//! look at the database serves all who ask meanwhile.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{Method, header};
use tokio::sync::watch;
use tokio::time::timeout;

use super::deputy::Deputy;

/// How long a copy may take to come up to date for somebody who asks. After that the leader is asked.
const PATIENCE: Duration = Duration::from_millis(500);

/// The copy of this replica, where it has one.
#[derive(Clone, Default)]
pub(crate) struct Copies {
    copied: Arc<RwLock<Option<Copied>>>,
    /// What does a part of the leader's work with it.
    deputy: Arc<RwLock<Option<Deputy>>>,
}

/// A copy that can be asked.
#[derive(Clone)]
pub(crate) struct Copied {
    router: Router,
    asked: Arc<watch::Sender<u64>>,
    done: watch::Receiver<u64>,
}

/// Tells who keeps a copy that somebody asks, and is told how far it has come.
pub(crate) struct Keeping {
    asked: watch::Receiver<u64>,
    done: watch::Sender<u64>,
}

impl Copies {
    /// From now on this answers. Nothing does, once what is returned is dropped.
    pub(crate) fn show(&self, router: Router) -> Keeping {
        let (asked, asks) = watch::channel(0);
        let (done, is_done) = watch::channel(0);
        let copied = Copied {
            router,
            asked: Arc::new(asked),
            done: is_done,
        };
        *self.copied.write().unwrap_or_else(PoisonError::into_inner) = Some(copied);
        Keeping { asked: asks, done }
    }

    /// From now on this does a part of the leader's work.
    pub(crate) fn appoint(&self, deputy: Deputy) {
        *self.deputy.write().unwrap_or_else(PoisonError::into_inner) = Some(deputy);
    }

    /// What does a part of the leader's work, if something does.
    pub(super) fn deputy(&self) -> Option<Deputy> {
        let deputy = self.deputy.read().unwrap_or_else(PoisonError::into_inner);
        deputy.clone()
    }

    /// From now on nothing answers.
    pub(crate) fn hide(&self) {
        *self.copied.write().unwrap_or_else(PoisonError::into_inner) = None;
        *self.deputy.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What answers, with all that was durable when this was called. None if there is none, or it takes too
    /// long.
    pub(super) async fn up_to_date(&self) -> Option<Router> {
        let copied = {
            let copied = self.copied.read().unwrap_or_else(PoisonError::into_inner);
            copied.clone()?
        };
        let Copied {
            router,
            asked,
            mut done,
        } = copied;
        let mut mine = 0;
        asked.send_modify(|asked| {
            *asked += 1;
            mine = *asked;
        });
        let is_done = done.wait_for(|done| *done >= mine);
        match timeout(PATIENCE, is_done).await {
            Ok(Ok(_)) => Some(router),
            _ => None,
        }
    }
}

impl Keeping {
    /// Waits until somebody asks.
    pub(crate) async fn asked(&mut self) {
        if self.asked.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Who has asked by now.
    pub(crate) fn asked_by_now(&mut self) -> u64 {
        *self.asked.borrow_and_update()
    }

    /// The copy has all that was durable when these had asked.
    pub(crate) fn done(&self, asked: u64) {
        self.done.send_replace(asked);
    }
}

/// Whether a request is for what everybody may know, and what a copy has. The checkpoint is none of that: two
/// replicas must never seem to take one back, so the leader alone shows it.
pub(super) fn is_for_a_copy(request: &Request) -> bool {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    // Whoever has a session is counted where sessions are.
    let is_anonymous = !request.headers().contains_key(header::AUTHORIZATION);
    is_read
        && is_anonymous
        && match request.uri().path() {
            "/ceremony/status" | "/ceremony/events" | "/ceremony/transcript" => true,
            "/log/checkpoint" => false,
            path => path.starts_with("/log/") || path.starts_with("/ceremony/contributions/"),
        }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn request(method: Method, path: &str) -> Request {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        request
    }

    #[test]
    fn a_copy_is_asked_for_what_everybody_may_know() {
        for path in [
            "/ceremony/status",
            "/ceremony/transcript?x=1",
            "/ceremony/contributions/7",
            "/log/tile/0/000",
        ] {
            assert!(is_for_a_copy(&request(Method::GET, path)), "{path}");
            assert!(!is_for_a_copy(&request(Method::POST, path)), "{path}");
            let mut with_session = request(Method::GET, path);
            let bearer = axum::http::HeaderValue::from_static("Bearer x");
            with_session
                .headers_mut()
                .insert(header::AUTHORIZATION, bearer);
            assert!(!is_for_a_copy(&with_session), "{path}");
        }
        for path in ["/log/checkpoint", "/queue/events", "/nothing"] {
            assert!(!is_for_a_copy(&request(Method::GET, path)), "{path}");
        }
    }

    #[tokio::test]
    async fn whoever_asks_waits_for_a_look_that_began_later() {
        let copies = Copies::default();
        assert!(copies.up_to_date().await.is_none(), "there is none");
        let mut keeping = copies.show(Router::new());
        let before = keeping.asked_by_now();
        let asks = tokio::spawn({
            let copies = copies.clone();
            async move { copies.up_to_date().await.is_some() }
        });
        keeping.asked().await;
        // A look that had begun before is none for this one.
        keeping.done(before);
        tokio::task::yield_now().await;
        assert!(!asks.is_finished());
        let by_now = keeping.asked_by_now();
        keeping.done(by_now);
        assert!(asks.await.unwrap());
        drop(keeping);
        assert!(copies.up_to_date().await.is_none(), "nobody keeps it");
    }
}

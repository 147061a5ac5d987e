//! What participants reach at a replica.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::from_fn;
use axum::response::Response;
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::bodies::Slot;
use super::check_ins::{CheckIns, is_check_in};
use super::copies::{Copies, is_for_a_copy};
use super::deputy::completed;
use super::link::{Forwarded, Link, Waiting};
use super::role::{Lead, Leader, Role, Roles};
use super::told::Told;
use super::vetting::{Tap, Tapped, Vetted, is_upload, vet};
use crate::addresses::{Peer, Proxies};
use crate::http::body::unread::read_what_is_refused;
use crate::http::request_id::{HEADER, RequestId};
use crate::measures::{Forwarding, Measures};
use crate::routes;

/// How long a request is held at most while nobody leads: longer than a lease and a start take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long nobody may have led for a request to be held at all. Later, whoever asks is told at once to
/// come back: too many would be held.
const HOPE: Duration = Duration::from_secs(15);

/// Pause before a leader that did not answer is asked again, unless another leads before.
const AGAIN: Duration = Duration::from_millis(100);

/// What participants reach at a replica.
pub(crate) struct Door {
    pub(crate) roles: Roles,
    pub(crate) link: Link,
    pub(crate) check_ins: CheckIns,
    /// What every replica answers itself.
    pub(crate) local: Router,
    /// What this replica answers from its own copy, when it does not lead.
    pub(crate) copies: Copies,
    pub(crate) proxies: Proxies,
    pub(crate) measures: Arc<Measures>,
}

impl Door {
    /// All of it, as a router: it has no routes, but takes everything.
    pub(crate) fn router(self) -> Router {
        let door = Arc::new(self);
        let answer = move |request: Request| {
            let door = Arc::clone(&door);
            async move { door.answer(request).await }
        };
        Router::new()
            .fallback(answer)
            .layer(from_fn(read_what_is_refused))
    }

    async fn answer(&self, mut request: Request) -> Response {
        let id = RequestId::of(request.headers());
        request
            .headers_mut()
            .insert(HEADER, id.clone().into_value());
        let is_local =
            request.method() == Method::OPTIONS || routes::is_everywhere(request.uri().path());
        let mut response = match is_local {
            true => self.here(request).await,
            false if is_for_a_copy(&request) => self.by_a_copy(request).await,
            false => self.by_the_leader(request).await,
        };
        response.headers_mut().insert(HEADER, id.into_value());
        response
    }

    /// Answers by what is the same at every replica.
    async fn here(&self, request: Request) -> Response {
        let Ok(response) = self.local.clone().oneshot(request).await;
        self.measures.answered(response.status().as_u16());
        response
    }

    /// Answers from the copy, if there is one that has it; else has the leader answer.
    async fn by_a_copy(&self, request: Request) -> Response {
        let leads = matches!(self.roles.now(), Role::Leads(_));
        let router = match leads {
            true => None,
            false => self.copies.up_to_date().await,
        };
        let Some(router) = router else {
            return self.by_the_leader(request).await;
        };
        let (parts, _) = request.into_parts();
        let asked = Request::from_parts(parts.clone(), Body::empty());
        let Ok(response) = router.oneshot(asked).await;
        let status = response.status();
        match status == StatusCode::NOT_FOUND || status.is_server_error() {
            // The leader may know of more.
            true => {
                self.by_the_leader(Request::from_parts(parts, Body::empty()))
                    .await
            }
            false => response,
        }
    }

    /// Has the leader answer, whoever that is by then.
    async fn by_the_leader(&self, request: Request) -> Response {
        let peer = request.extensions().get::<Peer>();
        let peer = peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0);
        self.proxies.notice_proxy(peer, request.headers());
        let (parts, body) = request.into_parts();
        let is_bare = body.is_end_stream();
        let tap = (is_upload(&parts) && !is_bare).then(Tap::default);
        let body = match &tap {
            Some(tap) => Body::new(Tapped::new(body, tap.clone())),
            None => body,
        };
        let waiting = Arc::new(Waiting {
            client: self.proxies.client(peer, &parts.headers),
            is_bare,
            body: Slot::new(body),
            parts,
        });
        let until = Instant::now() + PATIENCE;
        let mut changes = self.roles.changes();
        loop {
            let role = changes.borrow_and_update().clone();
            match &role {
                Role::Leads(lead) if lead.term.lasts() => match self.by(lead, &waiting).await {
                    Some(response) => return response,
                    None if waiting.may_repeat() => {}
                    None => break,
                },
                Role::Follows(leader) => match self.pass_on(leader, &waiting, tap.as_ref()).await {
                    Forwarded::Answered(response) => {
                        self.measures.forwarded(Forwarding::Answered);
                        self.measures.answered(response.status().as_u16());
                        return response;
                    }
                    Forwarded::Again => self.measures.forwarded(Forwarding::Repeated),
                    Forwarded::Lost => break,
                },
                Role::Nobody { since } if since.elapsed() > HOPE => break,
                Role::Leads(_) | Role::Nobody { .. } => {}
            }
            let pause = match role {
                Role::Follows(_) => AGAIN,
                _ => PATIENCE,
            };
            let pause = pause.min(until.saturating_duration_since(Instant::now()));
            if pause.is_zero() {
                break;
            }
            let _ = tokio::time::timeout(pause, changes.changed()).await;
        }
        self.measures.forwarded(Forwarding::Unanswered);
        self.unavailable(&waiting).await
    }

    /// Has this leader answer. What this replica can do of its work, it does.
    async fn pass_on(
        &self,
        leader: &Arc<Leader>,
        waiting: &Arc<Waiting>,
        tap: Option<&Tap>,
    ) -> Forwarded {
        if is_check_in(waiting) {
            // In a batch with others; all else by itself.
            return self.check_ins.forward(leader, waiting).await;
        }
        let (deputy, parts) = (self.copies.deputy(), &waiting.parts);
        match (deputy, tap) {
            (Some(deputy), Some(tap)) => match vet(deputy, &self.link, leader, parts, tap).await {
                Some(vetted) => self.pass_on_vetted(leader, waiting, vetted).await,
                None => self.link.forward(leader, waiting, Told::default()).await,
            },
            (Some(deputy), None) if asks_for_the_state(parts) => {
                let known = deputy.known();
                let told = Told {
                    has: known.as_ref().map(|known| known.id),
                    ..Told::default()
                };
                match self.link.forward(leader, waiting, told).await {
                    Forwarded::Answered(answer) => {
                        Forwarded::Answered(completed(answer, known, &self.measures).await)
                    }
                    other => other,
                }
            }
            _ => self.link.forward(leader, waiting, Told::default()).await,
        }
    }

    /// Has this leader answer an upload that is verified here. That goes on if the sender goes away: the leader
    /// takes the end of the connection for this replica's.
    async fn pass_on_vetted(
        &self,
        leader: &Arc<Leader>,
        waiting: &Arc<Waiting>,
        vetted: Vetted,
    ) -> Forwarded {
        let (link, leader, waiting) = (self.link.clone(), Arc::clone(leader), Arc::clone(waiting));
        let to_the_end = tokio::spawn(async move {
            let told = Told {
                vetting: Some(vetted.id),
                ..Told::default()
            };
            let forwarded = link.forward(&leader, &waiting, told).await;
            drop(vetted);
            forwarded
        });
        to_the_end.await.unwrap_or(Forwarded::Lost)
    }

    /// This replica's own answer, as the leader. None if it leads no more and has done nothing that counts.
    async fn by(&self, lead: &Lead, waiting: &Waiting) -> Option<Response> {
        let request = waiting.take()?;
        let Ok(response) = lead.router.clone().oneshot(request).await;
        let is_refused = response.status() == StatusCode::SERVICE_UNAVAILABLE && lead.is_ending();
        (lead.term.lasts() && !is_refused).then_some(response)
    }

    /// Says that nobody could answer, and when to come back.
    async fn unavailable(&self, waiting: &Waiting) -> Response {
        self.here(Request::from_parts(waiting.parts.clone(), Body::empty()))
            .await
    }
}

/// Whether the answer may hold the state to build on.
fn asks_for_the_state(parts: &Parts) -> bool {
    let path = parts.uri.path();
    parts.method == Method::POST && matches!(path, "/contribution/start" | "/lobby/try_contribute")
}

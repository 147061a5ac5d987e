//! Who leads, as far as this replica knows.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::uri::Authority;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::watch;
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::headers::mark_not_leading;
use super::term::Term;
use crate::refused::Refused;

/// What this replica is now.
#[derive(Clone)]
pub(crate) enum Role {
    /// Nobody is known to lead, since then.
    Nobody {
        /// Since when.
        since: Instant,
    },
    /// Another replica leads.
    Follows(Arc<Leader>),
    /// This one leads.
    Leads(Arc<Lead>),
}

/// Another replica that leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leader {
    /// Which leader since the ceremony began it is.
    pub(crate) epoch: u64,
    /// What it is called.
    pub(crate) name: String,
    /// Where it takes what others forward.
    pub(crate) authority: Authority,
}

/// What this replica leads with.
pub(crate) struct Lead {
    /// For how long.
    pub(crate) term: Arc<Term>,
    /// What answers.
    pub(crate) router: Router,
    /// What answers other replicas, beside what they pass on.
    pub(crate) among_replicas: Router,
    /// Whether it is about to stop: what it refuses then, the next leader does.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Lead {
    /// Whether what it could not do now should be asked of the next leader.
    pub(crate) fn is_ending(&self) -> bool {
        *self.stopping.borrow() || !self.term.lasts()
    }

    /// Has one of its routers answer what another replica asks or passes on. What it refuses because it stops is marked: the next
    /// one does it.
    pub(super) async fn pass_on(&self, router: &Router, request: Request) -> Response {
        let Ok(mut response) = router.clone().oneshot(request).await;
        if !self.term.lasts() {
            // Whatever was said may not hold any more.
            response = Refused::unavailable().into_response();
        }
        if response.status() == StatusCode::SERVICE_UNAVAILABLE && self.is_ending() {
            mark_not_leading(response.headers_mut());
        }
        response
    }
}

impl Role {
    /// Whether the leader of this epoch leads no more: a later one does.
    pub(crate) fn is_after(&self, epoch: u64) -> bool {
        match self {
            Self::Nobody { .. } => false,
            Self::Follows(leader) => leader.epoch != epoch,
            Self::Leads(lead) => lead.term.epoch() != epoch,
        }
    }
}

/// The role of this replica, as it changes.
#[derive(Clone)]
pub(crate) struct Roles(watch::Sender<Role>);

impl Roles {
    /// Nobody is known to lead.
    pub(crate) fn new() -> Self {
        let since = Instant::now();
        Self(watch::Sender::new(Role::Nobody { since }))
    }

    /// The role now.
    pub(crate) fn now(&self) -> Role {
        self.0.borrow().clone()
    }

    /// Tells of changes.
    pub(crate) fn changes(&self) -> watch::Receiver<Role> {
        self.0.subscribe()
    }

    /// Nobody is known to lead. Says whether that is new.
    pub(crate) fn nobody(&self) -> bool {
        let since = Instant::now();
        self.0.send_if_modified(|role| match role {
            Role::Nobody { .. } => false,
            _ => {
                *role = Role::Nobody { since };
                true
            }
        })
    }

    /// This one leads. Says whether that is new.
    pub(crate) fn follow(&self, leader: Leader) -> bool {
        self.0.send_if_modified(|role| match role {
            Role::Follows(now) if **now == leader => false,
            _ => {
                *role = Role::Follows(Arc::new(leader));
                true
            }
        })
    }

    /// This replica leads.
    pub(crate) fn lead(&self, lead: Lead) {
        self.0.send_replace(Role::Leads(Arc::new(lead)));
    }
}

/// The host and port in a leader's URL, if it is one at which this program listens.
pub(crate) fn authority_of(url: &str) -> Option<Authority> {
    let rest = url.strip_prefix("http://")?;
    rest.trim_end_matches('/').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_is_reached_by_http() {
        let authority = authority_of("http://[::1]:3001/").unwrap();
        assert_eq!(authority.as_str(), "[::1]:3001");
        assert_eq!(authority_of("https://a.test"), None);
        assert_eq!(authority_of("http://a b"), None);
    }
}

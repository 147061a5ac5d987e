//! What other replicas reach: requests that participants sent to them, an operator's, and the question
//! whether this one leads.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tauline_protocol::admin::{AdminAnswer, AdminRequest};

use super::check_ins::{self, LINE_PATH};
use super::headers::{ADMIN_PATH, LEADS_PATH, Secret, mark_not_leading, take_asks, take_client};
use super::role::{Lead, Role, Roles};
use super::told::Told;
use crate::addresses::Peer;
use crate::admin::Operates;
use crate::connections::Place;
use crate::http::body;
use crate::refused::Refused;
use crate::routes;
use crate::telemetry::throttle::Throttle;

/// Longest request of an operator, in bytes, as at the socket.
const LONGEST_ORDER: usize = 1 << 16;

/// What answers at the internal listener.
pub(crate) struct Inside {
    pub(crate) secret: Secret,
    pub(crate) roles: Roles,
    /// Does what an operator asks of the leader.
    pub(crate) operator: Arc<dyn Operates>,
    /// Those who ask and are no replicas.
    pub(crate) strangers: Throttle,
}

impl Inside {
    /// All of it, as a router: it has no routes, but takes everything.
    pub(crate) fn router(self) -> Router {
        let inside = Arc::new(self);
        Router::new().fallback(move |request: Request| {
            let inside = Arc::clone(&inside);
            async move { inside.answer(request).await }
        })
    }

    async fn answer(&self, mut request: Request) -> Response {
        if !self.secret.is_in(request.headers()) {
            if let Some(count) = self.strangers.count() {
                tracing::warn!(
                    peer = ?request.extensions().get::<Peer>(),
                    count,
                    "somebody who is no replica of this ceremony asks at --replica-listen"
                );
            }
            return StatusCode::FORBIDDEN.into_response();
        }
        let Some(client) = take_client(request.headers_mut()) else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        let asks = take_asks(request.headers_mut());
        let Some(lead) = self.lead() else {
            return not_leading(request);
        };
        match request.uri().path() {
            LEADS_PATH if asks => "leads".into_response(),
            ADMIN_PATH if asks => self.admin(request).await,
            LINE_PATH if asks => check_ins::take(lead, request.into_body()),
            path if asks && routes::is_among_replicas(path) => {
                lead.pass_on(&lead.among_replicas, request).await
            }
            _ => {
                request.extensions_mut().insert(Peer(client));
                // It is the other replica's, and carries many people's requests.
                request.extensions_mut().remove::<Arc<Place>>();
                Told::hand_on(&mut request);
                lead.pass_on(&lead.router, request).await
            }
        }
    }

    fn lead(&self) -> Option<Arc<Lead>> {
        match self.roles.now() {
            Role::Leads(lead) if lead.term.lasts() => Some(lead),
            _ => None,
        }
    }

    async fn admin(&self, request: Request) -> Response {
        let Ok(bytes) = to_bytes(request.into_body(), LONGEST_ORDER).await else {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        };
        let answer = match serde_json::from_slice::<AdminRequest>(&bytes) {
            Ok(request) => self.operator.operate(request).await,
            Err(error) => AdminAnswer::Refused {
                error: format!("the request cannot be read: {error}"),
            },
        };
        let json = [(header::CONTENT_TYPE, "application/json")];
        match serde_json::to_vec(&answer) {
            Ok(bytes) => (json, bytes).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

/// Says that nothing was done. The body is read for a while: its sender has to get to the answer.
fn not_leading(request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    body::drain(&parts.headers, body);
    let mut response = Refused::unavailable().into_response();
    mark_not_leading(response.headers_mut());
    response
}

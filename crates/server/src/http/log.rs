//! A line of the log for each request, and for each fault that was answered; and the request's name,
//! which ties them together.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;

use super::app::App;
use super::refusal::Fault;
use super::request_id::{HEADER, RequestId};

/// Names each request in its answer, logs faults, and each request with its outcome and duration at
/// the level of debugging; the query, which could carry anything, is left out.
pub(crate) async fn log_requests(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let id = RequestId::of(request.headers());
    let told = tracing::enabled!(tracing::Level::DEBUG).then(|| Told {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        started: Instant::now(),
    });
    let mut response = next.run(request).await;
    let status = response.status().as_u16();
    app.measures.answered(status);
    if let Some(Fault { code, error }) = response.extensions_mut().remove::<Fault>() {
        tracing::warn!(request = %id.as_str(), code, %error, "answered with a fault");
    }
    if let Some(told) = told {
        told.tell(&id, status);
    }
    response.headers_mut().insert(HEADER, id.into_value());
    response
}

/// What is told of a request.
struct Told {
    method: String,
    path: String,
    started: Instant,
}

impl Told {
    fn tell(self, id: &RequestId, status: u16) {
        let Self {
            method,
            path,
            started,
        } = self;
        let took = started.elapsed();
        tracing::debug!(request = %id.as_str(), %method, %path, status, ms = took.as_millis(), "request");
    }
}

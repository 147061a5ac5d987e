//! A line of the log for each request.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;

/// Logs each request with its outcome and duration; the query, which could carry anything, is left
/// out.
pub(crate) async fn log_requests(request: Request, next: Next) -> Response {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return next.run(request).await;
    }
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let started = tokio::time::Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let took: Duration = started.elapsed();
    tracing::debug!(%method, %path, status, ms = took.as_millis(), "request");
    response
}

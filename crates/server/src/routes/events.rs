//! `GET /queue/events`: a participant's status, as it changes, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use futures_util::stream::{self, StreamExt as _};
use tauline_protocol::error::Code;
use tauline_protocol::status::QueueStatus;
use tokio::sync::watch;

use crate::http::admission::SignedIn;
use crate::http::app::App;
use crate::openapi::refusals::{COUNTED, EVERY, SIGNED_IN, refusals};
use crate::refused::Refused;

/// Longest silence of a stream. Proxies drop connections that are silent for a minute or less.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The stream's name for a change of the participant's status.
const EVENT: &str = "status";

refusals!(EventsRefusals: EVERY, COUNTED, SIGNED_IN, [Code::HandedOver]);

/// The participant's status as it changes, as server-sent events (`docs/spec/http-api.md#events`).
///
/// Each event is named `status`, and its data is what a check-in answers, as JSON. An open stream counts as checking
/// in. It is never silent for longer than 15 seconds. 429 is also answered to a session that holds too many answers
/// open.
#[utoipa::path(
    get,
    path = "/queue/events",
    operation_id = "queueEvents",
    tag = "queue",
    security(("session" = [])),
    responses(
        (
            status = 200,
            description = "The stream, which begins with the status as it is.",
            body = ref("#/components/schemas/StatusEvents"),
            content_type = "text/event-stream",
            headers(("cache-control"), ("x-accel-buffering")),
        ),
        EventsRefusals,
    ),
)]
pub(super) async fn events(
    State(app): State<Arc<App>>,
    SignedIn(session): SignedIn,
) -> Result<impl IntoResponse, Refused> {
    let held = session.hold()?;
    // The first status is asked for here, so that a refusal is an answer and not an empty stream.
    let (status, seen) = app
        .coordinator
        .follow(session.caller(), None, Duration::ZERO)
        .await?;
    let first = stream::iter([event(&status)]);
    let stopping = stopped(app.stopping.clone());
    let rest = stream::unfold(
        (app, session, seen, held),
        |(app, session, seen, held)| async move {
            let session = app.sign_in.sessions.keep(session).await.ok()?;
            let follow = app
                .coordinator
                .follow(session.caller(), Some(seen), HEARTBEAT);
            let (status, seen) = follow.await.ok()?;
            Some((event(&status), (app, session, seen, held)))
        },
    );
    let stream = first.chain(rest).take_until(stopping);
    Ok((
        [(BUFFERING, HeaderValue::from_static("no"))],
        Sse::new(stream),
    ))
}

/// Asks nginx not to hold events back.
pub(super) const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

fn event(status: &QueueStatus) -> Result<Event, Infallible> {
    let event = Event::default().event(EVENT);
    // A status has a JSON form; a comment stands for what cannot happen.
    Ok(event
        .json_data(status)
        .unwrap_or_else(|_| Event::default().comment("no status")))
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    // The sender is gone only when the server is: that ends the stream too.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

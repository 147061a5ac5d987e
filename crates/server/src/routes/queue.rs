//! `POST /queue/join`, `/queue/checkin` and `/queue/leave`. Their bodies carry nothing.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{RawQuery, State};
use tauline_protocol::error::Code;
use tauline_protocol::status::QueueStatus;

use crate::http::admission::SignedIn;
use crate::http::app::App;
use crate::openapi::refusals::{COUNTED, EVERY, SIGNED_IN, refusals};
use crate::refused::Refused;

/// Longest that a check-in is held, in seconds (`docs/spec/http-api.md#check-in`).
const MAX_WAIT: f64 = 60.0;

refusals!(
    JoinRefusals: EVERY,
    COUNTED,
    SIGNED_IN,
    [
        Code::AlreadyContributed,
        Code::UsedUp,
        Code::Draining,
        Code::Halted,
        Code::HandedOver,
    ],
);

/// Takes a place at the tail of the line (`docs/spec/http-api.md#join`).
///
/// For somebody who is in line it is a check-in. A refusal to join is signed. A body is not read.
#[utoipa::path(
    post,
    path = "/queue/join",
    operation_id = "queueJoin",
    tag = "queue",
    security(("session" = [])),
    responses(
        (status = 200, description = "The place, with the signed ticket.", body = QueueStatus, headers(("cache-control"))),
        JoinRefusals,
    ),
)]
pub(super) async fn join(
    State(app): State<Arc<App>>,
    SignedIn(session): SignedIn,
) -> Result<Json<QueueStatus>, Refused> {
    Ok(Json(app.coordinator.join(session.caller()).await?))
}

refusals!(CheckInRefusals: EVERY, COUNTED, SIGNED_IN, [Code::HandedOver]);

/// Proves presence, and says where the participant stands (`docs/spec/http-api.md#check-in`).
///
/// Check in before `nextCheckinTime`. Who is not in the queue is told so, with status 200. A body is not read. 429 is
/// also answered to a session that holds too many answers open.
#[utoipa::path(
    post,
    path = "/queue/checkin",
    operation_id = "queueCheckIn",
    tag = "queue",
    security(("session" = [])),
    params(
        ("wait" = Option<f64>, Query, minimum = 0, description = "Holds the answer until the status changes, for at most so many seconds. More than 60 are 60.", example = 30),
    ),
    responses(
        (status = 200, description = "The status.", body = QueueStatus, headers(("cache-control"))),
        CheckInRefusals,
    ),
)]
pub(super) async fn check_in(
    State(app): State<Arc<App>>,
    SignedIn(session): SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<QueueStatus>, Refused> {
    let status = match wait(query.as_deref().unwrap_or_default())? {
        None => app.coordinator.check_in(session.caller()).await?,
        Some(hold) => {
            let _held = session.hold()?;
            app.coordinator
                .check_in_held(session.caller(), hold)
                .await?
        }
    };
    Ok(Json(status))
}

refusals!(
    LeaveRefusals: EVERY,
    COUNTED,
    SIGNED_IN,
    [
        Code::NotQueued,
        Code::StayEnded,
        Code::AlreadyContributed,
        Code::AlreadyVerifying,
        Code::HandedOver,
    ],
);

/// Gives the place up (`docs/spec/http-api.md#leave`).
///
/// As long as another client of the same identity waits, the place is left to that one, and the answer says
/// `queued`. A body is not read.
#[utoipa::path(
    post,
    path = "/queue/leave",
    operation_id = "queueLeave",
    tag = "queue",
    security(("session" = [])),
    responses(
        (status = 200, description = "How it is now.", body = QueueStatus, headers(("cache-control"))),
        LeaveRefusals,
    ),
)]
pub(super) async fn leave(
    State(app): State<Arc<App>>,
    SignedIn(session): SignedIn,
) -> Result<Json<QueueStatus>, Refused> {
    Ok(Json(app.coordinator.leave(session.caller()).await?))
}

/// How long to hold the answer, from the query: `wait=SECONDS`. More than the most is the most.
fn wait(query: &str) -> Result<Option<Duration>, Refused> {
    let mut wait = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name != "wait" {
            return Err(Refused::new(
                Code::InvalidParameter,
                "there is no such query parameter: check-in takes wait=SECONDS",
            ));
        }
        let seconds: Option<f64> = value.parse().ok();
        let seconds = seconds.filter(|seconds| *seconds >= 0.0).ok_or_else(|| {
            Refused::new(
                Code::InvalidParameter,
                "wait takes a number of seconds, 60 at most",
            )
        })?;
        wait = Some(Duration::from_secs_f64(seconds.min(MAX_WAIT)));
    }
    Ok(wait.filter(|wait| !wait.is_zero()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_is_a_number_of_seconds() {
        assert_eq!(wait("").unwrap(), None);
        assert_eq!(wait("wait=0").unwrap(), None);
        assert_eq!(wait("wait=2.5").unwrap(), Some(Duration::from_millis(2500)));
        assert_eq!(wait("wait=60").unwrap(), Some(Duration::from_secs(60)));
        for more in [
            "wait=61",
            "wait=1e300",
            "wait=inf",
            "wait=99999999999999999999",
        ] {
            assert_eq!(wait(more).unwrap(), Some(Duration::from_secs(60)), "{more}");
        }
        for wrong in [
            "wait=-1",
            "wait=",
            "wait",
            "wait=NaN",
            "wait=ten",
            "await=5",
            "wait=5&x=1",
        ] {
            assert_eq!(
                wait(wrong).unwrap_err().code,
                Code::InvalidParameter,
                "{wrong}"
            );
        }
    }
}

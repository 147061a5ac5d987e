//! `GET /ceremony/contributions/…`: single contributions, the list of all in pieces, and whose is which.
//!
//! Each is a look-up by number or by name, however many contributions there are.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tauline_protocol::error::Code;
use tauline_protocol::kept::{ContributionsPiece, Found, KeptContribution, PIECE, WHO_LIMIT};
use tauline_store::Asked;

use crate::http::app::App;
use crate::http::etag;
use crate::http::rest::Rest;
use crate::openapi::refusals::{COUNTED, EVERY, refusals};
use crate::refused::Refused;

/// A contribution never changes, nor a piece of the list that is full.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// The last piece grows.
const FOR_A_MOMENT: HeaderValue = HeaderValue::from_static("no-cache");

refusals!(
    ContributionRefusals: EVERY,
    COUNTED,
    [Code::ContributionUnknown, Code::Unavailable],
);

/// One contribution (`docs/spec/http-api.md#one-contribution`).
///
/// It never changes: it may be kept for ever.
#[utoipa::path(
    get,
    path = "/ceremony/contributions/{number}",
    operation_id = "ceremonyContribution",
    tag = "ceremony",
    params(
        ("number" = u64, Path, minimum = 1, description = "The contribution's number, from 1.", example = 1),
    ),
    responses(
        (status = 200, description = "The contribution.", body = KeptContribution, headers(("cache-control"))),
        ContributionRefusals,
    ),
)]
pub(super) async fn one(
    State(app): State<Arc<App>>,
    Rest(number): Rest,
) -> Result<Response, Refused> {
    let kept = match decimal(&number) {
        Some(number) => app.coordinator.kept(number).await?,
        None => None,
    };
    let kept = kept.ok_or_else(|| {
        let count = app.coordinator.contributions();
        unknown(format!(
            "there is no contribution {number}: they are numbered from 1, and there are {count}"
        ))
    })?;
    Ok(([(header::CACHE_CONTROL, FOR_EVER)], Json(kept)).into_response())
}

refusals!(
    PieceRefusals: EVERY,
    COUNTED,
    [Code::ContributionUnknown, Code::Unavailable],
);

/// A piece of the list of all contributions (`docs/spec/http-api.md#contributions-page`).
///
/// Each has 256. A full one never changes and may be kept for ever; the last has an `etag`.
#[utoipa::path(
    get,
    path = "/ceremony/contributions/pages/{index}",
    operation_id = "ceremonyContributionsPage",
    tag = "ceremony",
    params(
        ("index" = u64, Path, description = "Which piece: 0 has the contributions 1 to 256.", example = 0),
        ("if-none-match" = Option<String>, Header, description = "The `etag` of what the client has."),
    ),
    responses(
        (status = 200, description = "The piece.", body = ContributionsPiece, headers(("cache-control"))),
        (status = 304, description = "The client has it.", headers(("etag"), ("cache-control"))),
        PieceRefusals,
    ),
)]
pub(super) async fn piece(
    State(app): State<Arc<App>>,
    Rest(index): Rest,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let contributions = app.coordinator.contributions();
    let before = decimal(&index).and_then(|index| index.checked_mul(PIECE.into()));
    let Some(before) = before.filter(|before| *before < contributions) else {
        return Err(unknown(format!(
            "there is no piece {index}: each has {PIECE} contributions, the first is 0, and there are \
             {contributions}"
        )));
    };
    let count = u32::try_from(contributions - before).unwrap_or(PIECE);
    if count >= PIECE {
        let piece = app.coordinator.piece(before + 1, PIECE).await?;
        return Ok(([(header::CACHE_CONTROL, FOR_EVER)], Json(piece)).into_response());
    }
    // Its length says it all; the address keeps apart what one browser saw of two ceremonies.
    let etag = format!("\"{index}-{count}-{}\"", app.coordinator.address());
    let body = match etag::is_known(&headers, &etag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => Json(app.coordinator.piece(before + 1, count).await?).into_response(),
    };
    let cached = [(header::CACHE_CONTROL, FOR_A_MOMENT)];
    Ok((cached, [(header::ETAG, etag)], body).into_response())
}

/// Who is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    who: String,
}

refusals!(
    FindRefusals: EVERY,
    COUNTED,
    [Code::ContributionUnknown, Code::Unavailable],
);

/// Whose contribution is which (`docs/spec/http-api.md#find`).
#[utoipa::path(
    get,
    path = "/ceremony/contributions/find",
    operation_id = "ceremonyFind",
    tag = "ceremony",
    params(
        ("who" = String, Query, max_length = 200, description = "An Ethereum address, the login of a GitHub account, the name of an invitation, or a whole identity.", example = "octocat"),
    ),
    responses(
        (status = 200, description = "The number, the lowest if there are several.", body = Found, headers(("cache-control"))),
        FindRefusals,
    ),
)]
pub(super) async fn find(State(app): State<Arc<App>>, uri: Uri) -> Result<Json<Found>, Refused> {
    let invalid = |error: String| Refused::new(Code::InvalidParameter, error);
    let Query(Whose { who }) = Query::try_from_uri(&uri)
        .map_err(|rejection| invalid(format!("give who=NAME, once: {}", rejection.body_text())))?;
    if who.len() > WHO_LIMIT {
        return Err(invalid(format!(
            "who is longer than {WHO_LIMIT} bytes: no name is"
        )));
    }
    let asked = Asked::new(&who).ok_or_else(|| {
        let how = "who is no name: give an address, a GitHub login, the name of an invitation, or all of an identity";
        invalid(how.to_owned())
    })?;
    match app.coordinator.number_of(asked).await? {
        Some(number) => Ok(Json(Found { number })),
        None => Err(unknown(format!(
            "nobody who is called {who} has contributed"
        ))),
    }
}

fn unknown(error: String) -> Refused {
    Refused::new(Code::ContributionUnknown, error)
}

/// A number in its one spelling.
fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling() {
        assert_eq!(decimal("0"), Some(0));
        assert_eq!(decimal("1043"), Some(1043));
        for other in [
            "",
            "01",
            "+1",
            "-1",
            "1.0",
            "1e3",
            " 1",
            "99999999999999999999",
        ] {
            assert_eq!(decimal(other), None, "{other}");
        }
    }
}

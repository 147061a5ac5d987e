//! `GET /login/nonce` and `POST /login`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use tauline_protocol::error::Code;
use tauline_protocol::login::{LoginAnswer, LoginRequest, NonceAnswer};

use crate::http::app::App;
use crate::http::body::json;
use crate::openapi::refusals::{COUNTED, EVERY, SMALL_BODY, refusals};
use crate::refused::Refused;
use crate::signin::browser::Browser;

/// What may be sent to `/login`.
const PROOFS: &str = r#"send exactly one of {"siwe":{"message":"…","signature":"0x…"}}, {"github":{"code":"…","state":"…"}} and {"invite":"…"}"#;

refusals!(NonceRefusals: EVERY, COUNTED, [Code::LoginMethodNotOffered]);

/// What an EIP-4361 message must say (`docs/spec/http-api.md#nonce`).
///
/// The nonce is good for ten minutes, and once: signing somebody in uses it up.
#[utoipa::path(
    get,
    path = "/login/nonce",
    operation_id = "loginNonce",
    tag = "sign-in",
    responses(
        (status = 200, description = "A nonce, and what it is for.", body = NonceAnswer, headers(("cache-control"))),
        NonceRefusals,
    ),
)]
pub(super) async fn nonce(State(app): State<Arc<App>>) -> Result<Json<NonceAnswer>, Refused> {
    Ok(Json(app.sign_in.nonce()?))
}

refusals!(
    LoginRefusals: EVERY,
    COUNTED,
    SMALL_BODY,
    [
        Code::LoginMalformedMessage,
        Code::LoginInvalidState,
        Code::LoginUnknownNonce,
        Code::LoginWrongDomain,
        Code::LoginWrongChain,
        Code::LoginExpired,
        Code::LoginInvalidSignature,
        Code::LoginUnknownInvite,
        Code::LoginInvalidCode,
        Code::LoginMethodNotOffered,
        Code::LoginNotEligible,
        Code::LoginProviderUnreachable,
        Code::LoginProviderMisbehaved,
        Code::LoginBusy,
        Code::SessionsFull,
        Code::Unavailable,
    ],
);

/// A session for a proof of identity (`docs/spec/http-api.md#siwe`, `docs/spec/http-api.md#invite`).
///
/// Whoever has a place in line comes back to it. Sign-ins of an address are counted by the hour.
#[utoipa::path(
    post,
    path = "/login",
    operation_id = "login",
    tag = "sign-in",
    request_body(content = LoginRequest, description = "One proof."),
    responses(
        (status = 200, description = "The session.", body = LoginAnswer, headers(("cache-control"))),
        LoginRefusals,
    ),
)]
pub(super) async fn login(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<LoginAnswer>, Refused> {
    let (parts, body) = request.into_parts();
    let bytes = json::bytes(&parts.headers, body, app.body_timeout).await?;
    if bytes.is_empty() {
        return Err(Refused::new(
            Code::MalformedBody,
            format!("the body is empty: {PROOFS}"),
        ));
    }
    let request: LoginRequest = json::parse(&bytes)
        .map_err(|refused| Refused::new(refused.code, format!("{}; {PROOFS}", refused.error)))?;
    let browser = Browser::of(&parts.headers, app.sign_in.origin.is_tls());
    let tried = app.sign_in.login(&request, browser.as_ref()).await;
    app.measures.sign_in(&tried);
    Ok(Json(tried?))
}

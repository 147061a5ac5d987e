//! What our own page asks, at which wallets sign.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use tauline_protocol::auth::{AuthCode, AuthProvider};
use tauline_protocol::error::Code;
use tauline_protocol::login::SiweProof;
use utoipa::ToSchema;

use super::answer::{self, Problem, STATE, STATE_UNREADABLE};
use super::begun::begun;
use crate::http::app::App;
use crate::http::body::json;
use crate::openapi::refusals::{COUNTED, EVERY, Refusal, SMALL_BODY, refusals};
use crate::refused::Refused;
use crate::signin::account;

/// What the wallet page asks first.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageRequest {
    /// The state of the sign-in, from the page's address.
    state: String,
    /// The account that will sign: `0x` and 40 hex digits.
    #[schema(pattern = "^0x[0-9A-Fa-f]{40}$")]
    address: String,
}

/// What the wallet shall sign.
#[derive(Serialize, ToSchema)]
pub(super) struct WalletMessage {
    /// The EIP-4361 message.
    message: String,
}

/// What it sends then.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Signature {
    /// The state of the sign-in.
    state: String,
    /// The message as it was signed.
    message: String,
    /// The signature: hex digits after `0x`.
    signature: String,
}

/// Where the browser goes on.
#[derive(Serialize, ToSchema)]
pub(super) struct Next {
    /// The callback's path and query.
    #[schema(format = "uri-reference")]
    location: String,
}

refusals!(
    MessageRefusals: EVERY,
    COUNTED,
    SMALL_BODY,
    STATE,
    [Refusal::message(400, STATE_UNREADABLE)],
);

/// What a wallet shall sign (`docs/spec/http-api.md#wallet-page`).
///
/// For the coordinator's own page: the request carries the cookie of the browser that began.
#[utoipa::path(
    post,
    path = "/auth/eth/message",
    operation_id = "authEthMessage",
    tag = "browser",
    request_body = MessageRequest,
    responses(
        (status = 200, description = "The message.", body = WalletMessage, headers(("cache-control"))),
        MessageRefusals,
    ),
)]
pub(super) async fn wallet_message(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<WalletMessage>, Problem> {
    let (parts, body) = request.into_parts();
    let bytes = json::bytes(&parts.headers, body, app.body_timeout).await?;
    let MessageRequest { state, address } = json::parse(&bytes)?;
    let (begun, _) = begun(&app, &state, AuthProvider::Ethereum, &parts.headers)?;
    let address = account::address(&address).ok_or_else(|| {
        Refused::new(
            Code::InvalidParameter,
            "the address must be 0x and 40 hex digits",
        )
    })?;
    let host = parts.headers.get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok());
    let message = app.sign_in.wallet_message(&begun, address, host)?;
    Ok(Json(WalletMessage { message }))
}

refusals!(
    SignedRefusals: EVERY,
    COUNTED,
    SMALL_BODY,
    STATE,
    [
        Code::LoginMalformedMessage,
        Code::LoginUnknownNonce,
        Code::LoginWrongDomain,
        Code::LoginWrongChain,
        Code::LoginExpired,
        Code::LoginInvalidSignature,
        Code::LoginMethodNotOffered,
        Code::LoginBusy,
    ],
    [
        AuthCode::UserCreatedAfterDeadline,
        AuthCode::FetchUserDataError,
        AuthCode::CouldNotExtractUserData,
    ],
    [Refusal::message(400, STATE_UNREADABLE)],
);

/// Where a browser goes whose wallet has signed (`docs/spec/http-api.md#wallet-page`).
///
/// An account that may not take part is told so, and where to tell the program that waits, in `location`. For the coordinator's own page: the request carries the cookie of the browser that began.
#[utoipa::path(
    post,
    path = "/auth/eth",
    operation_id = "authEth",
    tag = "browser",
    request_body = Signature,
    responses(
        (status = 200, description = "The callback, with a code that is good once.", body = Next, headers(("cache-control"))),
        SignedRefusals,
    ),
)]
pub(super) async fn wallet_signed(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let bytes = json::bytes(&parts.headers, body, app.body_timeout).await?;
    let Signature {
        state,
        message,
        signature,
    } = json::parse(&bytes)?;
    let (begun, browser) = begun(&app, &state, AuthProvider::Ethereum, &parts.headers)?;
    let proof = SiweProof { message, signature };
    let signed = app
        .sign_in
        .wallet_signed(&begun, &state, &proof, &browser)
        .await;
    if signed.is_err() {
        // A good one is counted when it comes back with a session.
        app.measures.sign_in(&signed);
    }
    let next = match signed {
        Ok(next) => next,
        Err(refused) => {
            // The person may have another account. The program that waits hears of this one.
            let redirect = begun.redirect.as_deref();
            let told = redirect.filter(|_| refused.code == Code::LoginNotEligible);
            let told = told.and_then(|redirect| {
                answer::refusal(&app.sign_in.redirects, redirect, refused.clone())
            });
            return Ok(answer::explained(refused, told));
        }
    };
    // By the name that the browser knows this host by: another has another cookie.
    let location = next[url::Position::BeforePath..].to_owned();
    Ok(Json(Next { location }).into_response())
}

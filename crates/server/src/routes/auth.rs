//! `/auth/…`: signing in in a browser, as clients of Ethereum's ceremony know it
//! (`docs/spec/http-api.md#links`).

mod answer;
mod begun;
mod page;
mod wallet;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tauline_protocol::auth::{AuthAnswer, AuthCode, AuthLinks, AuthProvider};
use tauline_protocol::error::Code;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use self::answer::{Problem, STATE, STATE_UNREADABLE, sent_on};
use self::begun::{Returned, begun};
use super::sequencer;
use crate::http::admission::{Policy, Rate};
use crate::http::app::App;
use crate::openapi::refusals::{COUNTED, EVERY, Refusal, refusals};
use crate::refused::Refused;
use crate::signin::browser::Browser;
use crate::signin::oauth;
use crate::signin::web::Beginning;

/// The routes.
pub(super) fn router() -> OpenApiRouter<Arc<App>> {
    let get_only =
        |(schemas, paths, get): UtoipaMethodRouter<Arc<App>>| (schemas, paths, get.head(get_only));
    OpenApiRouter::new()
        .routes(routes!(request_link))
        .routes(routes!(start_eth))
        .routes(routes!(start_github))
        .routes(routes!(wallet::wallet_message))
        .routes(routes!(wallet::wallet_signed))
        .routes(get_only(routes!(callback_eth)))
        .routes(get_only(routes!(callback_github)))
        .routes(routes!(page::style))
}

/// How these requests are counted. A sign-in is one that brings a proof to be checked; what comes back from our
/// own page with its own code was counted there.
pub(super) const POLICY: Policy = Policy {
    covers: |path| path.starts_with("/auth/"),
    rate: |app, request| match request.uri().path() {
        "/auth/eth" | "/auth/callback/github" => Rate::SignIn,
        "/auth/callback/eth" if !brings_pages_code(app, request) => Rate::SignIn,
        path if sequencer::is_of(path) => Rate::Lobby,
        _ => Rate::Session,
    },
    too_many: |app, parts, early| {
        let refused = Refused::from(early);
        shown_to_person(app, parts, &refused).unwrap_or_else(|| refused.into_response())
    },
};

fn brings_pages_code(app: &App, request: &Request) -> bool {
    let Ok(Returned {
        code: Ok(code),
        state,
    }) = Returned::read(request.uri())
    else {
        return false;
    };
    let begun = begun(app, &state, AuthProvider::Ethereum, request.headers());
    begun.is_ok_and(|(begun, browser)| app.sign_in.is_pages_code(&begun, &code, &browser))
}

/// How a person is told of a refusal: a callback ends as other callbacks that fail do, and who follows a link
/// gets a page. `None` where a program asks.
fn shown_to_person(app: &App, parts: &Parts, refused: &Refused) -> Option<Response> {
    let provider = match parts.uri.path() {
        "/auth/start/eth" | "/auth/start/github" => {
            let accept = parts.headers.get(header::ACCEPT)?.to_str().ok()?;
            return accept.contains("text/html").then(|| page::notice(refused));
        }
        "/auth/callback/eth" => AuthProvider::Ethereum,
        "/auth/callback/github" => AuthProvider::Github,
        _ => return None,
    };
    let state = Returned::read(&parts.uri).ok()?.state;
    let (begun, _) = begun(app, &state, provider, &parts.headers).ok()?;
    let redirect = begun.redirect?;
    Some(answer::refused(
        &app.sign_in.redirects,
        &redirect,
        refused.clone(),
    ))
}

/// A callback signs somebody in. So a program that only looks at a link, as some do to show a
/// preview, gets nothing.
async fn get_only() -> Response {
    let mut response = StatusCode::METHOD_NOT_ALLOWED.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ALLOW, HeaderValue::from_static("GET"));
    response
}

/// What a client asks of a link.
#[derive(Deserialize)]
struct Asked {
    redirect_to: Option<String>,
    /// Whether to sign in also who has taken part, as a program wants that may ask for its receipt
    /// again. Clients of Ethereum's ceremony want to hear that they have.
    #[serde(default)]
    returning: bool,
}

impl Asked {
    /// No address and the empty one mean the same.
    fn redirect(&self) -> Option<&str> {
        self.redirect_to.as_deref().filter(|text| !text.is_empty())
    }
}

fn asked(uri: &Uri) -> Result<Asked, Refused> {
    let query = Query::<Asked>::try_from_uri(uri);
    query.map(|Query(asked)| asked).map_err(|rejection| {
        Refused::new(
            Code::InvalidParameter,
            format!(
                "give redirect_to and returning=true once, or not at all: {}",
                rejection.body_text()
            ),
        )
    })
}

refusals!(
    LinkRefusals: EVERY,
    COUNTED,
    [Code::LoginRedirectNotAllowed],
    [AuthCode::LobbyIsFull],
);

/// Where a person begins to sign in in a browser (`docs/spec/http-api.md#links`).
///
/// Two links, whichever ways are offered: a way that is not is a page that says so.
#[utoipa::path(
    get,
    path = "/auth/request_link",
    operation_id = "authLinks",
    tag = "browser",
    params(
        ("redirect_to" = Option<String>, Query, description = "Where the browser shall be sent with the session: an address of the person's own machine, or one that the operator allows. Empty is the same as none.", example = "http://127.0.0.1:8080/"),
        ("returning" = Option<bool>, Query, description = "Whether to sign in also who has taken part."),
    ),
    responses(
        (status = 200, description = "The links.", body = AuthLinks, headers(("cache-control"))),
        LinkRefusals,
    ),
)]
async fn request_link(State(app): State<Arc<App>>, uri: Uri) -> Result<Json<AuthLinks>, Problem> {
    let asked = asked(&uri)?;
    Ok(Json(app.sign_in.links(asked.redirect(), asked.returning)?))
}

refusals!(
    StartRefusals: EVERY,
    COUNTED,
    [
        Code::InvalidParameter,
        Code::RateLimited,
        Code::LoginRedirectNotAllowed,
        Code::LoginMethodNotOffered,
    ]
    .map(|code| Refusal::from(code).on_a_page()),
);

/// Begins to sign in by GitHub, in a browser (`docs/spec/http-api.md#begin`).
#[utoipa::path(
    get,
    path = "/auth/start/github",
    operation_id = "authStartGithub",
    tag = "browser",
    params(
        ("redirect_to" = Option<String>, Query, description = "Where the browser shall be sent with the session. Empty is the same as none."),
        ("returning" = Option<bool>, Query, description = "Whether to sign in also who has taken part."),
    ),
    responses(
        (status = 303, description = "On to the provider.", headers(("location"), ("set-cookie"), ("referrer-policy"))),
        StartRefusals,
    ),
)]
async fn start_github(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap) -> Response {
    start(&app, AuthProvider::Github, &uri, &headers)
}

/// Begins to sign in by an Ethereum account, in a browser (`docs/spec/http-api.md#begin`).
#[utoipa::path(
    get,
    path = "/auth/start/eth",
    operation_id = "authStartEth",
    tag = "browser",
    params(
        ("redirect_to" = Option<String>, Query, description = "Where the browser shall be sent with the session. Empty is the same as none."),
        ("returning" = Option<bool>, Query, description = "Whether to sign in also who has taken part."),
    ),
    responses(
        (
            status = 303,
            description = "On to the provider, or to our own page, at which a wallet signs.",
            headers(("location"), ("set-cookie"), ("referrer-policy"))
        ),
        StartRefusals,
    ),
)]
async fn start_eth(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap) -> Response {
    start(&app, AuthProvider::Ethereum, &uri, &headers)
}

/// Begins in a browser: the first request of its own, and so where its cookie is set.
fn start(app: &App, provider: AuthProvider, uri: &Uri, headers: &HeaderMap) -> Response {
    let tls = app.sign_in.origin.is_tls();
    let browser = Browser::of(headers, tls).unwrap_or_default();
    let begun = asked(uri).and_then(|asked| {
        let (redirect, returning) = (asked.redirect(), asked.returning);
        app.sign_in.begin(provider, redirect, returning, &browser)
    });
    let mut response = match begun {
        Ok(Beginning::Provider(url)) => sent_on(&url),
        Ok(Beginning::WalletPage(state)) => answer::wallet_page(&state),
        Err(refused) => return page::notice(&refused),
    };
    let cookie = browser.set_cookie(tls);
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    response
}

refusals!(
    CallbackRefusals: EVERY,
    COUNTED,
    STATE,
    [
        AuthCode::LobbyIsFull,
        AuthCode::UserAlreadyContributed,
        AuthCode::InvalidAuthCode,
        AuthCode::UserCreatedAfterDeadline,
        AuthCode::FetchUserDataError,
        AuthCode::CouldNotExtractUserData,
    ],
    [
        Code::LoginMethodNotOffered,
        Code::LoginBusy,
        Code::HandedOver,
        Code::Unavailable,
    ],
    [
        Refusal::message(400, STATE_UNREADABLE),
        Refusal::plain(422, "The query has no `state`, or neither `code` nor `error`."),
    ],
);

/// Where GitHub sends a browser back to (`docs/spec/http-api.md#callback`).
///
/// `GET` only, not `HEAD`. What goes wrong is appended to `redirect_to` as `code` and `error`, or is an error here where
/// there is no such address.
#[utoipa::path(
    get,
    path = "/auth/callback/github",
    operation_id = "authCallbackGithub",
    tag = "browser",
    params(
        ("state" = String, Query, description = "The state with which the sign-in began."),
        ("code" = Option<String>, Query, description = "The code for the account."),
        ("error" = Option<String>, Query, description = "In place of a code: why there is none."),
    ),
    responses(
        (status = 200, description = "The session, where there is no address to send it to.", body = AuthAnswer, headers(("cache-control"))),
        (status = 303, description = "On to `redirect_to`, with the session or the error in its query.", headers(("location"), ("referrer-policy"))),
        CallbackRefusals,
    ),
)]
async fn callback_github(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap) -> Response {
    callback(&app, AuthProvider::Github, &uri, &headers).await
}

/// Where our own page, or the provider for Ethereum accounts, sends a browser back to (`docs/spec/http-api.md#callback`).
///
/// `GET` only, not `HEAD`. What goes wrong is appended to `redirect_to` as `code` and `error`, or is an error here where
/// there is no such address.
#[utoipa::path(
    get,
    path = "/auth/callback/eth",
    operation_id = "authCallbackEth",
    tag = "browser",
    params(
        ("state" = String, Query, description = "The state with which the sign-in began."),
        ("code" = Option<String>, Query, description = "The code for the account."),
        ("error" = Option<String>, Query, description = "In place of a code: why there is none."),
    ),
    responses(
        (status = 200, description = "The session, where there is no address to send it to.", body = AuthAnswer, headers(("cache-control"))),
        (status = 303, description = "On to `redirect_to`, with the session or the error in its query.", headers(("location"), ("referrer-policy"))),
        CallbackRefusals,
    ),
)]
async fn callback_eth(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap) -> Response {
    callback(&app, AuthProvider::Ethereum, &uri, &headers).await
}

/// Ends in a browser. Where it leads is known once the state is: what is wrong before is said here.
async fn callback(app: &App, provider: AuthProvider, uri: &Uri, headers: &HeaderMap) -> Response {
    let returned = match Returned::read(uri) {
        Ok(returned) => returned,
        Err(text) => return (StatusCode::UNPROCESSABLE_ENTITY, text).into_response(),
    };
    let (begun, browser) = match begun(app, &returned.state, provider, headers) {
        Ok(begun) => begun,
        Err(error) => return Problem::from(error).into_response(),
    };
    let ended = match &returned.code {
        Ok(code) => app.sign_in.end(&begun, code, &browser).await,
        Err(error) => Err(oauth::returned_with(error)),
    };
    app.measures.sign_in(&ended);
    match (ended, &begun.redirect) {
        (Ok(answer), None) => Json(answer).into_response(),
        (Ok(answer), Some(redirect)) => {
            answer::signed_in(&app.sign_in.redirects, redirect, &answer)
        }
        (Err(error), None) => Problem::from(error).into_response(),
        (Err(error), Some(redirect)) => answer::refused(&app.sign_in.redirects, redirect, error),
    }
}

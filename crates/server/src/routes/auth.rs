//! `/auth/…`: signing in in a browser, as clients of Ethereum's ceremony know it
//! (`docs/spec/http-api.md#links`).

mod answer;
mod page;

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use tauline_protocol::auth::{AuthLinks, AuthProvider};
use tauline_protocol::error::Code;
use tauline_protocol::login::SiweProof;

use self::answer::{Problem, sent_on};
use super::sequencer;
use crate::http::admission::{Policy, Rate};
use crate::http::app::App;
use crate::http::body::json;
use crate::refused::Refused;
use crate::signin::browser::Browser;
use crate::signin::state::{Begun, StateError};
use crate::signin::web::Beginning;
use crate::signin::{account, oauth};

/// The routes.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/auth/request_link", get(request_link))
        .route("/auth/start/eth", get(start_eth))
        .route("/auth/start/github", get(start_github))
        .route("/auth/eth/message", post(wallet_message))
        .route("/auth/eth", post(wallet_signed))
        .route("/auth/callback/eth", get(callback_eth).head(get_only))
        .route("/auth/callback/github", get(callback_github).head(get_only))
        .route("/auth/page/style.css", get(page::style))
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

/// The sign-in that a state is of, and the browser that it began in.
fn begun(
    app: &App,
    state: &str,
    provider: AuthProvider,
    headers: &HeaderMap,
) -> Result<(Begun, Browser), StateError> {
    let browser = Browser::of(headers, app.sign_in.origin.is_tls());
    let begun = app.sign_in.state(state, provider, browser.as_ref())?;
    Ok((begun, browser.ok_or(StateError::Foreign)?))
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

async fn request_link(State(app): State<Arc<App>>, uri: Uri) -> Result<Json<AuthLinks>, Problem> {
    let asked = asked(&uri)?;
    Ok(Json(app.sign_in.links(asked.redirect(), asked.returning)?))
}

async fn start_github(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap) -> Response {
    start(&app, AuthProvider::Github, &uri, &headers)
}

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

async fn callback_github(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap) -> Response {
    callback(&app, AuthProvider::Github, &uri, &headers).await
}

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

/// What a provider appended to the callback's address.
struct Returned {
    /// Or the word for why there is none: the person, or the provider, said no.
    code: Result<String, String>,
    state: String,
}

impl Returned {
    fn read(uri: &Uri) -> Result<Self, String> {
        /// RFC 6749, section 4.1.2.1.
        #[derive(Deserialize)]
        struct Denied {
            error: String,
            state: String,
        }
        if let Ok(Query(Denied { error, state })) = Query::try_from_uri(uri) {
            return Ok(Self {
                code: Err(error),
                state,
            });
        }
        /// Providers may append more.
        #[derive(Deserialize)]
        struct Granted {
            code: String,
            state: String,
        }
        match Query::try_from_uri(uri) {
            Ok(Query(Granted { code, state })) => Ok(Self {
                code: Ok(code),
                state,
            }),
            Err(rejection) => Err(rejection.body_text()),
        }
    }
}

/// What the wallet page asks first.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageRequest {
    state: String,
    address: String,
}

/// What it sends then.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    state: String,
    message: String,
    signature: String,
}

async fn wallet_message(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Problem> {
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
    Ok(Json(serde_json::json!({ "message": message })).into_response())
}

async fn wallet_signed(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
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
    let next = &next[url::Position::BeforePath..];
    Ok(Json(serde_json::json!({ "location": next })).into_response())
}

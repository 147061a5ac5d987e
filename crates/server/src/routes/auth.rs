//! `/auth/…`: signing in in a browser, as clients of Ethereum's ceremony know it
//! (`sequencer-http.md`, section 3).

mod answer;
mod page;

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use tauline_protocol::auth::{AuthLinks, AuthProvider};
use tauline_protocol::error::Code;
use tauline_protocol::login::SiweProof;

use self::answer::{Problem, refused, sent_on};
use super::App;
use super::failure::Failure;
use crate::body;
use crate::signin::browser::Browser;
use crate::signin::web::{self, Beginning};
use crate::signin::{ethereum, oauth};

/// The routes.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/auth/request_link", get(request_link))
        .route("/auth/start/eth", get(start_eth))
        .route("/auth/start/github", get(start_github))
        .route("/auth/eth/message", post(wallet_message))
        .route("/auth/eth", post(wallet_signed))
        .route("/auth/callback/eth", get(callback_eth))
        .route("/auth/callback/github", get(callback_github))
        .route("/auth/page/sign-in.js", get(page::script))
        .route("/auth/page/style.css", get(page::style))
}

/// Whether a path is one where a proof is checked, which counts as a sign-in. What comes back from
/// our own page was checked, and counted, there.
pub(super) fn is_sign_in(app: &App, path: &str) -> bool {
    match path {
        "/auth/eth" | "/auth/callback/github" => true,
        "/auth/callback/eth" => app.sign_in.oidc.is_some(),
        _ => false,
    }
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

fn asked(uri: &Uri) -> Result<Asked, Failure> {
    let query = Query::<Asked>::try_from_uri(uri);
    query.map(|Query(asked)| asked).map_err(|rejection| {
        Failure::new(
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
        let beginning = app.sign_in.begin(provider, redirect, returning, &browser);
        beginning.map_err(Failure::from)
    });
    let mut response = match begun {
        Ok(Beginning::Provider(url)) => sent_on(&url),
        Ok(Beginning::WalletPage(state)) => page::wallet(&state),
        Err(failure) => return page::notice(&failure),
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
    let browser = Browser::of(headers, app.sign_in.origin.is_tls());
    let state = app
        .sign_in
        .state(&returned.state, provider, browser.as_ref());
    let (begun, browser) = match (state, browser) {
        (Ok(begun), Some(browser)) => (begun, browser),
        (Err(error), _) => return Problem::from(error).into_response(),
        (Ok(_), None) => return Problem::from(web::foreign_state()).into_response(),
    };
    let ended = match &returned.code {
        Some(code) => app.sign_in.end(&begun, code, &browser).await,
        None => Err(oauth::invalid_code()),
    };
    match (ended, &begun.redirect) {
        (Ok(answer), None) => Json(answer).into_response(),
        (Ok(answer), Some(redirect)) => answer::signed_in(redirect, &answer),
        (Err(error), None) => Problem::from(error).into_response(),
        (Err(error), Some(redirect)) => refused(redirect, &Problem::from(error)),
    }
}

/// What a provider appended to the callback's address.
struct Returned {
    /// Missing when the person, or the provider, said no.
    code: Option<String>,
    state: String,
}

impl Returned {
    fn read(uri: &Uri) -> Result<Self, String> {
        /// RFC 6749, section 4.1.2.1.
        #[derive(Deserialize)]
        struct Denied {
            #[serde(rename = "error")]
            _error: String,
            state: String,
        }
        if let Ok(Query(Denied { state, .. })) = Query::try_from_uri(uri) {
            return Ok(Self { code: None, state });
        }
        /// Providers may append more.
        #[derive(Deserialize)]
        struct Granted {
            code: String,
            state: String,
        }
        match Query::try_from_uri(uri) {
            Ok(Query(Granted { code, state })) => Ok(Self {
                code: Some(code),
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
    let bytes = body::small(&parts.headers, body, app.body_timeout).await?;
    let MessageRequest { state, address } = body::from_json(&bytes)?;
    let browser = Browser::of(&parts.headers, app.sign_in.origin.is_tls());
    let begun = app
        .sign_in
        .state(&state, AuthProvider::Ethereum, browser.as_ref())?;
    let address = ethereum::address(&address).ok_or_else(|| {
        Failure::new(
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
    let bytes = body::small(&parts.headers, body, app.body_timeout).await?;
    let Signature {
        state,
        message,
        signature,
    } = body::from_json(&bytes)?;
    let browser = Browser::of(&parts.headers, app.sign_in.origin.is_tls());
    let begun = app
        .sign_in
        .state(&state, AuthProvider::Ethereum, browser.as_ref())?;
    let browser = browser.ok_or_else(web::foreign_state)?;
    let proof = SiweProof { message, signature };
    let next = app
        .sign_in
        .wallet_signed(&begun, &state, &proof, &browser)
        .await
        .map_err(Problem::explained)?;
    // By the name that the browser knows this host by: another has another cookie.
    let next = &next[url::Position::BeforePath..];
    Ok(Json(serde_json::json!({ "location": next })).into_response())
}

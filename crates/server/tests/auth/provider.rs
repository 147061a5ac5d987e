//! An OAuth provider over real HTTP, in the manner of GitHub, and as strict.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::browser::Arrival;
use crate::browser::Browser;
use crate::common::TestServer;

pub(crate) const CLIENT_ID: &str = "tauline-test";
pub(crate) const CLIENT_SECRET: &str = "the-client-secret-0123456789";

/// What the provider does.
#[derive(Clone)]
pub(crate) enum Manner {
    /// As it should.
    Honest,
    /// The person says no.
    Declines,
    /// Never answers who brings a code.
    Hangs,
    /// No token for any code, with this status and body.
    NoToken(u16, &'static str),
    /// The account is described with this status and body.
    User(u16, String),
    /// Sends whoever asks for the account elsewhere.
    UserElsewhere(String),
}

struct Granted {
    challenge: String,
    redirect_uri: String,
    user: Value,
}

struct Shared {
    manner: Manner,
    /// Who agrees when a browser comes.
    user: Value,
    codes: HashMap<String, Granted>,
    tokens: HashMap<String, Value>,
    made: usize,
    /// The paths that were asked for.
    asked: Vec<String>,
}

type Known = Arc<Mutex<Shared>>;

/// A provider that runs until the test ends.
pub(crate) struct Provider {
    address: SocketAddr,
    shared: Known,
}

/// An account of GitHub's.
pub(crate) fn account(id: u64, login: &str, created_at: &str) -> Value {
    json!({"id": id, "login": login, "created_at": created_at, "type": "User", "name": null})
}

/// An account old enough.
pub(crate) fn octocat() -> Value {
    account(583_231, "OctoCat", "2011-01-25T18:44:36Z")
}

impl Provider {
    pub(crate) async fn start(user: Value) -> Self {
        let shared = Arc::new(Mutex::new(Shared {
            manner: Manner::Honest,
            user,
            codes: HashMap::new(),
            tokens: HashMap::new(),
            made: 0,
            asked: Vec::new(),
        }));
        let router = Router::new()
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/user", get(user_of_token))
            .with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn behave(&self, manner: Manner) {
        self.shared.lock().unwrap().manner = manner;
    }

    /// From now on another person agrees.
    pub(crate) fn becomes(&self, user: Value) {
        self.shared.lock().unwrap().user = user;
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.shared.lock().unwrap().asked.clone()
    }

    /// The codes and tokens that were given out: what no log may hold.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let shared = self.shared.lock().unwrap();
        let tokens = shared.tokens.keys().cloned();
        tokens
            .chain(std::iter::once(CLIENT_SECRET.to_owned()))
            .collect()
    }

    /// A server that offers GitHub, and this for it.
    pub(crate) async fn server(&self, more: &[(&str, &str)]) -> TestServer {
        let flags = self.github_flags();
        let mut all: Vec<(&str, &str)> = flags
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        all.extend(more);
        TestServer::with(&all).await
    }

    pub(crate) fn github_flags(&self) -> [(&'static str, String); 6] {
        [
            ("signin", "siwe,github".to_owned()),
            ("github-client-id", CLIENT_ID.to_owned()),
            ("github-client-secret", CLIENT_SECRET.to_owned()),
            ("github-auth-url", self.url("/authorize")),
            ("github-token-url", self.url("/token")),
            ("github-user-url", self.url("/user")),
        ]
    }

    /// The same as a provider of Ethereum accounts.
    pub(crate) fn oidc_flags(&self) -> [(&'static str, String); 6] {
        [
            ("signin", "oidc".to_owned()),
            ("eth-oidc-client-id", CLIENT_ID.to_owned()),
            ("eth-oidc-client-secret", CLIENT_SECRET.to_owned()),
            ("eth-oidc-auth-url", self.url("/authorize")),
            ("eth-oidc-token-url", self.url("/token")),
            ("eth-oidc-userinfo-url", self.url("/user")),
        ]
    }

    /// Follows a link until it leaves the server and this provider.
    pub(crate) async fn journey(
        &self,
        browser: &Browser,
        server: &TestServer,
        link: &str,
    ) -> Arrival {
        let own = [
            format!("127.0.0.1:{}", self.address.port()),
            server.url().replace("http://", ""),
        ];
        let stays = |url: &Url| own.iter().any(|one| url.authority() == one);
        browser.follow(link, stays).await
    }
}

/// The provider's page, where the person agrees at once.
async fn authorize(
    State(known): State<Known>,
    Query(asked): Query<HashMap<String, String>>,
) -> Response {
    let mut shared = known.lock().unwrap();
    shared.asked.push("/authorize".to_owned());
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(asked.get(name).map(String::as_str), Some(value), "{name}");
    }
    let mut back = Url::parse(&asked["redirect_uri"]).unwrap();
    if matches!(shared.manner, Manner::Declines) {
        back.query_pairs_mut()
            .append_pair("error", "access_denied")
            .append_pair(
                "error_description",
                "The user has denied your application access.",
            )
            .append_pair("state", &asked["state"]);
        return Redirect::to(back.as_str()).into_response();
    }
    shared.made += 1;
    let code = format!("code-{:06}-{}", shared.made, "c".repeat(14));
    let user = shared.user.clone();
    shared.codes.insert(
        code.clone(),
        Granted {
            challenge: asked["code_challenge"].clone(),
            redirect_uri: asked["redirect_uri"].clone(),
            user,
        },
    );
    back.query_pairs_mut()
        .append_pair("code", &code)
        .append_pair("state", &asked["state"]);
    Redirect::to(back.as_str()).into_response()
}

#[derive(Deserialize)]
struct Exchange {
    grant_type: String,
    code: String,
    code_verifier: String,
    redirect_uri: String,
}

async fn token(
    State(known): State<Known>,
    headers: HeaderMap,
    Form(exchange): Form<Exchange>,
) -> Response {
    let hangs = matches!(known.lock().unwrap().manner, Manner::Hangs);
    if hangs {
        known.lock().unwrap().asked.push("/token".to_owned());
        std::future::pending::<()>().await;
    }
    let mut shared = known.lock().unwrap();
    shared.asked.push("/token".to_owned());
    let basic = BASE64_STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
    assert_eq!(headers[header::AUTHORIZATION], format!("Basic {basic}"));
    assert_eq!(headers[header::ACCEPT], "application/json");
    assert_eq!(exchange.grant_type, "authorization_code");
    if let Manner::NoToken(status, body) = shared.manner {
        return (StatusCode::from_u16(status).unwrap(), body).into_response();
    }
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&exchange.code_verifier));
    // A code is used up by whoever shows it.
    match shared.codes.remove(&exchange.code) {
        Some(granted)
            if granted.challenge == challenge && granted.redirect_uri == exchange.redirect_uri =>
        {
            let token = format!("gho_token_{}", exchange.code);
            shared.tokens.insert(token.clone(), granted.user);
            Json(json!({"access_token": token, "token_type": "bearer", "scope": ""}))
                .into_response()
        }
        // As GitHub has it: with status 200.
        _ => Json(json!({
            "error": "bad_verification_code",
            "error_description": "The code passed is incorrect or expired."
        }))
        .into_response(),
    }
}

async fn user_of_token(State(known): State<Known>, headers: HeaderMap) -> Response {
    let mut shared = known.lock().unwrap();
    shared.asked.push("/user".to_owned());
    assert!(
        headers.contains_key(header::USER_AGENT),
        "GitHub asks for one"
    );
    match &shared.manner {
        Manner::User(status, body) => {
            return (StatusCode::from_u16(*status).unwrap(), body.clone()).into_response();
        }
        Manner::UserElsewhere(url) => return Redirect::temporary(url).into_response(),
        _ => {}
    }
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    match token.and_then(|token| shared.tokens.get(token)) {
        Some(user) => Json(user.clone()).into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

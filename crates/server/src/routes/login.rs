//! `GET /login/nonce` and `POST /login`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use tauline_protocol::error::Code;
use tauline_protocol::login::{LoginAnswer, LoginRequest, NonceAnswer};

use crate::http::app::App;
use crate::http::body::json;
use crate::refused::Refused;
use crate::signin::browser::Browser;

/// What may be sent to `/login`.
const PROOFS: &str = r#"send exactly one of {"siwe":{"message":"…","signature":"0x…"}}, {"github":{"code":"…","state":"…"}} and {"invite":"…"}"#;

pub(super) async fn nonce(State(app): State<Arc<App>>) -> Result<Json<NonceAnswer>, Refused> {
    Ok(Json(app.sign_in.nonce()?))
}

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

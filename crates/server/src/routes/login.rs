//! `GET /login/nonce` and `POST /login`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use serde::de::IgnoredAny;
use tauline_protocol::error::Code;
use tauline_protocol::login::{LoginAnswer, LoginRequest, NonceAnswer};

use crate::body;

use super::App;
use super::failure::Failure;

pub(super) async fn nonce(State(app): State<Arc<App>>) -> Result<Json<NonceAnswer>, Failure> {
    Ok(Json(app.sign_in.nonce()?))
}

pub(super) async fn login(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<LoginAnswer>, Failure> {
    let (parts, body) = request.into_parts();
    let bytes = body::small(&parts.headers, body, app.body_timeout).await?;
    if bytes.is_empty() {
        return Err(Failure::new(
            Code::MalformedBody,
            r#"the body is empty: send {"siwe":{"message":"…","signature":"0x…"}} or {"invite":"…"}"#,
        ));
    }
    if asks_for_github(&bytes) {
        return Err(app.sign_in.not_offered("by GitHub").into());
    }
    let request: LoginRequest = body::from_json(&bytes)?;
    Ok(Json(app.sign_in.login(&request).await?))
}

/// GitHub is a way to sign in of the interface, so asking for it is not malformed.
fn asks_for_github(bytes: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Asked {
        #[serde(rename = "github")]
        _github: IgnoredAny,
    }
    serde_json::from_slice::<Asked>(bytes).is_ok()
}

//! Which sign-in a request belongs to: its state, and what a provider sent a browser back with.

use axum::extract::Query;
use axum::http::{HeaderMap, Uri};
use serde::Deserialize;
use tauline_protocol::auth::AuthProvider;

use crate::http::app::App;
use crate::signin::browser::Browser;
use crate::signin::state::{Begun, StateError};

/// The sign-in that a state is of, and the browser that it began in.
pub(super) fn begun(
    app: &App,
    state: &str,
    provider: AuthProvider,
    headers: &HeaderMap,
) -> Result<(Begun, Browser), StateError> {
    let browser = Browser::of(headers, app.sign_in.origin.is_tls());
    let begun = app.sign_in.state(state, provider, browser.as_ref())?;
    Ok((begun, browser.ok_or(StateError::Foreign)?))
}

/// What a provider appended to the callback's address.
pub(super) struct Returned {
    /// Or the word for why there is none: the person, or the provider, said no.
    pub(super) code: Result<String, String>,
    pub(super) state: String,
}

impl Returned {
    /// What stands in the query, or what is wrong with it.
    pub(super) fn read(uri: &Uri) -> Result<Self, String> {
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

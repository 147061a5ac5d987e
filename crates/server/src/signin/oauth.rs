//! OAuth 2.0 as a client: the authorization code flow with PKCE (RFC 6749, section 4.1; RFC 7636).

use std::pin::Pin;
use std::sync::Arc;

use axum::http::{self, HeaderValue, Method, StatusCode, header};
use oauth2::basic::{BasicClient, BasicErrorResponse, BasicErrorResponseType};
use oauth2::{
    AsyncHttpClient, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    TokenResponse as _, TokenUrl,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tauline_protocol::error::Code;
use url::Url;

use super::outgoing::{Outgoing, Unreachable};
use super::secret::Secret;
use crate::coordinator::Refused;

/// What a provider calls a code that it does not take: RFC 6749, section 5.2, and GitHub.
const BAD_CODE: [&str; 2] = ["invalid_grant", "bad_verification_code"];

/// Where a provider is.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// Where a browser asks for a code.
    pub auth: Url,
    /// Where a code is exchanged for a token.
    pub token: Url,
    /// Where a token shows whose it is.
    pub user: Url,
}

/// What the provider knows this coordinator by.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The public half.
    pub client_id: String,
    /// The other.
    pub client_secret: Secret,
}

/// One provider.
pub struct OAuth {
    name: &'static str,
    client: BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>,
    user: Url,
    scope: Option<Scope>,
    outgoing: Arc<Outgoing>,
}

impl OAuth {
    /// A provider that sends browsers back to `callback`. The name is for the log.
    #[must_use]
    pub fn new(
        name: &'static str,
        endpoints: Endpoints,
        credentials: &Credentials,
        callback: Url,
        outgoing: Arc<Outgoing>,
    ) -> Self {
        let secret = ClientSecret::new(credentials.client_secret.reveal().to_owned());
        let client = BasicClient::new(ClientId::new(credentials.client_id.clone()))
            .set_client_secret(secret)
            .set_auth_uri(AuthUrl::from_url(endpoints.auth))
            .set_token_uri(TokenUrl::from_url(endpoints.token))
            .set_redirect_uri(RedirectUrl::from_url(callback));
        Self {
            name,
            client,
            user: endpoints.user,
            scope: None,
            outgoing,
        }
    }

    /// The same, asking for a scope.
    #[must_use]
    pub fn with_scope(self, scope: &str) -> Self {
        Self {
            scope: Some(Scope::new(scope.to_owned())),
            ..self
        }
    }

    /// Where a browser asks for a code.
    #[must_use]
    pub fn authorize_url(&self, state: &str, verifier: &str) -> Url {
        let verifier = PkceCodeVerifier::new(verifier.to_owned());
        let (url, _) = self
            .client
            .authorize_url(|| CsrfToken::new(state.to_owned()))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .add_scopes(self.scope.clone())
            .url();
        url
    }

    /// Whom a code is for, as the provider describes them.
    ///
    /// # Errors
    /// [`Code::LoginInvalidCode`], [`Code::LoginProviderUnreachable`] or
    /// [`Code::LoginProviderMisbehaved`].
    pub async fn user<T: DeserializeOwned>(
        &self,
        code: &str,
        verifier: &str,
    ) -> Result<T, Refused> {
        let token = self.exchange(code, verifier).await?;
        let request = self.ask_for_user(&token).ok_or_else(|| {
            tracing::warn!(provider = self.name, "its token is no text for a header");
            misbehaved()
        })?;
        let answer = self.outgoing.send(request).await;
        let answer = answer.map_err(|error| self.unreachable(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(self.unreachable(&Unreachable::Status(answer.status().as_u16())));
        }
        serde_json::from_slice(answer.body()).map_err(|error| {
            tracing::warn!(provider = self.name, %error, "no account in its answer");
            misbehaved()
        })
    }

    fn ask_for_user(&self, token: &str) -> Option<http::Request<Vec<u8>>> {
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
        bearer.set_sensitive(true);
        http::Request::builder()
            .method(Method::GET)
            .uri(self.user.as_str())
            .header(header::AUTHORIZATION, bearer)
            .header(header::ACCEPT, "application/json")
            .body(Vec::new())
            .ok()
    }

    async fn exchange(&self, code: &str, verifier: &str) -> Result<String, Refused> {
        let token = self
            .client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()))
            .request_async(&*self.outgoing)
            .await;
        match token {
            Ok(token) => Ok(token.access_token().secret().clone()),
            Err(RequestTokenError::Request(error)) => Err(self.unreachable(&error)),
            Err(error) => {
                let word = refusal(&error);
                if BAD_CODE.contains(&word.as_str()) {
                    tracing::info!(provider = self.name, "a code was refused");
                } else {
                    tracing::warn!(provider = self.name, error = ?word, "no token for a code");
                }
                Err(invalid_code())
            }
        }
    }

    fn unreachable(&self, error: &Unreachable) -> Refused {
        tracing::warn!(provider = self.name, %error, "a provider could not be asked");
        Refused::new(
            Code::LoginProviderUnreachable,
            "the identity provider could not be asked: sign in again in a minute",
        )
    }
}

impl<'c> AsyncHttpClient<'c> for Outgoing {
    type Error = Unreachable;
    type Future =
        Pin<Box<dyn Future<Output = Result<http::Response<Vec<u8>>, Unreachable>> + Send + 'c>>;

    fn call(&'c self, request: http::Request<Vec<u8>>) -> Self::Future {
        Box::pin(self.send(request))
    }
}

/// The provider's own word for why there is no token. GitHub says it with status 200. What else
/// it sent stays out of the log: it may be a token.
fn refusal(error: &RequestTokenError<Unreachable, BasicErrorResponse>) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    match error {
        RequestTokenError::ServerResponse(answer) => match answer.error() {
            BasicErrorResponseType::InvalidGrant => "invalid_grant".to_owned(),
            other => other.to_string(),
        },
        RequestTokenError::Parse(_, body) => match serde_json::from_slice::<Refusal>(body) {
            Ok(Refusal { error }) => error,
            Err(_) => "an answer that is none".to_owned(),
        },
        RequestTokenError::Request(error) => error.to_string(),
        RequestTokenError::Other(_) => "an answer that is none".to_owned(),
    }
}

/// The refusal of a code.
#[must_use]
pub fn invalid_code() -> Refused {
    Refused::new(
        Code::LoginInvalidCode,
        "the identity provider does not take this code, or nobody agreed to it: sign in again",
    )
}

/// The refusal when an answer names no account.
#[must_use]
pub fn misbehaved() -> Refused {
    Refused::new(
        Code::LoginProviderMisbehaved,
        "the identity provider's answer names no account that can take part",
    )
}

//! OAuth 2.0 as a client: the authorization code flow with PKCE (RFC 6749, section 4.1; RFC 7636).

use std::pin::Pin;

use axum::http::{self, HeaderValue, Method, StatusCode, header};
use oauth2::basic::{BasicClient, BasicErrorResponse, BasicErrorResponseType, BasicTokenType};
use oauth2::{
    AsyncHttpClient, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    TokenResponse as _, TokenUrl,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tauline_protocol::error::Code;
use tauline_protocol::object::Object;
use url::Url;

use super::outgoing::{Busy, Party, Slot, Unreachable, cut};
use super::secret::Secret;
use crate::refused::Refused;

/// Sign-ins that a provider is asked about at a time. At two fifths of a second each, that is over
/// a hundred a second: enough for a crowd.
const MAX_AT_ONCE: usize = 64;

/// A provider's words for a code that it does not take: those of RFC 6749, section 5.2, and
/// GitHub's, which also asks for a verified address. Anything else that it says instead of a token
/// is not the person's doing.
const BAD_CODE: [&str; 3] = [
    "invalid_grant",
    "bad_verification_code",
    "unverified_user_email",
];

/// What a browser brings back from a provider when the person did not agree: RFC 6749, section
/// 4.1.2.1, and OpenID Connect Core 1.0, section 3.1.2.6.
const DECLINED: [&str; 5] = [
    "access_denied",
    "interaction_required",
    "login_required",
    "account_selection_required",
    "consent_required",
];

/// What a provider says when it cannot answer just now (RFC 6749, section 4.1.2.1).
const TROUBLE: [&str; 2] = ["server_error", "temporarily_unavailable"];

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
    /// The secret half.
    pub client_secret: Secret,
}

/// One provider.
pub struct OAuth {
    name: &'static str,
    client: BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>,
    user: Url,
    scope: Option<Scope>,
    party: Party,
}

/// A permit to ask a provider about one code.
pub struct Asking<'a> {
    provider: &'a OAuth,
    slot: Slot<'a>,
}

impl OAuth {
    /// A provider that sends browsers back to `callback`. The name is for the log.
    ///
    /// # Errors
    /// When the system has no TLS to offer.
    pub fn new(
        name: &'static str,
        endpoints: Endpoints,
        credentials: &Credentials,
        callback: Url,
    ) -> Result<Self, reqwest::Error> {
        let secret = ClientSecret::new(credentials.client_secret.reveal().to_owned());
        let client = BasicClient::new(ClientId::new(credentials.client_id.clone()))
            .set_client_secret(secret)
            .set_auth_uri(AuthUrl::from_url(endpoints.auth))
            .set_token_uri(TokenUrl::from_url(endpoints.token))
            .set_redirect_uri(RedirectUrl::from_url(callback));
        Ok(Self {
            name,
            client,
            user: endpoints.user,
            scope: None,
            party: Party::new(name, MAX_AT_ONCE)?,
        })
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

    /// A permit to ask about one code, unless too many are asked about now.
    ///
    /// # Errors
    /// [`Busy`].
    pub fn asking(&self) -> Result<Asking<'_>, Busy> {
        Ok(Asking {
            provider: self,
            slot: self.party.slot()?,
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

    fn unreachable(&self, error: &Unreachable) -> Refused {
        tracing::warn!(provider = self.name, %error, "a provider could not be asked");
        unreachable()
    }

    fn misbehaved(&self, how: &str) -> Refused {
        tracing::warn!(
            provider = self.name,
            how,
            "a provider does not do as it should"
        );
        misbehaved()
    }
}

impl Asking<'_> {
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
        let provider = self.provider;
        let token = self.exchange(code, verifier).await?;
        let request = provider
            .ask_for_user(&token)
            .ok_or_else(|| provider.misbehaved("its token is no text for a header"))?;
        let answer = self.slot.send(request).await;
        let answer = answer.map_err(|error| provider.unreachable(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(provider.unreachable(&Unreachable::Status(answer.status().as_u16())));
        }
        let user = serde_json::from_slice::<Object<T>>(answer.body());
        user.map(Object::into_inner).map_err(|error| {
            provider.misbehaved(&cut(&format!("no account in its answer: {error}")))
        })
    }

    async fn exchange(&self, code: &str, verifier: &str) -> Result<String, Refused> {
        let provider = self.provider;
        let token = provider
            .client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()))
            .request_async(&self.slot)
            .await;
        match token {
            Ok(token) if *token.token_type() != BasicTokenType::Bearer => {
                Err(provider.misbehaved("its token is no bearer token"))
            }
            Ok(token) => Ok(token.access_token().secret().clone()),
            Err(RequestTokenError::Request(error)) => Err(provider.unreachable(&error)),
            Err(error) => match refusal(&error) {
                Some(word) if BAD_CODE.contains(&word.as_str()) => {
                    tracing::info!(provider = provider.name, "a code was refused");
                    Err(invalid_code())
                }
                Some(word) if TROUBLE.contains(&word.as_str()) => {
                    Err(provider.unreachable(&Unreachable::Failed(word)))
                }
                Some(word) => {
                    Err(provider.misbehaved(&format!("no token for a code: {}", cut(&word))))
                }
                None => {
                    Err(provider.misbehaved("no token for a code, and no reason that can be read"))
                }
            },
        }
    }
}

impl<'c> AsyncHttpClient<'c> for Slot<'_> {
    type Error = Unreachable;
    type Future =
        Pin<Box<dyn Future<Output = Result<http::Response<Vec<u8>>, Unreachable>> + Send + 'c>>;

    fn call(&'c self, request: http::Request<Vec<u8>>) -> Self::Future {
        Box::pin(async move {
            let mut answer = self.send(request).await?;
            let status = answer.status();
            // The library reads structures from lists, too.
            let is_object = answer.body().trim_ascii_start().starts_with(b"{");
            if status.is_server_error() || !status.is_success() && !is_object {
                return Err(Unreachable::Status(status.as_u16()));
            }
            if !is_object {
                answer.body_mut().clear();
            }
            // The library would refuse an object by its media type; what counts is the reason
            // inside.
            answer.headers_mut().remove(header::CONTENT_TYPE);
            Ok(answer)
        })
    }
}

/// The provider's own word for why there is no token, if it has one. GitHub says it with status
/// 200. Whatever else it sent stays out of the log: it may be a token.
fn refusal(error: &RequestTokenError<Unreachable, BasicErrorResponse>) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    match error {
        RequestTokenError::ServerResponse(answer) => Some(match answer.error() {
            BasicErrorResponseType::InvalidGrant => "invalid_grant".to_owned(),
            other => other.to_string(),
        }),
        RequestTokenError::Parse(_, body) => {
            let refusal = serde_json::from_slice::<Object<Refusal>>(body).ok()?;
            Some(refusal.into_inner().error)
        }
        RequestTokenError::Request(_) | RequestTokenError::Other(_) => None,
    }
}

/// The refusal of somebody whom a provider sends back with an error instead of a code.
#[must_use]
pub fn returned_with(error: &str) -> Refused {
    if DECLINED.contains(&error) {
        return invalid_code();
    }
    tracing::warn!(
        error = cut(error),
        "a provider sent a browser back without a code"
    );
    if TROUBLE.contains(&error) {
        unreachable()
    } else {
        misbehaved()
    }
}

fn unreachable() -> Refused {
    Refused::new(
        Code::LoginProviderUnreachable,
        "the identity provider could not be asked: sign in again in a minute",
    )
}

/// The refusal of a code.
#[must_use]
pub fn invalid_code() -> Refused {
    Refused::new(
        Code::LoginInvalidCode,
        "the identity provider does not take this code, or nobody agreed to it: sign in again",
    )
}

/// The refusal when an answer names no account, or the provider does not know this coordinator.
#[must_use]
pub fn misbehaved() -> Refused {
    Refused::new(
        Code::LoginProviderMisbehaved,
        "the identity provider named no account that can take part; that is not your doing: tell the operator",
    )
}

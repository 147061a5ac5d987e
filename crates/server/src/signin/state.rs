//! The `state` of a sign-in in a browser: which browser began it, and where it shall lead.
//!
//! A state travels through the provider and back, and whoever sees the address sees it. It is a
//! nonce ([`super::nonce`]: expiring, single use, unguessable, no memory spent on those that do
//! not come back), the address to redirect to, and a keyed hash over both *and the browser's
//! secret*, which is in its cookie only. From the same secrets come the PKCE verifier and the
//! codes of our own wallet page.
//!
//! # Why that is enough
//!
//! Links to sign in are made for anybody who asks, programs among them, and followed in a browser
//! later. So a link holds nothing that matters: what is bound is made when the browser comes.
//!
//! * *Login CSRF*: somebody begins a sign-in, agrees to it with an account of their own, and has
//!   another person's browser end it. That browser has no cookie, or another: the hash does not
//!   fit. Having it follow a link first does not help: it gets a state of its own.
//! * *A code slipped into another's sign-in*: the code was asked for under the challenge of another
//!   browser's sign-in, and the provider refuses the verifier of this one.
//! * *Session fixation*: a session is made when a sign-in ends and told to the browser that began
//!   it, by the redirect. Nobody can choose it, nor add one to the address
//!   ([`super::redirect::APPENDED`]).
//! * *A link with somebody else's `redirect_to`*: the session of whoever follows the link goes to a
//!   page that the operator allows, or to their own machine. Whoever made the link gets nothing.
//! * *Replay*: the nonce is taken before anything is done with a code, and given back only if the
//!   code is nobody's.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, Mac as _};
use rand_core::{OsRng, RngCore as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tauline_protocol::auth::AuthProvider;
use tauline_protocol::object::Object;

use super::browser::Browser;
use super::key::SignInKey;

/// Bytes of an address.
const ADDRESS_LEN: usize = 20;
/// Bytes of a hash.
const HASH_LEN: usize = 32;

/// Makes states and recognises them (`docs/spec/http-api.md#state`).
pub struct States {
    key: [u8; 32],
}

/// What a state says, once it is known to be of this coordinator's making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// With whom.
    pub provider: AuthProvider,
    /// Where the browser shall be sent in the end.
    pub redirect: Option<String>,
    /// Whether somebody who has taken part is signed in as well, who may ask how the stay ended.
    pub returning: bool,
    /// The single-use nonce.
    pub nonce: String,
}

/// Why a text is no state. The first two are told apart because clients tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateError {
    /// It is not base64.
    Encoding,
    /// It is not the JSON of a state.
    Content,
    /// It is not this coordinator's, or not this browser's, or for another provider.
    Foreign,
}

/// What is in a state. Base64 of compact JSON, as it was at Ethereum's ceremony.
#[derive(Serialize, Deserialize)]
struct Content {
    redirect: Option<String>,
    /// Left out when it is not set, as clients of Ethereum's ceremony know it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    returning: bool,
    nonce: String,
    hash: String,
}

impl States {
    /// States under a fresh key: whoever was about to sign in at a restart begins again.
    #[must_use]
    pub fn new() -> Self {
        let mut key = [0; 32];
        OsRng.fill_bytes(&mut key);
        Self { key }
    }

    /// States that are good wherever this key is.
    #[must_use]
    pub fn under(key: &SignInKey) -> Self {
        Self {
            key: key.of("states"),
        }
    }

    /// The state of a sign-in that begins in a browser.
    #[must_use]
    pub fn make(&self, begun: &Begun, browser: &Browser) -> String {
        let content = Content {
            redirect: begun.redirect.clone(),
            returning: begun.returning,
            nonce: begun.nonce.clone(),
            hash: hex::encode(self.state_hash(begun, browser).finalize().into_bytes()),
        };
        // Strings and a truth value: there is nothing that could fail.
        BASE64.encode(serde_json::to_vec(&content).unwrap_or_default())
    }

    /// Reads a state that a browser brings back from a provider.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(
        &self,
        state: &str,
        provider: AuthProvider,
        browser: Option<&Browser>,
    ) -> Result<Begun, StateError> {
        let json = BASE64.decode(state).map_err(|_| StateError::Encoding)?;
        let content: Content = serde_json::from_slice(&json)
            .map(Object::into_inner)
            .map_err(|_| StateError::Content)?;
        let begun = Begun {
            provider,
            redirect: content.redirect,
            returning: content.returning,
            nonce: content.nonce,
        };
        let browser = browser.ok_or(StateError::Foreign)?;
        let mut hash = [0; HASH_LEN];
        hex::decode_to_slice(&content.hash, &mut hash).map_err(|_| StateError::Foreign)?;
        self.state_hash(&begun, browser)
            .verify_slice(&hash)
            .map_err(|_| StateError::Foreign)?;
        Ok(begun)
    }

    /// The PKCE verifier of a sign-in: 43 characters (RFC 7636, section 4.1).
    #[must_use]
    pub fn verifier(&self, begun: &Begun, browser: &Browser) -> String {
        let hash = self.keyed("pkce", begun, browser);
        BASE64.encode(hash.finalize().into_bytes())
    }

    /// The code by which our own wallet page tells the callback whose key signed.
    #[must_use]
    pub fn code(&self, begun: &Begun, browser: &Browser, address: [u8; ADDRESS_LEN]) -> String {
        let hash = self.code_hash(begun, browser, &address);
        BASE64.encode([&address[..], &hash.finalize().into_bytes()].concat())
    }

    /// Whose key signed.
    #[must_use]
    pub fn address(
        &self,
        begun: &Begun,
        browser: &Browser,
        code: &str,
    ) -> Option<[u8; ADDRESS_LEN]> {
        let bytes = BASE64.decode(code).ok()?;
        let (address, hash) = bytes.split_first_chunk::<ADDRESS_LEN>()?;
        self.code_hash(begun, browser, address)
            .verify_slice(hash)
            .ok()?;
        Some(*address)
    }

    fn state_hash(&self, begun: &Begun, browser: &Browser) -> Hmac<Sha256> {
        let mut hash = self.keyed("state", begun, browser);
        if let Some(redirect) = &begun.redirect {
            hash.update(redirect.as_bytes());
        }
        hash
    }

    fn code_hash(&self, begun: &Begun, browser: &Browser, address: &[u8]) -> Hmac<Sha256> {
        let mut hash = self.keyed("code", begun, browser);
        hash.update(address);
        hash
    }

    /// A hash of everything that tells sign-ins apart, for one purpose. Lengths that vary are
    /// hashed too, so that no two sign-ins look alike; no redirect is something else than an empty
    /// one.
    fn keyed(&self, purpose: &str, begun: &Begun, browser: &Browser) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut hash = Hmac::<Sha256>::new_from_slice(&self.key).expect("a key of 32 bytes");
        hash.update(browser.secret());
        for part in [purpose, begun.provider.as_str(), &begun.nonce] {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hash.update(&[
            u8::from(begun.redirect.is_some()),
            u8::from(begun.returning),
        ]);
        hash
    }
}

impl Default for States {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun() -> Begun {
        Begun {
            provider: AuthProvider::Github,
            redirect: Some("http://localhost:8080/".to_owned()),
            returning: false,
            nonce: "00ff".to_owned(),
        }
    }

    #[test]
    fn a_state_comes_back_to_the_browser_that_began() {
        let (states, browser) = (States::new(), Browser::new());
        for begun in [
            begun(),
            Begun {
                redirect: None,
                ..begun()
            },
            Begun {
                returning: true,
                ..begun()
            },
        ] {
            let state = states.make(&begun, &browser);
            let read = states.read(&state, AuthProvider::Github, Some(&browser));
            assert_eq!(read, Ok(begun));
            for (states, provider, browser) in [
                (&states, AuthProvider::Github, None),
                (&states, AuthProvider::Github, Some(&Browser::new())),
                (&states, AuthProvider::Ethereum, Some(&browser)),
                (&States::new(), AuthProvider::Github, Some(&browser)),
            ] {
                assert_eq!(
                    states.read(&state, provider, browser),
                    Err(StateError::Foreign)
                );
            }
        }
    }

    #[test]
    fn a_state_comes_back_to_the_next_leader() {
        let browser = Browser::new();
        let [first, next] = [(); 2].map(|()| States::under(&SignInKey::new([7; 32])));
        let state = first.make(&begun(), &browser);
        let read = next.read(&state, AuthProvider::Github, Some(&browser));
        assert_eq!(read, Ok(begun()));
        let verifiers = [&first, &next].map(|it| it.verifier(&begun(), &browser));
        assert_eq!(verifiers[0], verifiers[1]);
        let code = first.code(&begun(), &browser, [7; 20]);
        assert_eq!(next.address(&begun(), &browser, &code), Some([7; 20]));
        let other = States::under(&SignInKey::new([8; 32]));
        let forged = other.make(&begun(), &browser);
        assert_eq!(
            next.read(&forged, AuthProvider::Github, Some(&browser)),
            Err(StateError::Foreign)
        );
    }

    #[test]
    fn nothing_in_a_state_can_be_altered() {
        let (states, browser) = (States::new(), Browser::new());
        let state = states.make(&begun(), &browser);
        let json = String::from_utf8(BASE64.decode(&state).unwrap()).unwrap();
        for (what, with) in [
            ("localhost", "evil.example"),
            ("\"http://localhost:8080/\"", "null"),
            ("\"http://localhost:8080/\"", "\"\""),
            ("00ff", "00fe"),
            ("\"hash\":\"", "\"hash\":\"00"),
            ("\"nonce\"", "\"returning\":true,\"nonce\""),
        ] {
            let altered = BASE64.encode(json.replace(what, with));
            assert_ne!(altered, state);
            assert_eq!(
                states.read(&altered, AuthProvider::Github, Some(&browser)),
                Err(StateError::Foreign),
                "{what} {with}"
            );
        }
        for (text, error) in [
            ("", StateError::Content),
            ("*", StateError::Encoding),
            ("e30", StateError::Content),
            ("bnVsbA", StateError::Content),
            // ["http://x/","n","00"]
            ("WyJodHRwOi8veC8iLCJuIiwiMDAiXQ", StateError::Content),
        ] {
            let read = states.read(text, AuthProvider::Github, Some(&browser));
            assert_eq!(read, Err(error), "{text}");
        }
    }

    #[test]
    fn verifiers_and_codes_belong_to_one_sign_in() {
        let (states, browser, other) = (States::new(), Browser::new(), Browser::new());
        let next = Begun {
            nonce: "00fe".to_owned(),
            ..begun()
        };
        let verifier = states.verifier(&begun(), &browser);
        assert_eq!(verifier.len(), 43);
        assert_ne!(verifier, states.verifier(&next, &browser));
        assert_ne!(verifier, states.verifier(&begun(), &other));

        let code = states.code(&begun(), &browser, [7; 20]);
        assert_eq!(states.address(&begun(), &browser, &code), Some([7; 20]));
        assert_eq!(states.address(&next, &browser, &code), None);
        assert_eq!(states.address(&begun(), &other, &code), None);
        assert_eq!(states.address(&begun(), &browser, &code[1..]), None);
        assert_eq!(states.address(&begun(), &browser, ""), None);
        let mut bytes = BASE64.decode(&code).unwrap();
        bytes[0] ^= 1;
        let altered = BASE64.encode(bytes);
        assert_eq!(states.address(&begun(), &browser, &altered), None);
    }
}

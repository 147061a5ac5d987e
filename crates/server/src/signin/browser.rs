//! The browser that a sign-in began in, known by a cookie.
//!
//! The cookie lets nobody in: it only shows that the browser which ends a sign-in is the one that
//! began it ([`super::state`]).

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use cookie::{Cookie, SameSite};
use rand_core::{OsRng, RngCore as _};

/// Bytes of a cookie's secret: nobody guesses 256 bits.
pub const SECRET_LEN: usize = 32;

/// How long a browser is known: longer than a sign-in may take (ten minutes), and not much longer.
const COOKIE_LIFETIME: Duration = Duration::from_secs(3600);

/// The cookie's name where there is TLS. Browsers take the prefix from nobody but this very host,
/// over TLS (RFC 6265bis, section 4.1.3.2): no neighbouring host can plant one.
const NAME: &str = "__Host-tauline-browser";
/// Its name on a loopback address without TLS, where that prefix cannot be had.
const PLAIN_NAME: &str = "tauline-browser";

/// A browser's secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Browser([u8; SECRET_LEN]);

impl Browser {
    /// A browser that is seen for the first time.
    #[must_use]
    pub fn new() -> Self {
        let mut secret = [0; SECRET_LEN];
        OsRng.fill_bytes(&mut secret);
        Self(secret)
    }

    /// The browser that sent a request, if it was seen before.
    #[must_use]
    pub fn of(headers: &HeaderMap, tls: bool) -> Option<Self> {
        let cookies = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(Cookie::split_parse)
            .filter_map(Result::ok);
        let mut secret = [0; SECRET_LEN];
        for cookie in cookies {
            if cookie.name() == name(tls)
                && hex::decode_to_slice(cookie.value(), &mut secret).is_ok()
            {
                return Some(Self(secret));
            }
        }
        None
    }

    /// The header that has a browser remember its secret.
    ///
    /// `Lax`: the cookie comes along when a provider sends the browser back, and not when another
    /// site's page asks for something here.
    #[must_use]
    pub fn set_cookie(&self, tls: bool) -> HeaderValue {
        let lifetime = i64::try_from(COOKIE_LIFETIME.as_secs()).unwrap_or(i64::MAX);
        let cookie = Cookie::build((name(tls), hex::encode(self.0)))
            .path("/")
            .http_only(true)
            .secure(tls)
            .same_site(SameSite::Lax)
            .max_age(cookie::time::Duration::seconds(lifetime))
            .build();
        #[expect(
            clippy::expect_used,
            reason = "a name, hex digits and attributes are ASCII"
        )]
        let mut value = HeaderValue::try_from(cookie.to_string()).expect("visible ASCII");
        value.set_sensitive(true);
        value
    }

    /// The secret.
    #[must_use]
    pub fn secret(&self) -> &[u8; SECRET_LEN] {
        &self.0
    }
}

impl Default for Browser {
    fn default() -> Self {
        Self::new()
    }
}

fn name(tls: bool) -> &'static str {
    if tls { NAME } else { PLAIN_NAME }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_cookie_comes_back_as_the_browser_it_was_set_for() {
        for tls in [true, false] {
            let browser = Browser::new();
            let set = browser.set_cookie(tls).to_str().unwrap().to_owned();
            let pair = set.split(';').next().unwrap();
            let back = Browser::of(&sent(&format!("other=1; {pair}; more=2")), tls);
            assert!(back == Some(browser));
            assert!(Browser::of(&sent(pair), !tls).is_none(), "another name");
        }
    }

    #[test]
    fn the_cookie_is_bound_to_the_host_wherever_there_is_tls() {
        let set = Browser::new().set_cookie(true).to_str().unwrap().to_owned();
        assert!(set.starts_with("__Host-"), "{set}");
        for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
            assert!(set.contains(attribute), "{set}");
        }
        assert!(!set.contains("Domain"), "{set}");
        let plain = Browser::new()
            .set_cookie(false)
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            !plain.contains("Secure") && !plain.contains("__Host"),
            "{plain}"
        );
    }

    #[test]
    fn a_cookie_that_is_none_of_ours_is_nobodys() {
        for value in [
            "",
            "tauline-browser",
            "tauline-browser=",
            "tauline-browser=00",
            "=;;=",
        ] {
            assert!(Browser::of(&sent(value), false).is_none(), "{value}");
        }
        assert!(Browser::of(&HeaderMap::new(), false).is_none());
    }
}

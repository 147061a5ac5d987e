//! Where a browser may be sent with a session: to a program on the person's own machine, to our own
//! page, and to pages that the operator named.
//!
//! A session travels in the address, so this list decides who can be handed one. Programs get it in the
//! query. Our own page gets it in the fragment, which browsers send to nobody, and no proxy logs. URLs
//! are read by the same rules as browsers read them (the WHATWG's): there is no second reading for an
//! address to hide in.

use tauline_protocol::error::Code;
use url::{Host, Origin, Position, Url, form_urlencoded};

use super::origin::Origin as Site;
use crate::refused::Refused;

/// The longest address, in bytes: it travels inside a state, through the provider and back.
const MAX_LEN: usize = 1024;

/// Parameters that are appended to the address. An address that brings its own could have a client
/// take somebody else's session from it.
pub const APPENDED: [&str; 7] = [
    "session_id",
    "sub",
    "nickname",
    "provider",
    "exp",
    "code",
    "error",
];

/// The addresses that sessions may be sent to, beside loopback ones
/// (`docs/spec/http-api.md#redirect`).
#[derive(Debug)]
pub struct Redirects {
    allowed: Vec<Allowed>,
    own: Site,
    /// Whether a path is of our own page. Other paths lead on, to a provider for example, and a browser
    /// would take a fragment along.
    is_page: fn(&str) -> bool,
}

/// An origin, or one page of it, that sessions may be sent to.
#[derive(Debug, Clone)]
pub struct Allowed {
    origin: Origin,
    /// The only path; `None` is any.
    path: Option<String>,
}

impl std::str::FromStr for Allowed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const HOW: &str = "give an origin, such as https://ceremony.example.org, or one page of it";
        let url = Url::parse(text).map_err(|error| format!("this is no URL: {error}; {HOW}"))?;
        let plain = url.query().is_none() && url.fragment().is_none() && !has_userinfo(&url);
        if !matches!(url.scheme(), "http" | "https") || !plain {
            return Err(HOW.to_owned());
        }
        Ok(Self {
            origin: url.origin(),
            path: (url.path() != "/").then(|| url.path().to_owned()),
        })
    }
}

impl Allowed {
    fn holds(&self, url: &Url) -> bool {
        self.origin == url.origin() && self.path.as_ref().is_none_or(|path| path == url.path())
    }
}

impl Redirects {
    /// Loopback addresses, these, and the page of our own site.
    #[must_use]
    pub fn new(allowed: Vec<Allowed>, own: Site, is_page: fn(&str) -> bool) -> Self {
        Self {
            allowed,
            own,
            is_page,
        }
    }

    /// Whether an address is that of our own page.
    #[must_use]
    pub fn is_own_page(&self, url: &Url) -> bool {
        self.own.is_scheme(url.scheme())
            && self
                .own
                .is_domain(&url[Position::BeforeHost..Position::AfterPort])
            && !has_userinfo(url)
            && (self.is_page)(url.path())
    }

    /// An address that was [checked](Self::check), with an outcome appended: in its query, or in the
    /// fragment where it is our own page (`docs/spec/http-api.md#session-answer`).
    #[must_use]
    pub fn with(&self, redirect: &str, outcome: &[(&str, &str)]) -> Option<Url> {
        let mut url = Url::parse(redirect).ok()?;
        if self.is_own_page(&url) {
            let mut fragment = form_urlencoded::Serializer::new(String::new());
            fragment.extend_pairs(outcome);
            url.set_fragment(Some(&fragment.finish()));
        } else {
            url.query_pairs_mut().extend_pairs(outcome);
        }
        Some(url)
    }

    /// Reads an address that a session shall be sent to.
    ///
    /// # Errors
    /// [`Code::LoginRedirectNotAllowed`].
    pub fn check(&self, text: &str) -> Result<Url, Refused> {
        let refuse = |why: &str| Err(Refused::new(Code::LoginRedirectNotAllowed, why));
        if text.len() > MAX_LEN {
            return refuse("redirect_to is too long");
        }
        let Ok(url) = Url::parse(text) else {
            return refuse("redirect_to is no URL: give one such as http://localhost:8080/");
        };
        let is_named = self.allowed.iter().any(|one| one.holds(&url));
        if has_userinfo(&url) || !(is_loopback(&url) || self.is_own_page(&url) || is_named) {
            return refuse(
                "redirect_to is not an address that this coordinator sends sessions to: it takes http://localhost, \
                 http://127.0.0.1 and http://[::1], its own page, and what its operator allows (--redirect-allow)",
            );
        }
        if url
            .query_pairs()
            .any(|(name, _)| APPENDED.contains(&name.as_ref()))
        {
            return refuse("redirect_to holds a parameter that the answer will be appended as");
        }
        Ok(url)
    }
}

fn has_userinfo(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Whether an address is that of a program on the machine of whoever follows it.
fn is_loopback(url: &Url) -> bool {
    let host = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address == std::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == std::net::Ipv6Addr::LOCALHOST,
        None => false,
    };
    url.scheme() == "http" && host
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirects(allowed: &[&str]) -> Redirects {
        let allowed = allowed.iter().map(|one| one.parse().unwrap()).collect();
        let own = Site::public(&"https://own.example".parse().unwrap());
        Redirects::new(allowed, own, |path| path == "/take-part")
    }

    #[test]
    fn programs_on_the_persons_own_machine_are_always_allowed() {
        let none = redirects(&[]);
        for good in [
            "http://localhost:8080/auth/callback",
            "http://LOCALHOST",
            "http://127.0.0.1:3000/auth_callback?client=7",
            "http://[::1]:9/#page",
        ] {
            assert!(none.check(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn nothing_else_is_allowed_by_default() {
        let none = redirects(&[]);
        for bad in [
            "",
            "/",
            "//localhost",
            "localhost:8080",
            "https://localhost/",
            "ftp://localhost/",
            "javascript:alert(1)",
            "data:text/html,x",
            "http://localhost.evil.example/",
            "http://evil.example/localhost",
            "http://localhost@evil.example/",
            "http://evil.example@localhost/",
            "http://:x@localhost/",
            "http://evil.example\\@localhost/",
            "http://evil.example#@localhost/",
            "http://127.0.0.2/",
            "http://0.0.0.0/",
            "http://[::ffff:127.0.0.1]/",
            "http://192.168.0.1/",
            "https://ceremony.example.org/",
        ] {
            let refused = none.check(bad).unwrap_err();
            assert_eq!(refused.code, Code::LoginRedirectNotAllowed, "{bad}");
        }
        let long = format!("http://localhost/{}", "x".repeat(MAX_LEN));
        assert!(none.check(&long).is_err());
    }

    #[test]
    fn an_allowed_origin_is_that_origin_and_an_allowed_page_that_page() {
        let some = redirects(&["https://a.example", "https://b.example:8443/signed-in"]);
        for good in [
            "https://a.example/",
            "https://A.example:443/any/page?x=1",
            "https://b.example:8443/signed-in?x=1",
        ] {
            assert!(some.check(good).is_ok(), "{good}");
        }
        for bad in [
            "http://a.example/",
            "https://a.example:8443/",
            "https://a.example.evil.example/",
            "https://x.a.example/",
            "https://b.example/signed-in",
            "https://b.example:8443/signed-in/",
            "https://b.example:8443/",
            "https://b.example:8443/x/../signed-in/y",
        ] {
            assert!(some.check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn our_own_page_is_allowed_and_nothing_else_of_our_site() {
        let none = redirects(&[]);
        for good in [
            "https://own.example/take-part",
            "https://OWN.example:443/take-part?sign-in=0a1b",
            "https://own.example/x/../take-part",
        ] {
            assert!(none.check(good).is_ok(), "{good}");
        }
        for bad in [
            "https://own.example/",
            "https://own.example/take-part/",
            "https://own.example/auth/start/github",
            "https://own.example/auth/callback/eth?state=x",
            "https://own.example//evil.example/take-part",
            "http://own.example/take-part",
            "https://own.example:8443/take-part",
            "https://own.example.evil.example/take-part",
            "https://own.example@evil.example/take-part",
            "https://evil.example@own.example/take-part",
            "https://own.example/take-part?session_id=theirs",
        ] {
            assert!(none.check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn programs_get_the_outcome_in_the_query_and_our_own_page_in_the_fragment() {
        let none = redirects(&[]);
        let outcome = [("session_id", "a b"), ("sub", "git|7|Ada")];
        for (redirect, with) in [
            (
                "http://localhost:9/in?x=1#part",
                "http://localhost:9/in?x=1&session_id=a+b&sub=git%7C7%7CAda#part",
            ),
            (
                "https://own.example/take-part?sign-in=1#session_id=theirs",
                "https://own.example/take-part?sign-in=1#session_id=a+b&sub=git%7C7%7CAda",
            ),
            (
                "https://other.example/take-part",
                "https://other.example/take-part?session_id=a+b&sub=git%7C7%7CAda",
            ),
        ] {
            let url = none.with(redirect, &outcome).unwrap();
            assert_eq!(url.as_str(), with, "{redirect}");
        }
    }

    #[test]
    fn an_address_that_brings_an_answer_with_it_is_refused() {
        for name in APPENDED {
            let url = format!("http://localhost/?x=1&{name}=theirs");
            assert!(redirects(&[]).check(&url).is_err(), "{url}");
        }
        assert!(
            redirects(&[])
                .check("http://localhost/?%73ession_id=x")
                .is_err()
        );
    }

    #[test]
    fn an_entry_of_the_list_is_an_origin_or_a_page() {
        for bad in [
            "example.org",
            "ftp://example.org",
            "https://u@example.org",
            "https://a.example/?x",
        ] {
            assert!(bad.parse::<Allowed>().is_err(), "{bad}");
        }
    }
}

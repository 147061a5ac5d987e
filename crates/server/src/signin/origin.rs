//! Where participants reach this coordinator: what an Ethereum sign-in is bound to.

use std::net::SocketAddr;

use axum::http::Uri;
use axum::http::uri::Authority;
use url::Url;

/// The origins that a sign-in may be for; the first is the one that clients are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    authorities: Vec<String>,
}

impl Origin {
    /// The origin of a public URL.
    #[must_use]
    pub fn public(url: &Uri) -> Self {
        let authority = url.authority().map_or("", Authority::as_str);
        Self {
            scheme: url.scheme_str().unwrap_or("https").to_owned(),
            authorities: vec![authority.to_ascii_lowercase()],
        }
    }

    /// The origins of an address that is listened on: a loopback address has three names, and a
    /// browser or a client may use any of them.
    #[must_use]
    pub fn local(bound: SocketAddr) -> Self {
        let mut authorities = vec![bound.to_string()];
        if bound.ip().is_loopback() {
            for name in ["localhost", "127.0.0.1", "[::1]"] {
                let authority = format!("{name}:{}", bound.port());
                if !authorities.contains(&authority) {
                    authorities.push(authority);
                }
            }
        }
        Self {
            scheme: "http".to_owned(),
            authorities,
        }
    }

    /// The domain that a sign-in message should name: host, and port unless it is the scheme's.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.authorities[0]
    }

    /// The URI that a sign-in message should name.
    #[must_use]
    pub fn uri(&self) -> String {
        self.uri_of(self.domain())
    }

    /// The domain by which a request came here: what its `Host` says if that is ours, else the
    /// first.
    #[must_use]
    pub fn domain_of<'a>(&'a self, host: Option<&str>) -> &'a str {
        let named = self
            .authorities
            .iter()
            .find(|own| host.is_some_and(|host| own.eq_ignore_ascii_case(host)));
        named.map_or(self.domain(), String::as_str)
    }

    /// Whether participants come over TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.scheme == "https"
    }

    /// The URI of one of its domains.
    #[must_use]
    pub fn uri_of(&self, domain: &str) -> String {
        format!("{}://{domain}", self.scheme)
    }

    /// A path here, by the first domain.
    #[must_use]
    pub fn url(&self, path: &str) -> Url {
        #[expect(
            clippy::expect_used,
            reason = "an address, or a setting that was read as a URL"
        )]
        let mut url = Url::parse(&self.uri()).expect("a URL");
        url.set_path(path);
        url
    }

    /// Whether `domain` is this coordinator's.
    #[must_use]
    pub fn is_domain(&self, domain: &str) -> bool {
        self.authorities
            .iter()
            .any(|own| own.eq_ignore_ascii_case(domain))
    }

    /// Whether `uri` is at this coordinator.
    #[must_use]
    pub fn holds(&self, uri: &str) -> bool {
        uri.parse::<Uri>().is_ok_and(|uri| {
            uri.scheme_str() == Some(self.scheme.as_str())
                && uri
                    .authority()
                    .is_some_and(|authority| self.is_domain(authority.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_the_only_origin() {
        let origin = Origin::public(&"https://Ceremony.example.org".parse().unwrap());
        assert_eq!(origin.domain(), "ceremony.example.org");
        assert_eq!(origin.uri(), "https://ceremony.example.org");
        assert!(origin.is_domain("CEREMONY.example.org"));
        assert!(!origin.is_domain("ceremony.example.org:444"));
        assert!(!origin.is_domain("localhost"));
        assert!(origin.holds("https://ceremony.example.org/login"));
        assert!(!origin.holds("http://ceremony.example.org/login"));
        assert!(!origin.holds("https://ceremony.example.org.evil.example/"));
        assert!(!origin.holds("https://user@ceremony.example.org/"));
    }

    #[test]
    fn a_loopback_address_goes_by_its_three_names() {
        let origin = Origin::local("127.0.0.1:3000".parse().unwrap());
        assert_eq!(origin.domain(), "127.0.0.1:3000");
        for name in ["127.0.0.1:3000", "localhost:3000", "[::1]:3000"] {
            assert!(origin.is_domain(name), "{name}");
        }
        assert_eq!(origin.domain_of(Some("LOCALHOST:3000")), "localhost:3000");
        assert_eq!(origin.domain_of(Some("evil.example")), "127.0.0.1:3000");
        assert_eq!(origin.domain_of(None), "127.0.0.1:3000");
        assert!(!origin.is_domain("127.0.0.1:3001"));
        assert!(!origin.is_domain("ceremony.example.org:3000"));
    }

    #[test]
    fn another_address_goes_by_its_own_name_only() {
        let origin = Origin::local("192.0.2.7:80".parse().unwrap());
        assert!(origin.is_domain("192.0.2.7:80"));
        assert!(!origin.is_domain("localhost:80"));
    }
}

//! Where participants reach this coordinator: what an Ethereum sign-in is bound to.

use std::net::SocketAddr;

use axum::http::Uri;
use iri_string::types::UriStr;
use url::{Host, Url};

use super::eip4361;

/// The origins that a sign-in may be for; the first is the one that clients are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    authorities: Vec<String>,
}

impl Origin {
    /// The origin of a public URL. A port that is the scheme's own is left out, as browsers and
    /// wallets leave it out.
    #[must_use]
    pub fn public(url: &Uri) -> Self {
        let scheme = url.scheme_str().unwrap_or("https").to_owned();
        let authority = url.authority().map_or("", |authority| authority.as_str());
        let authority = without_default_port(&scheme, authority).to_ascii_lowercase();
        Self {
            scheme,
            authorities: vec![authority],
        }
    }

    /// The origins of an address that is listened on: a loopback address has three names, and a
    /// browser or a client may use any of them. With TLS, they come by https.
    #[must_use]
    pub fn local(bound: SocketAddr, tls: bool) -> Self {
        let scheme = if tls { "https" } else { "http" };
        let plain = |authority: &str| without_default_port(scheme, authority).to_owned();
        let mut authorities = vec![plain(&bound.to_string())];
        if bound.ip().is_loopback() {
            for name in ["localhost", "127.0.0.1", "[::1]"] {
                let authority = plain(&format!("{name}:{}", bound.port()));
                if !authorities.contains(&authority) {
                    authorities.push(authority);
                }
            }
        }
        Self {
            scheme: scheme.to_owned(),
            authorities,
        }
    }

    /// What an operator should know about the origin, in sentences.
    #[must_use]
    pub fn warnings(&self) -> Vec<&'static str> {
        let url = self.url("/");
        let is_loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        let mut warnings = Vec::new();
        if !self.is_tls() && !is_loopback {
            warnings.push(
                "participants come over http: sessions, codes and cookies can be read and changed on the way. Put a proxy with TLS in \
                 front, and give --public-url https://…",
            );
        }
        if !eip4361::is_read_by_wallets(url.host_str().unwrap_or_default()) {
            warnings.push(
                "wallets do not recognise sign-in messages for an address such as that of --public-url, and do not warn of foreign pages \
                 that ask for one: use a name",
            );
        }
        warnings
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
        let named = host.and_then(|host| self.own(host));
        named.unwrap_or(self.domain())
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

    /// Whether a scheme is that by which participants come.
    #[must_use]
    pub fn is_scheme(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// Whether `domain` is this coordinator's, with the scheme's own port or without it.
    #[must_use]
    pub fn is_domain(&self, domain: &str) -> bool {
        self.own(domain).is_some()
    }

    /// Whether `uri` is at this coordinator.
    #[must_use]
    pub fn holds(&self, uri: &UriStr) -> bool {
        self.is_scheme(uri.scheme_str())
            && uri
                .authority_str()
                .is_some_and(|authority| self.is_domain(authority))
    }

    fn own(&self, domain: &str) -> Option<&str> {
        let domain = without_default_port(&self.scheme, domain);
        let mut own = self.authorities.iter();
        own.find(|own| own.eq_ignore_ascii_case(domain))
            .map(String::as_str)
    }
}

/// Host and port, without the port that the scheme has anyway.
fn without_default_port<'a>(scheme: &str, authority: &'a str) -> &'a str {
    let port = if scheme == "https" { ":443" } else { ":80" };
    authority.strip_suffix(port).unwrap_or(authority)
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
        let holds = |uri: &str| origin.holds(UriStr::new(uri).unwrap());
        assert!(holds("https://ceremony.example.org/login"));
        assert!(holds("https://ceremony.example.org:443/login"));
        assert!(!holds("http://ceremony.example.org/login"));
        assert!(!holds("https://ceremony.example.org.evil.example/"));
        assert!(!holds("https://user@ceremony.example.org/"));
        assert!(!holds("urn:ceremony.example.org"));
    }

    #[test]
    fn the_schemes_own_port_is_none() {
        for (url, same, other) in [
            (
                "https://ceremony.example.org:443",
                "ceremony.example.org",
                "ceremony.example.org:80",
            ),
            (
                "http://ceremony.example.org:80",
                "ceremony.example.org",
                "ceremony.example.org:443",
            ),
            ("https://[::1]:443", "[::1]", "[::1]:80"),
        ] {
            let origin = Origin::public(&url.parse().unwrap());
            assert_eq!(origin.domain(), same, "{url}");
            assert_eq!(
                url.strip_prefix(&origin.uri()).map(|port| &port[..1]),
                Some(":")
            );
            let with_port = url.split("//").nth(1).unwrap();
            assert!(
                origin.is_domain(same) && origin.is_domain(with_port),
                "{url}"
            );
            assert_eq!(origin.domain_of(Some(with_port)), same);
            assert!(!origin.is_domain(other), "{url}");
        }
        let another = Origin::public(&"https://ceremony.example.org:8443".parse().unwrap());
        assert_eq!(another.domain(), "ceremony.example.org:8443");
        assert!(!another.is_domain("ceremony.example.org"));
    }

    #[test]
    fn an_operator_is_warned_of_http_and_of_what_wallets_misread() {
        let warnings = |url: &str| Origin::public(&url.parse().unwrap()).warnings().len();
        for (url, expected) in [
            ("https://ceremony.example.org", 0),
            ("http://localhost:3000", 0),
            ("http://127.0.0.1", 0),
            ("http://[::1]:3000", 0),
            ("http://ceremony.example.org", 1),
            ("http://192.0.2.7:3000", 1),
            ("http://localhost.example.org", 1),
            ("https://[2001:db8::1]", 1),
            ("http://1.2.3.45", 2),
        ] {
            assert_eq!(warnings(url), expected, "{url}");
        }
        assert!(
            Origin::local("127.0.0.1:3000".parse().unwrap(), false)
                .warnings()
                .is_empty()
        );
    }

    #[test]
    fn a_loopback_address_goes_by_its_three_names() {
        let origin = Origin::local("127.0.0.1:3000".parse().unwrap(), false);
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
    fn with_tls_people_come_to_the_address_by_https() {
        let origin = Origin::local("127.0.0.1:443".parse().unwrap(), true);
        assert!(origin.is_tls());
        assert_eq!(origin.uri(), "https://127.0.0.1");
        assert!(origin.is_domain("localhost:443"));
    }

    #[test]
    fn another_address_goes_by_its_own_name_only() {
        let origin = Origin::local("192.0.2.7:80".parse().unwrap(), false);
        assert!(origin.is_domain("192.0.2.7:80"));
        assert!(!origin.is_domain("localhost:80"));
    }
}

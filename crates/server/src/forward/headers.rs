//! What is passed on of a request and of an answer, and what one replica tells another beside it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Where a replica says whether it leads. No path of the public interface begins like this.
pub(super) const LEADS_PATH: &str = "/.replica/leads";

/// Where an operator's requests arrive.
pub(super) const ADMIN_PATH: &str = "/.replica/admin";

/// By which a replica shows that it is one.
const SECRET: HeaderName = HeaderName::from_static("x-tauline-secret");

/// The address that a forwarded request counts against.
const CLIENT: HeaderName = HeaderName::from_static("x-tauline-client");

/// Says of a request that a replica asks it itself, and passes nobody's on.
const ASKS: HeaderName = HeaderName::from_static("x-tauline-asks");

/// Says of an answer that the replica does not lead, and that nothing was done.
const NOT_LEADING: HeaderName = HeaderName::from_static("x-tauline-not-leading");

/// Headers of one connection (RFC 9110, section 7.6.1), beside those that `Connection` names. `Expect` is
/// among them: the body of a forwarded request comes at once.
const OF_A_CONNECTION: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Headers in which proxies say for whom they ask. They were believed, or not, where the request came in.
const OF_PROXIES: [HeaderName; 4] = [
    HeaderName::from_static("x-forwarded-for"),
    header::FORWARDED,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("cf-connecting-ip"),
];

/// What all replicas of a ceremony know, and nobody else.
#[derive(Clone)]
pub(crate) struct Secret(Arc<Zeroizing<[u8; 32]>>);

impl Secret {
    pub(crate) fn new(secret: Zeroizing<[u8; 32]>) -> Self {
        Self(Arc::new(secret))
    }

    fn value(&self) -> HeaderValue {
        let text = Zeroizing::new(hex::encode(self.0.as_slice()));
        let mut value =
            HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }

    /// Whether a request comes from somebody who knows the secret. How long the look takes tells nothing
    /// of it.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        let mut given = Zeroizing::new([0; 32]);
        let shown = headers.get(SECRET).map(HeaderValue::as_bytes);
        let is_readable =
            shown.is_some_and(|shown| hex::decode_to_slice(shown, given.as_mut()).is_ok());
        is_readable & bool::from(given.ct_eq(&**self.0))
    }
}

/// What is passed on of a request's headers.
pub(super) fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    drop_own(&mut headers);
    headers.remove(header::EXPECT);
    for name in OF_PROXIES {
        headers.remove(name);
    }
    for name in [SECRET, CLIENT, ASKS, NOT_LEADING] {
        headers.remove(name);
    }
    headers
}

/// The headers of a request as they are sent to the leader.
pub(super) fn forwarded(headers: &HeaderMap, client: IpAddr, secret: &Secret) -> HeaderMap {
    let mut headers = passed_on(headers);
    if let Ok(client) = HeaderValue::from_str(&client.to_string()) {
        headers.insert(CLIENT, client);
    }
    headers.insert(SECRET, secret.value());
    headers
}

/// The headers of a request that this replica asks itself.
pub(super) fn asked(headers: &HeaderMap, secret: &Secret) -> HeaderMap {
    let nobody = IpAddr::from([0, 0, 0, 0]);
    let mut headers = forwarded(headers, nobody, secret);
    headers.insert(ASKS, HeaderValue::from_static("1"));
    headers
}

/// Whether another replica asks itself. What it only passes on is a participant's, whatever its path.
pub(super) fn take_asks(headers: &mut HeaderMap) -> bool {
    headers.remove(ASKS).is_some()
}

/// Takes the address out of a forwarded request's headers that it counts against, and the secret.
pub(super) fn take_client(headers: &mut HeaderMap) -> Option<IpAddr> {
    headers.remove(SECRET);
    let client = headers.remove(CLIENT)?;
    client.to_str().ok()?.parse().ok()
}

/// Removes what is about the connection that it came over.
pub(super) fn drop_own(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = (headers.get_all(header::CONNECTION).iter())
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&OF_A_CONNECTION) {
        headers.remove(name);
    }
}

/// Says of an answer that its replica did nothing, since it does not lead.
pub(super) fn mark_not_leading(headers: &mut HeaderMap) {
    headers.insert(NOT_LEADING, HeaderValue::from_static("1"));
}

/// Whether an answer says so.
pub(super) fn is_not_leading(headers: &mut HeaderMap) -> bool {
    headers.remove(NOT_LEADING).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        headers
    }

    fn secret(byte: u8) -> Secret {
        Secret::new(Zeroizing::new([byte; 32]))
    }

    #[test]
    fn what_is_of_the_connection_or_the_proxy_is_not_passed_on_and_the_rest_is() {
        let came = headers(&[
            ("connection", "keep-alive, X-Mine"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("expect", "100-continue"),
            ("x-mine", "1"),
            ("x-forwarded-for", "6.6.6.6"),
            ("x-tauline-client", "6.6.6.6"),
            ("x-tauline-secret", "00"),
            ("x-tauline-asks", "1"),
            ("authorization", "Bearer a"),
            ("authorization", "Bearer b"),
            ("host", "a.test"),
            ("content-length", "3"),
            ("x-request-id", "abc"),
        ]);
        let sent = forwarded(&came, "192.0.2.7".parse().unwrap(), &secret(7));
        let mut names: Vec<&str> = sent.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "authorization",
                "content-length",
                "host",
                "x-request-id",
                "x-tauline-client",
                "x-tauline-secret"
            ]
        );
        assert_eq!(sent.get_all("authorization").iter().count(), 2);
        assert_eq!(sent["x-tauline-client"], "192.0.2.7");
        let mut asked = asked(&came, &secret(7));
        assert!(take_asks(&mut asked));
        assert!(!take_asks(&mut asked));
    }

    #[test]
    fn a_client_is_believed_only_beside_the_secret() {
        let client: IpAddr = "2001:db8::1".parse().unwrap();
        let mut sent = forwarded(&HeaderMap::new(), client, &secret(7));
        assert!(secret(7).is_in(&sent));
        assert!(!secret(8).is_in(&sent));
        assert!(!secret(0).is_in(&HeaderMap::new()));
        let nonsense = headers(&[("x-tauline-secret", "nonsense")]);
        assert!(!secret(0).is_in(&nonsense));
        assert_eq!(take_client(&mut sent), Some(client));
        assert!(sent.is_empty(), "{sent:?}");
    }
}

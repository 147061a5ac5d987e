//! Whose address a request counts against: the peer's, or what a trusted proxy says it is
//! (`docs/spec/http-api.md#client-address`).
//!
//! Of IPv6, a customer gets a network of 64 bits or more, and has all addresses in it: so what counts
//! as one client is the /64.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The address at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The proxies that are trusted. They may change while the server runs; clones change together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies(Arc<Trusted>);

#[derive(Debug, Default)]
struct Trusted {
    networks: RwLock<Vec<IpNet>>,
    /// Whether the log was told that somebody who is not trusted speaks for others.
    told: AtomicBool,
}

impl Proxies {
    pub(crate) fn new(networks: &[IpNet]) -> Self {
        let proxies = Self::default();
        proxies.set(networks);
        proxies
    }

    /// Trusts these instead.
    pub(crate) fn set(&self, networks: &[IpNet]) {
        let mut trusted = self
            .0
            .networks
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *trusted = networks.to_vec();
        self.0.told.store(false, Ordering::Relaxed);
    }

    /// Whether this address is one of theirs.
    pub(crate) fn contain(&self, address: IpAddr) -> bool {
        let networks = self
            .0
            .networks
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        networks.iter().any(|network| network.contains(&address))
    }

    /// The client's address: the peer's, or what trusted proxies say it is.
    ///
    /// `X-Forwarded-For` is read from the right, where the nearest proxy writes, and only as far as
    /// each writer is trusted: what a client writes there itself is never believed.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        // What a client wrote there is no text sometimes. What its proxy appended is read all the same.
        let values: Vec<_> = (headers.get_all("x-forwarded-for").iter())
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        let forwarded: Vec<&str> = values.iter().flat_map(|value| value.split(',')).collect();
        let mut client = peer.to_canonical();
        for hop in forwarded.iter().rev() {
            if !self.contain(client) {
                break;
            }
            match address(hop.trim()) {
                Some(address) => client = address,
                None => break,
            }
        }
        client
    }

    /// Says in the log, once, that a proxy seems to be in front that is not trusted: all that come
    /// through it count as one client.
    pub(crate) fn notice_proxy(&self, peer: IpAddr, headers: &HeaderMap) {
        let Some(header) = SPEAK_FOR_OTHERS
            .into_iter()
            .find(|header| headers.contains_key(*header))
        else {
            return;
        };
        let peer = peer.to_canonical();
        if !self.contain(peer) && !self.0.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                %peer,
                header,
                "a request from {peer} speaks for others and is not believed: if that is your proxy, \
                 start with --trusted-proxies {peer} and let it send X-Forwarded-For, or all who come \
                 through it count as one client"
            );
        }
    }
}

/// Headers in which a proxy says for whom it asks.
const SPEAK_FOR_OTHERS: [&str; 4] = [
    "x-forwarded-for",
    "forwarded",
    "x-real-ip",
    "cf-connecting-ip",
];

/// An address as proxies write it: with a port, or without.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.split(']').next());
    let address: IpAddr = bare
        .unwrap_or(text)
        .parse()
        .or_else(|_| {
            text.parse::<std::net::SocketAddr>()
                .map(|address| address.ip())
        })
        .ok()?;
    Some(address.to_canonical())
}

/// What counts as one client: an IPv4 address, or an IPv6 network of 64 bits, which is the least
/// that one customer gets.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(prefix(address, 64)),
    }
}

/// The network of so many bits that an address is in.
pub(crate) fn prefix(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & (!0 << (128 - bits)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(networks: &[&str]) -> Proxies {
        let networks: Vec<IpNet> = networks.iter().map(|it| it.parse().unwrap()).collect();
        Proxies::new(&networks)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn forwarded(values: &[&str]) -> HeaderMap {
        values
            .iter()
            .map(|value| {
                (
                    axum::http::HeaderName::from_static("x-forwarded-for"),
                    axum::http::HeaderValue::from_bytes(value.as_bytes()).unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn forwarded_addresses_are_believed_from_trusted_proxies_only() {
        let trusting = proxies(&["127.0.0.1/32", "10.0.0.0/8"]);
        let client = |peer: &str, values: &[&str]| trusting.client(ip(peer), &forwarded(values));
        assert_eq!(client("127.0.0.1", &["198.51.100.7"]), ip("198.51.100.7"));
        assert_eq!(client("203.0.113.5", &["198.51.100.7"]), ip("203.0.113.5"));
        assert_eq!(
            client("127.0.0.1", &["198.51.100.7, 10.1.1.1"]),
            ip("198.51.100.7")
        );
        assert_eq!(
            client("127.0.0.1", &["6.6.6.6, 198.51.100.7"]),
            ip("198.51.100.7"),
            "forged"
        );
        assert_eq!(
            client("127.0.0.1", &["\u{fc}mlaut, 198.51.100.7"]),
            ip("198.51.100.7"),
            "what a client writes spoils nothing of what its proxy says"
        );
        assert_eq!(
            client("127.0.0.1", &["6.6.6.6", "198.51.100.7:443"]),
            ip("198.51.100.7")
        );
        assert_eq!(
            client("127.0.0.1", &["[2001:db8::1]:443"]),
            ip("2001:db8::1")
        );
        assert_eq!(client("127.0.0.1", &["nonsense"]), ip("127.0.0.1"));
        assert_eq!(client("127.0.0.1", &[]), ip("127.0.0.1"));
        assert_eq!(
            client("::ffff:127.0.0.1", &["198.51.100.7"]),
            ip("198.51.100.7")
        );
        let plain = proxies(&[]);
        assert_eq!(
            plain.client(ip("127.0.0.1"), &forwarded(&["198.51.100.7"])),
            ip("127.0.0.1")
        );
    }

    #[test]
    fn other_proxies_are_trusted_by_all_clones_once_they_are_set() {
        let proxies = proxies(&[]);
        let clone = proxies.clone();
        proxies.set(&["10.0.0.1/32".parse().unwrap()]);
        let headers = forwarded(&["198.51.100.7"]);
        assert_eq!(clone.client(ip("10.0.0.1"), &headers), ip("198.51.100.7"));
    }
}

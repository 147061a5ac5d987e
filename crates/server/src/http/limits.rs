//! How often who may ask, and whose address a request counts against
//! (`docs/spec/http-api.md#client-address`).
//!
//! Sign-ins and requests without a session count against the client's address; requests with a
//! session against the session only, since an address may be a conference's.
//!
//! Of IPv6, a customer gets a network of 64 bits or of 48, and has all addresses in it. So an address
//! counts for its /64, and beside that for its /48, which may ask `WIDE` times as often.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::HeaderMap;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tauline_store::TokenHash;

use crate::config::Settings;
use crate::connections::Place;

mod downloads;
mod proxies;

pub(crate) use self::downloads::Download;
use self::downloads::Downloads;
pub(crate) use self::proxies::Proxies;

/// How much more often than a /64 of IPv6 a /48 may ask, which has 65,536 of them. Ours: some
/// households of one provider, and not a crowd made up by one customer
/// (`docs/spec/http-api.md#ipv6`).
const WIDE: u32 = 16;

/// All limits on rates. Those of requests may change while the server runs.
pub struct Limits {
    rates: RwLock<Arc<Rates>>,
    downloads: Arc<Downloads>,
    proxies: Proxies,
    /// Whether it was told that somebody who is not trusted speaks for others.
    told_of_proxy: AtomicBool,
}

/// How often who may ask.
struct Rates {
    logins: Rated<AddressLimit>,
    anonymous: Rated<AddressLimit>,
    sessions: Rated<Limit<TokenHash>>,
    lobby: Rated<Limit<TokenHash>>,
}

/// A request came too early; it may come again after this long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany(pub Duration);

impl Limits {
    /// The limits of the settings.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let rates = Rates {
            logins: Rated::new(settings.login_rate),
            anonymous: Rated::new(settings.anonymous_rate),
            sessions: Rated::new(settings.session_rate),
            lobby: Rated::new(settings.lobby_rate),
        };
        Self {
            rates: RwLock::new(Arc::new(rates)),
            downloads: Downloads::new(settings),
            proxies: Proxies::new(&settings.trusted_proxies),
            told_of_proxy: AtomicBool::new(false),
        }
    }

    /// Puts other rates and other proxies in force. What was counted against a rate that stays as it
    /// is still counts.
    pub fn reload(&self, settings: &Settings) {
        let now = self.rates();
        let next = Rates {
            logins: now.logins.at(settings.login_rate),
            anonymous: now.anonymous.at(settings.anonymous_rate),
            sessions: now.sessions.at(settings.session_rate),
            lobby: now.lobby.at(settings.lobby_rate),
        };
        *self.rates.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        self.proxies.set(&settings.trusted_proxies);
        self.told_of_proxy.store(false, Ordering::Relaxed);
    }

    fn rates(&self) -> Arc<Rates> {
        let rates = self.rates.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&rates)
    }

    /// Who is trusted to say for whom it asks.
    pub(crate) fn proxies(&self) -> Proxies {
        self.proxies.clone()
    }

    /// Counts a sign-in (`docs/spec/http-api.md#login-rate`).
    ///
    /// # Errors
    /// [`TooMany`] from this address.
    pub fn login(&self, client: IpAddr) -> Result<(), TooMany> {
        self.rates().logins.limit.check(client)
    }

    /// Counts a request without a session (`docs/spec/http-api.md#anonymous-rate`).
    ///
    /// # Errors
    /// [`TooMany`] from this address.
    pub fn anonymous(&self, client: IpAddr) -> Result<(), TooMany> {
        self.rates().anonymous.limit.check(client)
    }

    /// Counts a request of a session (`docs/spec/http-api.md#session-rate`).
    ///
    /// # Errors
    /// [`TooMany`] of this session.
    pub fn session(&self, session: &TokenHash) -> Result<(), TooMany> {
        self.rates().sessions.limit.check(session)
    }

    /// Counts a request of a session to the sequencer's API (`docs/spec/http-api.md#lobby-rate`).
    ///
    /// # Errors
    /// [`TooMany`] of this session.
    pub fn lobby(&self, session: &TokenHash) -> Result<(), TooMany> {
        self.rates().lobby.limit.check(session)
    }

    /// Begins a download of a transcript, which lasts as long as what is given.
    ///
    /// # Errors
    /// [`TooMany`] of this address, or of all, that have not ended. In the latter case one that
    /// stands still is ended for it, if any does.
    pub(crate) fn download(
        &self,
        client: IpAddr,
        place: Option<Arc<Place>>,
    ) -> Result<Download, TooMany> {
        self.downloads.begin(network(client), place)
    }

    /// Forgets addresses and sessions that have been silent for long.
    pub fn sweep(&self) {
        let rates = self.rates();
        rates.logins.limit.sweep();
        rates.anonymous.limit.sweep();
        rates.sessions.limit.sweep();
        rates.lobby.limit.sweep();
    }

    /// The client's address: the peer's, or what trusted proxies say it is.
    ///
    /// `X-Forwarded-For` is read from the right, where the nearest proxy writes, and only as far as
    /// each writer is trusted: what a client writes there itself is never believed.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let forwarded: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        let mut client = peer.to_canonical();
        for hop in forwarded.iter().rev() {
            if !self.proxies.contain(client) {
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
        if !self.proxies.contain(peer) && !self.told_of_proxy.swap(true, Ordering::Relaxed) {
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

/// What proxies say for whom they ask with.
const SPEAK_FOR_OTHERS: [&str; 4] = [
    "x-forwarded-for",
    "forwarded",
    "x-real-ip",
    "cf-connecting-ip",
];

/// A limit and the rate that it is for.
struct Rated<T> {
    rate: u32,
    limit: Arc<T>,
}

impl<T: From<u32>> Rated<T> {
    fn new(rate: u32) -> Self {
        Self {
            rate,
            limit: Arc::new(T::from(rate)),
        }
    }

    /// The same limit if the rate is the same, or another.
    fn at(&self, rate: u32) -> Self {
        if rate != self.rate {
            return Self::new(rate);
        }
        Self {
            rate,
            limit: Arc::clone(&self.limit),
        }
    }
}

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
#[must_use]
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(prefix(address, 64)),
    }
}

fn prefix(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & (!0 << (128 - bits)))
}

/// A limit for an address, an hour.
struct AddressLimit {
    narrow: Limit<IpAddr>,
    wide: Limit<Ipv6Addr>,
}

impl From<u32> for AddressLimit {
    fn from(rate: u32) -> Self {
        Self {
            narrow: Limit::new(rate, Quota::per_hour),
            wide: Limit::new(rate.saturating_mul(WIDE), Quota::per_hour),
        }
    }
}

impl AddressLimit {
    fn check(&self, client: IpAddr) -> Result<(), TooMany> {
        self.narrow.check(&network(client))?;
        match client {
            IpAddr::V4(_) => Ok(()),
            IpAddr::V6(address) => self.wide.check(&prefix(address, 48)),
        }
    }

    fn sweep(&self) {
        self.narrow.sweep();
        self.wide.sweep();
    }
}

/// One limit; `None` is none.
struct Limit<K: Hash + Eq + Clone>(Option<DefaultKeyedRateLimiter<K>>);

/// A limit for a session, a minute.
impl From<u32> for Limit<TokenHash> {
    fn from(rate: u32) -> Self {
        Self::new(rate, Quota::per_minute)
    }
}

impl<K: Hash + Eq + Clone> Limit<K> {
    fn new(rate: u32, quota: fn(NonZeroU32) -> Quota) -> Self {
        Self(NonZeroU32::new(rate).map(|rate| RateLimiter::keyed(quota(rate))))
    }

    fn check(&self, key: &K) -> Result<(), TooMany> {
        let Some(limiter) = &self.0 else {
            return Ok(());
        };
        limiter
            .check_key(key)
            .map_err(|early| TooMany(early.wait_time_from(DefaultClock::default().now())))
    }

    fn sweep(&self) {
        if let Some(limiter) = &self.0 {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    fn limits(flags: &[&str]) -> Limits {
        let args = ["tauline-server"].iter().chain(flags);
        Limits::new(&Settings::parse_from(args))
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
                    axum::http::HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn each_address_has_its_own_limit_and_is_told_when_to_come_back() {
        let limits = limits(&["--login-rate", "2"]);
        for _ in 0..2 {
            limits.login(ip("192.0.2.1")).unwrap();
        }
        let TooMany(wait) = limits.login(ip("192.0.2.1")).unwrap_err();
        assert!(
            wait > Duration::from_secs(1700) && wait <= Duration::from_secs(1800),
            "{wait:?}"
        );
        limits.login(ip("192.0.2.2")).unwrap();
        limits.anonymous(ip("192.0.2.1")).unwrap();
    }

    #[test]
    fn one_customers_ipv6_network_is_one_client() {
        let limits = limits(&["--login-rate", "1"]);
        limits.login(ip("2001:db8:1:2::1")).unwrap();
        limits.login(ip("2001:db8:1:2:ffff::9")).unwrap_err();
        limits.login(ip("2001:db8:1:3::1")).unwrap();
    }

    #[test]
    fn a_larger_ipv6_network_may_ask_sixteen_times_as_often() {
        let limits = limits(&["--login-rate", "2", "--anonymous-rate", "2"]);
        let subnet = |number: u32| ip(&format!("2001:db8:1:{number:x}::1"));
        for ask in [Limits::login, Limits::anonymous] {
            for number in 0..32 {
                ask(&limits, subnet(number)).unwrap();
            }
            ask(&limits, subnet(32)).unwrap_err();
            ask(&limits, subnet(0x7777)).unwrap_err();
            ask(&limits, ip("2001:db8:2::1")).unwrap();
            ask(&limits, ip("192.0.2.1")).unwrap();
        }
        // Who is refused for its own network does not use the others' share up.
        for _ in 0..100 {
            let _ = limits.login(ip("2001:db8:3::1"));
        }
        limits.login(ip("2001:db8:3:1::1")).unwrap();
    }

    #[test]
    fn zero_is_no_limit_for_any_network() {
        let limits = limits(&["--login-rate", "0"]);
        for _ in 0..1000 {
            limits.login(ip("2001:db8::1")).unwrap();
        }
    }

    #[test]
    fn zero_is_no_limit() {
        let limits = limits(&["--session-rate", "0"]);
        for _ in 0..10_000 {
            limits.session(&[7; 32]).unwrap();
        }
    }

    #[test]
    fn other_rates_count_anew_and_the_same_go_on_counting() {
        let settings = |flags: &[&str]| {
            let args = ["tauline-server", "--login-rate", "1", "--session-rate", "1"];
            Settings::parse_from(args.iter().chain(flags))
        };
        let before = settings(&[]);
        let limits = Limits::new(&before);
        limits.login(ip("192.0.2.1")).unwrap();
        limits.session(&[1; 32]).unwrap();
        let mut after = settings(&["--trusted-proxies", "10.0.0.1"]);
        after.login_rate = 2;
        limits.reload(&after);
        limits.login(ip("192.0.2.1")).unwrap();
        limits.login(ip("192.0.2.1")).unwrap();
        limits.login(ip("192.0.2.1")).unwrap_err();
        limits.session(&[1; 32]).unwrap_err();
        let headers = forwarded(&["198.51.100.7"]);
        assert_eq!(limits.client(ip("10.0.0.1"), &headers), ip("198.51.100.7"));
    }

    #[test]
    fn sessions_are_not_summed_over_an_address() {
        let limits = limits(&["--session-rate", "1"]);
        limits.session(&[1; 32]).unwrap();
        limits.session(&[2; 32]).unwrap();
        limits.session(&[1; 32]).unwrap_err();
    }

    #[test]
    fn forwarded_addresses_are_believed_from_trusted_proxies_only() {
        let trusting = limits(&["--trusted-proxies", "127.0.0.1,10.0.0.0/8"]);
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
        let plain = limits(&[]);
        assert_eq!(
            plain.client(ip("127.0.0.1"), &forwarded(&["198.51.100.7"])),
            ip("127.0.0.1")
        );
    }
}

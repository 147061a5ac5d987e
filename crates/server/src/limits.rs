//! How often who may ask, and whose address a request counts against (`http-queue-api.md`, Limits).
//!
//! Sign-ins and requests without a session count against the client's address; requests with a
//! session against the session only, since an address may be a conference's.
//!
//! Of IPv6, a customer gets a network of 64 bits or of 48, and has all addresses in it. So an address
//! counts for its /64, and beside that for its /48, which may ask `WIDE` times as often.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use ipnet::IpNet;

use crate::config::Settings;
use crate::signin::session::TokenHash;

/// When to ask again for a download that would be one too many: others end by then, or are ended.
const DOWNLOAD_AGAIN: Duration = Duration::from_secs(30);

/// Bytes that all downloads together read ahead, about: what 128 of them read at full speed.
const ALL_PIECES: u64 = 8 << 20;
/// Bytes that one reads ahead at most: a system call for more gains nothing.
const LARGEST_PIECE: u64 = 64 << 10;
/// And at the least: a page.
const LEAST_PIECE: u64 = 4 << 10;

/// How much more often than a /64 of IPv6 a /48 may ask, which has 65,536 of them. Ours: some
/// households of one provider, and not a crowd made up by one customer.
const WIDE: u32 = 16;

/// All limits on rates.
pub struct Limits {
    logins: AddressLimit,
    anonymous: AddressLimit,
    sessions: Limit<TokenHash>,
    lobby: Limit<TokenHash>,
    downloads: Arc<Downloads>,
    trusted_proxies: Vec<IpNet>,
}

/// A request came too early; it may come again after this long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany(pub Duration);

impl Limits {
    /// The limits of the settings.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            logins: AddressLimit::new(settings.login_rate),
            anonymous: AddressLimit::new(settings.anonymous_rate),
            sessions: Limit::new(settings.session_rate, Quota::per_minute),
            lobby: Limit::new(settings.lobby_rate, Quota::per_minute),
            downloads: Arc::new(Downloads {
                most: Some(settings.max_downloads_per_address).filter(|most| *most > 0),
                running: Mutex::default(),
            }),
            trusted_proxies: settings.trusted_proxies.clone(),
        }
    }

    /// Counts a sign-in.
    ///
    /// # Errors
    /// [`TooMany`] from this address.
    pub fn login(&self, client: IpAddr) -> Result<(), TooMany> {
        self.logins.check(client)
    }

    /// Counts a request without a session.
    ///
    /// # Errors
    /// [`TooMany`] from this address.
    pub fn anonymous(&self, client: IpAddr) -> Result<(), TooMany> {
        self.anonymous.check(client)
    }

    /// Counts a request of a session.
    ///
    /// # Errors
    /// [`TooMany`] of this session.
    pub fn session(&self, session: &TokenHash) -> Result<(), TooMany> {
        self.sessions.check(session)
    }

    /// Counts a request of a session to the sequencer's API.
    ///
    /// # Errors
    /// [`TooMany`] of this session.
    pub fn lobby(&self, session: &TokenHash) -> Result<(), TooMany> {
        self.lobby.check(session)
    }

    /// Begins a download of a transcript, which lasts as long as what is given.
    ///
    /// # Errors
    /// [`TooMany`] of this address that have not ended.
    pub fn download(&self, client: IpAddr) -> Result<Download, TooMany> {
        let address = network(client);
        let mut running = self.downloads.running();
        let of_address = running.by_address.entry(address).or_default();
        if self.downloads.most.is_some_and(|most| *of_address >= most) {
            return Err(TooMany(DOWNLOAD_AGAIN));
        }
        *of_address += 1;
        running.total += 1;
        drop(running);
        let downloads = Arc::clone(&self.downloads);
        Ok(Download { downloads, address })
    }

    /// Forgets addresses and sessions that have been silent for long.
    pub fn sweep(&self) {
        self.logins.sweep();
        self.anonymous.sweep();
        self.sessions.sweep();
        self.lobby.sweep();
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
            if !self
                .trusted_proxies
                .iter()
                .any(|network| network.contains(&client))
            {
                break;
            }
            match address(hop.trim()) {
                Some(address) => client = address,
                None => break,
            }
        }
        client
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

impl AddressLimit {
    fn new(rate: u32) -> Self {
        Self {
            narrow: Limit::new(rate, Quota::per_hour),
            wide: Limit::new(rate.saturating_mul(WIDE), Quota::per_hour),
        }
    }

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

/// The downloads that have not ended.
struct Downloads {
    most: Option<usize>,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Downloads {
    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A download that has not ended.
pub struct Download {
    downloads: Arc<Downloads>,
    address: IpAddr,
}

impl Download {
    /// How many bytes to read ahead of the reader: the more downloads there are, the fewer, so that
    /// together they hold little, however slow they are.
    #[must_use]
    pub fn piece(&self) -> u64 {
        let running = self.downloads.running().total as u64;
        (ALL_PIECES / running.max(1)).clamp(LEAST_PIECE, LARGEST_PIECE)
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        let mut running = self.downloads.running();
        running.total -= 1;
        if let Some(count) = running.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                running.by_address.remove(&self.address);
            }
        }
    }
}

/// One limit; `None` is none.
struct Limit<K: Hash + Eq + Clone>(Option<DefaultKeyedRateLimiter<K>>);

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
    fn downloads_at_a_time_are_counted_by_address() {
        let limits = limits(&["--max-downloads-per-address", "2"]);
        let first = limits.download(ip("192.0.2.1")).unwrap();
        let _second = limits.download(ip("192.0.2.1")).unwrap();
        assert!(limits.download(ip("192.0.2.1")).is_err());
        let _other = limits.download(ip("192.0.2.2")).unwrap();
        drop(first);
        limits.download(ip("192.0.2.1")).unwrap();
        let _third = limits.download(ip("192.0.2.1")).unwrap();
        assert!(limits.download(ip("192.0.2.1")).is_err());
        assert_eq!(_third.piece(), LARGEST_PIECE);
    }

    #[test]
    fn many_downloads_hold_little_together() {
        let limits = limits(&["--max-downloads-per-address", "0"]);
        let mut downloads = Vec::new();
        let mut held = 0;
        for _ in 0..5000 {
            let download = limits.download(ip("192.0.2.1")).unwrap();
            held += download.piece();
            downloads.push(download);
        }
        assert!(held < 64 << 20, "{held}");
        assert_eq!(downloads[0].piece(), LEAST_PIECE);
        downloads.truncate(1);
        assert_eq!(downloads[0].piece(), LARGEST_PIECE);
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

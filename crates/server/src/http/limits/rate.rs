//! Limits on rates: for an address, an hour; for a session, a minute.
//!
//! An IPv6 address counts for its /64, and beside that for its /48, which may ask [`WIDE`] times as
//! often: some providers give a customer 64 bits, some 48.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tauline_store::TokenHash;

use crate::addresses::{network, prefix};

/// How much more often than a /64 of IPv6 a /48 may ask, which has 65,536 of them. Some
/// households of one provider, and not a crowd made up by one customer
/// (`docs/spec/http-api.md#ipv6`).
const WIDE: u32 = 16;

/// A request came too early; it may come again after this long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany(pub(crate) Duration);

/// A limit and the rate that it is for.
pub(super) struct Rated<T> {
    rate: u32,
    pub(super) limit: Arc<T>,
}

impl<T: From<u32>> Rated<T> {
    pub(super) fn new(rate: u32) -> Self {
        Self {
            rate,
            limit: Arc::new(T::from(rate)),
        }
    }

    /// The same limit if the rate is the same, or another.
    pub(super) fn at(&self, rate: u32) -> Self {
        if rate != self.rate {
            return Self::new(rate);
        }
        Self {
            rate,
            limit: Arc::clone(&self.limit),
        }
    }
}

/// A limit for an address, an hour.
pub(super) struct AddressLimit {
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
    pub(super) fn check(&self, client: IpAddr) -> Result<(), TooMany> {
        self.narrow.check(&network(client))?;
        match client {
            IpAddr::V4(_) => Ok(()),
            IpAddr::V6(address) => self.wide.check(&prefix(address, 48)),
        }
    }

    pub(super) fn sweep(&self) {
        self.narrow.sweep();
        self.wide.sweep();
    }
}

/// One limit; `None` is none.
pub(super) struct Limit<K: Hash + Eq + Clone>(Option<DefaultKeyedRateLimiter<K>>);

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

    pub(super) fn check(&self, key: &K) -> Result<(), TooMany> {
        let Some(limiter) = &self.0 else {
            return Ok(());
        };
        limiter
            .check_key(key)
            .map_err(|early| TooMany(early.wait_time_from(DefaultClock::default().now())))
    }

    pub(super) fn sweep(&self) {
        if let Some(limiter) = &self.0 {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

//! Rate limits.
//!
//! Sign-ins and requests without a session count against the client's address; requests with a
//! session against the session only, since an address may be a conference's.

mod downloads;
mod rate;

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use self::downloads::Downloads;
use self::rate::{AddressLimit, Limit, Rated};
use crate::addresses::network;
use crate::config::LimitSettings;
use crate::connections::Place;
use crate::signin::session::TokenHash;

pub(crate) use self::downloads::Download;
pub(crate) use self::rate::TooMany;

/// All limits on rates. Those of requests may change while the server runs.
pub(crate) struct Limits {
    rates: RwLock<Arc<Rates>>,
    downloads: Arc<Downloads>,
}

/// The rate limits that are in force.
struct Rates {
    logins: Rated<AddressLimit>,
    anonymous: Rated<AddressLimit>,
    sessions: Rated<Limit<TokenHash>>,
    lobby: Rated<Limit<TokenHash>>,
}

impl Limits {
    /// The limits of the settings.
    #[must_use]
    pub(crate) fn new(settings: &LimitSettings) -> Self {
        let rates = Rates {
            logins: Rated::new(settings.login_rate),
            anonymous: Rated::new(settings.anonymous_rate),
            sessions: Rated::new(settings.session_rate),
            lobby: Rated::new(settings.lobby_rate),
        };
        Self {
            rates: RwLock::new(Arc::new(rates)),
            downloads: Downloads::new(settings),
        }
    }

    /// Puts other rates in force. What was counted against a rate that stays as it is still counts.
    pub(crate) fn reload(&self, settings: &LimitSettings) {
        let now = self.rates();
        let next = Rates {
            logins: now.logins.at(settings.login_rate),
            anonymous: now.anonymous.at(settings.anonymous_rate),
            sessions: now.sessions.at(settings.session_rate),
            lobby: now.lobby.at(settings.lobby_rate),
        };
        *self.rates.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
    }

    fn rates(&self) -> Arc<Rates> {
        let rates = self.rates.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&rates)
    }

    /// Counts a sign-in (`docs/spec/http-api.md#login-rate`).
    ///
    /// # Errors
    /// [`TooMany`] from this address.
    pub(crate) fn login(&self, client: IpAddr) -> Result<(), TooMany> {
        self.rates().logins.limit.check(client)
    }

    /// Counts a request without a session (`docs/spec/http-api.md#anonymous-rate`).
    ///
    /// # Errors
    /// [`TooMany`] from this address.
    pub(crate) fn anonymous(&self, client: IpAddr) -> Result<(), TooMany> {
        self.rates().anonymous.limit.check(client)
    }

    /// Counts a request of a session (`docs/spec/http-api.md#session-rate`).
    ///
    /// # Errors
    /// [`TooMany`] of this session.
    pub(crate) fn session(&self, session: &TokenHash) -> Result<(), TooMany> {
        self.rates().sessions.limit.check(session)
    }

    /// Counts a request of a session to the sequencer's API (`docs/spec/http-api.md#lobby-rate`).
    ///
    /// # Errors
    /// [`TooMany`] of this session.
    pub(crate) fn lobby(&self, session: &TokenHash) -> Result<(), TooMany> {
        self.rates().lobby.limit.check(session)
    }

    /// Begins a download of a transcript. It lasts as long as the value that is returned.
    ///
    /// # Errors
    /// [`TooMany`] when this address has as many downloads as it may; or when all together do, and none
    /// of them stands still, which would be ended for this one.
    pub(crate) fn download(
        &self,
        client: IpAddr,
        place: Option<Arc<Place>>,
    ) -> Result<Download, TooMany> {
        self.downloads.begin(network(client), place)
    }

    /// Forgets addresses and sessions that have been silent for long.
    pub(crate) fn sweep(&self) {
        let rates = self.rates();
        rates.logins.limit.sweep();
        rates.anonymous.limit.sweep();
        rates.sessions.limit.sweep();
        rates.lobby.limit.sweep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use clap::Parser as _;
    use std::time::Duration;

    fn limits(flags: &[&str]) -> Limits {
        let args = ["tauline-server"].iter().chain(flags);
        Limits::new(&Settings::parse_from(args).limits)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
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
        let args = ["tauline-server", "--login-rate", "1", "--session-rate", "1"];
        let before = Settings::parse_from(args).limits;
        let limits = Limits::new(&before);
        limits.login(ip("192.0.2.1")).unwrap();
        limits.session(&[1; 32]).unwrap();
        let mut after = before.clone();
        after.login_rate = 2;
        limits.reload(&after);
        limits.login(ip("192.0.2.1")).unwrap();
        limits.login(ip("192.0.2.1")).unwrap();
        limits.login(ip("192.0.2.1")).unwrap_err();
        limits.session(&[1; 32]).unwrap_err();
    }

    #[test]
    fn sessions_are_not_summed_over_an_address() {
        let limits = limits(&["--session-rate", "1"]);
        limits.session(&[1; 32]).unwrap();
        limits.session(&[2; 32]).unwrap();
        limits.session(&[1; 32]).unwrap_err();
    }
}

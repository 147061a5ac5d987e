//! Settings of rate limits, and of whose address they count.

use clap::Args;
use ipnet::IpNet;

use super::values::network;

/// Rate limits.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Rate limits, and proxies in front")]
#[group(skip)]
pub struct LimitSettings {
    /// Sign-ins an hour from one address; 0 is no limit. An IPv6 address counts for its /64, and for
    /// its /48 at 16 times the rate.
    #[arg(
        long,
        env = "TAULINE_LOGIN_RATE",
        value_name = "PER_HOUR",
        default_value_t = 50
    )]
    pub login_rate: u32,

    /// Requests without a session an hour from one address; 0 is no limit. IPv6 addresses count as for
    /// --login-rate.
    #[arg(
        long,
        env = "TAULINE_ANONYMOUS_RATE",
        value_name = "PER_HOUR",
        default_value_t = 600
    )]
    pub anonymous_rate: u32,

    /// Requests a minute of one session; 0 is no limit.
    #[arg(
        long,
        env = "TAULINE_SESSION_RATE",
        value_name = "PER_MINUTE",
        default_value_t = 50
    )]
    pub session_rate: u32,

    /// Requests a minute of one session to the sequencer's API; 0 is no limit. Some of its clients give
    /// up when they are refused, and one sends a request a second.
    #[arg(
        long,
        env = "TAULINE_LOBBY_RATE",
        value_name = "PER_MINUTE",
        default_value_t = 120
    )]
    pub lobby_rate: u32,

    /// Downloads of the transcript at a time; 0 is no limit. When there are as many, the one that has
    /// stood still for longest, if any does, is ended for another.
    #[arg(
        long,
        env = "TAULINE_MAX_DOWNLOADS",
        value_name = "NUMBER",
        default_value_t = 256
    )]
    pub max_downloads: usize,

    /// Downloads of the transcript at a time from one address, or one /64 of IPv6; 0 is no limit.
    #[arg(
        long,
        env = "TAULINE_MAX_DOWNLOADS_PER_ADDRESS",
        value_name = "NUMBER",
        default_value_t = 16
    )]
    pub max_downloads_per_address: usize,

    /// Addresses or networks of proxies whose X-Forwarded-For is believed, comma-separated, such as
    /// 127.0.0.1,10.0.0.0/8. None by default.
    #[arg(
        long,
        env = "TAULINE_TRUSTED_PROXIES",
        value_name = "NETWORKS",
        value_delimiter = ',',
        value_parser = network
    )]
    pub trusted_proxies: Vec<IpNet>,
}

//! Settings of connections.

use std::time::Duration;

use clap::Args;

use super::error::SettingsError;
use super::values::{not_zero, seconds};

/// Connections: how many, and how long they may do nothing.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connections")]
#[group(skip)]
pub struct ConnectionSettings {
    /// Time for a request's headers, from their first byte on, and longest pause in its body, in
    /// seconds.
    #[arg(long, env = "TAULINE_BODY_TIMEOUT", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub body_timeout: Duration,

    /// Time that a connection may be idle between two requests, in seconds.
    ///
    /// It must be more than the time from one call of the sequencer's clients to the next, which is
    /// --lobby-checkin-frequency, --lobby-checkin-tolerance and --lobby-hold together.
    #[arg(long, env = "TAULINE_IDLE_TIMEOUT", value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    pub idle_timeout: Duration,

    /// Time in which a client must take some of what is sent to it, in seconds, or its connection is
    /// closed.
    #[arg(long, env = "TAULINE_WRITE_TIMEOUT", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub write_timeout: Duration,

    /// Connections at a time; 0 is as many as the system's limit on open files allows. When there are
    /// as many, those without a session that have done nothing for longest are closed for others.
    #[arg(
        long,
        env = "TAULINE_MAX_CONNECTIONS",
        value_name = "NUMBER",
        default_value_t = 0
    )]
    pub max_connections: usize,

    /// Connections at a time from one address, or one /64 of IPv6, over which no session has come;
    /// 0 is no limit. Connections from --trusted-proxies are not counted.
    #[arg(
        long,
        env = "TAULINE_MAX_CONNECTIONS_PER_ADDRESS",
        value_name = "NUMBER",
        default_value_t = 4096
    )]
    pub max_connections_per_address: usize,
}

impl ConnectionSettings {
    /// Refuses clients no time at all.
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        not_zero("--body-timeout", self.body_timeout)?;
        not_zero("--write-timeout", self.write_timeout)
    }

    /// Refuses to close connections on which the next call of a client that polls is due.
    ///
    /// Clients that keep connections and repeat no request by themselves lose a poll, and with it their
    /// place, to a connection that is closed while they send.
    pub(super) fn check_idle(&self, between_calls: Duration) -> Result<(), SettingsError> {
        if self.idle_timeout > between_calls {
            return Ok(());
        }
        let min = between_calls.as_secs_f64();
        Err(SettingsError::Conflict(format!(
            "--idle-timeout must be more than {min} seconds, which is --lobby-checkin-frequency, --lobby-checkin-tolerance \
             and --lobby-hold together: set it to {} or more, or shorten one of those",
            min.floor() + 30.0
        )))
    }
}

//! Where the database is, and how connections to it behave.

use std::fmt;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::Told;
use super::tls;
use crate::error::StoreError;

/// How long a connection to one host may take until it can be used, unless the URL says otherwise
/// (`connect_timeout`).
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// How long sent bytes may stay unacknowledged before a connection counts as lost, unless the URL says
/// otherwise. A machine that has lost its power acknowledges nothing, and says nothing either.
const UNACKNOWLEDGED_LIMIT: Duration = Duration::from_secs(5);

/// When a silent connection is asked whether it is there, and how often more; unless the URL says
/// otherwise.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(5), Duration::from_secs(1), 3);

/// What [`Config`] has if a URL says nothing of it.
const NO_KEEPALIVE_SAID: Duration = Duration::from_secs(2 * 60 * 60);

/// A PostgreSQL database, of version 14 or later, and the schema in it.
///
/// Its URL may name several hosts, of which the one that takes writes is used, and a schema by
/// `options=-csearch_path%3DNAME`, which is made if it is missing. It shows itself without the password.
#[derive(Clone)]
pub struct Database {
    /// One for each host, in order: they are tried one after the other, each for its own time.
    pub(super) hosts: Vec<Config>,
    pub(super) tls: Option<MakeRustlsConnect>,
    shown: String,
}

impl Database {
    /// Reads a URL of the form `postgres://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE`.
    ///
    /// # Errors
    /// When it is none. What was given is not repeated, since it may hold a password.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        let is_url = ["postgres://", "postgresql://"]
            .iter()
            .any(|start| url.starts_with(start));
        if !is_url {
            return Err(StoreError::Url(
                "it has to begin with postgres:// or postgresql://".to_owned(),
            ));
        }
        let mut config: Config = url
            .parse()
            .map_err(|error: tokio_postgres::Error| StoreError::Url(Told::of(error).to_string()))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(StoreError::Url("it names no host".to_owned()));
        }
        with_defaults(&mut config);
        let hosts = one_each(&config);
        let tls = tls::of(&config).map_err(|error| StoreError::Url(error.to_string()))?;
        let shown = shown(&config);
        Ok(Self { hosts, tls, shown })
    }
}

/// Adds what a URL has not said.
fn with_defaults(config: &mut Config) {
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_LIMIT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNACKNOWLEDGED_LIMIT);
    }
    let (idle, interval, retries) = KEEPALIVE;
    if config.get_keepalives_idle() == NO_KEEPALIVE_SAID {
        config.keepalives_idle(idle);
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(interval);
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(retries);
    }
    if config.get_target_session_attrs() == TargetSessionAttrs::Any {
        // A standby that is not promoted yet is no place to go on.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    if config.get_application_name().is_none() {
        config.application_name("tauline");
    }
}

/// The same configuration for each of its hosts alone.
fn one_each(config: &Config) -> Vec<Config> {
    let (hosts, addresses, ports) = (
        config.get_hosts(),
        config.get_hostaddrs(),
        config.get_ports(),
    );
    let one = |at: usize| {
        let mut one = Config::new();
        match hosts.get(at) {
            Some(Host::Tcp(name)) => one.host(name),
            Some(Host::Unix(path)) => one.host_path(path),
            None => &mut one,
        };
        if let Some(address) = addresses.get(at) {
            one.hostaddr(*address);
        }
        if let Some(port) = ports.get(at).or(ports.first()) {
            one.port(*port);
        }
        copy_settings(config, &mut one);
        one
    };
    (0..hosts.len().max(addresses.len())).map(one).collect()
}

/// Copies all that belongs to no host.
fn copy_settings(from: &Config, to: &mut Config) {
    if let Some(user) = from.get_user() {
        to.user(user);
    }
    if let Some(name) = from.get_dbname() {
        to.dbname(name);
    }
    if let Some(options) = from.get_options() {
        to.options(options);
    }
    if let Some(name) = from.get_application_name() {
        to.application_name(name);
    }
    if let Some(password) = from.get_password() {
        to.password(password);
    }
    if let Some(limit) = from.get_connect_timeout() {
        to.connect_timeout(*limit);
    }
    if let Some(limit) = from.get_tcp_user_timeout() {
        to.tcp_user_timeout(*limit);
    }
    if let Some(interval) = from.get_keepalives_interval() {
        to.keepalives_interval(interval);
    }
    if let Some(retries) = from.get_keepalives_retries() {
        to.keepalives_retries(retries);
    }
    to.keepalives(from.get_keepalives())
        .keepalives_idle(from.get_keepalives_idle())
        .ssl_mode(from.get_ssl_mode())
        .ssl_negotiation(from.get_ssl_negotiation())
        .target_session_attrs(from.get_target_session_attrs())
        .channel_binding(from.get_channel_binding())
        .load_balance_hosts(from.get_load_balance_hosts());
}

/// The URL without what is secret, and without most options.
fn shown(config: &Config) -> String {
    let ports = config.get_ports();
    let mut hosts: Vec<String> = (config.get_hosts().iter())
        .map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        })
        .collect();
    if hosts.is_empty() {
        hosts.extend(config.get_hostaddrs().iter().map(ToString::to_string));
    }
    for (at, host) in hosts.iter_mut().enumerate() {
        if let Some(port) = ports.get(at).or(ports.first()) {
            *host = format!("{host}:{port}");
        }
    }
    let user = config.get_user().map(|user| format!("{user}@"));
    let name = config.get_dbname().map(|name| format!("/{name}"));
    let schema = config
        .get_options()
        .and_then(|options| options.split("search_path=").nth(1))
        .and_then(|rest| rest.split_whitespace().next())
        .map(|schema| format!(" (schema {schema})"));
    format!(
        "postgres://{}{}{}{}",
        user.unwrap_or_default(),
        hosts.join(","),
        name.unwrap_or_default(),
        schema.unwrap_or_default()
    )
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let url = "postgres://me:hunter2@one:5433,two:5434/ceremony?options=-csearch_path%3Dof_may";
        let database = Database::parse(url).unwrap();
        let text = "postgres://me@one:5433,two:5434/ceremony (schema of_may)";
        assert_eq!(database.to_string(), text);
        assert_eq!(format!("{database:?}"), text);
        for wrong in [
            "mysql://me:hunter2@one/x",
            "postgres://me:hunter2@one/x?sslmode=hunter2",
            "postgres://me:hunter2@one:hunter2/x",
            "postgres://me:hunter2@/x",
        ] {
            let refused = Database::parse(wrong).unwrap_err().to_string();
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }

    #[test]
    fn each_host_has_all_settings() {
        let url = "postgres://me:hunter2@one:1,two:2/x?sslmode=require&channel_binding=require\
                   &options=-csearch_path%3Dy&keepalives_retries=7";
        let database = Database::parse(url).unwrap();
        assert_eq!(database.hosts.len(), 2);
        for (host, name) in database.hosts.iter().zip(["one", "two"]) {
            let alone = url.replace("one:1,two:2", &format!("{name}:{}", host.get_ports()[0]));
            let mut expected: Config = alone.parse().unwrap();
            with_defaults(&mut expected);
            assert_eq!(*host, expected);
        }
    }

    #[test]
    fn whatever_the_url_says_stays() {
        let said =
            "postgres://one/x?connect_timeout=7&keepalives_idle=9&target_session_attrs=read-only";
        let database = Database::parse(said).unwrap();
        let config = &database.hosts[0];
        assert_eq!(config.get_connect_timeout(), Some(&Duration::from_secs(7)));
        assert_eq!(config.get_keepalives_idle(), Duration::from_secs(9));
        assert_eq!(
            config.get_target_session_attrs(),
            TargetSessionAttrs::ReadOnly
        );
        assert_eq!(config.get_tcp_user_timeout(), Some(&UNACKNOWLEDGED_LIMIT));
    }
}

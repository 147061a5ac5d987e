//! Settings of several coordinators on one database, of which one leads.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use tauline_store::postgres::Database;
use url::Url;

use super::error::SettingsError;
use super::service::ServiceSettings;
use super::values::{address, seconds, secret, web_url};
use crate::signin::secret::Secret;

/// Shortest lease: a pause of the machine or of the network must not cost it.
const SHORTEST_LEASE: Duration = Duration::from_secs(1);

/// Longest lease: as long as nobody may lead after the leader is lost.
const LONGEST_LEASE: Duration = Duration::from_secs(60);

/// More than one machine.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "More than one machine")]
#[group(skip)]
pub struct ReplicaSettings {
    /// PostgreSQL database that holds the ceremony, for any number of these programs, the replicas: a URL
    /// such as postgres://tauline@db.example.org/ceremony.
    ///
    /// One of them leads, every one serves; when the leader is lost, another leads. A password in the URL
    /// belongs into the settings file or the environment. Without this setting the ceremony is in a
    /// database of its own in --data-dir.
    #[arg(
        long,
        env = "TAULINE_STORE",
        value_name = "URL",
        value_parser = secret,
        hide_env_values = true
    )]
    pub store: Option<Secret>,

    /// What this replica is called in logs, and by the others; by default the host's name and the port of
    /// --listen.
    #[arg(long, env = "TAULINE_REPLICA_NAME", value_name = "NAME", value_parser = replica_name)]
    pub replica_name: Option<String>,

    /// Address and port at which this replica takes what the others forward; port 0 takes a free one.
    ///
    /// It speaks HTTP without TLS, and only to those who know a secret that is kept in the database: give
    /// an address that only the replicas' network reaches.
    #[arg(
        long,
        env = "TAULINE_REPLICA_LISTEN",
        value_name = "ADDR",
        default_value = "127.0.0.1:0",
        value_parser = address
    )]
    pub replica_listen: SocketAddr,

    /// URL at which the other replicas reach --replica-listen, such as http://10.0.0.7:3001; by default
    /// http:// and that address.
    #[arg(long, env = "TAULINE_REPLICA_URL", value_name = "URL", value_parser = web_url)]
    pub replica_url: Option<Url>,

    /// How long a leader leads that is not heard of, in seconds, at least 1: so long after its loss nobody
    /// leads. It is renewed every third of it.
    #[arg(
        long,
        env = "TAULINE_LEASE",
        value_name = "SECONDS",
        default_value = "3",
        value_parser = seconds
    )]
    pub lease: Duration,
}

impl ReplicaSettings {
    /// The database of all replicas, if there is one.
    ///
    /// # Errors
    /// A URL that is none of PostgreSQL.
    pub(crate) fn database(&self) -> Result<Option<Database>, SettingsError> {
        let parsed = self
            .store
            .as_ref()
            .map(|url| Database::parse(url.reveal()))
            .transpose();
        parsed.map_err(|error| SettingsError::Conflict(format!("--store: {error}")))
    }

    /// The URL at which others reach this replica, whose listener is bound to `listening`.
    pub(crate) fn url(&self, listening: SocketAddr) -> String {
        match &self.replica_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{listening}"),
        }
    }

    /// Refuses what does not go together with others' service, when somebody would have to `sign_in` for
    /// the public address.
    pub(super) fn check(
        &self,
        service: &ServiceSettings,
        sign_in: bool,
    ) -> Result<(), SettingsError> {
        let conflict = |text: &str| Err(SettingsError::Conflict(text.to_owned()));
        if self.lease < SHORTEST_LEASE || self.lease > LONGEST_LEASE {
            return conflict("--lease must be 1 to 60 seconds");
        }
        if self.database()?.is_none() {
            return match (&self.replica_url, &self.replica_name) {
                (None, None) => Ok(()),
                _ => conflict(
                    "--replica-url and --replica-name are for several replicas on one database: give \
                     --store postgres://… too",
                ),
            };
        }
        if service.from_handover.is_some() || service.recover_from().is_some() {
            return conflict(
                "--from-handover and --recover-log go on in --data-dir, not in the database of --store: start \
                 once without --store, then bring the ceremony there",
            );
        }
        if sign_in && service.public_url.is_none() {
            return conflict(
                "participants sign in for one public address, whichever replica they reach: with --store give \
                 --public-url https://…, the same for all replicas, or offer only --signin invite",
            );
        }
        match &self.replica_url {
            Some(url) if url.scheme() != "http" || url.path() != "/" || url.query().is_some() => {
                conflict(
                    "--replica-url is http:// with host and port only, such as http://10.0.0.7:3001",
                )
            }
            None if self.replica_listen.ip().is_unspecified() => conflict(
                "--replica-listen is every address of this machine: give --replica-url http://…, where the \
                 other replicas reach it",
            ),
            _ => Ok(()),
        }
    }
}

/// A name that fits into a line of the log.
fn replica_name(text: &str) -> Result<String, String> {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
    match text.len() {
        1..=64 if text.chars().all(is_fine) => Ok(text.to_owned()),
        _ => Err("give 1 to 64 letters, digits, dots, colons, dashes or underscores".to_owned()),
    }
}

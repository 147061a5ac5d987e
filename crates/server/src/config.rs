//! Every setting of the server: a flag, an environment variable and a key of the settings file.
//!
//! A flag outranks the environment, the environment outranks the file, the file outranks the
//! default. The same parser reads all four, so a value means the same wherever it stands.
#![allow(
    rustdoc::bare_urls,
    rustdoc::broken_intra_doc_links,
    reason = "the descriptions of settings are the text of --help, with an IPv6 address in one"
)]

mod connections;
mod credentials;
mod error;
mod ethereum;
mod file;
mod github;
mod given;
mod limits;
mod log;
mod oidc;
mod replicas;
mod sequencer;
mod service;
mod sign_in;
mod tls;
mod turn;
mod values;
mod waiting;
mod watch;

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, ValueEnum};
use tauline_queue_core::Rules;

pub use self::connections::ConnectionSettings;
pub use self::error::SettingsError;
pub use self::ethereum::EthereumSettings;
pub use self::github::GithubSettings;
use self::given::Given;
pub use self::limits::LimitSettings;
pub use self::log::LogSettings;
pub use self::oidc::OidcSettings;
pub use self::replicas::ReplicaSettings;
pub use self::sequencer::SequencerSettings;
pub(crate) use self::service::RecoverFrom;
pub use self::service::ServiceSettings;
pub use self::sign_in::{SignInSettings, SignInWay};
pub(crate) use self::tls::TlsFiles;
pub use self::tls::TlsSettings;
pub use self::turn::TurnSettings;
pub use self::values::ContributionLimit;
pub use self::waiting::WaitingSettings;
pub use self::watch::WatchSettings;
use crate::signin::origin::Origin;

/// Runs a powers-of-tau ceremony: a queue of participants, each of whom updates the same powers.
///
/// Every setting is a flag, an environment variable (TAULINE_…) and a key of the file that --config
/// names (the flag's name without the dashes, TOML). A flag outranks the environment, the
/// environment outranks the file. Durations are in seconds and may have decimals.
#[derive(Debug, Clone, Parser)]
#[command(name = "tauline-server", version, term_width = 100)]
#[group(skip)]
#[expect(
    missing_docs,
    reason = "clap would take a group's description for the program's"
)]
pub struct Settings {
    /// A TOML file with settings, `key = value` by the names of these flags.
    #[arg(long, env = "TAULINE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// What to do instead of serving.
    #[arg(value_enum, value_name = "ACTION")]
    pub action: Option<Action>,

    #[command(flatten)]
    pub service: ServiceSettings,

    #[command(flatten)]
    pub replicas: ReplicaSettings,

    #[command(flatten)]
    pub tls: TlsSettings,

    #[command(flatten)]
    pub sign_in: SignInSettings,

    #[command(flatten)]
    pub ethereum: EthereumSettings,

    #[command(flatten)]
    pub github: GithubSettings,

    #[command(flatten)]
    pub oidc: OidcSettings,

    #[command(flatten)]
    pub waiting: WaitingSettings,

    #[command(flatten)]
    pub turn: TurnSettings,

    #[command(flatten)]
    pub sequencer: SequencerSettings,

    #[command(flatten)]
    pub connections: ConnectionSettings,

    #[command(flatten)]
    pub limits: LimitSettings,

    #[command(flatten)]
    pub watch: WatchSettings,

    #[command(flatten)]
    pub log: LogSettings,

    #[arg(skip)]
    given: Given,
}

/// What the program can do instead of serving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Action {
    /// Print the public key of the coordinator in the data directory, and end. Where there is none yet,
    /// its key is made: by it, a coordinator elsewhere can hand its ceremony over to this one.
    PublicKey,
    /// Print the manual page of this program, and end.
    Manual,
}

/// Writes the program's manual page, as `man` reads it.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_manual(to: &mut dyn io::Write) -> io::Result<()> {
    clap_mangen::Man::new(command()).render(to)
}

impl Settings {
    /// The settings of this process: its arguments, its environment and the file they name.
    ///
    /// # Errors
    /// Bad settings; `--help` and `--version` too, as clap does it.
    pub fn from_process() -> Result<Self, SettingsError> {
        Self::from_args(std::env::args_os())
    }

    /// The settings of an argument list (the program's name first), the environment and the file
    /// that they name.
    ///
    /// # Errors
    /// Bad settings; `--help` and `--version` too, as clap does it.
    pub fn from_args(args: impl IntoIterator<Item = OsString>) -> Result<Self, SettingsError> {
        let mut args: Vec<OsString> = args.into_iter().collect();
        let mut settings = Self::parsed(&args)?;
        if let Some(path) = settings.config.clone() {
            // What neither a flag nor the environment gives is taken from the file, as if it had
            // been a flag: one parser, one set of messages.
            let matches = command().try_get_matches_from(&args)?;
            for (key, value) in file::settings(&path, &command())? {
                let given = matches.value_source(&key.replace('-', "_"));
                if !matches!(
                    given,
                    Some(ValueSource::CommandLine | ValueSource::EnvVariable)
                ) {
                    args.push(format!("--{key}={value}").into());
                }
            }
            settings = Self::parsed(&args).map_err(|error| SettingsError::File {
                path,
                problem: error
                    .to_string()
                    .trim_start_matches("error: ")
                    .trim_end()
                    .to_owned(),
            })?;
        }
        settings.watch.heed_standard_variables()?;
        settings.check()?;
        Ok(settings)
    }

    fn parsed(args: &[OsString]) -> Result<Self, clap::Error> {
        let matches = command().try_get_matches_from(args)?;
        let mut settings = Self::from_arg_matches(&matches)?;
        settings.given = Given::of(&matches);
        Ok(settings)
    }

    /// Settings that were given otherwise than in `other`, as the flags are named.
    #[must_use]
    pub(crate) fn differing(&self, other: &Self) -> Vec<String> {
        self.given.differing(&other.given)
    }

    /// Takes for given what was given in `other` for these settings, named as the flags are.
    pub(crate) fn take_over(&mut self, other: &Self, names: &[String]) {
        self.given.take_over(&other.given, names);
    }

    /// Files that hold secrets, and which.
    #[must_use]
    pub(crate) fn files_with_secrets(&self) -> Vec<(&'static str, PathBuf)> {
        let named = [
            ("the private key for TLS", &self.tls.tls_key),
            (
                "GitHub's client secret",
                &self.github.github_client_secret_file,
            ),
            (
                "the client secret of the OpenID Connect provider",
                &self.oidc.eth_oidc_client_secret_file,
            ),
        ];
        let given = named
            .into_iter()
            .filter_map(|(what, path)| Some((what, path.clone()?)));
        let mut files: Vec<_> = given.collect();
        if let Some(path) = &self.config
            && let Ok(pairs) = file::settings(path, &command())
            && pairs.iter().any(|(key, _)| is_secret(key))
        {
            files.push(("a secret", path.clone()));
        }
        files
    }

    /// Refuses settings that do not go together.
    ///
    /// # Errors
    /// The first conflict, in words that say what to do.
    fn check(&self) -> Result<(), SettingsError> {
        let offers = |way| self.sign_in.offers(way);
        self.sign_in.check_invitations()?;
        let signed = self.sign_in.offers_more_than_invitations();
        self.service.check(signed)?;
        self.replicas.check(&self.service, signed)?;
        self.tls.check()?;
        self.watch.check(self.service.listen)?;
        self.github.check(offers(SignInWay::Github))?;
        self.oidc.check(offers(SignInWay::Oidc))?;
        self.ethereum
            .check(offers(SignInWay::Siwe) || offers(SignInWay::Oidc))?;
        self.sign_in.check_sessions()?;
        self.connections.check()?;
        self.sequencer.check()?;
        self.connections
            .check_idle(self.sequencer.between_calls())?;
        self.rules().validate().map_err(|error| {
            // The rules name their fields as the flags are named, but for the dash.
            let error = error.to_string().replace('_', "-");
            SettingsError::Conflict(format!("the deadlines do not work: {error}"))
        })
    }

    /// Where participants reach this coordinator, now that `bound` is the address listened on.
    #[must_use]
    pub(crate) fn origin(&self, bound: SocketAddr) -> Origin {
        match &self.service.public_url {
            Some(url) => Origin::public(url),
            None => Origin::local(bound, self.tls.files().is_some()),
        }
    }

    /// The queue's rules under these settings.
    #[must_use]
    pub fn rules(&self) -> Rules {
        let (waiting, turn) = (&self.waiting, &self.turn);
        Rules {
            checkin_max: waiting.checkin_max,
            checkin_min: waiting.checkin_min,
            checkin_grace: waiting.checkin_grace,
            start_limit: turn.start_limit,
            contribution_limit: turn.contribution_limit.longest(),
            contribution_min: turn.contribution_limit.shortest(),
            stall_limit: turn.stall_limit,
            disconnect_limit: turn.disconnect_limit.unwrap_or(turn.stall_limit / 2),
            verification_limit: turn.verification_limit,
            checkin_relaxed: waiting.checkin_relaxed.unwrap_or(6 * waiting.checkin_min),
            checkin_rate: waiting.checkin_rate,
            passes: waiting.passes,
            expected_turn: waiting.expected_turn,
            lasting_step: waiting.lasting_step,
            ..Rules::default()
        }
    }
}

/// Whether a setting's value is for few eyes: a client's secret, or the URL of a node or a database, which
/// may have a key in it.
fn is_secret(key: &str) -> bool {
    key.ends_with("-client-secret") || matches!(key, "eth-rpc-url" | "store")
}

/// The flags. Values of environment variables are not shown: the help is the same everywhere.
fn command() -> clap::Command {
    Settings::command().mut_args(|arg| arg.hide_env_values(true))
}

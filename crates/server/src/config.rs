//! Every setting of the server: a flag, an environment variable and a key of the settings file.
//!
//! A flag outranks the environment, the environment outranks the file, the file outranks the
//! default. The same parser reads all four, so a value means the same wherever it stands.
#![allow(
    rustdoc::bare_urls,
    reason = "the descriptions of settings are the text of --help"
)]

mod accounts;
mod file;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::Uri;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, ValueEnum};
use ipnet::IpNet;
use sha2::{Digest as _, Sha256};
use tauline_protocol::status::SignInMethod;
use tauline_queue_core::Rules;
use tauline_transcript::Sizes;

pub use self::accounts::Accounts;
pub use self::values::ContributionLimit;
use self::values::{address, contribution_limit, eth_address, network, public_url, seconds};
use crate::signin::origin::Origin;

/// Runs a powers-of-tau ceremony: a queue of participants, each of whom updates the same powers.
///
/// Every setting is a flag, an environment variable (TAULINE_…) and a key of the file that --config
/// names (the flag's name without the dashes, TOML). A flag outranks the environment, the
/// environment outranks the file. Durations are in seconds and may have decimals.
#[derive(Debug, Clone, Parser)]
#[command(name = "tauline-server", version, term_width = 100)]
pub struct Settings {
    /// A TOML file with settings, `key = value` by the names of these flags.
    #[arg(long, env = "TAULINE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Address and port to serve HTTP on; port 0 takes a free one.
    ///
    /// There is no TLS here: put a proxy in front of anything but a loopback address.
    #[arg(
        long,
        env = "TAULINE_LISTEN",
        value_name = "ADDR",
        default_value = "127.0.0.1:3000",
        value_parser = address
    )]
    pub listen: SocketAddr,

    /// URL that participants reach this coordinator under, such as https://ceremony.example.org.
    ///
    /// Ethereum sign-in is bound to it. Without it, it is http:// and the address of --listen,
    /// which only a loopback address is good for.
    #[arg(long, env = "TAULINE_PUBLIC_URL", value_name = "URL", value_parser = public_url)]
    pub public_url: Option<Uri>,

    /// Directory of all data: the ceremony's database, lock, operator's socket and snapshots.
    ///
    /// Made, with mode 0700, when it does not exist.
    #[arg(
        long,
        env = "TAULINE_DATA_DIR",
        value_name = "DIR",
        default_value = "./tauline-data"
    )]
    pub data_dir: PathBuf,

    /// Address of the coordinator to be, 0x and 40 hex digits, as the status and receipts have it: it
    /// starts as that one or not at all.
    ///
    /// Give it once a ceremony has begun: where the data is missing, as when a disk is not mounted, no
    /// other ceremony begins.
    #[arg(
        long,
        env = "TAULINE_COORDINATOR_ADDRESS",
        value_name = "ADDRESS",
        value_parser = eth_address
    )]
    pub coordinator_address: Option<String>,

    /// Powers in G1 and G2 of each sub-ceremony, `G1:G2,G1:G2,…`. Fixed once a ceremony has begun.
    #[arg(
        long,
        env = "TAULINE_CEREMONY",
        value_name = "SIZES",
        default_value = "4096:65,8192:65,16384:65,32768:65"
    )]
    pub ceremony: Sizes,

    /// Ways to sign in, comma-separated.
    #[arg(
        long,
        env = "TAULINE_SIGNIN",
        value_name = "METHODS",
        value_delimiter = ',',
        default_value = "siwe"
    )]
    pub signin: Vec<SignIn>,

    /// File of invitations for --signin invite, one `name code` a line; `#` begins a comment.
    #[arg(long, env = "TAULINE_INVITES", value_name = "FILE")]
    pub invites: Option<PathBuf>,

    /// Chain id that an EIP-4361 message must name.
    #[arg(long, env = "TAULINE_CHAIN_ID", value_name = "ID", default_value_t = 1)]
    pub chain_id: u64,

    #[command(flatten)]
    #[expect(
        missing_docs,
        reason = "clap would take it for the program's description"
    )]
    pub accounts: Accounts,

    /// People who may be signed in at a time before newcomers are sent away. Who is in already may
    /// always sign in again.
    #[arg(
        long,
        env = "TAULINE_MAX_SESSIONS",
        value_name = "NUMBER",
        default_value_t = 100_000
    )]
    pub max_sessions: usize,

    /// Longest time between check-ins of a waiting participant, in seconds.
    #[arg(long, env = "TAULINE_CHECKIN_MAX", value_name = "SECONDS", default_value = "3600", value_parser = seconds)]
    pub checkin_max: Duration,

    /// Shortest time between check-ins, and that of the first three in line, in seconds.
    #[arg(long, env = "TAULINE_CHECKIN_MIN", value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub checkin_min: Duration,

    /// Longest time between check-ins that is always allowed, however few are in line, in seconds: a
    /// free turn waits no longer for somebody absent [default: six times --checkin-min, 30].
    #[arg(long, env = "TAULINE_CHECKIN_RELAXED", value_name = "SECONDS", value_parser = seconds)]
    pub checkin_relaxed: Option<Duration>,

    /// Check-ins a second that all in line may make together: in a line so long that they would be
    /// more, the longest time between two grows.
    #[arg(
        long,
        env = "TAULINE_CHECKIN_RATE",
        value_name = "PER_SECOND",
        default_value_t = 1000
    )]
    pub checkin_rate: u32,

    /// How often one stay in line may be passed: a free turn goes to the first of the first three in
    /// line who is there, and whoever is ahead of it and absent keeps its place and is next; 0 is
    /// strict order.
    #[arg(
        long,
        env = "TAULINE_PASSES",
        value_name = "NUMBER",
        default_value_t = 1
    )]
    pub passes: u32,

    /// Allowance on every deadline for latency and clocks, in seconds.
    #[arg(long, env = "TAULINE_CHECKIN_GRACE", value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub checkin_grace: Duration,

    /// Time to start, once told that the turn has come, in seconds.
    #[arg(long, env = "TAULINE_START_LIMIT", value_name = "SECONDS", default_value = "15", value_parser = seconds)]
    pub start_limit: Duration,

    /// Time from the start to the last byte of the contribution, in seconds; or auto:MIN-MAX.
    ///
    /// With auto:MIN-MAX it follows the turns of late: twice what 95 of 100 accepted contributions
    /// took, within these bounds, and MAX until five were accepted. The status tells it; a turn that
    /// runs keeps what it began with, and has until MAX as long as the bytes of its upload arrive.
    #[arg(long, env = "TAULINE_CONTRIBUTION_LIMIT", value_name = "SECONDS", default_value = "180", value_parser = contribution_limit)]
    pub contribution_limit: ContributionLimit,

    /// Time without a check-in after which a client that checks in while contributing has gone,
    /// in seconds.
    #[arg(long, env = "TAULINE_STALL_LIMIT", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub stall_limit: Duration,

    /// The same once its connection was closed and nothing came back, in seconds [default: half of
    /// --stall-limit, 15].
    #[arg(long, env = "TAULINE_DISCONNECT_LIMIT", value_name = "SECONDS", value_parser = seconds)]
    pub disconnect_limit: Option<Duration>,

    /// What a turn is taken to last until the first one is over, in seconds.
    #[arg(long, env = "TAULINE_EXPECTED_TURN", value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub expected_turn: Duration,

    /// By how much a record of a check-in covers later ones, in seconds: with more, check-ins cost
    /// fewer commits, and after a restart an absent head is waited for that much longer.
    #[arg(long, env = "TAULINE_LASTING_STEP", value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub lasting_step: Duration,

    /// Time for verifying one contribution, in seconds; past it the coordinator is at fault and
    /// the participant's identity is not used up.
    #[arg(long, env = "TAULINE_VERIFICATION_LIMIT", value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    pub verification_limit: Duration,

    /// How often clients of the sequencer's API call /lobby/try_contribute, in seconds. They know
    /// no other time: no check-in deadline of theirs is shorter than two of these, each with its
    /// tolerance and grace, so that one lost call costs nobody a place; and behind the first three
    /// in line it is twice as long.
    #[arg(long, env = "TAULINE_LOBBY_CHECKIN_FREQUENCY", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub lobby_checkin_frequency: Duration,

    /// How much later than that such a call may come, in seconds; the grace comes on top of it.
    #[arg(long, env = "TAULINE_LOBBY_CHECKIN_TOLERANCE", value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub lobby_checkin_tolerance: Duration,

    /// How long the answer to such a call by one of the first three in line is held back, in case
    /// the turn comes, in seconds; 0 answers at once.
    ///
    /// It must be less than what any client or proxy waits for an answer: nginx cuts at 60 seconds
    /// unless proxy_read_timeout says otherwise.
    #[arg(long, env = "TAULINE_LOBBY_HOLD", value_name = "SECONDS", default_value = "50", value_parser = seconds)]
    pub lobby_hold: Duration,

    /// Time that a session lasts, in seconds; the session of somebody in the queue lasts as long
    /// as the stay.
    #[arg(long, env = "TAULINE_SESSION_LIFETIME", value_name = "SECONDS", default_value = "86400", value_parser = seconds)]
    pub session_lifetime: Duration,

    /// Time for a request's headers from their first byte on, and that its body may pause for, in
    /// seconds.
    #[arg(long, env = "TAULINE_BODY_TIMEOUT", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub body_timeout: Duration,

    /// Time that a connection may be idle between two requests, in seconds. More than the time from
    /// one poll of the sequencer's clients to the next: --lobby-checkin-frequency,
    /// --lobby-checkin-tolerance and --lobby-hold together.
    #[arg(long, env = "TAULINE_IDLE_TIMEOUT", value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    pub idle_timeout: Duration,

    /// Time in which a client must take some of what is sent to it, in seconds, or its connection
    /// is closed.
    #[arg(long, env = "TAULINE_WRITE_TIMEOUT", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub write_timeout: Duration,

    /// Connections at a time. When there are as many, those without a session that have done nothing
    /// for longest make room; 0 is as many as the system's limit on open files allows.
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

    /// Downloads of the transcript at a time. When there are as many, the one that has stood still
    /// for longest is ended for another, if any does; 0 is no limit.
    #[arg(
        long,
        env = "TAULINE_MAX_DOWNLOADS",
        value_name = "NUMBER",
        default_value_t = 256
    )]
    pub max_downloads: usize,

    /// Downloads of the transcript at a time for one address, or one /64 of IPv6; 0 is no limit.
    #[arg(
        long,
        env = "TAULINE_MAX_DOWNLOADS_PER_ADDRESS",
        value_name = "NUMBER",
        default_value_t = 16
    )]
    pub max_downloads_per_address: usize,

    /// Sign-ins per hour and client address; 0 is no limit. An IPv6 address counts for its /64, and
    /// for its /48 at 16 times the rate.
    #[arg(
        long,
        env = "TAULINE_LOGIN_RATE",
        value_name = "PER_HOUR",
        default_value_t = 50
    )]
    pub login_rate: u32,

    /// Requests without a session per hour and client address, IPv6 as above; 0 is no limit.
    #[arg(
        long,
        env = "TAULINE_ANONYMOUS_RATE",
        value_name = "PER_HOUR",
        default_value_t = 600
    )]
    pub anonymous_rate: u32,

    /// Requests per minute and session; 0 is no limit.
    #[arg(
        long,
        env = "TAULINE_SESSION_RATE",
        value_name = "PER_MINUTE",
        default_value_t = 50
    )]
    pub session_rate: u32,

    /// Requests per minute and session to the sequencer's API; 0 is no limit. Some of its clients
    /// take a refusal for the end, and one sends a request a second.
    #[arg(
        long,
        env = "TAULINE_LOBBY_RATE",
        value_name = "PER_MINUTE",
        default_value_t = 120
    )]
    pub lobby_rate: u32,

    /// Addresses or networks of proxies whose X-Forwarded-For is believed, comma-separated, such
    /// as 127.0.0.1,10.0.0.0/8. None by default.
    #[arg(
        long,
        env = "TAULINE_TRUSTED_PROXIES",
        value_name = "NETWORKS",
        value_delimiter = ',',
        value_parser = network
    )]
    pub trusted_proxies: Vec<IpNet>,

    /// Threads that verify contributions; 0 is one for each processor.
    #[arg(
        long,
        env = "TAULINE_THREADS",
        value_name = "NUMBER",
        default_value_t = 0
    )]
    pub threads: usize,

    /// What is logged: error, warn, info, debug, trace, or a filter by module.
    #[arg(
        long,
        env = "TAULINE_LOG",
        value_name = "FILTER",
        default_value = "info"
    )]
    pub log: String,

    /// Form of the log on standard error.
    #[arg(
        long,
        env = "TAULINE_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text"
    )]
    pub log_format: LogFormat,

    #[arg(skip)]
    given: Given,
}

/// What was given for each setting, hashed, since some are secrets: to tell which have changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Given(BTreeMap<String, [u8; 32]>);

impl Given {
    fn of(matches: &ArgMatches) -> Self {
        let ids = matches.ids().map(clap::Id::as_str);
        let hashed = ids.map(|id| {
            let mut hash = Sha256::new();
            for value in matches.get_raw(id).into_iter().flatten() {
                hash.update((value.len() as u64).to_be_bytes());
                hash.update(value.as_encoded_bytes());
            }
            (id.to_owned(), hash.finalize().into())
        });
        Self(hashed.collect())
    }
}

/// A way to sign in, as a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SignIn {
    /// By Ethereum account: an EIP-4361 message.
    Siwe,
    /// By GitHub account, in a browser; needs --github-client-id.
    Github,
    /// By Ethereum account at an OpenID Connect provider, in a browser; needs --eth-oidc-….
    Oidc,
    /// By a code from the file of invitations.
    Invite,
}

impl From<SignIn> for SignInMethod {
    fn from(method: SignIn) -> Self {
        match method {
            SignIn::Siwe => Self::Siwe,
            SignIn::Github => Self::Github,
            SignIn::Oidc => Self::Oidc,
            SignIn::Invite => Self::Invite,
        }
    }
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line for a person.
    Text,
    /// A JSON object a line.
    Json,
}

impl LogFormat {
    /// The form that arguments or the environment ask for, for when they cannot be read as a whole.
    #[must_use]
    pub fn asked_for(args: impl IntoIterator<Item = String>) -> Self {
        let mut asked = std::env::var("TAULINE_LOG_FORMAT").ok();
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            match arg.strip_prefix("--log-format") {
                Some("") => asked = args.next(),
                Some(value) => asked = value.strip_prefix('=').map(str::to_owned),
                None => {}
            }
        }
        asked
            .and_then(|text| Self::from_str(&text, false).ok())
            .unwrap_or(Self::Text)
    }
}

/// Settings that cannot be served with. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A flag or an environment variable; also `--help` and `--version`.
    #[error(transparent)]
    Flags(#[from] clap::Error),
    /// The settings file cannot be read.
    #[error("the settings file {} cannot be read: {error}", path.display())]
    FileUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The settings file is not TOML, or holds something that is no setting.
    #[error("the settings file {} is not right: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// Two settings do not go together, or one makes no sense.
    #[error("{0}")]
    Conflict(String),
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
        let matches = command().try_get_matches_from(&args)?;
        let mut settings = Self::from_arg_matches(&matches)?;
        settings.given = Given::of(&matches);
        if let Some(path) = settings.config.clone() {
            // What neither a flag nor the environment gives is taken from the file, as if it had
            // been a flag: one parser, one set of messages.
            for (key, value) in file::settings(&path)? {
                let id = key.replace('-', "_");
                let given = matches.value_source(&id);
                if !matches!(
                    given,
                    Some(ValueSource::CommandLine | ValueSource::EnvVariable)
                ) {
                    args.push(format!("--{key}={value}").into());
                }
            }
            let from_file = command().try_get_matches_from(&args).and_then(|matches| {
                let mut settings = Self::from_arg_matches(&matches)?;
                settings.given = Given::of(&matches);
                Ok(settings)
            });
            settings = from_file.map_err(|error| SettingsError::File {
                path,
                problem: error
                    .to_string()
                    .trim_start_matches("error: ")
                    .trim_end()
                    .to_owned(),
            })?;
        }
        settings.check()?;
        Ok(settings)
    }

    /// Settings that were given otherwise than in `other`, as the flags are named.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Vec<String> {
        let (ours, theirs) = (&self.given.0, &other.given.0);
        let ids: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        ids.into_iter()
            .filter(|id| ours.get(*id) != theirs.get(*id))
            .map(|id| format!("--{}", id.replace('_', "-")))
            .collect()
    }

    /// Takes for given what was given in `other` for these settings, named as the flags are.
    pub(crate) fn take_over(&mut self, other: &Self, names: &[String]) {
        for name in names {
            let id = name.trim_start_matches('-').replace('-', "_");
            match other.given.0.get(&id) {
                Some(hash) => drop(self.given.0.insert(id, *hash)),
                None => drop(self.given.0.remove(&id)),
            }
        }
    }

    /// Files that hold secrets, and which.
    #[must_use]
    pub fn files_with_secrets(&self) -> Vec<(&'static str, PathBuf)> {
        let mut files = self.accounts.files_with_secrets();
        if let Some(path) = &self.config
            && let Ok(pairs) = file::settings(path)
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
    pub fn check(&self) -> Result<(), SettingsError> {
        let conflict = |text: String| Err(SettingsError::Conflict(text));
        if self.offers(SignIn::Invite) && self.invites.is_none() {
            return conflict(
                "--signin invite needs --invites FILE, with one `name code` a line".to_owned(),
            );
        }
        if !self.offers(SignIn::Invite) && self.invites.is_some() {
            return conflict(
                "--invites is given, but --signin does not offer invite: add it (--signin siwe,invite) or drop --invites"
                    .to_owned(),
            );
        }
        let only_invites = self.signin.iter().all(|method| *method == SignIn::Invite);
        if !only_invites && self.public_url.is_none() && !self.listen.ip().is_loopback() {
            return conflict(format!(
                "participants sign in for this coordinator's public address, and {} is none: give --public-url https://…, \
                 listen on a loopback address, or offer only --signin invite",
                self.listen
            ));
        }
        self.accounts.check(self)?;
        if self.max_sessions == 0 {
            return conflict("--max-sessions must be more than 0".to_owned());
        }
        if self.session_lifetime.is_zero() {
            return conflict("--session-lifetime must be more than 0 seconds".to_owned());
        }
        if self.body_timeout.is_zero() {
            return conflict("--body-timeout must be more than 0 seconds".to_owned());
        }
        if self.write_timeout.is_zero() {
            return conflict("--write-timeout must be more than 0 seconds".to_owned());
        }
        if self.lobby_checkin_frequency.is_zero() {
            return conflict("--lobby-checkin-frequency must be more than 0 seconds".to_owned());
        }
        // Clients that keep connections and repeat no request by themselves lose a poll, and with it
        // their place, to a connection that is closed while they send.
        let between_polls = self
            .lobby_checkin_frequency
            .saturating_add(self.lobby_checkin_tolerance)
            .saturating_add(self.lobby_hold);
        if self.idle_timeout <= between_polls {
            let least = between_polls.as_secs_f64();
            return conflict(format!(
                "--idle-timeout must be more than {least} seconds, which is --lobby-checkin-frequency, --lobby-checkin-tolerance \
                 and --lobby-hold together: set it to {} or more, or shorten one of those",
                least.floor() + 30.0
            ));
        }
        self.rules().validate().map_err(|error| {
            // The rules name their fields as the flags are named, but for the dash.
            let error = error.to_string().replace('_', "-");
            SettingsError::Conflict(format!("the deadlines do not work: {error}"))
        })?;
        Ok(())
    }

    /// Whether a way to sign in is offered.
    #[must_use]
    pub fn offers(&self, method: SignIn) -> bool {
        self.signin.contains(&method)
    }

    /// The ways to sign in, as the status words them.
    #[must_use]
    pub fn sign_in_methods(&self) -> Vec<SignInMethod> {
        let mut methods: Vec<_> = self
            .signin
            .iter()
            .copied()
            .map(SignInMethod::from)
            .collect();
        methods.sort();
        methods.dedup();
        methods
    }

    /// The queue's rules under these settings.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules {
            checkin_max: self.checkin_max,
            checkin_min: self.checkin_min,
            checkin_grace: self.checkin_grace,
            start_limit: self.start_limit,
            contribution_limit: self.contribution_limit.longest(),
            contribution_min: self.contribution_limit.shortest(),
            stall_limit: self.stall_limit,
            disconnect_limit: self.disconnect_limit.unwrap_or(self.stall_limit / 2),
            verification_limit: self.verification_limit,
            checkin_relaxed: self.checkin_relaxed.unwrap_or(6 * self.checkin_min),
            checkin_rate: self.checkin_rate,
            passes: self.passes,
            expected_turn: self.expected_turn,
            lasting_step: self.lasting_step,
            ..Rules::default()
        }
    }

    /// The time that a client of the sequencer's API has until its next call, grace not included:
    /// two of its periods with what each may be late, so that one call may be lost
    /// (`docs/spec/sequencer.md#rhythm`).
    #[must_use]
    pub fn lobby_interval(&self) -> Duration {
        let period = self
            .lobby_checkin_frequency
            .saturating_add(self.lobby_checkin_tolerance);
        period.saturating_mul(2).saturating_add(self.checkin_grace)
    }

    /// Where participants reach this coordinator, now that `bound` is the address listened on.
    #[must_use]
    pub fn origin(&self, bound: SocketAddr) -> Origin {
        match &self.public_url {
            Some(url) => Origin::public(url),
            None => Origin::local(bound),
        }
    }
}

/// Whether a setting's value is for few eyes: a client's secret, or a node's URL, which may have a key
/// in it.
fn is_secret(key: &str) -> bool {
    key.ends_with("-client-secret") || key == "eth-rpc-url"
}

/// The flags. Values of environment variables are not shown: the help is the same everywhere.
fn command() -> clap::Command {
    Settings::command().mut_args(|arg| arg.hide_env_values(true))
}

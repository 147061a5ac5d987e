//! The operator's orders, and what each of them asks the coordinator for.

use std::path::{Path, PathBuf, absolute};
use std::str::FromStr as _;

use clap::Subcommand;
use reqwest::Url;
use tauline_protocol::Identity;
use tauline_protocol::admin::{AdminRequest, Reason};
use tauline_protocol::public_log::SuccessorKey;
use tauline_queue_core::Timestamp;

use crate::client::parse_server;
use crate::exit::{Failure, Outcome};
use crate::identity::parse_identity;
use crate::output;
use crate::times::parse_future;

#[derive(Debug, Subcommand)]
pub(super) enum Order {
    /// Show the ceremony's status.
    Status,
    /// Let nobody join any more, serve everyone in line, then halt.
    Drain {
        /// Not now but at this time, which is announced: 2026-10-01T12:00:00Z.
        #[arg(long, value_name = "TIME", value_parser = parse_future)]
        at: Option<Timestamp>,
    },
    /// Let participants join again.
    Open {
        /// Not now but at this time, which is announced: 2026-10-01T12:00:00Z.
        #[arg(long, value_name = "TIME", value_parser = parse_future)]
        at: Option<Timestamp>,
    },
    /// Forget the times that are planned: with --at, to open and to drain.
    Unplan,
    /// Stop all deadlines: nobody is called, and nobody loses a place.
    Pause,
    /// Go on after a pause.
    Resume,
    /// Let an identity that was used up without contributing join again. This goes into the public
    /// log.
    Pardon {
        /// The identity: eth|0x…, git|ID|LOGIN or invite|NAME.
        #[arg(value_name = "ID", value_parser = parse_identity)]
        id: Identity,
    },
    /// End the stay of somebody in line or in its turn. The identity is used up; a pardon lets it join
    /// again. This goes into the public log with the reason, which whoever is expelled is told.
    ///
    /// A contribution that is being verified cannot be expelled: it gets its verdict.
    Expel {
        /// The stay's ticket, as `tauline admin queue` shows it.
        #[arg(value_name = "TICKET")]
        ticket: u64,
        /// Why: one line of at most 500 characters.
        #[arg(long, value_name = "TEXT", value_parser = Reason::from_str)]
        reason: Reason,
    },
    /// Show who is in line, whether they are present, and when their next deadline is.
    Queue {
        /// How many to show, starting with who has the turn; at most 10,000.
        #[arg(long, value_name = "NUMBER", default_value_t = 30)]
        first: u32,
    },
    /// Show, make and revoke invitations, without a restart.
    Invites {
        #[command(subcommand)]
        order: InvitesOrder,
    },
    /// Read the settings and the invitations again, as SIGHUP does.
    ///
    /// These take effect at once: invitations, --log, --login-rate, --anonymous-rate,
    /// --session-rate, --lobby-rate and --trusted-proxies. Other settings that have changed need a
    /// restart; they are named.
    Reload,
    /// Sign the public log with a new key from now on.
    ///
    /// The log names it, with this coordinator's certificate. Witnesses have to be told.
    RotateKey,
    /// Give the ceremony to another coordinator, for good: it is closed here, and goes on there.
    ///
    /// Pause or drain it first. Everybody in line keeps the place; sessions and secret keys stay here.
    /// It cannot be taken back.
    Handover {
        /// The public key of the coordinator that goes on, as `tauline-server --data-dir DIR
        /// public-key` prints it there.
        #[arg(long, value_name = "PUBLIC_KEY", value_parser = parse_successor)]
        to: SuccessorKey,
        /// The address at which participants will reach it. Their programs go there.
        #[arg(long, value_name = "URL", value_parser = parse_server)]
        url: Option<Url>,
        /// File to write for it, the bundle, which must not exist yet.
        #[arg(short = 'o', long, value_name = "BUNDLE")]
        output: PathBuf,
    },
    /// Write a consistent copy of the ceremony's data while it runs.
    ///
    /// The copy holds the coordinator's key: keep it as safe as the original.
    Backup {
        /// File to write, which must not exist yet.
        #[arg(short = 'o', long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Check a backup or a data directory, and show what it holds: contributions, the log's head,
    /// the coordinator's address, the last time.
    ///
    /// It checks all that a coordinator checks when it starts. Nothing is changed, and no
    /// coordinator needs to run.
    Check {
        /// A backup or a data directory [default: that of --data-dir].
        #[arg(value_name = "FILE|DIR")]
        path: Option<PathBuf>,
        /// Where the powers are, if the coordinator kept them apart with --blobs. A backup holds them.
        #[arg(long, env = "TAULINE_BLOBS", value_name = "URL")]
        blobs: Option<String>,
    },
    /// Check a backup and restore it to a new data directory, in which no coordinator may run.
    Restore {
        /// The backup.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The file tauline.signed of the old data directory, which tells how much of the public log
        /// was signed. A backup that is older than that is refused: somebody holds the proof of what
        /// it lacks.
        #[arg(long, value_name = "FILE")]
        signed: Option<PathBuf>,
    },
    /// Move a ceremony from a data directory to PostgreSQL, or back, while no coordinator runs on it.
    ///
    /// All of it is checked, copied with its secret keys, read back and compared. The source stays as
    /// it is, so see to it that only one of the two goes on.
    Migrate {
        // Read later: a wrong value would be repeated here, with its password.
        /// Where the ceremony is.
        #[arg(
            long,
            value_name = "sqlite:DIR|postgres://…",
            env = "TAULINE_MIGRATE_FROM",
            hide_env_values = true
        )]
        from: String,
        /// Where it is to go: there must be no ceremony yet.
        #[arg(
            long,
            value_name = "sqlite:DIR|postgres://…",
            env = "TAULINE_MIGRATE_TO",
            hide_env_values = true
        )]
        to: String,
        /// Where the powers are, if they are kept apart with --blobs. They stay there.
        #[arg(long, env = "TAULINE_BLOBS", value_name = "URL")]
        blobs: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum InvitesOrder {
    /// Show who is invited, and how far each has come in the queue.
    List,
    /// Invite people, and print a code for each. The codes are not shown again.
    Add {
        /// Their names.
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
    /// Revoke invitations. Nobody can sign in with their codes any more; whoever is in line keeps
    /// the place.
    Revoke {
        /// Their names.
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
}

impl Order {
    /// What the coordinator is asked for. None for an order that needs no coordinator.
    pub(super) fn request(&self) -> Outcome<Option<AdminRequest>> {
        Ok(Some(match self {
            Self::Restore { .. } | Self::Check { .. } | Self::Migrate { .. } => return Ok(None),
            Self::Backup { output } => AdminRequest::Backup {
                to: new_file(output)?,
            },
            Self::Handover { to, url, output } => AdminRequest::Handover {
                to: *to,
                url: url.as_ref().map(Url::to_string),
                output: new_file(output)?,
            },
            Self::Status => AdminRequest::Status,
            Self::Drain { at } => AdminRequest::Drain { at: *at },
            Self::Open { at } => AdminRequest::Open { at: *at },
            Self::Unplan => AdminRequest::Unplan,
            Self::Pause => AdminRequest::Pause,
            Self::Resume => AdminRequest::Resume,
            Self::Pardon { id } => AdminRequest::Pardon { id: id.clone() },
            Self::Expel { ticket, reason } => AdminRequest::Expel {
                ticket: *ticket,
                reason: reason.clone(),
            },
            Self::Queue { first } => AdminRequest::Queue { first: *first },
            Self::Reload => AdminRequest::Reload,
            Self::RotateKey => AdminRequest::RotateKey,
            Self::Invites { order } => order.request(),
        }))
    }
}

impl InvitesOrder {
    fn request(&self) -> AdminRequest {
        match self {
            Self::List => AdminRequest::Invites,
            Self::Add { names } => AdminRequest::Invite {
                names: names.clone(),
            },
            Self::Revoke { names } => AdminRequest::Revoke {
                names: names.clone(),
            },
        }
    }
}

/// The whole path of a file that the coordinator is to write.
fn new_file(path: &Path) -> Outcome<PathBuf> {
    output::check_new(path)?;
    absolute(path).map_err(|error| Failure::file("write", path, &error))
}

/// Reads the key of a coordinator: whoever is named by a key that is none could never go on.
fn parse_successor(text: &str) -> Result<SuccessorKey, String> {
    let key = SuccessorKey::from_str(text).map_err(|error| error.to_string())?;
    match key.address() {
        Some(_) => Ok(key),
        None => Err(
            "no coordinator can have this public key: a digit is wrong. Copy it from the machine that \
             goes on"
                .to_owned(),
        ),
    }
}

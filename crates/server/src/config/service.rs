//! Settings of the service: its address, its data, its ceremony.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use axum::http::Uri;
use clap::Args;
use tauline_transcript::Sizes;

use super::error::SettingsError;
use super::values::{address, ceremony_name, eth_address, log_line, public_url};
use crate::public_log::WitnessSetting;

/// Address, data and ceremony.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Address, data and ceremony")]
#[group(skip)]
pub struct ServiceSettings {
    /// Address and port to serve HTTP on, or HTTPS with --tls-certificate; port 0 takes a free one.
    ///
    /// Serve HTTP on nothing but a loopback address: put a proxy with TLS in front, or give a certificate.
    #[arg(
        long,
        env = "TAULINE_LISTEN",
        value_name = "ADDR",
        default_value = "127.0.0.1:3000",
        value_parser = address
    )]
    pub listen: SocketAddr,

    /// URL at which participants reach this coordinator, such as https://ceremony.example.org.
    ///
    /// Ethereum sign-in is bound to it. By default it is http:// (https:// with --tls-certificate) and the
    /// address of --listen, which works only for a loopback address.
    #[arg(long, env = "TAULINE_PUBLIC_URL", value_name = "URL", value_parser = public_url)]
    pub public_url: Option<Uri>,

    /// What the ceremony is called, at most 60 characters: the page shows it. Without a name it is
    /// "Powers of tau" there.
    #[arg(long, env = "TAULINE_NAME", value_name = "TEXT", value_parser = ceremony_name)]
    pub name: Option<String>,

    /// Directory of all data: the ceremony's database, its lock, the operator's socket, snapshots.
    ///
    /// It is made, with mode 0700, when it does not exist.
    #[arg(
        long,
        env = "TAULINE_DATA_DIR",
        value_name = "DIR",
        default_value = "./tauline-data"
    )]
    pub data_dir: PathBuf,

    /// Object store in which the powers of contributions are kept, apart from the database: s3://BUCKET/PREFIX,
    /// or file:///DIRECTORY for one that all replicas see.
    ///
    /// Credentials, region and endpoint of S3 are taken from the environment as Amazon's tools name them:
    /// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL, and AWS_ALLOW_HTTP=true for an
    /// endpoint without TLS. Powers that are in the database already stay there. By default powers are in the
    /// database.
    #[arg(long, env = "TAULINE_BLOBS", value_name = "URL")]
    pub blobs: Option<String>,

    /// Witness to which the public log's checkpoints are offered, KEY=URL as `tauline witness` prints
    /// it; several, separated by commas.
    ///
    /// A checkpoint with cosignatures shows whoever knows the witnesses that everybody sees the same
    /// log.
    #[arg(
        long,
        env = "TAULINE_WITNESS",
        value_name = "KEY=URL",
        value_delimiter = ','
    )]
    pub witness: Vec<WitnessSetting>,

    /// Go on although nothing in the data directory tells how much of the public log was signed.
    ///
    /// Only for one start, when tauline.signed is lost and this is surely the latest data.
    #[arg(
        long,
        env = "TAULINE_ACCEPT_MISSING_GUARD",
        value_name = "BOOL",
        num_args = 0..=1,
        default_value_t = false,
        default_missing_value = "true",
        require_equals = true
    )]
    pub accept_missing_guard: bool,

    /// Take the ceremony over that is in this bundle, which `tauline admin handover` wrote for the key
    /// that `public-key` prints here.
    ///
    /// All of it is checked first. Once it was taken over, the setting does nothing, and may stay.
    #[arg(long, env = "TAULINE_FROM_HANDOVER", value_name = "BUNDLE")]
    pub from_handover: Option<PathBuf>,

    /// Go on with a ceremony without its coordinator, from a copy of its public log in this directory:
    /// `checkpoint` and `tile/entries/…`, as C2SP tlog-tiles has them.
    ///
    /// Needs --recover-transcript and --recover-reason too. Log and transcript are checked first. Then a
    /// ceremony begins here with another key and another log, in which all contributions count; places in
    /// line are lost. It is halted. Once that was done, the setting does nothing, as long as it is the same
    /// log.
    #[arg(long, env = "TAULINE_RECOVER_LOG", value_name = "DIR")]
    pub recover_log: Option<PathBuf>,

    /// The transcript of the ceremony that --recover-log goes on with, with every contribution that its
    /// log says was accepted.
    #[arg(long, env = "TAULINE_RECOVER_TRANSCRIPT", value_name = "FILE")]
    pub recover_transcript: Option<PathBuf>,

    /// Why a ceremony goes on by --recover-log: a line of at most 500 characters, which everybody can read
    /// in the new log.
    #[arg(
        long,
        env = "TAULINE_RECOVER_REASON",
        value_name = "TEXT",
        value_parser = log_line
    )]
    pub recover_reason: Option<String>,

    /// Address that this coordinator must have, 0x and 40 hex digits, as in the status and in receipts;
    /// with data of any other, it does not start.
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

    /// Numbers of powers in G1 and G2 of each sub-ceremony, `G1:G2,G1:G2,…`. They cannot change once a
    /// ceremony has begun.
    #[arg(
        long,
        env = "TAULINE_CEREMONY",
        value_name = "SIZES",
        default_value = "4096:65,8192:65,16384:65,32768:65"
    )]
    pub ceremony: Sizes,
}

/// What a ceremony goes on from without its coordinator.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecoverFrom<'a> {
    /// The copy of its public log.
    pub(crate) log: &'a Path,
    /// Its transcript.
    pub(crate) transcript: &'a Path,
    /// Why.
    pub(crate) reason: &'a str,
}

impl ServiceSettings {
    /// What the ceremony goes on from without its coordinator, if it is to.
    #[must_use]
    pub(crate) fn recover_from(&self) -> Option<RecoverFrom<'_>> {
        Some(RecoverFrom {
            log: self.recover_log.as_deref()?,
            transcript: self.recover_transcript.as_deref()?,
            reason: self.recover_reason.as_deref()?,
        })
    }

    /// Refuses an address at which nobody could sign in, when somebody would have to `sign_in` for it, and
    /// half of what a ceremony is recovered from.
    pub(super) fn check(&self, sign_in: bool) -> Result<(), SettingsError> {
        let recovers = [
            self.recover_log.is_some(),
            self.recover_transcript.is_some(),
            self.recover_reason.is_some(),
        ];
        if recovers.contains(&true) && recovers.contains(&false) {
            return Err(SettingsError::Conflict(
                "--recover-log, --recover-transcript and --recover-reason belong together: give all three, or none"
                    .to_owned(),
            ));
        }
        if recovers.contains(&true) && self.from_handover.is_some() {
            return Err(SettingsError::Conflict(
                "--from-handover and --recover-log are two ways to go on with a ceremony: give one of them, \
                 --from-handover if its coordinator could still hand it over"
                    .to_owned(),
            ));
        }
        if sign_in && self.public_url.is_none() && !self.listen.ip().is_loopback() {
            return Err(SettingsError::Conflict(format!(
                "participants sign in for this coordinator's public address, and {} is none: give --public-url https://…, \
                 listen on a loopback address, or offer only --signin invite",
                self.listen
            )));
        }
        Ok(())
    }
}

//! Settings of the service: its address, its data, its ceremony.

use std::net::SocketAddr;
use std::path::PathBuf;

use axum::http::Uri;
use clap::Args;
use tauline_transcript::Sizes;

use super::error::SettingsError;
use super::values::{address, eth_address, public_url};
use crate::public_log::WitnessSetting;
use crate::signin::origin::Origin;

/// Address, data and ceremony.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Address, data and ceremony")]
#[group(skip)]
pub struct ServiceSettings {
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

    /// URL at which participants reach this coordinator, such as https://ceremony.example.org.
    ///
    /// Ethereum sign-in is bound to it. By default it is http:// and the address of --listen, which
    /// works only for a loopback address.
    #[arg(long, env = "TAULINE_PUBLIC_URL", value_name = "URL", value_parser = public_url)]
    pub public_url: Option<Uri>,

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

impl ServiceSettings {
    /// Where participants reach this coordinator, now that `bound` is the address listened on.
    #[must_use]
    pub(crate) fn origin(&self, bound: SocketAddr) -> Origin {
        match &self.public_url {
            Some(url) => Origin::public(url),
            None => Origin::local(bound),
        }
    }

    /// Refuses an address at which nobody could sign in, when somebody would have to `sign_in` for it.
    pub(super) fn check(&self, sign_in: bool) -> Result<(), SettingsError> {
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

//! Settings for those who watch a coordinator run.

use std::net::SocketAddr;

use clap::Args;

use super::error::SettingsError;
use super::values::{address, bytes};

/// Metrics, and warnings.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Watching it run")]
#[group(skip)]
pub struct WatchSettings {
    /// Address and port to serve metrics on, at /metrics, for Prometheus; port 0 takes a free one.
    ///
    /// They are not for the public: give a loopback address, or one that only your monitoring
    /// reaches. /healthz and /readyz are there too, from the first moment. Without this setting there
    /// is no /metrics.
    #[arg(long, env = "TAULINE_METRICS_LISTEN", value_name = "ADDR", value_parser = address)]
    pub metrics_listen: Option<SocketAddr>,

    /// Free space on the data's disk below which the log warns, once an hour: bytes, or a number with
    /// KiB, MiB, GiB or TiB; 0 never warns. On a full disk the coordinator ends.
    #[arg(
        long,
        env = "TAULINE_MIN_FREE_DISK",
        value_name = "BYTES",
        default_value = "1GiB",
        value_parser = bytes
    )]
    pub min_free_disk: u64,
}

impl WatchSettings {
    /// Refuses to serve metrics where participants are served.
    pub(super) fn check(&self, listen: SocketAddr) -> Result<(), SettingsError> {
        if self.metrics_listen == Some(listen) && listen.port() != 0 {
            return Err(SettingsError::Conflict(format!(
                "--metrics-listen and --listen are both {listen}, and metrics are not for participants: give \
                 --metrics-listen another port"
            )));
        }
        Ok(())
    }
}

//! Settings for those who watch a coordinator run.

use std::net::SocketAddr;

use clap::Args;
use url::Url;

use super::error::SettingsError;
use super::values::{address, bytes, web_url};

/// Metrics, traces, and warnings.
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

    /// Collector to which traces are sent for OpenTelemetry, by OTLP over HTTP: a URL such as
    /// http://127.0.0.1:4318.
    ///
    /// Requests, turns, verifications and commits are traced, without anybody's identity. The standard
    /// variables OTEL_… hold, too, and OTEL_EXPORTER_OTLP_ENDPOINT names the collector where this setting
    /// does not. Without either nothing is traced.
    #[arg(long, env = "TAULINE_OTLP_ENDPOINT", value_name = "URL", value_parser = web_url)]
    pub otlp_endpoint: Option<Url>,
}

/// Where OpenTelemetry has the collector's URL.
const STANDARD_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

impl WatchSettings {
    /// Takes the collector that the standard variable names, where no setting does.
    ///
    /// # Errors
    /// When that is no URL.
    pub(super) fn heed_standard_variables(&mut self) -> Result<(), SettingsError> {
        let named = std::env::var(STANDARD_ENDPOINT).ok();
        if let Some(named) = named.filter(|url| !url.is_empty() && self.otlp_endpoint.is_none()) {
            let url = web_url(&named).map_err(|error| {
                SettingsError::Conflict(format!(
                    "the variable {STANDARD_ENDPOINT} is not right: {error}"
                ))
            })?;
            self.otlp_endpoint = Some(url);
        }
        Ok(())
    }

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

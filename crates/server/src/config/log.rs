//! Settings of the log.

use clap::Args;

use crate::telemetry::LogFormat;

/// The log.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The log")]
#[group(skip)]
pub struct LogSettings {
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
}

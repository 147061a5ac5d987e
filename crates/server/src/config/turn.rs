//! Settings of a turn.

use std::time::Duration;

use clap::Args;

use super::values::{ContributionLimit, contribution_limit, seconds};

/// A turn: starting, contributing, verification.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "A turn")]
#[group(skip)]
pub struct TurnSettings {
    /// Time to start, once told that the turn has come, in seconds.
    #[arg(long, env = "TAULINE_START_LIMIT", value_name = "SECONDS", default_value = "15", value_parser = seconds)]
    pub start_limit: Duration,

    /// Time from the start to the last byte of the contribution, in seconds; or auto:MIN-MAX.
    ///
    /// With auto:MIN-MAX it follows recent turns: it is twice the time within which 95 of 100 accepted
    /// contributions arrived, but no less than MIN and no more than MAX, and MAX until five were accepted. The
    /// status shows it. A turn keeps the limit that it began with, and has until MAX as long as the bytes
    /// of its upload arrive.
    #[arg(long, env = "TAULINE_CONTRIBUTION_LIMIT", value_name = "SECONDS", default_value = "180", value_parser = contribution_limit)]
    pub contribution_limit: ContributionLimit,

    /// A client that checks in while it contributes is taken to be gone after this time without a
    /// check-in, in seconds.
    #[arg(long, env = "TAULINE_STALL_LIMIT", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub stall_limit: Duration,

    /// The same time for a client whose connection was closed, until it comes back, in seconds
    /// [default: half of --stall-limit, 15].
    #[arg(long, env = "TAULINE_DISCONNECT_LIMIT", value_name = "SECONDS", value_parser = seconds)]
    pub disconnect_limit: Option<Duration>,

    /// Time for verifying one contribution, in seconds. When it takes longer, the coordinator is at
    /// fault, and the participant may join again.
    #[arg(long, env = "TAULINE_VERIFICATION_LIMIT", value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    pub verification_limit: Duration,

    /// Threads that verify contributions; 0 is one for each processor.
    #[arg(
        long,
        env = "TAULINE_THREADS",
        value_name = "NUMBER",
        default_value_t = 0
    )]
    pub threads: usize,
}

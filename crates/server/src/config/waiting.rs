//! Settings of the time in line.

use std::time::Duration;

use clap::Args;

use super::values::seconds;

/// The line and its check-ins.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Waiting in line")]
#[group(skip)]
pub struct WaitingSettings {
    /// Longest time between two check-ins of a waiting participant, in seconds.
    #[arg(long, env = "TAULINE_CHECKIN_MAX", value_name = "SECONDS", default_value = "3600", value_parser = seconds)]
    pub checkin_max: Duration,

    /// Shortest time between two check-ins, and that of the first three in line, in seconds.
    #[arg(long, env = "TAULINE_CHECKIN_MIN", value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub checkin_min: Duration,

    /// Time between two check-ins that is always allowed, however short the line is, in seconds: a
    /// free turn waits no longer for somebody absent [default: six times --checkin-min, 30].
    #[arg(long, env = "TAULINE_CHECKIN_RELAXED", value_name = "SECONDS", value_parser = seconds)]
    pub checkin_relaxed: Option<Duration>,

    /// Check-ins a second that all in line may make together. Where the line is so long that there
    /// would be more, the longest time between two check-ins grows.
    #[arg(
        long,
        env = "TAULINE_CHECKIN_RATE",
        value_name = "PER_SECOND",
        default_value_t = 1000
    )]
    pub checkin_rate: u32,

    /// Allowance on every deadline for latency and clocks, in seconds.
    #[arg(long, env = "TAULINE_CHECKIN_GRACE", value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub checkin_grace: Duration,

    /// How often others may be called past one stay in line; 0 is strict order.
    ///
    /// A free turn goes to the first of the first three in line who is there. Those ahead who are absent keep
    /// their places and are next.
    #[arg(
        long,
        env = "TAULINE_PASSES",
        value_name = "NUMBER",
        default_value_t = 1
    )]
    pub passes: u32,

    /// How long a turn is expected to last until the first one is over, in seconds.
    #[arg(long, env = "TAULINE_EXPECTED_TURN", value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub expected_turn: Duration,

    /// How far a deadline must move for the check-in to be written to the log, in seconds.
    ///
    /// With more, check-ins cost fewer commits, and after a restart an absent participant at the head of the
    /// line is waited for that much longer.
    #[arg(long, env = "TAULINE_LASTING_STEP", value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub lasting_step: Duration,
}

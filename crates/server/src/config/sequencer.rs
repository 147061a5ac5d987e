//! Settings for the clients of the Ethereum ceremony's sequencer.

use std::time::Duration;

use clap::Args;

use super::error::SettingsError;
use super::values::{not_zero, seconds};

/// How clients of the sequencer's API poll.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Clients of the Ethereum ceremony's sequencer")]
#[group(skip)]
pub struct SequencerSettings {
    /// How often these clients call /lobby/try_contribute, in seconds.
    ///
    /// They know no other time. So no check-in deadline of theirs is shorter than two of these periods,
    /// each with its tolerance and grace: one lost call costs nobody a place. Behind the first three in
    /// line it is twice as long.
    #[arg(long, env = "TAULINE_LOBBY_CHECKIN_FREQUENCY", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub lobby_checkin_frequency: Duration,

    /// How much later than --lobby-checkin-frequency says a call may come, in seconds; the grace
    /// comes on top of it.
    #[arg(long, env = "TAULINE_LOBBY_CHECKIN_TOLERANCE", value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub lobby_checkin_tolerance: Duration,

    /// How long the answer to a call by one of the first three in line is held back, in case the turn
    /// comes, in seconds; 0 answers at once.
    ///
    /// It must be less than any client or proxy waits for an answer: nginx gives up after 60 seconds
    /// unless proxy_read_timeout says otherwise.
    #[arg(long, env = "TAULINE_LOBBY_HOLD", value_name = "SECONDS", default_value = "50", value_parser = seconds)]
    pub lobby_hold: Duration,
}

impl SequencerSettings {
    /// The longest time from the beginning of one call to that of the next.
    pub(super) fn between_calls(&self) -> Duration {
        self.period().saturating_add(self.lobby_hold)
    }

    /// The time that a client has until its next call, grace not included: two of its periods with
    /// what each may be late, so that one call may be lost (`docs/spec/sequencer.md#rhythm`).
    #[must_use]
    pub(crate) fn interval(&self, grace: Duration) -> Duration {
        self.period().saturating_mul(2).saturating_add(grace)
    }

    fn period(&self) -> Duration {
        self.lobby_checkin_frequency
            .saturating_add(self.lobby_checkin_tolerance)
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        not_zero("--lobby-checkin-frequency", self.lobby_checkin_frequency)
    }
}

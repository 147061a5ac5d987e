//! The parts that the participants of a rehearsal play.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde::Serialize;
use tauline_protocol::status::EndedWord;
use tokio::time::{sleep, timeout};

use crate::exit::Failure;
use crate::participant::{Participant, Stop};

/// How long a participant is present before it vanishes.
const BRIEFLY: Duration = Duration::from_secs(2);

/// What a participant does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Role {
    Contribute,
    VanishInLine,
    VanishWhenCalled,
    VanishAfterStart,
    Abort,
    Leave,
}

impl Role {
    /// The ways to drop out.
    pub(super) const DROPOUTS: [Self; 5] = [
        Self::VanishInLine,
        Self::VanishWhenCalled,
        Self::VanishAfterStart,
        Self::Abort,
        Self::Leave,
    ];

    /// Whether the participant goes without telling the coordinator.
    pub(super) fn vanishes(self) -> bool {
        matches!(
            self,
            Self::VanishInLine | Self::VanishWhenCalled | Self::VanishAfterStart
        )
    }

    /// How a participant vanishes, as text that follows the name. Empty where it makes no
    /// difference.
    pub(super) fn manner(self, silent: bool) -> &'static str {
        match (self, silent) {
            (Self::VanishInLine | Self::VanishAfterStart, true) => ", silently",
            (Self::VanishInLine | Self::VanishAfterStart, false) => ", closing the connection",
            _ => "",
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Contribute => "contribute",
            Self::VanishInLine => "vanish in line",
            Self::VanishWhenCalled => "vanish when called",
            Self::VanishAfterStart => "vanish after the start",
            Self::Abort => "abort",
            Self::Leave => "leave",
        }
    }

    /// Whether the stay of whoever plays this part may end like this
    /// (`docs/spec/queue.md#deadlines`).
    pub(super) fn may_end(self, end: Option<EndedWord>) -> bool {
        match (self, end) {
            // If nobody is ahead, the participant is called when it joins.
            (Self::VanishInLine, Some(EndedWord::MissedCheckin | EndedWord::FailedToStart))
            | (Self::VanishWhenCalled, Some(EndedWord::FailedToStart))
            | (Self::VanishAfterStart, Some(EndedWord::Stalled | EndedWord::TimedOut))
            | (Self::Abort, Some(EndedWord::Aborted))
            | (Self::Leave, Some(EndedWord::Left)) => true,
            (Self::Contribute, _) => end.is_none(),
            _ => false,
        }
    }
}

/// What a participant does, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) role: Role,
    /// Whether the connection stays open when the participant vanishes.
    pub(super) silent: bool,
}

impl Part {
    pub(super) const CONTRIBUTE: Self = Self {
        role: Role::Contribute,
        silent: false,
    };
}

/// The result of a part: the ticket of the contribution, if it made one.
pub(super) type Played = Result<Option<u64>, String>;

pub(super) async fn play(participant: &mut Participant<'_>, part: Part) -> Played {
    let played = async {
        if part.role == Role::Contribute {
            let accepted = participant.contribute().await?;
            accepted
                .check_receipt(participant.coordinator())
                .map_err(|error| Failure::bad(format!("the receipt is wrong: {error}")))?;
            return Ok(accepted.ticket);
        }
        participant.sign_in().await?;
        let status = participant.join().await?;
        participant.note(&status);
        match part.role {
            Role::Contribute => {}
            Role::VanishInLine if part.silent => drop(participant.check_in(BRIEFLY).await?),
            // Closes the request before it is answered.
            Role::VanishInLine => {
                let held = participant.check_in(BRIEFLY * 2);
                drop(timeout(BRIEFLY / 2, held).await);
            }
            Role::Leave => drop(participant.leave().await?),
            Role::VanishWhenCalled => drop(participant.wait_for_turn().await?),
            Role::VanishAfterStart => {
                participant.wait_for_turn().await?;
                participant.start().await?;
                sleep(BRIEFLY / 2).await;
                match part.silent {
                    true => participant.fall_silent(),
                    false => participant.vanish(),
                }
            }
            Role::Abort => {
                participant.wait_for_turn().await?;
                participant.start().await?;
                participant.abort("rehearsal").await?;
                participant.vanish();
            }
        }
        Ok(None)
    };
    played.await.map_err(|stop| match stop {
        Stop::Interrupted(_) => "interrupted".to_owned(),
        Stop::Failed(failure) => failure.text().to_owned(),
    })
}

/// The parts of all participants. Exactly the share asked for drops out, in each way equally often;
/// the seed decides who.
pub(super) fn parts(participants: usize, dropouts: f64, seed: u64) -> Vec<Part> {
    let count = (participants as f64 * dropouts).round() as usize;
    let ways = Role::DROPOUTS.len();
    let dropouts = (0..count).map(|i| Part {
        role: Role::DROPOUTS[i % ways],
        // Both manners occur in each way to vanish, and soon.
        silent: (i / ways + i % ways) % 2 == 1,
    });
    let mut parts: Vec<Part> = dropouts.collect();
    parts.resize(participants, Part::CONTRIBUTE);
    parts.shuffle(&mut StdRng::seed_from_u64(seed));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_asked_for_drops_out_in_every_way() {
        let parts = parts(50, 0.2, 7);
        assert_eq!(parts.len(), 50);
        for role in Role::DROPOUTS {
            for silent in [false, true] {
                let part = Part { role, silent };
                let count = parts.iter().filter(|it| **it == part).count();
                assert_eq!(count, 1, "{part:?}");
            }
        }
        assert_eq!(
            parts,
            super::parts(50, 0.2, 7),
            "a seed repeats a rehearsal"
        );
        assert_ne!(parts, super::parts(50, 0.2, 8));
    }
}

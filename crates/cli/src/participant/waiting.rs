//! Waiting in line: near the turn by check-ins that are held, far back by the deadline
//! (`docs/spec/queue.md#far-back`).

use std::pin::pin;
use std::time::{Duration, SystemTime};

use rand::Rng as _;
use tauline_protocol::status::{QueueStatus, QueueWord};
use tauline_queue_core::rhythm::{self, NEAR_TURN, Next, Told};
use tokio::time::{Instant, sleep};

use super::line::Line;
use super::news::News;
use super::state::{HOLD, Participant, Stop};

/// How often it is looked at the time during a rest: a machine that was asleep goes on within so long.
const LOOK: Duration = Duration::from_secs(5);

/// So far back the public stream is followed. Behind that it tells little: so many do not go away during a
/// rest, and listening costs a coordinator more than check-ins.
const FOLLOWS: u64 = 1_000;

/// From one check-in to the next at least, however fast the line moves: a session may ask 50 times
/// a minute.
const SOONEST: Duration = Duration::from_secs(2);

impl Participant<'_> {
    /// Waits in line, and says how it stands then.
    pub(super) async fn wait_on(&mut self, status: &QueueStatus) -> Result<QueueStatus, Stop> {
        match next(status) {
            Next::Hold => {
                self.line = None;
                self.check_in(HOLD).await
            }
            Next::Rest(rest) => {
                self.rest(status, rest).await?;
                self.check_in(Duration::ZERO).await
            }
        }
    }

    /// Rests for so long, or until the line moves too fast for that. What is shown of the place
    /// moves on with the turns that end meanwhile.
    async fn rest(&mut self, status: &QueueStatus, rest: Duration) -> Result<(), Stop> {
        let began = Moment::now();
        let (position, told_at) = (status.queue_position.unwrap_or_default(), told_at(status));
        let mut line = match self.line.take() {
            _ if position > FOLLOWS => None,
            Some(line) if line.is_at(self.client.server()) => Some(line),
            _ => Some(Line::follow(&self.client)),
        };
        let mut in_line = line.as_ref().and_then(Line::in_line);
        let mut due = rest;
        let mut glances = pin!(self.glances(rest));
        let mut interrupt = self.interrupt.clone();
        loop {
            let left = due.saturating_sub(began.passed());
            if left.is_zero() {
                break;
            }
            tokio::select! {
                biased;
                wish = interrupt.raised() => return Err(Stop::Interrupted(wish)),
                never = &mut glances => match never {},
                () = moves(&mut line) => {}
                () = sleep(left.min(LOOK)) => continue,
            }
            let turns = line.as_ref().map_or(0, |line| line.turns_since(told_at));
            let now_in_line = line.as_ref().and_then(Line::in_line).unwrap_or_default();
            let left_line = in_line
                .get_or_insert(now_in_line)
                .saturating_sub(now_in_line);
            if let Some(soon) = rhythm::hurry(position, turns.max(left_line)) {
                due = due.min((began.passed() + soon).max(SOONEST));
            }
            self.listener
                .tell(News::Standing(&moved_on(status, turns, began.passed())));
        }
        self.line = line;
        Ok(())
    }
}

/// Waits until the line moves; for ever where nobody tells.
async fn moves(line: &mut Option<Line>) {
    match line {
        Some(line) => line.moves().await,
        None => std::future::pending().await,
    }
}

/// How to check in next after this answer.
fn next(status: &QueueStatus) -> Next {
    let (Some(position), Some(deadline), Some(start)) = (
        status.queue_position,
        status.next_checkin_in_ms,
        status.expected_start_in_ms,
    ) else {
        return Next::Hold;
    };
    if status.queue_status != QueueWord::Queued {
        return Next::Hold;
    }
    let told = Told {
        position,
        deadline_in: Duration::from_millis(deadline),
        start_in: Duration::from_millis(start),
    };
    rhythm::next(
        &told,
        Duration::ZERO,
        rand::thread_rng().gen_range(0..=1000),
    )
}

/// When an answer was given, in Unix seconds by the coordinator's clock.
fn told_at(status: &QueueStatus) -> u64 {
    let by = status.next_checkin_time.unwrap_or_default();
    by.saturating_sub(status.next_checkin_in_ms.unwrap_or_default() / 1000)
}

/// A status as it is after so many turns and so long a time, as far as the public status tells: who left
/// the line ahead without a turn is not counted.
fn moved_on(status: &QueueStatus, turns: u64, passed: Duration) -> QueueStatus {
    let passed = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
    QueueStatus {
        queue_position: status
            .queue_position
            .map(|position| position.saturating_sub(turns).max(NEAR_TURN)),
        expected_start_in_ms: status
            .expected_start_in_ms
            .map(|start| start.saturating_sub(passed)),
        ..status.clone()
    }
}

/// A moment by both clocks: the one stands still while the machine sleeps, the other can be set.
struct Moment {
    steady: Instant,
    wall: SystemTime,
}

impl Moment {
    fn now() -> Self {
        Self {
            steady: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    fn passed(&self) -> Duration {
        let by_wall = self.wall.elapsed().unwrap_or_default();
        self.steady.elapsed().max(by_wall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn far_back() -> QueueStatus {
        serde_json::from_str(
            r#"{"id":"invite|alice","ticket":1042,"queueStatus":"queued","queuePosition":417,
                "expectedStartTime":1790016000,"expectedStartInMs":16000000,
                "nextCheckinTime":1790000030,"nextCheckinInMs":29500,"ended":null,"receipt":null}"#,
        )
        .unwrap()
    }

    #[test]
    fn who_is_far_back_rests_and_everybody_else_holds() {
        let mut status = far_back();
        assert!(matches!(next(&status), Next::Rest(_)));
        status.queue_status = QueueWord::Verifying;
        assert_eq!(next(&status), Next::Hold);
        let mut status = far_back();
        status.queue_position = Some(30);
        assert_eq!(next(&status), Next::Hold);
        // A coordinator that does not say enough.
        let mut status = far_back();
        status.expected_start_in_ms = None;
        assert_eq!(next(&status), Next::Hold);
    }

    #[test]
    fn what_is_shown_moves_on_with_the_turns() {
        let status = far_back();
        assert_eq!(told_at(&status), 1_790_000_001);
        let shown = moved_on(&status, 3, Duration::from_secs(60));
        assert_eq!(shown.queue_position, Some(414));
        assert_eq!(shown.expected_start_in_ms, Some(15_940_000));
        assert_eq!(moved_on(&status, 900, LOOK).queue_position, Some(NEAR_TURN));
    }

    #[test]
    fn a_machine_that_was_asleep_knows_by_the_wall_clock() {
        let asleep = Duration::from_secs(3600);
        let began = Moment {
            steady: Instant::now(),
            wall: SystemTime::now() - asleep,
        };
        assert!(began.passed() >= asleep);
        let set_back = Moment {
            steady: Instant::now(),
            wall: SystemTime::now() + asleep,
        };
        assert!(set_back.passed() < asleep);
    }
}

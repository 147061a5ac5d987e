//! What the coordinator tells about the ceremony: its status, its latest turns, its name.

use serde::Deserialize;
use tauline_protocol::status::CeremonyStatus;

use crate::numbers;

/// What the coordinator tells. The turns and the name are here and not in `status`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Told {
    #[serde(flatten)]
    pub(super) status: CeremonyStatus,
    /// The latest turns, the newest last; as a stream goes on, those that are new. None from coordinators
    /// that do not tell them.
    #[serde(default)]
    pub(super) recent: Option<Vec<RecentTurn>>,
    /// What the operator calls the ceremony.
    #[serde(default)]
    pub(super) name: Option<String>,
    /// When the log's checkpoint was signed, in Unix seconds, if that is told.
    #[serde(skip)]
    pub(super) signed_at: Option<u64>,
}

/// When the log's checkpoint was signed.
#[derive(Deserialize)]
struct Signed {
    log: SignedLog,
}

#[derive(Deserialize)]
struct SignedLog {
    at: u64,
}

/// Turns that are kept. No coordinator tells more of them.
const MOST: usize = 100;

/// A turn that is over: a stay that was called. It is read with less care than the protocol's own type is:
/// a word that only a later version knows does not hide all others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RecentTurn {
    pub(super) ticket: u64,
    /// How it ended, as a word of the API. A later version may have others.
    pub(super) ended: String,
    /// When it ended, in Unix seconds.
    pub(super) ended_at: u64,
    /// From the call to the end.
    pub(super) turn_in_ms: u64,
    /// The place in the transcript, of an accepted contribution.
    #[serde(default)]
    pub(super) number: Option<u64>,
    /// Whose it is, of an accepted contribution.
    #[serde(default)]
    pub(super) identity: Option<String>,
}

/// What became of a turn, in four words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Became {
    Accepted,
    Gone,
    Refused,
    Fault,
}

impl Became {
    pub(super) const ALL: [Self; 4] = [Self::Accepted, Self::Gone, Self::Refused, Self::Fault];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Gone => "dropped out",
            Self::Refused => "refused",
            Self::Fault => "coordinator failed",
        }
    }

    /// What stands for it where there is no colour.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::Accepted => "█",
            Self::Gone => "x",
            Self::Refused => "!",
            Self::Fault => "?",
        }
    }
}

impl RecentTurn {
    pub(super) fn became(&self) -> Became {
        match self.ended.as_str() {
            "contributed" => Became::Accepted,
            "invalid" | "expelled" => Became::Refused,
            "coordinatorFault" => Became::Fault,
            _ => Became::Gone,
        }
    }

    /// What became of it, for a person. None for a word of a later version.
    pub(super) fn sentence(&self) -> Option<&'static str> {
        Some(match self.ended.as_str() {
            "contributed" => "was accepted",
            "missedCheckin" => "did not check in in time",
            "failedToStart" => "did not start in time",
            "timedOut" => "took too long",
            "stalled" => "went silent",
            "invalid" => "sent a contribution that is not valid",
            "aborted" => "gave up",
            "left" => "left",
            "expelled" => "was expelled by the operator",
            "coordinatorFault" => "was ended by a fault of the coordinator",
            _ => return None,
        })
    }
}

impl Told {
    /// Reads what came.
    ///
    /// # Errors
    /// Another document. The error is a sentence for the user.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let told: Result<Self, _> = serde_json::from_str(text);
        let told = told
            .map_err(|error| format!("what it tells of the ceremony is not understood: {error}"))?;
        let signed = serde_json::from_str(text).map(|signed: Signed| signed.log.at);
        Ok(Self {
            signed_at: signed.ok(),
            ..told
        })
    }

    /// Takes over the turns that were told before, of which this tells only those that are new, or some
    /// again (`docs/spec/http-api.md#recent`).
    pub(super) fn go_on_from(&mut self, before: &Self) {
        let is_same = before.status.coordinator_address == self.status.coordinator_address;
        let Some(known) = before.recent.as_ref().filter(|_| is_same) else {
            return;
        };
        let is_known = |turn: &RecentTurn| known.iter().any(|it| it.ticket == turn.ticket);
        let told = self.recent.take().unwrap_or_default();
        let new = told.into_iter().filter(|turn| !is_known(turn));
        let mut turns: Vec<RecentTurn> = known.iter().cloned().chain(new).collect();
        turns.drain(..turns.len().saturating_sub(MOST));
        self.recent = Some(turns);
    }

    /// The turns that it tells.
    pub(super) fn turns(&self) -> &[RecentTurn] {
        self.recent.as_deref().unwrap_or_default()
    }

    /// The latest contributions that it tells, the newest first.
    pub(super) fn latest(&self) -> impl Iterator<Item = &RecentTurn> {
        let turns = self.turns().iter().rev();
        turns.filter(|turn| turn.became() == Became::Accepted)
    }

    /// Whether nothing has happened between this and the other, but that time went by.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let still = |told: &Self| {
            let mut told = told.clone();
            told.status.time = 0;
            told.status.expected_start_time = 0;
            told.status.expected_wait_in_ms = 0;
            if let Some(turn) = &mut told.status.turn {
                turn.age_in_ms = 0;
            }
            told
        };
        still(self) == still(other)
    }

    /// Whether the ceremony is halted while somebody is in the queue.
    pub(super) fn is_paused(&self) -> bool {
        let status = &self.status;
        status.mode == tauline_protocol::status::ModeWord::Halted
            && (status.queue_length > 0 || status.turn.is_some())
    }

    /// The wait of somebody who joins now, as text: a range where there is one.
    pub(super) fn wait(&self) -> String {
        let (low, high) = self.wait_range();
        let text = |ms: u64| {
            let whole = std::time::Duration::from_secs(ms / 1000);
            numbers::duration(whole)
        };
        match (low / 1000, high / 1000) {
            (_, 0..10) => "a few seconds".to_owned(),
            (0..10, _) => format!("less than {}", text(high)),
            _ if text(low) == text(high) => format!("about {}", text(high)),
            _ => format!("{} to {}", text(low), text(high)),
        }
    }

    /// The range within which the wait of somebody who joins now ends, four times in five, in
    /// milliseconds. The turns to come are taken to scatter like recent ones, independently of each
    /// other.
    pub(super) fn wait_range(&self) -> (u64, u64) {
        let expected = self.status.expected_wait_in_ms as f64;
        let mean_turn = (self.status.mean_turn_in_ms as f64).max(1.0);
        let turns = (expected / mean_turn).max(1.0);
        let lengths: Vec<f64> = self.turns().iter().map(|it| it.turn_in_ms as f64).collect();
        let deviation = match lengths.len() {
            // So few tell nothing: most ceremonies have had turns that scatter about as much.
            0..5 => mean_turn * 0.6,
            count => {
                let mean = lengths.iter().sum::<f64>() / count as f64;
                let squares: f64 = lengths.iter().map(|it| (it - mean).powi(2)).sum();
                // A few turns know little of how rare the long ones are.
                (squares / (count - 1) as f64).sqrt().max(mean * 0.15)
            }
        };
        // Four fifths of a normal distribution lie within 1.28 standard deviations.
        let spread = 1.28 * deviation * turns.sqrt();
        (
            (expected - spread).max(0.0) as u64,
            (expected + spread) as u64,
        )
    }

    /// Turns an hour: those that ended within the last hour, or what recent ones come to. `now` is in
    /// Unix seconds.
    pub(super) fn turns_an_hour(&self, now: u64) -> u64 {
        let turns = self.turns();
        let ended_since = |since: u64| turns.iter().filter(|it| it.ended_at > since).count() as u64;
        let in_hour = ended_since(now.saturating_sub(3600));
        if in_hour > 0 && in_hour < turns.len() as u64 {
            return in_hour;
        }
        let (Some(first), Some(last)) = (turns.first(), turns.last()) else {
            return 3_600_000 / self.status.mean_turn_in_ms.max(1);
        };
        let time = last.ended_at.saturating_sub(first.ended_at);
        match turns.len() as u64 {
            count @ 20.. if time > 0 => (count - 1) * 3600 / time,
            _ => in_hour,
        }
    }
}

/// Turns of about the same length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bucket {
    /// From this length, in milliseconds.
    pub(super) from: u64,
    /// To below this length.
    pub(super) to: u64,
    /// How many, by what became of them, as in [`Became::ALL`].
    pub(super) counts: [u64; 4],
}

/// The turns by their length, in at most `most` buckets of one width, which is a round number.
pub(super) fn buckets(turns: &[RecentTurn], most: u64) -> Vec<Bucket> {
    const WIDTHS: [u64; 13] = [
        100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000,
        600_000,
    ];
    let Some(longest) = turns.iter().map(|turn| turn.turn_in_ms).max() else {
        return Vec::new();
    };
    let most = most.max(2);
    let round = WIDTHS.into_iter().find(|width| longest / width < most);
    let width = round.unwrap_or((longest / most).saturating_add(1));
    let mut buckets: Vec<Bucket> = (0..=longest / width)
        .map(|i| Bucket {
            from: i * width,
            to: (i + 1).saturating_mul(width),
            counts: [0; 4],
        })
        .collect();
    for turn in turns {
        buckets[(turn.turn_in_ms / width) as usize].counts[turn.became() as usize] += 1;
    }
    buckets
}

#[cfg(test)]
mod tests {
    use super::super::examples::{running, turn};
    use super::*;

    #[test]
    fn a_status_of_a_coordinator_that_tells_less_or_more_is_read() {
        let mut value = serde_json::to_value(running().status).unwrap();
        let told = Told::read(&value.to_string()).unwrap();
        assert_eq!((told.recent, told.name), (None, None));
        value["recent"] = serde_json::json!([
            {"ticket": 7, "ended": "vanished", "endedAt": 1, "turnInMs": 2, "mood": "blue"}
        ]);
        value["weather"] = serde_json::json!("fair");
        assert_eq!(told.signed_at, None);
        value["log"]["at"] = 1_790_000_000.into();
        let told = Told::read(&value.to_string()).unwrap();
        assert_eq!(told.turns()[0].became(), Became::Gone);
        assert_eq!(told.turns()[0].sentence(), None);
        assert_eq!(told.signed_at, Some(1_790_000_000));
        assert!(Told::read("{}").unwrap_err().contains("not understood"));
    }

    #[test]
    fn time_alone_changes_nothing() {
        let told = running();
        let mut later = told.clone();
        later.status.time += 5;
        later.status.expected_wait_in_ms -= 5_000;
        later.status.turn.as_mut().unwrap().age_in_ms += 5_000;
        assert!(told.is_same(&later));
        later.status.queue_length += 1;
        assert!(!told.is_same(&later));
    }

    #[test]
    fn a_wait_is_a_range_that_grows_with_the_root_of_the_turns_ahead() {
        let mut told = running();
        told.recent = None;
        told.status.mean_turn_in_ms = 60_000;
        let mut width = |turns: u64| {
            told.status.expected_wait_in_ms = turns * 60_000;
            let (low, high) = told.wait_range();
            assert!(low < turns * 60_000 && turns * 60_000 < high);
            high - low
        };
        let (near, far) = (width(100), width(400));
        assert!(far.abs_diff(2 * near) < 10, "{near} {far}");
        told.status.expected_wait_in_ms = 6_000_000;
        assert_eq!(told.wait(), "1 h 32 min to 1 h 47 min");
        told.status.expected_wait_in_ms = 20_000;
        assert_eq!(told.wait(), "less than 1 min 6 s");
        told.status.mean_turn_in_ms = 1_000;
        told.status.expected_wait_in_ms = 2_000;
        assert_eq!(told.wait(), "a few seconds");
    }

    #[test]
    fn numbers_that_make_no_sense_do_no_harm() {
        let mut told = running();
        told.status.expected_wait_in_ms = u64::MAX;
        told.status.mean_turn_in_ms = 0;
        told.recent = Some(vec![turn(1, "contributed", u64::MAX, u64::MAX); 30]);
        assert_eq!(told.wait_range().1, u64::MAX);
        let _ = (
            told.wait(),
            told.turns_an_hour(0),
            told.turns_an_hour(u64::MAX),
        );
        assert!(buckets(told.turns(), 12).len() <= 12);
        assert!(buckets(told.turns(), 0).len() <= 2);
    }

    #[test]
    fn turns_an_hour_are_counted_or_extrapolated() {
        let mut told = running();
        let every = |seconds: u64, count: u64| {
            let turns = (0..count).map(|i| turn(i, "contributed", 1_000_000 + i * seconds, 1_000));
            turns.collect::<Vec<_>>()
        };
        // Of a hundred turns each minute, sixty ended within the last hour.
        told.recent = Some(every(60, 100));
        assert_eq!(told.turns_an_hour(1_000_000 + 99 * 60), 60);
        // A hundred turns in a hundred seconds.
        told.recent = Some(every(1, 100));
        assert_eq!(told.turns_an_hour(1_000_099), 3600);
        told.recent = Some(Vec::new());
        told.status.mean_turn_in_ms = 40_000;
        assert_eq!(told.turns_an_hour(0), 90);
    }

    #[test]
    fn buckets_hold_every_turn_once() {
        let lengths = [0, 99, 14_999, 15_000, 31_000, 180_000];
        let turns: Vec<RecentTurn> = lengths
            .iter()
            .map(|ms| turn(1, "contributed", 1, *ms))
            .chain([turn(2, "stalled", 1, 31_000)])
            .collect();
        let buckets = buckets(&turns, 13);
        assert_eq!(buckets.len(), 13);
        assert_eq!((buckets[1].from, buckets[1].to), (15_000, 30_000));
        let counts = |at: usize| buckets[at].counts;
        assert_eq!([counts(0), counts(2)], [[3, 0, 0, 0], [1, 1, 0, 0]]);
        let all: u64 = buckets.iter().flat_map(|it| it.counts).sum();
        assert_eq!(all, turns.len() as u64);
    }
}

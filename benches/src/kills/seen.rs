//! What was seen of check-ins, and in which windows nobody led.

use std::time::{Duration, Instant};

use tauline_protocol::Identity;
use tauline_protocol::contribution::SignedReceipt;

use crate::load::Latencies;

/// A check-in that was answered; held ones are not noted.
#[derive(Debug, Clone, Copy)]
pub struct CheckIn {
    /// When it was due. All repeats are from then on.
    pub due: Instant,
    /// When the request was sent that was answered.
    pub sent: Instant,
    /// When the answer was there.
    pub answered: Instant,
}

/// A replica that was killed.
#[derive(Debug, Clone, Copy)]
pub struct Kill {
    /// The replica.
    pub replica: usize,
    /// Whether it led.
    pub led: bool,
    /// Just before the signal.
    pub began: Instant,
    /// When the process had ended.
    pub ended: Instant,
}

/// An acknowledged contribution.
#[derive(Debug, Clone)]
pub struct Done {
    /// Whose it is.
    pub identity: Identity,
    /// The ticket with which it waited.
    pub ticket: u64,
    /// The contribution's number, from the answer to the upload.
    pub number: u64,
    /// The receipt.
    pub receipt: SignedReceipt,
}

/// What happened.
#[derive(Debug, Default)]
pub struct Seen {
    /// Check-ins that were answered.
    pub check_ins: Vec<CheckIn>,
    /// Contributions that were acknowledged.
    pub done: Vec<Done>,
    /// Requests that broke or were answered 502, 503 or 504, and were sent again.
    pub repeated: usize,
    /// Uploads among these.
    pub uploads_repeated: usize,
    /// Check-ins that this program sent after their deadline.
    pub own_fault: usize,
    /// Places that were lost.
    pub lost: Vec<String>,
    /// Answers that should not be.
    pub faults: Vec<String>,
}

/// The time from the kill of a leader to the first answer to a check-in that was sent after it.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// The kill.
    pub began: Instant,
    /// The answer.
    pub ended: Instant,
}

impl Window {
    /// How long nobody was answered.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.ended - self.began
    }

    fn touches(&self, one: &CheckIn) -> bool {
        one.due <= self.ended && one.answered >= self.began
    }
}

/// The windows after the kills of leaders. A kill after which nothing was answered any more has none.
#[must_use]
pub fn windows(kills: &[Kill], check_ins: &[CheckIn]) -> Vec<Window> {
    let of_leaders = kills.iter().filter(|kill| kill.led);
    let windows = of_leaders.filter_map(|kill| {
        let after = check_ins.iter().filter(|one| one.sent >= kill.ended);
        let ended = after.map(|one| one.answered).min()?;
        Some(Window {
            began: kill.began,
            ended,
        })
    });
    windows.collect()
}

/// How long check-ins took that touch no window, and those that touch one.
#[must_use]
pub fn latencies(windows: &[Window], check_ins: &[CheckIn]) -> [Latencies; 2] {
    let (inside, outside): (Vec<&CheckIn>, Vec<&CheckIn>) = check_ins
        .iter()
        .partition(|one| windows.iter().any(|window| window.touches(one)));
    [outside, inside].map(|these| {
        let took = these.iter().map(|one| one.answered - one.due);
        Latencies::new(took.map(|it| it.as_secs_f64() * 1e3).collect(), 0)
    })
}

#[test]
fn a_window_lasts_from_a_leaders_kill_to_the_first_answer_to_what_was_sent_after_it() {
    let zero = Instant::now();
    let at = |millis: u64| zero + Duration::from_millis(millis);
    let one = |due, sent, answered| CheckIn {
        due: at(due),
        sent: at(sent),
        answered: at(answered),
    };
    let kill = |led, began| Kill {
        replica: 0,
        led,
        began: at(began),
        ended: at(began + 2),
    };
    let check_ins = [
        one(0, 0, 10),
        // On its way when the leader was killed, and answered from what it had sent.
        one(90, 90, 103),
        one(95, 1000, 2900),
        one(2000, 2000, 2950),
        one(3000, 3000, 3020),
    ];
    let windows = windows(&[kill(true, 100), kill(false, 2000)], &check_ins);
    assert_eq!(windows.len(), 1);
    assert_eq!(windows[0].length(), Duration::from_millis(2800));
    let [outside, inside] = latencies(&windows, &check_ins);
    assert!((outside.at(1.0) - 20.0).abs() < 1e-6 && (outside.at(0.0) - 10.0).abs() < 1e-6);
    assert!((inside.at(1.0) - 2805.0).abs() < 1e-6 && (inside.at(0.0) - 13.0).abs() < 1e-6);
}

//! What is measured, for those who watch a coordinator run. `docs/operating.md` has the table.
//!
//! What happens is recorded where it happens, by handles that are made once: an addition to a number
//! in memory. What simply is, as the length of the line, is set when somebody asks for the page. Where
//! nobody can ask, all handles do nothing.

pub(crate) mod list;
mod recorder;
mod turns;

use std::sync::Arc;
use std::time::Instant;

use metrics::{Counter, Gauge, Histogram};
use metrics_exporter_prometheus::BuildError;

use self::list::Metric;
use self::recorder::Recorder;
use crate::refused::Refused;

pub(crate) use self::recorder::Labels;
pub(crate) use self::turns::{TurnHandles, Turns};

/// All that is measured.
pub(crate) struct Measures {
    recorder: Recorder,
    /// What the ceremony's log tells.
    pub(crate) turns: TurnHandles,
    /// How long verifications take.
    pub(crate) verifications: Histogram,
    /// What came of verifications that other replicas did.
    pub(crate) elsewhere: Elsewhere,
    /// States that went out from a follower's own copy.
    copied_states: Counter,
    /// How long commits of the log take.
    pub(crate) commits: Histogram,
    /// Answers that are held back.
    pub(crate) held: Present,
    /// Streams of the ceremony's status.
    pub(crate) watchers: Present,
    /// By the first digit of the status, from 1.
    responses: [Counter; 5],
    /// In the order of [`Limit`].
    limited: [Counter; 5],
    sign_ins: SignIns,
    /// In the order of [`Forwarding`].
    forwarded: [Counter; 3],
    batches: Counter,
    check_ins_in_batches: Counter,
    leader_changes: Counter,
}

/// What came of sending a request to the leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forwarding {
    /// It answered.
    Answered,
    /// It did not, and the request is sent again.
    Repeated,
    /// Nobody answered in time.
    Unanswered,
}

/// What came of having another replica verify a contribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vetted {
    /// Its verdict counted.
    Believed,
    /// It was about something else, or the replica could not tell.
    Refused,
    /// None came.
    Missed,
}

/// Counts that, in the order of [`Vetted`]. The default counts nothing.
#[derive(Clone)]
pub(crate) struct Elsewhere([Counter; 3]);

impl Elsewhere {
    pub(crate) fn count(&self, vetted: Vetted) {
        if let Some(counter) = self.0.get(vetted as usize) {
            counter.increment(1);
        }
    }
}

impl Default for Elsewhere {
    fn default() -> Self {
        Self([const { Counter::noop() }; 3])
    }
}

/// What comes of sign-ins.
struct SignIns {
    good: Counter,
    refused: Counter,
    failed: Counter,
}

/// A limit on rates, or on downloads at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    SignIn,
    Anonymous,
    Session,
    Lobby,
    Download,
}

impl Measures {
    /// Records nothing.
    pub(crate) fn none() -> Arc<Self> {
        Arc::new(Self::by(Recorder::none()))
    }

    /// Records everything.
    ///
    /// # Errors
    /// When the recorder does not take the list of metrics.
    pub(crate) fn recorded() -> Result<Arc<Self>, BuildError> {
        Ok(Arc::new(Self::by(Recorder::new()?)))
    }

    fn by(recorder: Recorder) -> Self {
        let class = |class| recorder.counter(&list::HTTP_RESPONSES, &[("class", class)]);
        let limit = |limit| recorder.counter(&list::RATE_LIMITED, &[("limit", limit)]);
        let sign_in = |result| recorder.counter(&list::SIGN_INS, &[("result", result)]);
        Self {
            turns: TurnHandles::new(&recorder),
            verifications: recorder.histogram(&list::VERIFICATION, &[]),
            elsewhere: Elsewhere(
                ["believed", "refused", "missed"]
                    .map(|result| recorder.counter(&list::VETTED, &[("result", result)])),
            ),
            copied_states: recorder.counter(&list::COPIED_STATES, &[]),
            commits: recorder.histogram(&list::COMMIT, &[]),
            held: Present(recorder.gauge(&list::HELD_ANSWERS, &[])),
            watchers: Present(recorder.gauge(&list::WATCHERS, &[])),
            responses: ["1xx", "2xx", "3xx", "4xx", "5xx"].map(class),
            limited: ["sign-in", "anonymous", "session", "lobby", "download"].map(limit),
            sign_ins: SignIns {
                good: sign_in("ok"),
                refused: sign_in("refused"),
                failed: sign_in("failed"),
            },
            forwarded: ["answered", "repeated", "unanswered"]
                .map(|result| recorder.counter(&list::FORWARDED, &[("result", result)])),
            batches: recorder.counter(&list::BATCHES, &[]),
            check_ins_in_batches: recorder.counter(&list::CHECK_INS_IN_BATCHES, &[]),
            leader_changes: recorder.counter(&list::LEADER_CHANGES, &[]),
            recorder,
        }
    }

    /// Counts a request that was sent to the leader.
    pub(crate) fn forwarded(&self, result: Forwarding) {
        if let Some(counter) = self.forwarded.get(result as usize) {
            counter.increment(1);
        }
    }

    /// Counts a batch that was sent to the leader, with so many check-ins in it.
    pub(crate) fn batch_sent(&self, check_ins: u64) {
        self.batches.increment(1);
        self.check_ins_in_batches.increment(check_ins);
    }

    /// Counts a state to build on that went out from this replica's own copy.
    pub(crate) fn copied_state(&self) {
        self.copied_states.increment(1);
    }

    /// Counts that another replica leads than before.
    pub(crate) fn leader_changed(&self) {
        self.leader_changes.increment(1);
    }

    /// Counts an answer over HTTP.
    pub(crate) fn answered(&self, status: u16) {
        let class = usize::from(status / 100).checked_sub(1);
        if let Some(counter) = class.and_then(|class| self.responses.get(class)) {
            counter.increment(1);
        }
    }

    /// Counts a request that was beyond a limit.
    pub(crate) fn limited(&self, limit: Limit) {
        if let Some(counter) = self.limited.get(limit as usize) {
            counter.increment(1);
        }
    }

    /// Counts what came of a sign-in.
    pub(crate) fn sign_in<T>(&self, tried: &Result<T, Refused>) {
        let counter = match tried {
            Ok(_) => &self.sign_ins.good,
            Err(refused) if refused.code.status() < 500 => &self.sign_ins.refused,
            Err(_) => &self.sign_ins.failed,
        };
        counter.increment(1);
    }

    /// Sets what is looked up for the page.
    pub(crate) fn set(&self, metric: &Metric, labels: Labels<'_>, value: f64) {
        self.recorder.gauge(metric, labels).set(value);
    }

    /// Sets a number that only grows, and is counted elsewhere.
    pub(crate) fn set_count(&self, metric: &Metric, labels: Labels<'_>, count: u64) {
        self.recorder.counter(metric, labels).absolute(count);
    }

    /// All of it, in the text format of Prometheus.
    pub(crate) fn page(&self) -> String {
        self.recorder.page()
    }

    /// Sorts what was recorded into buckets: while nobody asks for the page, single values pile up.
    pub(crate) fn tidy(&self) {
        self.recorder.tidy();
    }
}

/// Counts what is there now.
#[derive(Clone)]
pub(crate) struct Present(Gauge);

/// One that is there, until it is dropped.
pub(crate) struct One(Gauge);

impl Present {
    /// One more.
    pub(crate) fn one(&self) -> One {
        self.0.increment(1.0);
        One(self.0.clone())
    }
}

impl Default for Present {
    fn default() -> Self {
        Self(Gauge::noop())
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// Does something, and records how long it took.
pub(crate) fn timed<T>(histogram: &Histogram, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = work();
    histogram.record(begun.elapsed().as_secs_f64());
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_shown_where_nothing_is_recorded() {
        let measures = Measures::none();
        measures.answered(200);
        measures.set(&list::READY, &[], 1.0);
        assert_eq!(measures.page(), "");
    }

    #[test]
    fn what_is_counted_is_on_the_page() {
        let measures = Measures::recorded().unwrap();
        for status in [200, 204, 404, 99, 600] {
            measures.answered(status);
        }
        measures.limited(Limit::Download);
        let held = [measures.held.one(), measures.held.one()];
        measures.set_count(&list::CONNECTIONS_REFUSED, &[("why", "room")], 7);
        timed(&measures.commits, || ());
        drop(held);
        let _held = measures.held.one();
        measures.tidy();
        let page = measures.page();
        for line in [
            "tauline_http_responses_total{class=\"2xx\"} 2",
            "tauline_http_responses_total{class=\"4xx\"} 1",
            "tauline_http_responses_total{class=\"5xx\"} 0",
            "tauline_rate_limited_total{limit=\"download\"} 1",
            "tauline_rate_limited_total{limit=\"lobby\"} 0",
            "tauline_connections_refused_total{why=\"room\"} 7",
            "tauline_held_answers 1",
            "tauline_commit_seconds_count 1",
        ] {
            assert!(page.lines().any(|it| it == line), "{line}: {page}");
        }
    }
}

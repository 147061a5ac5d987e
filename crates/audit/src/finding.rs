//! What an audit finds: violations, which no fair coordinator commits, and remarks, which are for
//! people to judge.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use tauline_queue_core::{Ticket, Timestamp};

use crate::kind::Kind;

/// How many violations, and how many remarks of each kind, are kept. The rest are counted.
pub const MAX_LISTED: usize = 1000;

/// Where in the log something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The entry, from 0.
    pub(crate) entry: u64,
    /// Its time.
    pub(crate) at: Timestamp,
}

/// Something that no fair coordinator does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Violation {
    /// Which rule is broken.
    pub kind: Kind,
    /// The entry that shows it, from 0. None where no single entry does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// The stay that it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Ticket>,
    /// When it happened, by the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What happened, in a sentence.
    pub text: String,
}

/// What a remark is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Topic {
    /// The log begins before it was public.
    NotPublicBefore,
    /// The log has another key.
    Key,
    /// The ceremony goes from one coordinator to another.
    Handover,
    /// The ceremony goes on from another log, whose coordinator is gone.
    Recovery,
    /// A program and its version.
    Version,
    /// The settings of the rules are changed.
    Settings,
    /// A new process of the coordinator.
    Restart,
    /// The coordinator was away, and moved all deadlines.
    Absence,
    /// The operator paused the ceremony, or went on.
    Pause,
    /// The operator lets nobody join any more, or opens the ceremony again.
    Drain,
    /// The operator plans to open or to drain.
    Plan,
    /// A turn went to somebody further back.
    Pass,
    /// The operator let somebody join again.
    Pardon,
    /// The operator expelled somebody.
    Expulsion,
    /// A stay ended by the coordinator's fault.
    CoordinatorFault,
    /// Something that a participant shows and that proves nothing.
    Unproven,
    /// The transcript is older than the log.
    TranscriptOlder,
}

impl Topic {
    /// What it is called where remarks are counted.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotPublicBefore => "not public before",
            Self::Key => "keys",
            Self::Handover => "handovers",
            Self::Recovery => "recoveries",
            Self::Version => "versions",
            Self::Settings => "settings",
            Self::Restart => "restarts",
            Self::Absence => "absences",
            Self::Pause => "pauses",
            Self::Drain => "drains",
            Self::Plan => "plans",
            Self::Pass => "passes",
            Self::Pardon => "pardons",
            Self::Expulsion => "expulsions",
            Self::CoordinatorFault => "coordinator's faults",
            Self::Unproven => "unproven",
            Self::TranscriptOlder => "older transcript",
        }
    }
}

/// Something that a coordinator may do, and that people should know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Remark {
    /// What it is about.
    pub topic: Topic,
    /// The entry, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// The stay that it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Ticket>,
    /// When it happened, by the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What happened, in a sentence.
    pub text: String,
}

/// What was found so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Findings {
    pub(crate) violations: Vec<Violation>,
    pub(crate) violation_count: u64,
    pub(crate) remarks: Vec<Remark>,
    pub(crate) remark_counts: BTreeMap<Topic, u64>,
}

impl Violation {
    /// One that an entry shows.
    pub(crate) fn at(
        place: Place,
        kind: Kind,
        ticket: impl Into<Option<Ticket>>,
        text: String,
    ) -> Self {
        Self {
            kind,
            entry: Some(place.entry),
            ticket: ticket.into(),
            at: Some(place.at),
            text,
        }
    }

    /// One that the log as a whole shows.
    pub(crate) fn of_log(kind: Kind, text: String) -> Self {
        Self {
            kind,
            entry: None,
            ticket: None,
            at: None,
            text,
        }
    }
}

impl Findings {
    pub(crate) fn violation(&mut self, violation: Violation) {
        self.violation_count += 1;
        if self.violations.len() < MAX_LISTED {
            self.violations.push(violation);
        }
    }

    /// One that is known only in the end, among those of its place; one of the log as a whole comes
    /// last.
    pub(crate) fn insert(&mut self, violation: Violation) {
        self.violation_count += 1;
        let is_before = |it: &Violation| violation.entry.is_none() || it.entry <= violation.entry;
        let place = self.violations.partition_point(is_before);
        self.violations.insert(place, violation);
        self.violations.truncate(MAX_LISTED);
    }

    pub(crate) fn remark(
        &mut self,
        place: Place,
        topic: Topic,
        ticket: impl Into<Option<Ticket>>,
        text: String,
    ) {
        self.push_remark(Remark {
            topic,
            entry: Some(place.entry),
            ticket: ticket.into(),
            at: Some(place.at),
            text,
        });
    }

    pub(crate) fn push_remark(&mut self, remark: Remark) {
        let count = self.remark_counts.entry(remark.topic).or_default();
        *count += 1;
        if *count <= MAX_LISTED as u64 {
            self.remarks.push(remark);
        }
    }
}

/// A length of time as people read it: `4.5 s`, `2 min 5 s`, `3 h 20 min`.
pub(crate) fn shown(length: Duration) -> String {
    let millis = length.as_millis();
    let seconds = millis / 1000;
    match seconds {
        0..60 if millis.is_multiple_of(1000) => format!("{seconds} s"),
        0..60 => {
            let text = format!("{seconds}.{:03}", millis % 1000);
            format!("{} s", text.trim_end_matches('0'))
        }
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A time as RFC 3339 has it, in seconds: `2026-09-21T14:13:20Z`.
pub(crate) fn dated(at: Timestamp) -> String {
    const DAY: u64 = 86_400;
    let (days, second) = (at.as_secs() / DAY, at.as_secs() % DAY);
    // Years that begin in March have the leap day as their last, and 400 of them are 146,097 days.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // The months from March on have 31, 30, 31, 30 and 31 days, again and again: 153 for five.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = match month {
        0..10 => (month + 3, 0),
        _ => (month - 9, 1),
    };
    let year = 400 * era + year + next;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn listed(items: impl IntoIterator<Item = String>) -> String {
    let mut items: Vec<String> = items.into_iter().collect();
    match items.pop() {
        None => String::new(),
        Some(last) if items.is_empty() => last,
        Some(last) => format!("{} and {last}", items.join(", ")),
    }
}

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
            Self::Version => "versions",
            Self::Settings => "settings",
            Self::Restart => "restarts",
            Self::Absence => "absences",
            Self::Pause => "pauses",
            Self::Drain => "drains",
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

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn listed(items: impl IntoIterator<Item = String>) -> String {
    let mut items: Vec<String> = items.into_iter().collect();
    match items.pop() {
        None => String::new(),
        Some(last) if items.is_empty() => last,
        Some(last) => format!("{} and {last}", items.join(", ")),
    }
}

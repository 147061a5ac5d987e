//! What an audit comes to.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::finding::{MAX_LISTED, Remark, Topic, Violation};
use crate::kind::Kind;
use crate::statistics::Statistics;
use crate::transcript::TranscriptFindings;
use crate::witnesses::Witnessed;

/// What an audit comes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Report {
    /// Entries that were read.
    pub entries: u64,
    /// The root of the tree over them, in base64.
    pub root: String,
    /// The log's origin, if it says so and its key is certified.
    pub origin: Option<String>,
    /// The log's present verifier key, if the coordinator's certifies it.
    pub key: Option<String>,
    /// The present coordinator's EIP-55 address, if its key certifies the log's.
    pub coordinator: Option<String>,
    /// The EIP-55 addresses of all coordinators that have held the log, in order: one if it was never
    /// given away. The last is the present one.
    pub coordinators: Vec<String>,
    /// Checkpoints that the entries were held against.
    pub checkpoints: u64,
    /// Participants whose tickets were held against the log.
    pub keepsakes: u64,
    /// Who has cosigned the log's checkpoint. None if nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witnesses: Option<Witnessed>,
    /// What no fair coordinator does: the first of it. What follows a violation in the log may be its
    /// consequence.
    pub violations: Vec<Violation>,
    /// How many violations there are.
    pub violation_count: u64,
    /// What people should know of: the first of each topic.
    pub remarks: Vec<Remark>,
    /// How many remarks there are of each topic.
    pub remark_counts: BTreeMap<Topic, u64>,
    /// Figures.
    pub statistics: Statistics,
}

impl Report {
    /// Adds what came of a transcript.
    pub fn add(&mut self, compared: &TranscriptFindings) {
        self.violation_count += compared.violation_count;
        let room = MAX_LISTED.saturating_sub(self.violations.len());
        let found = compared.violations.iter().take(room).cloned();
        self.violations.extend(found);
        if compared.newer_in_log > 0 && compared.violation_count == 0 {
            *self
                .remark_counts
                .entry(Topic::TranscriptOlder)
                .or_default() += 1;
            self.remarks.push(Remark {
                topic: Topic::TranscriptOlder,
                entry: None,
                ticket: None,
                at: None,
                text: format!(
                    "The transcript ends {} contributions before the log: it is older, or they were left \
                     out.",
                    compared.newer_in_log
                ),
            });
        }
    }

    /// Adds who has cosigned the log's checkpoint, and that they are too few if they are.
    pub fn add_witnesses(&mut self, witnessed: Witnessed) {
        if let Some(violation) = &witnessed.violation {
            self.violation_count += 1;
            if self.violations.len() < MAX_LISTED {
                self.violations.push(violation.clone());
            }
        }
        self.witnesses = Some(witnessed);
    }

    /// Whether nothing was found that no fair coordinator does.
    #[must_use]
    pub fn is_fair(&self) -> bool {
        self.violation_count == 0
    }

    /// The verdict in a sentence.
    #[must_use]
    pub fn verdict(&self) -> String {
        let of = match &self.origin {
            Some(origin) => format!("The log of {origin}"),
            None => "This log".to_owned(),
        };
        // Whether witnesses do their part is not in the coordinator's hands.
        let is_unwitnessed =
            |it: &Violation| matches!(it.kind, Kind::NotCosigned | Kind::StaleCheckpoint);
        match (self.violations.first(), self.violation_count) {
            (None, _) => format!(
                "{of} is that of a fair coordinator: {} entries, and none that the rules do not allow.",
                self.entries
            ),
            (Some(first), _) if self.violations.iter().all(is_unwitnessed) => format!(
                "{of} has no entry that the rules do not allow, and is not what the policy asks for. {}",
                first.text
            ),
            (Some(first), 1) => format!("{of} is not that of a fair coordinator. {}", first.text),
            (Some(first), count) => format!(
                "{of} is not that of a fair coordinator: {count} violations. The first: {}",
                first.text
            ),
        }
    }
}

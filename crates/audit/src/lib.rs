//! Is this log that of a fair coordinator?
//!
//! A ceremony's queue is a fold over its log, and the coordinator publishes the log
//! (`docs/spec/public-log.md#entries`). So whoever has the log can check who was next and why. This
//! crate does: it follows the log with the rules' own crate, `tauline-queue-core`, and holds each entry
//! against the settings, each checkpoint against the entries, and what participants were told and
//! signed against all of it. It has no input or output, no clock and no network.
//!
//! ```
//! use tauline_audit::{Auditor, Expected, Kind};
//!
//! let mut auditor = Auditor::new(Expected::default());
//! for entry in [&br#"{"v":1,"at":1790000000000,"queue":{"ModeSet":{"mode":"Halted"}}}"#[..]] {
//!     auditor.push(entry)?;
//! }
//! let report = auditor.report();
//! assert_eq!(report.entries, 1);
//! // Nothing says whose log this is.
//! assert_eq!(report.violations[0].kind, Kind::NotOpened);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is condemned, and what is listed
//!
//! A [`Violation`] is something that no coordinator does that follows the rules, whatever its
//! participants, its clock and its machine do: its [`Kind`] cites the rule. The tests of this crate hold
//! honest logs of many seeds against that, and plant frauds in them. A [`Remark`] is something that a
//! coordinator may do and that people should know of: a pardon, a pause, somebody passed.
//!
//! Some kinds are no fault of the coordinator by themselves, and condemn because they are not what was
//! asked for: another key or coordinator ([`Expected`]), too few or too old cosignatures ([`Demand`]).
//!
//! After the first violation the log and the fold may have parted, so what follows may be its
//! consequence.
//!
//! # A log that changes hands
//!
//! A log can go on under another key, and with another coordinator, who is named before in the log
//! (`docs/spec/public-log.md#rotation`, `docs/spec/public-log.md#handover`). [`Opened`] has all of them:
//! each checkpoint is held against the key that the log has at that size, and each statement against
//! all keys. The rules hold through it all: the places in line go on.
//!
//! Where a coordinator was gone, another may have gone on from its log and transcript alone, in a log of
//! its own. The second entry of that log says so (`docs/spec/public-log.md#recovery`), and is listed.
//! The stays with which it carries the contributions over, all at one time, keep to the rules as any do.
//!
//! # What a log cannot show
//!
//! That a check-in was ignored, or that somebody who was there was passed: who asked when is not in the
//! log. Whoever it happened to holds signed promises ([`Keepsake`]s), and
//! [`Auditor::check_keepsake`] holds them against the log. That two people were shown two logs is shown
//! by their checkpoints, side by side ([`Auditor::check_checkpoint`]), and prevented by witnesses, whose
//! cosignatures [`Witnessed`] holds against a policy.
//!
//! [`Keepsake`]: tauline_protocol::keepsake::Keepsake
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod auditor;
mod checkpoints;
mod claims;
mod custody;
mod finding;
mod fold;
mod kind;
mod notices;
mod recovery;
mod remarks;
mod report;
mod statistics;
mod transcript;
mod witnesses;

pub use auditor::{Auditor, NewerEntry};
pub use checkpoints::TooLate;
pub use custody::{Expected, KeyFrom, Opened};
pub use finding::{MAX_LISTED, Remark, Topic, Violation};
pub use kind::Kind;
pub use report::Report;
pub use statistics::{Hour, Outcomes, Statistics, Waits};
pub use transcript::{AcceptedContribution, TranscriptAudit, TranscriptEntry, TranscriptFindings};
pub use witnesses::{Cosignature, Demand, Witnessed, Worth};

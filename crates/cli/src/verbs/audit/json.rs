//! The report for programs.

use serde::Serialize;
use tauline_audit::{Report, TranscriptFindings};

/// The report as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Json<'a> {
    fair: bool,
    verdict: String,
    #[serde(flatten)]
    report: &'a Report,
    /// How many contributions the transcript has that was compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    transcript: Option<u64>,
}

impl<'a> Json<'a> {
    pub(super) fn new(report: &'a Report, compared: Option<&TranscriptFindings>) -> Self {
        Self {
            fair: report.is_fair(),
            verdict: report.verdict(),
            report,
            transcript: compared.map(|it| it.contributions),
        }
    }
}

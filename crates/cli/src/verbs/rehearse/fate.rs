//! The outcome of one participant's part.

use tauline_protocol::status::EndedWord;

use super::parts::{Part, Played};
use crate::participant::Times;

/// A participant's part and its outcome.
pub(super) struct Fate {
    pub(super) number: usize,
    pub(super) part: Part,
    pub(super) times: Times,
    pub(super) result: Played,
    pub(super) end: Option<EndedWord>,
}

impl Fate {
    pub(super) fn new(
        number: usize,
        part: Part,
        times: Times,
        result: Played,
        end: Option<EndedWord>,
    ) -> Self {
        Self {
            number,
            part,
            times,
            result,
            end,
        }
    }

    /// What did not go as it should, if anything.
    pub(super) fn failure(&self) -> Option<String> {
        match &self.result {
            Err(why) => Some(why.clone()),
            Ok(_) if self.part.role.may_end(self.end) => None,
            Ok(_) => {
                let end = self
                    .end
                    .map_or("not known to have ended", EndedWord::as_str);
                Some(format!("the coordinator says: {end}"))
            }
        }
    }
}

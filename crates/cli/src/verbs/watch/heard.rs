//! What is heard of a ceremony that is watched.

use reqwest::Url;

use super::told::Told;

/// How the status comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Via {
    /// By the coordinator's stream of events, when it changes.
    Stream,
    /// By asking for it again and again.
    Polls,
}

/// Something that is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// What the coordinator tells now.
    Status {
        told: Box<Told>,
        /// The same, as it came.
        text: String,
        via: Via,
    },
    /// The stream is there.
    Alive,
    /// The coordinator does not answer.
    Lost {
        /// What goes wrong.
        why: String,
    },
    /// The ceremony has moved, which the older coordinator's public log bears out. What is heard from now
    /// on is told by the coordinator that has it now.
    Moved {
        /// Where that one is.
        to: Url,
    },
    /// The ceremony is said to have moved, and it was not followed.
    NotFollowed {
        /// Why not.
        why: String,
    },
}

//! What the user has made of the view.

use tokio::time::Instant;

use super::theme::Theme;

/// What the user has made of the view.
#[derive(Debug, Clone)]
pub(super) struct View {
    /// How many of the latest contributions are above the first that is shown.
    pub(super) offset: usize,
    pub(super) help: bool,
    /// Since when the view stands still, and what had happened by then.
    pub(super) paused: Option<(Instant, u64)>,
    /// Whether the keys are named at the bottom.
    pub(super) keys: bool,
    pub(super) theme: Theme,
}

impl View {
    /// From the top, without keys at the bottom.
    pub(super) fn new(theme: Theme) -> Self {
        Self {
            offset: 0,
            help: false,
            paused: None,
            keys: false,
            theme,
        }
    }
}

/// What the keys have to know of the view.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Drawn {
    /// How many of the latest contributions are shown.
    pub(super) rows: usize,
    /// How many there are.
    pub(super) all: usize,
}

//! The layouts of a live line.

/// A name.
pub(super) const SPINNER: &str = "{spinner} {msg}";

/// A name, and how much of it is done.
pub(super) const SHARE: &str = "{spinner} {msg:<24} {bar:32} {percent:>3} %";

/// A name, how much of it is done, and how many bytes a second.
pub(super) const TRANSFER: &str =
    "{spinner} {msg:<24} {bar:32} {percent:>3} %  {decimal_bytes_per_sec}";

/// A name, how many of how many are done, how fast, and the time left.
pub(super) const RATE: &str = "{spinner} {msg} {bar:12} {human_pos} of {human_len}{pace}";

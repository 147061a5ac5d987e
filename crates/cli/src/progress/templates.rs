//! How a live line looks.

/// Something that lasts.
pub(super) const SPINNER: &str = "{spinner} {msg}";

/// How much of something is done.
pub(super) const SHARE: &str = "{spinner} {msg:<24} {bar:32} {percent:>3} %";

/// Bytes going by, and how fast.
pub(super) const TRANSFER: &str =
    "{spinner} {msg:<24} {bar:32} {percent:>3} %  {decimal_bytes_per_sec}";

/// How much of how many is done, how fast, and the time left.
pub(super) const RATE: &str = "{spinner} {msg} {bar:12} {human_pos} of {human_len}{pace}";

//! How single values are read.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::http::Uri;
use ipnet::IpNet;
use tauline_protocol::admin::{Reason, ReasonError};
use tauline_transcript::signature::{AddressError, eip55, read_address};

use super::error::SettingsError;
use crate::signin::secret::Secret;

/// Longest duration that a setting may have, in seconds: ten years, so that no sum overflows.
const MAX_SECONDS: f64 = 10.0 * 365.0 * 24.0 * 3600.0;

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text
        .parse()
        .map_err(|_| "give a number of seconds, such as 30 or 0.5".to_owned())?;
    if !(0.0..=MAX_SECONDS).contains(&number) {
        return Err("give a number of seconds from 0 to ten years".to_owned());
    }
    Ok(Duration::from_secs_f64(number))
}

/// Refuses a duration of nothing for the setting of this name.
pub(super) fn not_zero(name: &str, duration: Duration) -> Result<(), SettingsError> {
    match duration.is_zero() {
        true => Err(SettingsError::Conflict(format!(
            "{name} must be more than 0 seconds"
        ))),
        false => Ok(()),
    }
}

/// How long a participant may take from the start to the last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContributionLimit {
    /// As long as this.
    Fixed(Duration),
    /// As long as recent turns suggest, within bounds.
    Auto {
        /// At least.
        min: Duration,
        /// At most.
        max: Duration,
    },
}

impl ContributionLimit {
    /// The longest that a turn may ever take.
    #[must_use]
    pub fn longest(self) -> Duration {
        match self {
            Self::Fixed(limit) | Self::Auto { max: limit, .. } => limit,
        }
    }

    /// The shortest that the limit may become, where it follows recent turns.
    #[must_use]
    pub fn shortest(self) -> Option<Duration> {
        match self {
            Self::Fixed(_) => None,
            Self::Auto { min, .. } => Some(min),
        }
    }
}

pub(super) fn contribution_limit(text: &str) -> Result<ContributionLimit, String> {
    let form = "give a number of seconds, or auto:MIN-MAX in seconds, such as auto:60-180";
    let Some(bounds) = text.strip_prefix("auto:") else {
        return seconds(text)
            .map(ContributionLimit::Fixed)
            .map_err(|error| format!("{error}, or auto:MIN-MAX, such as auto:60-180"));
    };
    let (min, max) = bounds.split_once('-').ok_or(form)?;
    let (min, max) = (seconds(min.trim())?, seconds(max.trim())?);
    if min.is_zero() || min > max {
        return Err(format!("{form}: MIN is more than 0 and at most MAX"));
    }
    Ok(ContributionLimit::Auto { min, max })
}

/// A number of bytes, perhaps in a larger unit.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    const FORM: &str = "give a number of bytes, such as 500MiB or 1GiB";
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match &text[number.len()..] {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return Err(FORM.to_owned()),
    };
    let number: u64 = number.trim_end().parse().map_err(|_| FORM.to_owned())?;
    number.checked_mul(unit).ok_or_else(|| FORM.to_owned())
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "give an IP address and a port, such as 127.0.0.1:3000".to_owned())
}

/// An Ethereum address, with EIP-55's capitals. Where there are capitals and small letters, they must
/// be right: they are there to find what was mistyped.
pub(super) fn eth_address(text: &str) -> Result<String, AddressError> {
    read_address(text).map(|address| eip55(&address))
}

pub(super) fn public_url(text: &str) -> Result<Uri, String> {
    let url: Uri = text
        .parse()
        .map_err(|error| format!("this is no URL: {error}"))?;
    match (url.scheme_str(), url.authority()) {
        (Some("http" | "https"), Some(authority))
            if !authority.as_str().contains('@') && url::Url::parse(text).is_ok() =>
        {
            if matches!(url.path(), "" | "/") && url.query().is_none() {
                Ok(url)
            } else {
                Err("give scheme and host only, such as https://ceremony.example.org".to_owned())
            }
        }
        _ => Err("give a whole URL, such as https://ceremony.example.org".to_owned()),
    }
}

/// A line for the public log.
pub(super) fn log_line(text: &str) -> Result<String, String> {
    text.parse::<Reason>()
        .map(String::from)
        .map_err(|error| match error {
            ReasonError::Empty => "say why: everybody can read it in the log".to_owned(),
            error => error.to_string(),
        })
}

/// Longest name of a ceremony, in characters: it stands in the heading of a page, and in the title of
/// its tab.
const MAX_NAME: usize = 60;

/// What the operator calls the ceremony.
pub(super) fn ceremony_name(text: &str) -> Result<String, String> {
    let text = text.trim();
    let breaks_lines = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    match text.chars().count() {
        0 => Err("give a name, or leave the setting out".to_owned()),
        _ if text.contains(breaks_lines) => Err("give one line of text".to_owned()),
        1..=MAX_NAME => Ok(text.to_owned()),
        chars => Err(format!(
            "it has {chars} characters: give {MAX_NAME} at most"
        )),
    }
}

pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "give an address or a network, such as 127.0.0.1 or 10.0.0.0/8".to_owned())
}

pub(super) fn web_url(text: &str) -> Result<url::Url, String> {
    let url = url::Url::parse(text).map_err(|error| format!("this is no URL: {error}"))?;
    match (url.scheme(), url.host()) {
        ("http" | "https", Some(_)) => Ok(url),
        _ => Err("give a whole URL, such as https://example.org/path".to_owned()),
    }
}

pub(super) fn timestamp(text: &str) -> Result<jiff::Timestamp, String> {
    text.parse()
        .map_err(|_| "give a time with its zone, such as 2022-08-01T00:00:00Z".to_owned())
}

/// Takes any secret as it is, so that no error message can show one.
pub(super) fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

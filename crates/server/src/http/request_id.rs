//! The name of a request, by which a line in the log here is found again in a proxy's, and the other
//! way round (`docs/spec/http-api.md#request-id`).

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use rand_core::{OsRng, RngCore as _};

/// The header that has it, in requests and answers.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Longest name that is taken over: those that proxies make have 32 or 36 characters.
const LONGEST: usize = 64;

/// A request's name: what it came with, or a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// The name of a request with these headers.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(HEADER).filter(|given| is_sane(given));
        Self(given.cloned().unwrap_or_else(new))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// For the answer.
    pub(crate) fn into_value(self) -> HeaderValue {
        self.0
    }
}

/// Whether it may go into the log as it is: nothing in it can end a line or look like a field.
fn is_sane(given: &HeaderValue) -> bool {
    let bytes = given.as_bytes();
    let is_fine = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    (1..=LONGEST).contains(&bytes.len()) && bytes.iter().all(is_fine)
}

fn new() -> HeaderValue {
    let name = format!("{:016x}", OsRng.next_u64());
    HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(given: &[u8]) -> RequestId {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_bytes(given).unwrap());
        RequestId::of(&headers)
    }

    #[test]
    fn a_sane_name_is_kept() {
        for sane in ["a", "0f-9.A_b", &"x".repeat(64)] {
            assert_eq!(of(sane.as_bytes()).as_str(), sane);
        }
    }

    #[test]
    fn another_gives_way_to_a_new_one() {
        let long = "x".repeat(65);
        for other in ["", "a b", "a=b", "a\"", "[31m", "é", &long] {
            let name = of(other.as_bytes());
            assert_eq!(name.as_str().len(), 16, "{other:?}: {name:?}");
            assert!(is_sane(&name.0));
        }
        let none = HeaderMap::new();
        assert_ne!(RequestId::of(&none), RequestId::of(&none));
    }
}

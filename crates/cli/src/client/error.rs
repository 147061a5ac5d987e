//! Why a call has no answer that can be used, and which of that may pass.

use std::fmt;
use std::time::Duration;

use reqwest::{StatusCode, Url};
use tauline_protocol::error::{Code, ErrorBody};

use crate::exit::Failure;

/// The coordinator's refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// Code and sentence.
    pub body: ErrorBody,
    /// When to come back, if it said so.
    pub retry_after: Option<Duration>,
}

impl Refused {
    /// The code, if this version knows it.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        self.body.known_code()
    }

    /// Whether the code is one of these.
    #[must_use]
    pub fn is(&self, codes: &[Code]) -> bool {
        self.code().is_some_and(|code| codes.contains(&code))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.body.error, self.body.code)
    }
}

/// Why a call has no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The coordinator could not be reached, or the connection was cut.
    #[error("{0}")]
    Network(String),
    /// It answered, and said no.
    #[error("{0}")]
    Refused(Refused),
    /// A gateway in front of it answered that it is not there.
    #[error("a gateway answers {status}: the coordinator behind it does not")]
    Gateway {
        /// The HTTP status.
        status: StatusCode,
    },
    /// The coordinator, or a proxy in front of it, takes no body of this length.
    #[error("{by} refuses a body of this length (413)")]
    TooLarge {
        /// Who refuses, as it calls itself.
        by: String,
    },
    /// Whatever answered is no coordinator, or not of this version.
    #[error("{0}")]
    Unreadable(String),
}

impl ClientError {
    /// Whether the same call may succeed later: the place in the queue does not depend on it.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Network(_) | Self::Gateway { .. } => true,
            Self::Unreadable(_) | Self::TooLarge { .. } => false,
            Self::Refused(refused) => {
                refused.is(&[
                    Code::RateLimited,
                    Code::BodyTimeout,
                    Code::LoginBusy,
                    Code::Internal,
                    Code::Unavailable,
                ]) || (refused.status == 429)
            }
        }
    }

    /// When the coordinator wants to be asked again, if it said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refused) => refused.retry_after,
            _ => None,
        }
    }

    /// The error as the end of a verb that talks to `server`.
    #[must_use]
    pub fn into_failure(self, server: &Url) -> Failure {
        match self {
            Self::Network(why) => Failure::io(format!("cannot reach {server}: {why}"))
                .help("check the address and the connection, and that the coordinator runs"),
            Self::Refused(refused) if refused.status == 429 => {
                Failure::io(format!("the coordinator limits requests: {refused}"))
                    .help("try again later")
            }
            Self::Refused(refused) => {
                Failure::bad(format!("the coordinator refuses: {}", refused.body.error))
                    .code(&refused.body.code)
            }
            Self::Gateway { .. } => Failure::io(format!("{server}: {self}"))
                .help("the coordinator may be restarting: try again soon"),
            Self::TooLarge { .. } => {
                Failure::io(format!("{server}: {self}")).help("the operator has to raise the limit")
            }
            Self::Unreadable(why) => Failure::io(format!("{server}: {why}"))
                .help("check that the address is a Tauline coordinator's"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_repeated() {
        let refused = |code: Code| {
            let body = ErrorBody::new(code, "");
            ClientError::Refused(Refused {
                status: code.status(),
                body,
                retry_after: None,
            })
        };
        assert!(ClientError::Network(String::new()).is_transient());
        assert!(
            ClientError::Gateway {
                status: StatusCode::BAD_GATEWAY
            }
            .is_transient()
        );
        assert!(!ClientError::Unreadable(String::new()).is_transient());
        assert!(!ClientError::TooLarge { by: String::new() }.is_transient());
        let transient: Vec<&str> = Code::ALL
            .iter()
            .filter(|c| refused(**c).is_transient())
            .map(|c| c.as_str())
            .collect();
        assert_eq!(
            transient,
            [
                "Request::BodyTimeout",
                "Request::RateLimited",
                "Login::Busy",
                "Server::Internal",
                "Server::Unavailable"
            ]
        );
    }
}

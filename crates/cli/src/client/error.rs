//! Why a call failed, and whether trying again can help.

use std::fmt;
use std::time::Duration;

use reqwest::{StatusCode, Url};
use tauline_protocol::error::{Code, ErrorBody};
use tauline_protocol::status::MovedTo;

#[cfg(test)]
use crate::exit::Exit;
use crate::exit::Failure;

/// An answer of the coordinator that is not a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The error code and a sentence for people.
    pub body: ErrorBody,
    /// How long to wait before trying again, if the coordinator said so.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// The code, if this version knows it.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        self.body.known_code()
    }

    /// Whether the same request may succeed later: there were too many requests, or the
    /// coordinator, or somebody it asks, does not work at the moment.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self.code() {
            // As far as a participant knows, the line is closed for good.
            Some(Code::Draining) => false,
            Some(Code::BodyTimeout) => true,
            _ => self.status == 429 || self.status >= 500,
        }
    }

    /// The error that ends the verb. Its text begins with what was refused.
    #[must_use]
    pub fn failure(&self, what: &str) -> Failure {
        let text = format!("{what}: {}", self.body.error);
        match (&self.body.moved_to, self.may_pass()) {
            (Some(moved), _) => Failure::bad(text).help(where_it_went(moved)),
            (None, true) => Failure::io(text).help("try again later"),
            (None, false) => Failure::bad(text),
        }
        .code(&self.body.code)
    }

    /// Whether the code is one of these.
    #[must_use]
    pub fn is(&self, codes: &[Code]) -> bool {
        self.code().is_some_and(|code| codes.contains(&code))
    }
}

/// How to go on with a ceremony that was handed over to another coordinator.
#[must_use]
pub fn where_it_went(moved: &MovedTo) -> String {
    let whose = &moved.coordinator_address;
    match &moved.url {
        Some(url) => format!("the coordinator that has it now is {whose}: give --server {url}"),
        None => format!(
            "ask the ceremony's operator where the coordinator is that has it now, {whose}, and give \
             its address to --server"
        ),
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.body.error, self.body.code)
    }
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The coordinator could not be reached, or the connection was cut.
    #[error("{0}")]
    Network(String),
    /// The coordinator refused.
    #[error("{0}")]
    Refused(Refusal),
    /// A gateway in front of the coordinator says that it cannot reach it.
    #[error("a gateway answers {status}: the coordinator behind it does not")]
    Gateway {
        /// The HTTP status.
        status: StatusCode,
    },
    /// The coordinator, or a proxy in front of it, refuses bodies of this length.
    #[error("{by} refuses a body of this length (413)")]
    TooLarge {
        /// Who refuses, as it calls itself.
        by: String,
    },
    /// The answer is not a coordinator's, or not one of this version.
    #[error("{0}")]
    Unreadable(String),
    /// The server did not prove that it is the one that was asked.
    #[error("{why}")]
    Untrusted {
        /// What is wrong.
        why: String,
        /// What to do about it.
        help: String,
    },
    /// TLS was asked for, and the server does not speak it.
    #[error("what answers there does not speak TLS ({0})")]
    NotTls(String),
}

impl ClientError {
    /// Whether the same call may succeed later without losing the place in the queue.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Network(_) | Self::Gateway { .. } => true,
            Self::Unreadable(_)
            | Self::TooLarge { .. }
            | Self::Untrusted { .. }
            | Self::NotTls(_) => false,
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

    /// How long the coordinator wants not to be asked again, if it said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refused) => refused.retry_after,
            _ => None,
        }
    }

    /// The error that ends a verb that talks to `server`.
    #[must_use]
    pub fn into_failure(self, server: &Url) -> Failure {
        match self {
            Self::Network(why) => Failure::io(format!("cannot reach {server}: {why}"))
                .help("check the address and the connection, and that the coordinator runs"),
            Self::Refused(refused) if refused.status == 429 => {
                refused.failure("the coordinator limits requests")
            }
            Self::Refused(refused) => refused.failure("the coordinator refuses"),
            Self::Gateway { .. } => Failure::io(format!("{server}: {self}"))
                .help("the coordinator may be restarting: try again soon"),
            Self::TooLarge { .. } => Failure::bad(format!("{server}: {self}"))
                .help("the operator has to raise the limit"),
            Self::Unreadable(why) => Failure::io(format!("{server}: {why}"))
                .help("check that the address is a Tauline coordinator's"),
            Self::Untrusted { why, help } => {
                Failure::bad(format!("{server} is not trusted: {why}")).help(help)
            }
            Self::NotTls(_) => Failure::usage(format!("{server}: {self}")).help(format!(
                "if it is a coordinator without TLS, give --server {}",
                plain(server)
            )),
        }
    }
}

/// The same address and port without TLS.
fn plain(server: &Url) -> Url {
    let mut plain = server.clone();
    let port = server.port_or_known_default();
    let _ = plain.set_scheme("http");
    let _ = plain.set_port(port);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trying_again_is_advised_only_where_it_can_help() {
        let server: Url = "https://a.org/".parse().unwrap();
        for code in Code::ALL {
            let refused = Refusal {
                status: code.status(),
                body: ErrorBody::new(*code, "no"),
                retry_after: None,
            };
            let failure = ClientError::Refused(refused).into_failure(&server);
            let may_pass = [
                "Request::BodyTimeout",
                "Request::RateLimited",
                "Session::Full",
                "Login::ProviderUnreachable",
                "Login::ProviderMisbehaved",
                "Login::Busy",
                "Queue::Halted",
                "Server::CoordinatorFault",
                "Server::Internal",
                "Server::Unavailable",
            ];
            let expected = match may_pass.contains(&code.as_str()) {
                true => Exit::Io,
                false => Exit::Bad,
            };
            assert_eq!(failure.exit(), expected, "{}", code.as_str());
        }
        let by = "nginx".to_owned();
        let too_large = ClientError::TooLarge { by }.into_failure(&server);
        assert_eq!(too_large.exit(), Exit::Bad);
    }

    #[test]
    fn who_comes_to_the_older_coordinator_is_told_where_to_go() {
        let told = |url: Option<&str>| {
            let moved = serde_json::json!({
                "key": "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
                "coordinatorAddress": "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf",
                "url": url,
            });
            let mut body = ErrorBody::new(Code::HandedOver, "it has moved");
            body.moved_to = Some(serde_json::from_value(moved).unwrap());
            let refused = Refusal {
                status: 410,
                body,
                retry_after: None,
            };
            refused.failure("cannot join").to_string()
        };
        let text = told(Some("https://next.example.org/"));
        assert!(
            text.contains("--server https://next.example.org/"),
            "{text}"
        );
        let text = told(None);
        assert!(text.contains("0x7E5F") && text.contains("ask"), "{text}");
    }

    #[test]
    fn an_address_without_tls_keeps_its_port() {
        for (tls, without) in [
            ("https://a.org/", "http://a.org:443/"),
            ("https://a.org:3000/x/", "http://a.org:3000/x/"),
        ] {
            assert_eq!(plain(&tls.parse().unwrap()).as_str(), without);
        }
    }

    #[test]
    fn only_what_may_pass_is_repeated() {
        let refused = |code: Code| {
            let body = ErrorBody::new(code, "");
            ClientError::Refused(Refusal {
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

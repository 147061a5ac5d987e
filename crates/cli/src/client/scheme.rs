//! Whether a server that cannot be used with `http://` can be used with `https://`, or the reverse.

use std::time::Duration;

use reqwest::Url;
use tauline_protocol::status::CeremonyStatus;
use tokio::time::timeout;

use super::{Client, ClientError, http};
use crate::exit::{Failure, Outcome};

/// How long each attempt may take. A server that answers at all does so within a round trip
/// or two.
const LIMIT: Duration = Duration::from_secs(3);

impl Client {
    /// `GET /ceremony/status`, as the first call of a verb.
    ///
    /// # Errors
    /// A server that is not there, or is not a coordinator.
    pub async fn first_status(&self) -> Outcome<CeremonyStatus> {
        match self.status().await {
            Ok(status) => Ok(status),
            Err(error) => Err(self.explain(error).await),
        }
    }

    /// The error that ends a verb whose first call failed. Finds out whether the other scheme
    /// works.
    pub async fn explain(&self, error: ClientError) -> Failure {
        let may_be_the_scheme = match &error {
            ClientError::Network(_) | ClientError::Unreadable(_) | ClientError::NotTls(_) => true,
            ClientError::Refused(_)
            | ClientError::Gateway { .. }
            | ClientError::TooLarge { .. }
            | ClientError::Untrusted { .. } => false,
        };
        // A server that speaks TLS would have answered the handshake.
        let no_handshake = match &error {
            ClientError::NotTls(_) => true,
            ClientError::Network(why) => why.contains("handshake"),
            _ => false,
        };
        if may_be_the_scheme {
            for other in others(self.server()) {
                if self.answers_at(&other, no_handshake).await {
                    return wrong_scheme(self.server(), &other);
                }
            }
        }
        error.into_failure(self.server())
    }

    /// Whether a server at `other` speaks its scheme. Over TLS any answer shows that. Without TLS
    /// only a coordinator's does, since TLS servers answer too; `whoever` accepts any answer.
    async fn answers_at(&self, other: &Url, whoever: bool) -> bool {
        let Ok(http) = http(other) else {
            return false;
        };
        let client = Self::new(http, other.clone());
        match timeout(LIMIT, client.status()).await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => {
                (other.scheme() == "https" || whoever)
                    && !matches!(error, ClientError::Network(_) | ClientError::NotTls(_))
            }
            Err(_) => false,
        }
    }
}

/// The same address with the other scheme: at the port that was given, or at the default ports of
/// both schemes.
fn others(server: &Url) -> Vec<Url> {
    let scheme = match server.scheme() {
        "http" => "https",
        _ => "http",
    };
    let mut other = server.clone();
    if other.set_scheme(scheme).is_err() {
        return Vec::new();
    }
    let mut same_port = other.clone();
    let _ = same_port.set_port(server.port_or_known_default());
    match server.port() {
        Some(_) => vec![same_port],
        None => vec![other, same_port],
    }
}

fn wrong_scheme(server: &Url, other: &Url) -> Failure {
    let (has, but) = match other.scheme() {
        "https" => ("speaks TLS", "http:// was asked for"),
        _ => ("does not speak TLS", "https:// was asked for"),
    };
    let host = server.host_str().unwrap_or_default();
    Failure::usage(format!("{host} {has}, and {but}")).help(format!("give --server {other}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_scheme_is_looked_for_where_it_can_be() {
        for (server, expected) in [
            ("http://a.org:3000/", &["https://a.org:3000/"][..]),
            ("https://a.org:3000/x/", &["http://a.org:3000/x/"]),
            ("http://a.org/", &["https://a.org/", "https://a.org:80/"]),
            ("https://a.org/", &["http://a.org/", "http://a.org:443/"]),
        ] {
            let others = others(&server.parse().unwrap());
            let others: Vec<&str> = others.iter().map(Url::as_str).collect();
            assert_eq!(others, expected, "{server}");
        }
    }
}

//! What is said over a line: MessagePack, in frames of a length each.

use std::net::IpAddr;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::addresses::Peer;

/// Where a line begins, at the leader's internal listener.
pub(in crate::forward) const LINE_PATH: &str = "/.replica/check-ins";

/// What is asked over a line.
pub(super) const CHECK_IN_PATH: &str = "/queue/checkin";

/// How many check-ins a follower has under way at most: each has a participant's connection, and some hundred
/// bytes in messages that wait. Whoever comes then is told to come back.
pub(super) const MOST_UNDER_WAY: usize = 1 << 17;

/// Longest body of an answer, in bytes: a status has a thousand.
const LONGEST_BODY: usize = 1 << 16;

/// What a follower says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Said {
    /// Somebody checks in.
    CheckIn(CheckIn),
    /// Whoever made the check-in of this number waits no more.
    Gone(u64),
}

/// A check-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CheckIn {
    /// By which it is answered. Unlike all others that are under way on the line.
    pub(super) number: u64,
    /// The address that it counts against.
    pub(super) client: IpAddr,
    /// Path and query.
    pub(super) target: String,
    pub(super) headers: Headers,
}

/// The answer to one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) number: u64,
    status: u16,
    headers: Headers,
    body: ByteBuf,
}

/// Headers, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Headers(Vec<(ByteBuf, ByteBuf)>);

/// It is no message of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what was said is no check-in, and no answer to one")]
pub(super) struct Unreadable;

impl From<&HeaderMap> for Headers {
    fn from(headers: &HeaderMap) -> Self {
        let bytes = |bytes: &[u8]| ByteBuf::from(bytes);
        let lines = headers.iter();
        Self(
            lines
                .map(|(name, value)| (bytes(name.as_ref()), bytes(value.as_bytes())))
                .collect(),
        )
    }
}

impl Headers {
    fn read(&self) -> Result<HeaderMap, Unreadable> {
        let mut headers = HeaderMap::with_capacity(self.0.len());
        for (name, value) in &self.0 {
            let name = HeaderName::from_bytes(name).map_err(|_| Unreadable)?;
            let value = HeaderValue::from_bytes(value).map_err(|_| Unreadable)?;
            headers.append(name, value);
        }
        Ok(headers)
    }
}

impl CheckIn {
    /// The request that it was where it came in.
    ///
    /// # Errors
    /// When it is no check-in.
    pub(super) fn into_request(self) -> Result<Request<Body>, Unreadable> {
        let uri: Uri = self.target.parse().map_err(|_| Unreadable)?;
        if uri.path() != CHECK_IN_PATH {
            return Err(Unreadable);
        }
        let mut request = Request::new(Body::empty());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.read()?;
        request.extensions_mut().insert(Peer(self.client));
        Ok(request)
    }
}

impl Answer {
    /// What was answered to the check-in of this number.
    pub(super) async fn of(number: u64, response: Response) -> Self {
        let (parts, body) = response.into_parts();
        match to_bytes(body, LONGEST_BODY).await {
            Ok(body) => Self {
                number,
                status: parts.status.as_u16(),
                headers: Headers::from(&parts.headers),
                body: ByteBuf::from(body),
            },
            Err(error) => {
                tracing::error!(%error, "the answer to a check-in could not be read");
                Self {
                    number,
                    status: StatusCode::INTERNAL_SERVER_ERROR.as_u16(),
                    headers: Headers(Vec::new()),
                    body: ByteBuf::new(),
                }
            }
        }
    }

    /// The answer for whoever checked in.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn into_response(self) -> Result<Response, Unreadable> {
        let headers = self.headers.read()?;
        let mut response = Response::new(Body::from(self.body.into_vec()));
        *response.status_mut() = StatusCode::from_u16(self.status).map_err(|_| Unreadable)?;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers() -> impl Strategy<Value = Headers> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..40).prop_map(ByteBuf::from);
        prop::collection::vec((bytes(), bytes()), 0..6).prop_map(Headers)
    }

    fn said() -> impl Strategy<Value = Said> {
        let check_in = (any::<u64>(), any::<IpAddr>(), ".{0,30}", headers());
        prop_oneof![
            any::<u64>().prop_map(Said::Gone),
            check_in.prop_map(|(number, client, target, headers)| {
                Said::CheckIn(CheckIn {
                    number,
                    client,
                    target,
                    headers,
                })
            }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_said_is_heard(said in prop::collection::vec(said(), 0..8)) {
            let bytes = rmp_serde::to_vec(&said).unwrap();
            prop_assert_eq!(rmp_serde::from_slice::<Vec<Said>>(&bytes).unwrap(), said);
        }

        #[test]
        fn nonsense_is_no_check_in_and_harms_nobody(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(said) = rmp_serde::from_slice::<Vec<Said>>(&bytes) {
                for one in said {
                    if let Said::CheckIn(one) = one {
                        let _ = one.into_request();
                    }
                }
            }
            if let Ok(answers) = rmp_serde::from_slice::<Vec<Answer>>(&bytes) {
                for answer in answers {
                    let _ = answer.into_response();
                }
            }
        }
    }

    fn check_in(target: &str, name: &str) -> CheckIn {
        CheckIn {
            number: 7,
            client: "192.0.2.7".parse().unwrap(),
            target: target.to_owned(),
            headers: Headers(vec![(ByteBuf::from(name), ByteBuf::from("Bearer a"))]),
        }
    }

    #[test]
    fn a_check_in_is_the_request_that_it_was() {
        let request = check_in("/queue/checkin?wait=15", "authorization");
        let request = request.into_request().unwrap();
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.uri(), "/queue/checkin?wait=15");
        assert_eq!(request.headers()["authorization"], "Bearer a");
        let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
        assert_eq!(peer, Some("192.0.2.7".parse().unwrap()));
    }

    #[test]
    fn nothing_else_is_asked_over_a_line() {
        for (target, name) in [
            ("/queue/leave", "a"),
            ("/.replica/admin", "a"),
            ("http://[/queue/checkin", "a"),
            ("/queue/checkin", "no name"),
        ] {
            let asked = check_in(target, name).into_request();
            assert_eq!(asked.err(), Some(Unreadable), "{target} {name}");
        }
    }

    #[tokio::test]
    async fn an_answer_is_the_response_that_it_was() {
        let mut response = Response::new(Body::from("in line"));
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        let came = response.headers_mut();
        came.insert("retry-after", HeaderValue::from_static("7"));
        let answer = Answer::of(3, response).await;
        assert_eq!(answer.number, 3);
        let response = answer.into_response().unwrap();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()["retry-after"], "7");
        let body = to_bytes(response.into_body(), 100).await.unwrap();
        assert_eq!(body, "in line");
    }
}

//! What is done about the body of a request that is refused before it was read.
//!
//! Its sender is still sending, or a proxy is for it: were the connection closed at once, they would see a broken
//! pipe, and not the refusal. Whoever refuses drops the body, wherever that is, and it comes back to here.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};

use super::throw_away;

/// Answers; if that is a refusal, what nobody has read of the request's body is read and thrown away.
pub(crate) async fn read_what_is_refused(request: Request, next: Next) -> Response {
    let waits_to_be_asked = request.headers().contains_key(header::EXPECT);
    if request.body().is_end_stream() || waits_to_be_asked {
        return next.run(request).await;
    }
    let unread = Unread::default();
    let response = next.run(request.map(|body| unread.lend(body))).await;
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        unread.is_refused();
    }
    response
}

/// Where a body comes back to that was dropped before its end.
#[derive(Clone, Default)]
struct Unread(Arc<Mutex<State>>);

/// What is known of a request whose body was lent.
#[derive(Default)]
enum State {
    /// Its body is read, and its answer not known yet.
    #[default]
    Open,
    /// Its body has come back.
    Back(Body),
    /// It was refused.
    Refused,
}

impl Unread {
    fn lend(&self, body: Body) -> Body {
        Body::new(Lent {
            body: Some(body),
            to: self.clone(),
        })
    }

    /// The request was refused. Its body is there by now, or comes when whoever reads it has heard.
    fn is_refused(&self) {
        if let State::Back(body) = self.change(State::Refused) {
            throw_away(body);
        }
    }

    fn comes_back(&self, body: Body) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            State::Refused => throw_away(body),
            _ => *state = State::Back(body),
        }
    }

    fn change(&self, to: State) -> State {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *state, to)
    }
}

/// A body that comes back, unless it was read to its end or broke off.
struct Lent {
    body: Option<Body>,
    to: Unread,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            self.to.comes_back(body);
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn pieces(pieces: Vec<Result<&'static str, std::io::Error>>) -> Body {
        Body::from_stream(futures_util::stream::iter(pieces))
    }

    #[tokio::test]
    async fn a_body_comes_back_unless_it_is_over() {
        let take = |unread: &Unread| match unread.change(State::Open) {
            State::Back(body) => Some(body),
            _ => None,
        };
        let unread = Unread::default();
        drop(unread.lend(pieces(vec![Ok("a"), Ok("b")])));
        let rest = take(&unread).expect("nothing was read of it");
        assert_eq!(rest.collect().await.unwrap().to_bytes(), "ab");
        let mut half = unread.lend(pieces(vec![Ok("a"), Ok("b")]));
        half.frame().await.unwrap().unwrap();
        drop(half);
        let rest = take(&unread).expect("half was read of it");
        assert_eq!(rest.collect().await.unwrap().to_bytes(), "b");
        let whole = unread.lend(pieces(vec![Ok("a"), Ok("b")]));
        assert_eq!(whole.collect().await.unwrap().to_bytes(), "ab");
        assert!(take(&unread).is_none(), "all was read of it");
        let gone = std::io::ErrorKind::ConnectionReset.into();
        let broken = unread.lend(pieces(vec![Ok("a"), Err(gone)]));
        assert!(broken.collect().await.is_err());
        assert!(take(&unread).is_none(), "nothing more comes of it");
    }
}

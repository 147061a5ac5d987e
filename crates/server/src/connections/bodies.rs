//! Bodies of requests and answers, which tell the connection when they are done.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

use super::activity::Exchange;

/// A request's body.
pub(super) struct RequestBody {
    body: hyper::body::Incoming,
    is_over: bool,
    exchange: Arc<Exchange>,
}

impl RequestBody {
    pub(super) fn new(body: hyper::body::Incoming, exchange: Arc<Exchange>) -> Self {
        Self {
            body,
            is_over: false,
            exchange,
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if self.is_over || self.body.is_end_stream() {
            self.exchange.activity().body_is_over();
        }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        self.is_over |= frame.is_none();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body. It makes the next piece when the last has gone out, so that a client that
/// does not read holds one.
pub(super) struct ResponseBody {
    body: axum::body::Body,
    exchange: Arc<Exchange>,
}

impl ResponseBody {
    pub(super) fn new(body: axum::body::Body, exchange: Arc<Exchange>) -> Self {
        Self { body, exchange }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        ready!(self.exchange.activity().poll_flushed(cx));
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

//! Bodies that keep the exchange alive to which they belong.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

use super::activity::Exchange;

/// A request's body.
pub(super) struct Asked {
    body: hyper::body::Incoming,
    _exchange: Arc<Exchange>,
}

impl Asked {
    pub(super) fn new(body: hyper::body::Incoming, exchange: Arc<Exchange>) -> Self {
        Self {
            body,
            _exchange: exchange,
        }
    }
}

impl HttpBody for Asked {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
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
pub(super) struct Answer {
    body: axum::body::Body,
    exchange: Arc<Exchange>,
}

impl Answer {
    pub(super) fn new(body: axum::body::Body, exchange: Arc<Exchange>) -> Self {
        Self { body, exchange }
    }
}

impl HttpBody for Answer {
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

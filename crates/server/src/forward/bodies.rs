//! Bodies of requests that may be sent again, and bodies of answers that end when their leader leads no more.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use futures_util::future::BoxFuture;
use hyper::body::{Frame, Incoming, SizeHint};

use super::role::{Role, Roles};

/// A request's body, which can be sent again for as long as nobody has begun to read it.
#[derive(Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Option<Body>>>);

impl Slot {
    pub(super) fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(Some(body))))
    }

    /// The body, if it is whole.
    pub(super) fn take(&self) -> Option<Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether nobody has read of it.
    pub(super) fn is_whole(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }

    /// The body, if it is whole. It comes back when it is dropped before anybody has read of it.
    pub(super) fn lend(&self) -> Option<Lent> {
        let body = self.take()?;
        Some(Lent {
            body: Some(body),
            slot: self.clone(),
            is_read: false,
        })
    }
}

/// A body that is lent.
pub(super) struct Lent {
    body: Option<Body>,
    slot: Slot,
    is_read: bool,
}

impl Lent {
    /// A body that is sent once, and does not come back.
    pub(super) fn whole(body: Body) -> Self {
        Self {
            body: Some(body),
            slot: Slot::default(),
            is_read: false,
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.is_read {
            let mut slot = self.slot.0.lock().unwrap_or_else(PoisonError::into_inner);
            *slot = self.body.take();
        }
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.is_read = true;
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

/// The body of a leader's answer. A leader that is frozen, or that nobody reaches any more, ends nothing by
/// itself: so this ends, broken off, when the leader is lost.
pub(super) struct Relayed {
    body: Incoming,
    /// Resolves when its leader cannot be expected to go on.
    is_lost: BoxFuture<'static, ()>,
}

impl Relayed {
    /// The body of an answer, of a leader that is lost when `is_lost` resolves.
    pub(super) fn new(body: Incoming, is_lost: impl Future<Output = ()> + Send + 'static) -> Self {
        Self {
            body,
            is_lost: Box::pin(is_lost),
        }
    }
}

/// Waits until another than the leader of this epoch leads.
pub(super) fn another_leads(roles: &Roles, epoch: u64) -> impl Future<Output = ()> + Send + use<> {
    let mut changes = roles.changes();
    async move {
        let is_another = |role: &Role| role.is_after(epoch);
        if changes.wait_for(is_another).await.is_err() {
            // The replica ends, and its connections with it.
            std::future::pending::<()>().await;
        }
    }
}

impl HttpBody for Relayed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        // What is there is passed on first.
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::new)));
        }
        match self.is_lost.as_mut().poll(cx) {
            Poll::Ready(()) => {
                Poll::Ready(Some(Err(axum::Error::new("the replica that led is lost"))))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_body_comes_back_unless_somebody_has_read_of_it() {
        let slot = Slot::new(Body::from("all of it"));
        for _ in 0..2 {
            let lent = slot.lend().unwrap();
            assert!(!slot.is_whole(), "there is one");
            assert_eq!(lent.size_hint().exact(), Some(9));
        }
        let mut lent = slot.lend().unwrap();
        let frame = lent.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "all of it");
        drop(lent);
        assert!(slot.lend().is_none(), "the half of a body is none");
    }
}

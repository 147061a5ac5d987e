//! What a follower does of the leader's work, with its own copy: it has the state that participants build on ready,
//! and verifies what they send.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::watch;
use tokio::time::timeout;

use super::told::take_left_out;
use crate::base::{BaseId, CurrentBase};
use crate::coordinator::Coordinator;
use crate::measures::Measures;
use crate::representation::{Coding, Form};
use crate::routes;

/// How long a state may take to arrive from the database that an upload builds on. It was there long before,
/// unless this replica follows just now; and who uploads waits meanwhile.
const PATIENCE: Duration = Duration::from_millis(250);

/// What a follower works with in the leader's stead.
#[derive(Clone)]
pub(crate) struct Deputy {
    /// A handle on the copy.
    pub(super) coordinator: Coordinator,
    known: watch::Receiver<Option<Known>>,
}

/// A state that is ready to go out.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) id: BaseId,
    pub(crate) base: Arc<CurrentBase>,
}

impl Deputy {
    /// With a copy, and the last state that it has.
    pub(crate) fn new(coordinator: Coordinator, known: watch::Receiver<Option<Known>>) -> Self {
        Self { coordinator, known }
    }

    /// The last state that the copy has.
    pub(super) fn known(&self) -> Option<Known> {
        self.known.borrow().clone()
    }

    /// The state of this name, if the copy has it or is about to.
    pub(super) async fn state(&self, id: BaseId) -> Option<Arc<CurrentBase>> {
        let mut known = self.known.clone();
        let is_later = |known: &Option<Known>| {
            let at = known.as_ref().map(|known| known.id.contributions);
            at >= Some(id.contributions)
        };
        let known = timeout(PATIENCE, known.wait_for(is_later)).await;
        let known = known.ok()?.ok()?.clone()?;
        (known.id == id).then_some(known.base)
    }
}

/// The leader's answer, with the state that it left out for this replica to put in.
pub(super) async fn completed(
    mut answer: Response,
    known: Option<Known>,
    measures: &Measures,
) -> Response {
    if !take_left_out(answer.headers_mut()) {
        return answer;
    }
    let headers = answer.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    let named = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let form = named(header::CONTENT_TYPE);
    let form = Form::ALL
        .into_iter()
        .find(|it| form == Some(it.content_type()));
    let coding = named(header::CONTENT_ENCODING);
    let coding = Coding::ALL.into_iter().find(|it| coding == it.name());
    let (Some(form), Some(coding), Some(known)) = (form, coding, known) else {
        // The leader leaves out what it was told is here.
        return routes::unrendered("the leader left out what is not here").into_response();
    };
    match known.base.body(form, coding).await {
        Ok(state) => {
            measures.copied_state();
            answer.map(|_| Body::from(state))
        }
        Err(error) => routes::unrendered(error).into_response(),
    }
}

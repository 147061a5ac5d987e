//! The answer that holds the state to build on.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use tauline_protocol::error::Code;

use crate::base::{CurrentBase, Has};
use crate::http::negotiate;
use crate::refused::Refused;
use crate::representation::Form;

/// Says of an answer to another replica that the state is to be put in there.
pub(crate) const LEFT_OUT: HeaderName = HeaderName::from_static("x-tauline-left-out");

/// The state to build on, compressed as `Accept-Encoding` allows. Another replica that has it already, as the
/// extensions tell, is not sent it.
pub(super) async fn state(
    base: &Arc<CurrentBase>,
    form: Form,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Response, Refused> {
    let coding = negotiate::coding(headers, form);
    let is_there = match extensions.get() {
        Some(Has(there)) => base.its_id().await.map_err(unrendered)? == *there,
        None => false,
    };
    let mut response = match is_there {
        true => ([(LEFT_OUT, "1")], Body::empty()).into_response(),
        false => {
            let state = base.body(form, coding).await.map_err(unrendered)?;
            state.into_response()
        }
    };
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(form.content_type()),
    );
    headers.insert(
        header::VARY,
        HeaderValue::from_static("accept, accept-encoding"),
    );
    if let Some(coding) = coding.name() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    Ok(response)
}

/// The state could not be rendered.
pub(crate) fn unrendered(error: impl std::fmt::Display) -> Refused {
    tracing::error!(%error, "the state cannot be rendered");
    Refused::new(
        Code::Internal,
        "the coordinator cannot render the state: try again",
    )
}

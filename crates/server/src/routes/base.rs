//! The answer that holds the state to build on.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use tauline_protocol::error::Code;

use crate::base::CurrentBase;
use crate::http::negotiate;
use crate::refused::Refused;
use crate::representation::Form;

/// The state to build on, compressed as `Accept-Encoding` allows.
pub(super) async fn state(
    base: &Arc<CurrentBase>,
    form: Form,
    headers: &HeaderMap,
) -> Result<Response, Refused> {
    let coding = negotiate::coding(headers, form);
    let state = base.body(form, coding).await.map_err(|error| {
        tracing::error!(%error, "the state cannot be rendered");
        Refused::new(
            Code::Internal,
            "the coordinator cannot render the state: try again",
        )
    })?;
    let mut response = state.into_response();
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

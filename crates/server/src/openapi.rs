//! The OpenAPI document of the HTTP interface, and the page that shows it to people.
//!
//! Routes describe themselves, by `#[utoipa::path]` at their handlers; bodies do in `tauline-protocol`.
//! What all share is added here, and what a macro cannot know: headers, the codes of refusals, and the
//! ceremony's own documents.

mod document;
mod headers;
mod html;
pub(crate) mod refusals;
mod text;

pub(crate) use document::document;
pub(crate) use html::page;

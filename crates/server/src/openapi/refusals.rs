//! What the document says of answers that say no: for each route their codes, by status.
//!
//! ```ignore
//! refusals!(LeaveRefusals: EVERY, COUNTED, SIGNED_IN, [Code::NotQueued]);
//!
//! #[utoipa::path(post, path = "/queue/leave", responses((status = 200, body = QueueStatus), LeaveRefusals))]
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::http::StatusCode;
use tauline_protocol::auth::AuthCode;
use tauline_protocol::error::{Code, ErrorBody};
use tauline_protocol::sequencer;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::schema::{
    AllOfBuilder, AnyOfBuilder, Object, ObjectBuilder, Schema, SchemaType, Type,
};
use utoipa::openapi::{Content, ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

use super::headers;

/// What any request can be answered: one that can be read in two ways, and a fault.
pub(crate) const EVERY: [Code; 2] = [Code::InvalidParameter, Code::Internal];

/// What a request is answered that counts against a rate.
pub(crate) const COUNTED: [Code; 1] = [Code::RateLimited];

/// What a request is answered that needs a session, and the coordinator's task.
pub(crate) const SIGNED_IN: [Code; 3] = [
    Code::SessionMissing,
    Code::SessionUnknown,
    Code::Unavailable,
];

/// What is answered to a small body.
pub(crate) const SMALL_BODY: [Code; 4] = [
    Code::MalformedBody,
    Code::BodyTimeout,
    Code::BodyTooLarge,
    Code::UnsupportedMediaType,
];

/// An answer that says no.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    status: u16,
    /// What it means, or says, in a sentence.
    text: &'static str,
    form: Form,
    /// Whether it says when to come back.
    comes_back: bool,
}

/// The body of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The one shape of errors, with this code.
    Coded(&'static str),
    /// JSON with a `message` and no code.
    Message,
    /// Plain text.
    Text,
    /// A page for people.
    Page,
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self {
            status: code.status(),
            text: code.meaning(),
            form: Form::Coded(code.as_str()),
            comes_back: matches!(
                code,
                Code::RateLimited | Code::Unavailable | Code::LoginBusy
            ),
        }
    }
}

impl From<sequencer::Code> for Refusal {
    fn from(code: sequencer::Code) -> Self {
        Self {
            status: code.status(),
            text: code.template(),
            form: Form::Coded(code.as_str()),
            comes_back: false,
        }
    }
}

impl From<AuthCode> for Refusal {
    fn from(code: AuthCode) -> Self {
        Self {
            status: code.status(),
            text: code.error(),
            form: Form::Coded(code.as_str()),
            comes_back: false,
        }
    }
}

impl Refusal {
    /// The same with another status than the code's own.
    pub(crate) fn at(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The same as a page.
    pub(crate) fn as_page(self) -> Self {
        let form = Form::Page;
        Self { form, ..self }
    }

    /// Plain text.
    pub(crate) fn plain(status: u16, text: &'static str) -> Self {
        Self {
            status,
            text,
            form: Form::Text,
            comes_back: false,
        }
    }

    /// JSON with a `message` and no code.
    pub(crate) fn message(status: u16, text: &'static str) -> Self {
        let form = Form::Message;
        Self {
            form,
            ..Self::plain(status, text)
        }
    }
}

/// Names a type for `responses(…)` of a route: its refusals, out of groups.
macro_rules! refusals {
    ($name:ident: $($group:expr),+ $(,)?) => {
        /// The refusals of a route, for the document.
        pub(crate) enum $name {}

        impl utoipa::IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<
                String,
                utoipa::openapi::RefOr<utoipa::openapi::Response>,
            > {
                let mut all = Vec::new();
                $(all.extend($group.into_iter().map($crate::openapi::refusals::Refusal::from));)+
                $crate::openapi::refusals::responses(all)
            }
        }
    };
}

pub(crate) use refusals;

/// The answers of these refusals, by status.
pub(crate) fn responses(all: Vec<Refusal>) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, Vec<Refusal>> = BTreeMap::new();
    for refusal in all {
        by_status.entry(refusal.status).or_default().push(refusal);
    }
    by_status
        .into_iter()
        .map(|(status, refusals)| (status.to_string(), response(status, &refusals).into()))
        .collect()
}

fn response(status: u16, refusals: &[Refusal]) -> Response {
    let mut about = String::new();
    for Refusal { text, form, .. } in refusals {
        let _ = match form {
            Form::Coded(code) => writeln!(about, "* `{code}`: {text}"),
            _ => writeln!(about, "* {text}"),
        };
    }
    let mut response = ResponseBuilder::new().description(about);
    let is_json = |form: &Form| matches!(form, Form::Coded(_) | Form::Message);
    if refusals.iter().any(|it| is_json(&it.form)) {
        response = response.content("application/json", json(refusals));
    }
    for (form, media) in [(Form::Text, "text/plain"), (Form::Page, "text/html")] {
        if refusals.iter().any(|it| it.form == form) {
            response = response.content(media, ContentBuilder::new().schema(Some(text())).build());
        }
    }
    if status == StatusCode::UNAUTHORIZED.as_u16() {
        response = response.header_ref("www-authenticate", headers::reference("www-authenticate"));
    }
    let retry_after = match refusals.iter().filter(|it| it.comes_back).count() {
        0 => return response.build(),
        all if all == refusals.len() => "retry-after",
        _ => headers::RETRY_AFTER_SOMETIMES,
    };
    response
        .header_ref("retry-after", headers::reference(retry_after))
        .build()
}

/// The JSON of these refusals: the one shape of errors with their codes, or a `message`.
fn json(refusals: &[Refusal]) -> Content {
    let coded = refusals.iter().filter_map(|it| match it.form {
        Form::Coded(code) => Some((code, it.text)),
        _ => None,
    });
    let codes = ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .enum_values(Some(coded.clone().map(|(code, _)| code)));
    let these = ObjectBuilder::new().property("code", codes);
    let errors = AllOfBuilder::new()
        .item(Ref::from_schema_name("ErrorBody"))
        .item(these)
        .build();
    let has_message = refusals.iter().any(|it| it.form == Form::Message);
    let errors = Schema::from(errors);
    let schema: Schema = match (has_message, coded.clone().next()) {
        (false, _) => errors,
        (true, None) => message().into(),
        (true, Some(_)) => AnyOfBuilder::new()
            .item(errors)
            .item(message())
            .build()
            .into(),
    };
    let examples = coded.map(|(code, text)| {
        let body = ErrorBody::with_code(code, text);
        let value = serde_json::to_value(body).unwrap_or_default();
        (code, ExampleBuilder::new().value(Some(value)).build())
    });
    ContentBuilder::new()
        .schema(Some(schema))
        .examples_from_iter(examples)
        .build()
}

fn message() -> Object {
    ObjectBuilder::new()
        .property("message", text())
        .required("message")
        .build()
}

fn text() -> Object {
    Object::with_type(Type::String)
}

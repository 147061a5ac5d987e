//! The headers of answers, each described once: routes name them.

use serde_json::{Value, json};
use utoipa::openapi::Ref;

/// The description of `retry-after` where some of a status's answers have none.
pub(super) const RETRY_AFTER_SOMETIMES: &str = "retry-after-sometimes";

/// A header's description by this name.
pub(super) fn reference(name: &str) -> Ref {
    Ref::new(format!("#/components/headers/{name}"))
}

/// Of each header: its name, whether an answer that is said to have it always does, its schema, and
/// what it says.
fn all() -> Vec<(&'static str, bool, Value, &'static str)> {
    let text = || json!({"type": "string"});
    let number = || json!({"type": "integer", "minimum": 0});
    vec![
        (
            "x-request-id",
            true,
            json!({"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"}),
            "The name of the request, by which the operator finds it in the log: the one that it came with, or a new one.",
        ),
        (
            "cache-control",
            true,
            text(),
            "How long the answer may be kept: `no-store` unless the description of the route says otherwise.",
        ),
        (
            "etag",
            true,
            json!({"type": "string", "pattern": "^\"[^\"]+\"$"}),
            "Names the contents, in the compression that was sent: for `If-None-Match` and `If-Range`.",
        ),
        (
            "vary",
            true,
            text(),
            "Which headers of the request choose between the forms of the answer.",
        ),
        (
            "content-encoding",
            false,
            json!({"type": "string", "enum": ["gzip", "zstd"]}),
            "The compression, where `Accept-Encoding` asked for one.",
        ),
        (
            "content-length",
            true,
            number(),
            "Length of the answer, in bytes.",
        ),
        (
            "content-range",
            true,
            json!({"type": "string", "pattern": r"^bytes ([0-9]+-[0-9]+|\*)/[0-9]+$"}),
            "Which bytes these are, or how many there are.",
        ),
        (
            "accept-ranges",
            true,
            json!({"type": "string", "const": "bytes"}),
            "Parts can be asked for, in bytes.",
        ),
        (
            "retry-after",
            true,
            json!({"type": "integer", "minimum": 1}),
            "When to come back, in seconds from now.",
        ),
        (
            RETRY_AFTER_SOMETIMES,
            false,
            json!({"type": "integer", "minimum": 1}),
            "When to come back, in seconds from now, where that is known.",
        ),
        (
            "www-authenticate",
            false,
            json!({"type": "string", "const": "Bearer"}),
            "A session is needed.",
        ),
        (
            "tauline-contribute-in-ms",
            false,
            number(),
            "How long the last byte of the contribution may take, in milliseconds from this answer.",
        ),
        (
            "x-accel-buffering",
            true,
            json!({"type": "string", "const": "no"}),
            "Asks a proxy to pass events on at once.",
        ),
        (
            "location",
            true,
            json!({"type": "string", "format": "uri-reference"}),
            "Where to go on.",
        ),
        (
            "set-cookie",
            false,
            text(),
            "Ties the sign-in to this browser.",
        ),
        (
            "referrer-policy",
            true,
            json!({"type": "string", "const": "no-referrer"}),
            "The next page does not learn this address, which may hold a code.",
        ),
        (
            "content-security-policy",
            true,
            text(),
            "What the page may do.",
        ),
        (
            "x-content-type-options",
            true,
            json!({"type": "string", "const": "nosniff"}),
            "The content is what its type says.",
        ),
    ]
}

/// The descriptions of all headers, for the document's components.
pub(super) fn components() -> Value {
    all()
        .into_iter()
        .map(|(name, required, schema, description)| {
            let header = json!({
                "description": description,
                "required": required,
                "schema": schema,
            });
            (name.to_owned(), header)
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

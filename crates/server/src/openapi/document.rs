//! The document: what the routes say of themselves, and what all of them share.

use serde_json::{Map, Value, json};
use tauline_protocol::error::ErrorBody;
use utoipa::openapi::OpenApi;
use utoipa::{PartialSchema as _, ToSchema as _};

use super::{headers, text};

/// What whoever begins has to know.
const ABOUT: &str = include_str!("about.md");

/// Schemas of the ceremony's documents, which are no structures of serde's.
const DOCUMENTS: &str = include_str!("documents.json");

/// Groups of routes, in the order in which they are shown.
const TAGS: [(&str, &str); 9] = [
    (
        "ceremony",
        "What everybody may know: how the ceremony stands, and its transcript.",
    ),
    (
        "log",
        "The public log, by which everybody can check the coordinator.",
    ),
    (
        "sign-in",
        "Proofs of identity, and the sessions that they earn.",
    ),
    (
        "browser",
        "Signing in in a browser, for programs that send a person there. The paths and codes are those of \
         Ethereum's ceremony.",
    ),
    ("queue", "A place in line."),
    ("contribution", "A turn."),
    (
        "sequencer",
        "The same line, for clients that were written for the sequencer of Ethereum's ceremony. Their errors have \
         that one's codes and texts, and never status 429.",
    ),
    ("process", "Whether the coordinator is there."),
    ("page", "Pages and files for people, and this document."),
];

/// The document of these routes.
pub(crate) fn document(routes: OpenApi) -> Value {
    let mut document = serde_json::to_value(routes).unwrap_or_default();
    document["info"] = json!({
        "title": "Tauline",
        "version": env!("CARGO_PKG_VERSION"),
        "description": ABOUT,
        "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
    });
    document["servers"] = json!([{"url": "/", "description": "This coordinator."}]);
    document["tags"] = TAGS
        .iter()
        .map(|(name, description)| json!({"name": name, "description": description}))
        .collect();
    add_components(&mut document["components"]);
    let paths = std::mem::take(&mut document["paths"]);
    document["paths"] = finished_paths(paths).into();
    drop_citations(&mut document);
    document
}

fn add_components(components: &mut Value) {
    let mut of_errors = Vec::new();
    ErrorBody::schemas(&mut of_errors);
    of_errors.push((ErrorBody::name().into(), ErrorBody::schema()));
    for (name, schema) in of_errors {
        components["schemas"][name] = serde_json::to_value(schema).unwrap_or_default();
    }
    let documents: Map<String, Value> = serde_json::from_str(DOCUMENTS).unwrap_or_default();
    for (name, schema) in documents {
        components["schemas"][name] = schema;
    }
    components["headers"] = headers::components();
    components["securitySchemes"] = json!({
        "session": {
            "type": "http",
            "scheme": "bearer",
            "description": "The token of a session, from `POST /login` or from signing in in a browser.",
        },
    });
}

/// The paths, as OpenAPI writes them, with what every answer has.
fn finished_paths(paths: Value) -> Map<String, Value> {
    let Value::Object(paths) = paths else {
        return Map::new();
    };
    let finished = paths.into_iter().map(|(path, mut item)| {
        let is_elsewhere = item.get("servers").is_some();
        for response in responses_of(&mut item) {
            finish_headers(response, is_elsewhere);
        }
        // A route takes the rest of a path by a star, which OpenAPI does not know.
        (path.replace("{*", "{"), item)
    });
    finished.collect()
}

fn responses_of(item: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let operations = item.as_object_mut().into_iter().flat_map(Map::values_mut);
    let responses = operations.filter_map(|operation| operation.get_mut("responses"));
    responses
        .filter_map(Value::as_object_mut)
        .flat_map(Map::values_mut)
        .filter_map(Value::as_object_mut)
}

/// Puts references where a route only names a header, and names the request, which all answers of the
/// main listener do.
fn finish_headers(response: &mut Map<String, Value>, is_elsewhere: bool) {
    let named = response.remove("headers");
    let mut headers = match named {
        Some(Value::Object(named)) => named,
        _ => Map::new(),
    };
    if !is_elsewhere {
        headers.insert("x-request-id".to_owned(), Value::Null);
    }
    for (name, header) in &mut headers {
        if header.get("$ref").is_none() {
            *header = serde_json::to_value(headers::reference(name)).unwrap_or_default();
        }
    }
    response.insert("headers".to_owned(), headers.into());
}

/// Takes the citations out of all texts.
fn drop_citations(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(words) if name == "description" || name == "summary" => {
                        *words = text::without_citations(words);
                    }
                    other => drop_citations(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(drop_citations),
        _ => {}
    }
}

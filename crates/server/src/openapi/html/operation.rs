//! What can be asked, and what is answered.

use maud::{Markup, html};
use serde_json::{Map, Value};

use super::schema::kind;
use super::words::{json, text, words};

/// A method at a path.
pub(super) struct Operation<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    /// What the document says of it.
    pub(super) says: &'a Value,
    /// Where it is served, if not where all others are.
    pub(super) server: Option<&'a Map<String, Value>>,
}

impl Operation<'_> {
    fn needs_session(&self) -> bool {
        self.says.get("security").is_some()
    }

    /// How to ask by `curl`.
    fn command(&self) -> String {
        let Self {
            method, path, says, ..
        } = self;
        let mut command = match *method {
            "get" => String::from("curl"),
            method => format!("curl -X {}", method.to_uppercase()),
        };
        if self.needs_session() {
            command += " -H \"Authorization: Bearer $TOKEN\"";
        }
        if says["requestBody"]["content"]
            .get("application/json")
            .is_some()
        {
            command += " --json @body.json";
        }
        if matches!(text(&says["operationId"]), "queueEvents" | "ceremonyEvents") {
            command += " -N";
        }
        let server = self.server.map_or("$COORDINATOR", |it| text(&it["url"]));
        command + " " + server + path
    }
}

/// All that is said of an operation.
pub(super) fn operation(it: &Operation<'_>, document: &Value) -> Markup {
    let Operation {
        method,
        path,
        says,
        server,
    } = it;
    html! {
        article id=(text(&says["operationId"])) {
            h3 { span class={ "method " (method) } { (method) } " " code { (path) } }
            (words(text(&says["summary"])))
            (words(text(&says["description"])))
            @if let Some(server) = server { p { "Served at: " (text(&server["description"])) } }
            @if it.needs_session() { p.needs { "Needs a session." } }
            (parameters(says))
            @if let Some(body) = says.get("requestBody") { (request(body, document)) }
            (answers(says, document))
            pre.command { (it.command()) }
        }
    }
}

fn parameters(says: &Value) -> Markup {
    let Some(parameters) = says["parameters"].as_array() else {
        return html! {};
    };
    html! {
        h4 { "Parameters" }
        div.wide { table {
            thead { tr { th scope="col" { "Name" } th scope="col" { "In" } th scope="col" { "Type" } th scope="col" { "Meaning" } } }
            tbody {
                @for parameter in parameters {
                    tr {
                        th scope="row" { code { (text(&parameter["name"])) } @if parameter["required"] != true { " " small { "may be absent" } } }
                        td { (text(&parameter["in"])) }
                        td { (kind(&parameter["schema"])) }
                        td { (words(text(&parameter["description"]))) }
                    }
                }
            }
        } }
    }
}

fn request(body: &Value, document: &Value) -> Markup {
    html! {
        h4 { "Body" }
        (words(text(&body["description"])))
        (contents(body, document))
    }
}

fn answers(says: &Value, document: &Value) -> Markup {
    let answers = says["responses"].as_object().into_iter().flatten();
    html! {
        h4 { "Answers" }
        @for (status, answer) in answers {
            details open[status.starts_with('2')] {
                summary { strong { (status) } " " @for (n, media) in medias(answer).enumerate() { @if n > 0 { ", " } code { (media) } } }
                (words(text(&answer["description"])))
                (headers(answer, document))
                (contents(answer, document))
            }
        }
    }
}

fn medias(says: &Value) -> impl Iterator<Item = &String> {
    says["content"].as_object().into_iter().flat_map(Map::keys)
}

fn headers(answer: &Value, document: &Value) -> Markup {
    let headers = answer["headers"].as_object().into_iter().flatten();
    // That of all answers is told at the beginning.
    let mut headers = headers
        .filter(|(name, _)| *name != "x-request-id")
        .peekable();
    html! {
        @if headers.peek().is_some() {
            ul.headers {
                @for (name, header) in headers {
                    @let header = resolved(header, document);
                    li { code { (name) } ": " (kind(&header["schema"])) ". " (text(&header["description"])) }
                }
            }
        }
    }
}

/// Bodies by media type.
fn contents(says: &Value, document: &Value) -> Markup {
    let contents = says["content"].as_object().into_iter().flatten();
    html! {
        @for (media, content) in contents {
            p { code { (media) } ": " (kind(&content["schema"])) }
            @for example in examples(content, document) { pre { (json(example)) } }
        }
    }
}

/// The example of a body: its own first one, or its shape's.
fn examples<'a>(content: &'a Value, document: &'a Value) -> Option<&'a Value> {
    let own = content["examples"].as_object();
    let own = own.and_then(|own| own.values().next());
    if let Some(own) = own {
        return own.get("value");
    }
    resolved(&content["schema"], document)["examples"].get(0)
}

/// What a reference refers to; what is none is itself.
fn resolved<'a>(value: &'a Value, document: &'a Value) -> &'a Value {
    let reference = value["$ref"].as_str().and_then(|it| it.strip_prefix('#'));
    reference
        .and_then(|pointer| document.pointer(pointer))
        .unwrap_or(value)
}

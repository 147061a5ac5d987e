//! The document as a page for people: one file without scripts, so nothing of others' runs where sessions are
//! kept.

mod operation;
mod schema;
mod words;

use maud::{DOCTYPE, Markup, html};
use serde_json::{Map, Value};

use self::operation::{Operation, operation};
use self::words::{text, words};

/// The page of a document.
pub(crate) fn page(document: &Value) -> String {
    let tags = groups(document);
    let title = text(&document["info"]["title"]);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) ": the HTTP interface" }
                link rel="icon" href="/favicon.svg";
                link rel="stylesheet" href="/docs/style.css";
            }
            body {
                a.skip href="#main" { "To the text" }
                nav aria-label="Routes" { (contents(&tags, document)) }
                main id="main" { (body(&tags, document)) }
            }
        }
    };
    page.into_string()
}

/// A group of operations: its name, what it is for, its operations.
struct Group<'a> {
    name: &'a str,
    about: &'a str,
    operations: Vec<Operation<'a>>,
}

/// The operations by tag, in the order of the document's tags.
fn groups(document: &Value) -> Vec<Group<'_>> {
    let tags = document["tags"].as_array().into_iter().flatten();
    tags.map(|tag| group(tag, document)).collect()
}

fn group<'a>(tag: &'a Value, document: &'a Value) -> Group<'a> {
    let name = text(&tag["name"]);
    let is_in = |operation: &Operation<'_>| text(&operation.says["tags"][0]) == name;
    Group {
        name,
        about: text(&tag["description"]),
        operations: operations(document).filter(is_in).collect(),
    }
}

fn operations(document: &Value) -> impl Iterator<Item = Operation<'_>> {
    fields(&document["paths"]).flat_map(|(path, item)| {
        let methods = fields(item).filter(|(_, says)| says.get("operationId").is_some());
        methods.map(move |(method, says)| Operation {
            method,
            path,
            says,
            server: item["servers"][0].as_object(),
        })
    })
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn contents(groups: &[Group<'_>], document: &Value) -> Markup {
    html! {
        p.title { a href="#main" { (text(&document["info"]["title"])) } }
        @for group in groups {
            h2 { a href={ "#group-" (group.name) } { (group.name) } }
            ul {
                @for Operation { method, path, says, .. } in &group.operations {
                    li { a href={ "#" (text(&says["operationId"])) } { span class={ "method " (method) } { (method) } " " (path) } }
                }
            }
        }
        h2 { a href="#shapes" { "shapes" } }
        ul {
            @for (name, _) in fields(&document["components"]["schemas"]) {
                li { a href={ "#schema-" (name) } { (name) } }
            }
        }
    }
}

fn body(groups: &[Group<'_>], document: &Value) -> Markup {
    let info = &document["info"];
    html! {
        header {
            h1 { (text(&info["title"])) ": the HTTP interface" }
            p { "Version " (text(&info["version"])) ". The same for programs: " a href="/openapi.json" { "openapi.json" } ", in OpenAPI " (text(&document["openapi"])) "." }
            (words(text(&info["description"])))
        }
        @for group in groups {
            section aria-labelledby={ "group-" (group.name) } {
                h2 id={ "group-" (group.name) } { (group.name) }
                (words(group.about))
                @for it in &group.operations { (operation(it, document)) }
            }
        }
        section aria-labelledby="shapes" {
            h2 id="shapes" { "Shapes" }
            @for (name, schema) in fields(&document["components"]["schemas"]) {
                article id={ "schema-" (name) } {
                    h3 { code { (name) } }
                    (schema::described(schema))
                }
            }
        }
    }
}

//! Shapes of bodies, parameters and headers.

use maud::{Markup, html};
use serde_json::Value;

use super::words::{json, text, words};

/// A shape with all that is said of it.
pub(super) fn described(schema: &Value) -> Markup {
    let properties = schema["properties"].as_object();
    html! {
        (words(text(&schema["description"])))
        @if let Some(properties) = properties {
            div.wide { table {
                thead { tr { th scope="col" { "Field" } th scope="col" { "Type" } th scope="col" { "Meaning" } } }
                tbody {
                    @for (name, field) in properties {
                        tr {
                            th scope="row" { code { (name) } @if !is_required(schema, name) { " " small { "may be absent" } } }
                            td { (kind(field)) }
                            td { (words(text(&field["description"]))) }
                        }
                    }
                }
            } }
            @if schema["additionalProperties"] == false { p { "It has no other field." } }
        } @else {
            p { (kind(schema)) }
        }
        @for example in schema["examples"].as_array().into_iter().flatten().filter(|it| it.is_object()) {
            details { summary { "Example" } pre { (json(example)) } }
        }
    }
}

fn is_required(schema: &Value, name: &str) -> bool {
    let required = schema["required"].as_array();
    required.is_some_and(|required| required.iter().any(|it| it == name))
}

/// A shape in a few words.
pub(super) fn kind(schema: &Value) -> Markup {
    if let Some(name) = schema["$ref"].as_str().and_then(|it| it.rsplit_once('/')) {
        return html! { a href={ "#schema-" (name.1) } { (name.1) } };
    }
    for (word, joined) in [("oneOf", " or "), ("anyOf", " or "), ("allOf", ", and ")] {
        if let Some(parts) = schema[word].as_array() {
            return list(parts, joined);
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        return html! { "one of " @for (n, value) in values.iter().enumerate() { @if n > 0 { ", " } code { (value) } } };
    }
    if let Some(value) = schema.get("const") {
        return html! { code { (value) } };
    }
    if let Some(properties) = schema["properties"].as_object() {
        return html! { "object with " @for (n, (name, field)) in properties.iter().enumerate() { @if n > 0 { ", " } code { (name) } ": " (kind(field)) } };
    }
    html! {
        @match &schema["type"] {
            Value::Array(types) => { @for (n, it) in types.iter().enumerate() { @if n > 0 { " or " } (text(it)) } }
            Value::String(it) if it == "array" => { "list of " (kind(&schema["items"])) }
            Value::String(it) => { (it) }
            _ => { "anything" }
        }
        (limits(schema))
    }
}

fn list(parts: &[Value], joined: &str) -> Markup {
    html! { @for (n, part) in parts.iter().enumerate() { @if n > 0 { (joined) } (kind(part)) } }
}

fn limits(schema: &Value) -> Markup {
    html! {
        @if let Some(format) = schema["format"].as_str() { " (" (format) ")" }
        @for (word, said) in [("minimum", "at least"), ("maximum", "at most"), ("maxLength", "longest"), ("minItems", "fewest")] {
            @if let Some(limit) = schema.get(word) { ", " (said) " " (limit) }
        }
        @if let Some(pattern) = schema["pattern"].as_str() { ", matching " code { (pattern) } }
    }
}

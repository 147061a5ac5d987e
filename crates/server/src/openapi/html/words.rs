//! Texts of the document.

use maud::{Markup, PreEscaped};
use pulldown_cmark::{Parser, html::push_html};
use serde_json::Value;

/// A text, empty where there is none.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A text in CommonMark. It is the program's own: nobody else's gets here.
pub(super) fn words(text: &str) -> Markup {
    let mut html = String::new();
    push_html(&mut html, Parser::new(text));
    PreEscaped(html)
}

/// A value as JSON for people.
pub(super) fn json(value: &Value) -> String {
    format!("{value:#}")
}

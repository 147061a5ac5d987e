//! The document is that of the routes: each route is in it, and nothing else; and it is one that programs can
//! read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tauline_protocol::auth::AuthCode;
use tauline_protocol::error::Code;
use tauline_protocol::sequencer;
use tower::Service as _;

use super::{docs, documented, health};
use crate::config::Settings;
use crate::health::Health;
use crate::http::app::App;
use crate::measures::Measures;

/// What is said where a path or a method is not known: of no route, so in the introduction.
const OF_NO_ROUTE: [Code; 2] = [Code::NotFound, Code::MethodNotAllowed];

fn some_health() -> Arc<Health> {
    let settings = Settings::from_args(["tauline-server".into()].into_iter()).unwrap();
    Health::opening(&settings, Measures::none(), None)
}

/// What is served at a path of the document's own routes.
async fn served(path: &str) -> String {
    let (_, document) = documented(some_health());
    let request = Request::get(path).body(Body::empty()).unwrap();
    let mut router: Router = docs::router(document);
    let response = router.call(request).await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    let body = response.into_body().collect().await.unwrap();
    String::from_utf8(body.to_bytes().to_vec()).unwrap()
}

async fn document() -> Value {
    serde_json::from_str(&served("/openapi.json").await).unwrap()
}

/// The operations of a document: path, method, and what is said of it.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let mut all = Vec::new();
    for (path, item) in paths {
        for (method, says) in item.as_object().unwrap() {
            if says.get("responses").is_some() {
                all.push((path.clone(), method.to_uppercase(), says));
            }
        }
    }
    all
}

/// The paths of a router with their methods, as its debugging output has them: there is no other way to ask.
/// `HEAD` goes with `GET`.
fn routes_of<S>(router: &Router<S>) -> BTreeSet<(String, String)> {
    let told = format!("{router:?}");
    let (told, _) = told.split_once("fallback_router").unwrap();
    let (mut paths, mut methods) = (BTreeMap::new(), BTreeMap::new());
    for part in told.split("RouteId(").skip(1) {
        let (number, rest) = part.split_once("): ").unwrap();
        if let Some(path) = rest.strip_prefix('"') {
            paths.insert(number, path.split_once('"').unwrap().0.to_owned());
        } else {
            let (_, allowed) = rest.split_once("allow_header: Bytes(b\"").unwrap();
            methods.insert(number, allowed.split_once('"').unwrap().0);
        }
    }
    assert_eq!(
        paths.keys().collect::<Vec<_>>(),
        methods.keys().collect::<Vec<_>>()
    );
    let of = |(number, path): (_, String)| {
        let methods = methods[number]
            .split(',')
            .filter(|method| *method != "HEAD");
        let path = path.replace("{*", "{");
        methods
            .map(|method| (path.clone(), method.to_owned()))
            .collect::<Vec<_>>()
    };
    paths.into_iter().flat_map(of).collect()
}

#[tokio::test]
async fn every_route_is_in_the_document_and_the_document_has_no_other() {
    let (routes, document_of_others) = documented(some_health());
    let routes: Router<Arc<App>> = routes.merge(docs::router(document_of_others));
    let mut routes = routes_of(&routes);
    routes.extend(routes_of(&health::private(some_health())));
    assert!(routes.len() > 40, "{routes:?}");
    let document = document().await;
    let documented: BTreeSet<_> = operations(&document)
        .into_iter()
        .map(|(path, method, _)| (path, method))
        .collect();
    let forgotten: Vec<_> = routes.difference(&documented).collect();
    assert!(
        forgotten.is_empty(),
        "give these #[utoipa::path], and register them by routes!: {forgotten:?}"
    );
    let gone: Vec<_> = documented.difference(&routes).collect();
    assert!(gone.is_empty(), "there are no such routes: {gone:?}");
}

#[test]
fn a_route_that_nobody_documented_is_seen() {
    use axum::routing::{get, post};
    let router: Router = Router::new()
        .route("/a/{*rest}", get(|| async {}).post(|| async {}))
        .route("/b", post(|| async {}));
    let expected = [("/a/{rest}", "GET"), ("/a/{rest}", "POST"), ("/b", "POST")];
    let expected = expected.map(|(path, method)| (path.to_owned(), method.to_owned()));
    assert_eq!(routes_of(&router), BTreeSet::from(expected));
}

/// All values in a document, each with where it stands.
fn all_values<'a>(value: &'a Value, at: &str, found: &mut Vec<(String, &'a Value)>) {
    found.push((at.to_owned(), value));
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                all_values(field, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                all_values(item, &format!("{at}/{n}"), found);
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_every_shape_is_used() {
    let document = document().await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let mut values = Vec::new();
    all_values(&document, "", &mut values);
    let mut used = BTreeSet::new();
    for (at, value) in &values {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
            continue;
        };
        let pointer = reference.strip_prefix('#').unwrap();
        let leads = document.pointer(pointer).is_some();
        assert!(leads, "{at} refers to {reference}");
        used.insert(reference);
    }
    for kind in ["schemas", "headers"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            assert!(used.contains(reference.as_str()), "nobody uses {reference}");
        }
    }
}

#[tokio::test]
async fn every_operation_says_what_it_needs_and_answers() {
    let document = document().await;
    let tags: BTreeSet<_> = document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["name"].as_str().unwrap())
        .collect();
    let mut names = BTreeSet::new();
    for (path, method, says) in operations(&document) {
        let what = format!("{method} {path}");
        let name = says["operationId"].as_str().unwrap();
        assert!(names.insert(name), "{name} stands twice");
        assert!(!says["summary"].as_str().unwrap().is_empty(), "{what}");
        let its_tags = says["tags"].as_array().unwrap();
        assert_eq!(its_tags.len(), 1, "{what}");
        assert!(tags.contains(its_tags[0].as_str().unwrap()), "{what}");
        for needed in says["security"].as_array().into_iter().flatten() {
            for scheme in needed.as_object().unwrap().keys() {
                let known = &document["components"]["securitySchemes"][scheme];
                assert!(known.is_object(), "{what} needs {scheme}");
            }
        }

        let parameters = says["parameters"].as_array().into_iter().flatten();
        let in_path = parameters.filter(|it| it["in"] == "path");
        let declared: BTreeSet<_> = in_path.map(|it| it["name"].as_str().unwrap()).collect();
        let in_template = path.split('{').skip(1);
        let in_template: BTreeSet<_> = in_template
            .map(|part| part.split_once('}').unwrap().0)
            .collect();
        assert_eq!(declared, in_template, "{what}");

        let answers = says["responses"].as_object().unwrap();
        assert!(
            answers.keys().any(|status| status < &"400".to_owned()),
            "{what} never succeeds"
        );
        for (status, answer) in answers {
            let what = format!("{what} {status}");
            assert!(
                !answer["description"].as_str().unwrap().is_empty(),
                "{what}"
            );
            let told_when = answer["headers"].get("retry-after").is_some();
            assert!(status != "429" || told_when, "{what}");
        }
    }
}

#[tokio::test]
async fn every_code_stands_where_it_can_be_answered() {
    let document = document().await;
    let mut values = Vec::new();
    for (_, _, says) in operations(&document) {
        all_values(&says["responses"], "", &mut values);
    }
    let told: BTreeSet<&str> = values
        .iter()
        .filter(|(at, _)| at.contains("/code/enum/"))
        .map(|(_, value)| value.as_str().unwrap())
        .collect();
    let own = Code::ALL.iter().map(|code| code.as_str());
    let auth = AuthCode::ALL.iter().map(|code| code.as_str());
    let contract = sequencer::Code::ALL.iter();
    // This one is no error.
    let contract = contract.filter(|code| code.status() != 200);
    let all: BTreeSet<&str> = own
        .chain(auth)
        .chain(contract.map(|code| code.as_str()))
        .collect();
    let about = document["info"]["description"].as_str().unwrap();
    let missing = all.difference(&told);
    let missing: Vec<_> = missing.filter(|code| !about.contains(**code)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for code in OF_NO_ROUTE {
        assert!(about.contains(code.as_str()), "{code:?}");
    }
}

#[tokio::test]
async fn texts_are_for_readers_of_the_document() {
    let document = document().await;
    let mut values = Vec::new();
    all_values(&document, "", &mut values);
    for (at, value) in values {
        let Some(text) = value.as_str() else { continue };
        for foreign in ["docs/spec", "[`", "`]", "crate::"] {
            assert!(!text.contains(foreign), "{at}: {text}");
        }
    }
}

/// The fields that an object of this shape may have, and those that it must; `None` for other shapes.
fn fields(schema: &Value) -> Option<(BTreeSet<&str>, BTreeSet<&str>)> {
    let properties = schema["properties"].as_object()?;
    let may = properties.keys().map(String::as_str).collect();
    let must = schema["required"].as_array().into_iter().flatten();
    Some((may, must.map(|name| name.as_str().unwrap()).collect()))
}

#[tokio::test]
async fn the_golden_examples_have_the_fields_of_their_shapes() {
    let document = document().await;
    let mut seen = 0;
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let Some((may, must)) = fields(schema) else {
            continue;
        };
        for example in schema["examples"].as_array().into_iter().flatten() {
            let has: BTreeSet<_> = example
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            assert!(has.is_subset(&may), "{name}: {has:?}, {may:?}");
            assert!(must.is_subset(&has), "{name}: {has:?}, {must:?}");
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen} examples");
}

#[tokio::test]
async fn the_page_shows_every_operation_and_runs_nothing() {
    let document = document().await;
    let page = served("/docs").await;
    for (path, _, says) in operations(&document) {
        let anchor = format!("id=\"{}\"", says["operationId"].as_str().unwrap());
        assert!(page.contains(&anchor), "{path}");
    }
    let links = page.split("href=\"#").skip(1);
    for anchor in links.map(|link| link.split('"').next().unwrap()) {
        assert!(page.contains(&format!("id=\"{anchor}\"")), "#{anchor}");
    }
    for forbidden in [
        "<script",
        "style=\"",
        "<style",
        "src=",
        "javascript:",
        " on",
    ] {
        let tags = page.split('<').skip(1);
        let mut tags = tags.map(|tag| tag.split('>').next().unwrap());
        let found = tags.find(|tag| format!("<{tag}").contains(forbidden));
        assert_eq!(found, None, "{forbidden}");
    }
}

//! `GET /openapi.json`, the document of this interface, and `/docs`, the same for people
//! (`docs/spec/http-api.md#openapi`).

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::kept::Kept;
use crate::openapi;
use crate::openapi::refusals::{EVERY, refusals};

const DOCUMENT: &str = "/openapi.json";
const PAGE: &str = "/docs";
const STYLE: &str = "/docs/style.css";

/// The look of the page.
const STYLE_SHEET: &str = include_str!("../../pages/docs.css");

/// What the page may do: look like its style. There are no scripts.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Headers of all three.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
];

/// The files, made when one of them is first asked for.
struct Files {
    document: Kept,
    page: Kept,
    style: Kept,
}

type Shared = Arc<LazyLock<Files, Box<dyn FnOnce() -> Files + Send>>>;

/// The routes, for the document of all others. They are in it, too.
pub(super) fn router<S: Clone + Send + Sync + 'static>(others: OpenApi) -> Router<S> {
    let (router, own) = own().split_for_parts();
    let files: Shared = Arc::new(LazyLock::new(Box::new(move || made(others, own))));
    router.with_state(files)
}

fn own() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(document))
        .routes(routes!(page))
        .routes(routes!(style))
}

/// Whether a path is one of these.
pub(super) fn is_of(path: &str) -> bool {
    [DOCUMENT, PAGE, STYLE].contains(&path)
}

fn made(mut routes: OpenApi, own: OpenApi) -> Files {
    routes.merge(own);
    let document = openapi::document(routes);
    Files {
        page: Kept::new(
            "text/html; charset=utf-8",
            openapi::page(&document).into_bytes(),
        ),
        document: Kept::new("application/json", document.to_string().into_bytes()),
        style: Kept::new("text/css; charset=utf-8", STYLE_SHEET.as_bytes().to_vec()),
    }
}

fn answer(file: &Kept, headers: &HeaderMap) -> Response {
    let mut response = file.answer(headers);
    response.headers_mut().extend(HEADERS);
    response
}

refusals!(DocsRefusals: EVERY);

/// This document (`docs/spec/http-api.md#openapi`).
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi",
    tag = "page",
    params(("if-none-match" = Option<String>, Header, description = "The `etag` of what the client has.")),
    responses(
        (
            status = 200,
            description = "The document, in OpenAPI 3.1.",
            body = Object,
            content_type = "application/json",
            headers(("etag"), ("cache-control"), ("vary"), ("content-encoding")),
        ),
        (status = 304, description = "The client has it.", headers(("etag"), ("cache-control"))),
        DocsRefusals,
    ),
)]
async fn document(State(files): State<Shared>, headers: HeaderMap) -> Response {
    answer(&files.document, &headers)
}

/// This document for people (`docs/spec/http-api.md#openapi`).
#[utoipa::path(
    get,
    path = "/docs",
    operation_id = "docs",
    tag = "page",
    params(("if-none-match" = Option<String>, Header, description = "The `etag` of what the client has.")),
    responses(
        (
            status = 200,
            description = "The page.",
            body = ref("#/components/schemas/Html"),
            content_type = "text/html",
            headers(("etag"), ("cache-control"), ("vary"), ("content-encoding"), ("content-security-policy"), ("x-content-type-options")),
        ),
        (status = 304, description = "The client has it.", headers(("etag"), ("cache-control"))),
        DocsRefusals,
    ),
)]
async fn page(State(files): State<Shared>, headers: HeaderMap) -> Response {
    answer(&files.page, &headers)
}

/// The style of that page.
#[utoipa::path(
    get,
    path = "/docs/style.css",
    operation_id = "docsStyle",
    tag = "page",
    params(("if-none-match" = Option<String>, Header, description = "The `etag` of what the client has.")),
    responses(
        (
            status = 200,
            description = "The style.",
            body = String,
            content_type = "text/css",
            headers(("etag"), ("cache-control"), ("vary"), ("content-encoding"), ("x-content-type-options")),
        ),
        (status = 304, description = "The client has it.", headers(("etag"), ("cache-control"))),
        DocsRefusals,
    ),
)]
async fn style(State(files): State<Shared>, headers: HeaderMap) -> Response {
    answer(&files.style, &headers)
}

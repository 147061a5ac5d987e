//! The page for people, served from the program itself (`docs/spec/http-api.md#page`).
//!
//! Its files are built from `web/`, and are part of the program. Each is kept in all compressions, made
//! at the start, away from the threads that answer.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;
use tauline_protocol::error::Code;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use crate::http::kept::Kept;
use crate::http::rest::Rest;
use crate::openapi::refusals::{EVERY, refusals};
use crate::refused::Refused;

/// The built files.
#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Built;

/// The address at which the page begins.
const ROOT: &str = "/";

/// The addresses of the page's other states: each is the same document. So is each contribution's.
const STATES: [&str; 5] = [
    "/take-part",
    "/contributions",
    "/verify",
    "/about",
    "/sign-in",
];

/// Where files are whose names change with their contents.
const ASSETS: &str = "/assets/";

/// What the page may do: run its own scripts, among them workers and WebAssembly, and talk to this
/// coordinator. Wallets that put scripts into pages talk to others.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self' data: blob:; connect-src 'self' https:; worker-src 'self'; font-src 'none'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
);

/// Headers that every file has, the scripts of workers too, whose policy is that of their own answer.
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
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// The files by their paths below `web/dist`.
static FILES: OnceLock<BTreeMap<String, Kept>> = OnceLock::new();

/// Makes the files ready, in the background. Nobody waits for that when the server stops.
pub(crate) fn prepare() {
    // Without a thread for it, the first who asks has them made.
    let _ = std::thread::Builder::new()
        .name("page".to_owned())
        .spawn(files);
}

/// The files. They are compressed at the first call, which takes some tenths of a second.
fn files() -> &'static BTreeMap<String, Kept> {
    FILES.get_or_init(|| {
        let files = Built::iter().filter_map(|path| {
            let bytes = Built::get(&path)?.data.into_owned();
            Some((path.to_string(), Kept::new(media(&path), bytes)))
        });
        files.collect()
    })
}

pub(super) fn router<S: Clone + Send + Sync + 'static>() -> OpenApiRouter<S> {
    let mut router = OpenApiRouter::new()
        .routes(routes!(asset))
        .routes(routes!(favicon))
        .routes(routes!(document))
        .routes(routes!(contribution));
    for address in STATES {
        router = router.routes(document_at(address));
    }
    router
}

/// The page's document at another address.
fn document_at<S: Clone + Send + Sync + 'static>(address: &str) -> UtoipaMethodRouter<S> {
    let (schemas, mut paths, router) = routes!(document);
    if let Some(mut item) = paths.paths.remove(ROOT) {
        if let Some(get) = &mut item.get {
            get.operation_id = Some(format!("page{}", address.replace(['/', '-'], "_")));
        }
        paths.paths.insert(address.to_owned(), item);
    }
    (schemas, paths, router)
}

/// Whether a path is one of the page's.
pub(super) fn is_of(path: &str) -> bool {
    let is_one_of_many = path.starts_with("/contributions/") || path.starts_with(ASSETS);
    is_one_of_many || path == ROOT || path == "/favicon.svg" || STATES.contains(&path)
}

/// Whether a path is that of the page's document, in one of its states that have no number.
pub(crate) fn is_document(path: &str) -> bool {
    path == ROOT || STATES.contains(&path)
}

refusals!(PageRefusals: EVERY);
refusals!(AssetRefusals: EVERY, [Code::NotFound]);

/// The page for people (`docs/spec/http-api.md#page`).
#[utoipa::path(
    get,
    path = "/",
    operation_id = "page",
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
        PageRefusals,
    ),
)]
async fn document(headers: HeaderMap) -> Response {
    served("index.html", &headers, false).await
}

/// A contribution's page, which says so if there is no such contribution (`docs/spec/http-api.md#page`).
#[utoipa::path(
    get,
    path = "/contributions/{number}",
    operation_id = "pageContribution",
    tag = "page",
    params(
        ("number" = String, Path, description = "The contribution's number, from 1.", example = "1"),
        ("if-none-match" = Option<String>, Header, description = "The `etag` of what the client has."),
    ),
    responses(
        (
            status = 200,
            description = "The page.",
            body = ref("#/components/schemas/Html"),
            content_type = "text/html",
            headers(("etag"), ("cache-control"), ("vary"), ("content-encoding"), ("content-security-policy"), ("x-content-type-options")),
        ),
        (status = 304, description = "The client has it.", headers(("etag"), ("cache-control"))),
        PageRefusals,
    ),
)]
async fn contribution(headers: HeaderMap) -> Response {
    document(headers).await
}

/// The page's icon.
#[utoipa::path(
    get,
    path = "/favicon.svg",
    operation_id = "pageIcon",
    tag = "page",
    responses(
        (
            status = 200,
            description = "The icon.",
            body = String,
            content_type = "image/svg+xml",
            headers(("etag"), ("cache-control"), ("vary"), ("content-encoding")),
        ),
        PageRefusals,
    ),
)]
async fn favicon(headers: HeaderMap) -> Response {
    served("favicon.svg", &headers, false).await
}

/// A file of the page (`docs/spec/http-api.md#page`).
///
/// Its name changes with its contents: it may be kept for ever.
#[utoipa::path(
    get,
    path = "/assets/{*path}",
    operation_id = "pageAsset",
    tag = "page",
    params(
        ("path" = String, Path, description = "The file, as the page names it.", example = "index.js"),
    ),
    responses(
        (
            status = 200,
            description = "The file.",
            content(
                (String = "text/javascript"),
                (String = "text/css"),
                (ref("#/components/schemas/Bytes") = "application/wasm"),
            ),
            headers(("etag"), ("cache-control"), ("vary"), ("content-encoding"), ("x-content-type-options")),
        ),
        AssetRefusals,
    ),
)]
async fn asset(Rest(path): Rest, headers: HeaderMap) -> Response {
    served(&format!("assets/{path}"), &headers, true).await
}

async fn served(path: &str, headers: &HeaderMap, is_immutable: bool) -> Response {
    let files = match FILES.get() {
        Some(files) => files,
        None => match tokio::task::spawn_blocking(files).await {
            Ok(files) => files,
            // It was cut off, since the server stops.
            Err(_) => return Refused::unavailable().into_response(),
        },
    };
    let Some(file) = files.get(path) else {
        let text = format!("there is nothing at /{path}: load the page anew");
        return Refused::new(Code::NotFound, text).into_response();
    };
    let mut response = file.answer(headers);
    let answer = response.headers_mut();
    answer.extend(HEADERS);
    let lifetime = match is_immutable {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static(lifetime));
    response
}

fn media(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, end)| end) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("wasm") => "application/wasm",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

//! The page for people, served from the program itself (`docs/spec/http-api.md#page`).
//!
//! Its files are built from `web/`, and are part of the program. Each is kept in all compressions, made
//! at the start, away from the threads that answer.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};
use tauline_protocol::error::Code;

use crate::http::app::App;
use crate::http::negotiate;
use crate::refused::Refused;
use crate::representation::{Coding, Form};

/// The built files.
#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Built;

/// The addresses of the page's states: each is the same document.
const ADDRESSES: [&str; 7] = [
    "/",
    "/take-part",
    "/contributions",
    "/contributions/{number}",
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
const HEADERS: [(HeaderName, HeaderValue); 6] = [
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
    (header::VARY, HeaderValue::from_static("accept-encoding")),
];

/// How hard files are compressed: once, and some hundred thousand bytes.
const ZSTD_LEVEL: i32 = 12;

/// A file of the page.
struct File {
    media: &'static str,
    etag: String,
    plain: Vec<u8>,
    gzip: Option<Vec<u8>>,
    zstd: Option<Vec<u8>>,
}

/// The files by their paths below `web/dist`.
static FILES: OnceLock<BTreeMap<String, File>> = OnceLock::new();

/// Makes the files ready, in the background. Nobody waits for that when the server stops.
pub(crate) fn prepare() {
    // Without a thread for it, the first who asks has them made.
    let _ = std::thread::Builder::new()
        .name("page".to_owned())
        .spawn(files);
}

/// The files. They are compressed at the first call, which takes some tenths of a second.
fn files() -> &'static BTreeMap<String, File> {
    FILES.get_or_init(|| {
        let files = Built::iter().filter_map(|path| {
            let bytes = Built::get(&path)?.data.into_owned();
            Some((path.to_string(), File::new(&path, bytes)))
        });
        files.collect()
    })
}

pub(super) fn router() -> Router<Arc<App>> {
    let assets = format!("{ASSETS}{{*path}}");
    let mut router = Router::new()
        .route(&assets, get(asset))
        .route("/favicon.svg", get(favicon));
    for address in ADDRESSES {
        router = router.route(address, get(document));
    }
    router
}

/// Whether a path is one of the page's.
pub(super) fn is_of(path: &str) -> bool {
    let is_one_of_many = path.starts_with("/contributions/") || path.starts_with(ASSETS);
    is_one_of_many || path == "/favicon.svg" || ADDRESSES.contains(&path)
}

/// Whether a path is that of the page's document, of one of its states that have no number.
pub(crate) fn is_document(path: &str) -> bool {
    !path.contains('{') && ADDRESSES.contains(&path)
}

async fn document(headers: HeaderMap) -> Response {
    served("index.html", &headers, false).await
}

async fn favicon(headers: HeaderMap) -> Response {
    served("favicon.svg", &headers, false).await
}

async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
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
    let (coding, body) = file.body(negotiate::coding(headers, Form::Json));
    let etag = match coding.name() {
        None => format!("\"{}\"", file.etag),
        Some(name) => format!("\"{}-{name}\"", file.etag),
    };
    let known = headers.get(header::IF_NONE_MATCH);
    let is_known = known.is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => body.into_response(),
    };
    let answer = response.headers_mut();
    answer.extend(HEADERS);
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.media));
    let lifetime = match is_immutable {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static(lifetime));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        answer.insert(header::ETAG, etag);
    }
    if let (Some(name), false) = (coding.name(), is_known) {
        answer.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    response
}

impl File {
    fn new(path: &str, bytes: Vec<u8>) -> Self {
        let digest = hex::encode(Sha256::digest(&bytes));
        Self {
            media: media(path),
            etag: digest[..32].to_owned(),
            gzip: gzip(&bytes).ok(),
            zstd: zstd::bulk::compress(&bytes, ZSTD_LEVEL).ok(),
            plain: bytes,
        }
    }

    /// The file in this compression, or without any.
    fn body(&self, asked: Coding) -> (Coding, &[u8]) {
        let compressed = match asked {
            Coding::Identity => None,
            Coding::Gzip => self.gzip.as_deref(),
            Coding::Zstd => self.zstd.as_deref(),
        };
        match compressed {
            Some(body) => (asked, body),
            None => (Coding::Identity, &self.plain),
        }
    }
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
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

//! Files that are a part of the program, or are made once: kept in all compressions, and told apart by
//! their contents.

use std::io::Write as _;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

use super::{etag, negotiate};
use crate::representation::{Coding, Form};

/// How hard files are compressed: once, and some hundred thousand bytes.
const ZSTD_LEVEL: i32 = 12;

/// A file.
pub(crate) struct Kept {
    media: &'static str,
    /// The digest of its bytes, as a tag without quotes.
    tag: String,
    plain: Bytes,
    gzip: Option<Bytes>,
    zstd: Option<Bytes>,
}

impl Kept {
    /// The file with these bytes.
    pub(crate) fn new(media: &'static str, bytes: Vec<u8>) -> Self {
        let digest = hex::encode(Sha256::digest(&bytes));
        let zstd = zstd::bulk::compress(&bytes, ZSTD_LEVEL);
        Self {
            media,
            tag: digest[..32].to_owned(),
            gzip: gzip(&bytes).ok().map(Bytes::from),
            zstd: zstd.ok().map(Bytes::from),
            plain: bytes.into(),
        }
    }

    /// The answer to a request with these headers: the file as it can be sent, or that the client has
    /// it.
    pub(crate) fn answer(&self, headers: &HeaderMap) -> Response {
        let (coding, body) = self.body(negotiate::coding(headers, Form::Json));
        let etag = match coding.name() {
            None => format!("\"{}\"", self.tag),
            Some(name) => format!("\"{}-{name}\"", self.tag),
        };
        let is_known = etag::is_known(headers, &etag);
        let mut response = match is_known {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => body.into_response(),
        };
        let answer = response.headers_mut();
        answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media));
        answer.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Ok(etag) = HeaderValue::from_str(&etag) {
            answer.insert(header::ETAG, etag);
        }
        if let (Some(name), false) = (coding.name(), is_known) {
            answer.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        response
    }

    /// The file in this compression, or without any.
    fn body(&self, asked: Coding) -> (Coding, Bytes) {
        let compressed = match asked {
            Coding::Identity => None,
            Coding::Gzip => self.gzip.clone(),
            Coding::Zstd => self.zstd.clone(),
        };
        match compressed {
            Some(body) => (asked, body),
            None => (Coding::Identity, self.plain.clone()),
        }
    }
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

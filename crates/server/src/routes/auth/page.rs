//! The page that says why a link does not sign in. It has no script.
//!
//! Everything on it comes from here, and nothing may frame it.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::http::refusal::retry_after;
use crate::openapi::refusals::{COUNTED, EVERY, refusals};
use crate::refused::Refused;

const STYLE: &str = include_str!("../../../pages/style.css");
const NOTICE: &str = include_str!("../../../pages/notice.html");

/// What the page may do: look like our style.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// A page that says what is wrong.
pub(super) fn notice(refused: &Refused) -> Response {
    let status = StatusCode::from_u16(refused.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let text = NOTICE.replace("{{text}}", &escaped(&refused.error));
    let mut response = html(status, text);
    if let Some(wait) = retry_after(refused) {
        response.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    response
}

refusals!(AssetRefusals: EVERY, COUNTED);

/// The style of the page that says why a link does not sign in.
#[utoipa::path(
    get,
    path = "/auth/page/style.css",
    operation_id = "authPageStyle",
    tag = "page",
    responses(
        (status = 200, description = "The style.", body = String, content_type = "text/css", headers(("x-content-type-options"))),
        AssetRefusals,
    ),
)]
pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", STYLE.into_response())
}

fn html(status: StatusCode, text: String) -> Response {
    let mut response = asset("text/html; charset=utf-8", (status, text).into_response());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(
        HeaderName::from_static("referrer-policy"),
        HeaderValue::from_static("no-referrer"),
    );
    response
}

fn asset(content_type: &'static str, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

/// Text for HTML, in an element or a quoted attribute.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(
            escaped("<a href='x'>\"&amp;"),
            "&lt;a href=&#39;x&#39;&gt;&quot;&amp;amp;"
        );
    }

    #[test]
    fn the_page_holds_no_script_or_style_of_its_own_and_nothing_from_elsewhere() {
        for forbidden in [
            "<script",
            "<style",
            "style=",
            "onclick",
            "onload",
            "://",
            "javascript:",
        ] {
            assert!(!NOTICE.contains(forbidden), "{forbidden}");
        }
    }
}

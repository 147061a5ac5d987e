//! Our own pages: signing in with a wallet, and saying why not.
//!
//! Everything on them comes from here, scripts are files, and nothing may frame them.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::http::refusal::retry_after;
use crate::openapi::refusals::{COUNTED, EVERY, refusals};
use crate::refused::Refused;

const WALLET: &str = include_str!("../../../pages/sign-in.html");
const SCRIPT: &str = include_str!("../../../pages/sign-in.js");
const STYLE: &str = include_str!("../../../pages/style.css");
const NOTICE: &str = include_str!("../../../pages/notice.html");

/// What a page may do: run our script, look like our style, and talk to us.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The page that signs in with a wallet.
pub(super) fn wallet(state: &str) -> Response {
    // A state is base64: there is nothing to escape.
    html(StatusCode::OK, WALLET.replace("{{state}}", &escaped(state)))
}

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

/// The script of the page at which a wallet signs.
#[utoipa::path(
    get,
    path = "/auth/page/sign-in.js",
    operation_id = "authPageScript",
    tag = "page",
    responses(
        (status = 200, description = "The script.", body = String, content_type = "text/javascript", headers(("x-content-type-options"))),
        AssetRefusals,
    ),
)]
pub(super) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", SCRIPT.into_response())
}

/// The style of the pages of signing in.
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
    fn pages_hold_no_script_or_style_of_their_own_and_nothing_from_elsewhere() {
        for page in [WALLET, NOTICE] {
            for forbidden in [
                "<style",
                "style=",
                "onclick",
                "onload",
                "://",
                "javascript:",
            ] {
                assert!(!page.contains(forbidden), "{forbidden}");
            }
            let scripts = page.matches("<script").count();
            assert_eq!(scripts, page.matches("<script src=\"/auth/page/").count());
        }
        for dangerous in [
            "innerHTML",
            "eval(",
            "document.write",
            "http://",
            "https://",
        ] {
            assert!(!SCRIPT.contains(dangerous), "{dangerous}");
        }
    }
}

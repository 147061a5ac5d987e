//! The answers to a browser that has signed in and was sent to this machine.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use reqwest::Url;
use tauline_protocol::Identity;
use tokio::sync::{Notify, oneshot};
use zeroize::Zeroizing;

use crate::exit::{Failure, Outcome};

/// The page that says that signing in has succeeded. Its address contains no secret.
const DONE: &str = "/signed-in";

/// The page that says that signing in has failed.
const FAILED: &str = "/not-signed-in";

/// The session of a browser that has signed in.
pub struct BrowserSession {
    /// Goes into `Authorization: Bearer`.
    pub session: Zeroizing<String>,
    /// Whose it is.
    pub identity: Identity,
}

/// A sign-in that has not ended yet.
pub(super) struct PendingSignIn {
    /// Host and port.
    authority: String,
    path: String,
    sender: Mutex<Option<oneshot::Sender<Outcome<BrowserSession>>>>,
    /// Why the sign-in failed, if it did: the person looks at the browser.
    why: OnceLock<String>,
    /// Whether the browser has asked for the last page.
    pub(super) is_leaving: AtomicBool,
    /// Notified when the last page has been sent.
    pub(super) has_left: Notify,
}

pub(super) type Page = Response<Full<Bytes>>;

impl PendingSignIn {
    /// A sign-in that ends at `address` and sends its result to `sender`.
    pub(super) fn new(address: &Url, sender: oneshot::Sender<Outcome<BrowserSession>>) -> Self {
        Self {
            authority: address[url::Position::BeforeHost..url::Position::AfterPort].to_owned(),
            path: address.path().to_owned(),
            sender: Mutex::new(Some(sender)),
            why: OnceLock::new(),
            is_leaving: AtomicBool::new(false),
            has_left: Notify::new(),
        }
    }

    pub(super) fn answer<B>(&self, request: &Request<B>) -> Page {
        let host = request.headers().get(header::HOST);
        let is_here = host.is_some_and(|host| host.as_bytes() == self.authority.as_bytes());
        if !is_here || request.method() != Method::GET {
            return page(StatusCode::NOT_FOUND, "There is nothing here.");
        }
        let path = request.uri().path();
        if matches!(path, DONE | FAILED) {
            self.is_leaving.store(true, Ordering::Relaxed);
        }
        match path {
            DONE => page(
                StatusCode::OK,
                "You are signed in. Go back to the terminal; this page can be closed.",
            ),
            FAILED => {
                let why = self
                    .why
                    .get()
                    .map_or("the terminal says why", String::as_str);
                let text = format!(
                    "You are not signed in: {}. Go back to the terminal; this page can be closed.",
                    escaped(why)
                );
                page(StatusCode::OK, &text)
            }
            path if path == self.path => self.take(request.uri().query().unwrap_or_default()),
            _ => page(StatusCode::NOT_FOUND, "There is nothing here."),
        }
    }

    /// Takes the session out of the query, and redirects the browser to an address without it.
    fn take(&self, query: &str) -> Page {
        let Some(brought) = read(query) else {
            return page(
                StatusCode::BAD_REQUEST,
                "No session came with this address. Begin again with the link in the terminal.",
            );
        };
        let next = if brought.is_ok() { DONE } else { FAILED };
        let sender = self
            .sender
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(sender) = sender else {
            return page(
                StatusCode::CONFLICT,
                "This sign-in has ended already: the terminal says how.",
            );
        };
        let brought = brought.map_err(|Refused { code, error }| {
            let failure = Failure::bad(format!("cannot sign in: {error}")).code(&code);
            let _ = self.why.set(error);
            failure
        });
        let _ = sender.send(brought);
        let mut response = page(StatusCode::SEE_OTHER, "");
        response
            .headers_mut()
            .insert(header::LOCATION, HeaderValue::from_static(next));
        response
    }
}

/// Why there is no session.
struct Refused {
    code: String,
    error: String,
}

/// Reads a session, or why there is none, from a query. Returns nothing for any other query.
fn read(query: &str) -> Option<Result<BrowserSession, Refused>> {
    let mut pairs = HashMap::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        // If a name is given twice, it is not clear which one counts.
        if pairs.insert(name, value).is_some() {
            return None;
        }
    }
    let value = |name| pairs.get(name).filter(|value| !value.is_empty());
    if let (Some(session), Some(identity)) = (value("session_id"), value("sub")) {
        // It has to fit into a header.
        let is_token = session.bytes().all(|byte| byte.is_ascii_graphic());
        let identity = identity.parse().ok().filter(|_| is_token)?;
        let session = Zeroizing::new(session.to_string());
        return Some(Ok(BrowserSession { session, identity }));
    }
    let (code, error) = (value("code")?, value("error")?);
    let plain = |text: &str| -> String {
        let text = text.chars().filter(|letter| !letter.is_control());
        text.take(300).collect()
    };
    Some(Err(Refused {
        code: plain(code),
        error: plain(error),
    }))
}

/// Text for an element of HTML.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}

fn page(status: StatusCode, text: &str) -> Page {
    let body = match text {
        "" => String::new(),
        _ => format!(
            "<!doctype html><html lang=en><meta charset=utf-8><title>Tauline</title><p>{text}</p></html>"
        ),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            HeaderName::from_static("content-security-policy"),
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use http_body_util::BodyExt as _;

    use super::*;

    const GOOD: &str = "session_id=s-1&sub=git%7C7%7CAda&nickname=Ada&provider=Github&exp=1";

    fn pending() -> (PendingSignIn, oneshot::Receiver<Outcome<BrowserSession>>) {
        let (sender, receiver) = oneshot::channel();
        let pending = PendingSignIn {
            authority: "127.0.0.1:7".to_owned(),
            path: "/secret".to_owned(),
            sender: Mutex::new(Some(sender)),
            why: OnceLock::new(),
            is_leaving: AtomicBool::new(false),
            has_left: Notify::new(),
        };
        (pending, receiver)
    }

    fn asked(pending: &PendingSignIn, method: &str, host: &str, path: &str) -> (u16, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", host)
            .body(())
            .unwrap();
        let answer = pending.answer(&request);
        let location = answer.headers().get("location");
        let location = location.map_or("", |value| value.to_str().unwrap());
        assert_eq!(answer.headers()["cache-control"], "no-store");
        (answer.status().as_u16(), location.to_owned())
    }

    /// What a page says.
    fn shown(pending: &PendingSignIn, path: &str) -> String {
        let request = Request::builder()
            .uri(path)
            .header("host", "127.0.0.1:7")
            .body(())
            .unwrap();
        let body = pending.answer(&request).into_body();
        let bytes = body.collect().now_or_never().unwrap().unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn a_session_is_taken_once_and_only_at_its_own_address() {
        let (pending, mut brought) = pending();
        let own = format!("/secret?{GOOD}");
        for (method, host, path) in [
            ("GET", "127.0.0.1:7", &*format!("/?{GOOD}")),
            ("GET", "127.0.0.1:7", &*format!("/secret/?{GOOD}")),
            ("GET", "127.0.0.1:7", &*format!("/Secret?{GOOD}")),
            ("GET", "127.0.0.1:7", "/secret"),
            ("GET", "127.0.0.1:7", "/secret?session_id=s-1"),
            ("GET", "127.0.0.1:7", "/secret?session_id=s-1&sub=nobody"),
            ("GET", "127.0.0.1:7", &*format!("{own}&session_id=s-2")),
            (
                "GET",
                "127.0.0.1:7",
                "/secret?session_id=a%0Ab&sub=git%7C7%7CAda",
            ),
            ("GET", "evil.example:7", &own),
            ("GET", "localhost:7", &own),
            ("GET", "127.0.0.1:8", &own),
            ("POST", "127.0.0.1:7", &own),
            ("HEAD", "127.0.0.1:7", &own),
        ] {
            let (status, _) = asked(&pending, method, host, path);
            assert!(
                matches!(status, 400 | 404),
                "{method} {host} {path}: {status}"
            );
            assert!(brought.try_recv().is_err(), "{method} {host} {path}");
        }
        let answer = asked(&pending, "GET", "127.0.0.1:7", &own);
        assert_eq!(answer, (303, DONE.to_owned()));
        let session = brought.try_recv().unwrap().unwrap();
        assert_eq!(session.session.as_str(), "s-1");
        assert_eq!(session.identity.as_str(), "git|7|Ada");
        let (status, _) = asked(&pending, "GET", "127.0.0.1:7", &own);
        assert_eq!(status, 409, "a second one is not taken");
        assert_eq!(asked(&pending, "GET", "127.0.0.1:7", DONE).0, 200);
    }

    #[test]
    fn a_refusal_is_told_with_its_reason() {
        let (pending, mut brought) = pending();
        let path = "/secret?code=AuthErrorPayload%3A%3AUserCreatedAfterDeadline&error=user+created+after%0Adeadline";
        let answer = asked(&pending, "GET", "127.0.0.1:7", path);
        assert_eq!(answer, (303, FAILED.to_owned()));
        let failure = brought.try_recv().unwrap().err().unwrap();
        assert_eq!(
            failure.text(),
            "cannot sign in: user created afterdeadline [AuthErrorPayload::UserCreatedAfterDeadline]"
        );
        let last = shown(&pending, FAILED);
        assert!(last.contains("user created afterdeadline"), "{last}");
    }

    #[test]
    fn a_reason_cannot_become_markup() {
        let (pending, _brought) = pending();
        let path = "/secret?code=x&error=%3Cscript%3E%26amp%3B%3C%2Fscript%3E";
        assert_eq!(asked(&pending, "GET", "127.0.0.1:7", path).0, 303);
        let last = shown(&pending, FAILED);
        let text = "&lt;script&gt;&amp;amp;&lt;/script&gt;";
        assert!(last.contains(text) && !last.contains("<script"), "{last}");
    }
}

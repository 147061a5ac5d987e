//! Signing in in a browser, for a program on the same machine: it opens a link, and the browser
//! comes back to an address of this machine's with a session (`docs/spec/http-api.md#redirect`,
//! `redirect_to`).
//!
//! The address is a loopback one, which the coordinator sends sessions to, and holds a secret that
//! was made for this one sign-in. So no page of another site, and no other program that finds the
//! port, can have this program take a session of theirs: it would contribute in their name. The
//! host is compared, so that no name of theirs that leads here does (DNS rebinding). The first
//! session that comes is the only one.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rand_core::{OsRng, RngCore};
use reqwest::Url;
use tauline_protocol::Identity;
use tauline_protocol::auth::{AuthLinks, AuthProvider};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

use super::InBrowser;
use crate::exit::{Failure, Outcome};

/// How long a person may take to sign in. Ours: longer than the ten minutes that coordinators give
/// from the link on, and an end for a program that nobody looks at.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// How long one connection may last. Ours: a browser sends its request at once.
const CONNECTION_LIMIT: Duration = Duration::from_secs(10);

/// Connections at a time: a browser opens a few, and others have no business here.
const CONNECTIONS: usize = 16;

/// How long a browser may take to load the page that it is sent on to: nothing, beside a person.
const FAREWELL: Duration = Duration::from_secs(2);

/// Bytes of the secret in the address: nobody guesses 256 bits.
const SECRET_LEN: usize = 32;

/// The page that says how it went; nothing in its address is a secret.
const DONE: &str = "/signed-in";

/// The same for a sign-in that failed.
const FAILED: &str = "/not-signed-in";

impl InBrowser {
    /// Where to sign in.
    ///
    /// # Errors
    /// What is no link for a browser.
    pub fn link(self, links: &AuthLinks) -> Outcome<Url> {
        let text = match self.provider {
            AuthProvider::Github => &links.github_auth_url,
            AuthProvider::Ethereum => &links.eth_auth_url,
        };
        // Whatever else a link may be is for other programs than browsers.
        Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                Failure::bad("the coordinator gave out no link to sign in at")
                    .help("tell the ceremony's operator")
            })
    }
}

/// Has the desktop's browser open a link, where there is a desktop. The link is printed as well, so
/// nothing is lost where it fails.
pub fn show(link: &Url) {
    let desktop = cfg!(any(target_os = "macos", windows))
        || ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    if desktop {
        let _ = open::that_detached(link.as_str());
    }
}

/// What a browser brings.
pub struct Brought {
    /// Goes into `Authorization: Bearer`.
    pub session: Zeroizing<String>,
    /// Whose it is.
    pub identity: Identity,
}

/// Where a browser comes back to.
pub struct Landing {
    listener: TcpListener,
    address: Url,
}

impl Landing {
    /// Listens at a loopback address that nobody can guess.
    ///
    /// # Errors
    /// When the machine has no port to give.
    pub async fn open() -> Outcome<Self> {
        let failed = |error| Failure::io(format!("cannot listen for the browser: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let mut secret = [0; SECRET_LEN];
        OsRng.fill_bytes(&mut secret);
        let address = format!("http://127.0.0.1:{port}/{}", hex::encode(secret));
        let address = Url::parse(&address)
            .map_err(|error| Failure::io(format!("cannot listen for the browser: {error}")))?;
        Ok(Self { listener, address })
    }

    /// The address, for `redirect_to`.
    #[must_use]
    pub fn address(&self) -> &Url {
        &self.address
    }

    /// Waits for the session.
    ///
    /// # Errors
    /// A sign-in that was refused, or that nobody ended.
    pub async fn session(self) -> Outcome<Brought> {
        let Self { listener, address } = self;
        let (sender, brought) = oneshot::channel();
        let visit = Arc::new(Visit {
            authority: address[url::Position::BeforeHost..url::Position::AfterPort].to_owned(),
            path: address.path().to_owned(),
            sender: Mutex::new(Some(sender)),
            is_leaving: AtomicBool::new(false),
            has_left: Notify::new(),
        });
        let serving = tokio::spawn(serve(listener, Arc::clone(&visit)));
        let brought = timeout(PATIENCE, brought).await;
        if brought.is_ok() {
            let _ = timeout(FAREWELL, visit.has_left.notified()).await;
        }
        serving.abort();
        match brought {
            Ok(Ok(brought)) => brought,
            Ok(Err(_)) | Err(_) => {
                Err(Failure::io("nobody has signed in").help("run the same command again"))
            }
        }
    }
}

/// What is waited for.
struct Visit {
    /// Host and port.
    authority: String,
    path: String,
    sender: Mutex<Option<oneshot::Sender<Outcome<Brought>>>>,
    /// Whether the last page is on its way to the browser.
    is_leaving: AtomicBool,
    /// It has been sent.
    has_left: Notify,
}

async fn serve(listener: TcpListener, visit: Arc<Visit>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, perhaps: not for long.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let visit = Arc::clone(&visit);
        tokio::spawn(async move {
            let answer = |request: Request<Incoming>| {
                let answer = visit.answer(&request);
                async { Ok::<_, Infallible>(answer) }
            };
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), hyper::service::service_fn(answer));
            let _ = timeout(CONNECTION_LIMIT, connection).await;
            if visit.is_leaving.load(Ordering::Relaxed) {
                visit.has_left.notify_one();
            }
            drop(slot);
        });
    }
}

type Page = Response<Full<Bytes>>;

impl Visit {
    fn answer<B>(&self, request: &Request<B>) -> Page {
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
            FAILED => page(
                StatusCode::OK,
                "You are not signed in. The terminal says why; this page can be closed.",
            ),
            path if path == self.path => self.take(request.uri().query().unwrap_or_default()),
            _ => page(StatusCode::NOT_FOUND, "There is nothing here."),
        }
    }

    /// Takes what a browser brings, and sends it on to an address that holds none of it.
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
        let _ = sender.send(brought);
        let mut response = page(StatusCode::SEE_OTHER, "");
        response
            .headers_mut()
            .insert(header::LOCATION, HeaderValue::from_static(next));
        response
    }
}

/// What stands in the query: a session, or why there is none. Nothing, for anything else.
fn read(query: &str) -> Option<Outcome<Brought>> {
    let mut pairs = HashMap::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        // Two of a name leave open which one counts.
        if pairs.insert(name, value).is_some() {
            return None;
        }
    }
    let value = |name| pairs.get(name).filter(|value| !value.is_empty());
    if let (Some(session), Some(identity)) = (value("session_id"), value("sub")) {
        // It goes into a header.
        let is_token = session.bytes().all(|byte| byte.is_ascii_graphic());
        let identity = identity.parse().ok().filter(|_| is_token)?;
        let session = Zeroizing::new(session.to_string());
        return Some(Ok(Brought { session, identity }));
    }
    let (code, error) = (value("code")?, value("error")?);
    let plain = |text: &str| -> String {
        let text = text.chars().filter(|letter| !letter.is_control());
        text.take(300).collect()
    };
    Some(Err(Failure::bad(format!(
        "cannot sign in: {}",
        plain(error)
    ))
    .code(&plain(code))))
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
    use super::*;

    const GOOD: &str = "session_id=s-1&sub=git%7C7%7CAda&nickname=Ada&provider=Github&exp=1";

    fn visit() -> (Visit, oneshot::Receiver<Outcome<Brought>>) {
        let (sender, receiver) = oneshot::channel();
        let visit = Visit {
            authority: "127.0.0.1:7".to_owned(),
            path: "/secret".to_owned(),
            sender: Mutex::new(Some(sender)),
            is_leaving: AtomicBool::new(false),
            has_left: Notify::new(),
        };
        (visit, receiver)
    }

    fn asked(visit: &Visit, method: &str, host: &str, path: &str) -> (u16, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", host)
            .body(())
            .unwrap();
        let answer = visit.answer(&request);
        let location = answer.headers().get("location");
        let location = location.map_or("", |value| value.to_str().unwrap());
        assert_eq!(answer.headers()["cache-control"], "no-store");
        (answer.status().as_u16(), location.to_owned())
    }

    #[test]
    fn a_session_is_taken_once_and_only_at_its_own_address() {
        let (visit, mut brought) = visit();
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
            let (status, _) = asked(&visit, method, host, path);
            assert!(
                matches!(status, 400 | 404),
                "{method} {host} {path}: {status}"
            );
            assert!(brought.try_recv().is_err(), "{method} {host} {path}");
        }
        let answer = asked(&visit, "GET", "127.0.0.1:7", &own);
        assert_eq!(answer, (303, DONE.to_owned()));
        let session = brought.try_recv().unwrap().unwrap();
        assert_eq!(session.session.as_str(), "s-1");
        assert_eq!(session.identity.as_str(), "git|7|Ada");
        let (status, _) = asked(&visit, "GET", "127.0.0.1:7", &own);
        assert_eq!(status, 409, "a second one is not taken");
        assert_eq!(asked(&visit, "GET", "127.0.0.1:7", DONE).0, 200);
    }

    #[test]
    fn a_refusal_is_told_with_its_reason() {
        let (visit, mut brought) = visit();
        let path = "/secret?code=AuthErrorPayload%3A%3AUserCreatedAfterDeadline&error=user+created+after%0Adeadline";
        let answer = asked(&visit, "GET", "127.0.0.1:7", path);
        assert_eq!(answer, (303, FAILED.to_owned()));
        let failure = brought.try_recv().unwrap().err().unwrap();
        assert_eq!(
            failure.text(),
            "cannot sign in: user created afterdeadline [AuthErrorPayload::UserCreatedAfterDeadline]"
        );
    }

    #[test]
    fn only_what_a_browser_opens_is_a_link() {
        let link = |url: &str| {
            let links = AuthLinks {
                eth_auth_url: String::new(),
                github_auth_url: url.to_owned(),
            };
            let how = InBrowser {
                provider: AuthProvider::Github,
                opens: false,
            };
            how.link(&links).is_ok()
        };
        assert!(link("https://a.org/auth/start/github?x=1"));
        for bad in ["", "file:///etc/passwd", "javascript:1", "mailto:a@b", "-h"] {
            assert!(!link(bad), "{bad}");
        }
    }
}

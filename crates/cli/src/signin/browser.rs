//! Signing in in a browser. The program shows a link, and the browser ends at an address on this
//! machine with a session (`docs/spec/http-api.md#links`, `redirect_to`).
//!
//! The address is a loopback one, since the coordinator sends sessions to no others, and contains a
//! secret that is made for this sign-in. So neither a page of another site nor another program that
//! finds the port can make this program accept a session of theirs and contribute in their name.
//! The host is compared too, so that no name of theirs that resolves to this machine works (DNS
//! rebinding). Only the first session is accepted.

mod redirect;

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use rand_core::{OsRng, RngCore};
use reqwest::Url;
use tauline_protocol::auth::{AuthLinks, AuthProvider};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};

pub use self::redirect::BrowserSession;
use self::redirect::PendingSignIn;
use super::InBrowser;
use crate::exit::{Failure, Outcome};

/// How long signing in may take. Longer than the ten minutes for which coordinators accept
/// the link, and short enough to end a program that nobody looks at.
const SIGN_IN_LIMIT: Duration = Duration::from_secs(30 * 60);

/// How long a connection may last. A browser sends its request at once.
const CONNECTION_LIMIT: Duration = Duration::from_secs(10);

/// How many connections may be open at a time. A browser opens a few, and nothing else should
/// connect.
const MAX_CONNECTIONS: usize = 16;

/// How long a browser may take to load the last page. Much longer than a page from the same
/// machine takes, and too short to annoy a person.
const LAST_PAGE_LIMIT: Duration = Duration::from_secs(2);

/// Length of the secret in the address, in bytes: 256 bits cannot be guessed.
const SECRET_LEN: usize = 32;

impl InBrowser {
    /// The link at which to sign in.
    ///
    /// # Errors
    /// A text that is not a link for a browser.
    pub fn link(self, links: &AuthLinks) -> Outcome<Url> {
        let text = match self.provider {
            AuthProvider::Github => &links.github_auth_url,
            AuthProvider::Ethereum => &links.eth_auth_url,
        };
        // Any other scheme would open another program than a browser.
        Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                Failure::bad("the coordinator gave out no link to sign in at")
                    .help("tell the ceremony's operator")
            })
    }
}

/// Opens a link in the desktop's browser, if there is a desktop. Failures are ignored, since the
/// link is printed as well.
pub fn show(link: &Url) {
    let desktop = cfg!(any(target_os = "macos", windows))
        || ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    if desktop {
        let _ = open::that_detached(link.as_str());
    }
}

/// Listens for a browser that has signed in.
pub struct RedirectListener {
    listener: TcpListener,
    address: Url,
}

impl RedirectListener {
    /// Listens at a loopback address that nobody can guess.
    ///
    /// # Errors
    /// When there is no free port.
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
    /// A sign-in that was refused, or took too long.
    pub async fn session(self) -> Outcome<BrowserSession> {
        let Self { listener, address } = self;
        let (sender, brought) = oneshot::channel();
        let pending = Arc::new(PendingSignIn::new(&address, sender));
        let serving = tokio::spawn(serve(listener, Arc::clone(&pending)));
        let brought = timeout(SIGN_IN_LIMIT, brought).await;
        if brought.is_ok() {
            let _ = timeout(LAST_PAGE_LIMIT, pending.has_left.notified()).await;
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

async fn serve(listener: TcpListener, pending: Arc<PendingSignIn>) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            // Perhaps there are no file descriptors left, which may pass.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let pending = Arc::clone(&pending);
        tokio::spawn(async move {
            let answer = |request: Request<Incoming>| {
                let answer = pending.answer(&request);
                async { Ok::<_, Infallible>(answer) }
            };
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), hyper::service::service_fn(answer));
            let _ = timeout(CONNECTION_LIMIT, connection).await;
            if pending.is_leaving.load(Ordering::Relaxed) {
                pending.has_left.notify_one();
            }
            drop(slot);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

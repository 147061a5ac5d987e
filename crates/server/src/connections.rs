//! Connections: taken, served, and ended when nothing goes on on them.

mod activity;
mod kept;
mod places;
mod refusals;
mod stream;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

use crate::routes::Peer;

use self::activity::{Activity, Expiry};
use self::kept::{Answer, Asked};
use self::stream::Watched;

pub(crate) use self::activity::Times;
pub(crate) use self::places::{Caps, Place, Places};

/// How long to wait after a connection could not be accepted, as when all file descriptors are
/// taken: some will be freed.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Bytes that the kernel takes for a connection beyond those that are on their way, where the system
/// lets one say so (Linux, macOS). Enough for 2 Gbit/s at the 100 µs that waking a task takes, and
/// little enough that a link of 4 KB/s is seen to move within `--write-timeout`.
const UNSENT: u32 = 32 * 1024;

/// Longest head of a request, in bytes. A session, a cookie and what proxies add are some 2 KB; other
/// servers take 8 (nginx, for a line) or 16 KB (Node.js).
const LONGEST_HEAD: usize = 16 * 1024;

/// Bytes that are read at a time, and that wait to be written before more are asked for.
const BUFFER: usize = 64 * 1024;

/// What a connection gets that is refused, if it listens.
const NO_ROOM: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// Files that are open beside connections: the database, the transcript's pieces, the operator's
/// socket, requests to identity providers. Some 150 at the most.
const OTHER_FILES: usize = 256;

/// How many connections there may be by the limit on open files: all but what the rest needs, or
/// half where that is little.
pub(crate) fn by_open_files() -> usize {
    use rustix::process::{Resource, getrlimit};
    let files = getrlimit(Resource::Nofile).current;
    let files = files.map_or(usize::MAX, |files| {
        usize::try_from(files).unwrap_or(usize::MAX)
    });
    files.saturating_sub(OTHER_FILES).max(files / 2)
}

/// Takes connections and serves them, until it is dropped; those that are served go on.
pub(crate) async fn accept(
    listener: &TcpListener,
    router: Router,
    times: Times,
    places: Arc<Places>,
    connections: &GracefulShutdown,
) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let activity = Arc::new(Activity::new(times));
                match places.take(peer.ip(), &activity) {
                    Some(place) => {
                        let place = Arc::new(place);
                        let visitor = Visitor {
                            peer,
                            place,
                            activity,
                        };
                        tokio::spawn(serve(stream, visitor, router.clone(), times, connections));
                    }
                    None => {
                        let _ = stream.try_write(NO_ROOM);
                    }
                }
            }
            Err(error) => {
                tracing::debug!(%error, "a connection could not be accepted");
                places.failed();
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

/// Who is at the other end.
#[derive(Clone)]
struct Visitor {
    peer: SocketAddr,
    place: Arc<Place>,
    activity: Arc<Activity>,
}

fn serve(
    stream: TcpStream,
    visitor: Visitor,
    router: Router,
    times: Times,
    connections: &GracefulShutdown,
) -> impl Future<Output = ()> + use<> {
    let peer = visitor.peer;
    // Answers are small and awaited: none should wait for a second packet.
    let _ = stream.set_nodelay(true);
    let socket = SockRef::from(&stream);
    // Without it the kernel keeps up to 4 MB, and a slow reader seems to stand still.
    let _ = socket.set_tcp_notsent_lowat(UNSENT);
    // Who does not even acknowledge what arrives is gone: the kernel's own limit is a quarter of an
    // hour.
    let _ = socket.set_tcp_user_timeout(Some(times.write));
    let stream = Watched::new(stream, Arc::clone(&visitor.activity));
    let expiry = Expiry::new(Arc::clone(&visitor.activity));
    let service =
        hyper::service::service_fn(move |request| answer(visitor.clone(), router.clone(), request));
    let connection = hyper::server::conn::http1::Builder::new()
        // Its time would begin with the pause before a request.
        .header_read_timeout(None)
        .max_header_size(LONGEST_HEAD)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    let watched = connections.watch(connection);
    async move {
        tokio::select! {
            biased;
            ended = watched => {
                if let Err(error) = ended {
                    tracing::trace!(%peer, %error, "a connection ended badly");
                }
            }
            () = expiry => tracing::trace!(%peer, "a connection was idle, or stood still, for too long"),
        }
    }
}

async fn answer(
    visitor: Visitor,
    router: Router,
    mut request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Answer>, Infallible> {
    let len = hyper::body::Body::size_hint(request.body()).exact();
    let exchange = visitor.activity.exchange(len);
    let extensions = request.extensions_mut();
    extensions.insert(Peer(visitor.peer.ip()));
    extensions.insert(visitor.place);
    let request = request.map(|body| Body::new(Asked::new(body, Arc::clone(&exchange))));
    let response = router.oneshot(request).await?;
    Ok(response.map(|body| Answer::new(body, exchange)))
}

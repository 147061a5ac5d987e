//! Connections: taken, served, and ended when nothing goes on on them.

mod activity;
mod kept;
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

/// How long to wait after a connection could not be accepted, as when all file descriptors are
/// taken: some will be freed.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Bytes that the kernel takes for a connection beyond those that are on their way, where the system
/// lets one say so (Linux, macOS). Enough for 5 Gbit/s at the 100 µs that waking a task takes, and
/// little enough that a link of 4 KB/s is seen to move within `--write-timeout`.
const UNSENT: u32 = 64 * 1024;

/// Takes connections and serves them, until it is dropped; those that are served go on.
pub(crate) async fn accept(
    listener: &TcpListener,
    router: Router,
    times: Times,
    connections: &GracefulShutdown,
) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let serving = serve(stream, peer, router.clone(), times, connections);
                tokio::spawn(serving);
            }
            Err(error) => {
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    times: Times,
    connections: &GracefulShutdown,
) -> impl Future<Output = ()> + use<> {
    // Answers are small and awaited: none should wait for a second packet.
    let _ = stream.set_nodelay(true);
    // Without it the kernel keeps up to 4 MB, and a slow reader seems to stand still.
    let _ = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT);
    let activity = Arc::new(Activity::new(times));
    let stream = Watched::new(stream, Arc::clone(&activity));
    let expiry = Expiry::new(Arc::clone(&activity));
    let service = hyper::service::service_fn(move |request| {
        answer(Arc::clone(&activity), peer, router.clone(), request)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        // Its time would begin with the pause before a request.
        .header_read_timeout(None)
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
    activity: Arc<Activity>,
    peer: SocketAddr,
    router: Router,
    mut request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Answer>, Infallible> {
    let len = hyper::body::Body::size_hint(request.body()).exact();
    let exchange = activity.exchange(len);
    request.extensions_mut().insert(Peer(peer.ip()));
    let request = request.map(|body| Body::new(Asked::new(body, Arc::clone(&exchange))));
    let response = router.oneshot(request).await?;
    Ok(response.map(|body| Answer::new(body, exchange)))
}

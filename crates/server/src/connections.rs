//! Connections: taken, served, and ended when nothing happens on them.

mod activity;
mod bodies;
mod handshake;
mod heads;
mod places;
mod refusals;
mod stream;

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tower::ServiceExt as _;

use crate::addresses::Peer;
use crate::tls::Tls;

use self::activity::{Activity, Exchange, Expiry};
use self::bodies::{RequestBody, ResponseBody};
use self::handshake::shake_hands;
use self::heads::MAX_HEAD;
use self::stream::{Socket, Watched, Wire};

pub(crate) use self::activity::Times;
pub(crate) use self::places::{Caps, Place, Places};

/// How long to wait after a connection could not be accepted, as when all file descriptors are
/// taken: some will be freed.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Bytes that the kernel takes for a connection beyond those that are on their way, where the system
/// lets one say so (Linux, macOS). Enough for 2 Gbit/s at the 100 µs that waking a task takes, and
/// little enough that a link of 4 KB/s is seen to move within `--write-timeout`.
const UNSENT: u32 = 32 * 1024;

/// Bytes that are read at a time, and that wait to be written before more are asked for.
const BUFFER: usize = 64 * 1024;

/// The answer to a connection that is refused.
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

/// Takes connections and serves them, within TLS if there is any, until it is dropped. Connections that are
/// served go on until `stopping` becomes true, and then finish what they are doing.
pub(crate) async fn accept(
    listener: &TcpListener,
    tls: Option<Arc<Tls>>,
    router: Router,
    times: Times,
    places: Arc<Places>,
    stopping: watch::Receiver<bool>,
) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let activity = Arc::new(Activity::new(times));
                match places.take(peer.ip(), &activity) {
                    Some(place) => {
                        prepare(&stream, times);
                        let connection = Connection {
                            peer,
                            place: Arc::new(place),
                            expiry: Expiry::new(Arc::clone(&activity)),
                            activity,
                            router: router.clone(),
                            stopping: stopping.clone(),
                        };
                        let (tls, places) = (tls.clone(), Arc::clone(&places));
                        tokio::spawn(connection.serve(stream, tls, places));
                    }
                    // Within TLS, saying so would cost more than a connection.
                    None if tls.is_some() => {}
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

fn prepare(stream: &TcpStream, times: Times) {
    // Answers are small and awaited: none should wait for a second packet.
    let _ = stream.set_nodelay(true);
    let socket = SockRef::from(stream);
    // Without it the kernel keeps up to 4 MB, and a slow reader seems to stand still.
    let _ = socket.set_tcp_notsent_lowat(UNSENT);
    // A peer that does not even acknowledge what arrives is gone; the kernel alone would wait for a
    // quarter of an hour.
    let _ = socket.set_tcp_user_timeout(Some(times.write));
}

/// A connection that is served.
struct Connection {
    peer: SocketAddr,
    place: Arc<Place>,
    activity: Arc<Activity>,
    expiry: Expiry,
    router: Router,
    stopping: watch::Receiver<bool>,
}

/// A connection that waits for its next request, and the bytes of it that were sent ahead.
struct Waiting {
    wire: Wire,
    ahead: Bytes,
}

impl Connection {
    async fn serve(mut self, stream: TcpStream, tls: Option<Arc<Tls>>, places: Arc<Places>) {
        let Some(wire) = self.begin(stream, tls).await else {
            return;
        };
        let ahead = Bytes::new();
        let mut waiting = Waiting { wire, ahead };
        loop {
            let Waiting { mut wire, ahead } = waiting;
            let head = tokio::select! {
                biased;
                _ = self.stopping.wait_for(|stopping| *stopping) => return wire.end(),
                head = places.heads.read(&mut wire, &self.activity, &ahead) => head,
                () = &mut self.expiry => return wire.end(),
            };
            let head = match head {
                Ok(Some(head)) => head,
                Ok(None) => return,
                Err(_) => {
                    places.refused();
                    return wire.end_with(NO_ROOM);
                }
            };
            // Boxed, so that a connection that waits is small.
            match Box::pin(self.converse(wire, head)).await {
                Some(next) => waiting = next,
                None => return,
            }
        }
    }

    /// Shakes hands where TLS is spoken. `None` when the connection has ended.
    async fn begin(&mut self, stream: TcpStream, tls: Option<Arc<Tls>>) -> Option<Wire> {
        let socket = Socket::new(stream, Arc::clone(&self.activity));
        let Some(tls) = tls else {
            return Some(Wire::Plain(socket));
        };
        // Boxed as above, and dropped at its end.
        let hands = Box::pin(shake_hands(socket, &self.activity, &tls));
        tokio::select! {
            biased;
            _ = self.stopping.wait_for(|stopping| *stopping) => None,
            wire = hands => wire,
            () = &mut self.expiry => None,
        }
    }

    /// Serves one request, and those sent ahead with it, until nothing of them is left. `None` when
    /// the connection has ended.
    async fn converse(&mut self, wire: Wire, head: Bytes) -> Option<Waiting> {
        let stream = Watched::new(wire, head, Arc::clone(&self.activity));
        let (peer, place) = (self.peer.ip(), Arc::clone(&self.place));
        let (activity, router) = (Arc::clone(&self.activity), self.router.clone());
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            request.extensions_mut().insert(Arc::clone(&place));
            answer(activity.exchange(), router.clone(), request)
        });
        let mut connection = hyper::server::conn::http1::Builder::new()
            // Ours begin with the first byte of a request, not with the pause before it.
            .header_read_timeout(None)
            .max_header_size(MAX_HEAD)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(stream), service);
        let mut is_stopping = false;
        loop {
            let activity = &self.activity;
            let until_quiet = poll_fn(|cx| match Pin::new(&mut connection).poll(cx) {
                Poll::Ready(ended) => Poll::Ready(Some(ended)),
                Poll::Pending if activity.is_quiet() && !is_stopping => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            });
            tokio::select! {
                biased;
                ended = until_quiet => match ended {
                    None => break,
                    Some(ended) => {
                        if let Err(error) = ended {
                            tracing::trace!(%peer, %error, "a connection ended badly");
                        }
                        return None;
                    }
                },
                _ = self.stopping.wait_for(|stopping| *stopping), if !is_stopping => {
                    is_stopping = true;
                    Pin::new(&mut connection).graceful_shutdown();
                }
                () = &mut self.expiry => {
                    tracing::trace!(%peer, "a connection stood still for too long");
                    return None;
                }
            }
        }
        let parts = connection.into_parts();
        let (wire, before) = parts.io.into_inner().into_parts();
        let ahead = match before.is_empty() {
            true => parts.read_buf,
            false => [parts.read_buf, before].concat().into(),
        };
        Some(Waiting { wire, ahead })
    }
}

async fn answer(
    exchange: Arc<Exchange>,
    router: Router,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<ResponseBody>, Infallible> {
    let request = request.map(|body| Body::new(RequestBody::new(body, Arc::clone(&exchange))));
    let response = router.oneshot(request).await?;
    Ok(response.map(|body| ResponseBody::new(body, exchange)))
}

//! The beginning of a connection within TLS.
//!
//! Until the first byte there is nothing for it but the connection. From then on the handshake has the time
//! of a request's head, and may have as many bytes as an honest one needs.

use tokio_rustls::TlsAcceptor;

use super::activity::Activity;
use super::stream::{Socket, Wire};
use crate::tls::Tls;

/// What the first byte is of those who speak TLS: the type of a record that belongs to a handshake (RFC 8446,
/// section 5.1).
const HANDSHAKE: u8 = 22;

/// Bytes that a client needs for its side of the handshake at most. A browser's has some 2 KB, with keys
/// against quantum computers.
const MAX_HANDSHAKE: usize = 8 * 1024;

/// What who speaks plain HTTP is told.
const SPEAK_TLS: &str = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 55\r\n\r\n\
                         this address speaks HTTPS: ask again with https:// URLs";

/// Bytes of a request that are read before it is refused: were they left unread, the system would throw the
/// answer away with them.
const REFUSED: usize = 16 * 1024;

/// Shakes hands. `None` when the other side is gone, or cannot do it.
pub(super) async fn shake_hands(
    mut socket: Socket,
    activity: &Activity,
    tls: &Tls,
) -> Option<Wire> {
    let mut first = [0];
    match socket.stream().peek(&mut first).await {
        Ok(1) if first == [HANDSHAKE] => {}
        Ok(1) if first[0].is_ascii_uppercase() => {
            let _ = socket.stream().try_read(&mut [0; REFUSED]);
            Wire::Plain(socket).end_with(SPEAK_TLS.as_bytes());
            return None;
        }
        _ => return None,
    }
    activity.handshake();
    socket.limit_reading(Some(MAX_HANDSHAKE));
    match TlsAcceptor::from(tls.config()).accept(socket).await {
        Ok(mut stream) => {
            stream.get_mut().0.limit_reading(None);
            activity.handshake_is_over();
            Some(Wire::Tls(Box::new(stream)))
        }
        Err(error) => {
            tracing::trace!(%error, "a TLS handshake failed");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_of_plain_http_states_its_length() {
        let (head, body) = SPEAK_TLS.split_once("\r\n\r\n").unwrap();
        let stated = format!("Content-Length: {}", body.len());
        assert!(head.lines().any(|line| line == stated), "{head}");
    }
}

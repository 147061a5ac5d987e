//! The head of a request, read before anything is set up to serve it.
//!
//! Most connections, most of the time, wait for a request, and an attacker's wait for ever. So while
//! one waits there is nothing for it but the bytes that have come: no parser, no buffers.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, ready};

use axum::body::Bytes;
use tokio::io::{AsyncRead, ReadBuf};

use super::activity::Activity;

/// Longest head of a request, in bytes. A session, a cookie and what proxies add are some 2 KB; other
/// servers take 8 (nginx, for a line) or 16 KB (Node.js).
pub(super) const MAX_HEAD: usize = 16 * 1024;

/// Bytes that are read at a time.
const PIECE: usize = 4 * 1024;

/// Bytes of a head that every connection may have: what all but a few requests need.
const OWN: usize = 4 * 1024;

/// Bytes that all heads together may have beyond that: 682 of the longest.
const SHARED: usize = 8 << 20;

/// What unfinished heads have of [`SHARED`].
#[derive(Debug, Default)]
pub(super) struct Heads(AtomicUsize);

/// The bytes that long heads share are used up.
#[derive(Debug)]
pub(super) struct TooManyLongHeads;

impl Heads {
    /// Reads until the head is whole, or cannot become one; hyper then says what is wrong with it. Bytes
    /// that came after the head are included. `None` when the other side is gone.
    ///
    /// # Errors
    /// [`TooManyLongHeads`].
    pub(super) async fn read(
        &self,
        stream: &mut (impl AsyncRead + Unpin),
        activity: &Activity,
        ahead: &[u8],
    ) -> Result<Option<Bytes>, TooManyLongHeads> {
        let mut head = Unfinished {
            heads: self,
            bytes: Vec::new(),
            shared: 0,
        };
        head.push(ahead)?;
        let mut is_whole = activity.read(ahead);
        while !is_whole && head.may_become_whole() {
            match head.read_piece(stream).await? {
                Ok(0) | Err(_) => return Ok(None),
                Ok(read) => {
                    let piece = head.bytes.len() - read;
                    is_whole = activity.read(head.bytes.get(piece..).unwrap_or_default());
                }
            }
        }
        Ok(Some(std::mem::take(&mut head.bytes).into()))
    }
}

struct Unfinished<'a> {
    heads: &'a Heads,
    bytes: Vec<u8>,
    shared: usize,
}

impl Unfinished<'_> {
    /// Waits for more bytes and appends them; says how many there were, nothing at the end. There is no
    /// buffer while it waits.
    async fn read_piece(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> Result<io::Result<usize>, TooManyLongHeads> {
        poll_fn(|cx| {
            let mut piece = [0; PIECE];
            let mut buffer = ReadBuf::new(&mut piece);
            if let Err(error) = ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer)) {
                return Poll::Ready(Ok(Err(error)));
            }
            let piece = buffer.filled();
            Poll::Ready(self.push(piece).map(|()| Ok(piece.len())))
        })
        .await
    }

    fn push(&mut self, piece: &[u8]) -> Result<(), TooManyLongHeads> {
        let shared = (self.bytes.len() + piece.len()).saturating_sub(OWN);
        let more = shared.saturating_sub(self.shared);
        if more > 0 {
            let before = self.heads.0.fetch_add(more, Ordering::Relaxed);
            self.shared = shared;
            if before + more > SHARED {
                return Err(TooManyLongHeads);
            }
        }
        self.bytes.reserve_exact(piece.len());
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// Whether this is text, and not too long.
    fn may_become_whole(&self) -> bool {
        let is_text = |byte: &u8| matches!(byte, b'\t' | b'\r' | b'\n') || !byte.is_ascii_control();
        self.bytes.len() < MAX_HEAD && self.bytes.iter().all(is_text)
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.heads.0.fetch_sub(self.shared, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_heads_share_a_bound_and_short_ones_need_none() {
        let heads = Heads::default();
        let unfinished = || Unfinished {
            heads: &heads,
            bytes: Vec::new(),
            shared: 0,
        };
        let mut all = Vec::new();
        loop {
            let mut head = unfinished();
            if head.push(&[b'x'; MAX_HEAD]).is_err() {
                break;
            }
            all.push(head);
        }
        assert_eq!(all.len(), SHARED / (MAX_HEAD - OWN));
        let left = SHARED % (MAX_HEAD - OWN);
        let mut short = unfinished();
        short.push(&[b'x'; OWN - 1]).unwrap();
        short.push(b"x").unwrap();
        short.push(&vec![b'x'; left]).unwrap();
        assert!(short.push(b"x").is_err());
        all.pop();
        drop(short);
        unfinished().push(&[b'x'; MAX_HEAD]).unwrap();
        drop(all);
        assert_eq!(heads.0.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_is_no_text_is_no_head() {
        let heads = Heads::default();
        for (bytes, may) in [
            (&b"GET / HTTP/1.1\r\nX: \xc3\xa9\t"[..], true),
            (b"", true),
            (b"\x16\x03\x01", false),
            (b"GET /\0", false),
            (&[b'x'; MAX_HEAD], false),
        ] {
            let mut head = Unfinished {
                heads: &heads,
                bytes: Vec::new(),
                shared: 0,
            };
            head.push(bytes).unwrap();
            assert_eq!(head.may_become_whole(), may);
        }
    }
}

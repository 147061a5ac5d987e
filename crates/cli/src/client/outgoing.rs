//! A document that can be sent while it is still being written.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Bytes in each piece of a document that is sent. Progress is shown in these steps.
const PIECE_LEN: usize = 32 << 10;

/// A document whose length is known and whose bytes are being written. It keeps all of them, so
/// that it can be sent again. Clones share the document.
#[derive(Clone)]
pub struct Outgoing(Arc<Shared>);

struct Shared {
    len: usize,
    bytes: Mutex<Vec<u8>>,
    state: watch::Sender<State>,
}

/// How far writing has come.
#[derive(Clone, Copy, Default)]
struct State {
    written: usize,
    may_be_sent: bool,
    /// Whether the writer was dropped before the document was whole.
    failed: bool,
}

/// Writes a document. Dropping it before the document is whole means failure.
pub(crate) struct Writer(Outgoing);

impl Outgoing {
    /// A document of which nothing is written yet, and its writer.
    pub(crate) fn of_len(len: usize) -> (Self, Writer) {
        let outgoing = Self(Arc::new(Shared {
            len,
            bytes: Mutex::new(Vec::with_capacity(len)),
            state: watch::Sender::new(State::default()),
        }));
        (outgoing.clone(), Writer(outgoing))
    }

    /// A document that is whole.
    pub(crate) fn of_bytes(bytes: Vec<u8>) -> Self {
        let (outgoing, writer) = Self::of_len(bytes.len());
        writer.append(&bytes);
        outgoing
    }

    /// The length of the whole document.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.len as u64
    }

    /// Whether it has no bytes, which no document has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.len == 0
    }

    /// How many bytes are written.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.0.state.borrow().written as u64
    }

    /// Whether all of it is written.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.written() == self.len()
    }

    /// The bytes written so far.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.bytes().clone()
    }

    /// Waits until sending may begin. False when the writer has failed.
    pub async fn may_be_sent(&self) -> bool {
        let mut state = self.0.state.subscribe();
        let state = state.wait_for(|state| state.may_be_sent || state.failed);
        state.await.is_ok_and(|state| !state.failed)
    }

    /// Waits until all of it is written. False when the writer has failed.
    pub async fn is_finished(&self) -> bool {
        let mut state = self.0.state.subscribe();
        let state = state.wait_for(|state| state.written == self.0.len || state.failed);
        state.await.is_ok_and(|state| !state.failed)
    }

    /// Waits until the writer fails, which may be for ever.
    pub async fn has_failed(&self) {
        let mut state = self.0.state.subscribe();
        if state.wait_for(|state| state.failed).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The document as a request body, which grows as it is written. `sent` counts the bytes taken
    /// from it.
    pub(crate) fn pieces(&self, sent: &Arc<AtomicU64>) -> reqwest::Body {
        let start = (self.clone(), Arc::clone(sent), 0);
        reqwest::Body::wrap_stream(futures_util::stream::try_unfold(
            start,
            async |(document, sent, start)| {
                let Some(piece) = document.piece(start).await? else {
                    return Ok::<_, std::io::Error>(None);
                };
                let end = start + piece.len();
                sent.store(end as u64, Ordering::Relaxed);
                Ok(Some((piece, (document, sent, end))))
            },
        ))
    }

    /// The piece after the first `start` bytes, as soon as it is written; nothing at the end.
    async fn piece(&self, start: usize) -> std::io::Result<Option<Vec<u8>>> {
        if start == self.0.len {
            return Ok(None);
        }
        let mut state = self.0.state.subscribe();
        let there = state.wait_for(|state| state.written > start || state.failed);
        let there = there.await.is_ok_and(|state| state.written > start);
        if !there {
            return Err(std::io::Error::other("the document was not finished"));
        }
        let bytes = self.bytes();
        let end = bytes.len().min(start + PIECE_LEN);
        Ok(Some(bytes[start..end].to_vec()))
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// Appends bytes. A document that is whole may be sent.
    pub(crate) fn append(&self, bytes: &[u8]) {
        let Outgoing(shared) = &self.0;
        let mut all = self.0.bytes();
        all.extend_from_slice(bytes);
        debug_assert!(all.len() <= shared.len);
        let written = all.len();
        drop(all);
        shared.state.send_modify(|state| {
            state.written = written;
            state.may_be_sent |= written == shared.len;
        });
    }

    /// Lets sending begin before the document is whole.
    pub(crate) fn let_it_be_sent(&self) {
        self.0.0.state.send_modify(|state| state.may_be_sent = true);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.0.is_whole() {
            self.0.0.state.send_modify(|state| state.failed = true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pieces_come_as_they_are_written_and_all_of_them_again() {
        let document: Vec<u8> = (0..100_000).map(|i| (i % 251) as u8).collect();
        let (outgoing, writer) = Outgoing::of_len(document.len());
        writer.append(&document[..PIECE_LEN + 7]);
        let first = outgoing.piece(0).await.unwrap().unwrap();
        assert_eq!(first, document[..PIECE_LEN]);
        let second = outgoing.piece(PIECE_LEN).await.unwrap().unwrap();
        assert_eq!(second, document[PIECE_LEN..PIECE_LEN + 7]);
        assert!(!outgoing.is_whole());
        let rest = tokio::spawn({
            let outgoing = outgoing.clone();
            async move { outgoing.piece(PIECE_LEN + 7).await.unwrap().unwrap() }
        });
        writer.append(&document[PIECE_LEN + 7..]);
        drop(writer);
        assert!(!rest.await.unwrap().is_empty());
        for _ in 0..2 {
            let mut all = Vec::new();
            while let Some(piece) = outgoing.piece(all.len()).await.unwrap() {
                all.extend(piece);
            }
            assert_eq!(all, document);
        }
        assert!(outgoing.may_be_sent().await);
    }

    #[tokio::test]
    async fn a_document_that_is_not_finished_is_never_sent_as_one() {
        let (outgoing, writer) = Outgoing::of_len(10);
        writer.append(b"12345");
        writer.let_it_be_sent();
        assert!(outgoing.may_be_sent().await);
        drop(writer);
        assert!(!outgoing.may_be_sent().await);
        outgoing.has_failed().await;
        assert_eq!(outgoing.piece(0).await.unwrap().unwrap(), b"12345");
        assert!(outgoing.piece(5).await.is_err());
    }

    /// A coordinator that tells when the bytes before `mark` have arrived, and answers at the end.
    async fn coordinator(
        listener: tokio::net::TcpListener,
        mark: &'static [u8],
        seen: tokio::sync::oneshot::Sender<()>,
        end: &'static [u8],
    ) -> Vec<u8> {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut all, mut seen) = (Vec::new(), Some(seen));
        let has = |all: &[u8], part: &[u8]| all.windows(part.len()).any(|it| it == part);
        while !has(&all, end) {
            assert!(stream.read_buf(&mut all).await.unwrap() > 0, "cut off");
            if has(&all, mark)
                && let Some(seen) = seen.take()
            {
                seen.send(()).unwrap();
            }
        }
        let receipt = r#"{"receipt":"r","signature":"s"}"#;
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length";
        let answer = format!("{head}: {}\r\n\r\n{receipt}", receipt.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
        all
    }

    #[tokio::test]
    async fn the_first_sub_ceremonies_arrive_before_the_last_is_computed() {
        use crate::client::{Client, Form, http, parse_server};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let url = parse_server(&url).unwrap();
        let client = Client::new(http(&url).unwrap(), url);
        let (seen, is_seen) = tokio::sync::oneshot::channel();
        let coordinator = tokio::spawn(coordinator(listener, b"the first", seen, b"the last"));

        let (outgoing, writer) = Outgoing::of_len(17);
        writer.append(b"the first");
        writer.let_it_be_sent();
        assert!(outgoing.may_be_sent().await);
        let rest = async {
            // The rest is not written before the beginning has arrived.
            is_seen.await.unwrap();
            assert!(!outgoing.is_whole());
            writer.append(b"the last");
        };
        let upload = client.complete(Form::Json, &outgoing, &|_, _| {});
        let (receipt, ()) = tokio::join!(upload, rest);
        assert_eq!(receipt.unwrap().receipt, "r");
        let request = String::from_utf8(coordinator.await.unwrap()).unwrap();
        assert!(request.contains("content-length: 17"), "{request}");
    }
}

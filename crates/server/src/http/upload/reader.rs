//! A contribution's body between the connection, which is async, and the reader, which blocks.
//!
//! The connection's task hands pieces over; a blocking thread takes the compression off, parses, and
//! has the verifier's pool decode points while more is on its way. The task waits when the thread
//! is behind, which costs the participant next to nothing: parsing is faster than networks are, and
//! what takes long is the pool's, for which nobody waits here.
//!
//! # Memory
//!
//! At most four pieces wait, each no longer than the HTTP connection's own buffer (hyper's
//! 400 KiB); a decompressor has its window (32 KiB for gzip, 8 MiB for zstd); the rest is what
//! [`tauline_transcript::Received`] states.
//!
//! # When the sender goes away
//!
//! A task that is dropped, or gives up, drops its end of the channel without a last word. The
//! thread sees an error, the pool does no more of the work that waits for it, and everything is
//! forgotten.

use std::io::{self, BufRead, Read};

use axum::body::Bytes;
use rand_core::OsRng;
use tauline_transcript::{
    Base, DocumentError, Encoding, RawContribution, ReceiveError, Received, Sizes,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::fingerprint::Fingerprint;
use crate::http::body::compression::{BodyCoding, broken};
use crate::http::body::media::DocumentForm;
use crate::refused::Refused;
use crate::verifier::Verifier;

/// Pieces that wait for the reader at most. Enough that neither side waits for the other's
/// thread to wake up.
const PIECES: usize = 4;

/// Reads a contribution that came whole, only to compare it. Blocks.
pub(crate) fn compare(
    verifier: &Verifier,
    sizes: &Sizes,
    form: DocumentForm,
    bytes: &[u8],
) -> Result<Fingerprint, DocumentError> {
    let document = match form {
        DocumentForm::Json => RawContribution::from_json(bytes),
        DocumentForm::Msgpack => RawContribution::from_msgpack(bytes),
    }?;
    // Uncompressed bytes that are no points can look like points.
    let are_points = document.encoding() == Encoding::Compressed
        || verifier.run(|| Base::decode(&document, sizes).is_ok());
    Ok(match are_points {
        true => Fingerprint::of(&document),
        false => Fingerprint::of_no_points(),
    })
}

/// What becomes of a body, once it is read.
pub(crate) type Reading = JoinHandle<Result<Received, Refused>>;

/// What decodes the points of a contribution of these sizes while it arrives.
pub(crate) struct Decoder {
    pub(crate) verifier: Verifier,
    pub(crate) sizes: Sizes,
}

/// Starts reading a contribution of at most `max` bytes. What is fed is the body as it came. Without a decoder
/// the points are left as they are.
pub(crate) fn start(
    decoder: Option<Decoder>,
    form: DocumentForm,
    coding: BodyCoding,
    max: usize,
) -> (Feed, Reading) {
    let (feed, pieces) = mpsc::channel(PIECES);
    let reading = tokio::task::spawn_blocking(move || {
        let arriving = Arriving {
            pieces,
            piece: Bytes::new(),
            is_over: false,
        };
        let from = coding.decompress(arriving, max).map_err(broken)?;
        let received = match (&decoder, form) {
            (Some(Decoder { verifier, sizes }), DocumentForm::Json) => {
                Received::from_json(from, sizes, verifier.pool(), &mut OsRng)
            }
            (Some(Decoder { verifier, sizes }), DocumentForm::Msgpack) => {
                Received::from_msgpack(from, sizes, verifier.pool(), &mut OsRng)
            }
            (None, DocumentForm::Json) => Received::undecoded_json(from),
            (None, DocumentForm::Msgpack) => Received::undecoded_msgpack(from),
        };
        match received {
            Ok(received) => Ok(received),
            Err(ReceiveError::Document(error)) => Err(Refused::malformed(error)),
            Err(ReceiveError::Read(error)) => Err(broken(error)),
        }
    });
    (Feed(feed), reading)
}

enum Piece {
    Bytes(Bytes),
    End,
}

/// Where a body's pieces go.
pub(crate) struct Feed(mpsc::Sender<Piece>);

impl Feed {
    /// Hands a piece over. A reader that is gone has left its reasons in [`Reading`].
    pub(crate) async fn piece(&self, piece: Bytes) {
        let _ = self.0.send(Piece::Bytes(piece)).await;
    }

    /// Says that all pieces are there.
    pub(crate) async fn end(self) {
        let _ = self.0.send(Piece::End).await;
    }
}

/// The pieces as a stream that blocks.
struct Arriving {
    pieces: mpsc::Receiver<Piece>,
    piece: Bytes,
    is_over: bool,
}

impl BufRead for Arriving {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.piece.is_empty() && !self.is_over {
            match self.pieces.blocking_recv() {
                Some(Piece::Bytes(piece)) => self.piece = piece,
                Some(Piece::End) => self.is_over = true,
                None => return Err(io::ErrorKind::ConnectionAborted.into()),
            }
        }
        Ok(&self.piece)
    }

    fn consume(&mut self, amount: usize) {
        let _ = self.piece.split_to(amount);
    }
}

impl Read for Arriving {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tauline_protocol::error::Code;
    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::oneshot;
    use tokio::time::timeout;

    use super::*;

    fn sizes() -> Sizes {
        "16:4,32:4".parse().unwrap()
    }

    fn begin(coding: BodyCoding) -> (Feed, Reading) {
        let decoder = Decoder {
            verifier: Verifier::new(1).unwrap(),
            sizes: sizes(),
        };
        start(
            Some(decoder),
            DocumentForm::Json,
            coding,
            sizes().max_json_len(),
        )
    }

    fn document() -> Bytes {
        Base::initial(&sizes()).to_json().unwrap().into()
    }

    /// A runtime on which one thing can block at a time.
    fn runtime() -> Runtime {
        let mut builder = Builder::new_current_thread();
        builder
            .enable_all()
            .max_blocking_threads(1)
            .build()
            .unwrap()
    }

    #[test]
    fn no_more_than_a_few_pieces_wait_for_the_reader() {
        runtime().block_on(async {
            let (go, wait) = oneshot::channel::<()>();
            let busy = tokio::task::spawn_blocking(|| wait.blocking_recv());
            let (feed, reading) = begin(BodyCoding::Identity);
            let document = document();
            let mut pieces = document.chunks(100).map(Bytes::copy_from_slice);
            for piece in pieces.by_ref().take(PIECES) {
                feed.piece(piece).await;
            }
            // The thread for the reader is busy: one piece more has to wait.
            let mut next = Box::pin(feed.piece(pieces.next().unwrap()));
            assert!(timeout(Duration::ZERO, &mut next).await.is_err());
            go.send(()).unwrap();
            busy.await.unwrap().unwrap();
            next.await;
            for piece in pieces {
                feed.piece(piece).await;
            }
            feed.end().await;
            let received = reading.await.unwrap().unwrap();
            let document = received.document();
            assert_eq!(
                *document,
                Base::initial(&sizes()).to_raw(Default::default())
            );
        });
    }

    #[test]
    fn who_is_gone_leaves_no_reader_behind() {
        runtime().block_on(async {
            for coding in [BodyCoding::Identity, BodyCoding::Gzip, BodyCoding::Zstd] {
                let (feed, reading) = begin(coding);
                feed.piece(document().split_to(1000)).await;
                drop(feed);
                assert!(reading.await.unwrap().is_err());
            }
        });
    }

    #[test]
    fn what_is_wrong_with_the_compression_outranks_what_is_wrong_inside() {
        runtime().block_on(async {
            let (feed, reading) = begin(BodyCoding::Gzip);
            let mut packed = Vec::new();
            let rubbish = &b"[this is no document]"[..];
            let mut encoder = flate2::bufread::GzEncoder::new(rubbish, Default::default());
            encoder.read_to_end(&mut packed).unwrap();
            // The checksum at the end.
            let checksum = packed.len() - 8;
            packed[checksum] ^= 1;
            feed.piece(packed.into()).await;
            feed.end().await;
            let refused = reading.await.unwrap().unwrap_err();
            assert_eq!(refused.code, Code::MalformedBody);
            assert_eq!(refused.detail, None, "not the document's fault");
            assert!(refused.error.contains("Content-Encoding"), "{refused}");
        });
    }

    #[test]
    fn a_body_that_unpacks_to_more_than_there_may_be_is_too_large() {
        runtime().block_on(async {
            for coding in [BodyCoding::Gzip, BodyCoding::Zstd] {
                let (feed, reading) = begin(coding);
                let spaces = vec![b' '; sizes().max_json_len() + 1];
                let packed = match coding {
                    BodyCoding::Zstd => zstd::encode_all(&spaces[..], 3).unwrap(),
                    _ => {
                        let mut packed = Vec::new();
                        let level = flate2::Compression::default();
                        let mut encoder = flate2::bufread::GzEncoder::new(&spaces[..], level);
                        encoder.read_to_end(&mut packed).unwrap();
                        packed
                    }
                };
                feed.piece(packed.into()).await;
                feed.end().await;
                let refused = reading.await.unwrap().unwrap_err();
                assert_eq!(refused.code, Code::BodyTooLarge, "{refused}");
            }
        });
    }
}

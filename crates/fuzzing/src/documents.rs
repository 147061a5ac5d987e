//! Whatever bytes arrive as a contribution, decoding never panics, and what it accepts is written
//! and read back unchanged. Bytes in pieces give the same document, or the same error.

use std::io::{self, Read};
use std::sync::OnceLock;

use rand_core::OsRng;
use rayon::{ThreadPool, ThreadPoolBuilder};
use tauline_transcript::{
    Base, DocumentError, Encoding, RawContribution, ReceiveError, Received, Sizes,
};

/// Bytes in pieces, whose lengths are taken from the bytes themselves.
struct Pieces<'a>(&'a [u8]);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self
            .0
            .first()
            .map_or(0, |first| 1 + usize::from(first % 64));
        let len = len.min(self.0.len()).min(buffer.len());
        let (piece, rest) = self.0.split_at(len);
        buffer[..len].copy_from_slice(piece);
        self.0 = rest;
        Ok(len)
    }
}

fn assert_same(
    in_pieces: Result<Received, ReceiveError>,
    at_once: &Result<RawContribution, DocumentError>,
) {
    match (in_pieces, at_once) {
        (Ok(received), Ok(document)) => assert_eq!(received.document(), document),
        (Err(ReceiveError::Document(error)), Err(at_once)) => assert_eq!(&error, at_once),
        (in_pieces, at_once) => panic!("{in_pieces:?} is not {at_once:?}"),
    }
}

fn pool() -> &'static ThreadPool {
    static POOL: OnceLock<ThreadPool> = OnceLock::new();
    POOL.get_or_init(|| {
        let pool = ThreadPoolBuilder::new().num_threads(1).build();
        pool.expect("a thread")
    })
}

/// Decodes the bytes as a contribution in both encodings, at once and in pieces.
///
/// # Panics
/// When the two differ, or what was accepted is written otherwise than it was read.
pub fn check(bytes: &[u8]) {
    let sizes: Sizes = "4:2,8:3".parse().expect("these are sizes");
    let json = RawContribution::from_json(bytes);
    assert_same(
        Received::from_json(Pieces(bytes), &sizes, pool(), &mut OsRng),
        &json,
    );
    if let Ok(document) = json {
        // Writing may fail only for points that do not decode, since they have no other encoding.
        if let Ok(json) = document.to_json() {
            let again = RawContribution::from_json(&json).expect("what was written is readable");
            assert_eq!(again.to_json().expect("it was written before"), json);
        }
        let _ = Base::decode(&document, &sizes);
    }
    let msgpack = RawContribution::from_msgpack(bytes);
    assert_same(
        Received::from_msgpack(Pieces(bytes), &sizes, pool(), &mut OsRng),
        &msgpack,
    );
    if let Ok(document) = msgpack {
        for encoding in [Encoding::Compressed, Encoding::Uncompressed] {
            if let Ok(packed) = document.to_msgpack(encoding) {
                let again =
                    RawContribution::from_msgpack(&packed).expect("what was written is readable");
                assert_eq!(
                    again.to_msgpack(encoding).expect("it was written before"),
                    packed
                );
            }
        }
        let _ = Base::decode(&document, &sizes);
    }
}

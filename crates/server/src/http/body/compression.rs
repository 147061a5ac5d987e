//! Compression of bodies on their way in.

use std::io::{self, BufRead, Read};

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use tauline_protocol::error::Code;

use super::too_large;
use crate::refused::Refused;

/// Largest zstd window that is decoded, as a power of two: 8 MiB, which RFC 8878 (section 3.1.1.1.2)
/// asks every decoder to support, and which bounds what a small body can make the decoder allocate.
const ZSTD_WINDOW_LOG: u32 = 23;

/// The compression of a body, by `Content-Encoding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyCoding {
    /// None.
    Identity,
    /// gzip, RFC 1952.
    Gzip,
    /// Zstandard, RFC 8878.
    Zstd,
}

impl BodyCoding {
    /// The compression that `Content-Encoding` names; one at most.
    ///
    /// # Errors
    /// [`Code::UnsupportedMediaType`].
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Refused> {
        let mut lines = headers.get_all(header::CONTENT_ENCODING).iter();
        let first = lines
            .next()
            .map(|value| value.to_str().unwrap_or("?").trim().to_ascii_lowercase());
        match (first.as_deref(), lines.next()) {
            (None | Some("" | "identity"), None) => Ok(Self::Identity),
            (Some("gzip" | "x-gzip"), None) => Ok(Self::Gzip),
            (Some("zstd"), None) => Ok(Self::Zstd),
            _ => Err(Refused::new(
                Code::UnsupportedMediaType,
                "the Content-Encoding must be gzip, zstd or none, and one only",
            )),
        }
    }

    /// Takes the compression off a stream, giving at most `max` bytes of it. Reading blocks as the
    /// stream does. Its errors hold a [`Refused`]: [`Code::BodyTooLarge`], or
    /// [`Code::MalformedBody`] for bytes that are not so compressed; or else they are the stream's.
    ///
    /// # Errors
    /// When the decompressor cannot be set up.
    pub(crate) fn decompress<'a>(
        self,
        from: impl BufRead + 'a,
        max: usize,
    ) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::Identity => Box::new(from),
            Self::Gzip => Box::new(Plain::new(flate2::bufread::MultiGzDecoder::new(from), max)),
            Self::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(from)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Box::new(Plain::new(decoder, max))
            }
        })
    }

    /// Takes the compression off bytes, giving at most `max`. Blocks.
    ///
    /// # Errors
    /// [`Code::BodyTooLarge`], or [`Code::MalformedBody`] for bytes that are not so compressed.
    pub(crate) fn decompressed(self, bytes: Bytes, max: usize) -> Result<Bytes, Refused> {
        if self == Self::Identity {
            return Ok(bytes);
        }
        let mut plain = Vec::new();
        self.decompress(&bytes[..], max)
            .and_then(|mut from| from.read_to_end(&mut plain))
            .map_err(broken)?;
        Ok(plain.into())
    }
}

/// What comes out of a decompressor.
struct Plain<D> {
    decoder: D,
    max: usize,
    taken: usize,
}

impl<D: Read> Plain<D> {
    fn new(decoder: D, max: usize) -> Self {
        Self {
            decoder,
            max,
            taken: 0,
        }
    }
}

impl<D: Read> Read for Plain<D> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // One byte more than there may be shows that there is more.
        let left = self.max + 1 - self.taken.min(self.max);
        let len = buffer.len().min(left);
        let read = self
            .decoder
            .read(&mut buffer[..len])
            .map_err(|error| io::Error::new(error.kind(), broken(error)))?;
        self.taken += read;
        if self.taken > self.max {
            return Err(io::Error::other(too_large(self.max)));
        }
        Ok(read)
    }
}

/// The refusal in an error of a [decompressing](BodyCoding::decompress) stream.
pub(crate) fn broken(error: io::Error) -> Refused {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Refused>());
    inner.cloned().unwrap_or_else(|| {
        Refused::new(
            Code::MalformedBody,
            format!("the body is not compressed as Content-Encoding says: {error}"),
        )
    })
}

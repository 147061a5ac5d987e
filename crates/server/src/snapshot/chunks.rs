//! Pieces of a document, compressed each for itself, that lie end to end in one compressed whole.
//!
//! zstd: each piece is a frame, and frames may follow one another (RFC 8878, section 3.1). gzip:
//! browsers stop at the end of the first member, so the whole is one member: each piece is raw
//! deflate that ends at a byte's end without being the last block (RFC 1951, section 3.2.4), an
//! empty last block follows, and the checksum is put together from those of the pieces.

use std::fs::File;
use std::io;
use std::sync::Arc;

use flate2::{Compress, Compression, FlushCompress, Status};

use super::blocks::Blocks;
use crate::representation::{COMPRESSION_LEVEL, Coding};

/// The head of a gzip member: deflate, no name, no time, no system (RFC 1952, section 2.3).
const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// A last block of deflate with nothing in it: fixed codes, end of block.
const LAST_BLOCK: [u8; 2] = [0x03, 0x00];

/// The checksum of a run of plain bytes, and how many there are: what a gzip member ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sum {
    crc: u32,
    len: u64,
}

impl Sum {
    pub(super) fn of(plain: &[u8]) -> Self {
        Self {
            crc: crc32fast::hash(plain),
            len: plain.len() as u64,
        }
    }

    /// The sum of these bytes and then those.
    pub(super) fn and(self, next: Self) -> Self {
        let mut all = crc32fast::Hasher::new_with_initial_len(self.crc, self.len);
        all.combine(&crc32fast::Hasher::new_with_initial_len(next.crc, next.len));
        Self {
            crc: all.finalize(),
            len: self.len + next.len,
        }
    }
}

/// What stands before the first piece.
pub(super) fn head(coding: Coding) -> &'static [u8] {
    match coding {
        Coding::Gzip => &GZIP_HEAD,
        Coding::Zstd | Coding::Identity => &[],
    }
}

/// What stands after the last piece.
pub(super) fn end(coding: Coding, sum: Sum) -> Vec<u8> {
    let mut end = Vec::new();
    if coding == Coding::Gzip {
        end.extend(LAST_BLOCK);
        end.extend(sum.crc.to_le_bytes());
        // The length modulo 2^32 (RFC 1952, section 2.3.1).
        end.extend(&sum.len.to_le_bytes()[..4]);
    }
    end
}

/// Compresses one piece.
pub(super) fn compress(coding: Coding, plain: &[u8]) -> io::Result<Vec<u8>> {
    match coding {
        Coding::Identity => Ok(plain.to_vec()),
        Coding::Zstd => {
            let level = i32::try_from(COMPRESSION_LEVEL).unwrap_or_default();
            zstd::bulk::compress(plain, level)
        }
        Coding::Gzip => deflate(plain),
    }
}

/// Raw deflate up to a full flush: it refers to nothing before it, and nothing after it will refer
/// to it.
fn deflate(plain: &[u8]) -> io::Result<Vec<u8>> {
    /// What a flush writes at most beyond the data: some empty blocks.
    const ROOM: usize = 64;
    let mut compress = Compress::new(Compression::new(COMPRESSION_LEVEL), false);
    let mut out = Vec::with_capacity(plain.len() / 2 + plain.len() / 8 + ROOM);
    loop {
        let done = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
        let rest = plain.get(done..).unwrap_or_default();
        let status = compress.compress_vec(rest, &mut out, FlushCompress::Full)?;
        let consumed = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
        if consumed >= plain.len() && out.len() < out.capacity() {
            return Ok(out);
        }
        if matches!(status, Status::StreamEnd) {
            return Err(io::Error::other("deflate ended before its input"));
        }
        out.reserve(plain.len() / 4 + ROOM);
    }
}

/// The compressed chunks of one list, end to end in a file.
pub(super) struct Chunks {
    coding: Coding,
    blocks: Arc<Blocks>,
    /// Of each chunk: where it ends in the file, and the sum of all plain bytes up to its end.
    ends: Vec<(u64, Sum)>,
}

impl Chunks {
    pub(super) fn new(coding: Coding, file: File) -> Self {
        Self {
            coding,
            blocks: Arc::new(Blocks::new(file)),
            ends: Vec::new(),
        }
    }

    pub(super) fn blocks(&self) -> &Arc<Blocks> {
        &self.blocks
    }

    /// Makes the file anew, in this one, if it is not what was written.
    pub(super) fn heal(
        &self,
        file: impl FnOnce() -> io::Result<File>,
        plain: &Blocks,
    ) -> io::Result<()> {
        if self.blocks.is_whole() {
            return Ok(());
        }
        let mut anew = Self::new(self.coding, file()?);
        let plain_ends: Vec<u64> = self.ends.iter().map(|(_, sum)| sum.len).collect();
        anew.extend(plain, &plain_ends)?;
        match self.blocks.heal(&anew.blocks) {
            true => Ok(()),
            false => Err(io::Error::other("chunks made anew are others")),
        }
    }

    /// Length and sum of the first so many chunks.
    pub(super) fn of_first(&self, chunks: usize) -> (u64, Sum) {
        match chunks.checked_sub(1) {
            Some(last) => self.ends.get(last).copied().unwrap_or_default(),
            None => Default::default(),
        }
    }

    /// Compresses the chunks that are not yet, given where each ends in the plain file.
    pub(super) fn extend(&mut self, plain: &Blocks, plain_ends: &[u64]) -> io::Result<()> {
        while let Some(end) = plain_ends.get(self.ends.len()) {
            let (at, sum) = self.of_first(self.ends.len());
            let text = plain.read(sum.len, end - sum.len)?;
            let piece = compress(self.coding, &text)?;
            self.blocks.append(&piece)?;
            self.ends
                .push((at + piece.len() as u64, sum.and(Sum::of(&text))));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn pieces() -> Vec<Vec<u8>> {
        let digits = |n: u32| format!("{:x}", n.wrapping_mul(2_654_435_761)).into_bytes();
        let long: Vec<u8> = (0..40_000).flat_map(digits).collect();
        vec![b"{".to_vec(), Vec::new(), long.clone(), long, b"}".to_vec()]
    }

    fn whole(coding: Coding) -> Vec<u8> {
        let mut whole = head(coding).to_vec();
        let mut sum = Sum::default();
        for piece in pieces() {
            whole.extend(compress(coding, &piece).unwrap());
            sum = sum.and(Sum::of(&piece));
        }
        whole.extend(end(coding, sum));
        whole
    }

    #[test]
    fn pieces_make_one_gzip_member() {
        let whole = whole(Coding::Gzip);
        let mut plain = Vec::new();
        let mut decoder = flate2::bufread::GzDecoder::new(&whole[..]);
        decoder.read_to_end(&mut plain).unwrap();
        assert_eq!(plain, pieces().concat());
        assert!(
            decoder.into_inner().is_empty(),
            "nothing follows the member"
        );
        assert!(whole.len() < plain.len() * 2 / 3);
    }

    #[test]
    fn pieces_make_zstd_frames() {
        let whole = whole(Coding::Zstd);
        let plain = pieces().concat();
        assert_eq!(zstd::decode_all(&whole[..]).unwrap(), plain);
        assert!(whole.len() < plain.len() * 2 / 3);
    }

    #[test]
    fn sums_are_those_of_the_whole() {
        let whole = pieces().concat();
        let sum = pieces()
            .iter()
            .fold(Sum::default(), |sum, piece| sum.and(Sum::of(piece)));
        assert_eq!(sum, Sum::of(&whole));
    }
}

//! A file that only grows, and that is read as it was written or not at all.
//!
//! The digest of each block is kept in memory. What is read is checked against it first, so a
//! disk that forgets, or somebody who writes into the file, changes nothing of what is served.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use sha2::{Digest as _, Sha256};
use tauline_store::failpoint::failpoint;

/// Bytes that have a digest of their own. A slow reader is given as little at a time, and a
/// transcript of Ethereum's ceremony has some sixteen thousand.
const BLOCK: usize = 16 * 1024;

type Digest = [u8; 32];

/// The file.
#[derive(Debug)]
pub(super) struct Blocks(RwLock<State>);

#[derive(Debug, Clone)]
struct State {
    file: Arc<File>,
    len: u64,
    /// Of the whole blocks.
    digests: Vec<Digest>,
    /// Over the block that is not whole yet.
    tail: Sha256,
}

impl State {
    fn advance(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = BLOCK - self.len as usize % BLOCK;
            let (now, rest) = bytes.split_at(room.min(bytes.len()));
            self.tail.update(now);
            self.len += now.len() as u64;
            if now.len() == room {
                self.digests.push(self.tail.finalize_reset().into());
            }
            bytes = rest;
        }
    }

    fn digest(&self, block: usize) -> Digest {
        match self.digests.get(block) {
            Some(digest) => *digest,
            None => self.tail.clone().finalize().into(),
        }
    }

    /// The blocks from this one on that hold bytes before `end`, checked.
    fn blocks(&self, first: usize, end: u64) -> io::Result<Vec<u8>> {
        let from = first as u64 * BLOCK as u64;
        let to = end.next_multiple_of(BLOCK as u64).min(self.len);
        let mut bytes = vec![0; usize::try_from(to - from).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, from)?;
        for (block, bytes) in (first..).zip(bytes.chunks(BLOCK)) {
            if Digest::from(Sha256::digest(bytes)) != self.digest(block) {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a file is not what was written",
                ));
            }
        }
        Ok(bytes)
    }
}

impl Blocks {
    /// The blocks of an empty file.
    pub(super) fn new(file: File) -> Self {
        Self(RwLock::new(State {
            file: Arc::new(file),
            len: 0,
            digests: Vec::new(),
            tail: Sha256::new(),
        }))
    }

    /// The blocks of a file as it is now.
    pub(super) fn found(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        let found = Self::new(file);
        {
            let mut state = found.write();
            let mut bytes = vec![0; BLOCK];
            while state.len < len {
                let count = usize::try_from(len - state.len).unwrap_or(BLOCK).min(BLOCK);
                let at = state.len;
                state.file.read_exact_at(&mut bytes[..count], at)?;
                state.advance(&bytes[..count]);
            }
        }
        Ok(found)
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn len(&self) -> u64 {
        self.state().len
    }

    /// A digest over all of it, in hex.
    pub(super) fn digest(&self) -> String {
        let state = self.state();
        let mut all = Sha256::new();
        for digest in &state.digests {
            all.update(digest);
        }
        all.update(state.tail.clone().finalize());
        hex::encode(&all.finalize()[..16])
    }

    /// Writes the bytes that come next. They are no part of the file before [`advance`](Self::advance).
    pub(super) fn put(&self, bytes: &[u8]) -> io::Result<()> {
        let state = self.state();
        state.file.write_all_at(bytes, state.len)?;
        failpoint("snapshot-put");
        Ok(())
    }

    /// Makes what was [put](Self::put) a part of the file.
    pub(super) fn advance(&self, bytes: &[u8]) {
        self.write().advance(bytes);
    }

    /// Writes what follows.
    pub(super) fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.put(bytes)?;
        self.advance(bytes);
        Ok(())
    }

    /// So many bytes from here on, as they were written.
    ///
    /// # Errors
    /// `InvalidData` when they are not; `UnexpectedEof` when there are fewer.
    pub(super) fn read(&self, from: u64, len: u64) -> io::Result<Vec<u8>> {
        if len == 0 {
            return Ok(Vec::new());
        }
        let state = self.state().clone();
        let end = from + len;
        if end > state.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let first = usize::try_from(from / BLOCK as u64).map_err(io::Error::other)?;
        let mut bytes = state.blocks(first, end)?;
        let skipped = usize::try_from(from % BLOCK as u64).map_err(io::Error::other)?;
        bytes.drain(..skipped);
        bytes.truncate(usize::try_from(len).map_err(io::Error::other)?);
        Ok(bytes)
    }

    /// Whether all of it is as it was written.
    pub(super) fn is_whole(&self) -> bool {
        let state = self.state().clone();
        (0..state.len.div_ceil(BLOCK as u64)).all(|block| {
            let first = usize::try_from(block).unwrap_or(usize::MAX);
            state.blocks(first, block * BLOCK as u64 + 1).is_ok()
        })
    }

    /// Takes the file of another that was made anew, if it is the same.
    pub(super) fn heal(&self, anew: &Self) -> bool {
        let anew = anew.state();
        let mut state = self.write();
        let same = state.len == anew.len
            && state.digests == anew.digests
            && state.digest(usize::MAX) == anew.digest(usize::MAX);
        if same {
            state.file = Arc::clone(&anew.file);
        }
        same
    }
}

/// Writes to the end.
impl io::Write for &Blocks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> (Blocks, File, Vec<u8>) {
        let file = tempfile::tempfile().unwrap();
        let blocks = Blocks::new(file.try_clone().unwrap());
        let bytes: Vec<u8> = (0..3 * BLOCK + 100).map(|at| (at % 251) as u8).collect();
        for piece in bytes.chunks(777) {
            blocks.append(piece).unwrap();
        }
        (blocks, file, bytes)
    }

    #[test]
    fn every_part_is_read_as_it_was_written() {
        let (blocks, _, bytes) = written();
        assert_eq!(blocks.len(), bytes.len() as u64);
        for from in (0..bytes.len()).step_by(40_000) {
            for len in [0, 1, 5000, BLOCK, 2 * BLOCK] {
                let end = (from + len).min(bytes.len());
                let part = blocks.read(from as u64, (end - from) as u64).unwrap();
                assert!(part == bytes[from..end], "{from}, {len}");
            }
        }
        assert!(blocks.is_whole());
    }

    #[test]
    fn a_flipped_bit_is_found_wherever_it_is_and_only_there() {
        let (blocks, file, bytes) = written();
        for at in [0, BLOCK - 1, BLOCK, 3 * BLOCK, 3 * BLOCK + 99] {
            file.write_all_at(&[bytes[at] ^ 4], at as u64).unwrap();
            assert!(!blocks.is_whole());
            let error = blocks.read(at as u64, 1).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            let elsewhere = (at / BLOCK + 1) % 3 * BLOCK + BLOCK / 2;
            blocks.read(elsewhere as u64, 1).unwrap();
            file.write_all_at(&bytes[at..=at], at as u64).unwrap();
            assert!(blocks.is_whole());
        }
        file.set_len(10).unwrap();
        assert!(!blocks.is_whole());
    }

    #[test]
    fn what_was_put_and_not_taken_up_is_overwritten() {
        let (blocks, _, bytes) = written();
        blocks.put(b"lost").unwrap();
        blocks.append(b"kept, and longer").unwrap();
        let end = blocks.read(bytes.len() as u64, 16).unwrap();
        assert_eq!(end, b"kept, and longer");
    }

    #[test]
    fn it_is_healed_by_the_same_and_nothing_else() {
        let (blocks, file, _) = written();
        let (same, _, _) = written();
        let (other, _, _) = written();
        other.append(b"x").unwrap();
        assert_eq!(
            Blocks::found(file.try_clone().unwrap()).unwrap().digest(),
            blocks.digest()
        );
        file.set_len(0).unwrap();
        assert!(!blocks.heal(&other));
        assert!(!blocks.is_whole());
        assert!(blocks.heal(&same));
        assert!(blocks.is_whole());
    }
}

//! A transcript's bytes, as parts of files that lie one after another.

use std::io;
use std::sync::{Arc, Weak};

use axum::body::Bytes;
use futures_util::Stream;
use futures_util::stream;
use tauline_store::StoreError;

use super::blocks::Blocks;
use super::chunks::{self, Sum};
use super::lists::{List, Lists};
use super::powers::PowersFile;
use crate::representation::Coding;

/// The end of every transcript.
const END: &[u8] = b"]}";

/// Bytes read from a file at a time, where nobody says how many.
const PIECE: u64 = 64 * 1024;

/// A document whose bytes will not change. Clones share them.
#[derive(Debug, Clone)]
pub struct Document {
    parts: Arc<[Part]>,
    len: u64,
    /// Who makes anew what is spoiled.
    healer: Weak<dyn Heal>,
}

/// Makes anew what is not what was written.
pub(super) trait Heal: Send + Sync {
    /// # Errors
    /// When the store or the disk fails.
    fn heal(&self) -> Result<(), StoreError>;
}

/// What the plain document of a transcript consists of.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) contributions: u64,
    /// How much of each list belongs to it.
    pub(super) lens: Vec<u64>,
    pub(super) powers: PowersFile,
}

#[derive(Debug, Clone)]
enum Part {
    File {
        blocks: Arc<Blocks>,
        from: u64,
        len: u64,
    },
    Bytes(Bytes),
}

impl Part {
    fn len(&self) -> u64 {
        match self {
            Self::File { len, .. } => *len,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }

    /// At most so many bytes from here on.
    fn read(&self, at: u64, most: u64) -> io::Result<Bytes> {
        let count = (self.len() - at).min(most);
        match self {
            Self::File { blocks, from, .. } => Ok(blocks.read(from + at, count)?.into()),
            Self::Bytes(bytes) => {
                let at = usize::try_from(at).map_err(io::Error::other)?;
                let count = usize::try_from(count).map_err(io::Error::other)?;
                Ok(bytes.slice(at..at + count))
            }
        }
    }
}

impl Document {
    /// How long it is, in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it is empty, which no transcript is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The document of some contents, in a compression or none.
    pub(super) fn of(
        contents: &Contents,
        lists: &mut Lists,
        coding: Coding,
        healer: Weak<dyn Heal>,
    ) -> io::Result<Self> {
        let parts = match coding {
            Coding::Identity => plain(contents, lists),
            Coding::Gzip | Coding::Zstd => compressed(contents, lists, coding)?,
        };
        let parts: Arc<[Part]> = parts.into_iter().filter(|part| part.len() > 0).collect();
        let len = parts.iter().map(Part::len).sum();
        Ok(Self { parts, len, healer })
    }

    /// So many bytes from `first` on, or as many as there are. They are those that were written: what
    /// is spoiled is made anew first, or the stream ends with an error.
    pub fn bytes(
        &self,
        first: u64,
        len: u64,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        self.pieces(first, len, || PIECE)
    }

    /// The same; `piece` is asked each time how many bytes to read at most.
    pub fn pieces<P: Fn() -> u64 + Send>(
        &self,
        first: u64,
        len: u64,
        piece: P,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + use<P> {
        let parts = Arc::clone(&self.parts);
        let healer = Weak::clone(&self.healer);
        let left = len.min(self.len.saturating_sub(first));
        // The part that a reader is in, how far it is in there, and how much it still wants.
        let start = (piece, 0, first, left);
        stream::try_unfold(start, move |(piece, mut index, mut at, left)| {
            let (parts, healer) = (Arc::clone(&parts), Weak::clone(&healer));
            async move {
                while let Some(part) = parts.get(index)
                    && at >= part.len()
                {
                    at -= part.len();
                    index += 1;
                }
                if left == 0 || index >= parts.len() {
                    return Ok(None);
                }
                let most = left.min(piece().max(1));
                let read = move || match parts.get(index) {
                    Some(part) => part.read(at, most).or_else(|error| {
                        let healer = healer.upgrade().ok_or(error)?;
                        healer.heal().map_err(io::Error::other)?;
                        part.read(at, most)
                    }),
                    None => Ok(Bytes::new()),
                };
                let bytes = tokio::task::spawn_blocking(read).await??;
                let count = bytes.len() as u64;
                Ok(Some((bytes, (piece, index, at + count, left - count))))
            }
        })
    }
}

/// The plain document.
fn plain(contents: &Contents, lists: &Lists) -> Vec<Part> {
    let powers = contents.powers.parts().map(|(from, len)| Part::File {
        blocks: Arc::clone(contents.powers.blocks()),
        from,
        len,
    });
    let mut lists = lists
        .iter()
        .zip(&contents.lens)
        .map(|(list, len)| Part::File {
            blocks: Arc::clone(list.blocks()),
            from: 0,
            len: *len,
        });
    let mut parts = Vec::new();
    for powers in powers {
        parts.push(powers);
        parts.extend(lists.by_ref().take(3));
    }
    parts.extend(lists);
    parts.push(Part::Bytes(Bytes::from_static(END)));
    parts
}

/// The document in a compression: what is full of each list as it lies in its file, the rest
/// compressed now.
fn compressed(contents: &Contents, lists: &mut Lists, coding: Coding) -> io::Result<Vec<Part>> {
    let mut whole = Whole {
        coding,
        parts: vec![Part::Bytes(Bytes::from_static(chunks::head(coding)))],
        sum: Sum::default(),
    };
    let mut lists = lists.iter_mut().zip(&contents.lens);
    for (from, len) in contents.powers.parts() {
        let text = contents.powers.blocks().read(from, len)?;
        whole.add(&text)?;
        for (list, len) in lists.by_ref().take(3) {
            whole.add_list(list, *len, contents.contributions)?;
        }
    }
    for (list, len) in lists {
        whole.add_list(list, *len, contents.contributions)?;
    }
    whole.add(END)?;
    let end = chunks::end(coding, whole.sum);
    whole.parts.push(Part::Bytes(end.into()));
    Ok(whole.parts)
}

/// A compressed document in the making.
struct Whole {
    coding: Coding,
    parts: Vec<Part>,
    sum: Sum,
}

impl Whole {
    fn add(&mut self, text: &[u8]) -> io::Result<()> {
        let piece = chunks::compress(self.coding, text)?;
        self.parts.push(Part::Bytes(piece.into()));
        self.sum = self.sum.and(Sum::of(text));
        Ok(())
    }

    fn add_list(&mut self, list: &mut List, len: u64, contributions: u64) -> io::Result<()> {
        let plain = Arc::clone(list.blocks());
        let (chunks, full, plain_len) = list.chunks(self.coding, contributions)?;
        let (len_of_full, sum) = chunks.of_first(full);
        self.parts.push(Part::File {
            blocks: Arc::clone(chunks.blocks()),
            from: 0,
            len: len_of_full,
        });
        self.sum = self.sum.and(sum);
        let rest = plain.read(plain_len, len - plain_len)?;
        self.add(&rest)
    }
}

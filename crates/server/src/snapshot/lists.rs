//! The parts of a transcript that only grow: for each list of the document one file, to which every
//! contribution appends its entry.
//!
//! A list's file begins with the text between it and what stands before it in the document, and
//! ends without the bracket: any number of entries from its start is a part of some transcript.
//! Readers of an earlier moment read less of the same file.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

use tauline_transcript::{Encoding, Powers, RawPowers, Size, Sizes};

use super::chunks::Chunks;
use crate::head::Coding;
use crate::store::{Contribution, Reading, Witness};

/// Contributions read, and appended, at a time.
const PAGE: u32 = 512;

/// Contributions whose entries are compressed together, once and for all. Ours: enough that
/// compressing them alone costs nothing in size, few enough that the rest, which is compressed
/// anew for each moment, is a matter of a millisecond.
pub(super) const CHUNK: u64 = 64;

/// All lists, in the document's order: three of each sub-ceremony, then two of participants.
pub(super) struct Lists {
    lists: Vec<List>,
    sub_ceremonies: usize,
    contributions: u64,
}

/// One list.
pub(super) struct List {
    file: Arc<File>,
    len: u64,
    /// Where the entries of each full chunk end.
    chunk_ends: Vec<u64>,
    gzip: Chunks,
    zstd: Chunks,
}

/// What an entry of a list is.
#[derive(Clone, Copy)]
enum Entry {
    RunningProduct(usize),
    PotPubkey(usize),
    BlsSignature(usize),
    Participant,
    EcdsaSignature,
}

impl Entry {
    /// The lists in the document's order.
    fn all(sub_ceremonies: usize) -> impl Iterator<Item = Self> {
        (0..sub_ceremonies)
            .flat_map(|sub| {
                [
                    Self::RunningProduct(sub),
                    Self::PotPubkey(sub),
                    Self::BlsSignature(sub),
                ]
            })
            .chain([Self::Participant, Self::EcdsaSignature])
    }

    /// What stands between the list before and this one's first entry, and that entry: the start
    /// of the ceremony.
    fn lead(self, start: &RawPowers) -> String {
        let first = |points: Option<&[u8]>| hex::encode(points.unwrap_or_default());
        match self {
            Self::RunningProduct(_) => format!("\"0x{}\"", first(start.g1.iter().next())),
            Self::PotPubkey(_) => {
                let generator = first(start.g2.iter().next());
                format!("],\"potPubkeys\":[\"0x{generator}\"")
            }
            Self::BlsSignature(_) => "],\"blsSignatures\":[\"\"".to_owned(),
            Self::Participant => "]}}],\"participantIds\":[\"\"".to_owned(),
            Self::EcdsaSignature => "],\"participantEcdsaSignatures\":[\"\"".to_owned(),
        }
    }

    /// Appends the entry of a contribution.
    fn write(self, one: &Contribution, out: &mut Vec<u8>) -> io::Result<()> {
        let witness = |sub: usize| -> io::Result<&Witness> {
            let missing = || io::Error::other("a contribution has too few witnesses");
            one.witness.get(sub).ok_or_else(missing)
        };
        out.push(b',');
        match self {
            Self::RunningProduct(sub) => bytes(Some(&witness(sub)?.running_product), out),
            Self::PotPubkey(sub) => bytes(Some(&witness(sub)?.pot_pubkey), out),
            Self::BlsSignature(sub) => bytes(witness(sub)?.bls_signature.as_ref(), out),
            Self::Participant => serde_json::to_writer(out, one.identity.as_str())?,
            Self::EcdsaSignature => bytes(one.ecdsa.as_ref(), out),
        }
        Ok(())
    }
}

/// Bytes as the document has them; none are `""`.
fn bytes<const N: usize>(bytes: Option<&[u8; N]>, out: &mut Vec<u8>) {
    out.push(b'"');
    if let Some(bytes) = bytes {
        out.extend_from_slice(b"0x");
        super::push_hex(bytes, out);
    }
    out.push(b'"');
}

impl Lists {
    /// The lists of a ceremony without contributions, in files of this folder, made anew. Adds to
    /// `rendered` what was written.
    pub(super) fn create(folder: &Path, sizes: &Sizes, rendered: &mut u64) -> io::Result<Self> {
        let mut lists = Vec::new();
        // The power 0 is the generator, in either group.
        let start = Powers::initial(Size { g1: 2, g2: 2 }).to_raw(Encoding::Compressed);
        for (number, entry) in Entry::all(sizes.len()).enumerate() {
            let file = |extension: &str| {
                let name = format!("list-{number:02}.{extension}");
                OpenOptions::new()
                    .read(true)
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .mode(0o600)
                    .open(folder.join(name))
            };
            let mut list = List {
                file: Arc::new(file("json")?),
                len: 0,
                chunk_ends: Vec::new(),
                gzip: Chunks::new(Coding::Gzip, file("gz")?),
                zstd: Chunks::new(Coding::Zstd, file("zst")?),
            };
            let lead = entry.lead(&start);
            list.append(lead.as_bytes())?;
            *rendered += lead.len() as u64;
            lists.push(list);
        }
        Ok(Self {
            lists,
            sub_ceremonies: sizes.len(),
            contributions: 0,
        })
    }

    pub(super) fn contributions(&self) -> u64 {
        self.contributions
    }

    /// The length of each list as it is now.
    pub(super) fn lens(&self) -> Vec<u64> {
        self.lists.iter().map(|list| list.len).collect()
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, List> {
        self.lists.iter()
    }

    pub(super) fn iter_mut(&mut self) -> std::slice::IterMut<'_, List> {
        self.lists.iter_mut()
    }

    /// Appends the contributions that a reading has beyond these, and tells `at` the lengths after
    /// each. Gives how many bytes were rendered. What fails leaves the lists at a contribution.
    pub(super) fn extend(
        &mut self,
        reading: &dyn Reading,
        mut at: impl FnMut(u64, &Self),
    ) -> io::Result<u64> {
        let mut rendered = 0;
        loop {
            let page = reading
                .page(self.contributions, PAGE)
                .map_err(io::Error::other)?;
            if page.is_empty() {
                return Ok(rendered);
            }
            rendered += self.append(&page, &mut at)?;
        }
    }

    fn append(
        &mut self,
        page: &[Contribution],
        at: &mut impl FnMut(u64, &Self),
    ) -> io::Result<u64> {
        let before = self.contributions;
        let mut texts = Vec::new();
        for entry in Entry::all(self.sub_ceremonies) {
            let mut text = Vec::new();
            let mut ends = Vec::with_capacity(page.len());
            for one in page {
                entry.write(one, &mut text)?;
                ends.push(text.len() as u64);
            }
            texts.push((text, ends));
        }
        // Longer files are no harm: what counts are the lengths, which change when all is written.
        let mut rendered = 0;
        for (list, (text, _)) in self.lists.iter().zip(&texts) {
            list.file.write_all_at(text, list.len)?;
            rendered += text.len() as u64;
        }
        let starts = self.lens();
        for index in 0..page.len() {
            self.contributions = before + index as u64 + 1;
            for ((list, (_, ends)), start) in self.lists.iter_mut().zip(&texts).zip(&starts) {
                list.len = start + ends[index];
                if self.contributions.is_multiple_of(CHUNK) {
                    list.chunk_ends.push(list.len);
                }
            }
            at(self.contributions, self);
        }
        Ok(rendered)
    }
}

impl List {
    fn append(&mut self, text: &[u8]) -> io::Result<()> {
        self.file.write_all_at(text, self.len)?;
        self.len += text.len() as u64;
        Ok(())
    }

    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// The compressed forms of the full chunks of the first `contributions`, and where in the plain
    /// file they end. Compresses those that nobody has asked for yet.
    pub(super) fn chunks(
        &mut self,
        coding: Coding,
        contributions: u64,
    ) -> io::Result<(&Chunks, usize, u64)> {
        let full = usize::try_from(contributions / CHUNK).unwrap_or(usize::MAX);
        let full = full.min(self.chunk_ends.len());
        let ends = &self.chunk_ends[..full];
        let chunks = match coding {
            Coding::Gzip => &mut self.gzip,
            Coding::Zstd | Coding::Identity => &mut self.zstd,
        };
        chunks.extend(&self.file, ends)?;
        Ok((chunks, full, ends.last().copied().unwrap_or(0)))
    }
}

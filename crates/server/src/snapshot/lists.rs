//! The parts of a transcript that only grow: for each list of the document one file, to which every
//! contribution appends its entry.
//!
//! A list's file begins with the text between it and what stands before it in the document, and
//! ends without the bracket: any number of entries from its start is a part of some transcript.
//! Readers of an earlier moment read less of the same file.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use tauline_store::{Contribution, Reading, Witness};
use tauline_transcript::{Encoding, Powers, RawPowers, Size, Sizes};

use super::blocks::Blocks;
use super::chunks::Chunks;
use super::digits::push_hex;
use crate::representation::Coding;

/// Contributions read, and appended, at a time.
const PAGE: u32 = 512;

/// Contributions whose entries are compressed together, once and for all. Enough that
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
    blocks: Arc<Blocks>,
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
        push_hex(bytes, out);
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
            let file = |extension| file(folder, number, extension);
            let mut list = List {
                blocks: Arc::new(Blocks::new(file("json")?)),
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

    /// Makes anew what is not what was written, from the contributions that it was made of. Readers
    /// that have a part of it already read the rest of the new files.
    pub(super) fn heal(
        &self,
        reading: &dyn Reading,
        folder: &Path,
        sizes: &Sizes,
    ) -> io::Result<()> {
        if !self.lists.iter().all(|list| list.blocks.is_whole()) {
            let mut anew = Self::create(folder, sizes, &mut 0)?;
            while anew.contributions < self.contributions {
                anew.extend_to(reading, self.contributions, &mut |_, _| ())?;
            }
            for (list, anew) in self.lists.iter().zip(&anew.lists) {
                if !list.blocks.heal(&anew.blocks) {
                    return Err(io::Error::other("a list made anew is another"));
                }
            }
        }
        for (number, list) in self.lists.iter().enumerate() {
            list.gzip
                .heal(|| file(folder, number, "gz"), &list.blocks)?;
            list.zstd
                .heal(|| file(folder, number, "zst"), &list.blocks)?;
        }
        Ok(())
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
            match self.extend_to(reading, u64::MAX, &mut at)? {
                0 => return Ok(rendered),
                more => rendered += more,
            }
        }
    }

    /// Appends some contributions, at most up to this number. Gives how many bytes were rendered.
    fn extend_to(
        &mut self,
        reading: &dyn Reading,
        upto: u64,
        at: &mut impl FnMut(u64, &Self),
    ) -> io::Result<u64> {
        let most = upto.saturating_sub(self.contributions).min(PAGE.into());
        let page = reading
            .page(self.contributions, u32::try_from(most).unwrap_or(PAGE))
            .map_err(io::Error::other)?;
        match page.is_empty() {
            true if upto == u64::MAX => Ok(0),
            true => Err(io::Error::other("the store has fewer contributions")),
            false => self.append(&page, at),
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
        // What is put belongs to nothing before all of it is there.
        let mut rendered = 0;
        for (list, (text, _)) in self.lists.iter().zip(&texts) {
            list.blocks.put(text)?;
        }
        for (list, (text, _)) in self.lists.iter().zip(&texts) {
            list.blocks.advance(text);
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

/// A new file for a list. One that is there by that name stays with who reads it.
fn file(folder: &Path, number: usize, extension: &str) -> io::Result<File> {
    let path = folder.join(format!("list-{number:02}.{extension}"));
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

impl List {
    fn append(&mut self, text: &[u8]) -> io::Result<()> {
        self.blocks.append(text)?;
        self.len += text.len() as u64;
        Ok(())
    }

    pub(super) fn blocks(&self) -> &Arc<Blocks> {
        &self.blocks
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
        chunks.extend(&self.blocks, ends)?;
        Ok((chunks, full, ends.last().copied().unwrap_or(0)))
    }
}

//! The parts of a transcript that change with each contribution: the powers.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tauline_store::Reading;
use tauline_transcript::{Base, Encoding, RawContribution, Size, Sizes};

use super::blocks::Blocks;
use super::digits::push_hex;

/// Bytes of a point of G1 in the document, with its quotes and `0x`.
const G1_LEN: u64 = 2 + 2 + 96;
/// Bytes of a point of G2 in the document, with its quotes and `0x`.
const G2_LEN: u64 = 2 + 2 + 192;

const BETWEEN: &str = "],\"G2Powers\":[";
const AFTER: &str = "]},\"witness\":{\"runningProducts\":[";

/// The powers of all sub-ceremonies at one moment, in one file. When the value goes, and it was
/// told to, so does the file.
#[derive(Debug)]
pub(super) struct PowersFile {
    blocks: Arc<Blocks>,
    path: PathBuf,
    /// The length of each sub-ceremony's part.
    lens: Vec<u64>,
    /// Whether it may go once nobody reads it.
    outdated: AtomicBool,
}

impl Drop for PowersFile {
    fn drop(&mut self) {
        if self.outdated.load(Ordering::Relaxed) {
            // What stays behind is found and removed at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl PowersFile {
    /// Renders the powers of a reading, whose transcript has this tag. Gives the length too.
    pub(super) fn render(
        reading: &dyn Reading,
        sizes: &Sizes,
        folder: &Path,
        tag: &str,
    ) -> io::Result<(Self, u64)> {
        let document = match reading.head().map_err(io::Error::other)? {
            Some(blob) => RawContribution::from_msgpack(blob.bytes()).map_err(io::Error::other)?,
            None => Base::initial(sizes).to_raw(Encoding::Compressed),
        };
        let document = document
            .to_encoding(Encoding::Compressed)
            .map_err(io::Error::other)?;
        let partial = folder.join(format!("powers-{tag}.partial"));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&partial)?;
        let blocks = Blocks::new(file);
        let mut out = BufWriter::with_capacity(1 << 20, &blocks);
        for ((index, size), sub) in sizes.iter().enumerate().zip(&document.sub_contributions) {
            out.write_all(before(index, size).as_bytes())?;
            list(sub.powers.g1.iter(), &mut out)?;
            out.write_all(BETWEEN.as_bytes())?;
            list(sub.powers.g2.iter(), &mut out)?;
            out.write_all(AFTER.as_bytes())?;
        }
        out.flush()?;
        drop(out);
        // The name says what is in there, to whoever finds it after a restart.
        let path = folder.join(format!("powers-{tag}-{}.json", blocks.digest()));
        fs::rename(&partial, &path)?;
        let powers = Self::of(blocks, path, sizes)
            .ok_or_else(|| io::Error::other("the powers are not of the ceremony's sizes"))?;
        let len = powers.lens.iter().sum();
        Ok((powers, len))
    }

    /// Takes up what an earlier process rendered, with the tag of the transcript. `None` when it is
    /// not what that process wrote.
    pub(super) fn found(path: &Path, sizes: &Sizes) -> io::Result<Option<(String, Self)>> {
        let name = path.file_name().and_then(|name| name.to_str());
        let named = name
            .and_then(|name| name.strip_prefix("powers-"))
            .and_then(|name| name.strip_suffix(".json"))
            .and_then(|name| name.rsplit_once('-'));
        let Some((tag, digest)) = named.filter(|_| path.is_file()) else {
            return Ok(None);
        };
        let blocks = Blocks::found(File::open(path)?)?;
        if blocks.digest() != digest {
            return Ok(None);
        }
        let powers = Self::of(blocks, path.to_owned(), sizes);
        Ok(powers.map(|powers| (tag.to_owned(), powers)))
    }

    /// `None` when the file has another length than the powers of these sizes.
    fn of(blocks: Blocks, path: PathBuf, sizes: &Sizes) -> Option<Self> {
        let lens: Vec<u64> = sizes
            .iter()
            .enumerate()
            .map(|(index, size)| {
                let texts = before(index, size).len() + BETWEEN.len() + AFTER.len();
                let points = list_len(size.g1, G1_LEN) + list_len(size.g2, G2_LEN);
                texts as u64 + points
            })
            .collect();
        let whole = blocks.len() == lens.iter().sum::<u64>();
        whole.then(|| Self {
            blocks: Arc::new(blocks),
            path,
            lens,
            outdated: AtomicBool::new(false),
        })
    }

    pub(super) fn blocks(&self) -> &Arc<Blocks> {
        &self.blocks
    }

    /// The part of each sub-ceremony: where it begins, and its length.
    pub(super) fn parts(&self) -> impl Iterator<Item = (u64, u64)> {
        self.lens.iter().scan(0, |at, len| {
            let from = *at;
            *at += len;
            Some((from, *len))
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Lets the file go with its last reader.
    pub(super) fn outdate(&self) {
        self.outdated.store(true, Ordering::Relaxed);
    }
}

/// What stands between the lists of the sub-ceremony before and the powers of this one.
fn before(index: usize, size: Size) -> String {
    let start = match index {
        0 => "{\"transcripts\":[",
        _ => "]}},",
    };
    let Size { g1, g2 } = size;
    format!("{start}{{\"numG1Powers\":{g1},\"numG2Powers\":{g2},\"powersOfTau\":{{\"G1Powers\":[")
}

fn list<'a>(points: impl Iterator<Item = &'a [u8]>, out: &mut impl io::Write) -> io::Result<()> {
    let mut text = Vec::new();
    for (index, point) in points.enumerate() {
        text.clear();
        text.extend_from_slice(if index == 0 { b"\"0x" } else { b",\"0x" });
        push_hex(point, &mut text);
        text.push(b'"');
        out.write_all(&text)?;
    }
    Ok(())
}

/// Bytes of a list of so many points, without its brackets.
fn list_len(points: usize, point: u64) -> u64 {
    let points = points as u64;
    points * point + points.saturating_sub(1)
}

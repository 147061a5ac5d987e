//! The current transcript, in pieces that all readers share.
//!
//! A transcript is the powers, which change with each contribution, and lists, which grow by one
//! entry (`snapshot/lists.rs`). So the first reader after a contribution has the powers rendered and one
//! entry appended to each list, however many there are; everybody else gets a copy of parts of
//! files, whose lengths are known beforehand. Nobody holds a transcript in memory.
//!
//! The bytes are a function of the contributions alone. A reader that is in the middle of a download
//! goes on undisturbed when contributions come in: files of lists only grow, and the last few files
//! of powers are kept, so that even a download that broke off is taken up where it stopped, after
//! further contributions and after a restart. The lists themselves are made anew at the first
//! request after a start: what counts is the store.
//!
//! What is served is what was written: each block of a file has a digest (`snapshot/blocks.rs`), and
//! what is spoiled is made anew from the store before it goes out, as all of it can be.
//!
//! Compressed forms are put together from compressed pieces (`snapshot/chunks.rs`), so that their cost does
//! not grow either.

mod blocks;
mod chunks;
mod document;
mod lists;
mod powers;

use std::collections::VecDeque;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use sha2::{Digest as _, Sha256};
use tauline_store::{Reading, Store, StoreError};
use tauline_transcript::Sizes;
use tracing::warn;

pub use document::Document;

use crate::representation::Coding;

use self::lists::Lists;
use self::powers::PowersFile;

pub use tauline_store::SNAPSHOTS_NAME as FOLDER_NAME;

/// Transcripts that can still be read, the current one included. Ours: a download of the whole
/// transcript of Ethereum's ceremony, 254 MB, outlives a few turns of some minutes even on a slow
/// line.
const KEPT: usize = 4;

/// Goes into the name of every transcript: another number for other bytes of the same
/// contributions.
const FORMAT_VERSION: u8 = 1;

/// The transcripts of a ceremony. Clones share them.
#[derive(Clone)]
pub struct Transcripts(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    folder: PathBuf,
    /// The newest last.
    kept: Mutex<VecDeque<Transcript>>,
    /// None before the first request. Only locked where blocking does no harm.
    lists: Mutex<Option<Lists>>,
    /// Held while something is rendered or compressed: whoever comes meanwhile finds it done.
    making: tokio::sync::Mutex<()>,
    rendered: AtomicU64,
}

/// The transcript after some contribution. As long as a value for it lives, so do its files.
#[derive(Debug, Clone)]
pub struct Transcript(Arc<Moment>);

#[derive(Debug)]
struct Moment {
    tag: String,
    contributions: u64,
    /// How much of each list belongs to it.
    lens: Vec<u64>,
    powers: PowersFile,
    /// By [`Coding`].
    documents: [OnceLock<Document>; 3],
}

impl Transcript {
    /// How many contributions it has.
    #[must_use]
    pub fn contributions(&self) -> u64 {
        self.0.contributions
    }

    /// The strong entity tag of its form in this compression, with the quotes.
    #[must_use]
    pub fn etag(&self, coding: Coding) -> String {
        let suffix = match coding {
            Coding::Identity => "",
            Coding::Gzip => "-gzip",
            Coding::Zstd => "-zstd",
        };
        format!("\"{}{suffix}\"", self.0.tag)
    }
}

impl Transcripts {
    /// The transcripts of the ceremony in this store, with their files in `folder`.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn new(store: Arc<dyn Store>, folder: PathBuf) -> Result<Self, StoreError> {
        let unwritable = |source| StoreError::Unwritable {
            path: folder.clone(),
            source,
        };
        make_folder(&folder).map_err(unwritable)?;
        Ok(Self(Arc::new(Inner {
            store,
            folder,
            kept: Mutex::default(),
            lists: Mutex::default(),
            making: Default::default(),
            rendered: AtomicU64::new(0),
        })))
    }

    /// The transcript as it is now, for a caller who knows that there are so many contributions.
    /// Renders what is new if nobody has yet.
    ///
    /// # Errors
    /// When the store or the disk fails.
    pub async fn current(&self, contributions: u64) -> Result<Transcript, StoreError> {
        if let Some(newest) = self.newest(contributions) {
            return Ok(newest);
        }
        let _making = self.0.making.lock().await;
        if let Some(newest) = self.newest(contributions) {
            return Ok(newest);
        }
        self.blocking(Inner::refresh).await
    }

    /// One of the transcripts that are kept, by the entity tag of its plain form.
    ///
    /// # Errors
    /// As [`Transcripts::current`], the first time after a start.
    pub async fn by_etag(&self, etag: &str) -> Result<Option<Transcript>, StoreError> {
        if self.0.kept().is_empty() {
            self.current(0).await?;
        }
        let kept = self.0.kept();
        let found = kept.iter().find(|one| one.etag(Coding::Identity) == etag);
        Ok(found.cloned())
    }

    /// The document, in a compression.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn document(
        &self,
        transcript: &Transcript,
        coding: Coding,
    ) -> Result<Document, StoreError> {
        let slot = &transcript.0.documents[coding as usize];
        if let Some(document) = slot.get() {
            return Ok(document.clone());
        }
        let _making = self.0.making.lock().await;
        if let Some(document) = slot.get() {
            return Ok(document.clone());
        }
        let moment = Arc::clone(&transcript.0);
        let document = self
            .blocking(move |inner| inner.document(&moment, coding))
            .await?
            .healed_by(Arc::downgrade(&self.0));
        Ok(slot.get_or_init(|| document).clone())
    }

    /// Bytes of plain text rendered since the start: what grows by the same for each contribution.
    #[must_use]
    pub fn rendered(&self) -> u64 {
        self.0.rendered.load(Ordering::Relaxed)
    }

    fn newest(&self, contributions: u64) -> Option<Transcript> {
        let kept = self.0.kept();
        let newest = kept.back()?;
        (newest.contributions() >= contributions).then(|| newest.clone())
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || work(&inner))
            .await
            .map_err(|error| StoreError::Database(Box::new(error)))?
    }
}

impl Inner {
    fn kept(&self) -> MutexGuard<'_, VecDeque<Transcript>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, source: io::Error) -> StoreError {
        StoreError::File {
            action: "write",
            path: self.folder.clone(),
            source,
        }
    }

    /// Brings the lists up to what the store has, and renders the powers.
    fn refresh(&self) -> Result<Transcript, StoreError> {
        let reading = self.store.reading()?;
        let sizes = &self.store.ceremony().sizes;
        // Somebody may have taken it away.
        make_folder(&self.folder).map_err(|error| self.failed(error))?;
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rendered = 0;
        let mut known = match &*lists {
            Some(_) => Vec::new(),
            None => found(&self.folder, sizes).map_err(|error| self.failed(error))?,
        };
        let current = match &mut *lists {
            Some(lists) => lists,
            none => {
                let made = Lists::create(&self.folder, sizes, &mut rendered);
                none.insert(made.map_err(|error| self.failed(error))?)
            }
        };
        // Those of contributions that this store does not have.
        let mut others = Vec::new();
        for (tag, powers) in std::mem::take(&mut known) {
            let expected = match number(&tag) {
                Some(number) => Some(self::tag(&*reading, sizes, number)?),
                None => None,
            };
            match expected.as_ref() == Some(&tag) {
                true => known.push((tag, powers)),
                false => others.push(powers),
            }
        }
        others.iter().for_each(PowersFile::outdate);
        let mut moments = Vec::new();
        let mut take_up = |contributions, lists: &Lists| {
            for (tag, powers) in known.extract_if(.., |(tag, _)| number(tag) == Some(contributions))
            {
                moments.push(moment(tag, powers, lists));
            }
        };
        take_up(current.contributions(), current);
        rendered += current
            .extend(&*reading, take_up)
            .map_err(|error| self.failed(error))?;
        for moment in moments {
            self.keep(moment);
        }
        let tag = tag(&*reading, sizes, reading.contributions()?)?;
        let ready = self.kept().iter().find(|one| one.0.tag == tag).cloned();
        let transcript = match ready.filter(|one| one.0.powers.path().exists()) {
            Some(ready) => ready,
            None => {
                let (powers, len) = PowersFile::render(&*reading, sizes, &self.folder, &tag)
                    .map_err(|error| self.failed(error))?;
                rendered += len;
                let transcript = moment(tag, powers, current);
                self.keep(transcript.clone());
                transcript
            }
        };
        self.rendered.fetch_add(rendered, Ordering::Relaxed);
        Ok(transcript)
    }

    fn keep(&self, transcript: Transcript) {
        let mut kept = self.kept();
        kept.retain(|other| other.0.tag != transcript.0.tag);
        kept.push_back(transcript);
        while kept.len() > KEPT {
            if let Some(oldest) = kept.pop_front() {
                oldest.0.powers.outdate();
            }
        }
    }

    fn document(&self, moment: &Moment, coding: Coding) -> Result<Document, StoreError> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let lists = self.known(&mut lists)?;
        if let Ok(document) = document::of(moment, lists, coding) {
            return Ok(document);
        }
        self.heal_these(lists)?;
        document::of(moment, lists, coding).map_err(|error| self.failed(error))
    }

    fn known<'a>(&self, lists: &'a mut Option<Lists>) -> Result<&'a mut Lists, StoreError> {
        lists
            .as_mut()
            .ok_or_else(|| self.failed(io::Error::other("there are no lists")))
    }

    /// Makes anew what is not what was written.
    fn heal(&self) -> Result<(), StoreError> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        self.heal_these(self.known(&mut lists)?)
    }

    fn heal_these(&self, lists: &Lists) -> Result<(), StoreError> {
        let reading = self.store.reading()?;
        let sizes = &self.store.ceremony().sizes;
        warn!(folder = %self.folder.display(), "a piece of the transcript is not what was written: it is made anew");
        make_folder(&self.folder).map_err(|error| self.failed(error))?;
        lists
            .heal(&*reading, &self.folder, sizes)
            .map_err(|error| self.failed(error))?;
        let now = tag(&*reading, sizes, reading.contributions()?)?;
        let spoiled: Vec<Transcript> = {
            let kept = self.kept();
            let spoiled = kept.iter().filter(|it| !it.0.powers.blocks().is_whole());
            spoiled.cloned().collect()
        };
        for transcript in spoiled {
            let (tag, powers) = (&transcript.0.tag, &transcript.0.powers);
            // The powers of the last contribution can be made anew; others are nowhere else.
            let healed = *tag == now && {
                let (anew, _) = PowersFile::render(&*reading, sizes, &self.folder, tag)
                    .map_err(|error| self.failed(error))?;
                powers.blocks().heal(anew.blocks())
            };
            if !healed {
                self.kept().retain(|other| other.0.tag != *tag);
                powers.outdate();
            }
        }
        Ok(())
    }
}

/// A moment of which the lists are now.
fn moment(tag: String, powers: PowersFile, lists: &Lists) -> Transcript {
    Transcript(Arc::new(Moment {
        tag,
        contributions: lists.contributions(),
        lens: lists.lens(),
        powers,
        documents: Default::default(),
    }))
}

/// Makes the folder, for its owner alone, if it is not there.
fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// The powers that an earlier process rendered, in the order of contributions. Everything else in
/// the folder goes.
fn found(folder: &Path, sizes: &Sizes) -> io::Result<Vec<(String, PowersFile)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match PowersFile::found(&path, sizes)?.filter(|(tag, _)| number(tag).is_some()) {
            Some(powers) => found.push(powers),
            None if path.is_dir() => {}
            None => fs::remove_file(&path)?,
        }
    }
    found.sort_by_key(|(tag, _)| number(tag));
    Ok(found)
}

/// The number of contributions in a tag.
fn number(tag: &str) -> Option<u64> {
    tag.split_once('-')?.0.parse().ok()
}

/// Names the transcript of so many contributions by what it holds: their number, and a hash over
/// the last, which depends on all before it.
fn tag(reading: &dyn Reading, sizes: &Sizes, contributions: u64) -> Result<String, StoreError> {
    let last = match contributions.checked_sub(1) {
        Some(before) => reading.page(before, 1)?.pop(),
        None => None,
    };
    let mut hasher = Sha256::new();
    hasher.update([FORMAT_VERSION]);
    hasher.update(sizes.to_string());
    if let Some(last) = last {
        hasher.update(last.identity.as_str());
        for witness in &last.witness {
            hasher.update(witness.to_bytes());
        }
    }
    let hash = hex::encode(hasher.finalize());
    Ok(format!("{contributions}-{}", &hash[..16]))
}

/// Appends lower-case hex digits.
fn push_hex(bytes: &[u8], out: &mut Vec<u8>) {
    let from = out.len();
    out.resize(from + 2 * bytes.len(), 0);
    // The room is as long as it has to be.
    let _ = hex::encode_to_slice(bytes, &mut out[from..]);
}

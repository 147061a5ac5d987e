//! The current transcript as a file that all readers share.
//!
//! A file is made when somebody asks for it, at most once a contribution, from one read
//! transaction of the store: nobody waits for it but those who ask. The bytes are a function of
//! the contributions alone, and a file is never changed, so a download that broke off goes on
//! where it stopped, even after further contributions and restarts: the last few files are kept.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tauline_transcript::transcript::{Format, TranscriptWriter, WriteError};
use tauline_transcript::{Base, RawContribution, Sizes};
use tokio::time::Instant;

use crate::store::{Contribution, Reading, Store, StoreError, Witness};

/// Name of the folder inside the data directory.
pub const FOLDER_NAME: &str = "snapshots";

/// Files that are kept. Ours: a download of the whole transcript of Ethereum's ceremony, 254 MB,
/// outlives a few turns of some minutes even on a slow line.
const KEPT: usize = 4;

/// Goes into the name of every file: another number for other bytes of the same contributions.
const FORMAT_VERSION: u8 = 1;

/// Contributions read at a time.
const PAGE: u32 = 512;

/// A file that took longer than this to make is not made anew at each contribution: a new one
/// waits until [`REST`] times what it took has passed. Below it, making one is not worth a thought.
const QUICK: Duration = Duration::from_secs(1);

/// See [`QUICK`]: making transcripts takes at most a tenth of one core.
const REST: u32 = 10;

/// The transcripts of a ceremony. Clones share them.
#[derive(Clone)]
pub struct Transcripts(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    folder: PathBuf,
    /// The newest last.
    kept: Mutex<VecDeque<TranscriptFile>>,
    /// When the last slow file was made, and how long that took; held while one is made.
    making: tokio::sync::Mutex<Option<(Instant, Duration)>>,
}

/// A transcript that will not change. As long as a value for it lives, so does the file.
#[derive(Debug, Clone)]
pub struct TranscriptFile {
    /// A strong entity tag, with its quotes.
    pub etag: String,
    /// Bytes.
    pub len: u64,
    /// How many contributions it has.
    pub contributions: u64,
    on_disk: Arc<OnDisk>,
}

#[derive(Debug)]
struct OnDisk {
    path: PathBuf,
    /// Whether it may go once nobody reads it.
    outdated: AtomicBool,
}

impl Drop for OnDisk {
    fn drop(&mut self) {
        if self.outdated.load(Ordering::Relaxed) {
            // What stays behind is found and removed at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl TranscriptFile {
    /// Opens it at its start.
    ///
    /// # Errors
    /// When somebody has removed it.
    pub fn open(&self) -> io::Result<tokio::fs::File> {
        Ok(File::open(&self.on_disk.path)?.into())
    }

    /// Takes up a file of an earlier process, by its name.
    fn found(path: PathBuf) -> Option<Self> {
        let tag = path
            .file_name()?
            .to_str()?
            .strip_prefix("transcript-")?
            .strip_suffix(".json")?;
        let contributions = tag.split_once('-')?.0.parse().ok()?;
        let etag = format!("\"{tag}\"");
        let len = fs::metadata(&path).ok()?.len();
        let on_disk = Arc::new(OnDisk {
            path,
            outdated: AtomicBool::new(false),
        });
        Some(Self {
            etag,
            len,
            contributions,
            on_disk,
        })
    }
}

impl Transcripts {
    /// The transcripts of the ceremony in this store, with their files in `folder`.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn new(store: Arc<dyn Store>, folder: PathBuf) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Unwritable {
            path: folder.clone(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(failed)?;
        let mut kept = Vec::new();
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "partial")
            {
                fs::remove_file(&path).map_err(failed)?;
            } else {
                kept.extend(TranscriptFile::found(path));
            }
        }
        kept.sort_by_key(|file| file.contributions);
        let inner = Inner {
            store,
            folder,
            kept: Mutex::default(),
            making: Default::default(),
        };
        for file in kept {
            inner.keep(file);
        }
        Ok(Self(Arc::new(inner)))
    }

    /// The transcript as it is now; makes it if nobody has yet.
    ///
    /// When making one takes long, it may be one of some contributions ago.
    ///
    /// # Errors
    /// When the store or the disk fails.
    pub async fn current(&self) -> Result<TranscriptFile, StoreError> {
        let mut making = self.0.making.lock().await;
        if let Some((made, took)) = *making
            && made.elapsed() < took * REST
            && let Some(newest) = self.0.kept().back()
        {
            return Ok(newest.clone());
        }
        let inner = Arc::clone(&self.0);
        let began = Instant::now();
        let file = tokio::task::spawn_blocking(move || inner.refresh())
            .await
            .map_err(|error| StoreError::Database(Box::new(error)))??;
        let took = began.elapsed();
        *making = (took > QUICK).then(|| (Instant::now(), took));
        Ok(file)
    }

    /// One of the files that are kept, by its entity tag.
    #[must_use]
    pub fn by_etag(&self, etag: &str) -> Option<TranscriptFile> {
        self.0.kept().iter().find(|file| file.etag == etag).cloned()
    }
}

impl Inner {
    fn kept(&self) -> MutexGuard<'_, VecDeque<TranscriptFile>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, file: TranscriptFile) {
        let mut kept = self.kept();
        kept.retain(|other| other.etag != file.etag);
        kept.push_back(file);
        while kept.len() > KEPT {
            if let Some(oldest) = kept.pop_front() {
                oldest.on_disk.outdated.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Makes the current transcript, or finds it made.
    fn refresh(&self) -> Result<TranscriptFile, StoreError> {
        let reading = self.store.reading()?;
        let sizes = &self.store.ceremony().sizes;
        let tag = tag(&*reading, sizes)?;
        let etag = format!("\"{tag}\"");
        let known = self.kept().iter().find(|file| file.etag == etag).cloned();
        if let Some(known) = known.filter(|known| known.on_disk.path.exists()) {
            return Ok(known);
        }
        let path = self.folder.join(format!("transcript-{tag}.json"));
        let partial = self.folder.join(format!("transcript-{tag}.partial"));
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::File {
                action,
                path,
                source,
            }
        };
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&partial)
            .map_err(failed("create", &partial))?;
        let file = render(&*reading, sizes, file)
            .map_err(|error| failed("write", &partial)(io::Error::other(error)))?;
        file.sync_all().map_err(failed("write", &partial))?;
        fs::rename(&partial, &path).map_err(failed("rename", &partial))?;
        let gone = || failed("read", &path)(io::ErrorKind::NotFound.into());
        let made = TranscriptFile::found(path.clone()).ok_or_else(gone)?;
        self.keep(made.clone());
        Ok(made)
    }
}

/// Names the transcript by what it holds: the number of contributions, and a hash over the last,
/// which depends on all before it.
fn tag(reading: &dyn Reading, sizes: &Sizes) -> Result<String, StoreError> {
    let contributions = reading.contributions()?;
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

fn render(reading: &dyn Reading, sizes: &Sizes, file: File) -> Result<File, WriteError> {
    let contributions = reading.contributions().map_err(io::Error::other)?;
    let base = match reading.head().map_err(io::Error::other)? {
        Some(blob) => {
            let document = RawContribution::from_msgpack(blob.bytes()).map_err(io::Error::other)?;
            Base::decode(&document, sizes).map_err(io::Error::other)?
        }
        None => Base::initial(sizes),
    };
    let out = BufWriter::with_capacity(1 << 20, file);
    let mut writer = TranscriptWriter::new(out, Format::Json, sizes.len(), contributions)?;
    for (index, powers) in base.powers().iter().enumerate() {
        let witness = |one: Contribution| -> io::Result<Witness> {
            let missing = || io::Error::other("a contribution has too few witnesses");
            one.witness.get(index).copied().ok_or_else(missing)
        };
        let witnesses = || Pages::new(reading).map(move |one| one.and_then(witness));
        writer.sub_ceremony(
            powers,
            witnesses().map(|witness| Ok(witness?.running_product)),
            witnesses().map(|witness| Ok(witness?.pot_pubkey)),
            witnesses().map(|witness| Ok(witness?.bls_signature)),
        )?;
    }
    let out = writer.finish(
        Pages::new(reading).map(|one| Ok(one?.identity)),
        Pages::new(reading).map(|one| Ok(one?.ecdsa)),
    )?;
    out.into_inner()
        .map_err(|error| WriteError::Io(error.into_error()))
}

/// All contributions of a reading, a page in memory at a time.
struct Pages<'a> {
    reading: &'a dyn Reading,
    page: std::vec::IntoIter<Contribution>,
    last: u64,
}

impl<'a> Pages<'a> {
    fn new(reading: &'a dyn Reading) -> Self {
        Self {
            reading,
            page: Vec::new().into_iter(),
            last: 0,
        }
    }
}

impl Iterator for Pages<'_> {
    type Item = io::Result<Contribution>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.as_slice().is_empty() {
            match self.reading.page(self.last, PAGE) {
                Ok(page) => self.page = page.into_iter(),
                Err(error) => return Some(Err(io::Error::other(error))),
            }
        }
        let one = self.page.next()?;
        self.last = one.number;
        Some(Ok(one))
    }
}

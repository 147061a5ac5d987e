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
mod digits;
mod document;
mod kept;
mod lists;
mod powers;
mod tag;
mod transcript;

use std::path::PathBuf;
use std::sync::Arc;

use tauline_store::{Store, StoreError};
use tokio::sync::Mutex;

pub use self::document::Document;
use self::kept::Kept;
pub use self::transcript::Transcript;
use crate::representation::Coding;

pub use tauline_store::SNAPSHOTS_NAME as FOLDER_NAME;

/// The transcripts of a ceremony. Clones share them.
#[derive(Clone)]
pub struct Transcripts {
    kept: Arc<Kept>,
    /// Held while something is rendered or compressed: whoever comes meanwhile finds it done.
    making: Arc<Mutex<()>>,
}

impl Transcripts {
    /// The transcripts of the ceremony in this store, with their files in `folder`.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn new(store: Arc<dyn Store>, folder: PathBuf) -> Result<Self, StoreError> {
        Ok(Self {
            kept: Arc::new(Kept::new(store, folder)?),
            making: Arc::default(),
        })
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
        let _making = self.making.lock().await;
        if let Some(newest) = self.newest(contributions) {
            return Ok(newest);
        }
        self.blocking(|kept| kept.refresh()).await
    }

    /// One of the transcripts that are kept, by the entity tag of its plain form.
    ///
    /// # Errors
    /// As [`Transcripts::current`], the first time after a start.
    pub async fn by_etag(&self, etag: &str) -> Result<Option<Transcript>, StoreError> {
        if self.kept.transcripts().is_empty() {
            self.current(0).await?;
        }
        let kept = self.kept.transcripts();
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
        let slot = transcript.document(coding);
        if let Some(document) = slot.get() {
            return Ok(document.clone());
        }
        let _making = self.making.lock().await;
        if let Some(document) = slot.get() {
            return Ok(document.clone());
        }
        let made = transcript.clone();
        let document = self
            .blocking(move |kept| kept.document(&made, coding))
            .await?;
        Ok(slot.get_or_init(|| document).clone())
    }

    /// Bytes of plain text rendered since the start: what grows by the same for each contribution.
    #[must_use]
    pub fn rendered(&self) -> u64 {
        self.kept.rendered()
    }

    fn newest(&self, contributions: u64) -> Option<Transcript> {
        let kept = self.kept.transcripts();
        let newest = kept.back()?;
        (newest.contributions() >= contributions).then(|| newest.clone())
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Kept>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let kept = Arc::clone(&self.kept);
        tokio::task::spawn_blocking(move || work(&kept))
            .await
            .map_err(|error| StoreError::Database(Box::new(error)))?
    }
}

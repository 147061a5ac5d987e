//! The transcripts that can still be read, and the files that they share.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tauline_store::{Reading, Store, StoreError};
use tauline_transcript::Sizes;
use tracing::warn;

use super::document::{Document, Heal};
use super::lists::Lists;
use super::powers::PowersFile;
use super::tag::{number, tag};
use super::transcript::Transcript;
use crate::representation::Coding;

/// Transcripts that can still be read, the current one included. A download of the whole
/// transcript of Ethereum's ceremony, 254 MB, outlives a few turns of some minutes even on a slow
/// line.
const KEPT: usize = 4;

/// The transcripts that can still be read, and what they are made from.
pub(super) struct Kept {
    store: Arc<dyn Store>,
    folder: PathBuf,
    /// The newest last.
    transcripts: Mutex<VecDeque<Transcript>>,
    /// None before the first request. Only locked where blocking does no harm.
    lists: Mutex<Option<Lists>>,
    rendered: AtomicU64,
}

impl Kept {
    /// None yet, of the ceremony in this store, with files in `folder`.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub(super) fn new(store: Arc<dyn Store>, folder: PathBuf) -> Result<Self, StoreError> {
        let unwritable = |source| StoreError::Unwritable {
            path: folder.clone(),
            source,
        };
        make_folder(&folder).map_err(unwritable)?;
        Ok(Self {
            store,
            folder,
            transcripts: Mutex::default(),
            lists: Mutex::default(),
            rendered: AtomicU64::new(0),
        })
    }

    pub(super) fn transcripts(&self) -> MutexGuard<'_, VecDeque<Transcript>> {
        self.transcripts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of plain text rendered since the start.
    pub(super) fn rendered(&self) -> u64 {
        self.rendered.load(Ordering::Relaxed)
    }

    fn lists(&self) -> MutexGuard<'_, Option<Lists>> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, source: io::Error) -> StoreError {
        StoreError::File {
            action: "write",
            path: self.folder.clone(),
            source,
        }
    }

    /// Brings the lists up to what the store has, and renders the powers.
    pub(super) fn refresh(&self) -> Result<Transcript, StoreError> {
        let reading = self.store.reading()?;
        let sizes = &self.store.ceremony().sizes;
        // Somebody may have taken it away.
        make_folder(&self.folder).map_err(|error| self.failed(error))?;
        let mut lists = self.lists();
        let mut rendered = 0;
        let (current, mut found) = match &mut *lists {
            Some(lists) => (lists, Vec::new()),
            none => {
                let found = self.found(&*reading, sizes)?;
                let made = Lists::create(&self.folder, sizes, &mut rendered);
                (
                    none.insert(made.map_err(|error| self.failed(error))?),
                    found,
                )
            }
        };
        let mut transcripts = Vec::new();
        let mut take_up = |contributions, lists: &Lists| {
            for (tag, powers) in found.extract_if(.., |(tag, _)| number(tag) == Some(contributions))
            {
                transcripts.push(Transcript::new(tag, powers, lists));
            }
        };
        take_up(current.contributions(), current);
        rendered += current
            .extend(&*reading, take_up)
            .map_err(|error| self.failed(error))?;
        for transcript in transcripts {
            self.keep(transcript);
        }
        let tag = tag(&*reading, sizes, reading.contributions()?)?;
        let ready = self
            .transcripts()
            .iter()
            .find(|one| one.tag() == tag)
            .cloned();
        let transcript = match ready.filter(|one| one.powers().path().exists()) {
            Some(ready) => ready,
            None => {
                let (powers, len) = PowersFile::render(&*reading, sizes, &self.folder, &tag)
                    .map_err(|error| self.failed(error))?;
                rendered += len;
                let transcript = Transcript::new(tag, powers, current);
                self.keep(transcript.clone());
                transcript
            }
        };
        self.rendered.fetch_add(rendered, Ordering::Relaxed);
        Ok(transcript)
    }

    /// The powers that an earlier process rendered and this store has the contributions of, by their
    /// tags. Those of others go.
    fn found(
        &self,
        reading: &dyn Reading,
        sizes: &Sizes,
    ) -> Result<Vec<(String, PowersFile)>, StoreError> {
        let mut known = Vec::new();
        for (found, powers) in found(&self.folder, sizes).map_err(|error| self.failed(error))? {
            let expected = match number(&found) {
                Some(number) => Some(tag(reading, sizes, number)?),
                None => None,
            };
            match expected.as_ref() == Some(&found) {
                true => known.push((found, powers)),
                false => powers.outdate(),
            }
        }
        Ok(known)
    }

    fn keep(&self, transcript: Transcript) {
        let mut kept = self.transcripts();
        kept.retain(|other| other.tag() != transcript.tag());
        kept.push_back(transcript);
        while kept.len() > KEPT {
            if let Some(oldest) = kept.pop_front() {
                oldest.powers().outdate();
            }
        }
    }

    /// Puts the document of a transcript together.
    pub(super) fn document(
        self: &Arc<Self>,
        transcript: &Transcript,
        coding: Coding,
    ) -> Result<Document, StoreError> {
        let mut lists = self.lists();
        let lists = self.known(&mut lists)?;
        let heal = Arc::downgrade(self);
        if let Ok(document) = Document::of(transcript.contents(), lists, coding, heal.clone()) {
            return Ok(document);
        }
        self.heal_these(lists)?;
        Document::of(transcript.contents(), lists, coding, heal).map_err(|error| self.failed(error))
    }

    fn known<'a>(&self, lists: &'a mut Option<Lists>) -> Result<&'a mut Lists, StoreError> {
        lists
            .as_mut()
            .ok_or_else(|| self.failed(io::Error::other("there are no lists")))
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
            let kept = self.transcripts();
            let spoiled = kept.iter().filter(|it| !it.powers().blocks().is_whole());
            spoiled.cloned().collect()
        };
        for transcript in spoiled {
            let (tag, powers) = (transcript.tag(), transcript.powers());
            // The powers of the last contribution can be made anew; others are nowhere else.
            let healed = tag == now && {
                let (anew, _) = PowersFile::render(&*reading, sizes, &self.folder, tag)
                    .map_err(|error| self.failed(error))?;
                powers.blocks().heal(anew.blocks())
            };
            if !healed {
                self.transcripts().retain(|other| other.tag() != tag);
                powers.outdate();
            }
        }
        Ok(())
    }
}

impl Heal for Kept {
    fn heal(&self) -> Result<(), StoreError> {
        let mut lists = self.lists();
        self.heal_these(self.known(&mut lists)?)
    }
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

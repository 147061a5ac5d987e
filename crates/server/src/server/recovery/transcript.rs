//! The transcript of the ceremony that is recovered, in a file.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rand_core::OsRng;
use tauline_audit::{Kind, TranscriptFindings};
use tauline_store::Contribution;
use tauline_transcript::transcript::{
    ExpectedSizes, Options, Source, WitnessEntry, read_powers, read_witnesses, verify_transcript,
};
use tauline_transcript::{Encoding, RawContribution, RawPoint, RawSubContribution, Sizes};

use super::error::RecoverError;
use super::old_log::OldLog;

/// Bytes that are read at once.
const READ_LEN: usize = 64 << 10;

/// A transcript in a plain file, which can be read from any offset.
pub(super) struct TranscriptFile {
    path: PathBuf,
    file: File,
}

/// A reader of the file from some offset on. Readers do not disturb each other.
pub(super) struct Section<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read_at(buffer, self.offset)?;
        self.offset += len as u64;
        Ok(len)
    }
}

impl Source for TranscriptFile {
    type Reader<'a> = BufReader<Section<'a>>;

    fn open(&self, offset: u64) -> io::Result<Self::Reader<'_>> {
        let section = Section {
            file: &self.file,
            offset,
        };
        Ok(BufReader::with_capacity(READ_LEN, section))
    }
}

impl TranscriptFile {
    /// The transcript in this file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn at(path: &Path) -> Result<Self, RecoverError> {
        Ok(Self {
            path: path.to_owned(),
            file: File::open(path).map_err(RecoverError::unreadable(path))?,
        })
    }

    /// Checks that it has the contributions that the log says were accepted, and no others
    /// (`docs/spec/public-log.md#accepted`).
    ///
    /// # Errors
    /// When it has not, or is no transcript.
    pub(super) fn compare(&self, log: &OldLog) -> Result<(), RecoverError> {
        let mut audit = log.auditor.transcript();
        self.read(|entry| audit.witness(&entry))?;
        match difference(&audit.finish()) {
            Some(why) => Err(RecoverError::transcript(&self.path, why)),
            None => Ok(()),
        }
    }

    /// Verifies all of it, as anybody could. Points are decoded on the threads of the current rayon pool.
    ///
    /// # Errors
    /// When a check fails.
    pub(super) fn verify(&self, sizes: &Sizes) -> Result<(), RecoverError> {
        let options = Options {
            sizes: ExpectedSizes::These(sizes.clone()),
            ..Options::default()
        };
        verify_transcript(self, &options, &mut OsRng, &|_| ())
            .map(|_| ())
            .map_err(|error| RecoverError::of_transcript(&self.path, error))
    }

    /// Hands each contribution on, in order.
    ///
    /// # Errors
    /// When it cannot be read, or is no transcript.
    pub(super) fn read(&self, take: impl FnMut(WitnessEntry)) -> Result<(), RecoverError> {
        read_witnesses(self, take).map_err(|error| RecoverError::of_transcript(&self.path, error))
    }

    /// The document of its last contribution, on which the next participant builds: its final powers, with
    /// what it keeps of that contribution.
    ///
    /// # Errors
    /// When it cannot be read, or has other sizes.
    pub(super) fn head(
        &self,
        sizes: &Sizes,
        last: &Contribution,
    ) -> Result<RawContribution, RecoverError> {
        let mut sub_contributions = Vec::with_capacity(sizes.len());
        for (size, witness) in sizes.iter().zip(&last.witness) {
            let powers = read_powers(self, size.g1)
                .map_err(|error| RecoverError::of_transcript(&self.path, error))?
                .filter(|powers| powers.size() == size)
                .ok_or_else(|| self.changed())?;
            let pot_pubkey =
                RawPoint::from_bytes(witness.pot_pubkey.to_vec()).map_err(|_| self.changed())?;
            sub_contributions.push(RawSubContribution {
                num_g1_powers: size.g1 as u64,
                num_g2_powers: size.g2 as u64,
                powers: powers.to_raw(Encoding::Compressed),
                pot_pubkey,
                bls_signature: witness.bls_signature,
            });
        }
        Ok(RawContribution {
            sub_contributions,
            ecdsa_signature: last.ecdsa,
        })
    }

    /// The error for a file that was verified, and is another now.
    pub(super) fn changed(&self) -> RecoverError {
        let why = "it was changed while it was read: start again, and leave it alone meanwhile";
        RecoverError::transcript(&self.path, why)
    }
}

/// How a transcript is another than the log's, if it is, and what to do.
fn difference(found: &TranscriptFindings) -> Option<String> {
    let mut violations = found.violations.iter();
    let wrong = violations.find(|it| it.kind != Kind::NotInTranscript);
    match (wrong, found.newer_in_log) {
        (Some(first), _) if first.kind == Kind::NotInLog => Some(format!(
            "it is newer than the copy of the log. {} Find a newer copy of the log",
            first.text
        )),
        (Some(first), _) => Some(format!("{} [{}]", first.text, first.kind)),
        (None, 0) => None,
        (None, missing) => Some(format!(
            "it ends after {} contributions, and {missing} more are in the log: find a newer copy of it",
            found.contributions
        )),
    }
}

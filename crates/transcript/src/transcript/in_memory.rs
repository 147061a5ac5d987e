//! A transcript in memory, for the start of a ceremony and for small ones.

use std::io::Write;

use crate::random::SecureRandom;

use crate::contribution::raw::RawContribution;
use crate::error::Invalid;
use crate::identity::Identity;
use crate::powers::Base;
use crate::sizes::Sizes;
use crate::transcript::write::TranscriptWriter;
use crate::transcript::write::format::{Format, WriteError};
use crate::verify::{WitnessEntry, verify};

/// A transcript in memory. It grows by verified contributions alone.
#[derive(Clone, Debug)]
pub struct Transcript {
    base: Base,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    identity: Identity,
    witness: Vec<WitnessEntry>,
    ecdsa_signature: Option<[u8; 65]>,
}

impl Transcript {
    /// The transcript of a ceremony that nobody has contributed to.
    #[must_use]
    pub fn initial(sizes: &Sizes) -> Self {
        Self {
            base: Base::initial(sizes),
            entries: Vec::new(),
        }
    }

    /// What the next contributor builds on.
    #[must_use]
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// The number of contributions.
    #[must_use]
    pub fn contributions(&self) -> usize {
        self.entries.len()
    }

    /// Verifies a contribution against [`Transcript::base`] and adds it. Signatures that are not
    /// `identity`'s are dropped.
    ///
    /// # Errors
    /// When a check fails; the transcript stays as it was.
    pub fn accept(
        &mut self,
        identity: Identity,
        contribution: &RawContribution,
        rng: &mut dyn SecureRandom,
    ) -> Result<(), Invalid> {
        let mut verified = verify(&self.base, contribution, rng)?;
        verified.prune_signatures(&identity);
        let (base, witness, ecdsa_signature) = verified.into_parts();
        self.base = base;
        self.entries.push(Entry {
            identity,
            witness,
            ecdsa_signature,
        });
        Ok(())
    }

    /// Writes the document. Gives the output back, flushed.
    ///
    /// # Errors
    /// When the output fails.
    pub fn write<W: Write>(&self, out: W, format: Format) -> Result<W, WriteError> {
        let powers = self.base.powers();
        let entries = self.entries.as_slice();
        let mut writer = TranscriptWriter::new(out, format, powers.len(), entries.len() as u64)?;
        for (i, powers) in powers.iter().enumerate() {
            let witness = || entries.iter().map(move |entry| &entry.witness[i]);
            writer.sub_ceremony(
                powers,
                witness().map(|it| Ok(it.running_product.to_compressed())),
                witness().map(|it| Ok(it.pot_pubkey.to_compressed())),
                witness().map(|it| Ok(it.bls_signature)),
            )?;
        }
        writer.finish(
            entries.iter().map(|entry| Ok(&entry.identity)),
            entries.iter().map(|entry| Ok(entry.ecdsa_signature)),
        )
    }
}

//! Transcripts, written as a stream (`docs/spec/ceremony.md#transcript`).
//!
//! [`TranscriptWriter`] takes the parts in the document's order, each list from an iterator, so a
//! coordinator writes a transcript of any length straight from its store.
//! [`Transcript`](crate::transcript::Transcript) is one in memory.

pub(crate) mod format;
mod output;

use std::io::{self, Write};

use blstrs::{G1Affine, G2Affine};

use self::format::{Format, WriteError};
use self::output::Output;
use crate::encoding::{Encoding, Point};
use crate::powers::Powers;

/// Writes a transcript part by part.
///
/// ```text
/// new, then for each sub-ceremony: sub_ceremony, then: finish
/// ```
///
/// The bytes are a function of the parts alone: a download that broke off can go on where it
/// stopped. Writes are small, one an item; give it a [`BufWriter`](std::io::BufWriter).
#[derive(Debug)]
pub struct TranscriptWriter<W: Write> {
    out: Output<W>,
    sub_ceremonies: usize,
    written: usize,
    contributions: u64,
}

impl<W: Write> TranscriptWriter<W> {
    /// Starts a transcript of `contributions` contributions, not counting entry 0, the start,
    /// which is written of itself.
    ///
    /// # Errors
    /// When the output fails, or the lists would be too long for the format.
    pub fn new(
        out: W,
        format: Format,
        sub_ceremonies: usize,
        contributions: u64,
    ) -> Result<Self, WriteError> {
        let mut out = Output::new(out, format);
        out.begin_object(3)?;
        out.field("transcripts")?;
        out.begin_list(sub_ceremonies as u64)?;
        Ok(Self {
            out,
            sub_ceremonies,
            written: 0,
            contributions,
        })
    }

    /// Writes the next sub-ceremony: its final powers, then for each contribution in order the
    /// compressed running product, the compressed public key, and the BLS signature.
    ///
    /// # Errors
    /// When the output or an iterator fails; when an iterator does not have one item for each
    /// contribution; when there are more sub-ceremonies than announced.
    pub fn sub_ceremony(
        &mut self,
        powers: &Powers,
        running_products: impl IntoIterator<Item = io::Result<[u8; 48]>>,
        pot_pubkeys: impl IntoIterator<Item = io::Result<[u8; 96]>>,
        bls_signatures: impl IntoIterator<Item = io::Result<Option<[u8; 48]>>>,
    ) -> Result<(), WriteError> {
        self.written += 1;
        if self.written > self.sub_ceremonies {
            let (expected, got) = (self.sub_ceremonies, self.written);
            return Err(WriteError::SubCeremonies { expected, got });
        }
        let encoding = self.out.encoding();
        self.out.item()?;
        self.out.begin_object(4)?;
        self.out.field("numG1Powers")?;
        self.out.number(powers.g1().len() as u64)?;
        self.out.field("numG2Powers")?;
        self.out.number(powers.g2().len() as u64)?;

        self.out.field("powersOfTau")?;
        self.out.begin_object(2)?;
        self.out.field("G1Powers")?;
        self.out.points(powers.g1(), encoding)?;
        self.out.field("G2Powers")?;
        self.out.points(powers.g2(), encoding)?;
        self.out.end_object()?;

        self.out.field("witness")?;
        self.out.begin_object(3)?;
        self.witness_points::<G1Affine, 48>("runningProducts", running_products)?;
        self.witness_points::<G2Affine, 96>("potPubkeys", pot_pubkeys)?;
        self.list("blsSignatures", bls_signatures, |out, _, item| match item {
            Some(signature) => out.bytes(&signature?.map_or_else(Vec::new, Vec::from)),
            None => out.bytes(&[]),
        })?;
        self.out.end_object()?;
        self.out.end_object()
    }

    /// Writes the participants' identities and EIP-712 signatures in the order of contributions,
    /// and the end. Gives the output back, flushed.
    ///
    /// # Errors
    /// When the output or an iterator fails; when an iterator does not have one item for each
    /// contribution; when there are fewer sub-ceremonies than announced.
    pub fn finish(
        mut self,
        identities: impl IntoIterator<Item = io::Result<impl AsRef<str>>>,
        ecdsa_signatures: impl IntoIterator<Item = io::Result<Option<[u8; 65]>>>,
    ) -> Result<W, WriteError> {
        if self.written < self.sub_ceremonies {
            let (expected, got) = (self.sub_ceremonies, self.written);
            return Err(WriteError::SubCeremonies { expected, got });
        }
        self.out.end_list()?;
        self.list("participantIds", identities, |out, _, item| match item {
            Some(identity) => out.text(identity?.as_ref()),
            None => out.text(""),
        })?;
        self.list(
            "participantEcdsaSignatures",
            ecdsa_signatures,
            |out, _, item| match item {
                Some(signature) => out.bytes(&signature?.map_or_else(Vec::new, Vec::from)),
                None => out.bytes(&[]),
            },
        )?;
        self.out.end_object()?;
        Ok(self.out.finish()?)
    }

    /// A list of witness points, the generator first.
    fn witness_points<P: Point, const N: usize>(
        &mut self,
        name: &'static str,
        items: impl IntoIterator<Item = io::Result<[u8; N]>>,
    ) -> Result<(), WriteError> {
        let encoding = self.out.encoding();
        let mut bytes = Vec::new();
        self.list(name, items, |out, entry, item| {
            bytes.clear();
            match item {
                None => P::generator().encode(encoding, &mut bytes),
                Some(point) if encoding == Encoding::Compressed => bytes.extend(point?),
                Some(point) => P::decode(&point?, Encoding::Compressed)
                    .map_err(|error| WriteError::Point {
                        list: name,
                        entry,
                        error,
                    })?
                    .encode(encoding, &mut bytes),
            }
            out.bytes(&bytes)
        })
    }

    /// A list with entry 0, for which `write` gets no item, and one entry for each contribution.
    fn list<T>(
        &mut self,
        name: &'static str,
        items: impl IntoIterator<Item = io::Result<T>>,
        mut write: impl FnMut(&mut Output<W>, u64, Option<io::Result<T>>) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let expected = self.contributions;
        self.out.field(name)?;
        self.out.begin_list(expected.saturating_add(1))?;
        self.out.item()?;
        write(&mut self.out, 0, None)?;
        let mut got = 0;
        for item in items {
            got += 1;
            if got > expected {
                break;
            }
            self.out.item()?;
            write(&mut self.out, got, Some(item))?;
        }
        if got != expected {
            return Err(WriteError::Length {
                list: name,
                expected,
                got,
            });
        }
        self.out.end_list()
    }
}

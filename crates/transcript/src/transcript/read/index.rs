//! Where in a transcript each of its lists is: the first of two passes.

use crate::encoding::{Encoding, Point};
use crate::error::{DocumentError, SubCeremony};
use crate::sizes::{Size, Sizes};
use crate::transcript::read::form;
use crate::transcript::read::source::Source;
use crate::transcript::read::tokens::Tokens;
use crate::transcript::{error::TranscriptError, read::form::DocumentForm};

/// A list of the document.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ListPlace {
    /// Where it starts, in bytes; no list starts at 0.
    pub(crate) offset: u64,
    /// The number of its items.
    pub(crate) len: u64,
}

/// The lists of one sub-ceremony. Those that the document does not have are empty.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SubIndex {
    pub(crate) num_g1_powers: u64,
    pub(crate) num_g2_powers: u64,
    pub(crate) g1_powers: ListPlace,
    pub(crate) g2_powers: ListPlace,
    pub(crate) running_products: ListPlace,
    pub(crate) pot_pubkeys: ListPlace,
    pub(crate) bls_signatures: ListPlace,
}

impl SubIndex {
    /// The sub-ceremony at place `i`, of the size that the document states.
    pub(crate) fn sub_ceremony(&self, i: usize) -> SubCeremony {
        let size = |number| usize::try_from(number).unwrap_or(usize::MAX);
        SubCeremony {
            index: i,
            size: Size {
                g1: size(self.num_g1_powers),
                g2: size(self.num_g2_powers),
            },
        }
    }
}

/// The places of all lists.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    pub(crate) form: DocumentForm,
    pub(crate) encoding: Encoding,
    pub(crate) subs: Vec<SubIndex>,
    pub(crate) participant_ids: ListPlace,
    pub(crate) ecdsa_signatures: ListPlace,
}

impl Index {
    /// Reads the document once and notes where its lists are. Items are not looked at, but the
    /// document is: unknown fields at the top and inside `powersOfTau` are errors, elsewhere they
    /// are ignored; a field given twice is an error; so is anything after the document.
    pub(crate) fn read<S: Source + ?Sized>(source: &S) -> Result<Self, TranscriptError> {
        let form = form::detect(source)?;
        let mut reader = Reader {
            tokens: form::open(source, form, 0)?,
            form,
        };
        let (mut subs, mut ids, mut ecdsa) = (None, None, None);
        reader.tokens.begin_object()?;
        while let Some(field) = reader.tokens.next_field()? {
            match field.as_str() {
                "transcripts" | "subTranscripts" => {
                    reader.once(&field, &mut subs, Reader::sub_transcripts)?;
                }
                "participantIds" => reader.once(&field, &mut ids, Reader::list)?,
                "participantEcdsaSignatures" => reader.once(&field, &mut ecdsa, Reader::list)?,
                _ => return reader.refuse(format!("unknown field `{}`", shown(&field))),
            }
        }
        let Some(subs) = subs else {
            return reader.refuse("no field `transcripts`".to_owned());
        };
        reader.tokens.finish()?;
        let mut index = Self {
            form,
            encoding: Encoding::Compressed,
            subs,
            participant_ids: ids.unwrap_or_default(),
            ecdsa_signatures: ecdsa.unwrap_or_default(),
        };
        index.encoding = index.first_encoding(source)?;
        Ok(index)
    }

    /// The encoding of the first point: all others must have it too.
    fn first_encoding<S: Source + ?Sized>(&self, source: &S) -> Result<Encoding, TranscriptError> {
        let first = self
            .subs
            .first()
            .map(|sub| sub.g1_powers)
            .filter(|list| list.len > 0);
        let Some(list) = first else {
            return Ok(Encoding::Compressed);
        };
        let mut tokens = form::open(source, self.form, list.offset)?;
        tokens.begin_list()?;
        tokens.next_item()?;
        let len = tokens.point_len()?;
        Ok(len
            .and_then(blstrs::G1Affine::encoding_of_len)
            .unwrap_or_default())
    }
}

struct Reader<'a> {
    tokens: Box<dyn Tokens + 'a>,
    form: DocumentForm,
}

impl Reader<'_> {
    fn refuse<T>(&self, problem: String) -> Result<T, TranscriptError> {
        Err(match self.form {
            DocumentForm::Json => DocumentError::Json(problem),
            DocumentForm::MessagePack => DocumentError::MessagePack(problem),
        }
        .into())
    }

    /// Reads the value of a field that may be there once.
    fn once<T>(
        &mut self,
        field: &str,
        slot: &mut Option<T>,
        read: impl FnOnce(&mut Self) -> Result<T, TranscriptError>,
    ) -> Result<(), TranscriptError> {
        if slot.is_some() {
            return self.refuse(format!("field `{}` is given twice", shown(field)));
        }
        *slot = Some(read(self)?);
        Ok(())
    }

    fn required<T>(&self, field: &str, slot: Option<T>) -> Result<T, TranscriptError> {
        match slot {
            Some(value) => Ok(value),
            None => self.refuse(format!("a sub-ceremony has no field `{field}`")),
        }
    }

    fn number(&mut self) -> Result<u64, TranscriptError> {
        self.tokens.number()
    }

    fn list(&mut self) -> Result<ListPlace, TranscriptError> {
        let offset = self.tokens.begin_list()?;
        let mut len = 0;
        while self.tokens.next_item()? {
            self.tokens.skip()?;
            len += 1;
        }
        Ok(ListPlace { offset, len })
    }

    fn sub_transcripts(&mut self) -> Result<Vec<SubIndex>, TranscriptError> {
        let mut subs = Vec::new();
        self.tokens.begin_list()?;
        while self.tokens.next_item()? {
            if subs.len() == Sizes::MAX_LEN {
                return self.refuse(format!("more than {} sub-ceremonies", Sizes::MAX_LEN));
            }
            subs.push(self.sub_transcript()?);
        }
        Ok(subs)
    }

    fn sub_transcript(&mut self) -> Result<SubIndex, TranscriptError> {
        let (mut num_g1, mut num_g2, mut powers, mut witness) = (None, None, None, None);
        self.tokens.begin_object()?;
        while let Some(field) = self.tokens.next_field()? {
            match field.as_str() {
                "numG1Powers" => self.once(&field, &mut num_g1, Self::number)?,
                "numG2Powers" => self.once(&field, &mut num_g2, Self::number)?,
                "powersOfTau" => self.once(&field, &mut powers, Self::powers_of_tau)?,
                "witness" => self.once(&field, &mut witness, Self::witness)?,
                _ => self.tokens.skip()?,
            }
        }
        let (g1_powers, g2_powers) = self.required("powersOfTau", powers)?;
        let [running_products, pot_pubkeys, bls_signatures] = self.required("witness", witness)?;
        Ok(SubIndex {
            num_g1_powers: self.required("numG1Powers", num_g1)?,
            num_g2_powers: self.required("numG2Powers", num_g2)?,
            g1_powers,
            g2_powers,
            running_products,
            pot_pubkeys,
            bls_signatures,
        })
    }

    fn powers_of_tau(&mut self) -> Result<(ListPlace, ListPlace), TranscriptError> {
        let (mut g1, mut g2) = (None, None);
        self.tokens.begin_object()?;
        while let Some(field) = self.tokens.next_field()? {
            match field.as_str() {
                "G1Powers" => self.once(&field, &mut g1, Self::list)?,
                "G2Powers" => self.once(&field, &mut g2, Self::list)?,
                _ => return self.refuse(format!("unknown field `{}`", shown(&field))),
            }
        }
        Ok((
            self.required("G1Powers", g1)?,
            self.required("G2Powers", g2)?,
        ))
    }

    fn witness(&mut self) -> Result<[ListPlace; 3], TranscriptError> {
        let (mut products, mut pubkeys, mut signatures) = (None, None, None);
        self.tokens.begin_object()?;
        while let Some(field) = self.tokens.next_field()? {
            match field.as_str() {
                "runningProducts" => self.once(&field, &mut products, Self::list)?,
                "potPubkeys" => self.once(&field, &mut pubkeys, Self::list)?,
                "blsSignatures" => self.once(&field, &mut signatures, Self::list)?,
                _ => self.tokens.skip()?,
            }
        }
        Ok([
            self.required("runningProducts", products)?,
            self.required("potPubkeys", pubkeys)?,
            // The first schema had none. An empty list is refused later, by its length.
            signatures.unwrap_or_default(),
        ])
    }
}

/// A field's name, cut to a length fit for a message.
fn shown(field: &str) -> String {
    field.chars().take(40).collect()
}

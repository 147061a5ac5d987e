//! All lists of a transcript, read side by side: the second of two passes.

use crate::encoding::{Encoding, Point, PointError};
use crate::transcript::error::TranscriptError;
use crate::transcript::read::form;
use crate::transcript::read::index::{Index, ListPlace, SubIndex};
use crate::transcript::read::source::Source;
use crate::transcript::read::tokens::{Presence, Tokens};

/// Entries of a batch. At four sub-ceremonies 4096 points of G1 and 2048 of G2, whose subgroups
/// are tested by 128 sums each, and which are 2 MB in all their forms.
pub(crate) const BATCH_ENTRIES: usize = 512;

/// A point's bytes, or why there are none.
pub(crate) type RawEntry = Result<Vec<u8>, PointError>;

/// The points of a list, in one piece: a transcript has too many for each to be an allocation.
#[derive(Default)]
pub(crate) struct EntryPoints {
    /// Those that there are, each of the same length.
    pub(crate) bytes: Vec<u8>,
    /// Whether there is a point, or why there is none.
    pub(crate) entries: Vec<Result<(), PointError>>,
}

impl EntryPoints {
    /// The bytes of each entry; none where there is no point.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Option<&[u8]>> {
        let present = self.entries.iter().filter(|entry| entry.is_ok()).count();
        let len = self.bytes.len() / present.max(1);
        let mut points = self.bytes.chunks(len.max(1));
        let entries = self.entries.iter();
        entries.map(move |entry| entry.as_ref().ok().and_then(|()| points.next()))
    }

    /// The i-th entry.
    pub(crate) fn entry(&self, i: usize) -> Option<RawEntry> {
        let before = self.entries[..i.min(self.entries.len())].iter();
        let before = before.filter(|entry| entry.is_ok()).count();
        let present = self.entries.iter().filter(|entry| entry.is_ok()).count();
        Some(self.entries.get(i)?.clone().map(|()| {
            let len = self.bytes.len() / present;
            self.bytes[before * len..][..len].to_vec()
        }))
    }
}

/// A signature as the transcript has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RawSignature<const N: usize> {
    Absent,
    Malformed,
    Given([u8; N]),
}

/// Successive entries of all lists. A list that has ended gives fewer.
pub(crate) struct EntryBatch {
    /// k of the first entry.
    pub(crate) first: u64,
    pub(crate) len: usize,
    pub(crate) subs: Vec<SubBatch>,
    pub(crate) participant_ids: Vec<String>,
    pub(crate) ecdsa_signatures: Vec<RawSignature<65>>,
}

/// One sub-ceremony's part of a batch.
pub(crate) struct SubBatch {
    /// The running product of the entry before the first, which the batch before has judged.
    pub(crate) product_before: Option<RawEntry>,
    pub(crate) running_products: EntryPoints,
    pub(crate) pot_pubkeys: EntryPoints,
    pub(crate) bls_signatures: Vec<RawSignature<48>>,
}

/// The readers of all lists, each with its own place in the document.
pub(crate) struct Walk<'a> {
    encoding: Encoding,
    next: u64,
    /// The number of entries of the longest list of points.
    pub(crate) total: u64,
    subs: Vec<SubWalk<'a>>,
    participant_ids: Column<'a>,
    ecdsa_signatures: Column<'a>,
}

struct SubWalk<'a> {
    product_before: Option<RawEntry>,
    running_products: Column<'a>,
    pot_pubkeys: Column<'a>,
    bls_signatures: Column<'a>,
}

/// One list, none after its end.
struct Column<'a>(Option<Box<dyn Tokens + 'a>>);

impl<'a> Column<'a> {
    fn open<S: Source + ?Sized>(
        source: &'a S,
        index: &Index,
        list: ListPlace,
    ) -> Result<Self, TranscriptError> {
        if list.len == 0 {
            return Ok(Self(None));
        }
        let mut tokens = form::open(source, index.form, list.offset)?;
        tokens.begin_list()?;
        Ok(Self(Some(tokens)))
    }

    /// At most `max` items.
    fn take<T>(
        &mut self,
        max: usize,
        mut read: impl FnMut(&mut dyn Tokens) -> Result<T, TranscriptError>,
    ) -> Result<Vec<T>, TranscriptError> {
        let mut items = Vec::with_capacity(max);
        while let (true, Some(tokens)) = (items.len() < max, &mut self.0) {
            match tokens.next_item()? {
                true => items.push(read(&mut **tokens)?),
                false => self.0 = None,
            }
        }
        Ok(items)
    }

    fn points<P: Point>(
        &mut self,
        max: usize,
        encoding: Encoding,
    ) -> Result<EntryPoints, TranscriptError> {
        let len = P::encoded_len(encoding);
        let mut bytes = Vec::with_capacity(len * max);
        let entries = self.take(max, |tokens| {
            let before = bytes.len();
            let entry = tokens.point(len, &mut bytes)?;
            if entry.is_err() {
                bytes.truncate(before);
            }
            Ok(entry)
        })?;
        Ok(EntryPoints { bytes, entries })
    }

    fn signatures<const N: usize>(
        &mut self,
        max: usize,
    ) -> Result<Vec<RawSignature<N>>, TranscriptError> {
        self.take(max, |tokens| {
            let mut bytes = [0; N];
            Ok(match tokens.signature(&mut bytes)? {
                Presence::Absent => RawSignature::Absent,
                Presence::Given => RawSignature::Given(bytes),
                Presence::Malformed => RawSignature::Malformed,
            })
        })
    }
}

impl<'a> Walk<'a> {
    pub(crate) fn start<S: Source + ?Sized>(
        source: &'a S,
        index: &Index,
    ) -> Result<Self, TranscriptError> {
        let sub = |sub: &SubIndex| {
            Ok(SubWalk {
                product_before: None,
                running_products: Column::open(source, index, sub.running_products)?,
                pot_pubkeys: Column::open(source, index, sub.pot_pubkeys)?,
                bls_signatures: Column::open(source, index, sub.bls_signatures)?,
            })
        };
        let lens = index
            .subs
            .iter()
            .map(|it| it.running_products.len.max(it.pot_pubkeys.len));
        Ok(Self {
            encoding: index.encoding,
            next: 0,
            total: lens.max().unwrap_or_default(),
            subs: index
                .subs
                .iter()
                .map(sub)
                .collect::<Result<_, TranscriptError>>()?,
            participant_ids: Column::open(source, index, index.participant_ids)?,
            ecdsa_signatures: Column::open(source, index, index.ecdsa_signatures)?,
        })
    }

    /// The next entries, at most `max`; none at the end.
    pub(crate) fn next_batch(&mut self, max: usize) -> Result<Option<EntryBatch>, TranscriptError> {
        let left = self.total - self.next;
        let len = max.min(usize::try_from(left).unwrap_or(max));
        if len == 0 {
            return Ok(None);
        }
        let first = self.next;
        self.next += len as u64;
        let encoding = self.encoding;
        let subs = self.subs.iter_mut().map(|sub| {
            let products = sub
                .running_products
                .points::<blstrs::G1Affine>(len, encoding)?;
            // A list that ended early has no product before later entries.
            let last = products.entry(len - 1);
            Ok(SubBatch {
                product_before: std::mem::replace(&mut sub.product_before, last),
                running_products: products,
                pot_pubkeys: sub.pot_pubkeys.points::<blstrs::G2Affine>(len, encoding)?,
                bls_signatures: sub.bls_signatures.signatures(len)?,
            })
        });
        Ok(Some(EntryBatch {
            first,
            len,
            subs: subs.collect::<Result<_, TranscriptError>>()?,
            participant_ids: self.participant_ids.take(len, |tokens| tokens.text())?,
            ecdsa_signatures: self.ecdsa_signatures.signatures(len)?,
        }))
    }
}

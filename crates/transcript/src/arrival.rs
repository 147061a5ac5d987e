//! A contribution that is decoded and summed while its bytes arrive.
//!
//! A document's points are nine tenths of what there is to verify, and each can be looked at as soon
//! as it is there. So a document is read from a stream on the calling thread, which may wait for
//! bytes as long as it likes; every thousand points are decoded on a pool meanwhile, and the window
//! sums of a sub-ceremony are taken when its last point is there. After the last byte what is left
//! is the last batch, the sums of the last sub-ceremony, and the pairings.
//!
//! # What it changes
//!
//! Nothing but the time. The document, the errors and the verdict are those of
//! [`RawContribution::from_json`] or [`from_msgpack`](RawContribution::from_msgpack) and of
//! [`verify()`](crate::verify::verify). Whether the sizes are the ceremony's is known at the end only,
//! so lists that cannot be are left undecoded: a document costs no more work than one of the
//! right sizes.
//!
//! The digits of a sub-ceremony's sums are drawn when all of its points have arrived, from the
//! caller's generator; the other sub-ceremonies' points may arrive later. The error bound holds as
//! it stands in `field/windows.rs`: of the lists with points outside of the subgroup take for P_j's
//! the one that arrived last.
//!
//! # Memory
//!
//! A buffer of 64 KiB, a field name or a point of the document's longest, the undecoded points
//! (half of the length of a JSON document, all of a MessagePack one), and the decoded points of the
//! ceremony's sizes, 128 bytes for one of G1. Undecoded batches wait for the pool in copies, which
//! together are no larger than the undecoded points.

use std::io::{self, BufReader, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use blstrs::{G1Affine, G2Affine};
use rand_core::{CryptoRng, RngCore};
use rayon::{Scope, ThreadPool};

use crate::contribution::{RawContribution, RawPowers};
use crate::encoding::{Encoding, Point};
use crate::error::{DocumentError, Element, Invalid, SubCeremony};
use crate::field::{Digits, G1, G1List, G2List, Path, Undecodable, WindowSums};
use crate::powers::{Lists, undecodable};
use crate::sizes::Sizes;
use crate::wire::{Batch, Watch};

/// Bytes read ahead: as many as a pipe or a socket gives at once.
const READ_AHEAD: usize = 64 << 10;

/// A contribution, and what was made of its points while it arrived.
///
/// Made by [`from_json`](Self::from_json) and [`from_msgpack`](Self::from_msgpack), or of a document
/// that was read before; [`verify_received`](crate::verify::verify_received) checks it.
#[derive(Debug)]
pub struct Received {
    document: RawContribution,
    /// Of each sub-ceremony in the document, as far as its lists have the ceremony's sizes.
    pub(crate) powers: Vec<ReceivedPowers>,
}

/// The powers of one sub-ceremony, as far as they are decoded.
#[derive(Debug, Default)]
pub(crate) struct ReceivedPowers {
    pub(crate) g1: Option<Result<(G1List, WindowSums<G1>), Undecodable>>,
    pub(crate) g2: Option<Result<Vec<G2Affine>, Undecodable>>,
}

impl ReceivedPowers {
    /// The points, with the sums that were taken of them; decodes what is not decoded.
    pub(crate) fn lists(
        self,
        sub_ceremony: SubCeremony,
        raw: &RawPowers,
    ) -> Result<Lists, Invalid> {
        let (Some(g1), Some(g2)) = (self.g1, self.g2) else {
            return raw.decode_lists(sub_ceremony);
        };
        let (g1, sums) = g1.map_err(undecodable(sub_ceremony, Element::G1Power))?;
        let g2 = g2.map_err(undecodable(sub_ceremony, Element::G2Power))?;
        Ok(Lists {
            g1,
            sums: Some(sums),
            g2,
        })
    }
}

impl From<RawContribution> for Received {
    fn from(document: RawContribution) -> Self {
        Self {
            document,
            powers: Vec::new(),
        }
    }
}

/// Why there is no contribution.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The stream failed.
    #[error("the contribution broke off: {0}")]
    Read(#[from] io::Error),
    /// The stream ended, but what was in it is not a contribution.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

impl Received {
    /// The contribution as it stands on the wire.
    #[must_use]
    pub fn document(&self) -> &RawContribution {
        &self.document
    }

    /// Reads a JSON contribution from a stream, decoding on `pool`; blocks until the stream ends.
    ///
    /// `rng` has to be unforeseeable for the contributor, and is drawn from while the document
    /// arrives. A stream with an error in the document is still read to its end.
    ///
    /// # Errors
    ///
    /// An error of the stream, wherever it is; or else those of [`RawContribution::from_json`].
    pub fn from_json(
        from: impl Read,
        sizes: &Sizes,
        pool: &ThreadPool,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, ReceiveError> {
        receive(from, sizes, pool, rng, |from, watch| {
            crate::json::read(from, watch)
        })
    }

    /// Reads a MessagePack contribution from a stream, in either point encoding; otherwise like
    /// [`from_json`](Self::from_json).
    ///
    /// # Errors
    ///
    /// An error of the stream, wherever it is; or else those of
    /// [`RawContribution::from_msgpack`].
    pub fn from_msgpack(
        from: impl Read,
        sizes: &Sizes,
        pool: &ThreadPool,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, ReceiveError> {
        receive(from, sizes, pool, rng, |from, watch| {
            crate::msgpack::read(from, watch)
        })
    }

    pub(crate) fn into_parts(self) -> (RawContribution, Vec<ReceivedPowers>) {
        (self.document, self.powers)
    }
}

/// A parser of one form.
type Parse<R> =
    fn(BufReader<&mut Watched<R>>, &mut dyn Watch) -> Result<RawContribution, DocumentError>;

fn receive<R: Read>(
    from: R,
    sizes: &Sizes,
    pool: &ThreadPool,
    rng: &mut (impl RngCore + CryptoRng),
    parse: Parse<R>,
) -> Result<Received, ReceiveError> {
    let desks: Vec<Desk> = sizes.iter().map(|_| Desk::default()).collect();
    let given_up = AtomicBool::new(false);
    let document = pool.in_place_scope(|scope| {
        let mut decoder = Decoder {
            scope,
            sizes,
            desks: &desks,
            given_up: &given_up,
            rng,
        };
        let mut from = Watched { from, error: None };
        let document = parse(
            BufReader::with_capacity(READ_AHEAD, &mut from),
            &mut decoder,
        );
        if document.is_err() {
            given_up.store(true, Ordering::Relaxed);
        }
        let to_the_end = io::copy(&mut from, &mut io::sink());
        match (from.error, to_the_end) {
            (Some(error), _) | (None, Err(error)) => {
                given_up.store(true, Ordering::Relaxed);
                Err(ReceiveError::Read(error))
            }
            (None, Ok(_)) => document.map_err(ReceiveError::Document),
        }
    })?;
    Ok(Received {
        document,
        powers: (desks.into_iter())
            .map(|desk| {
                desk.powers
                    .into_inner()
                    .unwrap_or_else(PoisonError::into_inner)
            })
            .collect(),
    })
}

/// A reader that keeps its first error, which a parser would only quote. After one there is
/// nothing more to read.
struct Watched<R> {
    from: R,
    error: Option<io::Error>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.error.is_some() {
            return Ok(0);
        }
        match self.from.read(buffer) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                let kind = error.kind();
                self.error = Some(error);
                Err(kind.into())
            }
            read => read,
        }
    }
}

/// Where the lists of one sub-ceremony are put together.
#[derive(Default)]
struct Desk {
    g1: Mutex<Parts<G1List>>,
    g2: Mutex<Parts<Vec<G2Affine>>>,
    /// Drawn when the last G1 power is there.
    digits: Mutex<Option<Digits>>,
    powers: Mutex<ReceivedPowers>,
}

/// The parts of a list, which are decoded in whatever order.
struct Parts<L> {
    /// With the index of their first point.
    decoded: Vec<(usize, Result<L, Undecodable>)>,
    /// How many more are being decoded, or wait for it.
    open: usize,
    /// Whether the list has ended, with as many points as the ceremony's.
    is_whole: bool,
}

impl<L> Default for Parts<L> {
    fn default() -> Self {
        Self {
            decoded: Vec::new(),
            open: 0,
            is_whole: false,
        }
    }
}

impl<L> Parts<L> {
    /// Takes a decoded part. Returns all of them when it was the last one of the whole list.
    fn put(&mut self, first: usize, part: Result<L, Undecodable>) -> Option<Self> {
        self.decoded.push((first, part));
        self.open -= 1;
        (self.is_whole && self.open == 0).then(|| std::mem::take(self))
    }

    /// The parts one behind the other, or the lowest index that does not decode.
    fn join(mut self, mut list: L, append: impl Fn(&mut L, L)) -> Result<L, Undecodable> {
        self.decoded.sort_unstable_by_key(|(first, _)| *first);
        for (first, part) in self.decoded {
            append(
                &mut list,
                part.map_err(|(index, error)| (first + index, error))?,
            );
        }
        Ok(list)
    }
}

/// Hands batches to the pool.
struct Decoder<'a, 'scope, R> {
    scope: &'a Scope<'scope>,
    sizes: &'a Sizes,
    desks: &'scope [Desk],
    /// Set when nothing of this is wanted any more.
    given_up: &'scope AtomicBool,
    rng: &'a mut R,
}

impl<R: RngCore + CryptoRng> Watch for Decoder<'_, '_, R> {
    fn points(&mut self, batch: Batch<'_>) {
        let index = batch.list.sub_ceremony;
        let (Some(size), Some(desk)) = (self.sizes.size(index), self.desks.get(index)) else {
            return;
        };
        if batch.list.group == G1Affine::GROUP {
            let len = batch.first + batch.bytes.len() / G1Affine::encoded_len(batch.encoding);
            if batch.is_last && len == size.g1 {
                *lock(&desk.digits) = Some(Digits::draw(len, self.rng));
            }
            self.hand_on(batch, len, size.g1, &desk.g1, |bytes, encoding, first| {
                desk.g1_part(first, G1List::decode_here(bytes, encoding, Path::best()));
            });
        } else {
            let len = batch.first + batch.bytes.len() / G2Affine::encoded_len(batch.encoding);
            self.hand_on(batch, len, size.g2, &desk.g2, |bytes, encoding, first| {
                let list = G2List::decode_here(bytes, encoding, Path::best());
                desk.g2_part(first, list.map(|list| list.to_affine()));
            });
        }
    }
}

impl<'scope, R> Decoder<'_, 'scope, R> {
    /// Has a part decoded of a list that has `len` points so far and may have `most`.
    fn hand_on<L: Send>(
        &self,
        batch: Batch<'_>,
        len: usize,
        most: usize,
        parts: &'scope Mutex<Parts<L>>,
        decode: impl FnOnce(&[u8], Encoding, usize) + Send + 'scope,
    ) {
        if len > most {
            return;
        }
        {
            let mut parts = lock(parts);
            parts.open += 1;
            parts.is_whole = batch.is_last && len == most;
        }
        let Batch {
            first, encoding, ..
        } = batch;
        let bytes = batch.bytes.to_vec();
        let given_up = self.given_up;
        self.scope.spawn(move |_| {
            if !given_up.load(Ordering::Relaxed) {
                decode(&bytes, encoding, first);
            }
        });
    }
}

impl Desk {
    fn g1_part(&self, first: usize, part: Result<G1List, Undecodable>) {
        let Some(parts) = lock(&self.g1).put(first, part) else {
            return;
        };
        let list = parts.join(G1List::new(Path::best()), |list, part| list.extend(&part));
        let digits = lock(&self.digits).take();
        let powers = match (list, digits) {
            (Ok(list), Some(digits)) => {
                let sums = list.window_sums(&digits);
                Some(Ok((list, sums)))
            }
            (Ok(_), None) => None,
            (Err(undecodable), _) => Some(Err(undecodable)),
        };
        lock(&self.powers).g1 = powers;
    }

    fn g2_part(&self, first: usize, part: Result<Vec<G2Affine>, Undecodable>) {
        if let Some(parts) = lock(&self.g2).put(first, part) {
            lock(&self.powers).g2 = Some(parts.join(Vec::new(), |list, part| list.extend(part)));
        }
    }
}

/// A panic in the pool ends the whole reading, so nobody sees what it left behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

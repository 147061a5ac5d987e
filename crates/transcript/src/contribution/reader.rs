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
//! [`verify()`](crate::verify::verify). Whether the sizes are the ceremony's is known only at the
//! end. Points beyond the ceremony's numbers are left undecoded, so no document costs more work
//! than one of the right sizes.
//!
//! # Stretches
//!
//! The longest list comes last, and takes more than half of the work. So where the network is slower
//! than the pool, a list's sums are taken in *stretches* while the rest of it arrives: a stretch ends
//! where nothing waits for the pool and some thousands of points are new, and the next begins with
//! its last point, so that no ratio of two points is left out. Where the points come faster than
//! they are decoded, a list is one stretch, which costs least.
//!
//! The digits of a stretch are drawn when all of its points have arrived, from the caller's
//! generator; later points, of this list and others, may arrive after that. The error bound holds
//! as it stands in `arithmetic/sums/windows.rs`, for stretches as for lists. In its proof, take P_j
//! from the stretch whose digits were drawn last, of those that have points outside of the
//! subgroup; a point in two stretches is multiplied by independent digits in both. Every ratio of
//! two neighbours is inside one stretch. The digits are told to nobody, so no later point can
//! depend on them.
//!
//! # Memory
//!
//! A buffer of 64 KiB and a field name or a point of the document's longest, or in JSON the whole
//! document; the undecoded points (half of the length of a JSON document, all of a MessagePack one),
//! and the decoded points of the ceremony's sizes, 128 bytes for one of G1. Undecoded batches wait
//! for the pool in copies, which together are no larger than the undecoded points.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::random::SecureRandom;
use blstrs::{G1Affine, G2Affine};
use rayon::{Scope, ThreadPool};

mod partial;

use self::partial::{PartialPowers, ReceivedPowers};
use crate::arithmetic::{Backend, Digits, G1List, G2List};
use crate::contribution::raw::RawContribution;
use crate::contribution::wire::batches::{IgnorePoints, PointBatch, PointSink};
use crate::encoding::{Encoding, Point};
use crate::error::DocumentError;
use crate::sizes::Sizes;

/// Points of a stretch at least: enough that sums over it cost a quarter more for each point than
/// those over a list eight times as long, and no more.
const STRETCH: usize = 4096;

/// A contribution, and what was made of its points while it arrived.
///
/// Made by [`from_json`](Self::from_json) and [`from_msgpack`](Self::from_msgpack), or of a document
/// that was read before; [`verify_received`](crate::verify::verify_received) checks it.
#[derive(Debug)]
pub struct Received {
    document: Arc<RawContribution>,
    /// Of each sub-ceremony in the document, as far as its lists have the ceremony's sizes.
    pub(crate) powers: Vec<ReceivedPowers>,
}

impl From<RawContribution> for Received {
    fn from(document: RawContribution) -> Self {
        Self {
            document: Arc::new(document),
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

    /// The same, shared, for whoever needs it longer.
    #[must_use]
    pub fn shared_document(&self) -> Arc<RawContribution> {
        Arc::clone(&self.document)
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
        rng: &mut dyn SecureRandom,
    ) -> Result<Self, ReceiveError> {
        receive(from, sizes, pool, rng, |from, sink| {
            crate::contribution::json::read_arriving(from, sink)
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
        rng: &mut dyn SecureRandom,
    ) -> Result<Self, ReceiveError> {
        receive(from, sizes, pool, rng, |from, sink| {
            Ok((
                crate::contribution::msgpack::read_arriving(from, sink)?,
                true,
            ))
        })
    }

    /// Reads a JSON contribution from a stream, and decodes nothing of it: for who only keeps it, and has
    /// somebody else verify it. Otherwise like [`from_json`](Self::from_json).
    ///
    /// # Errors
    ///
    /// Those of [`from_json`](Self::from_json).
    pub fn undecoded_json(from: impl Read) -> Result<Self, ReceiveError> {
        undecoded(from, |from, sink| {
            crate::contribution::json::read_arriving(from, sink)
        })
    }

    /// Reads a MessagePack contribution, as [`undecoded_json`](Self::undecoded_json).
    ///
    /// # Errors
    ///
    /// Those of [`from_msgpack`](Self::from_msgpack).
    pub fn undecoded_msgpack(from: impl Read) -> Result<Self, ReceiveError> {
        undecoded(from, |from, sink| {
            Ok((
                crate::contribution::msgpack::read_arriving(from, sink)?,
                true,
            ))
        })
    }

    pub(crate) fn into_parts(self) -> (Arc<RawContribution>, Vec<ReceivedPowers>) {
        (self.document, self.powers)
    }
}

/// A parser of one form. Also tells whether what it handed on is the whole contribution.
type Parse<R> = fn(
    &mut FirstErrorReader<R>,
    &mut dyn PointSink,
) -> Result<(RawContribution, bool), DocumentError>;

fn receive<R: Read>(
    from: R,
    sizes: &Sizes,
    pool: &ThreadPool,
    rng: &mut dyn SecureRandom,
    parse: Parse<R>,
) -> Result<Received, ReceiveError> {
    let partial: Vec<PartialPowers> = sizes.iter().map(|_| PartialPowers::default()).collect();
    let (given_up, at_work) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (document, is_handed_on) = pool.in_place_scope(|scope| {
        let mut decoder = Decoder {
            scope,
            sizes,
            partial: &partial,
            given_up: &given_up,
            at_work: &at_work,
            rng,
        };
        let give_up = || given_up.store(true, Ordering::Relaxed);
        to_the_end(from, &mut decoder, parse, give_up)
    })?;
    // What was handed on may be a part of the contribution: all of it is decoded again.
    let powers = match is_handed_on {
        true => partial
            .into_iter()
            .map(PartialPowers::into_powers)
            .collect(),
        false => Vec::new(),
    };
    Ok(Received {
        document: Arc::new(document),
        powers,
    })
}

fn undecoded<R: Read>(from: R, parse: Parse<R>) -> Result<Received, ReceiveError> {
    let (document, _) = to_the_end(from, &mut IgnorePoints, parse, || ())?;
    Ok(document.into())
}

/// Parses a stream and reads it to its end, whatever is in it. Whoever takes the points hears when nothing more
/// is wanted.
fn to_the_end<R: Read>(
    from: R,
    sink: &mut dyn PointSink,
    parse: Parse<R>,
    give_up: impl Fn(),
) -> Result<(RawContribution, bool), ReceiveError> {
    let mut from = FirstErrorReader { from, error: None };
    let document = parse(&mut from, sink);
    if !matches!(document, Ok((_, true))) {
        give_up();
    }
    let rest = io::copy(&mut from, &mut io::sink());
    match (from.error, rest) {
        (Some(error), _) | (None, Err(error)) => {
            give_up();
            Err(ReceiveError::Read(error))
        }
        (None, Ok(_)) => document.map_err(ReceiveError::Document),
    }
}

/// A reader that keeps its first error, which a parser would only quote. After one there is
/// nothing more to read.
struct FirstErrorReader<R> {
    from: R,
    error: Option<io::Error>,
}

impl<R: Read> Read for FirstErrorReader<R> {
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

/// Hands batches to the pool.
struct Decoder<'a, 'scope> {
    scope: &'a Scope<'scope>,
    sizes: &'a Sizes,
    partial: &'scope [PartialPowers],
    /// Set when the result is not wanted any more.
    given_up: &'scope AtomicBool,
    /// Batches that wait for the pool, or are in its hands.
    at_work: &'scope AtomicUsize,
    rng: &'a mut dyn SecureRandom,
}

impl PointSink for Decoder<'_, '_> {
    fn points(&mut self, batch: PointBatch<'_>) {
        let index = batch.list.sub_ceremony;
        let (Some(size), Some(partial)) = (self.sizes.size(index), self.partial.get(index)) else {
            return;
        };
        let is_g1 = batch.list.group == G1Affine::GROUP;
        let (most, point_len) = match is_g1 {
            true => (size.g1, G1Affine::encoded_len(batch.encoding)),
            false => (size.g2, G2Affine::encoded_len(batch.encoding)),
        };
        let len = batch.first + batch.bytes.len() / point_len;
        if len > most {
            return;
        }
        let is_whole = batch.is_last && len == most;
        if is_g1 {
            if is_whole {
                partial.g1_is_whole();
            }
            let new = partial.new_points(len);
            let is_idle = self.at_work.load(Ordering::Relaxed) == 0;
            if (is_whole && new > 0) || (is_idle && !batch.is_last && new >= STRETCH) {
                partial.end_stretch(len, |points| Digits::draw(points, self.rng));
            }
            self.hand_on(batch, |bytes, encoding, first| {
                partial.g1_part(first, G1List::decode_here(bytes, encoding, Backend::best()));
            });
        } else {
            if is_whole {
                partial.g2_is_whole();
            }
            self.hand_on(batch, |bytes, encoding, first| {
                let list = G2List::decode_here(bytes, encoding, Backend::best());
                partial.g2_part(first, list.map(|list| list.to_affine()));
            });
        }
    }
}

impl<'scope> Decoder<'_, 'scope> {
    /// Has a part of a list decoded.
    fn hand_on(
        &self,
        batch: PointBatch<'_>,
        decode: impl FnOnce(&[u8], Encoding, usize) + Send + 'scope,
    ) {
        let PointBatch {
            first, encoding, ..
        } = batch;
        let bytes = batch.bytes.to_vec();
        let (given_up, at_work) = (self.given_up, self.at_work);
        at_work.fetch_add(1, Ordering::Relaxed);
        self.scope.spawn(move |_| {
            if !given_up.load(Ordering::Relaxed) {
                decode(&bytes, encoding, first);
            }
            at_work.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

//! The pieces that JSON and MessagePack documents share, as serde sees them.
//!
//! In JSON a point is a hex string, in MessagePack a byte string; `is_human_readable` tells which.
//! The visitors are written out, not derived: derived ones also take arrays for objects and
//! numbers for field names, which no document of ours is.

mod batches;
mod document;
mod signature;

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};

use crate::contribution::raw::{RawPoint, RawPoints};
use crate::encoding::{Encoding, Point, decode_hex};
use crate::text_limits::cut;

use batches::Handed;
pub(crate) use batches::{Batch, Nobody, Watch};
pub(crate) use document::ContributionSeed;
pub(crate) use signature::SeenSignature;

/// Longest text of an error about a document, in characters: serde quotes what it did not expect,
/// and that can be a whole body.
const MAX_ERROR_CHARS: usize = 240;

/// The text of an error, cut to a length fit for a log line.
pub(crate) fn error_text(error: impl fmt::Display) -> String {
    cut(&error.to_string(), MAX_ERROR_CHARS)
}

/// Prefixes an error with the place that it happened in.
pub(crate) fn within<E: de::Error>(place: impl fmt::Display) -> impl FnOnce(E) -> E {
    move |error| E::custom(format_args!("{place}: {error}"))
}

/// Reads the value of a field that may be given once.
pub(crate) fn once<'de, A: MapAccess<'de>, S: DeserializeSeed<'de>>(
    map: &mut A,
    name: &'static str,
    slot: &mut Option<S::Value>,
    seed: S,
) -> Result<(), A::Error> {
    if slot.is_some() {
        return Err(de::Error::duplicate_field(name));
    }
    *slot = Some(map.next_value_seed(seed)?);
    Ok(())
}

/// The value of a field that has to be there.
pub(crate) fn required<T, E: de::Error>(name: &'static str, slot: Option<T>) -> Result<T, E> {
    slot.ok_or_else(|| E::missing_field(name))
}

/// Reads one point and appends its bytes.
struct PointSeed<'a, P> {
    out: &'a mut Vec<u8>,
    /// The encoding that the list has so far; none before its first point.
    encoding: &'a mut Option<Encoding>,
    group: PhantomData<P>,
}

struct PointVisitor<'a, P> {
    seed: PointSeed<'a, P>,
    /// Whether points are text; a MessagePack reader offers text too, which is no point there.
    is_text: bool,
}

impl<'de, P: Point> DeserializeSeed<'de> for PointSeed<'_, P> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let is_text = deserializer.is_human_readable();
        let visitor = PointVisitor {
            seed: self,
            is_text,
        };
        if is_text {
            deserializer.deserialize_str(visitor)
        } else {
            deserializer.deserialize_bytes(visitor)
        }
    }
}

impl<P: Point> Visitor<'_> for PointVisitor<'_, P> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a point of {}: {} bytes as hex in JSON; {} or {} bytes in MessagePack",
            P::GROUP,
            P::COMPRESSED_LEN,
            P::COMPRESSED_LEN,
            2 * P::COMPRESSED_LEN
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        if !self.is_text {
            return Err(E::invalid_type(de::Unexpected::Str(text), &self));
        }
        decode_hex(text, P::COMPRESSED_LEN, self.seed.out).map_err(E::custom)?;
        *self.seed.encoding = Some(Encoding::Compressed);
        Ok(())
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<(), E> {
        let encoding =
            P::encoding_of_len(bytes.len()).ok_or_else(|| E::invalid_length(bytes.len(), &self))?;
        if *self.seed.encoding.get_or_insert(encoding) != encoding {
            return Err(E::custom(format_args!(
                "an {encoding} point in a list of others: one document has one encoding"
            )));
        }
        self.seed.out.extend_from_slice(bytes);
        Ok(())
    }
}

impl<'de, P: Point> Deserialize<'de> for RawPoints<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PointsSeed::new(&mut Nobody, 0).deserialize(deserializer)
    }
}

/// Reads a list of points, and hands them on in batches. Grows with what is read, never with what a
/// length field promises.
struct PointsSeed<'a, P> {
    handed: Handed<'a>,
    group: PhantomData<P>,
}

impl<'a, P: Point> PointsSeed<'a, P> {
    fn new(watch: &'a mut dyn Watch, sub_ceremony: usize) -> Self {
        Self {
            handed: Handed::nothing::<P>(watch, sub_ceremony),
            group: PhantomData,
        }
    }
}

impl<'de, P: Point> DeserializeSeed<'de> for PointsSeed<'_, P> {
    type Value = RawPoints<P>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, P: Point> Visitor<'de> for PointsSeed<'_, P> {
    type Value = RawPoints<P>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of points of {}", P::GROUP)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<RawPoints<P>, A::Error> {
        let mut bytes = Vec::new();
        let mut encoding = None;
        let mut len = 0;
        loop {
            let seed = PointSeed {
                out: &mut bytes,
                encoding: &mut encoding,
                group: PhantomData::<P>,
            };
            match list.next_element_seed(seed) {
                Ok(Some(())) => len += 1,
                Ok(None) => break,
                Err(error) => return Err(within(format_args!("[{len}]"))(error)),
            }
            let encoding = encoding.unwrap_or_default();
            self.handed.up_to(len, encoding, &bytes, false);
        }
        let encoding = encoding.unwrap_or_default();
        self.handed.up_to(len, encoding, &bytes, true);
        bytes.shrink_to_fit();
        Ok(RawPoints::from_parts(encoding, bytes))
    }
}

impl<'de, P: Point> Deserialize<'de> for RawPoint<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut bytes = Vec::with_capacity(P::COMPRESSED_LEN);
        let mut encoding = None;
        PointSeed {
            out: &mut bytes,
            encoding: &mut encoding,
            group: PhantomData::<P>,
        }
        .deserialize(deserializer)?;
        Ok(RawPoint::from_parts(encoding.unwrap_or_default(), bytes))
    }
}

/// Writes a byte string: hex with `0x` in JSON, raw in MessagePack.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// Text of the longest byte string of a document, an uncompressed point of G2.
        const MAX_TEXT: usize = 2 + 2 * 192;

        if !serializer.is_human_readable() {
            return serializer.serialize_bytes(self.0);
        }
        let mut text = [0; MAX_TEXT];
        text[..2].copy_from_slice(b"0x");
        let end = 2 + 2 * self.0.len();
        let digits = text.get_mut(2..end);
        if let Some(digits) = digits
            && hex::encode_to_slice(self.0, digits).is_ok()
            && let Ok(text) = std::str::from_utf8(&text[..end])
        {
            return serializer.serialize_str(text);
        }
        serializer.serialize_str(&crate::encoding::encode_hex(self.0))
    }
}

impl<P: Point> Serialize for RawPoints<P> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.len()))?;
        for bytes in self.iter() {
            list.serialize_element(&Bytes(bytes))?;
        }
        list.end()
    }
}

impl<P: Point> Serialize for RawPoint<P> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Bytes(self.bytes()).serialize(serializer)
    }
}

/// A signature of `N` bytes, or none.
///
/// Signatures never make a contribution fail (`ceremony.md`, Checks on a contribution), so
/// whatever is not one reads as none: `""`, `null`, other text, other types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LenientSignature<const N: usize>(pub(crate) Option<[u8; N]>);

impl<'de, const N: usize> Deserialize<'de> for LenientSignature<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match SeenSignature::deserialize(deserializer)? {
            SeenSignature::Given(bytes) => Some(bytes),
            SeenSignature::Absent | SeenSignature::Malformed => None,
        }))
    }
}

impl<const N: usize> Serialize for LenientSignature<N> {
    /// None is `""` in JSON, and no bytes in MessagePack.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(bytes) => Bytes(bytes).serialize(serializer),
            None if serializer.is_human_readable() => serializer.serialize_str(""),
            None => serializer.serialize_bytes(&[]),
        }
    }
}

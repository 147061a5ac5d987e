//! Points and lists of points, as serde sees them.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde::ser::{SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};

use crate::contribution::raw::{RawPoint, RawPoints};
use crate::contribution::wire::batches::{IgnorePoints, PointFeed, PointSink};
use crate::contribution::wire::fields::within;
use crate::encoding::{Encoding, Point, decode_hex, encode_hex};

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
        PointsSeed::new(&mut IgnorePoints, 0).deserialize(deserializer)
    }
}

/// Reads a list of points, and hands them on in batches. Grows with what is read, never with what a
/// length field promises.
pub(crate) struct PointsSeed<'a, P> {
    feed: PointFeed<'a>,
    group: PhantomData<P>,
}

impl<'a, P: Point> PointsSeed<'a, P> {
    pub(crate) fn new(sink: &'a mut dyn PointSink, sub_ceremony: usize) -> Self {
        Self {
            feed: PointFeed::new::<P>(sink, sub_ceremony),
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
            self.feed.send(len, encoding, &bytes, false);
        }
        let encoding = encoding.unwrap_or_default();
        self.feed.send(len, encoding, &bytes, true);
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
        serializer.serialize_str(&encode_hex(self.0))
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

//! Signatures as documents hold them.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use crate::contribution::wire::points::Bytes;
use crate::encoding::decode_hex;

/// What stands where a signature of `N` bytes may stand. Whatever it is, it is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SeenSignature<const N: usize> {
    /// `""`, `null`, or no bytes.
    #[default]
    Absent,
    /// Something else that is not `N` bytes.
    Malformed,
    /// `N` bytes.
    Given([u8; N]),
}

impl<const N: usize> SeenSignature<N> {
    fn of_bytes(bytes: &[u8]) -> Self {
        match bytes.try_into() {
            _ if bytes.is_empty() => Self::Absent,
            Ok(bytes) => Self::Given(bytes),
            Err(_) => Self::Malformed,
        }
    }
}

impl<'de, const N: usize> Deserialize<'de> for SeenSignature<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any::<N>)
    }
}

struct Any<const N: usize>;

impl<'de, const N: usize> Visitor<'de> for Any<N> {
    type Value = SeenSignature<N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a signature of {N} bytes")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        if text.is_empty() {
            return Ok(SeenSignature::Absent);
        }
        let mut bytes = Vec::with_capacity(N);
        Ok(match decode_hex(text, N, &mut bytes) {
            Ok(()) => SeenSignature::of_bytes(&bytes),
            Err(_) => SeenSignature::Malformed,
        })
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(SeenSignature::of_bytes(bytes))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(SeenSignature::Absent)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(SeenSignature::Absent)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(SeenSignature::Malformed)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(SeenSignature::Malformed)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(SeenSignature::Malformed)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(SeenSignature::Malformed)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_seq(list).map(|_| SeenSignature::Malformed)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_map(map).map(|_| SeenSignature::Malformed)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| SeenSignature::Malformed)
    }
}

/// A signature of `N` bytes, or none.
///
/// Signatures never make a contribution fail (`docs/spec/ceremony.md#lenient-signatures`,
/// `docs/spec/ceremony.md#bad-signature`), so whatever is not one reads as none: `""`, `null`,
/// other text, other types.
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

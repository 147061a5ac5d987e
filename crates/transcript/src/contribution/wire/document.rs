//! The shape of a contribution (`docs/spec/ceremony.md#contribution`), the same in JSON and
//! MessagePack.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};

use crate::contribution::raw::{RawContribution, RawPowers, RawSubContribution};
use crate::contribution::wire::batches::{IgnorePoints, PointSink};
use crate::contribution::wire::fields::{once, required, within};
use crate::contribution::wire::points::PointsSeed;
use crate::contribution::wire::signature::LenientSignature;

/// Reads a contribution, and hands its points on in batches.
pub(crate) struct ContributionSeed<'a>(pub(crate) &'a mut dyn PointSink);

impl<'de> Deserialize<'de> for RawContribution {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ContributionSeed(&mut IgnorePoints).deserialize(deserializer)
    }
}

impl<'de> DeserializeSeed<'de> for ContributionSeed<'_> {
    type Value = RawContribution;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ContributionSeed<'_> {
    type Value = RawContribution;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with contributions and ecdsaSignature")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawContribution, A::Error> {
        const FIELDS: &[&str] = &["contributions", "ecdsaSignature"];
        let mut subs = None;
        let mut signature: Option<LenientSignature<65>> = None;
        while let Some(Name(name)) = map.next_key::<Name>()? {
            match name.as_str() {
                // The second is the first schema's name (`docs/spec/ceremony.md#older-names`).
                "contributions" | "subContributions" => {
                    let seed = SubContributionsSeed(&mut *self.0);
                    once(&mut map, "contributions", &mut subs, seed)
                        .map_err(within("contributions"))?;
                }
                "ecdsaSignature" => {
                    once(&mut map, "ecdsaSignature", &mut signature, PhantomData)?;
                }
                _ => return Err(de::Error::unknown_field(&name, FIELDS)),
            }
        }
        Ok(RawContribution {
            sub_contributions: required("contributions", subs)?,
            ecdsa_signature: signature.and_then(|it| it.0),
        })
    }
}

/// Reads the list of sub-contributions; errors name the place in it.
struct SubContributionsSeed<'a>(&'a mut dyn PointSink);

impl<'de> DeserializeSeed<'de> for SubContributionsSeed<'_> {
    type Value = Vec<RawSubContribution>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for SubContributionsSeed<'_> {
    type Value = Vec<RawSubContribution>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of contributions, one for each sub-ceremony")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut subs = Vec::new();
        loop {
            let seed = SubContributionSeed {
                sink: &mut *self.0,
                index: subs.len(),
            };
            let next = list.next_element_seed(seed);
            match next.map_err(within(format_args!("[{}]", subs.len())))? {
                Some(sub) => subs.push(sub),
                None => return Ok(subs),
            }
        }
    }
}

/// Reads the contribution to the sub-ceremony at `index`.
struct SubContributionSeed<'a> {
    sink: &'a mut dyn PointSink,
    index: usize,
}

impl<'de> DeserializeSeed<'de> for SubContributionSeed<'_> {
    type Value = RawSubContribution;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for SubContributionSeed<'_> {
    type Value = RawSubContribution;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, one sub-ceremony's contribution")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawSubContribution, A::Error> {
        let (mut num_g1, mut num_g2) = (None, None);
        let (mut powers, mut pubkey) = (None, None);
        let mut signature: Option<LenientSignature<48>> = None;
        let mut older_signature: Option<LenientSignature<48>> = None;
        while let Some(Name(name)) = map.next_key::<Name>()? {
            match name.as_str() {
                "numG1Powers" => once(&mut map, "numG1Powers", &mut num_g1, PhantomData)
                    .map_err(within("numG1Powers"))?,
                "numG2Powers" => once(&mut map, "numG2Powers", &mut num_g2, PhantomData)
                    .map_err(within("numG2Powers"))?,
                "powersOfTau" => {
                    let seed = PowersSeed {
                        sink: &mut *self.sink,
                        index: self.index,
                    };
                    once(&mut map, "powersOfTau", &mut powers, seed)
                        .map_err(within("powersOfTau"))?;
                }
                "potPubkey" => once(&mut map, "potPubkey", &mut pubkey, PhantomData)
                    .map_err(within("potPubkey"))?,
                "blsSignature" => {
                    once(&mut map, "blsSignature", &mut signature, PhantomData)?;
                }
                "bls_signature" => {
                    once(&mut map, "bls_signature", &mut older_signature, PhantomData)?
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let signatures = [signature, older_signature];
        Ok(RawSubContribution {
            num_g1_powers: required("numG1Powers", num_g1)?,
            num_g2_powers: required("numG2Powers", num_g2)?,
            powers: required("powersOfTau", powers)?,
            pot_pubkey: required("potPubkey", pubkey)?,
            bls_signature: signatures.into_iter().flatten().find_map(|it| it.0),
        })
    }
}

/// Reads the powers of the sub-ceremony at `index`.
struct PowersSeed<'a> {
    sink: &'a mut dyn PointSink,
    index: usize,
}

impl<'de> DeserializeSeed<'de> for PowersSeed<'_> {
    type Value = RawPowers;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for PowersSeed<'_> {
    type Value = RawPowers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with G1Powers and G2Powers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawPowers, A::Error> {
        const FIELDS: &[&str] = &["G1Powers", "G2Powers"];
        let (mut g1, mut g2) = (None, None);
        while let Some(Name(name)) = map.next_key::<Name>()? {
            match name.as_str() {
                "G1Powers" => {
                    let seed = PointsSeed::new(&mut *self.sink, self.index);
                    once(&mut map, "G1Powers", &mut g1, seed).map_err(within("G1Powers"))?;
                }
                "G2Powers" => {
                    let seed = PointsSeed::new(&mut *self.sink, self.index);
                    once(&mut map, "G2Powers", &mut g2, seed).map_err(within("G2Powers"))?;
                }
                _ => return Err(de::Error::unknown_field(&name, FIELDS)),
            }
        }
        Ok(RawPowers {
            g1: required("G1Powers", g1)?,
            g2: required("G2Powers", g2)?,
        })
    }
}

/// A field's name; only text is one.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's name")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Name, E> {
                Ok(Name(name.to_owned()))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

impl Serialize for RawPowers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("PowersOfTau", 2)?;
        map.serialize_field("G1Powers", &self.g1)?;
        map.serialize_field("G2Powers", &self.g2)?;
        map.end()
    }
}

impl Serialize for RawSubContribution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Contribution", 5)?;
        map.serialize_field("numG1Powers", &self.num_g1_powers)?;
        map.serialize_field("numG2Powers", &self.num_g2_powers)?;
        map.serialize_field("powersOfTau", &self.powers)?;
        map.serialize_field("potPubkey", &self.pot_pubkey)?;
        map.serialize_field("blsSignature", &LenientSignature(self.bls_signature))?;
        map.end()
    }
}

impl Serialize for RawContribution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("BatchContribution", 2)?;
        map.serialize_field("contributions", &self.sub_contributions)?;
        map.serialize_field("ecdsaSignature", &LenientSignature(self.ecdsa_signature))?;
        map.end()
    }
}

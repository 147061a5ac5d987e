//! Sets of powers in JSON: the consensus specifications' names, and those that libraries had
//! before. The powers of a contribution alone are read too.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::contribution::raw::RawPoints;
use crate::contribution::wire::fields::within;
use crate::export::file::{
    PowersFile, PowersFileError, PowersFileKind, PowersSet, check_stated, points,
};
use crate::recognise::{PowersList, powers_list};
use crate::text_limits::error_text;

/// The lists as they stand.
#[derive(Default)]
struct Lists {
    g1_monomial: Option<Vec<String>>,
    g1_lagrange: Option<Vec<String>>,
    g2_monomial: Option<Vec<String>>,
    num_g1: Option<u64>,
    num_g2: Option<u64>,
}

/// Reads JSON.
pub(super) fn read(bytes: &[u8]) -> Result<PowersFile, PowersFileError> {
    let failed = |error| PowersFileError::Json(error_text(error));
    let mut lists = Lists::default();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    Fill(&mut lists)
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(failed)?;
    let missing = |text: &str| PowersFileError::Json(text.to_owned());
    let Some(g2) = lists.g2_monomial else {
        return Err(missing("missing field `g2_monomial`"));
    };
    if lists.g1_monomial.is_none() && lists.g1_lagrange.is_none() {
        return Err(missing("neither g1_monomial nor g1_lagrange is there"));
    }
    let g1 = |list, texts: Option<Vec<String>>| {
        texts
            .map(|texts| points(list, texts.iter().map(String::as_str)))
            .transpose()
    };
    let set = PowersSet::new(
        g1("g1_monomial", lists.g1_monomial)?,
        g1("g1_lagrange", lists.g1_lagrange)?,
        points("g2_monomial", g2.iter().map(String::as_str))?,
    );
    let g1_len = set.g1_monomial.as_ref().or(set.g1_lagrange.as_ref());
    let g1_len = g1_len.map_or(0, RawPoints::len);
    check_stated(0, "G1", lists.num_g1, g1_len)?;
    check_stated(0, "G2", lists.num_g2, set.g2_monomial.len())?;
    Ok(PowersFile::of_one(PowersFileKind::Consensus, set))
}

/// Reads an object into lists; one inside of it, `powersOfTau`, into the same.
struct Fill<'a>(&'a mut Lists);

impl<'de> DeserializeSeed<'de> for Fill<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fill<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with lists of points")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match (powers_list(&name), name.as_str()) {
                (Some(list), _) => {
                    let slot = match list {
                        PowersList::G1Monomial => &mut self.0.g1_monomial,
                        PowersList::G1Lagrange => &mut self.0.g1_lagrange,
                        PowersList::G2Monomial => &mut self.0.g2_monomial,
                    };
                    let texts = map.next_value::<Option<Vec<String>>>();
                    let texts = texts.map_err(within(format_args!("`{name}`")))?;
                    if slot.is_some() && texts.is_some() {
                        let problem = format!("`{name}` is given twice, perhaps by two names");
                        return Err(de::Error::custom(problem));
                    }
                    *slot = slot.take().or(texts);
                }
                (None, "powersOfTau") => map.next_value_seed(Fill(&mut *self.0))?,
                (None, "numG1Powers") => self.0.num_g1 = Some(map.next_value()?),
                (None, "numG2Powers") => self.0.num_g2 = Some(map.next_value()?),
                (None, _) => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

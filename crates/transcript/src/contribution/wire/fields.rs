//! Fields of an object, and the places that errors name.

use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess};

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

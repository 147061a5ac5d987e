//! A test of both stores.

/// Makes a function that takes a place into three tests, named after the stores; the third is the embedded
/// one with powers apart from it.
macro_rules! both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $name() {
                super::$name(&crate::place::Place::sqlite());
            })*
        }
        mod apart {
            $(#[test]
            fn $name() {
                super::$name(&crate::place::Place::apart());
            })*
        }
        mod postgres {
            $(#[test]
            fn $name() {
                if let Some(place) = crate::place::Place::postgres() {
                    super::$name(&place);
                }
            })*
        }
    };
}
pub(crate) use both;

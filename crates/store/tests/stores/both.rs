//! A test of both stores.

/// Makes a function that takes a place into two tests, named after the stores.
macro_rules! both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $name() {
                super::$name(&crate::place::Place::sqlite());
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

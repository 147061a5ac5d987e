//! What a transcript is judged by.

use crate::sizes::{Size, Sizes};

/// The sizes that a transcript has to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedSizes {
    /// Those of a known ceremony.
    These(Sizes),
    /// Any that a ceremony can have, as the document states them. Whoever takes this has to
    /// compare them with what they expect.
    AsStated,
}

/// What a transcript is judged by. The default is the Ethereum ceremony.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The sizes of its sub-ceremonies.
    pub sizes: ExpectedSizes,
    /// The sizes that participants' EIP-712 signatures are over, where they are not those of the
    /// transcript, as in one that was cut down for a test.
    pub signed_sizes: Option<Vec<Size>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sizes: ExpectedSizes::These(Sizes::ethereum()),
            signed_sizes: None,
        }
    }
}

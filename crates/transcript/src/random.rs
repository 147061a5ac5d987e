//! Randomness, as this crate takes it.

use rand_core::{CryptoRng, RngCore};

/// A source of randomness that nobody else can foresee: every [`CryptoRng`] is one.
///
/// Functions take it as `&mut dyn SecureRandom`, to which `&mut OsRng` and its like turn by themselves. They
/// are no generic functions for a reason: those are compiled with the crate that calls them. One that
/// is built without optimisation would compile the arithmetic anew, into code that is a hundred
/// times slower and overflows the stacks of threads.
pub trait SecureRandom: RngCore + CryptoRng {}

impl<R: RngCore + CryptoRng> SecureRandom for R {}

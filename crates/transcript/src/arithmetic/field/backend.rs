//! Which of the implementations does the work.

use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(target_arch = "x86_64")]
use crate::arithmetic::field::ifma::Ifma;

/// The implementation that lists are made for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Backend {
    /// Eight lanes of AVX-512 IFMA. Holds the proof that the processor has it.
    #[cfg(target_arch = "x86_64")]
    Ifma(Ifma),
    /// The library's scalar arithmetic.
    Portable,
}

/// Set by [`use_portable_arithmetic`].
static PORTABLE_ONLY: AtomicBool = AtomicBool::new(false);

/// Keeps the vector instructions out of this process from now on: for tests and comparisons.
///
/// Results are the same either way. Call it first; what has been begun is finished as it was begun.
pub fn use_portable_arithmetic() {
    PORTABLE_ONLY.store(true, Ordering::Relaxed);
}

impl Backend {
    /// The fastest that this processor has, unless only the portable one is wanted, or this crate was
    /// built without optimisation: then vectors are slow, and too large for the stack.
    pub(crate) fn best() -> Self {
        if cfg!(unoptimised) || PORTABLE_ONLY.load(Ordering::Relaxed) {
            return Self::Portable;
        }
        Self::vector().unwrap_or(Self::Portable)
    }

    /// The vector path, where the processor has it.
    pub(crate) fn vector() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        return Ifma::detect().map(Self::Ifma);
        #[cfg(not(target_arch = "x86_64"))]
        return None;
    }
}

//! Which of the implementations does the work, found out once.

use std::sync::OnceLock;

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

/// Set to `portable`, keeps the vector instructions out: for tests and comparisons.
const VARIABLE: &str = "TAULINE_FIELD";

impl Backend {
    /// The fastest that this processor has.
    pub(crate) fn best() -> Self {
        static BEST: OnceLock<Backend> = OnceLock::new();
        *BEST.get_or_init(|| {
            if std::env::var_os(VARIABLE).is_some_and(|value| value == "portable") {
                return Self::Portable;
            }
            Self::vector().unwrap_or(Self::Portable)
        })
    }

    /// The vector path, where the processor has it.
    pub(crate) fn vector() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        return Ifma::detect().map(Self::Ifma);
        #[cfg(not(target_arch = "x86_64"))]
        return None;
    }
}

//! The base field and its quadratic extension, on several elements at once.

pub(crate) mod backend;
#[cfg(test)]
pub(crate) mod emulated;
pub(crate) mod fp2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod ifma;
pub(crate) mod lanes;
pub(crate) mod library;
pub(crate) mod limbs;
pub(crate) mod machine;
pub(crate) mod portable;
pub(crate) mod radix52;
pub(crate) mod roots;

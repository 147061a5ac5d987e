//! The sizes of a ceremony's sub-ceremonies.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The number of powers of one sub-ceremony.
///
/// A plain pair; [`Sizes`] and the parser hold only those that [`Size::check`] accepts: between 2
/// and [`Size::MAX_G1`] powers in G1, and between 2 and as many in G2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Size {
    /// The number of powers in G1.
    pub g1: usize,
    /// The number of powers in G2.
    pub g2: usize,
}

impl Size {
    /// Most powers in G1 of one sub-ceremony: 2²⁰.
    ///
    /// Thirty-two times the largest of the Ethereum ceremony; a contribution of this size is
    /// 100 MB of JSON, more than anyone should be asked to upload.
    pub const MAX_G1: usize = 1 << 20;

    /// The size itself, if a sub-ceremony can have it (`docs/spec/ceremony.md#size-limits`).
    ///
    /// # Errors
    ///
    /// When `g2` is less than 2 (there would be no power to check against), when `g1` is less
    /// than `g2` (the check of G2 powers needs a G1 power for each), or when `g1` is more than
    /// [`Size::MAX_G1`].
    pub fn check(self) -> Result<Self, SizesError> {
        let Self { g1, g2 } = self;
        if g2 < 2 {
            return Err(SizesError::TooFewG2 { g2 });
        }
        if g1 < g2 {
            return Err(SizesError::FewerG1ThanG2 { g1, g2 });
        }
        if g1 > Self::MAX_G1 {
            return Err(SizesError::TooManyG1 { g1 });
        }
        Ok(self)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.g1, self.g2)
    }
}

impl FromStr for Size {
    type Err = SizesError;

    fn from_str(text: &str) -> Result<Self, SizesError> {
        let malformed = || SizesError::Malformed {
            text: text.chars().take(40).collect(),
        };
        let number = |digits: &str| -> Option<usize> {
            // `parse` alone would take a leading `+`.
            (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
                .then(|| digits.parse().ok())
                .flatten()
        };
        let (g1, g2) = text.split_once(':').ok_or_else(malformed)?;
        let g1 = number(g1).ok_or_else(malformed)?;
        let g2 = number(g2).ok_or_else(malformed)?;
        Self { g1, g2 }.check()
    }
}

/// The sizes of all sub-ceremonies of a ceremony, in its order.
///
/// Written `4096:65,8192:65,16384:65,32768:65`. At least one, at most [`Sizes::MAX_LEN`], no two
/// with as many powers in G1: sub-ceremonies are named by that number.
///
/// ```
/// use tauline_transcript::Sizes;
/// let sizes: Sizes = "16:4,32:4".parse()?;
/// assert_eq!(sizes.len(), 2);
/// assert_eq!(sizes.to_string(), "16:4,32:4");
/// assert_eq!(Sizes::default().to_string(), "4096:65,8192:65,16384:65,32768:65");
/// # Ok::<(), tauline_transcript::SizesError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sizes(Vec<Size>);

impl Sizes {
    /// Most sub-ceremonies of a ceremony: sixteen, four times as many as Ethereum's.
    pub const MAX_LEN: usize = 16;

    /// Sizes from a list.
    ///
    /// # Errors
    ///
    /// When the list is empty, too long, names a number of G1 powers twice, or holds a size that
    /// [`Size::check`] refuses.
    pub fn new(sizes: Vec<Size>) -> Result<Self, SizesError> {
        if sizes.is_empty() {
            return Err(SizesError::Empty);
        }
        if sizes.len() > Self::MAX_LEN {
            return Err(SizesError::TooMany { len: sizes.len() });
        }
        for (i, size) in sizes.iter().enumerate() {
            size.check()?;
            if sizes[..i].iter().any(|other| other.g1 == size.g1) {
                return Err(SizesError::Repeated { g1: size.g1 });
            }
        }
        Ok(Self(sizes))
    }

    /// The four sizes of the Ethereum KZG ceremony (`docs/spec/ceremony.md#sizes`).
    #[must_use]
    pub fn ethereum() -> Self {
        Self(
            [4096, 8192, 16384, 32768]
                .map(|g1| Size { g1, g2: 65 })
                .to_vec(),
        )
    }

    /// The sizes in the ceremony's order.
    pub fn iter(&self) -> std::iter::Copied<std::slice::Iter<'_, Size>> {
        self.0.iter().copied()
    }

    /// The number of sub-ceremonies; never 0.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a ceremony is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The size of the sub-ceremony at `index`, if there is one.
    #[must_use]
    pub fn size(&self, index: usize) -> Option<Size> {
        self.0.get(index).copied()
    }

    /// The index of the sub-ceremony that has `g1` powers in G1.
    #[must_use]
    pub fn position(&self, g1: usize) -> Option<usize> {
        self.0.iter().position(|size| size.g1 == g1)
    }

    /// The longest JSON contribution that an honest client sends, in bytes
    /// (`docs/spec/http-api.md#body-limit`).
    ///
    /// Allows for any usual indentation (64 bytes around every point), both spellings of the
    /// signature field and fields of the client's own (4 KiB for each sub-ceremony).
    #[must_use]
    pub fn max_json_len(&self) -> usize {
        self.document_len(2 + 2 + 96 + 64, 2 + 2 + 192 + 64)
    }

    /// The longest MessagePack contribution that an honest client sends, in bytes: uncompressed
    /// points with their headers, and 4 KiB for the rest of each sub-ceremony.
    #[must_use]
    pub fn max_msgpack_len(&self) -> usize {
        self.document_len(96 + 5, 192 + 5)
    }

    fn document_len(&self, g1_len: usize, g2_len: usize) -> usize {
        const REST_LEN: usize = 4096;
        self.iter()
            .map(|size| size.g1 * g1_len + (size.g2 + 1) * g2_len + REST_LEN)
            .sum::<usize>()
            + REST_LEN
    }
}

impl Default for Sizes {
    /// The Ethereum ceremony's sizes.
    fn default() -> Self {
        Self::ethereum()
    }
}

impl<'a> IntoIterator for &'a Sizes {
    type Item = Size;
    type IntoIter = std::iter::Copied<std::slice::Iter<'a, Size>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, size) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{size}")?;
        }
        Ok(())
    }
}

impl FromStr for Sizes {
    type Err = SizesError;

    fn from_str(text: &str) -> Result<Self, SizesError> {
        if text.is_empty() {
            return Err(SizesError::Empty);
        }
        Self::new(text.split(',').map(str::parse).collect::<Result<_, _>>()?)
    }
}

/// Why a size, or a list of sizes, cannot be a ceremony's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SizesError {
    /// The text of one size is not two decimal numbers with a colon between.
    #[error("`{text}` is not a size; write G1:G2, for example 4096:65")]
    Malformed {
        /// The text, cut to 40 characters.
        text: String,
    },
    /// Fewer than two powers in G2.
    #[error("a sub-ceremony needs at least 2 powers in G2, not {g2}")]
    TooFewG2 {
        /// The number asked for.
        g2: usize,
    },
    /// Fewer powers in G1 than in G2.
    #[error("a sub-ceremony needs at least as many powers in G1 as in G2: {g1} is less than {g2}")]
    FewerG1ThanG2 {
        /// The number of G1 powers asked for.
        g1: usize,
        /// The number of G2 powers asked for.
        g2: usize,
    },
    /// More powers in G1 than [`Size::MAX_G1`].
    #[error("a sub-ceremony has at most {max} powers in G1, not {g1}", max = Size::MAX_G1)]
    TooManyG1 {
        /// The number asked for.
        g1: usize,
    },
    /// No sizes.
    #[error("a ceremony needs at least one sub-ceremony; write G1:G2, for example 4096:65")]
    Empty,
    /// More sizes than [`Sizes::MAX_LEN`].
    #[error("a ceremony has at most {max} sub-ceremonies, not {len}", max = Sizes::MAX_LEN)]
    TooMany {
        /// The number asked for.
        len: usize,
    },
    /// Two sub-ceremonies with as many powers in G1.
    #[error("two sub-ceremonies have {g1} powers in G1; they could not be told apart")]
    Repeated {
        /// The number that both have.
        g1: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_and_write_the_same_text() {
        for text in [
            "4096:65,8192:65,16384:65,32768:65",
            "2:2",
            "16:4,32:4,64:4,128:4",
        ] {
            assert_eq!(text.parse::<Sizes>().unwrap().to_string(), text);
        }
        assert_eq!(
            Sizes::ethereum(),
            "4096:65,8192:65,16384:65,32768:65".parse().unwrap()
        );
    }

    #[test]
    fn impossible_sizes_are_refused() {
        let refused = |text: &str| text.parse::<Sizes>().unwrap_err();
        assert_eq!(refused(""), SizesError::Empty);
        assert_eq!(refused("16:1"), SizesError::TooFewG2 { g2: 1 });
        assert_eq!(refused("4:8"), SizesError::FewerG1ThanG2 { g1: 4, g2: 8 });
        assert_eq!(
            refused("1048577:2"),
            SizesError::TooManyG1 { g1: 1_048_577 }
        );
        assert_eq!(refused("16:4,16:8"), SizesError::Repeated { g1: 16 });
        let many: Vec<String> = (0..17).map(|i| format!("{}:2", i + 2)).collect();
        assert_eq!(refused(&many.join(",")), SizesError::TooMany { len: 17 });
        for text in [
            "16",
            "16:",
            ":4",
            "16:4,",
            "16:4:4",
            "+16:4",
            " 16:4",
            "16:-4",
            "0x10:4",
            "١٦:٤",
            "99999999999999999999999:65",
        ] {
            assert!(
                matches!(refused(text), SizesError::Malformed { .. }),
                "{text}"
            );
        }
    }
}

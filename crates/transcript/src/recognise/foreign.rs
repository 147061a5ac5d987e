//! What is handed over in place of a ceremony's documents.

use std::fmt;

use crate::recognise::byte_order::{UTF8_MARK, utf16_order};

/// Something that this crate does not read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Foreign {
    /// HTML: mostly an error page, or a page about the file.
    WebPage,
    /// XML: mostly the error of a file server.
    Xml,
    /// What Git has in place of a file that Git LFS keeps.
    LfsPointer {
        /// Bytes of the file itself, as the pointer says.
        size: Option<u64>,
    },
    /// What Git has in place of a file that git-annex keeps.
    AnnexPointer,
    /// An archive or a compressed file, by the name of its form.
    Archive(&'static str),
    /// Powers of tau as snarkjs writes them.
    Ptau {
        /// The curve, where its modulus is known.
        curve: Option<&'static str>,
        /// The logarithm of the number of powers.
        power: Option<u32>,
    },
    /// Another file of snarkjs and circom, by what it holds.
    SnarkJs(&'static str),
    /// A database of SQLite, as a coordinator and its backups have.
    Database,
    /// Text of two bytes a character, for whoever does not read it by [`utf16_order`](crate::recognise::utf16_order).
    Utf16,
    /// Text of four bytes a character.
    Utf32,
    /// Another well-known form: a picture, a document, a program.
    Other(&'static str),
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WebPage => f.write_str("a web page (HTML)"),
            Self::Xml => f.write_str("XML, perhaps the error message of a file server"),
            Self::LfsPointer { size } => {
                f.write_str("a Git LFS pointer, not the file that it stands for")?;
                match size {
                    Some(size) => write!(f, ", which has {size} bytes"),
                    None => Ok(()),
                }
            }
            Self::AnnexPointer => {
                f.write_str("a git-annex pointer, not the file that it stands for")
            }
            Self::Archive(name) => write!(f, "a {name} archive"),
            Self::Ptau { curve, power } => {
                f.write_str("powers of tau of snarkjs (.ptau)")?;
                if let Some(power) = power {
                    write!(f, ", 2^{power} of them,")?;
                }
                match curve {
                    Some(curve) => write!(f, " for the curve {curve}"),
                    None => f.write_str(" for an unknown curve"),
                }
            }
            Self::SnarkJs(what) => write!(f, "{what} of snarkjs or circom"),
            Self::Database => f.write_str("a SQLite database"),
            Self::Utf16 => f.write_str("text in UTF-16"),
            Self::Utf32 => f.write_str("text in UTF-32"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

impl Foreign {
    /// What to do instead.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::WebPage | Self::Xml => {
                "the download gave a page in place of the file: use the link to the raw file"
            }
            Self::LfsPointer { .. } => {
                "fetch the file itself: `git lfs pull`, or the download link of the web page"
            }
            Self::AnnexPointer => "fetch the file itself: `git annex get`",
            Self::Archive("zip" | "tar" | "7-Zip" | "RAR" | "ar") => {
                "unpack it, and give the file that is in it"
            }
            Self::Archive(_) => "decompress it, and give the file that comes of it",
            Self::Ptau {
                curve: Some(BLS12_381),
                ..
            } => "export its points first: this form is not read",
            Self::Ptau { .. } => {
                "ceremonies here are on BLS12-381; this file is of no use for them"
            }
            Self::SnarkJs(_) => return None,
            Self::Database => "a coordinator's backup is for `tauline admin restore`",
            Self::Utf16 | Self::Utf32 => "save it as UTF-8",
            Self::Other(_) => return None,
        })
    }
}

const BN254: &str = "BN254 (bn128)";
const BLS12_381: &str = "BLS12-381";

/// Forms that show themselves by their first bytes.
const MAGIC: [(&[u8], Foreign); 24] = [
    (
        b"version https://git-lfs.github.com/spec/",
        Foreign::LfsPointer { size: None },
    ),
    (b"/annex/objects/", Foreign::AnnexPointer),
    (b"../.git/annex/objects/", Foreign::AnnexPointer),
    (b".git/annex/objects/", Foreign::AnnexPointer),
    (b"PK\x03\x04", Foreign::Archive("zip")),
    (b"PK\x05\x06", Foreign::Archive("zip")),
    (b"\x1f\x8b", Foreign::Archive("gzip")),
    (b"\x28\xb5\x2f\xfd", Foreign::Archive("zstd")),
    (b"BZh", Foreign::Archive("bzip2")),
    (b"\xfd7zXZ\0", Foreign::Archive("xz")),
    (b"7z\xbc\xaf\x27\x1c", Foreign::Archive("7-Zip")),
    (b"Rar!\x1a\x07", Foreign::Archive("RAR")),
    (b"\x04\x22\x4d\x18", Foreign::Archive("LZ4")),
    (b"LZIP", Foreign::Archive("lzip")),
    (b"\x1f\x9d", Foreign::Archive("compress (.Z)")),
    (b"!<arch>\n", Foreign::Archive("ar")),
    (b"zkey\x01\0\0\0", Foreign::SnarkJs("a proving key (.zkey)")),
    (b"wtns\x02\0\0\0", Foreign::SnarkJs("a witness (.wtns)")),
    (b"r1cs\x01\0\0\0", Foreign::SnarkJs("a circuit (.r1cs)")),
    (b"SQLite format 3\0", Foreign::Database),
    (b"%PDF-", Foreign::Other("a PDF document")),
    (b"\x89PNG\r\n\x1a\n", Foreign::Other("a picture (PNG)")),
    (b"\xff\xd8\xff", Foreign::Other("a picture (JPEG)")),
    (b"\x7fELF", Foreign::Other("a program (ELF)")),
];

/// What the start of a file shows to be foreign.
pub(super) fn recognise(start: &[u8]) -> Option<Foreign> {
    if let [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] = start {
        return Some(Foreign::Utf32);
    }
    if utf16_order(start).is_some() {
        return Some(Foreign::Utf16);
    }
    if start.starts_with(b"ptau") {
        return Some(ptau(start));
    }
    if start.get(257..262) == Some(b"ustar") {
        return Some(Foreign::Archive("tar"));
    }
    if let Some((_, foreign)) = MAGIC.iter().find(|(magic, _)| start.starts_with(magic)) {
        return Some(match foreign {
            Foreign::LfsPointer { .. } => Foreign::LfsPointer {
                size: lfs_size(start),
            },
            other => other.clone(),
        });
    }
    markup(start)
}

/// HTML and XML start with `<`, which nothing of ours does.
fn markup(start: &[u8]) -> Option<Foreign> {
    let start = start.strip_prefix(UTF8_MARK).unwrap_or(start);
    let text = start.trim_ascii_start();
    let begins = |name: &[u8]| {
        text.get(..name.len())
            .is_some_and(|it| it.eq_ignore_ascii_case(name))
    };
    if !begins(b"<") {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let names_html = lower.windows(5).any(|it| it == b"<html") || begins(b"<!doctype html");
    match begins(b"<?xml") && !names_html {
        true => Some(Foreign::Xml),
        // XML without its declaration looks like HTML, and is as little of use.
        false => Some(Foreign::WebPage),
    }
}

fn lfs_size(start: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(start).ok()?;
    let size = text.lines().find_map(|line| line.strip_prefix("size "))?;
    size.trim().parse().ok()
}

/// Reads the header of a .ptau file: `ptau`, version and number of sections, then sections of a
/// type, a length and content, all little-endian. Section 1 has the modulus' length, the modulus of
/// the base field, and the logarithm of the number of powers.
fn ptau(start: &[u8]) -> Foreign {
    let word = |at: usize| {
        let bytes = start.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    let header = || {
        // Mostly the first section, and else not worth a search.
        let is_header = word(12)? == 1;
        let len = usize::try_from(word(24)?).ok()?;
        let modulus = start.get(28..28_usize.checked_add(len)?)?;
        is_header.then_some((modulus, word(28 + len)))
    };
    let Some((modulus, power)) = header() else {
        return Foreign::Ptau {
            curve: None,
            power: None,
        };
    };
    // The lowest and the highest bytes of the two moduli.
    let curve = match (modulus.len(), modulus.first_chunk(), modulus.last_chunk()) {
        (32, Some([0x47, 0xfd, 0x7c, 0xd8]), Some([0x64, 0x30])) => Some(BN254),
        (48, Some([0xab, 0xaa, 0xff, 0xff]), Some([0x01, 0x1a])) => Some(BLS12_381),
        _ => None,
    };
    Foreign::Ptau {
        curve,
        power: power.filter(|power| *power <= 64),
    }
}

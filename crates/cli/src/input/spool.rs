//! Copies pipes, compressed files and text in UTF-16 to temporary files, which can be read from any
//! offset. Limits are checked while copying, so too much is never written.

use std::fs::File;
use std::io::{self, BufRead, Read, Seek, Write};

use tauline_transcript::recognise::{Utf16, recognise_bytes, utf16_order};

use super::limits::Limits;
use crate::exit::{Failure, plain};
use crate::numbers;

pub(super) const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
pub(super) const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Bytes that are copied at once. The first such block decides whether more is copied.
const BLOCK: usize = 64 << 10;

/// Bytes at the end of a block that may belong to a word which the block cuts in two. Longer than a
/// point or a name.
const CUT: usize = 1024;

/// Why there is no copy.
pub(super) enum SpoolError {
    /// The input failed.
    Read(io::Error),
    /// The input is too long to be copied.
    TooLarge(u64),
    /// The temporary file failed after this number of bytes.
    Temporary(io::Error, u64),
}

impl SpoolError {
    /// The error that ends a verb that reads `name`.
    pub(super) fn failure(self, name: &str) -> Failure {
        let dir = std::env::temp_dir();
        let dir = dir.display();
        match self {
            Self::Read(error) => Failure::io(format!("cannot read {name}: {}", plain(&error))),
            Self::TooLarge(limit) => Failure::bad(format!(
                "{name} is too large: more than {} where {} are the most that can be right",
                numbers::bytes(limit),
                numbers::bytes(limit)
            ))
            .help("a file that is neither compressed nor piped is read whatever its length"),
            Self::Temporary(error, written) => {
                let text = match error.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => format!(
                        "the temporary directory {dir} is full: {} of {name} fitted",
                        numbers::bytes(written)
                    ),
                    _ if written == 0 => {
                        format!("cannot make a temporary file in {dir}: {}", plain(&error))
                    }
                    _ => format!("cannot write a temporary file in {dir}: {}", plain(&error)),
                };
                Failure::io(text)
                    .help("set TMPDIR to a directory with room, or decompress it to a file first")
            }
        }
    }
}

/// A copy of an input.
pub(super) struct Spooled {
    pub(super) file: File,
    /// Whether the text was converted to UTF-8.
    pub(super) is_converted: bool,
}

/// Copies the input to a temporary file, decompressed and as UTF-8. `compressed_len` is the length
/// of a compressed file, if known.
pub(super) fn spool(
    mut input: impl BufRead,
    limits: Limits,
    compressed_len: Option<u64>,
) -> Result<Spooled, SpoolError> {
    // A pipe may deliver its first bytes one by one.
    let mut start = [0; 4];
    let len = read_full(&mut input, &mut start).map_err(SpoolError::Read)?;
    let start = &start[..len];
    let input = start.chain(input);
    if start.starts_with(GZIP_MAGIC) {
        let limit = limits.decompressed(compressed_len);
        copy(&mut flate2::bufread::MultiGzDecoder::new(input), limit)
    } else if start.starts_with(ZSTD_MAGIC) {
        let limit = limits.decompressed(compressed_len);
        let mut decoder = zstd::Decoder::with_buffer(input).map_err(SpoolError::Read)?;
        copy(&mut decoder, limit)
    } else {
        let mut input = input;
        copy(&mut input, limits.copied)
    }
}

fn copy(input: &mut impl Read, limit: u64) -> Result<Spooled, SpoolError> {
    let mut file = tempfile::tempfile().map_err(|error| SpoolError::Temporary(error, 0))?;
    let is_converted = copy_to(input, &mut file, limit)?;
    file.rewind()
        .map_err(|error| SpoolError::Temporary(error, 0))?;
    Ok(Spooled { file, is_converted })
}

/// Copies at most `limit` bytes, and only the start of a file that can be none of ours. Returns
/// whether text was converted.
fn copy_to(input: &mut impl Read, out: &mut impl Write, limit: u64) -> Result<bool, SpoolError> {
    let mut block = vec![0; BLOCK];
    let mut len = read_full(input, &mut block).map_err(SpoolError::Read)?;
    let order = utf16_order(&block[..len]);
    let mut text = Converter::new(order);
    let (mut read, mut written) = (0, 0);
    while len > 0 {
        read += len as u64;
        if read > limit {
            return Err(SpoolError::TooLarge(limit));
        }
        let bytes = text.convert(&block[..len]);
        let is_start = written == 0;
        out.write_all(&bytes)
            .map_err(|error| SpoolError::Temporary(error, written))?;
        written += bytes.len() as u64;
        if is_start && is_hopeless(&bytes) {
            break;
        }
        len = read_full(input, &mut block).map_err(SpoolError::Read)?;
    }
    out.flush()
        .map_err(|error| SpoolError::Temporary(error, written))?;
    Ok(order.is_some())
}

/// Whether a file that begins like this can be none of ours. It has to be clear without the last
/// bytes as well, where a word may be cut in two.
fn is_hopeless(start: &[u8]) -> bool {
    let shorter = &start[..start.len() - start.len().min(CUT)];
    recognise_bytes(start).is_hopeless() && recognise_bytes(shorter).is_hopeless()
}

/// Converts UTF-16 to UTF-8, and leaves everything else as it is.
struct Converter {
    order: Option<Utf16>,
    /// Half a character at the end of the last block.
    rest: Vec<u8>,
}

impl Converter {
    fn new(order: Option<Utf16>) -> Self {
        Self {
            order,
            rest: Vec::new(),
        }
    }

    fn convert<'a>(&mut self, block: &'a [u8]) -> std::borrow::Cow<'a, [u8]> {
        let Some(order) = self.order else {
            return block.into();
        };
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.extend_from_slice(block);
        let mut whole = bytes.len() - bytes.len() % 2;
        // The first half of a surrogate pair is kept until the second comes.
        let high = match order {
            Utf16::LittleEndian => whole.checked_sub(1),
            Utf16::BigEndian => whole.checked_sub(2),
        };
        if high.is_some_and(|at| matches!(bytes[at], 0xd8..=0xdb)) {
            whole -= 2;
        }
        self.rest = bytes.split_off(whole);
        order.decode(&bytes).into_bytes().into()
    }
}

pub(super) fn read_full(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while len < buffer.len() {
        match input.read(&mut buffer[len..]) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An output with room for some bytes.
    struct Disk(usize, usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.1 + bytes.len() > self.0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.1 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_more_than_the_limit_is_written() {
        let mut disk = Disk(usize::MAX, 0);
        // A list that goes on for ever.
        let mut endless = (&b"{\"contributions\":["[..]).chain(io::repeat(b' '));
        let copied = copy_to(&mut endless, &mut disk, 1 << 20);
        assert!(matches!(copied, Err(SpoolError::TooLarge(limit)) if limit == 1 << 20));
        assert!(disk.1 <= 1 << 20, "{}", disk.1);
    }

    #[test]
    fn what_is_nothing_of_ours_is_not_copied() {
        for start in [&b""[..], b"<html>", b"PK\x03\x04", b"\x7fELF", b"{\"a\":"] {
            let mut disk = Disk(usize::MAX, 0);
            let mut endless = start.chain(io::repeat(0));
            assert!(copy_to(&mut endless, &mut disk, u64::MAX).is_ok());
            assert_eq!(disk.1, BLOCK, "{start:?}");
        }
    }

    #[test]
    fn a_word_cut_in_two_by_a_block_is_no_reason_to_stop() {
        let (before, after) = (br#"{"x":""#, br#"","a"  :[],"transcripts":[]}"#);
        for cut in 1..after.len() {
            let fill = vec![b'a'; BLOCK - before.len() - cut];
            let text = [&before[..], &fill, after].concat();
            let mut disk = Disk(usize::MAX, 0);
            assert!(copy_to(&mut &text[..], &mut disk, u64::MAX).is_ok());
            assert_eq!(disk.1, text.len(), "cut after {cut} bytes");
        }
    }

    #[test]
    fn a_full_disk_is_named() {
        let mut endless = (&b"{"[..]).chain(io::repeat(b' '));
        let copied = copy_to(&mut endless, &mut Disk(1 << 20, 0), u64::MAX);
        let failure = copied.err().unwrap().failure("a.json.gz");
        let dir = std::env::temp_dir().display().to_string();
        let text = failure.to_string();
        assert!(
            text.contains(&format!("the temporary directory {dir} is full")),
            "{text}"
        );
        assert!(
            text.contains("a.json.gz") && text.contains("TMPDIR"),
            "{text}"
        );
        assert_eq!(failure.exit(), crate::exit::Exit::Io);
    }

    #[test]
    fn text_in_utf_16_becomes_utf_8_wherever_blocks_end() {
        let text = "{\"a\":\"ü😀∞\"}";
        for order in [Utf16::LittleEndian, Utf16::BigEndian] {
            let bytes: Vec<u8> = text
                .encode_utf16()
                .flat_map(|unit| match order {
                    Utf16::LittleEndian => unit.to_le_bytes(),
                    Utf16::BigEndian => unit.to_be_bytes(),
                })
                .collect();
            for step in 1..bytes.len() {
                let mut converter = Converter::new(Some(order));
                let parts = bytes.chunks(step);
                let out: Vec<u8> = parts
                    .flat_map(|it| converter.convert(it).into_owned())
                    .collect();
                assert_eq!(String::from_utf8(out).unwrap(), text, "{order:?}, {step}");
            }
        }
    }
}

//! What a verb reads: a file or standard input, plain or compressed with gzip or zstd.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;

use tauline_transcript::chain::Source;
use zeroize::Zeroizing;

use crate::exit::{Failure, Outcome};

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Most entropy that is read, in bytes. Ours: more than a few hundred add nothing.
const ENTROPY_LIMIT: u64 = 1 << 20;

/// Bytes that a reader of a source fetches at once.
const READ_LEN: usize = 64 << 10;

/// A document in a plain file that can be read from any place.
pub struct Input {
    name: String,
    file: File,
    len: u64,
}

impl Input {
    /// Opens a document; `-` is standard input. What cannot be read from any place, a pipe or a
    /// compressed file, is written to a temporary file first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(path: &Path) -> Outcome<Self> {
        let name = match path.as_os_str() == "-" {
            true => "standard input".to_owned(),
            false => path.display().to_string(),
        };
        let failed = |error: io::Error| Failure::file("read", Path::new(&name), &error);
        let file = match path.as_os_str() == "-" {
            true => spool(io::stdin().lock()),
            false => open_plain(path),
        };
        let file = file.map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        Ok(Self { name, file, len })
    }

    /// What the user calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All of its bytes, at most `limit`.
    ///
    /// # Errors
    /// A document that is longer, or cannot be read.
    pub fn bytes(&self, limit: u64) -> Outcome<Vec<u8>> {
        if self.len > limit {
            return Err(Failure::bad(format!(
                "{} is too large: {} bytes, where {limit} are the most that can be right",
                self.name, self.len
            )));
        }
        let mut bytes = Vec::with_capacity(self.len as usize);
        let read = self
            .open(0)
            .and_then(|reader| reader.take(limit).read_to_end(&mut bytes));
        read.map_err(|error| Failure::file("read", Path::new(&self.name), &error))?;
        Ok(bytes)
    }

    /// The first bytes, as many as there are up to `len`.
    ///
    /// # Errors
    /// A document that cannot be read.
    pub fn start(&self, len: u64) -> Outcome<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self
            .open(0)
            .and_then(|reader| reader.take(len).read_to_end(&mut bytes));
        read.map_err(|error| Failure::file("read", Path::new(&self.name), &error))?;
        Ok(bytes)
    }
}

fn open_plain(path: &Path) -> io::Result<File> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    let mut start = [0; 4];
    let is_compressed = metadata.is_file() && {
        let len = read_full(&mut file, &mut start)?;
        file.rewind()?;
        start[..len].starts_with(GZIP_MAGIC) || start[..len].starts_with(ZSTD_MAGIC)
    };
    match metadata.is_file() && !is_compressed {
        true => Ok(file),
        false => spool(BufReader::new(file)),
    }
}

/// Copies to a temporary file, decompressed.
fn spool(mut input: impl BufRead) -> io::Result<File> {
    // A pipe may give its first bytes one by one.
    let mut start = [0; 4];
    let len = read_full(&mut input, &mut start)?;
    let input = (&start[..len]).chain(input);
    let mut file = tempfile::tempfile()?;
    if start[..len].starts_with(GZIP_MAGIC) {
        io::copy(&mut flate2::bufread::MultiGzDecoder::new(input), &mut file)?;
    } else if start[..len].starts_with(ZSTD_MAGIC) {
        io::copy(&mut zstd::Decoder::with_buffer(input)?, &mut file)?;
    } else {
        let mut input = input;
        io::copy(&mut input, &mut file)?;
    }
    file.rewind()?;
    Ok(file)
}

fn read_full(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
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

impl Source for Input {
    type Reader<'a> = BufReader<Section<'a>>;

    fn open(&self, offset: u64) -> io::Result<Self::Reader<'_>> {
        Ok(BufReader::with_capacity(
            READ_LEN,
            Section {
                file: &self.file,
                offset,
            },
        ))
    }
}

/// A reader of a part of a file, independent of all others.
#[derive(Debug)]
pub struct Section<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        let len = std::os::unix::fs::FileExt::read_at(self.file, buffer, self.offset)?;
        #[cfg(windows)]
        let len = std::os::windows::fs::FileExt::seek_read(self.file, buffer, self.offset)?;
        self.offset += len as u64;
        Ok(len)
    }
}

/// Reads entropy that the user brings; `-` is standard input: what is typed until Ctrl-D.
///
/// # Errors
/// A file that is empty or cannot be read.
pub fn entropy(path: Option<&Path>) -> Outcome<Zeroizing<Vec<u8>>> {
    let Some(path) = path else {
        return Ok(Zeroizing::new(Vec::new()));
    };
    let is_stdin = path.as_os_str() == "-";
    // At its full size from the start: a buffer that grows leaves its old contents behind.
    let mut entropy = Zeroizing::new(Vec::with_capacity(ENTROPY_LIMIT as usize + 1));
    let read = match is_stdin {
        true => {
            if io::IsTerminal::is_terminal(&io::stdin()) {
                drop(io::Write::write_all(
                    &mut io::stderr(),
                    b"Type as you like, then Enter and Ctrl-D. It is mixed with the system's own randomness.\n",
                ));
            }
            io::stdin()
                .lock()
                .take(ENTROPY_LIMIT)
                .read_to_end(&mut entropy)
        }
        // A device such as /dev/random never ends: the limit is where reading stops.
        false => {
            File::open(path).and_then(|file| file.take(ENTROPY_LIMIT).read_to_end(&mut entropy))
        }
    };
    read.map_err(|error| Failure::file("read", path, &error))?;
    match entropy.is_empty() {
        true => Err(Failure::usage(format!(
            "there is no entropy in {}: it is empty",
            path.display()
        ))
        .help("leave the flag out to use the system's randomness alone")),
        false => Ok(entropy),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn plain_and_compressed_files_read_alike() {
        let plain: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&plain).unwrap();
        let zstd = zstd::encode_all(plain.as_slice(), 1).unwrap();
        for bytes in [plain.clone(), gzip.finish().unwrap(), zstd] {
            let file = file(&bytes);
            let input = Input::open(file.path()).unwrap();
            assert_eq!(input.bytes(1 << 20).unwrap(), plain);
            let mut tail = Vec::new();
            Source::open(&input, 399_990)
                .unwrap()
                .read_to_end(&mut tail)
                .unwrap();
            assert_eq!(tail, plain[399_990..]);
        }
    }

    #[test]
    fn a_broken_archive_is_an_error() {
        let file = file(&[0x1f, 0x8b, 8, 0, 1, 2, 3]);
        assert_eq!(
            Input::open(file.path()).err().unwrap().exit(),
            crate::exit::Exit::Io
        );
    }

    #[test]
    fn short_files_are_no_archives() {
        for bytes in [&b""[..], b"{", b"\x1f", b"{}"] {
            let file = file(bytes);
            assert_eq!(Input::open(file.path()).unwrap().bytes(10).unwrap(), bytes);
        }
    }

    #[test]
    fn a_file_over_the_limit_is_not_read() {
        let file = file(b"12345");
        let failure = Input::open(file.path()).unwrap().bytes(4).unwrap_err();
        assert!(failure.text().contains("too large: 5 bytes"), "{failure}");
    }

    #[test]
    fn empty_entropy_is_refused() {
        assert!(entropy(None).unwrap().is_empty());
        assert!(entropy(Some(file(b"").path())).is_err());
        assert_eq!(**entropy(Some(file(b"dice").path())).unwrap(), *b"dice");
    }
}

//! The documents that a verb reads: from a file or standard input, plain or compressed with gzip or
//! zstd, in UTF-8 or UTF-16.

mod entropy;
mod limits;
mod spool;

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use tauline_transcript::recognise::{Kind, UTF8_MARK, recognise, utf16_order};
use tauline_transcript::text_limits::{LimitedWords, WordTooLong};
use tauline_transcript::transcript::Source;

pub use entropy::entropy;
pub use limits::{Limits, MAX_DOCUMENT};
use spool::{GZIP_MAGIC, SpoolError, Spooled, ZSTD_MAGIC, read_full, spool};

use crate::exit::{Failure, Outcome};

/// Bytes that a reader fetches at once.
const READ_LEN: usize = 64 << 10;

/// A document in a plain file, which can be read from any offset.
pub struct Input {
    name: String,
    file: File,
    /// Where the document starts: after a byte order mark.
    start: u64,
    len: u64,
    is_converted: bool,
}

impl Input {
    /// Opens a document; `-` is standard input. A pipe, a compressed file or text in UTF-16 is
    /// converted to a temporary file first.
    ///
    /// # Errors
    /// When it cannot be read, or is too long to be copied.
    pub fn open(path: &Path, limits: Limits) -> Outcome<Self> {
        let name = match path.as_os_str() == "-" {
            true => "standard input".to_owned(),
            false => path.display().to_string(),
        };
        let failed = |error: io::Error| Failure::file("read", Path::new(&name), &error);
        let opened = match path.as_os_str() == "-" {
            true => spool(io::stdin().lock(), limits, None),
            false => open_plain(path, limits),
        };
        let Spooled { file, is_converted } = opened.map_err(|error| error.failure(&name))?;
        let len = file.metadata().map_err(failed)?.len();
        let mut input = Self {
            name,
            file,
            start: 0,
            len,
            is_converted,
        };
        if input.first_bytes()? == UTF8_MARK {
            input.start = UTF8_MARK.len() as u64;
        }
        Ok(input)
    }

    fn first_bytes(&self) -> Outcome<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self
            .open_at(0)
            .take(UTF8_MARK.len() as u64)
            .read_to_end(&mut bytes);
        read.map_err(|error| self.unreadable(&error))?;
        Ok(bytes)
    }

    /// Its name for messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it was text in UTF-16 and has been converted to UTF-8.
    #[must_use]
    pub fn is_converted(&self) -> bool {
        self.is_converted
    }

    /// The kind of document.
    ///
    /// # Errors
    /// A document that cannot be read.
    pub fn kind(&self) -> Outcome<Kind> {
        recognise(self).map_err(|error| self.unreadable(&error))
    }

    /// All of its bytes.
    ///
    /// # Errors
    /// A document that is longer than `limit`, or cannot be read.
    pub fn bytes(&self, limit: u64) -> Outcome<Vec<u8>> {
        if self.len > limit {
            return Err(Failure::bad(format!(
                "{} is too large: {} bytes, where {limit} are the most that can be right",
                self.name, self.len
            )));
        }
        let mut reader = self.open_at(self.start).take(limit);
        let mut bytes = Vec::new();
        let read = match self.is_text()? {
            true => LimitedWords::new(reader).read_to_end(&mut bytes),
            false => {
                bytes.reserve_exact(self.len as usize);
                reader.read_to_end(&mut bytes)
            }
        };
        read.map_err(|error| match WordTooLong::of(&error) {
            Some(long) => Failure::bad(format!("{} is no document of ours: {long}", self.name)),
            None => self.unreadable(&error),
        })?;
        Ok(bytes)
    }

    /// Whether it begins like text and not like points.
    fn is_text(&self) -> Outcome<bool> {
        let mut start = Vec::new();
        let read = self.open_at(self.start).take(4096).read_to_end(&mut start);
        read.map_err(|error| self.unreadable(&error))?;
        let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
        Ok(start.iter().all(is_text))
    }

    /// A reader of the whole file, including a byte order mark.
    pub fn whole(&self) -> impl Read {
        self.open_at(0)
    }

    fn open_at(&self, offset: u64) -> BufReader<Section<'_>> {
        let section = Section {
            file: &self.file,
            offset,
        };
        BufReader::with_capacity(READ_LEN, section)
    }

    fn unreadable(&self, error: &io::Error) -> Failure {
        Failure::file("read", Path::new(&self.name), error)
    }
}

fn open_plain(path: &Path, limits: Limits) -> Result<Spooled, SpoolError> {
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
    let (metadata, mut file) = opened.map_err(SpoolError::Read)?;
    if metadata.is_dir() {
        return Err(SpoolError::Read(io::ErrorKind::IsADirectory.into()));
    }
    if !metadata.is_file() {
        return spool(BufReader::new(file), limits, None);
    }
    let mut start = [0; 4];
    let len = read_full(&mut file, &mut start).and_then(|len| file.rewind().map(|()| len));
    let start = &start[..len.map_err(SpoolError::Read)?];
    let is_compressed = start.starts_with(GZIP_MAGIC) || start.starts_with(ZSTD_MAGIC);
    if is_compressed || utf16_order(start).is_some() {
        let compressed_len = is_compressed.then_some(metadata.len());
        return spool(BufReader::new(file), limits, compressed_len);
    }
    Ok(Spooled {
        file,
        is_converted: false,
    })
}

impl Source for Input {
    type Reader<'a> = BufReader<Section<'a>>;

    fn open(&self, offset: u64) -> io::Result<Self::Reader<'_>> {
        Ok(self.open_at(self.start + offset))
    }
}

/// A reader of a file from some offset on. Readers do not disturb each other.
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
        // Of a file that is recognised as none of ours, only the start would be copied.
        let numbers: String = (0..50_000).map(|number| format!("{number:07},")).collect();
        let plain = format!("{{\"transcripts\":\"{numbers}\"}}").into_bytes();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&plain).unwrap();
        let zstd = zstd::encode_all(plain.as_slice(), 1).unwrap();
        for bytes in [plain.clone(), gzip.finish().unwrap(), zstd] {
            let file = file(&bytes);
            let input = Input::open(file.path(), Limits::DOCUMENT).unwrap();
            assert_eq!(input.bytes(1 << 20).unwrap(), plain);
            let mut tail = Vec::new();
            let at = plain.len() - 10;
            Source::open(&input, at as u64)
                .unwrap()
                .read_to_end(&mut tail)
                .unwrap();
            assert_eq!(tail, plain[at..]);
        }
    }

    #[test]
    fn a_broken_archive_is_an_error() {
        let file = file(&[0x1f, 0x8b, 8, 0, 1, 2, 3]);
        assert_eq!(
            Input::open(file.path(), Limits::DOCUMENT)
                .err()
                .unwrap()
                .exit(),
            crate::exit::Exit::Io
        );
    }

    #[test]
    fn short_files_are_no_archives() {
        for bytes in [&b""[..], b"{", b"\x1f", b"{}"] {
            let file = file(bytes);
            assert_eq!(
                Input::open(file.path(), Limits::DOCUMENT)
                    .unwrap()
                    .bytes(10)
                    .unwrap(),
                bytes
            );
        }
    }

    #[test]
    fn a_file_over_the_limit_is_not_read() {
        let file = file(b"12345");
        let failure = Input::open(file.path(), Limits::DOCUMENT)
            .unwrap()
            .bytes(4)
            .unwrap_err();
        assert!(failure.text().contains("too large: 5 bytes"), "{failure}");
    }

    #[test]
    fn empty_entropy_is_refused() {
        assert!(entropy(None).unwrap().is_empty());
        assert!(entropy(Some(file(b"").path())).is_err());
        assert_eq!(**entropy(Some(file(b"dice").path())).unwrap(), *b"dice");
    }
}

//! JSON and MessagePack, written piece by piece.

use std::io::{self, Write};

use rmp::encode as msgpack;

use crate::encoding::{Encoding, Point};
use crate::transcript::write::format::{Format, WriteError};

/// The syntax of either form.
#[derive(Debug)]
pub(crate) struct Output<W> {
    out: W,
    format: Format,
    depth: usize,
    /// Whether nothing stands yet in the innermost list or object.
    first: bool,
}

impl<W: Write> Output<W> {
    pub(crate) fn new(out: W, format: Format) -> Self {
        Self {
            out,
            format,
            depth: 0,
            first: true,
        }
    }

    /// The output, flushed.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    pub(crate) fn encoding(&self) -> Encoding {
        match self.format {
            Format::Json | Format::PrettyJson => Encoding::Compressed,
            Format::MessagePack(encoding) => encoding,
        }
    }

    fn is_json(&self) -> bool {
        !matches!(self.format, Format::MessagePack(_))
    }

    pub(crate) fn begin_object(&mut self, fields: u32) -> Result<(), WriteError> {
        if self.is_json() {
            return self.begin(b"{");
        }
        msgpack::write_map_len(&mut self.out, fields).map_err(io::Error::from)?;
        Ok(())
    }

    pub(crate) fn end_object(&mut self) -> Result<(), WriteError> {
        self.end(b"}")
    }

    pub(crate) fn begin_list(&mut self, len: u64) -> Result<(), WriteError> {
        if self.is_json() {
            return self.begin(b"[");
        }
        let len = u32::try_from(len).map_err(|_| WriteError::TooLong { len })?;
        msgpack::write_array_len(&mut self.out, len).map_err(io::Error::from)?;
        Ok(())
    }

    pub(crate) fn end_list(&mut self) -> Result<(), WriteError> {
        self.end(b"]")
    }

    fn begin(&mut self, bracket: &[u8]) -> Result<(), WriteError> {
        self.out.write_all(bracket)?;
        self.depth += 1;
        self.first = true;
        Ok(())
    }

    fn end(&mut self, bracket: &[u8]) -> Result<(), WriteError> {
        if self.is_json() {
            self.depth -= 1;
            if !self.first {
                self.new_line()?;
            }
            self.first = false;
            self.out.write_all(bracket)?;
        }
        Ok(())
    }

    fn new_line(&mut self) -> Result<(), WriteError> {
        if self.format == Format::PrettyJson {
            self.out.write_all(b"\n")?;
            for _ in 0..self.depth {
                self.out.write_all(b"  ")?;
            }
        }
        Ok(())
    }

    /// Before each item of a list.
    pub(crate) fn item(&mut self) -> Result<(), WriteError> {
        if self.is_json() {
            if !std::mem::replace(&mut self.first, false) {
                self.out.write_all(b",")?;
            }
            self.new_line()?;
        }
        Ok(())
    }

    pub(crate) fn field(&mut self, name: &'static str) -> Result<(), WriteError> {
        self.item()?;
        self.text(name)?;
        match self.format {
            Format::Json => self.out.write_all(b":")?,
            Format::PrettyJson => self.out.write_all(b": ")?,
            Format::MessagePack(_) => {}
        }
        Ok(())
    }

    pub(crate) fn number(&mut self, value: u64) -> Result<(), WriteError> {
        if self.is_json() {
            write!(self.out, "{value}")?;
        } else {
            msgpack::write_uint(&mut self.out, value).map_err(io::Error::from)?;
        }
        Ok(())
    }

    pub(crate) fn text(&mut self, text: &str) -> Result<(), WriteError> {
        if self.is_json() {
            serde_json::to_writer(&mut self.out, text).map_err(io::Error::from)?;
        } else {
            msgpack::write_str(&mut self.out, text).map_err(io::Error::from)?;
        }
        Ok(())
    }

    /// A point or a signature; in JSON, no bytes are `""`.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        if self.is_json() {
            let digits = hex::encode(bytes);
            let prefix = if bytes.is_empty() { "" } else { "0x" };
            write!(self.out, "\"{prefix}{digits}\"")?;
        } else {
            msgpack::write_bin(&mut self.out, bytes).map_err(io::Error::from)?;
        }
        Ok(())
    }

    pub(crate) fn points<P: Point>(
        &mut self,
        points: &[P],
        encoding: Encoding,
    ) -> Result<(), WriteError> {
        let mut bytes = Vec::with_capacity(P::encoded_len(encoding));
        self.begin_list(points.len() as u64)?;
        for point in points {
            bytes.clear();
            point.encode(encoding, &mut bytes);
            self.item()?;
            self.bytes(&bytes)?;
        }
        self.end_list()
    }
}

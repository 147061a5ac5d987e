//! The state that the next participant builds on, rendered once for everybody who fetches it.

use std::io::{self, Write as _};
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use tauline_transcript::{Base, DocumentError, Encoding};

use crate::representation::{COMPRESSION_LEVEL, Coding, Form};

/// The powers after the last contribution, and their documents.
pub struct CurrentBase {
    powers: Base,
    contributions: u64,
    /// By [`Form`], then by [`Coding`].
    bodies: [[OnceLock<Bytes>; 3]; 3],
}

impl CurrentBase {
    /// The base after so many contributions, with its plain JSON and MessagePack ready.
    ///
    /// # Errors
    /// Never in practice; what the serializer could report.
    pub fn new(powers: Base, contributions: u64) -> Result<Self, DocumentError> {
        let base = Self::bare(powers, contributions);
        base.prepare()?;
        Ok(base)
    }

    /// The base after so many contributions. Its documents are made when they are asked for, or by
    /// [`prepare`](Self::prepare).
    pub(crate) fn bare(powers: Base, contributions: u64) -> Self {
        Self {
            powers,
            contributions,
            bodies: Default::default(),
        }
    }

    /// Makes plain JSON and MessagePack ready.
    ///
    /// # Errors
    /// Never in practice; what the serializer could report.
    pub(crate) fn prepare(&self) -> Result<(), DocumentError> {
        for form in [Form::Json, Form::Msgpack] {
            let slot = self.slot(form, Coding::Identity);
            if slot.get().is_none() {
                let _ = slot.set(self.document(form)?);
            }
        }
        Ok(())
    }

    /// The powers.
    #[must_use]
    pub fn powers(&self) -> &Base {
        &self.powers
    }

    /// How many contributions led here.
    #[must_use]
    pub fn contributions(&self) -> u64 {
        self.contributions
    }

    /// The document in this form and compression. Made at the first call, on a blocking thread.
    ///
    /// # Errors
    /// Never in practice; what the serializer or the compressor could report.
    pub async fn body(self: &Arc<Self>, form: Form, coding: Coding) -> io::Result<Bytes> {
        if let Some(body) = self.slot(form, coding).get() {
            return Ok(body.clone());
        }
        let base = Arc::clone(self);
        tokio::task::spawn_blocking(move || base.make(form, coding)).await?
    }

    fn slot(&self, form: Form, coding: Coding) -> &OnceLock<Bytes> {
        &self.bodies[form as usize][coding as usize]
    }

    fn document(&self, form: Form) -> Result<Bytes, DocumentError> {
        Ok(match form {
            Form::Json => self.powers.to_json()?,
            Form::Msgpack => self.powers.to_msgpack(Encoding::Compressed)?,
            Form::MsgpackUncompressed => self.powers.to_msgpack(Encoding::Uncompressed)?,
        }
        .into())
    }

    fn make(&self, form: Form, coding: Coding) -> io::Result<Bytes> {
        let slot = self.slot(form, coding);
        if let Some(body) = slot.get() {
            return Ok(body.clone());
        }
        let body = match coding {
            Coding::Identity => self.document(form).map_err(io::Error::other)?,
            _ => compress(&self.make(form, Coding::Identity)?, coding)?,
        };
        // Two may make it at the same time; both are the same bytes.
        Ok(slot.get_or_init(|| body).clone())
    }
}

fn compress(plain: &[u8], coding: Coding) -> io::Result<Bytes> {
    match coding {
        Coding::Identity => Ok(Bytes::copy_from_slice(plain)),
        Coding::Gzip => {
            let level = flate2::Compression::new(COMPRESSION_LEVEL);
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(plain)?;
            Ok(encoder.finish()?.into())
        }
        Coding::Zstd => {
            let level = i32::try_from(COMPRESSION_LEVEL).unwrap_or_default();
            Ok(zstd::encode_all(plain, level)?.into())
        }
    }
}

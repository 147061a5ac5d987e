//! The state that the next participant builds on, rendered once for everybody who fetches it.

use std::fmt;
use std::io::{self, Write as _};
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use rayon::ThreadPool;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};
use tauline_transcript::{
    Base, DocumentError, Encoding, Foundation, Invalid, RawContribution, Sizes,
};

use crate::representation::{COMPRESSION_LEVEL, Coding, Form};

/// The powers after the last contribution, and their documents.
pub struct CurrentBase {
    powers: Source,
    foundation: Foundation,
    contributions: u64,
    digest: OnceLock<[u8; 32]>,
    /// By [`Form`], then by [`Coding`].
    bodies: [[OnceLock<Bytes>; 3]; 3],
}

/// What the documents are made of.
enum Source {
    Decoded(Base),
    /// The contribution that was accepted last. Nothing of it is decoded before somebody asks for uncompressed
    /// points, which is done on these threads.
    Accepted(Arc<RawContribution>, Arc<ThreadPool>),
}

/// Which state it is: how many contributions led there, and what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BaseId {
    pub(crate) contributions: u64,
    /// SHA-256 of the document in MessagePack, points compressed.
    pub(crate) digest: [u8; 32],
}

impl fmt::Display for BaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.contributions, hex::encode(self.digest))
    }
}

/// The state that another replica has which passes a request on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Has(pub(crate) BaseId);

/// A text names no state.
#[derive(Debug, thiserror::Error)]
#[error("it does not name a state")]
pub(crate) struct NoBaseId;

impl FromStr for BaseId {
    type Err = NoBaseId;

    fn from_str(text: &str) -> Result<Self, NoBaseId> {
        let (contributions, digits) = text.split_once(':').ok_or(NoBaseId)?;
        let mut digest = [0; 32];
        hex::decode_to_slice(digits, &mut digest).map_err(|_| NoBaseId)?;
        Ok(Self {
            contributions: contributions.parse().map_err(|_| NoBaseId)?,
            digest,
        })
    }
}

impl Serialize for BaseId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BaseId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl CurrentBase {
    /// The base after this number of contributions, with its plain JSON and MessagePack ready.
    ///
    /// # Errors
    /// Never in practice; what the serializer could report.
    pub fn new(powers: Base, contributions: u64) -> Result<Self, DocumentError> {
        let base = Self::bare(powers, contributions);
        base.prepare()?;
        Ok(base)
    }

    /// The base after this number of contributions. Its documents are made when they are asked for,
    /// or by [`prepare`](Self::prepare).
    pub(crate) fn bare(powers: Base, contributions: u64) -> Self {
        let foundation = Foundation::of(&powers);
        Self::of(Source::Decoded(powers), foundation, contributions)
    }

    /// The base that a contribution left, the last of this number, which was verified by somebody. Its documents
    /// are made as those of [`bare`](Self::bare).
    ///
    /// # Errors
    /// When it is none of these sizes.
    pub(crate) fn accepted(
        document: Arc<RawContribution>,
        sizes: &Sizes,
        contributions: u64,
        pool: Arc<ThreadPool>,
    ) -> Result<Self, Invalid> {
        let foundation = Foundation::decode(&document, sizes)?;
        let powers = Source::Accepted(document, pool);
        Ok(Self::of(powers, foundation, contributions))
    }

    fn of(powers: Source, foundation: Foundation, contributions: u64) -> Self {
        Self {
            powers,
            foundation,
            contributions,
            digest: OnceLock::new(),
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

    /// The powers, where they are decoded.
    #[must_use]
    pub fn powers(&self) -> Option<&Base> {
        match &self.powers {
            Source::Decoded(powers) => Some(powers),
            Source::Accepted(..) => None,
        }
    }

    /// What contributions are verified against.
    pub(crate) fn foundation(&self) -> &Foundation {
        &self.foundation
    }

    /// How many contributions led here.
    #[must_use]
    pub fn contributions(&self) -> u64 {
        self.contributions
    }

    /// Which state it is. Blocks for some milliseconds at the first call.
    ///
    /// # Errors
    /// Never in practice; what the serializer could report.
    pub(crate) fn id(&self) -> io::Result<BaseId> {
        let digest = match self.digest.get() {
            Some(digest) => *digest,
            None => {
                let document = self.make(Form::Msgpack, Coding::Identity)?;
                *self.digest.get_or_init(|| Sha256::digest(&document).into())
            }
        };
        Ok(BaseId {
            contributions: self.contributions,
            digest,
        })
    }

    /// Which state it is; worked out on a blocking thread, if it is not known yet.
    ///
    /// # Errors
    /// As [`id`](Self::id).
    pub(crate) async fn its_id(self: &Arc<Self>) -> io::Result<BaseId> {
        if self.digest.get().is_some() {
            return self.id();
        }
        let base = Arc::clone(self);
        tokio::task::spawn_blocking(move || base.id()).await?
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
        Ok(match (&self.powers, form) {
            (Source::Decoded(powers), Form::Json) => powers.to_json()?,
            (Source::Decoded(powers), Form::Msgpack) => powers.to_msgpack(Encoding::Compressed)?,
            (Source::Decoded(powers), Form::MsgpackUncompressed) => {
                powers.to_msgpack(Encoding::Uncompressed)?
            }
            (Source::Accepted(document, _), Form::Json) => document.to_base().to_json()?,
            (Source::Accepted(document, _), Form::Msgpack) => {
                document.to_base().to_msgpack(Encoding::Compressed)?
            }
            (Source::Accepted(document, pool), Form::MsgpackUncompressed) => {
                let powers = pool.install(|| Base::decode(document, self.foundation.sizes()));
                // It was verified.
                let powers = powers.map_err(|it| DocumentError::MessagePack(it.to_string()))?;
                powers.to_msgpack(Encoding::Uncompressed)?
            }
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

#[cfg(test)]
mod tests {
    use rand_core::OsRng;
    use tauline_transcript::contribute;

    use super::*;

    #[test]
    fn an_accepted_document_gives_the_bytes_that_its_powers_give() {
        let sizes: Sizes = "16:4,32:4".parse().unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        let pool = Arc::new(pool.unwrap());
        let update = contribute(&Base::initial(&sizes), &mut OsRng, b"", &|_| ());
        let identity = tauline_protocol::Identity::eth([7; 20]);
        let document = update.sign(&identity, None);
        let decoded = Base::decode(&document, &sizes).unwrap();
        let decoded = CurrentBase::new(decoded, 1).unwrap();
        for encoding in [Encoding::Compressed, Encoding::Uncompressed] {
            let came = Arc::new(document.to_encoding(encoding).unwrap());
            let accepted = CurrentBase::accepted(came, &sizes, 1, Arc::clone(&pool)).unwrap();
            assert_eq!(accepted.foundation(), decoded.foundation());
            assert_eq!(accepted.id().unwrap(), decoded.id().unwrap());
            for form in Form::ALL {
                for coding in [Coding::Identity, Coding::Gzip, Coding::Zstd] {
                    let ours = accepted.make(form, coding).unwrap();
                    let theirs = decoded.make(form, coding).unwrap();
                    assert!(ours == theirs, "{encoding} to {form:?} {coding:?}");
                }
            }
        }
    }

    #[test]
    fn the_name_of_a_state_is_read_as_it_is_written() {
        let id = BaseId {
            contributions: 7,
            digest: [0xab; 32],
        };
        assert_eq!(id.to_string().parse::<BaseId>().unwrap(), id);
        for text in ["", "7", "7:ab", "x:abab", ":"] {
            assert!(text.parse::<BaseId>().is_err(), "{text}");
        }
    }
}

//! The participant's work between download and upload: check, compute, sign. No network.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use k256::ecdsa::SigningKey;
use rand_core::OsRng;
use tauline_protocol::Identity;
use tauline_transcript::contribution::{RawContribution, RawPoint};
use tauline_transcript::powers::Base;
use tauline_transcript::update::{self, Progress};
use tauline_transcript::verify::verify_base;
use tauline_transcript::{DocumentError, Encoding, Sizes};

use crate::client::{Download, Form};
use crate::exit::{Failure, Outcome};

/// How far a computation is, for another thread to read.
#[derive(Clone, Default)]
pub struct Meter(Arc<Counts>);

#[derive(Default)]
struct Counts {
    done: AtomicU64,
    total: AtomicU64,
}

impl Meter {
    /// What is done, and all there is to do once that is known.
    #[must_use]
    pub fn read(&self) -> (u64, Option<u64>) {
        let total = self.0.total.load(Ordering::Relaxed);
        (
            self.0.done.load(Ordering::Relaxed),
            (total > 0).then_some(total),
        )
    }

    /// Moves forward; threads may report out of order.
    pub fn set(&self, done: u64, total: u64) {
        self.0.total.store(total, Ordering::Relaxed);
        self.0.done.fetch_max(done, Ordering::Relaxed);
    }
}

/// A contribution, ready to be sent.
pub struct Work {
    /// The document's bytes.
    pub document: Arc<Vec<u8>>,
    /// Their form.
    pub form: Form,
    /// The public keys, compressed, which the receipt has to name.
    pub pot_pubkeys: Vec<[u8; 96]>,
}

/// Reads a contribution or a base in whichever form it is: JSON starts with a brace, MessagePack never.
///
/// # Errors
/// Bytes that are no such document.
pub fn read_document(bytes: &[u8]) -> Result<RawContribution, DocumentError> {
    match bytes.trim_ascii_start().first() {
        Some(b'{') => RawContribution::from_json(bytes),
        _ => RawContribution::from_msgpack(bytes),
    }
}

/// Reads and checks the powers that the coordinator handed out: sizes, points, subgroup, and that
/// they are powers of one tau. Building on anything else would be in vain.
///
/// # Errors
/// Powers that are none; the text names the check.
pub fn read_base(download: &Download, sizes: &Sizes) -> Outcome<Base> {
    let bad = |why: &dyn std::fmt::Display| {
        Failure::bad(format!(
            "the coordinator handed out powers that are not valid: {why}"
        ))
        .help("nothing was contributed: tell the ceremony's operator")
    };
    let document = match download.is_json {
        true => RawContribution::from_json(&download.bytes),
        false => RawContribution::from_msgpack(&download.bytes),
    };
    let document = document.map_err(|error| bad(&error))?;
    verify_base(&document, sizes, &mut OsRng).map_err(|invalid| bad(&invalid))
}

/// Computes a contribution with fresh secrets on all cores, signs it and wipes the secrets.
///
/// # Errors
/// A document that cannot be written: never in practice.
pub fn contribute(
    base: &Base,
    identity: &Identity,
    key: Option<&SigningKey>,
    extra_entropy: &[u8],
    form: Form,
    meter: &Meter,
) -> Outcome<Work> {
    let advance = |progress: Progress| meter.set(progress.done as u64, progress.total as u64);
    let update = update::contribute(base, &mut OsRng, extra_entropy, &advance);
    let pot_pubkeys = update
        .pot_pubkeys()
        .iter()
        .map(|key| key.to_compressed())
        .collect();
    let document = match form {
        Form::Json => update.sign(identity, key).to_json(),
        Form::Msgpack => update.sign(identity, key).to_msgpack(Encoding::Compressed),
        Form::MsgpackUncompressed => {
            // Taken from the points: decompressing the signed document would cost a square root
            // for each of them.
            let mut points = update.base().to_raw(Encoding::Uncompressed);
            let keys = update.pot_pubkeys().to_vec();
            let signed = update.sign(identity, key);
            points.ecdsa_signature = signed.ecdsa_signature;
            let subs = points
                .sub_contributions
                .iter_mut()
                .zip(signed.sub_contributions);
            for ((sub, signed), key) in subs.zip(&keys) {
                sub.pot_pubkey = RawPoint::encode(key, Encoding::Uncompressed);
                sub.bls_signature = signed.bls_signature;
            }
            points.to_msgpack(Encoding::Uncompressed)
        }
    };
    let document = document
        .map_err(|error| Failure::bad(format!("the contribution cannot be written: {error}")))?;
    Ok(Work {
        document: Arc::new(document),
        form,
        pot_pubkeys,
    })
}

#[cfg(test)]
mod tests {
    use tauline_transcript::verify::verify;

    use super::*;

    #[test]
    fn a_contribution_verifies_in_every_form() {
        let sizes: Sizes = "16:4,32:4".parse().unwrap();
        let base = Base::initial(&sizes);
        let key = SigningKey::random(&mut OsRng);
        let identity = Identity::eth(crate::keys::address(&key));
        for form in [Form::Json, Form::Msgpack, Form::MsgpackUncompressed] {
            let meter = Meter::default();
            let work = contribute(&base, &identity, Some(&key), b"dice", form, &meter).unwrap();
            assert_eq!(meter.read(), (56, Some(56)));
            let document = read_document(&work.document).unwrap();
            let mut verified = verify(&base, &document, &mut OsRng).unwrap();
            verified.prune_signatures(&identity);
            assert!(verified.ecdsa_signature().is_some(), "{form:?}");
            assert!(
                verified
                    .witness()
                    .iter()
                    .all(|entry| entry.bls_signature.is_some())
            );
            let keys: Vec<_> = verified
                .witness()
                .iter()
                .map(|entry| entry.pot_pubkey.to_compressed())
                .collect();
            assert_eq!(keys, work.pot_pubkeys);
        }
    }

    #[test]
    fn powers_that_are_none_are_not_built_on() {
        let sizes: Sizes = "16:4,32:4".parse().unwrap();
        let document = Base::initial(&sizes).to_json().unwrap();
        let good = Download {
            bytes: document.clone(),
            is_json: true,
        };
        assert!(read_base(&good, &sizes).is_ok());
        let other: Sizes = "16:4,64:4".parse().unwrap();
        let failure = read_base(&good, &other).unwrap_err();
        assert!(
            failure.text().contains("64 G1 powers expected"),
            "{failure}"
        );
        let cut = Download {
            bytes: document[..document.len() - 9].to_vec(),
            is_json: true,
        };
        assert!(read_base(&cut, &sizes).is_err());
        let mistaken = Download {
            bytes: document,
            is_json: false,
        };
        assert!(read_base(&mistaken, &sizes).is_err());
    }
}

//! The participant's work between download and upload: checking the powers, computing and signing a
//! contribution. It needs no network.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use k256::ecdsa::SigningKey;
use rand_core::OsRng;
use tauline_protocol::Identity;
use tauline_transcript::{
    Base, ContributionForm, ContributionStream, DocumentError, Encoding, RawContribution, Sizes,
    UpdateProgress, Verified, verify_base,
};

use crate::client::{Download, Form, Outgoing, Writer};
use crate::exit::{Failure, Outcome};

/// When the rest of a computation is expected to take less than this, the upload begins.
/// Coordinators wait 30 s for the next piece of a body unless told otherwise, and a computer that
/// becomes busy with something else may need several times as long as expected.
const SENT_WITHIN: Duration = Duration::from_secs(5);

/// How far a computation has come. Another thread can read it.
#[derive(Clone, Default)]
pub struct Counter(Arc<Counts>);

#[derive(Default)]
struct Counts {
    done: AtomicU64,
    total: AtomicU64,
}

impl Counter {
    /// How much is done, and how much there is to do in all, once that is known.
    #[must_use]
    pub fn read(&self) -> (u64, Option<u64>) {
        let total = self.0.total.load(Ordering::Relaxed);
        (
            self.0.done.load(Ordering::Relaxed),
            (total > 0).then_some(total),
        )
    }

    /// Moves forward, never back: threads may report out of order.
    pub fn set(&self, done: u64, total: u64) {
        self.0.total.store(total, Ordering::Relaxed);
        self.0.done.fetch_max(done, Ordering::Relaxed);
    }
}

/// A contribution that is being computed or is ready to be sent. Clones share it.
#[derive(Clone)]
pub struct Work {
    /// The document.
    pub document: Outgoing,
    /// Its form.
    pub form: Form,
    pot_pubkeys: Arc<OnceLock<Vec<[u8; 96]>>>,
}

impl Work {
    /// The compressed public keys, once the secrets are drawn. The receipt has to name them.
    #[must_use]
    pub fn pot_pubkeys(&self) -> Option<&[[u8; 96]]> {
        self.pot_pubkeys.get().map(Vec::as_slice)
    }

    /// A contribution that another machine computed and this one verified.
    ///
    /// # Errors
    /// A document that cannot be written: never in practice.
    pub fn of_document(
        document: &RawContribution,
        form: Form,
        verified: &Verified,
    ) -> Outcome<Self> {
        let keys = verified.witness().iter();
        let keys: Vec<_> = keys.map(|entry| entry.pot_pubkey.to_compressed()).collect();
        Ok(Self {
            document: Outgoing::of_bytes(written(document, form)?),
            form,
            pot_pubkeys: Arc::new(OnceLock::from(keys)),
        })
    }

    /// The same contribution in another form. All of it has to be computed.
    ///
    /// # Errors
    /// A document that is not whole, or cannot be written.
    pub fn in_form(&self, form: Form) -> Outcome<Self> {
        let contribution = read_document(&self.document.to_vec()).map_err(unwritable)?;
        Ok(Self {
            document: Outgoing::of_bytes(written(&contribution, form)?),
            form,
            pot_pubkeys: Arc::clone(&self.pot_pubkeys),
        })
    }
}

fn written(document: &RawContribution, form: Form) -> Outcome<Vec<u8>> {
    let bytes = match part_form(form) {
        ContributionForm::Json => document.to_json(),
        ContributionForm::Msgpack(encoding) => document.to_msgpack(encoding),
    };
    bytes.map_err(unwritable)
}

/// Reads a contribution or a base in either form: JSON starts with a brace, MessagePack never does.
///
/// # Errors
/// Bytes that are no such document.
pub fn read_document(bytes: &[u8]) -> Result<RawContribution, DocumentError> {
    match bytes.trim_ascii_start().first() {
        Some(b'{') => RawContribution::from_json(bytes),
        _ => RawContribution::from_msgpack(bytes),
    }
}

/// Reads the powers that the coordinator handed out, and checks their sizes, the points and their
/// subgroup, and that they are powers of one tau. A contribution to anything else would be useless.
///
/// # Errors
/// Powers that are not valid; the text names the check that failed.
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

/// A contribution that is yet to be computed.
pub struct Computation {
    writer: Writer,
    form: ContributionForm,
    pot_pubkeys: Arc<OnceLock<Vec<[u8; 96]>>>,
}

fn part_form(form: Form) -> ContributionForm {
    match form {
        Form::Json => ContributionForm::Json,
        Form::Msgpack => ContributionForm::Msgpack(Encoding::Compressed),
        Form::MsgpackUncompressed => ContributionForm::Msgpack(Encoding::Uncompressed),
    }
}

/// The length of a contribution to a ceremony of these sizes, in bytes.
///
/// # Errors
/// A document that cannot be written: never in practice.
pub fn document_len(sizes: &Sizes, form: Form, is_ecdsa_signed: bool) -> Outcome<u64> {
    let len = part_form(form).document_len(sizes, is_ecdsa_signed);
    len.map(|len| len as u64).map_err(unwritable)
}

/// Begins a contribution of which nothing is computed yet. It may be going to be signed with an
/// Ethereum key.
///
/// # Errors
/// A document that cannot be written: never in practice.
pub fn begin(sizes: &Sizes, form: Form, is_ecdsa_signed: bool) -> Outcome<(Work, Computation)> {
    let part_form = part_form(form);
    let len = part_form.document_len(sizes, is_ecdsa_signed);
    let (document, writer) = Outgoing::of_len(len.map_err(unwritable)?);
    let pot_pubkeys = Arc::new(OnceLock::new());
    let computation = Computation {
        writer,
        form: part_form,
        pot_pubkeys: Arc::clone(&pot_pubkeys),
    };
    let work = Work {
        document,
        form,
        pot_pubkeys,
    };
    Ok((work, computation))
}

impl Computation {
    /// Computes the contribution with fresh secrets on all cores, sub-ceremony after sub-ceremony,
    /// signs it and wipes the secrets.
    ///
    /// # Errors
    /// A document that cannot be written: never in practice.
    pub fn contribute(
        self,
        base: &Base,
        identity: &Identity,
        key: Option<&SigningKey>,
        extra_entropy: &[u8],
        counter: &Counter,
    ) -> Outcome<()> {
        let Self {
            writer,
            form,
            pot_pubkeys,
        } = self;
        let since = Instant::now();
        let advance =
            |progress: UpdateProgress| counter.set(progress.done as u64, progress.total as u64);
        let mut work = ContributionStream::begin(base, &mut OsRng, extra_entropy, identity, key);
        let keys = work.pot_pubkeys().iter().map(|key| key.to_compressed());
        let _ = pot_pubkeys.set(keys.collect());
        writer.append(&form.opening(base.sizes().len()).map_err(unwritable)?);
        let mut index = 0;
        while let Some(sub) = work.next_sub_contribution(form.encoding(), &advance) {
            writer.append(&form.sub_contribution(index, &sub).map_err(unwritable)?);
            index += 1;
            if time_left(since.elapsed(), counter).is_some_and(|left| left < SENT_WITHIN) {
                writer.let_it_be_sent();
            }
        }
        writer.append(&form.closing(work.ecdsa_signature()).map_err(unwritable)?);
        Ok(())
    }
}

/// How long the rest of the computation takes at the speed so far.
fn time_left(elapsed: Duration, counter: &Counter) -> Option<Duration> {
    let (done, total) = counter.read();
    let left = total?.saturating_sub(done) as f64;
    Some(elapsed.mul_f64(left / done.max(1) as f64))
}

fn unwritable(error: DocumentError) -> Failure {
    Failure::bad(format!("the contribution cannot be written: {error}"))
}

/// Computes a whole contribution.
///
/// # Errors
/// A document that cannot be written: never in practice.
pub fn contribute(
    base: &Base,
    identity: &Identity,
    key: Option<&SigningKey>,
    extra_entropy: &[u8],
    form: Form,
    counter: &Counter,
) -> Outcome<Work> {
    let (work, computation) = begin(base.sizes(), form, key.is_some())?;
    computation.contribute(base, identity, key, extra_entropy, counter)?;
    Ok(work)
}

#[cfg(test)]
mod tests {
    use tauline_transcript::verify;

    use super::*;

    #[test]
    fn a_contribution_verifies_in_every_form() {
        let sizes: Sizes = "16:4,32:4".parse().unwrap();
        let base = Base::initial(&sizes);
        let key = SigningKey::random(&mut OsRng);
        let identity = Identity::eth(crate::keys::address(&key));
        for form in [Form::Json, Form::Msgpack, Form::MsgpackUncompressed] {
            let counter = Counter::default();
            let work = contribute(&base, &identity, Some(&key), b"dice", form, &counter).unwrap();
            assert_eq!(counter.read(), (56, Some(56)));
            let document = read_document(&work.document.to_vec()).unwrap();
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
            assert_eq!(Some(&keys[..]), work.pot_pubkeys());
            let len = document_len(&sizes, form, true).unwrap();
            assert_eq!(work.document.len(), len, "{form:?}");
            let smaller = work.in_form(Form::Msgpack).unwrap();
            let len = document_len(&sizes, Form::Msgpack, true).unwrap();
            assert_eq!(smaller.document.len(), len, "{form:?}");
            assert_eq!(smaller.document.to_vec().len() as u64, len);
            let document = read_document(&smaller.document.to_vec()).unwrap();
            assert!(verify(&base, &document, &mut OsRng).is_ok(), "{form:?}");
            assert_eq!(smaller.pot_pubkeys(), work.pot_pubkeys());
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

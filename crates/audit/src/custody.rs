//! Whose log it is: its keys one after the other, and the coordinators that certify them.

use tauline_log::note::VerifierKey;
use tauline_protocol::personal_message;
use tauline_protocol::public_log::{SuccessorKey, key_certificate};
use tauline_protocol::statement::SignedStatement;
use tauline_queue_core::Timestamp;
use tauline_transcript::signature;

use crate::finding::{Place, Violation, listed};
use crate::kind::Kind;

/// Whose log it is, as far as it was shown: each key is certified by its coordinator's.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Opened {
    /// The log's origin.
    pub origin: String,
    /// The log's present key.
    pub key: VerifierKey,
    /// The EIP-55 address of the present coordinator, whose key certifies the log's.
    pub coordinator: String,
    /// Sizes of the sub-ceremonies, as a text.
    pub sizes: String,
    /// The entry that says so first.
    pub entry: u64,
    /// All keys that the log has had, in order: the present one is the last.
    pub keys: Vec<KeyFrom>,
}

/// A key of the log, and from where on it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyFrom {
    /// The entry that says so, from 0. Trees that hold it are signed with this key, until another
    /// takes its place.
    pub entry: u64,
    /// The entry's time.
    pub at: Timestamp,
    /// The key.
    pub key: VerifierKey,
    /// The EIP-55 address of the coordinator whose key certifies it.
    pub coordinator: String,
}

/// What the person who asks knows of the log beforehand.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// The Ethereum address of the coordinator that opened the log, or that holds it in the end.
    pub coordinator: Option<[u8; 20]>,
    /// A key of the log.
    pub key: Option<VerifierKey>,
}

impl Opened {
    /// The log of whoever has its first key.
    pub(crate) fn new(origin: String, sizes: String, first: KeyFrom) -> Self {
        Self {
            origin,
            key: first.key.clone(),
            coordinator: first.coordinator.clone(),
            sizes,
            entry: first.entry,
            keys: vec![first],
        }
    }

    /// The log goes on under another key.
    pub(crate) fn go_on(&mut self, next: KeyFrom) {
        self.key = next.key.clone();
        self.coordinator.clone_from(&next.coordinator);
        self.keys.push(next);
    }

    /// The EIP-55 addresses of all coordinators that have held the log, in order.
    #[must_use]
    pub fn coordinators(&self) -> Vec<String> {
        let keys = self.keys.iter();
        let mut found: Vec<String> = keys.map(|it| it.coordinator.clone()).collect();
        found.dedup();
        found
    }

    /// The key that signs trees of this size (`docs/spec/public-log.md#rotation`).
    pub(crate) fn key_for(&self, size: u64) -> &VerifierKey {
        let held = self.keys.iter().rev().find(|it| it.entry < size);
        // What the log was before it became public is signed, if at all, with its first key.
        held.or(self.keys.first()).map_or(&self.key, |it| &it.key)
    }

    /// Whether a statement of this time is the log's. Any of its keys may have signed it; one that was
    /// replaced, only what was said until then: whoever gets hold of an old key does not speak for the
    /// log. Why not, if it is not.
    pub(crate) fn verify(&self, signed: &SignedStatement, at: Timestamp) -> Result<(), String> {
        let mut why = "the log's key is not known".to_owned();
        let mut too_late = None;
        for (i, one) in self.keys.iter().enumerate() {
            match (signed.verify(&one.key), self.keys.get(i + 1)) {
                (Ok(_), Some(next)) if at > next.at => {
                    let text = format!("entry {} had replaced its key by then", next.entry);
                    too_late = Some(text);
                }
                (Ok(_), _) => return Ok(()),
                (Err(error), _) => why = error.to_string(),
            }
        }
        Err(too_late.unwrap_or(why))
    }

    fn place(&self) -> Place {
        Place {
            entry: self.entry,
            at: self.keys.first().map_or(Timestamp::EPOCH, |it| it.at),
        }
    }
}

impl Expected {
    /// How a log is another than the one that was expected, if it is.
    pub(crate) fn differs(&self, opened: &Opened) -> Option<Violation> {
        self.other_coordinator(opened)
            .or_else(|| self.other_key(opened))
    }

    /// Whoever was told of a coordinator was told of the one that began, or of the one that has the
    /// ceremony now.
    fn other_coordinator(&self, opened: &Opened) -> Option<Violation> {
        let expected = signature::eip55(self.coordinator.as_ref()?);
        let chain = opened.coordinators();
        if chain.first() == Some(&expected) || chain.last() == Some(&expected) {
            return None;
        }
        Some(match chain.as_slice() {
            [only] => Violation::at(
                opened.place(),
                Kind::OtherCoordinator,
                None,
                format!("This is the log of {only}, not of {expected}."),
            ),
            _ => Violation::of_log(
                Kind::OtherCoordinator,
                format!(
                    "This log was held by {}: {expected} neither opened it nor holds it now.",
                    listed(chain.iter().cloned())
                ),
            ),
        })
    }

    fn other_key(&self, opened: &Opened) -> Option<Violation> {
        let expected = self.key.as_ref()?;
        if opened.keys.iter().any(|it| it.key == *expected) {
            return None;
        }
        Some(match opened.keys.as_slice() {
            [only] => Violation::at(
                opened.place(),
                Kind::OtherKey,
                None,
                format!("The log's key is {}, not {expected}.", only.key),
            ),
            keys => Violation::of_log(
                Kind::OtherKey,
                format!(
                    "The log's keys are {}: {expected} is none of them.",
                    listed(keys.iter().map(|it| it.key.to_string()))
                ),
            ),
        })
    }
}

/// The log's key, if this coordinator's has certified it (`docs/spec/public-log.md#certificate`).
pub(crate) fn certified(
    origin: &str,
    key: &str,
    coordinator: &str,
    certificate: &str,
) -> Result<VerifierKey, String> {
    let read = key_of(origin, key)?;
    match certifier(origin, key, certificate) {
        None => Err("The certificate of the log's key is no Ethereum signature.".to_owned()),
        Some(found) if found != coordinator => Err(format!(
            "The certificate of the log's key is signed by {found}, and the log names {coordinator} \
             as its coordinator: the key may be anybody's."
        )),
        Some(_) => Ok(read),
    }
}

/// The log's key under another coordinator, if that is the one to whom the ceremony was given
/// (`docs/spec/public-log.md#handover`).
pub(crate) fn succeeded(
    origin: &str,
    key: &str,
    coordinator: &str,
    certificate: &str,
    to: &SuccessorKey,
) -> Result<VerifierKey, (Kind, String)> {
    let read = key_of(origin, key).map_err(|text| (Kind::WrongCertificate, text))?;
    let other = |text: String| Err((Kind::OtherSuccessor, text));
    let Some(signer) = certifier(origin, key, certificate) else {
        let text = "Who goes on with the ceremony has not certified the log's key: there is no \
                    Ethereum signature.";
        return other(text.to_owned());
    };
    if signer != coordinator {
        return other(format!(
            "{coordinator} is said to go on with the ceremony, and the log's key is certified by \
             {signer}."
        ));
    }
    if to.address().as_ref() != Some(&signer) {
        return other(format!(
            "The ceremony was given to {}, and {signer} goes on with it.",
            named(to)
        ));
    }
    Ok(read)
}

/// A coordinator that is named by its key, as people know it: by its address.
pub(crate) fn named(key: &SuccessorKey) -> String {
    key.address()
        .unwrap_or_else(|| format!("the key {key}, which is none"))
}

/// A key that can be this log's.
fn key_of(origin: &str, key: &str) -> Result<VerifierKey, String> {
    let read = key
        .parse::<VerifierKey>()
        .map_err(|error| format!("The log's key is not readable: {error}."))?;
    match read.name().as_str() == origin {
        true => Ok(read),
        false => Err(format!(
            "The log's key is that of {}, and the log is {origin}.",
            read.name()
        )),
    }
}

/// The EIP-55 address of whoever has certified a key; none if that is no Ethereum signature.
fn certifier(origin: &str, key: &str, certificate: &str) -> Option<String> {
    personal_message::signer(&key_certificate(origin, key), certificate)
}

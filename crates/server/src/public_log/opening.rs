//! Taking a ceremony's public log up where it stood, or beginning it.

use std::path::Path;
use std::sync::{Arc, RwLock};

use k256::ecdsa::SigningKey;
use rand_core::RngCore as _;
use tauline_log::checkpoint::Origin;
use tauline_log::note::{KeyName, Signer};
use tauline_log::tree::Tree;
use tauline_protocol::personal_message;
use tauline_protocol::public_log::{Notice, PublicRules, key_certificate};
use tauline_queue_core::{Rules, Timestamp};
use tauline_store::check::{Checked, Custody};
use tauline_store::signed::Signed;
use tauline_store::{Ceremony, LogSecrets, Store, StoreError};
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::grown::{Grown, PublicLog};
use crate::signin::origin::Origin as Site;

/// Name and version of this program.
const PROGRAM: &str = concat!("tauline-server ", env!("CARGO_PKG_VERSION"));

/// The origin of the log of a coordinator that is reached there: the domain, and `/log` (`docs/spec/public-log.md#checkpoints`).
pub(crate) fn origin_of(site: &Site) -> String {
    format!("{}/log", site.domain())
}

/// A log that is taken up, and what it has to say first.
pub(crate) struct Unopened {
    pub(crate) log: PublicLog,
    /// The notices with which this coordinator begins (`docs/spec/public-log.md#notices`).
    pub(crate) notices: Vec<Notice>,
}

impl PublicLog {
    /// Takes the log up that was read and checked. The origin is the one asked for only if the log
    /// has none yet.
    ///
    /// # Errors
    /// When nothing tells how far it was signed, although it was, or the origin is none.
    pub(crate) fn take_up(
        store: Arc<dyn Store>,
        checked: &mut Checked,
        asked_origin: &str,
        rules: &Rules,
        accepts_no_guard: bool,
    ) -> Result<Unopened, StoreError> {
        let ceremony = store.ceremony();
        let Some(LogSecrets { seed, blinding }) = ceremony.log.clone() else {
            return Err(StoreError::damaged("the key of the public log is missing"));
        };
        let custody = &checked.custody;
        let holder = custody.holder.as_ref();
        let origin = holder.map_or(asked_origin, |holder| holder.origin.as_str());
        if origin != asked_origin {
            tracing::info!(
                origin,
                "the public log keeps the origin that it was opened with"
            );
        }
        let signed = store.last_signed();
        if holder.is_some() && signed.is_none() && !accepts_no_guard {
            let path = store.directory().map(Path::to_owned).unwrap_or_default();
            return Err(StoreError::Unguarded { path });
        }
        let bad_origin = |error: &dyn std::fmt::Display| {
            StoreError::damaged(format!("{origin} cannot be the log's origin: {error}"))
        };
        let name: KeyName = origin.parse().map_err(|error| bad_origin(&error))?;
        let signer = Signer::from_seed(name, &seed);
        let start = started(rules, there_until(&*store, checked));
        let notices = first_notices(ceremony, custody, origin, &signer, start)?;
        if signed.is_none() && custody.holder.is_none() {
            // There is a guard before anything can be signed: a start that is cut short after the log
            // was opened is not taken for one whose guard is lost.
            store.keep_signed(&Signed {
                origin: origin.to_owned(),
                tree: Tree::new().head(),
            })?;
        }
        let origin: Origin = origin.parse().map_err(|error| bad_origin(&error))?;
        let grown = Grown {
            tree: std::mem::take(&mut checked.tree),
            joined: std::mem::take(&mut checked.joined),
            signed: None,
            signed_at: Timestamp::EPOCH,
            is_urgent: false,
            shown: None,
        };
        let log = PublicLog {
            origin,
            signer: RwLock::new(Arc::new(signer)),
            blinding,
            store: Arc::clone(&store),
            grown: RwLock::new(grown),
            checkpoints: watch::Sender::new(0),
        };
        Ok(Unopened { log, notices })
    }
}

/// What a coordinator says when it starts: whose log it is, if that is new, and the settings. One that
/// has given the ceremony away says nothing any more (`docs/spec/public-log.md#handover`).
fn first_notices(
    ceremony: &Ceremony,
    custody: &Custody,
    origin: &str,
    signer: &Signer,
    start: Notice,
) -> Result<Vec<Notice>, StoreError> {
    let key = signer.verifier_key().to_string();
    let mut notices = Vec::new();
    match (&custody.holder, &custody.given_to) {
        (None, _) => notices.push(opened(ceremony, origin, key)),
        (Some(_), Some(given)) if given.key == ceremony.public_key() => {
            notices.push(Notice::HandedOver {
                coordinator: ceremony.address(),
                certificate: certificate(&ceremony.key, origin, &key),
                key,
            });
        }
        (Some(holder), given) => {
            if holder.key != key || holder.coordinator != ceremony.address() {
                return Err(StoreError::damaged(
                    "the keys in the data are not those that the public log names",
                ));
            }
            if given.is_some() {
                return Ok(notices);
            }
        }
    }
    notices.push(start);
    Ok(notices)
}

/// What a new log begins with that goes on from another one: whose it is, `recovered`, which tells of the
/// other one, and the settings (`docs/spec/public-log.md#recovery`).
///
/// # Errors
/// When the ceremony has no key for the log, or the origin is none.
pub(crate) fn recovered_beginning(
    ceremony: &Ceremony,
    origin: &str,
    rules: &Rules,
    recovered: Notice,
) -> Result<[Notice; 3], StoreError> {
    let Some(secrets) = &ceremony.log else {
        return Err(StoreError::damaged("the key of the public log is missing"));
    };
    let name = origin.parse::<KeyName>().map_err(|error| {
        StoreError::damaged(format!("{origin} cannot be the log's origin: {error}"))
    })?;
    let signer = Signer::from_seed(name, &secrets.seed);
    let key = signer.verifier_key().to_string();
    let start = started(rules, None);
    Ok([opened(ceremony, origin, key), recovered, start])
}

/// Whose log it is.
fn opened(ceremony: &Ceremony, origin: &str, key: String) -> Notice {
    Notice::Opened {
        origin: origin.to_owned(),
        coordinator: ceremony.address(),
        sizes: ceremony.sizes.to_string(),
        started: ceremony.started_at,
        certificate: certificate(&ceremony.key, origin, &key),
        key,
    }
}

/// Until when the coordinator before was there, if that is later than the log shows (`docs/spec/queue.md#there-until`).
fn there_until(store: &dyn Store, checked: &Checked) -> Option<Timestamp> {
    let told = store.there_until()?.at;
    (told > checked.queue.state().log_time()).then_some(told)
}

/// That the coordinator starts, and by which rules; and until when the one before was there, if the log shows less.
fn started(rules: &Rules, there_until: Option<Timestamp>) -> Notice {
    Notice::Started {
        program: PROGRAM.to_owned(),
        rules: PublicRules::from(rules),
        there_until,
    }
}

/// The coordinator's signature over a key of the log (`docs/spec/public-log.md#certificate`).
fn certificate(coordinator: &SigningKey, origin: &str, key: &str) -> String {
    personal_message::sign(&key_certificate(origin, key), coordinator)
}

/// A new key of the log, and the notice that names it (`docs/spec/public-log.md#rotation`).
pub(crate) struct NewKey {
    pub(crate) seed: Zeroizing<[u8; 32]>,
    pub(crate) signer: Signer,
    pub(crate) notice: Notice,
}

impl PublicLog {
    /// Draws another key for the log.
    pub(crate) fn new_key(&self, coordinator: &SigningKey) -> NewKey {
        let mut seed = Zeroizing::new([0; 32]);
        rand_core::OsRng.fill_bytes(seed.as_mut());
        let name = self.signer().verifier_key().name().clone();
        let signer = Signer::from_seed(name, &seed);
        let key = signer.verifier_key().to_string();
        let notice = Notice::KeyRotated {
            certificate: certificate(coordinator, self.origin.as_str(), &key),
            key,
        };
        NewKey {
            seed,
            signer,
            notice,
        }
    }
}

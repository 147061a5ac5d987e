//! Taking a ceremony's public log up where it stood, or beginning it.

use std::path::Path;
use std::sync::{Arc, RwLock};

use tauline_log::checkpoint::Origin;
use tauline_log::note::{KeyName, Signer};
use tauline_protocol::public_log::{Notice, PublicRules, key_certificate};
use tauline_queue_core::{Rules, Timestamp};
use tauline_store::check::Checked;
use tauline_store::{Ceremony, LogSecrets, Store, StoreError};
use tauline_transcript::signature::{ecdsa_sign, personal_message_digest};

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
        let origin = match &checked.opened {
            Some(Notice::Opened { origin, .. }) => origin.as_str(),
            _ => asked_origin,
        };
        if origin != asked_origin {
            tracing::info!(
                origin,
                "the public log keeps the origin that it was opened with"
            );
        }
        let signed = store.last_signed();
        if checked.opened.is_some() && signed.is_none() && !accepts_no_guard {
            let path = store.directory().map(Path::to_owned).unwrap_or_default();
            return Err(StoreError::Unguarded { path });
        }
        let bad_origin = |error: &dyn std::fmt::Display| {
            StoreError::damaged(format!("{origin} cannot be the log's origin: {error}"))
        };
        let name: KeyName = origin.parse().map_err(|error| bad_origin(&error))?;
        let signer = Signer::from_seed(name, &seed);
        let mut notices = Vec::new();
        if checked.opened.is_none() {
            notices.push(opened(ceremony, origin, &signer));
        }
        notices.push(Notice::Started {
            program: PROGRAM.to_owned(),
            rules: PublicRules::from(rules),
        });
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
            signer,
            blinding,
            store: Arc::clone(&store),
            grown: RwLock::new(grown),
        };
        Ok(Unopened { log, notices })
    }
}

/// The notice that says whose log it is (`docs/spec/public-log.md#certificate`).
fn opened(ceremony: &Ceremony, origin: &str, signer: &Signer) -> Notice {
    let key = signer.verifier_key().to_string();
    let digest = personal_message_digest(key_certificate(origin, &key).as_bytes());
    Notice::Opened {
        origin: origin.to_owned(),
        coordinator: ceremony.address(),
        sizes: ceremony.sizes.to_string(),
        started: ceremony.started_at,
        certificate: hex::encode(ecdsa_sign(&digest, &ceremony.key)),
        key,
    }
}

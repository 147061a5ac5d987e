//! The log of a coordinator that runs elsewhere, as a replica has it.
//!
//! It signs nothing: the leader's checkpoint is passed on, and what is served here are tiles of what was
//! signed there.

use std::sync::{Arc, RwLock};

use tauline_log::checkpoint::Origin;
use tauline_log::note::{KeyName, Signer};
use tauline_log::tree::{Tree, TreeHead};
use tauline_protocol::public_log::PublicEntry;
use tauline_protocol::status::Cosigned;
use tauline_queue_core::Timestamp;
use tauline_store::check::Following;
use tauline_store::{LogSecrets, Store, StoreError};
use tokio::sync::watch;

use super::grown::{Grown, PublicLog, SignedHead};

impl PublicLog {
    /// The log that is followed in this store. None if it says nothing yet of whose it is.
    ///
    /// # Errors
    /// When the store has no key for it, or the origin is none.
    pub(crate) fn copy_of(
        store: Arc<dyn Store>,
        following: &mut Following,
    ) -> Result<Option<Self>, StoreError> {
        let Some(holder) = &following.custody.holder else {
            return Ok(None);
        };
        let Some(LogSecrets { seed, blinding }) = store.ceremony().log.clone() else {
            return Err(StoreError::damaged("the key of the public log is missing"));
        };
        let bad = |error: &dyn std::fmt::Display| {
            StoreError::damaged(format!(
                "{} cannot be the log's origin: {error}",
                holder.origin
            ))
        };
        let name: KeyName = holder.origin.parse().map_err(|error| bad(&error))?;
        let origin: Origin = holder.origin.parse().map_err(|error| bad(&error))?;
        let grown = Grown {
            tree: std::mem::take(&mut following.tree),
            joined: std::mem::take(&mut following.joined),
            signed: None,
            signed_at: Timestamp::EPOCH,
            is_urgent: false,
            shown: None,
        };
        Ok(Some(Self {
            origin,
            signer: RwLock::new(Arc::new(Signer::from_seed(name, &seed))),
            blinding,
            store,
            grown: RwLock::new(grown),
            checkpoints: watch::Sender::new(0),
        }))
    }

    /// Takes entries that another process has made durable.
    pub(crate) fn follow(&self, entries: impl IntoIterator<Item = PublicEntry>) {
        let mut grown = self.write();
        for entry in entries {
            grown.take(&entry);
        }
    }

    /// The tree, and the place of each ticket's joining. They are missing here from now on.
    pub(crate) fn give_back(&self) -> (Tree, Vec<u64>) {
        let mut grown = self.write();
        (
            std::mem::take(&mut grown.tree),
            std::mem::take(&mut grown.joined),
        )
    }

    /// That process has signed a tree with this head, at this time, and so many witnesses have cosigned it.
    ///
    /// # Errors
    /// When the tree here is another one.
    pub(crate) fn covers(
        &self,
        head: TreeHead,
        at: Timestamp,
        cosigned: Option<Cosigned>,
    ) -> Result<(), StoreError> {
        let mut grown = self.write();
        let Ok(here) = grown.tree.at(head.size).map(|tree| tree.head()) else {
            // What was signed last is not read yet.
            return Ok(());
        };
        if here != head {
            return Err(StoreError::damaged(
                "the public log is not the one that was signed: another process writes another log",
            ));
        }
        let told = (
            grown.signed_at,
            grown.shown.as_ref().map(|(_, cosigned)| *cosigned),
        );
        let is_new = grown
            .signed
            .as_ref()
            .is_none_or(|signed| signed.head != head);
        if !is_new && told == (at, cosigned) {
            return Ok(());
        }
        let signed = SignedHead {
            head,
            // Nobody is shown it: see above.
            text: "".into(),
            at,
        };
        grown.signed = Some(signed.clone());
        grown.signed_at = at;
        grown.shown = cosigned.map(|cosigned| (signed, cosigned));
        drop(grown);
        self.checkpoints.send_modify(|count| *count += 1);
        Ok(())
    }
}

//! What the log consists of while it grows, and its checkpoints.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tauline_log::checkpoint::{Checkpoint, Origin};
use tauline_log::note::Signer;
use tauline_log::tree::{Hash, Tree, TreeHead};
use tauline_protocol::public_log::{Blinding, Notice, PublicEntry};
use tauline_protocol::status::Cosigned;
use tauline_queue_core::{Event, Timestamp};
use tauline_store::signed::Signed;
use tauline_store::{Store, StoreError};
use tokio::sync::watch;

/// How old the last checkpoint may be when there are entries that it does not cover.
const SIGN_EVERY: Duration = Duration::from_secs(1);

/// The public log of a running coordinator.
pub(crate) struct PublicLog {
    pub(super) origin: Origin,
    /// What signs now: a rotation replaces it.
    pub(super) signer: RwLock<Arc<Signer>>,
    pub(super) blinding: Blinding,
    pub(super) store: Arc<dyn Store>,
    pub(super) grown: RwLock<Grown>,
    /// Counts the checkpoints that were signed, and shown with their cosignatures.
    pub(super) checkpoints: watch::Sender<u64>,
}

/// What grows.
pub(super) struct Grown {
    pub(super) tree: Tree,
    /// The place of the entry of each ticket's joining, by ticket.
    pub(super) joined: Vec<u64>,
    /// The last checkpoint, if one was signed.
    pub(super) signed: Option<SignedHead>,
    /// When it was signed.
    pub(super) signed_at: Timestamp,
    /// Whether an entry is not covered that has to be at once.
    pub(super) is_urgent: bool,
    /// The last checkpoint that was offered to witnesses, with their cosignatures, and how many of
    /// them there are.
    pub(super) shown: Option<(SignedHead, Cosigned)>,
}

/// A checkpoint that was signed.
#[derive(Clone)]
pub(crate) struct SignedHead {
    pub(crate) head: TreeHead,
    /// The signed note.
    pub(crate) text: Arc<str>,
    /// When it was signed.
    pub(crate) at: Timestamp,
}

/// What is told of the checkpoint that is served.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shown {
    /// How many witnesses have cosigned it. None where there are none.
    pub(crate) cosigned: Option<Cosigned>,
    /// When it was signed. None before the first.
    pub(crate) at: Option<Timestamp>,
}

/// How far the log goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// The number of its entries.
    pub(crate) entries: u64,
    /// How many of them the last checkpoint covers.
    pub(crate) signed: u64,
    /// When that was signed, if one was.
    pub(crate) signed_at: Option<Timestamp>,
}

impl PublicLog {
    /// How far the log goes, and how far it is signed.
    pub(crate) fn extent(&self) -> Extent {
        let grown = self.read();
        let signed = grown.signed.as_ref().map(|signed| signed.head.size);
        Extent {
            entries: grown.tree.size(),
            signed: signed.unwrap_or_default(),
            signed_at: signed.map(|_| grown.signed_at),
        }
    }

    /// The log's origin.
    pub(crate) fn origin(&self) -> &str {
        self.origin.as_str()
    }

    /// The ceremony's secret behind all commitments.
    pub(crate) fn blinding(&self) -> &Blinding {
        &self.blinding
    }

    /// Takes entries that are durable now. If a participant waits for one of them to be covered, or
    /// the last checkpoint is old, signs another.
    ///
    /// # Errors
    /// When what is to be signed would take something back, or cannot be made durable.
    pub(crate) fn publish(
        &self,
        entries: impl IntoIterator<Item = PublicEntry>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut grown = self.write();
        for entry in entries {
            grown.take(&entry);
        }
        let size = grown.tree.size();
        let covered = grown.signed.as_ref().map_or(0, |signed| signed.head.size);
        let is_due = grown.is_urgent || now >= grown.signed_at.saturating_add(SIGN_EVERY);
        if size == covered || !is_due {
            return Ok(());
        }
        let head = grown.tree.head();
        drop(grown);
        let signed = self.sign(head, now)?;
        let mut grown = self.write();
        grown.signed = Some(signed);
        grown.signed_at = now;
        grown.is_urgent = false;
        drop(grown);
        self.checkpoints.send_modify(|count| *count += 1);
        Ok(())
    }

    /// When to publish again although nothing happens: what is not covered is to be.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        let grown = self.read();
        let covered = grown.signed.as_ref().map_or(0, |signed| signed.head.size);
        (covered < grown.tree.size()).then(|| grown.signed_at.saturating_add(SIGN_EVERY))
    }

    /// Signs a tree, after it is durable that it is signed.
    fn sign(&self, head: TreeHead, at: Timestamp) -> Result<SignedHead, StoreError> {
        self.store.keep_signed(&Signed {
            origin: self.origin.as_str().to_owned(),
            tree: head,
        })?;
        let checkpoint = Checkpoint::new(self.origin.clone(), head)
            .sign(&self.signer())
            .map_err(|error| StoreError::damaged(error.to_string()))?;
        Ok(SignedHead {
            head,
            text: checkpoint.to_string().into(),
            at,
        })
    }

    /// The tree as it will be with these entries.
    pub(crate) fn head_with(&self, pending: &[PublicEntry]) -> TreeHead {
        let mut tree = self.read().tree.clone();
        for entry in pending {
            tree.push(entry.to_bytes());
        }
        tree.head()
    }

    /// What signs now.
    pub(super) fn signer(&self) -> Arc<Signer> {
        let signer = self.signer.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&signer)
    }

    /// Signs with this from now on (`docs/spec/public-log.md#rotation`). What it signs next must hold
    /// the entry that names it.
    pub(crate) fn sign_with(&self, signer: Signer) {
        *self.signer.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(signer);
    }

    /// The last checkpoint.
    pub(crate) fn signed(&self) -> Option<SignedHead> {
        self.read().signed.clone()
    }

    /// The checkpoint to serve: the last one that was offered to witnesses, if there are any.
    pub(crate) fn shown(&self) -> Option<SignedHead> {
        let grown = self.read();
        let shown = grown.shown.as_ref().map(|(head, _)| head);
        shown.or(grown.signed.as_ref()).cloned()
    }

    /// What is told of the checkpoint that is served.
    pub(crate) fn told(&self) -> Shown {
        let grown = self.read();
        match &grown.shown {
            Some((head, cosigned)) => Shown {
                cosigned: Some(*cosigned),
                at: Some(head.at),
            },
            None => Shown {
                cosigned: None,
                at: grown.signed.as_ref().map(|head| head.at),
            },
        }
    }

    /// Tells when a checkpoint is signed, or shown with its cosignatures.
    pub(crate) fn checkpoints(&self) -> watch::Receiver<u64> {
        self.checkpoints.subscribe()
    }

    /// Serves this checkpoint from now on.
    pub(super) fn show(&self, head: SignedHead, cosigned: Cosigned) {
        self.write().shown = Some((head, cosigned));
        self.checkpoints.send_modify(|count| *count += 1);
    }

    /// The proof that the tree of one size is the beginning of that of another. None if there is no
    /// tree of these sizes.
    pub(super) fn consistency(&self, old: u64, new: u64) -> Option<Vec<Hash>> {
        let grown = self.read();
        grown.tree.at(new).ok()?.consistency_from(old).ok()
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Grown> {
        self.grown.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Grown> {
        self.grown.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Grown {
    pub(super) fn take(&mut self, entry: &PublicEntry) {
        let index = self.tree.push(entry.to_bytes());
        match entry.queue {
            Some(Event::Joined { .. }) => {
                self.joined.push(index);
                self.is_urgent = true;
            }
            _ => self.is_urgent |= entry.accepted.is_some() || names_a_key(entry),
        }
    }
}

/// Whether the log says by this entry whose it is or will be, or by which key.
fn names_a_key(entry: &PublicEntry) -> bool {
    matches!(
        entry.notice,
        Some(
            Notice::Opened { .. }
                | Notice::KeyRotated { .. }
                | Notice::HandingOver { .. }
                | Notice::HandedOver { .. }
        )
    )
}

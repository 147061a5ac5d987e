//! What only the store knows: receipts and notes, read beside the task.

use std::sync::Arc;

use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::journal::Record;
use tauline_protocol::status::QueueStatus;
use tauline_queue_core::{Outcome, Refusal, Ticket};
use tauline_store::{Contribution, Store, StoreError};
use tracing::error;

use super::handle::Coordinator;
use super::refusals;
use super::reply::{Counted, RulesRefusal, Standing};
use crate::fingerprint::Fingerprint;
use crate::refused::Refused;
use crate::verifier;

impl Coordinator {
    /// A refusal in words, among them the log's note on the end of the last stay.
    pub(super) async fn refused(&self, RulesRefusal { refusal, past }: RulesRefusal) -> Refused {
        if let Some(moved_to) = self.published.borrow().moved_to()
            && refusal == Refusal::Halted
        {
            return Refused::handed_over(moved_to);
        }
        let because = match (refusal, past) {
            (Refusal::Ended { outcome } | Refusal::UsedUp { outcome }, Some(ticket)) => {
                self.note(ticket, outcome).await.ok().flatten()
            }
            _ => None,
        };
        refusals::in_words(refusal, because.as_deref())
    }

    /// A status with what only the store knows: the receipt, or the note on the end.
    pub(super) async fn complete_status(&self, standing: Standing) -> Result<QueueStatus, Refused> {
        let Standing {
            mut status,
            past,
            promise,
        } = standing;
        status.promise = promise.map(|promise| self.shared.log.promise(&promise));
        if !matches!(past, Some((_, Outcome::Contributed))) {
            // Where the ceremony was given away, a receipt is all that there is to be had.
            self.still_here()?;
        }
        match past {
            Some((ticket, Outcome::Contributed)) => {
                status.receipt = Some(self.receipt(ticket).await?);
            }
            Some((ticket, outcome)) => status.ended_because = self.note(ticket, outcome).await?,
            None => {}
        }
        Ok(status)
    }

    /// What the log notes about the end of a stay.
    async fn note(&self, ticket: Ticket, outcome: Outcome) -> Result<Option<String>, Refused> {
        if !matches!(
            outcome,
            Outcome::Invalid | Outcome::Aborted | Outcome::Expelled
        ) {
            return Ok(None);
        }
        let bytes = self.look_up(move |store| store.ending(ticket)).await?;
        let bytes = bytes.map_err(|error| self.failed(&error))?;
        Ok(bytes
            .and_then(|bytes| Record::from_bytes(&bytes).ok())
            .and_then(|record| record.note))
    }

    /// The receipt of an accepted contribution, made anew from what is stored
    /// (`docs/spec/http-api.md#receipt-again`).
    pub(super) async fn receipt(&self, ticket: Ticket) -> Result<SignedReceipt, Refused> {
        Ok(self.sign(&self.accepted(ticket).await?))
    }

    /// An accepted contribution, for somebody who `sent` one, perhaps another.
    pub(super) async fn counted(
        &self,
        ticket: Ticket,
        sent: Option<Fingerprint>,
    ) -> Result<Counted, Refused> {
        let accepted = self.accepted(ticket).await?;
        if sent.is_some_and(|sent| !sent.is_of(&accepted)) {
            return Err(refusals::earlier_one_counted());
        }
        Ok(Counted {
            number: accepted.number,
            receipt: self.sign(&accepted),
        })
    }

    async fn accepted(&self, ticket: Ticket) -> Result<Contribution, Refused> {
        let found = self
            .look_up(move |store| store.contribution(ticket))
            .await?;
        found
            .and_then(|found| {
                let missing = || StoreError::damaged(format!("ticket {ticket} has no witness"));
                found.ok_or_else(missing)
            })
            .map_err(|error| self.failed(&error))
    }

    fn sign(&self, accepted: &Contribution) -> SignedReceipt {
        verifier::receipt(&accepted.identity, &accepted.witness, &self.shared.key)
    }

    pub(super) fn failed(&self, error: &StoreError) -> Refused {
        error!(%error, "a look-up failed");
        Refused::internal()
    }

    /// Asks the store, on a thread that may block.
    pub(super) async fn look_up<T: Send + 'static>(
        &self,
        look: impl FnOnce(&dyn Store) -> T + Send + 'static,
    ) -> Result<T, Refused> {
        let store = Arc::clone(&self.shared.store);
        tokio::task::spawn_blocking(move || look(&*store))
            .await
            .map_err(|_| Refused::unavailable())
    }
}

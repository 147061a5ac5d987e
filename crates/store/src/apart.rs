//! A store that keeps the powers of contributions apart from the rest, in an object store.
//!
//! The database then holds, where powers would be, a reference: the SHA-256 by which the object is named.
//! Objects are durable before the commit that refers to them. Those that nothing refers to are deleted when
//! they are an hour old. What is read is checked by its name, and against the log like all else.
//!
//! Powers that were stored before, in the database, stay there; so the setting can come at any time. A
//! backup, and a bundle for another coordinator, hold the powers themselves.

mod collector;
mod copy;
mod reference;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tauline_protocol::Identity;
use tauline_protocol::journal::{Digest, Tally};
use tauline_queue_core::{Ticket, Timestamp};
use zeroize::Zeroizing;

use self::collector::Collector;
use self::reference::{reference, referred};
use crate::asked::Asked;
use crate::batch::{Batch, Blob, Write};
use crate::bundle::Given;
use crate::ceremony::Ceremony;
use crate::chain::StoredRecord;
use crate::contribution::Contribution;
use crate::error::StoreError;
use crate::objects::Objects;
use crate::session::{Session, SignInWrite, TokenHash, UsedNonce};
use crate::signed::Signed;
use crate::sqlite::{write_bundle_of, write_whole};
use crate::store::{Reading, Store, ThereUntil};

/// An object that was made durable longer ago is made so again before a commit refers to it.
const FRESH: Duration = Duration::from_secs(600);

/// A store, and where it keeps powers.
pub struct Apart<S> {
    inner: S,
    /// None where powers stay in the database. Those that are elsewhere already cannot be read then.
    objects: Option<Arc<Objects>>,
    /// What was made durable, and when.
    ready: Mutex<HashMap<Digest, Instant>>,
    collector: Collector,
}

impl<S: Store> Apart<S> {
    /// With `objects`, powers are kept there from now on.
    pub fn new(inner: S, objects: Option<Arc<Objects>>) -> Self {
        Self {
            inner,
            objects,
            ready: Mutex::default(),
            collector: Collector::default(),
        }
    }

    /// The store that has all the rest.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Deletes the objects that nothing refers to and that are this old, and returns how many there were.
    ///
    /// # Errors
    /// When the database or the object store fails.
    pub fn collect(&self, age: Duration) -> Result<usize, StoreError> {
        match &self.objects {
            Some(objects) => objects.collect(collector::kept(&self.inner)?, age),
            None => Ok(0),
        }
    }

    /// Makes powers durable, unless they were a moment ago.
    fn keep(&self, objects: &Objects, blob: &Blob) -> Result<(), StoreError> {
        let ready = || self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let since = ready().get(blob.digest()).copied();
        if since.is_some_and(|since| since.elapsed() < FRESH) {
            return Ok(());
        }
        let since = Instant::now();
        objects.put(blob)?;
        let mut ready = ready();
        ready.retain(|_, since| since.elapsed() < FRESH);
        ready.insert(*blob.digest(), since);
        Ok(())
    }

    /// The change as the database gets it. Powers are made durable, and are megabytes: they are not copied.
    fn referring(&self, objects: &Objects, write: &Write) -> Result<Write, StoreError> {
        let Write::Blob { ticket, blob } = write else {
            return Ok(write.clone());
        };
        self.keep(objects, blob)?;
        Ok(Write::Blob {
            ticket: *ticket,
            blob: reference(blob.digest()),
        })
    }

    /// The powers that stored bytes are, or refer to.
    fn resolve(&self, stored: Blob) -> Result<Blob, StoreError> {
        resolve(self.objects.as_deref(), stored)
    }
}

/// Whether these are no powers, but say where they are.
pub(crate) fn is_reference(stored: &Blob) -> bool {
    referred(stored.bytes()).is_some()
}

/// The powers that stored bytes are, or refer to.
fn resolve(objects: Option<&Objects>, stored: Blob) -> Result<Blob, StoreError> {
    let Some(digest) = referred(stored.bytes()) else {
        return Ok(stored);
    };
    let objects = objects.ok_or(StoreError::Apart)?;
    objects.get(&digest)?.ok_or_else(|| {
        StoreError::damaged(format!(
            "the object {}, which holds powers that the ceremony needs, is missing in {}",
            hex::encode(digest),
            objects.url()
        ))
    })
}

impl<S: Store> Store for Apart<S> {
    fn ceremony(&self) -> &Ceremony {
        self.inner.ceremony()
    }

    fn prepare(&self, blob: &Blob) -> Result<(), StoreError> {
        match &self.objects {
            Some(objects) => self.keep(objects, blob),
            None => self.inner.prepare(blob),
        }
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let Some(objects) = &self.objects else {
            return self.inner.commit(batch);
        };
        let writes = batch
            .writes
            .iter()
            .map(|write| self.referring(objects, write));
        let writes = writes.collect::<Result<_, _>>()?;
        self.inner.commit(&Batch { writes })?;
        let is_accepted = |write: &Write| matches!(write, Write::Accepted(_));
        if batch.writes.iter().any(is_accepted) {
            self.collector.follow(&self.inner, objects);
        }
        Ok(())
    }

    fn blob(&self, ticket: Ticket) -> Result<Option<Blob>, StoreError> {
        let stored = self.inner.blob(ticket)?;
        stored.map(|it| self.resolve(it)).transpose()
    }

    fn reading(&self) -> Result<Box<dyn Reading>, StoreError> {
        Ok(Box::new(ApartReading {
            inner: self.inner.reading()?,
            objects: self.objects.clone(),
        }))
    }

    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        write_whole(to, |partial| {
            let resolve = |stored| self.resolve(stored);
            copy::whole(partial, |copy| self.inner.backup(copy), resolve)
        })
    }

    fn hand_over(&self, to: &Path, given: &Given) -> Result<(), StoreError> {
        if to.exists() {
            return Err(StoreError::Exists {
                path: to.to_owned(),
            });
        }
        write_bundle_of(self.ceremony(), to, given, |copy| self.backup(copy))
    }

    fn log(&self, from: u64, at_most: u32) -> Result<Vec<StoredRecord>, StoreError> {
        self.inner.log(from, at_most)
    }

    fn ending(&self, ticket: Ticket) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.ending(ticket)
    }

    fn contribution(&self, ticket: Ticket) -> Result<Option<Contribution>, StoreError> {
        self.inner.contribution(ticket)
    }

    fn contributions(&self, from: u64, at_most: u32) -> Result<Vec<Contribution>, StoreError> {
        self.inner.contributions(from, at_most)
    }

    fn number_of(&self, asked: &Asked) -> Result<Option<u64>, StoreError> {
        self.inner.number_of(asked)
    }

    fn blob_tickets(&self) -> Result<Vec<Ticket>, StoreError> {
        self.inner.blob_tickets()
    }

    fn directory(&self) -> Option<&Path> {
        self.inner.directory()
    }

    fn last_signed(&self) -> Option<Signed> {
        self.inner.last_signed()
    }

    fn keep_signed(&self, signed: &Signed) -> Result<(), StoreError> {
        self.inner.keep_signed(signed)
    }

    fn there_until(&self) -> Option<ThereUntil> {
        self.inner.there_until()
    }

    fn is_there(&self, at: Timestamp) {
        self.inner.is_there(at);
    }

    fn write_sign_ins(&self, writes: &[SignInWrite]) -> Result<(), StoreError> {
        self.inner.write_sign_ins(writes)
    }

    fn sign_in_key(&self) -> Result<Option<Zeroizing<[u8; 32]>>, StoreError> {
        self.inner.sign_in_key()
    }

    fn used_nonces(&self, at: Timestamp) -> Result<Vec<UsedNonce>, StoreError> {
        self.inner.used_nonces(at)
    }

    fn sessions_lasting(&self, at: Timestamp) -> Result<Vec<Session>, StoreError> {
        self.inner.sessions_lasting(at)
    }

    fn session(&self, hash: &TokenHash) -> Result<Option<Session>, StoreError> {
        self.inner.session(hash)
    }

    fn delete_sessions_expired_before(&self, at: Timestamp) -> Result<u64, StoreError> {
        self.inner.delete_sessions_expired_before(at)
    }

    fn identity_of_github(&self, account: u64) -> Result<Option<Identity>, StoreError> {
        self.inner.identity_of_github(account)
    }

    fn accounts(&self) -> Tally {
        self.inner.accounts()
    }

    fn first_accounts(&self, count: u64) -> Result<Tally, StoreError> {
        self.inner.first_accounts(count)
    }
}

/// The contributions at one moment.
struct ApartReading {
    inner: Box<dyn Reading>,
    objects: Option<Arc<Objects>>,
}

impl Reading for ApartReading {
    fn contributions(&self) -> Result<u64, StoreError> {
        self.inner.contributions()
    }

    fn head(&self) -> Result<Option<Blob>, StoreError> {
        let stored = self.inner.head()?;
        let objects = self.objects.as_deref();
        stored.map(|it| resolve(objects, it)).transpose()
    }

    fn page(&self, after: u64, at_most: u32) -> Result<Vec<Contribution>, StoreError> {
        self.inner.page(after, at_most)
    }

    fn has_sums(&self) -> bool {
        self.inner.has_sums()
    }

    fn unchecked_page(
        &self,
        after: u64,
        at_most: u32,
    ) -> Result<Vec<(Contribution, Option<Digest>)>, StoreError> {
        self.inner.unchecked_page(after, at_most)
    }
}

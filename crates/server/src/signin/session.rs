//! Sessions: what a sign-in earns. A session and a place in the queue are two things; losing one
//! never costs the other.
//!
//! A token is 32 random bytes. Only its hash is kept, here and in the store: whoever reads the
//! database cannot act for anybody.
//!
//! Sessions go by the machine's wall clock. The queue's time will not do: a log that was written on
//! a machine with a fast clock sets it forward. A session that was stored by a fast clock may seem
//! to last longer than a whole lifetime; it then ends one lifetime from now.

mod group_commit;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand_core::{OsRng, RngCore as _};
use sha2::{Digest as _, Sha256};
use tauline_protocol::Identity;
use tauline_protocol::error::Code;
use tauline_queue_core::Timestamp;
use tauline_store::{SignInWrite, Store, StoreError, TokenHash, UsedNonce};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::coordinator::{Caller, Coordinator};
use crate::refused::Refused;

use self::group_commit::GroupCommit;

/// Bytes of a token: nobody guesses 256 bits (`docs/spec/http-api.md#tokens`).
const TOKEN_LEN: usize = 32;

/// Sessions that one identity may have at a time; a further one ends the oldest. Enough for every
/// browser and machine of a person, and a bound on what one person can make the store keep.
const MAX_PER_IDENTITY: usize = 32;

/// Held check-ins and event streams that one session may have open at a time: what a client and a
/// page beside it need, and a bound on what one session can make the server keep.
const MAX_HELD: usize = 8;

/// How long after its end a session is kept in the store, in case its owner is waiting in the
/// queue and has only been silent (`docs/spec/http-api.md#sessions`).
const KEPT_AFTER_END: Duration = Duration::from_secs(7 * 24 * 3600);

/// How often ended sessions are looked for while there is no room for newcomers.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A session that is good now.
#[derive(Clone, Debug)]
pub struct Session {
    /// The hash of its token.
    pub hash: TokenHash,
    /// Who signed in.
    pub identity: Identity,
    /// When it ends, unless its owner is in the queue then.
    pub expires_at: Timestamp,
    held: Arc<Semaphore>,
}

impl Session {
    /// Who asks, for the coordinator: the identity, by this one of its clients.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller::new(self.identity.clone(), self.hash)
    }

    /// A permit to hold one more answer open for this session.
    ///
    /// # Errors
    /// [`Code::RateLimited`] when it holds too many already.
    pub fn hold(&self) -> Result<OwnedSemaphorePermit, Refused> {
        Arc::clone(&self.held).try_acquire_owned().map_err(|_| Refused::new(Code::RateLimited, format!(
                "this session holds {MAX_HELD} answers open already: close some streams or waiting check-ins"
            )))
    }
}

/// All sessions: those in use in memory, all in the store.
pub struct Sessions {
    store: Arc<dyn Store>,
    writes: GroupCommit,
    coordinator: Coordinator,
    lifetime: Duration,
    max_people: usize,
    in_memory: Mutex<InMemory>,
}

/// The sessions that are in use.
#[derive(Default)]
struct InMemory {
    by_hash: HashMap<TokenHash, Session>,
    by_identity: HashMap<Identity, VecDeque<TokenHash>>,
    /// When ended sessions were last looked for.
    looked_at: Timestamp,
}

impl InMemory {
    /// Adds a session, or replaces it. Gives the oldest of its identity that had to end for it.
    fn insert(&mut self, session: Session) -> Option<TokenHash> {
        let hashes = self
            .by_identity
            .entry(session.identity.clone())
            .or_default();
        if !hashes.contains(&session.hash) {
            hashes.push_back(session.hash);
        }
        let oldest = if hashes.len() > MAX_PER_IDENTITY {
            hashes.pop_front()
        } else {
            None
        };
        if let Some(oldest) = &oldest {
            self.by_hash.remove(oldest);
        }
        self.by_hash.insert(session.hash, session);
        oldest
    }

    fn remove(&mut self, hash: &TokenHash) {
        let Some(session) = self.by_hash.remove(hash) else {
            return;
        };
        if let Some(hashes) = self.by_identity.get_mut(&session.identity) {
            hashes.retain(|other| other != hash);
            if hashes.is_empty() {
                self.by_identity.remove(&session.identity);
            }
        }
    }

    /// Removes the sessions that ended before this.
    fn remove_ended(&mut self, before: Timestamp) {
        let ended: Vec<TokenHash> = self
            .by_hash
            .values()
            .filter(|session| session.expires_at <= before)
            .map(|session| session.hash)
            .collect();
        for hash in &ended {
            self.remove(hash);
        }
    }

    /// Whether somebody is signed in.
    fn has(&self, identity: &Identity, now: Timestamp) -> bool {
        let hashes = self.by_identity.get(identity);
        hashes.into_iter().flatten().any(|hash| {
            let session = self.by_hash.get(hash);
            session.is_some_and(|session| session.expires_at > now)
        })
    }
}

impl Sessions {
    /// The sessions of a store. Once `max_people` are signed in, newcomers are turned away. Reads
    /// the sessions that last, which blocks; must be called inside a tokio runtime.
    ///
    /// # Errors
    /// A failing store.
    pub fn open_store(
        store: Arc<dyn Store>,
        coordinator: Coordinator,
        lifetime: Duration,
        max_people: usize,
    ) -> Result<Self, StoreError> {
        let sessions = Self {
            writes: GroupCommit::new(Arc::clone(&store)),
            store,
            coordinator,
            lifetime,
            max_people,
            in_memory: Mutex::default(),
        };
        let now = sessions.now();
        for stored in sessions.store.sessions_lasting(now)? {
            let session = sessions.session(stored, now);
            sessions.in_memory().insert(session);
        }
        Ok(sessions)
    }

    /// Whether newcomers are turned away: as many people are signed in as the operator allows.
    /// People are counted, not sessions (`docs/spec/known-faults.md#sessions-counted`).
    #[must_use]
    pub fn are_full(&self) -> bool {
        let mut sessions = self.in_memory();
        if sessions.by_identity.len() < self.max_people {
            return false;
        }
        // Looking takes a while: once a second is often enough for somebody who may come back.
        let now = self.now();
        if now.since(sessions.looked_at) >= LOOK_EVERY || now < sessions.looked_at {
            sessions.looked_at = now;
            sessions.remove_ended(now);
        }
        sessions.by_identity.len() >= self.max_people
    }

    /// Opens a session, durable before this answers, and never before it is durable that the nonce was used
    /// by which somebody signed in. Gives the token, which is kept nowhere.
    ///
    /// # Errors
    /// [`Code::SessionsFull`] for a newcomer, or a failing store.
    pub async fn open(
        &self,
        identity: Identity,
        used: Option<UsedNonce>,
    ) -> Result<(String, Session), Refused> {
        if self.are_full() && !self.is_in(&identity).await? {
            return Err(full());
        }
        let mut token = [0; TOKEN_LEN];
        OsRng.fill_bytes(&mut token);
        let token = hex::encode(token);
        let session = Session {
            hash: hash(&token),
            identity,
            expires_at: self.now().saturating_add(self.lifetime),
            held: Arc::new(Semaphore::new(MAX_HELD)),
        };
        match used {
            // In this order, and so in one commit or in two that follow each other.
            Some(nonce) => {
                tokio::try_join!(
                    self.write(SignInWrite::UsedNonce(nonce)),
                    self.save(&session)
                )?;
            }
            None => self.save(&session).await?,
        }
        let oldest = self.in_memory().insert(session.clone());
        if let Some(oldest) = oldest {
            self.write(SignInWrite::Delete(oldest)).await?;
        }
        Ok((token, session))
    }

    /// Whether somebody is no newcomer: signed in, or in the queue.
    async fn is_in(&self, identity: &Identity) -> Result<bool, Refused> {
        let is_signed_in = self.in_memory().has(identity, self.now());
        Ok(is_signed_in || self.coordinator.is_in_queue(identity).await?)
    }

    /// The session of a token, if it is good now. As long as its owner is in the queue, a session
    /// does not end.
    ///
    /// # Errors
    /// [`Code::SessionUnknown`], or a failing store.
    pub async fn find(&self, token: &str) -> Result<Session, Refused> {
        if token.len() != 2 * TOKEN_LEN {
            return Err(unknown());
        }
        let hash = hash(token);
        let known = self.in_memory().by_hash.get(&hash).cloned();
        let session = match known {
            Some(session) => session,
            None => {
                let stored = self.blocking(move |store| store.session(&hash)).await?;
                let stored = stored.ok_or_else(unknown)?;
                let session = self.session(stored, self.now());
                // Two requests at once may both have missed: they must share one session.
                let mut sessions = self.in_memory();
                match sessions.by_hash.get(&hash) {
                    Some(first) => first.clone(),
                    None => {
                        sessions.insert(session.clone());
                        session
                    }
                }
            }
        };
        self.keep(session).await
    }

    /// Renews a session that has ended, or soon will, while its owner is in the queue.
    ///
    /// # Errors
    /// [`Code::SessionUnknown`] when it has ended for good, or a failing store.
    pub async fn keep(&self, mut session: Session) -> Result<Session, Refused> {
        let now = self.now();
        if now.saturating_add(self.lifetime / 2) < session.expires_at {
            return Ok(session);
        }
        if self.coordinator.is_in_queue(&session.identity).await? {
            session.expires_at = now.saturating_add(self.lifetime);
            self.save(&session).await?;
            self.in_memory().insert(session.clone());
        } else if session.expires_at <= now {
            self.in_memory().remove(&session.hash);
            self.write(SignInWrite::Delete(session.hash)).await?;
            return Err(unknown());
        }
        Ok(session)
    }

    /// Forgets sessions that ended long ago. Those of people who wait in the queue were renewed by
    /// their check-ins.
    ///
    /// # Errors
    /// A failing store.
    pub async fn sweep(&self) -> Result<(), Refused> {
        let before = self.now().saturating_sub(KEPT_AFTER_END);
        self.in_memory().remove_ended(before);
        self.blocking(move |store| store.delete_sessions_expired_before(before))
            .await?;
        Ok(())
    }

    async fn save(&self, session: &Session) -> Result<(), Refused> {
        let stored = tauline_store::Session {
            hash: session.hash,
            identity: session.identity.clone(),
            expires_at: session.expires_at,
        };
        self.write(SignInWrite::Put(stored)).await
    }

    /// Makes a change durable, together with those of others.
    ///
    /// # Errors
    /// A failing store.
    pub async fn write(&self, write: SignInWrite) -> Result<(), Refused> {
        self.writes.write(write).await.map_err(failed)
    }

    /// A session that was stored. Its end is no further ahead than if it were opened now.
    fn session(&self, stored: tauline_store::Session, now: Timestamp) -> Session {
        Session {
            hash: stored.hash,
            identity: stored.identity,
            expires_at: stored.expires_at.min(now.saturating_add(self.lifetime)),
            held: Arc::new(Semaphore::new(MAX_HELD)),
        }
    }

    fn now(&self) -> Timestamp {
        self.coordinator.clock().wall()
    }

    /// Asks the store, on a thread that may block.
    ///
    /// # Errors
    /// A failing store.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Refused> {
        let store = Arc::clone(&self.store);
        let done = tokio::task::spawn_blocking(move || work(&*store)).await;
        done.map_err(|error| failed(error.to_string()))?
            .map_err(|error| failed(error.to_string()))
    }

    fn in_memory(&self) -> MutexGuard<'_, InMemory> {
        self.in_memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(error: String) -> Refused {
    tracing::error!(%error, "sign-ins cannot be read or written");
    Refused::new(
        Code::Internal,
        "the coordinator cannot read or write its data: try again later",
    )
}

fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

/// The refusal of newcomers when there is no room.
#[must_use]
pub fn full() -> Refused {
    Refused::new(
        Code::SessionsFull,
        "as many people are signed in as the operator allows: try again later",
    )
}

fn unknown() -> Refused {
    Refused::new(
        Code::SessionUnknown,
        "this session is unknown or has ended: sign in again; your place in the queue is kept",
    )
}

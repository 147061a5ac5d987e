//! Sessions: what a sign-in earns. A session and a place in the queue are two things; losing one
//! never costs the other.
//!
//! A token is 32 random bytes. Only its hash is kept, here and in the store: whoever reads the
//! database cannot act for anybody.
//!
//! Sessions go by the machine's wall clock, not by the queue's time, which a log from a machine
//! ahead of this one sets forward. An end that lies further ahead than a whole lifetime, as one that
//! was stored by such a clock does, counts as a lifetime from now.

mod ledger;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand_core::{OsRng, RngCore as _};
use sha2::{Digest as _, Sha256};
use tauline_protocol::Identity;
use tauline_protocol::error::Code;
use tauline_queue_core::Timestamp;
use tauline_store::{SignInWrite, Store, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::coordinator::{Caller, Coordinator};
use crate::refused::Refused;

use self::ledger::Ledger;

/// Bytes of a token: nobody guesses 256 bits (`docs/spec/http-api.md#tokens`).
const TOKEN_LEN: usize = 32;

/// Sessions that one identity may have at a time; a further one ends the oldest. Enough for every
/// browser and machine of a person, and a bound on what one person can make the store keep.
const SESSIONS_PER_IDENTITY: usize = 32;

/// Held check-ins and event streams that one session may have open at a time: what a client and a
/// page beside it need, and a bound on what one session can make the server keep.
const HELD_PER_SESSION: usize = 8;

/// How long after its end a session is kept in the store, in case its owner is waiting in the
/// queue and has only been silent (`docs/spec/http-api.md#sessions`).
const KEPT_AFTER_END: Duration = Duration::from_secs(7 * 24 * 3600);

/// How often those that have ended are looked for while newcomers are sent away.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The hash that a token is known by.
pub type TokenHash = [u8; 32];

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

    /// Leave to hold one more answer open for this session.
    ///
    /// # Errors
    /// [`Code::RateLimited`] when it holds too many already.
    pub fn hold(&self) -> Result<OwnedSemaphorePermit, Refused> {
        Arc::clone(&self.held).try_acquire_owned().map_err(|_| Refused::new(Code::RateLimited, format!(
                "this session holds {HELD_PER_SESSION} answers open already: close some streams or waiting check-ins"
            )))
    }
}

/// All sessions: those in use in memory, all in the store.
pub struct Sessions {
    store: Arc<dyn Store>,
    ledger: Ledger,
    coordinator: Coordinator,
    lifetime: Duration,
    most_people: usize,
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    by_hash: HashMap<TokenHash, Session>,
    by_identity: HashMap<Identity, VecDeque<TokenHash>>,
    /// When those that have ended were last looked for.
    looked_at: Timestamp,
}

impl Live {
    fn insert(&mut self, session: Session) -> Option<TokenHash> {
        let hashes = self
            .by_identity
            .entry(session.identity.clone())
            .or_default();
        if !hashes.contains(&session.hash) {
            hashes.push_back(session.hash);
        }
        let oldest = if hashes.len() > SESSIONS_PER_IDENTITY {
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

    /// Removes those that ended before this.
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
    /// The sessions of a store, by which at most so many people may be signed in before newcomers
    /// are sent away. Reads those that last, which blocks; must be called inside a tokio runtime.
    ///
    /// # Errors
    /// A failing store.
    pub fn open_store(
        store: Arc<dyn Store>,
        coordinator: Coordinator,
        lifetime: Duration,
        most_people: usize,
    ) -> Result<Self, StoreError> {
        let sessions = Self {
            ledger: Ledger::new(Arc::clone(&store)),
            store,
            coordinator,
            lifetime,
            most_people,
            live: Mutex::default(),
        };
        let now = sessions.now();
        for stored in sessions.store.sessions_lasting(now)? {
            let session = sessions.session(stored, now);
            sessions.live().insert(session);
        }
        Ok(sessions)
    }

    /// Whether newcomers are sent away: as many people are signed in as the operator allows.
    #[must_use]
    pub fn are_full(&self) -> bool {
        let mut live = self.live();
        if live.by_identity.len() < self.most_people {
            return false;
        }
        // Looking takes a while: once a second is often enough for somebody who may come back.
        let now = self.now();
        if now.since(live.looked_at) >= LOOK_EVERY || now < live.looked_at {
            live.looked_at = now;
            live.remove_ended(now);
        }
        live.by_identity.len() >= self.most_people
    }

    /// Opens a session, durable before this answers. Gives the token, which is kept nowhere.
    ///
    /// # Errors
    /// [`Code::SessionsFull`] for a newcomer, or a failing store.
    pub async fn open(&self, identity: Identity) -> Result<(String, Session), Refused> {
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
            held: Arc::new(Semaphore::new(HELD_PER_SESSION)),
        };
        self.save(&session).await?;
        let oldest = self.live().insert(session.clone());
        if let Some(oldest) = oldest {
            self.write(SignInWrite::Delete(oldest)).await?;
        }
        Ok((token, session))
    }

    /// Whether somebody is no newcomer: signed in, or in the queue.
    async fn is_in(&self, identity: &Identity) -> Result<bool, Refused> {
        let is_signed_in = self.live().has(identity, self.now());
        Ok(is_signed_in || self.coordinator.is_in_queue(identity).await?)
    }

    /// The session of a token, if it is good now. An ended session whose owner is in the queue is
    /// good for the whole wait.
    ///
    /// # Errors
    /// [`Code::SessionUnknown`], or a failing store.
    pub async fn find(&self, token: &str) -> Result<Session, Refused> {
        if token.len() != 2 * TOKEN_LEN {
            return Err(unknown());
        }
        let hash = hash(token);
        let known = self.live().by_hash.get(&hash).cloned();
        let session = match known {
            Some(session) => session,
            None => {
                let stored = self.blocking(move |store| store.session(&hash)).await?;
                let stored = stored.ok_or_else(unknown)?;
                let session = self.session(stored, self.now());
                // Two requests at once may both have missed: they must share one session.
                let mut live = self.live();
                match live.by_hash.get(&hash) {
                    Some(first) => first.clone(),
                    None => {
                        live.insert(session.clone());
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
            self.live().insert(session.clone());
        } else if session.expires_at <= now {
            self.live().remove(&session.hash);
            self.write(SignInWrite::Delete(session.hash)).await?;
            return Err(unknown());
        }
        Ok(session)
    }

    /// Forgets sessions that ended long ago: a waiting participant's has been renewed since, by
    /// its check-ins.
    ///
    /// # Errors
    /// A failing store.
    pub async fn sweep(&self) -> Result<(), Refused> {
        let before = self.now().saturating_sub(KEPT_AFTER_END);
        self.live().remove_ended(before);
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
        self.ledger.write(write).await.map_err(failed)
    }

    /// A session that was stored. Its end is no further ahead than if it were opened now.
    fn session(&self, stored: tauline_store::Session, now: Timestamp) -> Session {
        Session {
            hash: stored.hash,
            identity: stored.identity,
            expires_at: stored.expires_at.min(now.saturating_add(self.lifetime)),
            held: Arc::new(Semaphore::new(HELD_PER_SESSION)),
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

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
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

/// The refusal of newcomers.
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

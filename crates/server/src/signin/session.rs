//! Sessions: what a sign-in earns. A session and a place in the queue are two things; losing one
//! never costs the other.
//!
//! A token is 32 random bytes. Only its hash is kept, here and in the store: whoever reads the
//! database cannot act for anybody.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand_core::{OsRng, RngCore as _};
use sha2::{Digest as _, Sha256};
use tauline_protocol::Identity;
use tauline_protocol::error::Code;
use tauline_queue_core::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::coordinator::{Caller, Coordinator, Refused};
use crate::store::{self, Store, StoreError};

/// Bytes of a token: nobody guesses 256 bits.
const TOKEN_LEN: usize = 32;

/// Sessions that one identity may have at a time; a further one ends the oldest. Enough for every
/// browser and machine of a person, and a bound on what one person can make the store keep.
const SESSIONS_PER_IDENTITY: usize = 32;

/// Held check-ins and event streams that one session may have open at a time: what a client and a
/// page beside it need, and a bound on what one session can make the server keep.
const HELD_PER_SESSION: usize = 8;

/// How long after its end a session is kept in the store, in case its owner is waiting in the
/// queue and has only been silent.
const KEPT_AFTER_END: Duration = Duration::from_secs(7 * 24 * 3600);

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
        Caller {
            who: self.identity.clone(),
            client: Some(self.hash),
        }
    }

    /// Leave to hold one more answer open for this session.
    ///
    /// # Errors
    /// [`Code::RateLimited`] when it holds too many already.
    pub fn hold(&self) -> Result<OwnedSemaphorePermit, Refused> {
        Arc::clone(&self.held).try_acquire_owned().map_err(|_| Refused {
            code: Code::RateLimited,
            error: format!(
                "this session holds {HELD_PER_SESSION} answers open already: close some streams or waiting check-ins"
            ),
        })
    }
}

/// All sessions: those in use in memory, all in the store.
pub struct Sessions {
    store: Arc<dyn Store>,
    coordinator: Coordinator,
    lifetime: Duration,
    most: usize,
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    by_hash: HashMap<TokenHash, Session>,
    by_identity: HashMap<Identity, VecDeque<TokenHash>>,
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
}

impl Sessions {
    /// The sessions of a store, of which at most so many may be in use before newcomers are sent
    /// away.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        coordinator: Coordinator,
        lifetime: Duration,
        most: usize,
    ) -> Self {
        Self {
            store,
            coordinator,
            lifetime,
            most,
            live: Mutex::default(),
        }
    }

    /// Whether newcomers are sent away: as many sessions are in use as the operator allows.
    #[must_use]
    pub fn are_full(&self) -> bool {
        let live = self.live();
        // Counting those that have not ended takes a while, and is seldom needed.
        live.by_hash.len() >= self.most && {
            let now = self.coordinator.clock().now();
            let lasting = live.by_hash.values().filter(|one| one.expires_at > now);
            lasting.count() >= self.most
        }
    }

    /// Opens a session, durable before this answers. Gives the token, which is kept nowhere.
    ///
    /// # Errors
    /// [`Code::SessionsFull`] for a newcomer, or a failing store.
    pub async fn open(&self, identity: Identity) -> Result<(String, Session), Refused> {
        if self.are_full() && !self.live().by_identity.contains_key(&identity) {
            return Err(full());
        }
        let mut token = [0; TOKEN_LEN];
        OsRng.fill_bytes(&mut token);
        let token = hex::encode(token);
        let session = Session {
            hash: hash(&token),
            identity,
            expires_at: self.coordinator.clock().now().saturating_add(self.lifetime),
            held: Arc::new(Semaphore::new(HELD_PER_SESSION)),
        };
        self.save(&session).await?;
        let oldest = self.live().insert(session.clone());
        if let Some(oldest) = oldest {
            self.blocking(move |store| store.delete_session(&oldest))
                .await?;
        }
        Ok((token, session))
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
                let session = Session {
                    hash,
                    identity: stored.identity,
                    expires_at: stored.expires_at,
                    held: Arc::new(Semaphore::new(HELD_PER_SESSION)),
                };
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
        let now = self.coordinator.clock().now();
        if now.saturating_add(self.lifetime / 2) < session.expires_at {
            return Ok(session);
        }
        if self.coordinator.is_in_queue(&session.identity).await? {
            session.expires_at = now.saturating_add(self.lifetime);
            self.save(&session).await?;
            self.live().insert(session.clone());
        } else if session.expires_at <= now {
            self.live().remove(&session.hash);
            let hash = session.hash;
            self.blocking(move |store| store.delete_session(&hash))
                .await?;
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
        let before = self
            .coordinator
            .clock()
            .now()
            .saturating_sub(KEPT_AFTER_END);
        let ended: Vec<TokenHash> = {
            let live = self.live();
            live.by_hash
                .values()
                .filter(|s| s.expires_at < before)
                .map(|s| s.hash)
                .collect()
        };
        {
            let mut live = self.live();
            for hash in &ended {
                live.remove(hash);
            }
        }
        self.blocking(move |store| store.delete_sessions_expired_before(before))
            .await?;
        Ok(())
    }

    async fn save(&self, session: &Session) -> Result<(), Refused> {
        let stored = store::Session {
            hash: session.hash,
            identity: session.identity.clone(),
            expires_at: session.expires_at,
        };
        self.blocking(move |store| store.put_session(&stored)).await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Refused> {
        let store = Arc::clone(&self.store);
        let done = tokio::task::spawn_blocking(move || work(&*store)).await;
        let failed = |error: String| {
            tracing::error!(%error, "sessions cannot be read or written");
            Refused {
                code: Code::Internal,
                error: "the coordinator cannot read or write its data: try again later".to_owned(),
            }
        };
        done.map_err(|error| failed(error.to_string()))?
            .map_err(|error| failed(error.to_string()))
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
    Refused {
        code: Code::SessionUnknown,
        error:
            "this session is unknown or has ended: sign in again; your place in the queue is kept"
                .to_owned(),
    }
}

//! TLS at `--listen`: the certificate and its key, and another pair when their files change.

mod pair;
mod stamp;
mod watch;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustls::ServerConfig;
use tauline_queue_core::Timestamp;

use self::pair::date;
use self::stamp::Stamp;
use crate::config::TlsFiles;

pub(crate) use self::pair::{Pair, PairError};

/// The certificate that is in force. A connection keeps the one that it began with.
pub(crate) struct Tls {
    files: TlsFiles,
    in_force: RwLock<Pair>,
    /// Whether what is in the files now cannot be used.
    is_broken: AtomicBool,
    /// What the files looked like when nothing was left to be done about them: their pair is in force, or cannot
    /// be used.
    done_with: Mutex<Stamp>,
}

impl Tls {
    /// With the pair in these files.
    ///
    /// # Errors
    /// Why it cannot be used, and what to do.
    pub(crate) fn open(files: TlsFiles) -> Result<Arc<Self>, PairError> {
        let pair = Pair::read(&files)?;
        Ok(Arc::new(Self {
            files,
            done_with: Mutex::new(pair.stamp),
            in_force: RwLock::new(pair),
            is_broken: AtomicBool::new(false),
        }))
    }

    /// What connections begin with now.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        let in_force = self.in_force.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&in_force.config)
    }

    /// When the certificate expires, as far as that can be read.
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        let in_force = self.in_force.read().unwrap_or_else(PoisonError::into_inner);
        in_force.expires_at
    }

    /// Whether what is in the files now cannot be used: the pair before it is in force.
    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Relaxed)
    }

    /// Reads the files again. Nothing of it is in force before [`install`](Self::install). It blocks.
    ///
    /// # Errors
    /// Why the pair cannot be used, and what to do.
    pub(crate) fn read(&self) -> Result<Pair, PairError> {
        let stamp = Stamp::of(&self.files);
        let pair = Pair::read(&self.files);
        self.is_broken.store(pair.is_err(), Ordering::Relaxed);
        if pair.is_err() {
            *self.done_with() = stamp;
        }
        pair
    }

    /// Has connections begin with this pair from now on. Says so, if it is another.
    pub(crate) fn install(&self, pair: Pair) {
        let mut in_force = self
            .in_force
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if in_force.certificate != pair.certificate {
            tracing::info!(expires = %date(pair.expires_at), "another certificate is in force");
        }
        *self.done_with() = pair.stamp;
        *in_force = pair;
    }

    fn done_with(&self) -> std::sync::MutexGuard<'_, Stamp> {
        self.done_with
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

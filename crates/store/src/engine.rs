//! A thread on which all of a store's connections live.
//!
//! Callers block until they are answered, also inside of another runtime: nothing of theirs is needed
//! for the answer.

use std::future::Future;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::error::StoreError;

/// A runtime on a thread of its own, until this is dropped.
pub(crate) struct Engine {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    pub(crate) fn start(name: &str) -> Result<Arc<Self>, StoreError> {
        let failed = |error| StoreError::Database(Box::new(error));
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                // Also ends when the sender is gone.
                let _ = runtime.block_on(stopped);
            })
            .map_err(failed)?;
        Ok(Arc::new(Self {
            handle,
            stop: Some(stop),
            thread: Some(thread),
        }))
    }

    /// Starts something that nobody waits for.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(work);
    }

    /// Blocks until the work is done on the engine's thread.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = sync_channel(1);
        self.handle.spawn(async move {
            // Whoever asked waits below.
            let _ = answer.send(work.await);
        });
        answered
            .recv()
            .unwrap_or_else(|_| Err(StoreError::Database("its thread has stopped".into())))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.stop.take());
        let Some(thread) = self.thread.take() else {
            return;
        };
        // The last to hold it may be a task of its own.
        if thread.thread().id() != std::thread::current().id() {
            let _ = thread.join();
        }
    }
}

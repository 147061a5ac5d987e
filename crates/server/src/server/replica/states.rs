//! The state that participants build on, in a follower's copy: taken from the store as soon as a contribution is
//! accepted, and ready to go out.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tauline_store::Store;
use tauline_transcript::{Base, RawContribution};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::base::CurrentBase;
use crate::coordinator::Coordinator;
use crate::forward::Known;

/// Pause before a state is asked for again that could not be had. The leader has it meanwhile.
const AGAIN: Duration = Duration::from_secs(1);

/// Keeps the last state. It ends when this is dropped.
pub(super) struct States {
    known: watch::Receiver<Option<Known>>,
    keeping: JoinHandle<()>,
}

impl States {
    /// The last state, once there is one.
    pub(super) fn known(&self) -> watch::Receiver<Option<Known>> {
        self.known.clone()
    }
}

impl Drop for States {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}

/// Begins to keep the state of what this coordinator, a copy, has in this store.
pub(super) fn keep(store: Arc<dyn Store>, coordinator: Coordinator) -> States {
    let (sender, known) = watch::channel(None);
    let keeping = tokio::spawn(async move {
        let mut number = None;
        while let Some(now) = coordinator.contributions_after(number).await {
            let (store, copy) = (Arc::clone(&store), coordinator.clone());
            let read = tokio::task::spawn_blocking(move || read(&*store, &copy)).await;
            match read.context("reading the state panicked").flatten() {
                Ok(state) => {
                    // It may be of a later one already, of which the copy hears then.
                    number = Some(now);
                    sender.send_replace(Some(state));
                }
                Err(error) => {
                    tracing::debug!(error = format!("{error:#}"), "the state is asked for again");
                    sleep(AGAIN).await;
                }
            }
        }
    });
    States { known, keeping }
}

/// Reads the state, and makes its usual documents. Blocks.
fn read(store: &dyn Store, copy: &Coordinator) -> anyhow::Result<Known> {
    let reading = store.reading()?;
    let (number, sizes) = (reading.contributions()?, copy.sizes());
    let base = match reading.head()? {
        Some(blob) => {
            let document = Arc::new(RawContribution::from_msgpack(blob.bytes())?);
            let pool = Arc::clone(copy.verifier().pool());
            CurrentBase::accepted(document, sizes, number, pool)?
        }
        None => CurrentBase::bare(Base::initial(sizes), number),
    };
    base.prepare()?;
    Ok(Known {
        id: base.id()?,
        base: Arc::new(base),
    })
}

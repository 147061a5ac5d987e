//! The data of a ceremony, opened at the start.

use std::sync::{Arc, Weak};

use anyhow::Context as _;
use tauline_queue_core::Timestamp;
use tauline_store::Store;
use tauline_store::apart::Apart;
use tauline_store::mark::MARK_NAME;
use tauline_store::objects::Objects;
use tauline_store::sqlite::{Found, Sqlite};
use tokio::task::JoinHandle;

use super::recovery::{NewCeremony, recover};
use super::taking::take_over;
use crate::clock::Clock;
use crate::config::Settings;
use crate::coordinator::{self, Coordinator, Copy, Crash};
use crate::measures::Measures;
use crate::snapshot::{FOLDER_NAME, Transcripts};
use crate::traces::Traces;
use crate::verifier::Verifier;

/// The ceremony, taken up where it stood.
pub(super) struct Opened {
    pub(super) store: Arc<dyn Store>,
    /// Ends when the data directory is free for another.
    pub(super) hold: Weak<()>,
    pub(super) coordinator: Coordinator,
    pub(super) task: JoinHandle<Result<(), Crash>>,
    pub(super) transcripts: Transcripts,
}

/// A store that is open.
pub(super) struct Stored {
    pub(super) store: Arc<dyn Store>,
    /// Ends when the data directory is free for another.
    pub(super) hold: Weak<()>,
}

/// What a coordinator is opened with.
pub(super) struct Opening {
    pub(super) settings: Settings,
    pub(super) clock: Clock,
    pub(super) log_origin: String,
    pub(super) measures: Arc<Measures>,
    pub(super) traces: Traces,
    /// A copy of the log, where there is one already.
    pub(super) copy: Option<Copy>,
}

/// Opens the embedded store and starts the coordinator, on a thread that may block.
pub(super) async fn open(opening: Opening) -> anyhow::Result<Opened> {
    open_on(opening, |opening, verifier| {
        let settings = &opening.settings;
        if let Some(bundle) = &settings.service.from_handover {
            verifier.run(|| take_over(bundle, &settings.service.data_dir))?;
        }
        if let Some(from) = settings.service.recover_from() {
            let new = NewCeremony {
                data_dir: &settings.service.data_dir,
                sizes: &settings.service.ceremony,
                rules: settings.rules(),
                origin: &opening.log_origin,
                pinned: settings.service.coordinator_address.as_deref(),
                at: opening.clock.now(),
            };
            verifier.run(|| recover(&from, &new))?;
        }
        let store = open_store(settings, opening.clock.now())?;
        let hold = store.hold();
        let store = Arc::new(Apart::new(store, objects(settings)?));
        Ok(Stored { store, hold })
    })
    .await
}

/// The same with a store that is opened so. Both block, on a thread for that.
pub(super) async fn open_on<F>(opening: Opening, opens: F) -> anyhow::Result<Opened>
where
    F: FnOnce(&Opening, &Verifier) -> anyhow::Result<Stored> + Send + 'static,
{
    let work = move || {
        let verifier = Verifier::new(opening.settings.turn.threads)
            .context("threads for verification cannot be started: lower --threads")?;
        let Stored { store, hold } = opens(&opening, &verifier)?;
        let Opening {
            settings,
            clock,
            log_origin,
            measures,
            traces,
            copy,
        } = opening;
        let rules = coordinator::CeremonySettings {
            rules: settings.rules(),
            sizes: settings.service.ceremony.clone(),
            sign_in: settings.sign_in.methods(),
            name: settings.service.name.clone(),
            log_origin,
            accept_missing_guard: settings.service.accept_missing_guard,
        };
        let for_task = Arc::clone(&store);
        let coordinator::Opened { coordinator, task } =
            coordinator::open_measured(for_task, rules, verifier, clock, &measures, traces, copy)?;
        let transcripts = Transcripts::new(
            Arc::clone(&store),
            settings.service.data_dir.join(FOLDER_NAME),
        )?;
        Ok(Opened {
            store,
            hold,
            coordinator,
            task,
            transcripts,
        })
    };
    tokio::task::spawn_blocking(work)
        .await
        .context("opening the data panicked")?
}

/// Where powers are kept, if it is apart from the rest.
pub(super) fn objects(settings: &Settings) -> anyhow::Result<Option<Arc<Objects>>> {
    let url = settings.service.blobs.as_deref();
    let objects = url.map(Objects::open).transpose().context("--blobs")?;
    if let Some(objects) = &objects {
        tracing::info!(
            at = objects.url(),
            "the powers of contributions are kept apart"
        );
    }
    Ok(objects.map(Arc::new))
}

/// Opens the store, and says what was found: nobody shall take a beginning for what was there.
fn open_store(settings: &Settings, now: Timestamp) -> anyhow::Result<Sqlite> {
    let pinned = settings.service.coordinator_address.as_deref();
    let store = Sqlite::open_as(
        &settings.service.data_dir,
        &settings.service.ceremony,
        now,
        pinned,
    )?;
    let coordinator = store.ceremony().address();
    let data = store.directory().display();
    match store.found() {
        Found::Nothing => tracing::warn!(
            %data,
            %coordinator,
            "A NEW ceremony begins, coordinator {coordinator}: nothing was in {data}"
        ),
        Found::WithoutSums => tracing::warn!(
            %data,
            %coordinator,
            "the data is of before there were digests: what was stored has gained them now, and is checked from now on"
        ),
        Found::Unmarked => tracing::warn!(
            %data,
            %coordinator,
            "there was no {MARK_NAME} beside the data, which says how far the ceremony had come: it is taken as it is"
        ),
        Found::Whole => tracing::info!(%data, %coordinator, "the ceremony goes on"),
    }
    Ok(store)
}

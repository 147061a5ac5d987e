//! Whether this server can serve participants (`docs/spec/http-api.md#ready`), and what is shown to
//! those who watch it.

mod disk;
mod process;
mod sample;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use tauline_queue_core::Timestamp;

use crate::clock::Clock;
use crate::config::Settings;
use crate::connections::Places;
use crate::coordinator::Coordinator;
use crate::measures::{Measures, list};
use crate::tls::Tls;

/// Why nobody can be served.
const OPENING: &str = "the data is being opened: its log is replayed and checked";
const STOPPING: &str =
    "the server stops; the next start goes on from here, and every place is kept";
const FAILED: &str = "the coordinator has failed and the process ends: start it again, it recovers";
const NO_LEADER: &str =
    "no replica leads: one takes the lead within seconds, unless the database of --store is gone";
const MUTE_LEADER: &str = "the replica that leads does not answer this one: see --replica-url";
const MOVED: &str =
    "the ceremony was handed over: /ceremony/status says where it is; nobody is served here";

/// How this server is.
pub(crate) struct Health {
    measures: Arc<Measures>,
    data_dir: PathBuf,
    min_free_disk: u64,
    tls: Option<Arc<Tls>>,
    /// When the server began.
    began: Timestamp,
    stage: RwLock<Stage>,
    /// Who leads, where there are several replicas.
    lead: RwLock<Option<LeadSeen>>,
    /// The connections of a replica, which are there whether it leads or not.
    places: OnceLock<Arc<Places>>,
}

/// Who leads, as this replica sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LeadSeen {
    /// Which leader since the ceremony began leads; none if nobody is known to.
    pub(crate) epoch: Option<u64>,
    /// Whether it is this one.
    pub(crate) is_here: bool,
    /// Whether it answers this one.
    pub(crate) answers: bool,
}

/// How far it has come.
enum Stage {
    Opening,
    /// Another replica leads, or is about to.
    Following,
    Serving(Serving),
    Stopping,
    Failed,
}

/// What is looked at while it serves.
#[derive(Clone)]
struct Serving {
    coordinator: Coordinator,
    places: Arc<Places>,
}

impl Health {
    /// Of a server that is about to open its data.
    pub(crate) fn opening(
        settings: &Settings,
        measures: Arc<Measures>,
        tls: Option<Arc<Tls>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            measures,
            data_dir: settings.service.data_dir.clone(),
            min_free_disk: settings.watch.min_free_disk,
            tls,
            began: Clock::system().wall(),
            stage: RwLock::new(Stage::Opening),
            lead: RwLock::default(),
            places: OnceLock::new(),
        })
    }

    /// Where things are recorded.
    pub(crate) fn measures(&self) -> &Arc<Measures> {
        &self.measures
    }

    /// From now on it serves.
    pub(crate) fn serves(&self, coordinator: Coordinator, places: Arc<Places>) {
        self.enter(Stage::Serving(Serving {
            coordinator,
            places,
        }));
    }

    /// These are the connections, as long as the process lasts.
    pub(crate) fn has_connections(&self, places: &Arc<Places>) {
        let _ = self.places.set(Arc::clone(places));
    }

    /// From now on another replica leads, or nobody.
    pub(crate) fn follows(&self) {
        self.enter(Stage::Following);
    }

    /// Who leads.
    pub(crate) fn sees(&self, seen: LeadSeen) {
        *self.lead.write().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    }

    /// From now on it stops. Nothing of the coordinator is held any more.
    pub(crate) fn stops(&self) {
        self.enter(Stage::Stopping);
    }

    /// The coordinator ended by itself.
    pub(crate) fn failed(&self) {
        self.enter(Stage::Failed);
    }

    /// Why participants cannot be served, if they cannot. A pause is the operator's, and no reason.
    pub(crate) fn not_ready(&self) -> Option<&'static str> {
        match &*self.stage.read().unwrap_or_else(PoisonError::into_inner) {
            Stage::Opening => Some(OPENING),
            Stage::Following => self.no_leader(),
            Stage::Serving(serving) => serving.not_ready(),
            Stage::Stopping => Some(STOPPING),
            Stage::Failed => Some(FAILED),
        }
    }

    /// Why the leader cannot serve participants for this replica.
    fn no_leader(&self) -> Option<&'static str> {
        let lead = self.lead.read().unwrap_or_else(PoisonError::into_inner);
        match *lead {
            None | Some(LeadSeen { epoch: None, .. }) => Some(NO_LEADER),
            Some(LeadSeen { answers: false, .. }) => Some(MUTE_LEADER),
            Some(_) => None,
        }
    }

    /// The page of metrics. It looks at the disk, and at what the system tells of this process.
    pub(crate) fn page(&self) -> String {
        let is_ready = self.not_ready().is_none();
        self.measures
            .set(&list::READY, &[], f64::from(u8::from(is_ready)));
        let version = ("version", env!("CARGO_PKG_VERSION"));
        self.measures.set(&list::BUILD, &[version], 1.0);
        sample::disk(&self.measures, &self.data_dir, self.min_free_disk);
        if let Some(tls) = &self.tls {
            sample::certificate(&self.measures, tls);
        }
        let lead = *self.lead.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(lead) = lead {
            sample::lead(&self.measures, lead.is_here, lead.epoch);
        }
        if let Some(Serving {
            coordinator,
            places,
        }) = self.serving()
        {
            sample::ceremony(&self.measures, &coordinator);
            sample::connections(&self.measures, &places);
        } else if let Some(places) = self.places.get() {
            sample::connections(&self.measures, places);
        }
        self.measures.page() + &process::page(self.began)
    }

    /// Warns, as long as it is polled, when the disk is nearly full.
    pub(crate) async fn watch_disk(&self) {
        disk::watch(&self.data_dir, self.min_free_disk).await;
    }

    fn serving(&self) -> Option<Serving> {
        match &*self.stage.read().unwrap_or_else(PoisonError::into_inner) {
            Stage::Serving(serving) => Some(serving.clone()),
            Stage::Opening | Stage::Following | Stage::Stopping | Stage::Failed => None,
        }
    }

    fn enter(&self, stage: Stage) {
        *self.stage.write().unwrap_or_else(PoisonError::into_inner) = stage;
    }
}

impl Serving {
    fn not_ready(&self) -> Option<&'static str> {
        match (self.coordinator.has_ended(), self.coordinator.has_moved()) {
            (true, _) => Some(FAILED),
            (false, true) => Some(MOVED),
            (false, false) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn nobody_is_served_before_the_data_is_open_and_after_the_end() {
        let settings = Settings::parse_from(["tauline-server", "--data-dir=/nonexistent"]);
        let health = Health::opening(&settings, Measures::recorded().unwrap(), None);
        assert_eq!(health.not_ready(), Some(OPENING));
        let page = health.page();
        assert!(page.contains("tauline_ready 0\n"), "{page}");
        assert!(!page.contains("tauline_mode"), "not known yet: {page}");
        assert!(!page.contains("tauline_disk_free_bytes"), "{page}");
        assert!(!page.contains("tauline_tls"), "there is no TLS: {page}");
        let mut seen = LeadSeen::default();
        health.follows();
        assert_eq!(health.not_ready(), Some(NO_LEADER));
        seen.epoch = Some(7);
        health.sees(seen);
        assert_eq!(health.not_ready(), Some(MUTE_LEADER));
        seen.answers = true;
        health.sees(seen);
        assert_eq!(health.not_ready(), None);
        let page = health.page();
        assert!(page.contains("tauline_leads 0\n"), "{page}");
        assert!(page.contains("tauline_leader_epoch 7\n"), "{page}");
        health.failed();
        assert_eq!(health.not_ready(), Some(FAILED));
        health.stops();
        health.sees(seen);
        assert_eq!(health.not_ready(), Some(STOPPING));
    }
}

//! What can change while the server runs, and is read again when the operator says so.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tauline_protocol::admin::AdminAnswer;

use crate::addresses::Proxies;
use crate::config::{LimitSettings, Settings, SettingsError};
use crate::http::app::App;
use crate::telemetry;
use crate::tls::Tls;

/// Settings that can change while the server runs, as the flags are named.
const RELOADABLE: [&str; 6] = [
    "--anonymous-rate",
    "--lobby-rate",
    "--log",
    "--login-rate",
    "--session-rate",
    "--trusted-proxies",
];

/// Where settings are read again.
pub(crate) type Source = Arc<dyn Fn() -> Result<Settings, SettingsError> + Send + Sync>;

/// The settings that are in force, and what follows them.
pub struct InForce {
    /// None in a replica that does not lead.
    app: RwLock<Option<Arc<App>>>,
    proxies: Proxies,
    tls: Option<Arc<Tls>>,
    settings: Mutex<Settings>,
    source: Source,
}

impl InForce {
    pub(super) fn new(
        app: Option<Arc<App>>,
        proxies: Proxies,
        tls: Option<Arc<Tls>>,
        settings: &Settings,
        source: Source,
    ) -> Arc<Self> {
        Arc::new(Self {
            app: RwLock::new(app),
            proxies,
            tls,
            settings: Mutex::new(settings.clone()),
            source,
        })
    }

    /// What the handlers work with, where there is a coordinator.
    pub(crate) fn app(&self) -> Option<Arc<App>> {
        let app = self.app.read().unwrap_or_else(PoisonError::into_inner);
        app.clone()
    }

    /// This is what the handlers work with from now on; nothing, while the coordinator is elsewhere.
    pub(super) fn serves(&self, app: Option<Arc<App>>) {
        *self.app.write().unwrap_or_else(PoisonError::into_inner) = app;
    }

    /// The limits that are in force.
    pub(super) fn limits(&self) -> LimitSettings {
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        settings.limits.clone()
    }

    /// Reads the settings, the certificate and the invitations again, puts in force what can be, and says so
    /// in the log. Of what is wrong nothing is put in force. It reads files.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn reload(&self) -> Result<AdminAnswer, String> {
        let reloaded = self.try_reload();
        match &reloaded {
            Ok(AdminAnswer::Reloaded { changed, restart }) => {
                tracing::info!(changed = changed.join("; "), "read again");
                if !restart.is_empty() {
                    tracing::warn!(
                        settings = restart.join(" "),
                        "these settings have changed and need a restart; they stay as they were"
                    );
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::error!(error, "could not be read again; all stays as it was");
            }
        }
        reloaded
    }

    fn try_reload(&self) -> Result<AdminAnswer, String> {
        let settings = (self.source)().map_err(|error| error.to_string())?;
        let filter = telemetry::parse(&settings.log.log).map_err(|error| error.to_string())?;
        let pair = self.tls.as_ref().map(|tls| tls.read()).transpose();
        let pair = pair.map_err(|error| error.to_string())?;
        let mut changed = Vec::new();
        let app = self.app();
        if let Some(invites) = app.as_ref().and_then(|app| app.sign_in.invites.as_ref()) {
            let count = invites.reload().map_err(|error| error.to_string())?;
            changed.push(format!("{count} invitations"));
        }
        if let (Some(tls), Some(pair)) = (&self.tls, pair) {
            tls.install(pair);
            changed.push("the certificate".to_owned());
        }
        let mut in_force = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let differing = settings.differing(&in_force);
        let (reloadable, restart): (Vec<_>, Vec<_>) = differing
            .into_iter()
            .partition(|name| RELOADABLE.contains(&name.as_str()));
        if let Some(app) = app {
            app.limits.reload(&settings.limits);
        }
        self.proxies.set(&settings.limits.trusted_proxies);
        telemetry::set_filter(filter);
        in_force.limits.clone_from(&settings.limits);
        in_force.take_over(&settings, &reloadable);
        changed.extend(reloadable);
        Ok(AdminAnswer::Reloaded { changed, restart })
    }
}

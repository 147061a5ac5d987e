//! What can change while the server runs, and is read again when the operator says so.

use std::sync::{Arc, Mutex, PoisonError};

use tauline_protocol::admin::AdminAnswer;

use crate::config::{Settings, SettingsError};
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
    pub(crate) app: Arc<App>,
    tls: Option<Arc<Tls>>,
    settings: Mutex<Settings>,
    source: Source,
}

impl InForce {
    pub(super) fn new(
        app: Arc<App>,
        tls: Option<Arc<Tls>>,
        settings: &Settings,
        source: Source,
    ) -> Arc<Self> {
        Arc::new(Self {
            app,
            tls,
            settings: Mutex::new(settings.clone()),
            source,
        })
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
        if let Some(invites) = &self.app.sign_in.invites {
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
        self.app.limits.reload(&settings.limits);
        self.app.proxies.set(&settings.limits.trusted_proxies);
        telemetry::set_filter(filter);
        in_force.take_over(&settings, &reloadable);
        changed.extend(reloadable);
        Ok(AdminAnswer::Reloaded { changed, restart })
    }
}

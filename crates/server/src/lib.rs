//! Tauline's coordinator: an HTTP server that runs a powers-of-tau ceremony.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! let settings = tauline_server::Settings::from_process()?;
//! let running = tauline_server::start(&settings).await?;
//! println!("participants reach it at {}", running.url());
//! running.until(async { /* until then */ }).await
//! # }
//! ```
//!
//! Inside, each module stands above those that it uses:
//!
//! | module | holds |
//! |---|---|
//! | `process` | signals, threads, the exit code |
//! | `server` | all of it together: opened, serving, stopped |
//! | `admin` | the operator's socket |
//! | `forward` | requests that reach a replica which does not lead |
//! | `routes` | the HTTP interface, one file a resource |
//! | `openapi` | the interface's document, and the page that shows it |
//! | `http` | what all routes share: admission, rate limits, bodies, refusals |
//! | `health` | whether this server can serve, and what is shown to those who watch it |
//! | `connections` | connections: taken, served, ended when nothing goes on on them |
//! | `live` | the ceremony's status as text, rendered once for all who ask or watch |
//! | `tls` | the certificate and its key, and another pair when their files change |
//! | `snapshot` | the current transcript as a file that readers share |
//! | `signin` | proofs of identity and the sessions they earn |
//! | `public_log` | the log that anybody can check: tree, checkpoints, tiles |
//! | `coordinator` | the one task that owns the queue |
//! | `config` | every setting: flag, environment variable, key of the file |
//! | `status` | statuses, as the API words them, from the queue's state |
//! | `recent` | the latest turns, as everybody who watches is told them |
//! | `submission` | a contribution that has arrived |
//! | `verifier` | verification of contributions, away from the async threads |
//! | `base` | what the next participant builds on, ready to send |
//! | `fingerprint` | what tells one contribution from another |
//! | `representation` | forms and compressions of documents |
//! | `refused` | an answer that says no, with its code and its words |
//! | `addresses` | whose address a request counts against |
//! | `measures` | what is measured |
//! | `traces` | spans for OpenTelemetry |
//! | `telemetry` | logs |
//! | `clock` | the only place that reads the time |

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod addresses;
mod admin;
mod base;
mod clock;
mod config;
mod connections;
#[allow(unreachable_pub)]
mod coordinator;
mod fingerprint;
mod forward;
mod health;
mod http;
mod live;
mod measures;
mod openapi;
mod process;
mod public_log;
mod recent;
mod refused;
mod representation;
mod routes;
mod server;
#[allow(unreachable_pub)]
mod signin;
mod snapshot;
mod status;
mod submission;
mod telemetry;
#[doc(hidden)]
pub mod testing;
mod tls;
mod traces;
mod verifier;
mod vetting;

pub use self::config::{
    Action, ConnectionSettings, ContributionLimit, EthereumSettings, GithubSettings, LimitSettings,
    LogSettings, OidcSettings, ReplicaSettings, SequencerSettings, ServiceSettings, Settings,
    SettingsError, SignInSettings, SignInWay, TlsSettings, TurnSettings, WaitingSettings,
    WatchSettings,
};
pub use self::process::run_process;
pub use self::public_log::WitnessSetting;
pub use self::server::{Replica, Running, start, start_replica};

//! Tauline's coordinator: an HTTP server that runs a powers-of-tau ceremony.
//!
//! | module | holds |
//! |---|---|
//! | [`config`] | every setting: flag, environment variable, key of the file |
//! | [`coordinator`] | the one task that owns the queue |
//! | [`base`] | the state that the next participant builds on, ready to send |
//! | [`refused`] | an answer that says no, with its code and its words |
//! | [`submission`] | a contribution that has arrived, and why one gets no receipt |
//! | [`representation`] | forms and compressions of documents |
//! | [`verifier`] | verification of contributions, away from the async threads |
//! | [`status`] | statuses, as the API words them, from the queue's state |
//! | [`snapshot`] | the current transcript as a file that readers share |
//! | [`admin`] | the operator's socket |
//! | [`signin`] | proofs of identity and the sessions they earn |
//! | [`routes`] | the HTTP interface, one file a resource |
//! | [`http`] | what all routes share: admission, limits, bodies, failures |
//! | `connections` | connections: taken, served, ended when nothing goes on on them |
//! | [`server`] | all of it together: opened, serving, stopped |
//! | [`telemetry`] | logs |
//! | [`clock`] | the only place that reads the time |

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod admin;
pub mod base;
pub mod clock;
pub mod config;
mod connections;
pub mod coordinator;
mod fingerprint;
pub mod http;
pub mod refused;
pub mod representation;
pub mod routes;
pub mod server;
pub mod signin;
pub mod snapshot;
pub mod status;
pub mod submission;
pub mod telemetry;
pub mod verifier;

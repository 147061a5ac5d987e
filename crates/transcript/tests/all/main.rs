//! Documents, updates and verification, as a program that uses this crate meets them. One binary: to
//! build one for each file would take minutes.
#![allow(clippy::unwrap_used, clippy::too_many_lines)]

mod contribution_arrival;
mod contribution_checks;
mod contribution_documents;
mod contribution_parts;
mod contribution_properties;
mod export;
mod fixtures;
mod history;
mod powers_forms;
mod recognise;
mod signatures;
mod support;
mod transcript_batches;
mod transcript_documents;
mod transcript_faults;
mod transcript_notes;
mod transcript_published;
mod vectors_contributions;
mod vectors_points;

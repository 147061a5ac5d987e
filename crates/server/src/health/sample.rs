//! What simply is, set when somebody asks for the page. It is read from what was published last and
//! costs the coordinator's thread nothing.

use std::path::Path;

use tauline_protocol::status::ModeWord;

use super::disk;
use crate::clock::Clock;
use crate::connections::Places;
use crate::coordinator::Coordinator;
use crate::measures::{Measures, list};
use crate::tls::Tls;

const MODES: [ModeWord; 3] = [ModeWord::Open, ModeWord::Draining, ModeWord::Halted];

pub(super) fn ceremony(measures: &Measures, coordinator: &Coordinator) {
    let status = coordinator.status();
    for mode in MODES {
        let is_in_force = f64::from(u8::from(mode == status.mode));
        measures.set(&list::MODE, &[("mode", mode.as_str())], is_in_force);
    }
    let is_paused = f64::from(u8::from(coordinator.is_paused()));
    let turn_age = status.turn.as_ref().map_or(0, |turn| turn.age_in_ms);
    for (metric, value) in [
        (&list::PAUSED, is_paused),
        (&list::CONTRIBUTIONS, status.contributions as f64),
        (&list::LINE_LENGTH, status.queue_length as f64),
        (&list::TURN_AGE, seconds(turn_age)),
        (&list::MEAN_TURN, seconds(status.mean_turn_in_ms)),
        (&list::EXPECTED_WAIT, seconds(status.expected_wait_in_ms)),
    ] {
        measures.set(metric, &[], value);
    }
    if let Some(cosigned) = status.log.cosigned {
        measures.set(&list::COSIGNATURES, &[], cosigned.by as f64);
        measures.set(&list::WITNESSES, &[], cosigned.of as f64);
    }
    let extent = coordinator.log().extent();
    measures.set(&list::LOG_ENTRIES, &[], extent.entries as f64);
    measures.set(&list::CHECKPOINT_ENTRIES, &[], extent.signed as f64);
    if let Some(signed_at) = extent.signed_at {
        let age = coordinator.clock().now().since(signed_at);
        measures.set(&list::CHECKPOINT_AGE, &[], age.as_secs_f64());
    }
}

/// Whether this replica leads, and which leader leads.
pub(super) fn lead(measures: &Measures, is_here: bool, epoch: Option<u64>) {
    measures.set(&list::LEADS, &[], f64::from(u8::from(is_here)));
    measures.set(&list::LEADER_EPOCH, &[], epoch.unwrap_or_default() as f64);
}

pub(super) fn connections(measures: &Measures, places: &Places) {
    let count = places.count();
    for (whose, count) in [
        ("participant", count.participants),
        ("stranger", count.strangers),
    ] {
        measures.set(&list::CONNECTIONS, &[("whose", whose)], count as f64);
    }
    measures.set(&list::CONNECTIONS_MAX, &[], count.most as f64);
    for (why, refused) in count.refused {
        measures.set_count(&list::CONNECTIONS_REFUSED, &[("why", why)], refused);
    }
}

pub(super) fn disk(measures: &Measures, data_dir: &Path, least: u64) {
    measures.set(&list::DISK_MIN_FREE, &[], least as f64);
    if let Some(free) = disk::free(data_dir) {
        measures.set(&list::DISK_FREE, &[], free as f64);
    }
}

/// The time left is below nothing once the certificate has expired.
pub(super) fn certificate(measures: &Measures, tls: &Tls) {
    let is_broken = f64::from(u8::from(tls.is_broken()));
    measures.set(&list::CERTIFICATE_BROKEN, &[], is_broken);
    if let Some(expires_at) = tls.expires_at() {
        let now = Clock::system().wall();
        let left = expires_at.as_millis() as f64 - now.as_millis() as f64;
        measures.set(&list::CERTIFICATE_LEFT, &[], left / 1000.0);
    }
}

fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}

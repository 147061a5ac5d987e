//! What a coordinator publishes of a simulated life.

use tauline_protocol::Identity;
use tauline_queue_core::Entry;

use crate::support::{Log, coordinator, opened, started};
use crate::world::Record;

pub(crate) fn published(records: &[Record]) -> Log {
    let mut log = Log::default();
    for (i, record) in records.iter().enumerate() {
        match record {
            Record::Started(at, rules) => {
                if i == 0 {
                    log.notice(*at, opened(&coordinator()));
                }
                log.notice(*at, started(rules));
            }
            Record::Entry(entry) => log.event(&Entry {
                at: entry.at,
                event: entry.event.clone().map_id(name),
            }),
        }
    }
    log
}

fn name(id: u64) -> Identity {
    Identity::invite(&format!("p{id}")).unwrap()
}

//! The disk that the data is on: a full one ends the coordinator, so its operator is told before.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::statvfs;

/// How often the free space is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How often the operator is told of it.
const TELL_EVERY: Duration = Duration::from_secs(3600);

/// The free bytes on the disk with this directory; none if that cannot be told.
pub(super) fn free(directory: &Path) -> Option<u64> {
    let disk = statvfs(directory).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Warns when fewer bytes than this are free, as long as it is polled.
pub(super) async fn watch(directory: &Path, least: u64) {
    let mut told = None;
    loop {
        if let Some(free) = free(directory).filter(|free| *free < least)
            && is_due(told, Instant::now())
        {
            told = Some(Instant::now());
            tracing::warn!(
                data = %directory.display(),
                free_mib = free >> 20,
                wanted_mib = least >> 20,
                "THE DISK IS NEARLY FULL: the coordinator ends when nothing can be written any more. Make room, or \
                 say with --min-free-disk how little is enough"
            );
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn is_due(told: Option<Instant>, now: Instant) -> bool {
    told.is_none_or(|told| now.saturating_duration_since(told) >= TELL_EVERY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_tells_what_is_free() {
        let directory = tempfile::tempdir().unwrap();
        assert!(free(directory.path()).is_some());
        assert_eq!(free(&directory.path().join("missing")), None);
    }

    #[test]
    fn the_operator_is_told_once_an_hour() {
        let told = Instant::now();
        assert!(is_due(None, told));
        assert!(!is_due(Some(told), told + Duration::from_secs(3599)));
        assert!(is_due(Some(told), told + TELL_EVERY));
    }
}

//! Downloads of the transcript: how many at a time, and how much they read ahead.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::rate::TooMany;
use crate::clock::alive::Moment;
use crate::config::LimitSettings;
use crate::connections::Place;

/// When to ask again for a download that would be one too many: others end by then, or are ended.
const AGAIN: Duration = Duration::from_secs(30);

/// For how long a download must have stood still to be ended for another. A slow link takes
/// something more often.
const STANDSTILL: Duration = Duration::from_secs(3);

/// Bytes that all downloads together read ahead, about: what 128 of them read at full speed.
const ALL_PIECES: u64 = 8 << 20;
/// Bytes that one reads ahead at most: a system call for more gains nothing.
const MAX_PIECE: u64 = 64 << 10;
/// And at the least: a page.
const MIN_PIECE: u64 = 4 << 10;

/// The downloads that have not ended.
pub(super) struct Downloads {
    max: Option<usize>,
    max_of_address: Option<usize>,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    next: u64,
    by_number: BTreeMap<u64, (IpAddr, Option<Arc<Place>>)>,
    by_address: HashMap<IpAddr, usize>,
}

impl Running {
    fn remove(&mut self, number: u64) -> Option<Arc<Place>> {
        let (address, place) = self.by_number.remove(&number)?;
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
        place
    }

    /// The one that has stood still for longest, if for long enough.
    fn stuck(&self) -> Option<u64> {
        let stands = |(number, (_, place)): (&u64, &(IpAddr, Option<Arc<Place>>))| {
            Some((place.as_ref()?.stands_since()?, *number))
        };
        let (since, number) = self.by_number.iter().filter_map(stands).min()?;
        (since.after(STANDSTILL) <= Moment::now()).then_some(number)
    }
}

impl Downloads {
    pub(super) fn new(settings: &LimitSettings) -> Arc<Self> {
        let limit = |max: usize| Some(max).filter(|max| *max > 0);
        Arc::new(Self {
            max: limit(settings.max_downloads),
            max_of_address: limit(settings.max_downloads_per_address),
            running: Mutex::default(),
        })
    }

    pub(super) fn begin(
        self: &Arc<Self>,
        address: IpAddr,
        place: Option<Arc<Place>>,
    ) -> Result<Download, TooMany> {
        let mut running = self.running();
        let of_address = running.by_address.get(&address).copied().unwrap_or(0);
        if self.max_of_address.is_some_and(|max| of_address >= max) {
            return Err(TooMany(AGAIN));
        }
        let mut goes = None;
        if self.max.is_some_and(|max| running.by_number.len() >= max) {
            let stuck = running.stuck().ok_or(TooMany(AGAIN))?;
            goes = running.remove(stuck);
        }
        let number = running.next;
        running.next += 1;
        running.by_number.insert(number, (address, place));
        *running.by_address.entry(address).or_default() += 1;
        drop(running);
        if let Some(goes) = goes {
            goes.leave();
        }
        let downloads = Arc::clone(self);
        Ok(Download { downloads, number })
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A download that has not ended.
pub(crate) struct Download {
    downloads: Arc<Downloads>,
    number: u64,
}

impl Download {
    /// How many bytes to read ahead of the reader: the more downloads there are, the fewer, so that
    /// together they hold little, however slow they are.
    pub(crate) fn piece(&self) -> u64 {
        let running = self.downloads.running().by_number.len() as u64;
        (ALL_PIECES / running.max(1)).clamp(MIN_PIECE, MAX_PIECE)
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        // The place, should it be the last of it, is given up outside of the lock.
        let place = self.downloads.running().remove(self.number);
        drop(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use clap::Parser as _;

    fn downloads(flags: &[&str]) -> Arc<Downloads> {
        let args = ["tauline-server"].iter().chain(flags);
        Downloads::new(&Settings::parse_from(args).limits)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn downloads_at_a_time_are_counted_by_address_and_in_all() {
        let downloads = downloads(&["--max-downloads-per-address=2", "--max-downloads=3"]);
        let begin = |address: &str| downloads.begin(ip(address), None);
        let first = begin("192.0.2.1").unwrap();
        let second = begin("192.0.2.1").unwrap();
        assert!(begin("192.0.2.1").is_err());
        let third = begin("192.0.2.2").unwrap();
        assert!(begin("192.0.2.3").is_err(), "and none of them stands still");
        drop(first);
        let fourth = begin("192.0.2.1").unwrap();
        assert!(begin("192.0.2.1").is_err());
        assert_eq!(fourth.piece(), MAX_PIECE);
        drop((second, third, fourth));
        assert!(downloads.running().by_address.is_empty());
    }

    #[test]
    fn many_downloads_hold_little_together() {
        let downloads = downloads(&["--max-downloads-per-address=0", "--max-downloads=0"]);
        let mut all = Vec::new();
        let mut held = 0;
        for _ in 0..5000 {
            let download = downloads.begin(ip("192.0.2.1"), None).unwrap();
            held += download.piece();
            all.push(download);
        }
        assert!(held < 64 << 20, "{held}");
        assert_eq!(all[0].piece(), MIN_PIECE);
        all.truncate(1);
        assert_eq!(all[0].piece(), MAX_PIECE);
    }
}

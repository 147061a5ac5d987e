//! How many connections there may be, and whose they are.
//!
//! A connection is a stranger's until a request with a session comes over it; then it is a
//! participant's, and stays so. Strangers are counted by address. When there is no more room at
//! all, the stranger that has done nothing for longest goes, and who comes gets the place: whoever
//! has signed in keeps the connection, and whoever wants to sign in gets one, however many others
//! hold what they were given.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tauline_store::TokenHash;

use super::activity::Activity;
use super::heads::Heads;
use super::refusals::{Refusals, Why};
use crate::addresses::{Proxies, network};
use crate::clock::alive::Moment;

/// Connections of one session that count as a participant's. Four times what one session may
/// hold answers open on; the others are strangers' to the end.
const PER_SESSION: u32 = 32;

/// Strangers that are chosen to leave at a time, since looking through all of them takes a while.
const CHOSEN: usize = 32;

/// How many connections there may be.
#[derive(Debug, Clone)]
pub(crate) struct Caps {
    /// In all.
    pub(crate) total: usize,
    /// Strangers' from one address; none is no limit.
    pub(crate) per_address: Option<usize>,
    /// Whose connections carry many people's requests, and do not count for an address.
    pub(crate) proxies: Proxies,
}

/// All connections.
pub(crate) struct Places {
    caps: Caps,
    refusals: Refusals,
    /// The memory of heads that are not whole yet.
    pub(super) heads: Heads,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    next: u64,
    total: usize,
    strangers: BTreeMap<u64, Arc<Activity>>,
    by_address: HashMap<IpAddr, usize>,
    by_session: HashMap<TokenHash, u32>,
    /// Strangers that are the next to go, as of when they were chosen.
    chosen: VecDeque<u64>,
    /// Strangers that have been told to go and are not gone yet.
    leaving: usize,
}

/// How many there are.
pub(crate) struct Count {
    /// Over which a session came.
    pub(crate) participants: usize,
    pub(crate) strangers: usize,
    /// How many there may be in all.
    pub(crate) most: usize,
    /// How many were refused, or closed for others, and why.
    pub(crate) refused: [(&'static str, u64); 3],
}

impl Places {
    pub(crate) fn new(caps: Caps) -> Arc<Self> {
        Arc::new(Self {
            caps,
            refusals: Refusals::default(),
            heads: Heads::default(),
            taken: Mutex::default(),
        })
    }

    /// How many connections there are, and were refused.
    pub(crate) fn count(&self) -> Count {
        let taken = self.taken();
        let strangers = taken.strangers.len();
        Count {
            participants: taken.total - strangers,
            strangers,
            most: self.caps.total,
            refused: self.refusals.total(),
        }
    }

    /// A place for a connection; `None` if there is none.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr, activity: &Arc<Activity>) -> Option<Place> {
        let peer = peer.to_canonical();
        let is_proxy = self.caps.proxies.contain(peer);
        let address = (!is_proxy).then(|| network(peer));
        let mut taken = self.taken();
        if let (Some(address), Some(most)) = (address, self.caps.per_address)
            && taken
                .by_address
                .get(&address)
                .is_some_and(|count| *count >= most)
        {
            self.refusals.count(Why::Address);
            return None;
        }
        if taken.total - taken.leaving >= self.caps.total {
            let goes = taken.next_to_go();
            self.refusals.count(Why::Room);
            let goes = goes?;
            goes.leave();
            taken.leaving += 1;
        }
        let number = taken.next;
        taken.next += 1;
        taken.total += 1;
        taken.strangers.insert(number, Arc::clone(activity));
        if let Some(address) = address {
            *taken.by_address.entry(address).or_default() += 1;
        }
        Some(Place {
            places: Arc::clone(self),
            activity: Arc::clone(activity),
            number,
            address,
            is_participants: AtomicBool::new(false),
            session: Mutex::default(),
        })
    }

    /// Tells of a connection that could not be taken.
    pub(super) fn failed(&self) {
        self.refusals.count(Why::System);
    }

    /// Tells of a connection whose request was refused for want of room.
    pub(super) fn refused(&self) {
        self.refusals.count(Why::Room);
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// The stranger that has done nothing for longest, or that has been served for longest where
    /// all are being served.
    fn next_to_go(&mut self) -> Option<Arc<Activity>> {
        if let Some(goes) = self.chosen_stranger() {
            return Some(goes);
        }
        let mut all: Vec<_> = self
            .strangers
            .iter()
            .filter(|(_, activity)| !activity.is_leaving())
            .map(|(number, activity)| (activity.standing(), *number))
            .collect();
        if all.len() > CHOSEN {
            all.select_nth_unstable(CHOSEN);
            all.truncate(CHOSEN);
        }
        all.sort_unstable();
        self.chosen = all.into_iter().map(|(_, number)| number).collect();
        self.chosen_stranger()
    }

    fn chosen_stranger(&mut self) -> Option<Arc<Activity>> {
        while let Some(number) = self.chosen.pop_front() {
            match self.strangers.get(&number) {
                Some(activity) if !activity.is_leaving() => return Some(Arc::clone(activity)),
                _ => {}
            }
        }
        None
    }

    fn forget_stranger(&mut self, number: u64, address: Option<IpAddr>) {
        if self.strangers.remove(&number).is_none() {
            return;
        }
        if let Some(address) = address
            && let Some(count) = self.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

/// A connection's place, free again when this is dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    activity: Arc<Activity>,
    number: u64,
    address: Option<IpAddr>,
    is_participants: AtomicBool,
    session: Mutex<Option<TokenHash>>,
}

impl Place {
    /// A request with this session, which is good, came over the connection.
    pub(crate) fn signed_in(&self, session: &TokenHash) {
        if self.is_participants.load(Ordering::Relaxed) {
            return;
        }
        let mut taken = self.places.taken();
        let count = taken.by_session.entry(*session).or_default();
        if *count >= PER_SESSION {
            return;
        }
        *count += 1;
        taken.forget_stranger(self.number, self.address);
        *self.session() = Some(*session);
        self.is_participants.store(true, Ordering::Relaxed);
    }

    /// Has the connection end now, to make room for others.
    pub(crate) fn leave(&self) {
        let mut taken = self.places.taken();
        if !self.activity.is_leaving() {
            self.activity.leave();
            taken.leaving += 1;
            self.places.refused();
        }
    }

    /// Since when the client has taken nothing of what is to be written; `None` while it does.
    pub(crate) fn stands_since(&self) -> Option<Moment> {
        self.activity.stands_since()
    }

    fn session(&self) -> MutexGuard<'_, Option<TokenHash>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.total -= 1;
        taken.leaving -= usize::from(self.activity.is_leaving());
        taken.forget_stranger(self.number, self.address);
        let session = self.session().take();
        if let Some(session) = session
            && let Some(count) = taken.by_session.get_mut(&session)
        {
            *count -= 1;
            if *count == 0 {
                taken.by_session.remove(&session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::activity::Times;
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    fn places(total: usize, per_address: Option<usize>) -> Arc<Places> {
        Places::new(Caps {
            total,
            per_address,
            proxies: Proxies::new(&["10.0.0.0/8".parse().unwrap()]),
        })
    }

    fn activity() -> Arc<Activity> {
        Arc::new(Activity::new(Times {
            idle: LONG,
            head: LONG,
            write: LONG,
        }))
    }

    fn take(places: &Arc<Places>, peer: &str) -> Option<(Place, Arc<Activity>)> {
        let activity = activity();
        let place = places.take(peer.parse().unwrap(), &activity)?;
        Some((place, activity))
    }

    #[tokio::test]
    async fn strangers_are_counted_by_address_and_participants_are_not() {
        let places = places(100, Some(2));
        let one = take(&places, "192.0.2.1").unwrap();
        let two = take(&places, "::ffff:192.0.2.1").unwrap();
        assert!(take(&places, "192.0.2.1").is_none());
        let six = [take(&places, "2001:db8::1"), take(&places, "2001:db8::2:1")];
        assert!(take(&places, "2001:db8::3").is_none(), "one network");
        let _other = take(&places, "2001:db8:0:1::1").unwrap();
        // Who signs in makes room, and so does who goes.
        one.0.signed_in(&[1; 32]);
        let count = places.count();
        assert_eq!((count.participants, count.strangers), (1, 4));
        assert_eq!(count.refused, [("address", 2), ("room", 0), ("system", 0)]);
        let three = take(&places, "192.0.2.1").unwrap();
        assert!(take(&places, "192.0.2.1").is_none());
        drop(two);
        let four = take(&places, "192.0.2.1").unwrap();
        drop((one, three, four, six));
        assert_eq!(places.taken().by_address.len(), 1);
        let proxied: Vec<_> = (0..50)
            .map(|_| take(&places, "10.1.2.3").unwrap())
            .collect();
        drop(proxied);
    }

    #[tokio::test]
    async fn when_there_is_no_room_the_stranger_goes_that_did_nothing_for_longest() {
        let places = places(3, None);
        let (first, first_does) = take(&places, "192.0.2.1").unwrap();
        let (second, second_does) = take(&places, "192.0.2.2").unwrap();
        let (third, third_does) = take(&places, "192.0.2.3").unwrap();
        first.signed_in(&[1; 32]);
        // The second is being served; the third, which came later, is not.
        let exchange = second_does.exchange();
        let (fourth, fourth_does) = take(&places, "192.0.2.4").unwrap();
        assert!(third_does.is_leaving() && !second_does.is_leaving());
        // It is on its way out: no further one goes for the same place.
        drop(third);
        fourth.signed_in(&[2; 32]);
        let fifth = take(&places, "192.0.2.5").unwrap();
        assert!(second_does.is_leaving(), "the last stranger");
        drop((second, exchange));
        fifth.0.signed_in(&[3; 32]);
        assert!(take(&places, "192.0.2.6").is_none(), "all are participants");
        assert!(!first_does.is_leaving() && !fourth_does.is_leaving());
        drop(first);
        take(&places, "192.0.2.6").unwrap();
    }

    #[tokio::test]
    async fn a_session_does_not_fill_the_house() {
        let places = places(100, Some(40));
        let all: Vec<_> = (0..40)
            .map(|_| {
                let (place, activity) = take(&places, "192.0.2.1").unwrap();
                place.signed_in(&[1; 32]);
                (place, activity)
            })
            .collect();
        let strangers = places.taken().strangers.len();
        assert_eq!(strangers, 40 - PER_SESSION as usize);
        drop(all);
        let taken = places.taken();
        assert!(taken.by_session.is_empty() && taken.by_address.is_empty());
        assert_eq!((taken.total, taken.leaving), (0, 0));
    }
}

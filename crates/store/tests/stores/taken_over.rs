//! Whoever follows a log takes over with what a replay finds, and only if it is the same log.

use tauline_queue_core::{Event, Rules, Ticket};
use tauline_store::check::{self, Checked, Following};
use tauline_store::sqlite::Sqlite;
use tauline_store::{Batch, Blob, Store, Write, sum};

use crate::both::both;
use crate::made_up::MadeUp;
use crate::place::{NOON, Place, small};

both! {
    whoever_follows_takes_over_with_what_a_replay_finds,
    whoever_follows_does_not_go_on_in_another_log,
    whoever_takes_over_notices_what_is_not_of_the_log,
}

/// What was found, in words that can be compared.
fn told(mut checked: Checked) -> String {
    let binding = checked.binding.take(sum::NONE);
    let state = checked.queue.state();
    let queue = format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        state.log_time(),
        state.contributions(),
        state.waiting(),
        state.last_contributed(),
        state.turn().map(|turn| turn.ticket),
        state.mode(),
        checked.queue.wake_at()
    );
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        queue,
        checked.chain,
        checked.last,
        checked.verifying.map(|it| (it.ticket, it.identity)),
        checked.restarts_while_verifying,
        binding,
        checked.tree.head(),
        checked.custody,
        checked.joined,
        checked.last_at,
        checked.turns,
        checked.history
    )
}

/// Takes what is new into account, as a copy of the ceremony does that is served meanwhile.
fn follow(following: &mut Following, store: &dyn Store) {
    loop {
        let news = following.go_on(store).unwrap();
        if news.is_empty() {
            return;
        }
        for news in news {
            let place = following.tree.push(news.entry.to_bytes());
            if let Some(Event::Joined { .. }) = news.entry.queue {
                following.joined.push(place);
            }
            if let Some((place, over)) = &news.over {
                following.history.contributions.take(*place, over);
            }
        }
    }
}

fn whoever_follows_takes_over_with_what_a_replay_finds(place: &Place) {
    let open = place.open();
    let store = open.store();
    let mut made = MadeUp::begin(store);
    for number in 1..=3 {
        made.turn(number);
    }
    for (followed, tail) in [(0, 0), (1, 0), (0, 4), (3, 2)] {
        let mut following = Following::begin(store, Rules::default()).unwrap();
        let before = made.turns;
        for number in 1..=followed {
            made.turn(before + number);
        }
        follow(&mut following, store);
        following.check(store).unwrap();
        assert_eq!(following.unchecked(), 0);
        for number in 1..=tail {
            made.turn(before + followed + number);
        }
        let taken = following.take_over(store).unwrap().unwrap();
        let replayed = check::everything(store, Rules::default()).unwrap();
        assert_eq!(told(taken), told(replayed), "{followed} {tail}");
    }
}

fn whoever_follows_does_not_go_on_in_another_log(place: &Place) {
    let open = place.open();
    let mut made = MadeUp::begin(open.store());
    for number in 1..=4 {
        made.turn(number);
    }
    let folder = tempfile::tempdir().unwrap();
    for turns in [0, 2, 4, 6] {
        // The same people in another ceremony: an earlier end, the same length, a later end.
        let other = folder.path().join(turns.to_string());
        let other = Sqlite::open(&other, &small(), NOON).unwrap();
        let mut others = MadeUp::begin(&other);
        for number in 1..=turns {
            others.turn(number);
        }
        let following = Following::begin(open.store(), Rules::default()).unwrap();
        assert!(following.take_over(&other).unwrap().is_none(), "{turns}");
    }
}

fn whoever_takes_over_notices_what_is_not_of_the_log(place: &Place) {
    let open = place.open();
    let store = open.store();
    let mut made = MadeUp::begin(store);
    for number in 1..=3 {
        made.turn(number);
    }
    let mut following = Following::begin(store, Rules::default()).unwrap();
    following.check(store).unwrap();
    made.turn(4);
    let stray = Write::Blob {
        ticket: Ticket::new(77),
        blob: Blob::new(vec![1]),
    };
    let writes = vec![stray];
    store.commit(&Batch { writes }).unwrap();
    let found = following.take_over(store).map(|_| ()).unwrap_err();
    assert!(found.to_string().contains("knows nothing of"), "{found}");
}

//! The time in which nobody led is made good, and no more than that: with few people the log is quiet, and
//! a new leader knows all the same until when the one before was there.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::Signal;
use tauline_protocol::public_log::Notice;
use tauline_protocol::status::QueueWord;
use tauline_queue_core::Event;

use crate::common::Client;
use crate::common::log::download;
use crate::common::replicas::Fleet;

/// How long nothing is written before the leader goes: far longer than the absence may be too long.
const QUIET: Duration = Duration::from_secs(12);

/// What the absence may be longer than the time without a leader: as long as a lease lasts after a renewal,
/// and the longest time in which a coordinator that lives does not look at the time.
const TOO_LONG: Duration = Duration::from_millis(3000 + 2500);

/// Three who wait, of whom one may start, and have been quiet for a while.
async fn quiet_line(fleet: &Fleet) -> Vec<Client> {
    let mut people = Vec::new();
    for who in 0..3 {
        let client = fleet.client(who, who).await;
        client.join().await;
        people.push(client);
    }
    tokio::time::sleep(QUIET).await;
    people
}

/// What the flags are: nobody is late while all are quiet.
const PATIENT: [&str; 4] = ["--start-limit", "60", "--checkin-min", "30"];

/// The time that everything here goes by, in milliseconds.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// What the log says of the last absence: until when the leader before was there, when the next one was, and
/// by how much it moved all deadlines. Nobody has lost anything by it.
async fn last_absence(fleet: &Fleet, at: usize, people: &[Client]) -> (u64, u64, Duration) {
    for (who, client) in people.iter().enumerate() {
        let status = client.at(fleet.url(at)).check_in().await;
        assert_eq!(status.ticket, Some(who as u64 + 1), "{status:?}");
        assert_ne!(status.queue_status, QueueWord::NotQueued);
    }
    // What has happened is signed within a second.
    let (log, (back, pause)) = loop {
        let log = download(&fleet.anonymous(at)).await;
        let last = log.entries.iter().rev();
        let mut last = last.take_while(|entry| entry.notice.is_none());
        let resumed = last.find_map(|entry| match entry.queue {
            Some(Event::Resumed { pause, .. }) => Some((entry.at.as_millis(), pause)),
            _ => None,
        });
        if let Some(resumed) = resumed {
            break (log, resumed);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    log.assert_fair(&[], &[]);
    let starts = log.entries.iter().filter_map(|it| it.notice.as_ref());
    let mut there = starts.filter_map(Notice::there_until);
    let there = there.next_back().expect("a start says it").as_millis();
    assert_eq!(pause, Duration::from_millis(back - there));
    (there, back, pause)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_leaders_death_deadlines_move_by_the_time_without_one_and_little_more() {
    let Some(mut fleet) = Fleet::begin(3, 3, &PATIENT).await else {
        return;
    };
    let people = quiet_line(&fleet).await;
    let (leader, epoch) = fleet.leads().unwrap();
    let alive = now();
    fleet.kill(leader);
    let dead = now();
    let (next, _) = fleet.leader_after(epoch).await;
    let (there, back, pause) = last_absence(&fleet, next, &people).await;
    let without = Duration::from_millis(back - alive);
    println!("{without:?} without a leader, and deadlines moved by {pause:?}");
    assert!(
        there <= dead,
        "it was there {} ms after it died",
        there - dead
    );
    assert!(pause >= Duration::from_millis(back - dead));
    assert!(pause <= without + TOO_LONG, "{pause:?} for {without:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_leader_that_stopped_deadlines_move_by_the_time_without_one() {
    let Some(mut fleet) = Fleet::begin(3, 3, &PATIENT).await else {
        return;
    };
    let people = quiet_line(&fleet).await;
    let (leader, epoch) = fleet.leads().unwrap();
    let told = now();
    fleet.signal(leader, Signal::TERM);
    let (next, _) = fleet.leader_after(epoch).await;
    let gone = now();
    fleet.stop(leader);
    let (there, back, pause) = last_absence(&fleet, next, &people).await;
    println!(
        "another led {} ms after the leader was told to stop, and deadlines moved by {pause:?}",
        back - told
    );
    // It was there after it was told, and until it gave the lead up.
    assert!(
        told <= there && there <= back && back <= gone,
        "{told} {there} {back} {gone}"
    );
}

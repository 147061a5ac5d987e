//! The leader is lost, stops, or freezes: another leads, and nobody loses a place.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tauline_protocol::status::{EndedWord, QueueStatus, QueueWord};

use crate::common::crowd::Crowd;
use crate::common::log::{Watcher, download};
use crate::common::replicas::Fleet;
use crate::common::{Client, SMALL};

/// Who has the turn, and who waits.
const PEOPLE: usize = 6;

/// A line in which the first has started, each of them at another replica.
struct Line {
    people: Vec<Client>,
    tickets: Vec<Option<u64>>,
}

impl Line {
    async fn form(fleet: &Fleet) -> Self {
        let (mut people, mut tickets) = (Vec::new(), Vec::new());
        for who in 0..PEOPLE {
            let client = fleet.client(who % fleet.replicas.len(), who).await;
            tickets.push(client.join().await.ticket);
            people.push(client);
        }
        people[0].start(&SMALL.parse().unwrap()).await;
        Self { people, tickets }
    }

    /// Everybody goes to this replica from now on.
    fn goes_to(&mut self, url: &str) {
        for client in &mut self.people {
            *client = client.at(url.to_owned());
        }
    }

    /// Everybody has the place that it had, and all contribute in order. Whoever checks the log finds that
    /// it was fair.
    async fn goes_on_in_order(self, fleet: &Fleet, at: usize) {
        for (who, client) in self.people.iter().enumerate() {
            let status = client.check_in().await;
            let expected = match who {
                0 => QueueWord::Contributing,
                _ => QueueWord::Queued,
            };
            assert_eq!(status.queue_status, expected, "{who}: {status:?}");
            assert_eq!(status.ticket, self.tickets[who]);
        }
        let sizes = SMALL.parse().unwrap();
        for (who, client) in self.people.iter().enumerate() {
            if who > 0 {
                let status = client.wait_for_turn().await;
                assert_eq!(status.queue_status, QueueWord::ReadyToContribute);
            }
            let receipt = client.contribute(&sizes).await;
            let status = client.check_in().await;
            assert_eq!(status.receipt, Some(receipt), "{who}");
        }
        let log = download(&fleet.anonymous(at)).await;
        let report = log.assert_fair(&[], &[]);
        assert_eq!(report.statistics.outcomes.contributed, PEOPLE as u64);
    }
}

/// How long it takes until a check-in is answered that was not made to a replica that leads.
async fn until_served(client: &Client) -> (Duration, QueueStatus) {
    let since = Instant::now();
    loop {
        let request = client.request(reqwest::Method::POST, "/queue/checkin");
        if let Ok(answer) = request.send().await
            && answer.status() == 200
        {
            return (since.elapsed(), answer.json().await.unwrap());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_leads_within_five_seconds_of_the_leaders_loss_and_nobody_loses_a_place() {
    let Some(mut fleet) = Fleet::begin(3, PEOPLE, &[]).await else {
        return;
    };
    let (leader, epoch) = fleet.leads().unwrap();
    let mut line = Line::form(&fleet).await;
    let followers = fleet.followers(leader);
    line.goes_to(&fleet.url(followers[0]));
    // Somebody whose answer is held when it happens gets one all the same.
    let held = line.people[1].clone();
    let held = tokio::spawn(async move { held.check_in_held(30.0).await });
    let again = fleet.client(followers[0], 1).await;
    again.until_another_is_held().await;
    fleet.kill(leader);
    let (took, status) = until_served(&line.people[2]).await;
    println!("a follower's participants are served {took:?} after the leader was killed");
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(status.ticket, line.tickets[2]);
    let (next, later) = fleet.leads().unwrap();
    assert!(next != leader && later > epoch);
    held.abort();
    fleet.start(leader);
    fleet.until_ready(leader, true).await;
    line.goes_to(&fleet.url(leader));
    line.goes_on_in_order(&fleet, leader).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_stops_is_followed_by_another_within_a_second() {
    let Some(mut fleet) = Fleet::begin(3, PEOPLE, &[]).await else {
        return;
    };
    let (leader, epoch) = fleet.leads().unwrap();
    let mut line = Line::form(&fleet).await;
    let followers = fleet.followers(leader);
    line.goes_to(&fleet.url(followers[0]));
    let held = line.people[1].clone();
    let held = tokio::spawn(async move { held.check_in_held(30.0).await });
    let again = fleet.client(followers[0], 1).await;
    again.until_another_is_held().await;
    fleet.signal(leader, Signal::TERM);
    // Whoever is asked from now on is the one that stops, or the next.
    let since = Instant::now();
    while fleet.leads().is_none_or(|(_, now)| now == epoch) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let (took, status) = until_served(&line.people[2]).await;
    let all = since.elapsed();
    println!(
        "another serves {all:?} after the leader was told to stop ({took:?} after the change)"
    );
    assert!(all < Duration::from_secs(1), "{all:?}");
    assert_eq!(status.ticket, line.tickets[2]);
    assert_eq!(held.await.unwrap().ticket, line.tickets[1]);
    let exit = fleet.stop(leader);
    assert!(exit.success(), "{exit:?}: {}", fleet.log(leader));
    let (next, _) = fleet.leads().unwrap();
    line.goes_on_in_order(&fleet, next).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_was_frozen_past_its_lease_says_nothing_more_and_follows() {
    let Some(mut fleet) = Fleet::begin(3, PEOPLE, &["--lease", "1"]).await else {
        return;
    };
    for who in 0..3 {
        let (leader, epoch) = fleet.leads().unwrap();
        let watcher = Watcher::begin(&fleet.url(leader), None);
        let client = fleet.client(leader, who).await;
        client.join().await;
        fleet.signal(leader, Signal::STOP);
        // What it is asked while it is frozen, it answers when it goes on.
        let asked = tokio::spawn({
            let client = client.clone();
            async move {
                let request = client.request(reqwest::Method::POST, "/queue/leave");
                request.send().await.unwrap().status()
            }
        });
        let (next, _) = fleet.leader_after(epoch).await;
        assert_ne!(next, leader);
        let there = client.at(fleet.url(next));
        let before = there.check_in().await;
        assert_ne!(before.queue_status, QueueWord::NotQueued);
        let records = there.status().await.log.records;
        fleet.signal(leader, Signal::CONT);
        // It is passed on to whoever leads, or refused; and never is it said that it was done without being.
        let answered = asked.await.unwrap();
        let after = there.check_in().await;
        println!(
            "it answers {answered}, and the stay is over: {:?}",
            after.ended
        );
        match answered.as_u16() {
            200 => assert_eq!(after.ended, Some(EndedWord::Left)),
            503 => assert!(matches!(after.ended, None | Some(EndedWord::Left))),
            other => panic!("{other}"),
        }
        fleet.until_ready(leader, true).await;
        assert!(!fleet.has_ended(leader), "{}", fleet.log(leader));
        let at_last = fleet.anonymous(leader).status().await;
        assert!(at_last.log.records >= records);
        assert_eq!(fleet.metric(leader, "tauline_leads").await, Some(0.0));
        let shown = watcher.end().await;
        let log = download(&fleet.anonymous(leader)).await;
        log.assert_fair(&shown, &[]);
        // Nobody is left who has the turn.
        there.post("/queue/leave").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_goes_on_while_replicas_stop_and_start_by_turns() {
    const CROWD: usize = 24;
    let Some(mut fleet) = Fleet::begin(3, CROWD, &[]).await else {
        return;
    };
    let watcher = Watcher::begin(&fleet.url(0), None);
    let mut crowd = Crowd::among(fleet.urls());
    crowd.come(CROWD);
    let mut number = 0;
    while crowd.unfinished() > 0 {
        let exit = fleet.stop(number);
        assert!(exit.success(), "{exit:?}: {}", fleet.log(number));
        fleet.start(number);
        fleet.until_ready(number, true).await;
        number = (number + 1) % 3;
    }
    crowd.assert_kept(watcher.end()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_goes_on_while_leaders_freeze_and_thaw() {
    const CROWD: usize = 16;
    let Some(mut fleet) = Fleet::begin(3, CROWD, &["--lease", "1"]).await else {
        return;
    };
    let watchers = [0, 1, 2].map(|number| Watcher::begin(&fleet.url(number), None));
    let mut crowd = Crowd::among(fleet.urls());
    let mut freezes = 0;
    for _ in 0..4 {
        crowd.come(CROWD / 4);
        tokio::time::sleep(Duration::from_millis(150)).await;
        let Some((leader, epoch)) = fleet.leads() else {
            continue;
        };
        fleet.signal(leader, Signal::STOP);
        fleet.leader_after(epoch).await;
        fleet.signal(leader, Signal::CONT);
        freezes += 1;
    }
    assert!(freezes > 0);
    while crowd.unfinished() > 0 {
        fleet.start_ended();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let shown = async {
        let mut shown = Vec::new();
        for watcher in watchers {
            shown.extend(watcher.end().await);
        }
        shown
    };
    crowd.assert_kept(shown).await;
}

//! Replicas and their database on machines of their own, which are parted: packets are lost both ways, and
//! nobody is told.

use std::time::{Duration, Instant};

use tauline_protocol::error::Code;

use crate::common::crowd::Crowd;
use crate::common::log::{Watcher, download};
use crate::common::namespaces::Machines;
use crate::common::replicas::{DATABASE, Fleet, machine_of};

/// Who comes before they are parted, and as many while they are.
const CROWD: usize = 6;

/// Whoever is at a replica that is cut off notices, goes to another and is not late there.
const FLAGS: [&str; 6] = ["--lease", "1", "--start-limit", "60", "--checkin-min", "30"];

/// How long a participant waits for an answer: longer than answers are held.
const PATIENCE: Duration = Duration::from_secs(8);

/// Within what time something has to happen at all.
const LIMIT: Duration = Duration::from_secs(60);

const LOOK: Duration = Duration::from_millis(10);

/// Replicas that are parted in some way while a crowd takes part.
struct Parted {
    fleet: Fleet,
    leader: usize,
    epoch: u64,
    /// One that does not lead.
    follower: usize,
    crowd: Crowd,
    watcher: Watcher,
}

impl Parted {
    /// A crowd has begun to contribute. None where namespaces cannot be made.
    async fn begin() -> Option<Self> {
        let machines = Machines::make(4)?;
        // Two more, for whom the test itself speaks.
        let fleet = Fleet::on_machines(machines, 3, 2 * CROWD + 2, &FLAGS).await?;
        let (leader, epoch) = fleet.leads().unwrap();
        let [follower, other] = fleet.followers(leader)[..] else {
            unreachable!()
        };
        for number in 0..3 {
            fleet.until_ready(number, true).await;
        }
        let watcher = Watcher::begin(&fleet.url(other), None);
        let mut crowd = Crowd::among(fleet.urls()).giving_up_after(PATIENCE);
        crowd.come(CROWD);
        while crowd.unfinished() == CROWD {
            tokio::time::sleep(LOOK).await;
        }
        Some(Self {
            fleet,
            leader,
            epoch,
            follower,
            crowd,
            watcher,
        })
    }

    fn machines(&self) -> &Machines {
        self.fleet.machines.as_ref().unwrap()
    }

    /// They reach each other again, and all are served by whoever leads: nothing is lost, and there is one
    /// log, the same everywhere.
    async fn end(mut self) {
        while self.crowd.unfinished() > 0 {
            self.fleet.start_ended();
            tokio::time::sleep(LOOK).await;
        }
        for number in 0..3 {
            self.fleet.until_ready(number, true).await;
        }
        let first = download(&self.fleet.anonymous(0)).await.checkpoint.tree;
        for number in 1..3 {
            let log = download(&self.fleet.anonymous(number)).await;
            let same = log.tree.at(first.size).unwrap().head();
            assert_eq!(same, first, "two logs");
        }
        self.crowd.assert_kept(self.watcher.end()).await;
    }

    /// Waits until a replica has written this about itself, which shows that it is parted.
    async fn until_said(&self, number: usize, what: &str) {
        let begun = Instant::now();
        while !self.fleet.log(number).contains(what) {
            assert!(begun.elapsed() < LIMIT, "{}", self.fleet.log(number));
            tokio::time::sleep(LOOK).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_is_parted_from_the_database_passes_on_what_it_is_asked() {
    let Some(mut parted) = Parted::begin().await else {
        return;
    };
    let Parted {
        leader,
        epoch,
        follower,
        ..
    } = parted;
    let there = parted.fleet.client(follower, 2 * CROWD).await;
    parted.machines().part(DATABASE, machine_of(follower));
    parted.crowd.come(CROWD);
    parted
        .until_said(follower, "the database cannot be asked who leads")
        .await;
    // All that it needs for this is the leader.
    let place = there.join().await;
    assert_eq!(there.check_in().await.ticket, place.ticket);
    there.post("/queue/leave").await.expect_ok();
    assert_eq!(parted.fleet.leads(), Some((leader, epoch)));
    parted.machines().join(DATABASE, machine_of(follower));
    parted.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_parted_from_the_database_is_followed_by_another() {
    let Some(mut parted) = Parted::begin().await else {
        return;
    };
    let (leader, epoch) = (parted.leader, parted.epoch);
    parted.machines().part(DATABASE, machine_of(leader));
    parted.crowd.come(CROWD);
    let since = Instant::now();
    let (next, later) = parted.fleet.leader_after(epoch).await;
    println!("another leads after {:?}", since.elapsed());
    assert_ne!(next, leader);
    parted
        .until_said(leader, "the lease could not be renewed in time")
        .await;
    // It says nothing any more of what it knew.
    let refused = parted.fleet.anonymous(leader).post("/queue/join").await;
    refused.expect_error(Code::Unavailable);
    parted.machines().join(DATABASE, machine_of(leader));
    parted.fleet.until_ready(leader, true).await;
    assert_eq!(parted.fleet.leads(), Some((next, later)));
    parted.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_is_parted_from_the_leader_sends_everybody_elsewhere() {
    let Some(mut parted) = Parted::begin().await else {
        return;
    };
    let Parted {
        leader,
        epoch,
        follower,
        ..
    } = parted;
    let here = parted.fleet.client(follower, 2 * CROWD).await;
    let place = here.join().await;
    parted
        .machines()
        .part(machine_of(leader), machine_of(follower));
    parted.crowd.come(CROWD);
    parted.fleet.until_ready(follower, false).await;
    let refused = here.post("/queue/checkin").await;
    refused.expect_error(Code::Unavailable);
    let elsewhere = here.at(parted.fleet.url(leader));
    assert_eq!(elsewhere.check_in().await.ticket, place.ticket);
    elsewhere.post("/queue/leave").await.expect_ok();
    assert_eq!(parted.fleet.leads(), Some((leader, epoch)));
    parted
        .machines()
        .join(machine_of(leader), machine_of(follower));
    parted.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_cut_off_from_everybody_follows_when_it_is_back() {
    let Some(mut parted) = Parted::begin().await else {
        return;
    };
    let (leader, epoch) = (parted.leader, parted.epoch);
    parted.machines().cut_off(machine_of(leader));
    parted.crowd.come(CROWD);
    let since = Instant::now();
    let (next, later) = parted.fleet.leader_after(epoch).await;
    println!("another leads after {:?}", since.elapsed());
    assert_ne!(next, leader);
    parted
        .until_said(leader, "the lease could not be renewed in time")
        .await;
    parted.machines().mend(machine_of(leader));
    parted.fleet.until_ready(leader, true).await;
    assert_eq!(parted.fleet.leads(), Some((next, later)));
    parted.end().await;
}

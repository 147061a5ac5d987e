//! The machine's clock is another when the coordinator starts again: set back, set forward, or another
//! machine's. Nobody loses a place, and time in the log never falls (`docs/spec/queue.md#log-time`).

use std::time::Duration;

use tauline_protocol::status::QueueWord;
use tauline_queue_core::Timestamp;
use tauline_server::testing::clock::Clock;
use tauline_transcript::{Base, Sizes};

use crate::common::crowd::Kept;
use crate::common::log::download;
use crate::common::{Client, NOON, TestServer};

const HOUR: Duration = Duration::from_secs(3600);

/// Somebody in line or in the turn, by their place.
struct Person {
    client: Client,
    ticket: Option<u64>,
    kept: Kept,
}

/// A turn that runs, and people who wait behind it.
struct Line {
    people: Vec<Person>,
    /// What the first of them builds on.
    base: Base,
}

impl Line {
    async fn begin(server: &TestServer) -> Self {
        let mut people = Vec::new();
        for number in 1..=4 {
            let client = server.client(number).await;
            let status = client.join().await;
            let mut kept = Kept::default();
            kept.hear(&status);
            people.push(Person {
                client,
                ticket: status.ticket,
                kept,
            });
        }
        let base = people[0].client.start(&server.sizes()).await;
        Self { people, base }
    }

    /// All go to the coordinator, which has started again, and have what they had.
    async fn come_back(&mut self, server: &TestServer) {
        for (ahead, person) in (0..).zip(&mut self.people) {
            person.client = person.client.at(server.url());
            let status = person.client.check_in().await;
            assert_eq!(status.ended, None, "{status:?}");
            assert_eq!(status.ticket, person.ticket, "{status:?}");
            assert_eq!(status.queue_position, Some(ahead), "{status:?}");
            let expected = match ahead {
                0 => QueueWord::Contributing,
                _ => QueueWord::Queued,
            };
            assert_eq!(status.queue_status, expected, "{status:?}");
            person.kept.hear(&status);
        }
    }

    /// Each contributes, one after the other. Then the log is fair, and its time never falls: that of
    /// its last entry.
    async fn ends_well(self, server: &TestServer, sizes: &Sizes) -> Timestamp {
        let first = &self.people[0].client;
        let contribution = first.contribution(&self.base);
        first.complete(&contribution).await.expect_ok();
        let mut kept = Vec::new();
        for (ahead, mut person) in self.people.into_iter().enumerate() {
            if ahead > 0 {
                let status = person.client.check_in().await;
                assert_eq!(status.queue_status, QueueWord::ReadyToContribute);
                person.kept.hear(&status);
                person.client.contribute(sizes).await;
            }
            person.kept.hear(&person.client.check_in().await);
            kept.push(person.kept.keepsake());
        }
        let contributions = kept.len() as u64;
        let log = download(&server.anonymous()).await;
        assert!(log.entries.is_sorted_by_key(|entry| entry.at));
        let report = log.assert_fair(&[], &kept);
        assert_eq!(report.statistics.outcomes.contributed, contributions);
        log.entries.last().unwrap().at
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_and_forward_between_starts_costs_nobody_a_place() {
    let mut server = TestServer::at_noon(&[]).await;
    let mut line = Line::begin(&server).await;
    let back = |from: Timestamp| from.saturating_sub(HOUR);
    let forward = |from: Timestamp| from.saturating_add(HOUR);
    // Behind the log, back at its end, an hour after it, and behind it again.
    let eleven = back(NOON);
    for time in [eleven, NOON, forward(NOON), eleven, forward(forward(NOON))] {
        server = server.restart_at(time).await;
        line.come_back(&server).await;
        server.pass(Duration::from_secs(3)).await;
        line.come_back(&server).await;
    }
    let sizes = server.sizes();
    let last = line.ends_well(&server, &sizes).await;
    assert!(last >= forward(forward(NOON)), "{last}");
}

#[tokio::test]
async fn a_machine_whose_clock_is_an_hour_behind_the_log_goes_on_from_the_log() {
    let ahead = Clock::system().now().saturating_add(HOUR);
    let server = TestServer::at(ahead, &[]).await;
    let mut line = Line::begin(&server).await;
    server.pass(Duration::from_secs(2)).await;
    let server = server.restart_on_the_machines_clock().await;
    line.come_back(&server).await;
    let sizes = server.sizes();
    let last = line.ends_well(&server, &sizes).await;
    assert!(last >= ahead, "{last}");
}

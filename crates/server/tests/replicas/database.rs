//! The database is away.

use std::time::Duration;

use crate::common::crowd::Crowd;
use crate::common::log::Watcher;
use crate::common::replicas::Fleet;

const PEOPLE: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_the_database_is_killed_and_started_again() {
    let Some(mut fleet) = Fleet::begin(3, 2 * PEOPLE, &["--lease", "1"]).await else {
        return;
    };
    let watcher = Watcher::begin(&fleet.url(0), None);
    let mut crowd = Crowd::among(fleet.urls());
    for away in [0, 200, 1500, 4000] {
        crowd.come(PEOPLE / 2);
        tokio::time::sleep(Duration::from_millis(700)).await;
        tokio::task::block_in_place(|| fleet.postgres.kill());
        tokio::time::sleep(Duration::from_millis(away)).await;
        tokio::task::block_in_place(|| fleet.postgres.start_again());
    }
    while crowd.unfinished() > 0 {
        fleet.start_ended();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    crowd.assert_kept(watcher.end()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_away_whoever_asks_is_told_when_to_come_back() {
    let Some(fleet) = Fleet::begin(2, 2, &["--lease", "1"]).await else {
        return;
    };
    let (_, epoch) = fleet.leads().unwrap();
    tokio::task::block_in_place(|| fleet.postgres.kill());
    for number in 0..2 {
        fleet.until_ready(number, false).await;
        let answer = fleet.anonymous(number).post("/queue/join").await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        let after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=10).contains(&after), "{after}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert!(answer.header("x-request-id").is_some());
        // The sequencer's clients are told so in its words.
        let poll = fleet.anonymous(number).post("/lobby/try_contribute").await;
        let said: serde_json::Value = poll.json();
        assert!(poll.status >= 400 && said["code"].is_string(), "{said}");
        assert_eq!(said.as_object().unwrap().len(), 2, "{said}");
        // What is the same everywhere is there all the same.
        for path in ["/", "/docs", "/healthz"] {
            fleet.anonymous(number).get(path).await.expect_ok();
        }
    }
    tokio::task::block_in_place(|| fleet.postgres.start_again());
    fleet.leader_after(epoch).await;
    for number in 0..2 {
        fleet.until_ready(number, true).await;
        let client = fleet.client(number, number).await;
        assert!(client.join().await.ticket.is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_the_database_stands_still_for_longer_than_a_lease() {
    let Some(mut fleet) = Fleet::begin(2, PEOPLE, &["--lease", "1"]).await else {
        return;
    };
    let watcher = Watcher::begin(&fleet.url(0), None);
    let mut crowd = Crowd::among(fleet.urls());
    for still in [1500, 6000] {
        crowd.come(PEOPLE / 2);
        tokio::time::sleep(Duration::from_millis(500)).await;
        tokio::task::block_in_place(|| fleet.postgres.freeze());
        tokio::time::sleep(Duration::from_millis(still)).await;
        tokio::task::block_in_place(|| fleet.postgres.thaw());
    }
    while crowd.unfinished() > 0 {
        assert!(
            !fleet.has_ended(0) && !fleet.has_ended(1),
            "it goes on by itself"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    crowd.assert_kept(watcher.end()).await;
}

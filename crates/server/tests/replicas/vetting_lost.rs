//! The replica that verifies an upload is killed or stands still, or the leader is while it does: whoever sent it
//! loses nothing.

use std::time::{Duration, Instant};

use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::status::QueueWord;
use tokio::task::JoinHandle;

use crate::common::Client;
use crate::common::log::download;
use crate::common::replicas::Fleet;
use crate::vetting::{BELIEVED, MISSED, begun, count, verified};

/// How long a replica is waited for that comes to no verdict, and the rest of what it takes.
const PATIENCE: Duration = Duration::from_secs(5);

/// The places at which it ends: with the document read, and with the verdict.
const PLACES: [&str; 2] = ["vetting-read", "vetting-judged"];

/// A fleet whose follower ends, or stands still, at a place.
async fn fleet(count: usize, place: &str, freezes: bool, more: &[&str]) -> Option<(Fleet, usize)> {
    let mut fleet = Fleet::begin(count, 1, more).await?;
    let (leader, _) = fleet.leads().unwrap();
    let follower = fleet.followers(leader)[0];
    fleet.stop(follower);
    match freezes {
        true => fleet.start_to_freeze(follower, place),
        false => fleet.start_until(follower, Some(place)),
    }
    fleet.until_ready(follower, true).await;
    Some((fleet, follower))
}

/// Sends until it is answered with a receipt.
async fn sent(client: &Client, body: &[u8]) -> SignedReceipt {
    loop {
        let request = client.request(reqwest::Method::POST, "/contribution/complete");
        let request = request.header("content-type", "application/json");
        if let Ok(answer) = request.body(body.to_vec()).send().await {
            match answer.status().as_u16() {
                200 => return answer.json().await.unwrap(),
                503 => {}
                other => panic!("{other}: {}", answer.text().await.unwrap()),
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn send(client: &Client, body: &[u8]) -> JoinHandle<SignedReceipt> {
    let (client, body) = (client.clone(), body.to_vec());
    tokio::spawn(async move { sent(&client, &body).await })
}

async fn counts_once(client: &Client, receipt: &SignedReceipt) {
    let status = client.check_in().await;
    assert_eq!(status.queue_status, QueueWord::Contributed);
    assert_eq!(status.receipt.as_ref(), Some(receipt));
    let report = download(client).await.assert_fair(&[], &[]);
    assert_eq!(report.statistics.outcomes.contributed, 1);
}

/// Waits until a contribution is there that has no verdict yet.
async fn until_submitted(client: &Client) {
    while client.check_in().await.queue_status != QueueWord::Verifying {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_replica_was_verifying_that_is_killed_is_verified_by_the_leader_at_once() {
    for place in PLACES {
        let Some((mut fleet, follower)) = fleet(2, place, false, &[]).await else {
            return;
        };
        let (leader, epoch) = fleet.leads().unwrap();
        let (client, base) = begun(&fleet, follower, 0).await;
        let body = client.contribution(&base).to_json().unwrap();
        let since = Instant::now();
        let request = client.request(reqwest::Method::POST, "/contribution/complete");
        let request = request.header("content-type", "application/json");
        let cut = request.body(body.clone()).send().await;
        assert!(cut.is_err(), "{cut:?}: it ended before it could answer");
        while !fleet.has_ended(follower) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let other = client.at(fleet.url(leader));
        let receipt = sent(&other, &body).await;
        assert!(
            since.elapsed() < PATIENCE,
            "{:?}: nobody waits",
            since.elapsed()
        );
        counts_once(&other, &receipt).await;
        assert_eq!(verified(&fleet, leader).await, 1.0);
        assert_eq!(count(&fleet, leader, MISSED).await, 1.0);
        assert_eq!(fleet.leads(), Some((leader, epoch)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_replica_was_verifying_that_stands_still_is_verified_by_the_leader_in_time() {
    for place in PLACES {
        let Some((fleet, follower)) = fleet(2, place, true, &[]).await else {
            return;
        };
        let (leader, _) = fleet.leads().unwrap();
        let (client, base) = begun(&fleet, follower, 0).await;
        let body = client.contribution(&base).to_json().unwrap();
        let sending = send(&client, &body);
        fleet.until_frozen(follower).await;
        let since = Instant::now();
        let other = client.at(fleet.url(leader));
        until_submitted(&other).await;
        while other.check_in().await.queue_status == QueueWord::Verifying {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let took = since.elapsed();
        println!("{place}: verified by the leader after {took:?}");
        assert!(took < 2 * PATIENCE, "{took:?}");
        let receipt = sent(&other, &body).await;
        counts_once(&other, &receipt).await;
        assert_eq!(verified(&fleet, leader).await, 1.0);
        assert_eq!(count(&fleet, leader, MISSED).await, 1.0);
        // When it goes on, its verdict comes too late, and its participant hears all the same.
        fleet.thaw(follower);
        assert_eq!(sending.await.unwrap(), receipt);
        counts_once(&client, &receipt).await;
        assert_eq!(count(&fleet, leader, BELIEVED).await, 0.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_replica_was_verifying_while_the_leader_is_killed_is_verified_by_the_next() {
    let Some((mut fleet, follower)) = fleet(3, "vetting-judged", true, &["--lease", "1"]).await
    else {
        return;
    };
    let (leader, epoch) = fleet.leads().unwrap();
    let (client, base) = begun(&fleet, follower, 0).await;
    let body = client.contribution(&base).to_json().unwrap();
    let sending = send(&client, &body);
    fleet.until_frozen(follower).await;
    until_submitted(&client.at(fleet.url(leader))).await;
    fleet.kill(leader);
    let (next, _) = fleet.leader_after(epoch).await;
    assert_ne!(next, follower, "it stands still");
    let other = client.at(fleet.url(next));
    let receipt = sent(&other, &body).await;
    assert_eq!(verified(&fleet, next).await, 1.0);
    // The verdict was for the leader that is no more.
    fleet.thaw(follower);
    assert_eq!(sending.await.unwrap(), receipt);
    counts_once(&other, &receipt).await;
    assert_eq!(count(&fleet, next, BELIEVED).await, 0.0);
}

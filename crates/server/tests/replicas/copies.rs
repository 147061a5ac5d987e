//! What everybody may know, a follower answers from its own copy.

use std::time::Duration;

use tauline_protocol::admin::{AdminAnswer, AdminRequest};
use tauline_protocol::status::QueueWord;

use crate::common::log::download;
use crate::common::replicas::Fleet;
use crate::common::sse::Events;
use crate::common::{Client, SMALL};

const ANSWERED: &str = "tauline_forwarded_total{result=\"answered\"}";

/// Waits until a follower answers by itself.
async fn until_copied(fleet: &Fleet, follower: usize) -> f64 {
    loop {
        let before = fleet.metric(follower, ANSWERED).await.unwrap();
        fleet.anonymous(follower).status().await;
        let after = fleet.metric(follower, ANSWERED).await.unwrap();
        if after == before {
            return after;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_watches_at_a_follower_costs_the_leader_nothing_and_sees_all_that_was_acknowledged()
{
    let Some(fleet) = Fleet::begin(2, 3, &[]).await else {
        return;
    };
    let (leader, _) = fleet.leads().unwrap();
    let follower = fleet.followers(leader)[0];
    let people = [0, 1, 2];
    let mut clients = Vec::new();
    for who in people {
        clients.push(fleet.client(leader, who).await);
    }
    let watcher = fleet.anonymous(follower);
    until_copied(&fleet, follower).await;
    let mut events = Events::open(&watcher, "/ceremony/events").await;
    let before = fleet.metric(follower, ANSWERED).await.unwrap();
    for (done, client) in clients.iter().enumerate() {
        client.join().await;
        // What was acknowledged there is seen here at once.
        let status = watcher.status().await;
        assert!(status.turn.is_some(), "{status:?}");
        client.contribute(&SMALL.parse().unwrap()).await;
        let status = watcher.status().await;
        let there = fleet.anonymous(leader).status().await;
        assert_eq!(status.contributions, done as u64 + 1);
        assert_eq!(status.log.records, there.log.records);
        assert_eq!(status.log.hash, there.log.hash);
        assert_eq!(status.recent, there.recent);
        let path = format!("/ceremony/contributions/{}", done + 1);
        let [here, there] = [&watcher, &fleet.anonymous(leader)];
        for path in [path.as_str(), "/ceremony/contributions/pages/0"] {
            let (ours, theirs) = (here.get(path).await, there.get(path).await);
            assert_eq!(ours.bytes, theirs.bytes, "{path}");
            assert_eq!(ours.header("etag"), theirs.header("etag"), "{path}");
        }
        let (ours, theirs) = (
            here.get("/ceremony/transcript").await,
            there.get("/ceremony/transcript").await,
        );
        assert_eq!(ours.bytes, theirs.bytes);
        assert_eq!(
            ours.header("etag"),
            theirs.header("etag"),
            "one may go on with the other"
        );
    }
    while !events
        .next()
        .await
        .unwrap()
        .data
        .contains("\"contributions\":3")
    {}
    let after = fleet.metric(follower, ANSWERED).await.unwrap();
    assert_eq!(after, before, "nothing was asked of the leader");
    // The checkpoint is the leader's, and the tiles below it are whole here.
    download(&watcher).await.assert_fair(&[], &[]);
    let asked = fleet.metric(follower, ANSWERED).await.unwrap() - after;
    assert!(
        asked <= 2.0,
        "{asked}: the checkpoint, and a tile that was just signed"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_everybody_may_know_is_told_while_nobody_leads() {
    let Some(mut fleet) = Fleet::begin(2, 1, &["--lease", "10"]).await else {
        return;
    };
    let (leader, epoch) = fleet.leads().unwrap();
    let follower = fleet.followers(leader)[0];
    let client = fleet.client(leader, 0).await;
    client.join().await;
    until_copied(&fleet, follower).await;
    fleet.kill(leader);
    let watcher = fleet.anonymous(follower);
    let since = std::time::Instant::now();
    let status = watcher.status().await;
    assert!(status.turn.is_some());
    watcher.get("/ceremony/transcript").await.expect_ok();
    watcher.get("/log/tile/entries/000.p/1").await.expect_ok();
    assert!(
        since.elapsed() < Duration::from_secs(3),
        "{:?}",
        since.elapsed()
    );
    assert!(fleet.leads().is_none_or(|(_, now)| now == epoch));
    // And it goes on when it leads itself.
    let (next, _) = fleet.leader_after(epoch).await;
    assert_eq!(next, follower);
    let here = Client::at(&client, fleet.url(follower));
    assert_eq!(
        here.check_in().await.queue_status,
        QueueWord::ReadyToContribute
    );
    here.contribute(&SMALL.parse().unwrap()).await;
    assert_eq!(watcher.status().await.contributions, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_goes_on_with_another_key_of_the_log() {
    let Some(mut fleet) = Fleet::begin(2, 2, &[]).await else {
        return;
    };
    let (leader, epoch) = fleet.leads().unwrap();
    let follower = fleet.followers(leader)[0];
    until_copied(&fleet, follower).await;
    let answer = fleet.order(follower, &AdminRequest::RotateKey).await;
    assert!(matches!(answer, AdminAnswer::Done { .. }), "{answer:?}");
    let client = fleet.client(leader, 0).await;
    client.join().await;
    client.contribute(&SMALL.parse().unwrap()).await;
    until_copied(&fleet, follower).await;
    let here = fleet.anonymous(follower).status().await;
    let there = fleet.anonymous(leader).status().await;
    assert_eq!(here.log.hash, there.log.hash);
    assert_eq!(here.contributions, 1);
    // The next leader signs with it, too.
    fleet.stop(leader);
    fleet.leader_after(epoch).await;
    let client = fleet.client(follower, 1).await;
    client.join().await;
    client.contribute(&SMALL.parse().unwrap()).await;
    assert_eq!(fleet.anonymous(follower).status().await.contributions, 2);
}

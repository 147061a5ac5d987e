//! A replica does not reach the leader any more, though both reach the database.

use std::time::{Duration, Instant};

use tauline_protocol::error::Code;
use tauline_protocol::status::QueueWord;

use crate::common::log::download;
use crate::common::replicas::Fleet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_is_cut_off_says_so_and_goes_on_when_it_is_not() {
    let Some(fleet) = Fleet::begin(2, 2, &[]).await else {
        return;
    };
    let (leader, epoch) = fleet.leads().unwrap();
    let follower = fleet.followers(leader)[0];
    fleet.until_ready(follower, true).await;
    let (here, there) = (
        fleet.client(follower, 0).await,
        fleet.client(leader, 1).await,
    );
    here.join().await;
    let waits = there.join().await;
    fleet.replicas[leader].cable.cut();
    fleet.until_ready(follower, false).await;
    // A new request is held for a while, and then its sender is told to come back.
    let since = Instant::now();
    let refused = here.post("/queue/checkin").await;
    refused.expect_error(Code::Unavailable);
    assert!(refused.header("retry-after").is_some());
    let held = since.elapsed();
    println!("a request was held for {held:?}");
    assert!((3..=12).contains(&held.as_secs()), "{held:?}");
    // The leader goes on leading, and a participant may go to it.
    assert_eq!(fleet.leads(), Some((leader, epoch)));
    let moved = here.at(fleet.url(leader)).check_in().await;
    assert_eq!(moved.queue_status, QueueWord::ReadyToContribute);
    fleet.replicas[leader].cable.mend();
    fleet.until_ready(follower, true).await;
    let again = here.check_in().await;
    assert_eq!(again.ticket, moved.ticket);
    assert_eq!(
        there.at(fleet.url(follower)).check_in().await.ticket,
        waits.ticket
    );
    download(&here).await.assert_fair(&[], &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_held_when_the_way_is_mended_is_answered() {
    let Some(fleet) = Fleet::begin(2, 1, &[]).await else {
        return;
    };
    let (leader, _) = fleet.leads().unwrap();
    let follower = fleet.followers(leader)[0];
    let client = fleet.client(follower, 0).await;
    fleet.replicas[leader].cable.cut();
    let asked = tokio::spawn(async move { client.join().await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!asked.is_finished());
    fleet.replicas[leader].cable.mend();
    assert!(asked.await.unwrap().ticket.is_some());
}

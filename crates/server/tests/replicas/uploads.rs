//! A contribution on its way when a replica is lost: it can be sent again to another, and counts once.

use std::time::Duration;

use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::status::QueueWord;
use tauline_transcript::Sizes;

use crate::common::log::download;
use crate::common::raw::Raw;
use crate::common::replicas::Fleet;
use crate::common::{Client, SMALL};

fn sizes() -> Sizes {
    SMALL.parse().unwrap()
}

/// Somebody who has started, and the contribution to send.
async fn begun(fleet: &Fleet, at: usize) -> (Client, Vec<u8>) {
    let client = fleet.client(at, 0).await;
    client.join().await;
    let base = client.start(&sizes()).await;
    let body = client.contribution(&base).to_json().unwrap();
    (client, body)
}

/// Sends the head of an upload and half of its body.
async fn half_sent(client: &Client, url: &str, body: &[u8]) -> Raw {
    let mut raw = Raw::connect(url).await;
    let headers = format!(
        "Content-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    let token = client.token.as_deref();
    raw.head("POST", "/contribution/complete", token, &headers)
        .await;
    raw.send(&body[..body.len() / 2]).await;
    raw
}

/// Sends until it is answered with a receipt.
async fn sent(client: &Client, body: &[u8]) -> SignedReceipt {
    loop {
        let request = client
            .request(reqwest::Method::POST, "/contribution/complete")
            .header("content-type", "application/json")
            .body(body.to_vec());
        if let Ok(answer) = request.send().await {
            match answer.status().as_u16() {
                200 => return answer.json().await.unwrap(),
                503 => {}
                other => panic!("{other}: {}", answer.text().await.unwrap()),
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn counts_once(fleet: &Fleet, client: &Client, receipt: &SignedReceipt, at: usize) {
    let client = client.at(fleet.url(at));
    let status = client.check_in().await;
    assert_eq!(status.queue_status, QueueWord::Contributed);
    assert_eq!(status.receipt.as_ref(), Some(receipt));
    assert_eq!(client.status().await.contributions, 1);
    let log = download(&client).await;
    let report = log.assert_fair(&[], &[]);
    assert_eq!(report.statistics.outcomes.contributed, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_cut_with_its_follower_is_repeated_on_another_and_counts_once() {
    let Some(mut fleet) = Fleet::begin(3, 1, &[]).await else {
        return;
    };
    let (leader, _) = fleet.leads().unwrap();
    let [one, other] = fleet.followers(leader)[..] else {
        panic!("two follow");
    };
    let (client, body) = begun(&fleet, one).await;
    let raw = half_sent(&client, &fleet.url(one), &body).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    fleet.kill(one);
    let receipt = sent(&client.at(fleet.url(other)), &body).await;
    drop(raw);
    // And once more, at the third: the same answer.
    let again = sent(&client.at(fleet.url(leader)), &body).await;
    assert_eq!(again, receipt);
    counts_once(&fleet, &client, &receipt, other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_during_which_the_leader_is_killed_is_repeated_and_counts_once() {
    let Some(mut fleet) = Fleet::begin(2, 1, &["--lease", "1"]).await else {
        return;
    };
    let (leader, _) = fleet.leads().unwrap();
    let follower = fleet.followers(leader)[0];
    let (client, body) = begun(&fleet, follower).await;
    let mut raw = half_sent(&client, &fleet.url(follower), &body).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    fleet.kill(leader);
    raw.try_send(&body[body.len() / 2..]).await;
    // What was on its way is not acknowledged: its sender is told to come back, or hears nothing.
    let said = raw.rest().await;
    assert!(!said.starts_with("HTTP/1.1 200"), "{said}");
    let receipt = sent(&client, &body).await;
    counts_once(&fleet, &client, &receipt, follower).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contribution_whose_leader_is_killed_while_it_verifies_is_verified_by_the_next() {
    for place in [
        "contribution-stored",
        "verdict-reached",
        "store-after-commit:3",
    ] {
        let Some(mut fleet) = Fleet::begin(2, 1, &["--lease", "1"]).await else {
            return;
        };
        let (leader, _) = fleet.leads().unwrap();
        let follower = fleet.followers(leader)[0];
        fleet.stop(follower);
        fleet.start_until(follower, Some(place));
        fleet.stop(leader);
        fleet.start(leader);
        let client = Client::new(&fleet.url(leader));
        let mut client = client;
        loop {
            let code = crate::common::real::code(0);
            let body = serde_json::json!({ "invite": code });
            let answer = client.login(&body).await;
            if answer.status == 200 {
                client.sign_in_by_invite(&code).await.expect_ok();
                break;
            }
            fleet.start_ended();
        }
        let receipt = taken_part(&mut fleet, &client).await;
        counts_once(&fleet, &client, &receipt, leader).await;
    }
}

/// Takes part, whatever is answered meanwhile.
async fn taken_part(fleet: &mut Fleet, client: &Client) -> SignedReceipt {
    loop {
        for path in ["/queue/join", "/contribution/start"] {
            let answer = client.post(path).await;
            if answer.status == 200 && path == "/contribution/start" {
                let document = tauline_transcript::RawContribution::from_json(&answer.bytes);
                let base = tauline_transcript::Base::decode(&document.unwrap(), &sizes()).unwrap();
                let body = client.contribution(&base).to_json().unwrap();
                let sending = sent(client, &body);
                tokio::pin!(sending);
                loop {
                    tokio::select! {
                        receipt = &mut sending => return receipt,
                        () = tokio::time::sleep(Duration::from_millis(50)) => fleet.start_ended(),
                    }
                }
            }
        }
        fleet.start_ended();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

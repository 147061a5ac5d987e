//! The state to build on comes from the copy of the replica that is asked, and is the leader's.

use reqwest::Method;
use tauline_transcript::Encoding;

use crate::common::replicas::Fleet;
use crate::common::turn::MSGPACK;
use crate::common::{Answer, Client};
use crate::vetting::{COPIED, begun, count};

const FORMS: [(&str, &str); 7] = [
    ("application/json", "identity"),
    ("application/json", "gzip"),
    ("application/json", "zstd"),
    ("*/*", "gzip, zstd;q=0.5"),
    ("application/msgpack", "zstd"),
    ("application/msgpack; points=uncompressed", "identity"),
    (
        "application/msgpack;points=uncompressed, application/json;q=0.1",
        "gzip",
    ),
];

async fn asked(client: &Client, path: &str, (accept, coding): (&str, &str)) -> Answer {
    let request = client.request(Method::POST, path);
    let request = request
        .header("accept", accept)
        .header("accept-encoding", coding);
    client.send(request).await.expect_ok()
}

/// The headers but for those of one answer alone.
fn headers(answer: &Answer) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = (answer.headers.iter())
        .filter(|(name, _)| {
            !matches!(
                name.as_str(),
                "date" | "x-request-id" | "tauline-contribute-in-ms"
            )
        })
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    headers
}

/// The answers of a follower, from its copy, are those of the leader, byte for byte.
async fn assert_same(fleet: &Fleet, follower: usize, leader: usize, client: &Client, path: &str) {
    let there = client.at(fleet.url(leader));
    for form in FORMS {
        let before = count(fleet, follower, COPIED).await;
        let ours = asked(client, path, form).await;
        let copied = count(fleet, follower, COPIED).await - before;
        assert_eq!(copied, 1.0, "{path} {form:?}: it comes from the copy");
        let theirs = asked(&there, path, form).await;
        assert!(ours.bytes == theirs.bytes, "{path} {form:?}");
        assert!(ours.bytes.len() > 100, "{path} {form:?}");
        assert_eq!(headers(&ours), headers(&theirs), "{path} {form:?}");
        let left = |answer: &Answer| {
            let left = answer.header("tauline-contribute-in-ms");
            left.map(|left| left.parse::<u64>().unwrap())
        };
        let (ours, theirs) = (left(&ours), left(&theirs));
        assert_eq!(ours.is_some(), path == "/contribution/start");
        assert!(ours >= theirs, "time passes: {ours:?} {theirs:?}");
    }
    assert_eq!(count(fleet, leader, COPIED).await, 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_state_from_a_copy_is_the_leaders_in_each_form() {
    let Some(fleet) = Fleet::begin(2, 4, &["--lobby-rate", "0"]).await else {
        return;
    };
    let (leader, _) = fleet.leads().unwrap();
    let follower = fleet.followers(leader)[0];
    // The first state, one that was sent compressed, one that was not; each verified by the follower.
    for (who, encoding) in [Encoding::Compressed, Encoding::Uncompressed]
        .iter()
        .enumerate()
    {
        let (client, base) = begun(&fleet, follower, who).await;
        assert_same(&fleet, follower, leader, &client, "/contribution/start").await;
        let body = client.contribution(&base).to_msgpack(*encoding).unwrap();
        let sent = client.post_bytes("/contribution/complete", MSGPACK, body);
        sent.await.expect_ok();
    }
    let (client, base) = begun(&fleet, follower, 2).await;
    assert_same(&fleet, follower, leader, &client, "/contribution/start").await;
    // One that the leader has verified itself.
    let there = client.at(fleet.url(leader));
    there.complete(&there.contribution(&base)).await.expect_ok();
    let (client, _) = begun(&fleet, follower, 3).await;
    assert_same(&fleet, follower, leader, &client, "/contribution/start").await;
    // Clients of the sequencer's API get it by their own path.
    assert_same(&fleet, follower, leader, &client, "/lobby/try_contribute").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_says_that_it_has_the_state_is_sent_it_all_the_same() {
    let Some(fleet) = Fleet::begin(2, 1, &[]).await else {
        return;
    };
    let (leader, _) = fleet.leads().unwrap();
    let follower = fleet.followers(leader)[0];
    let (client, _) = begun(&fleet, follower, 0).await;
    let state = asked(
        &client,
        "/contribution/start",
        ("application/msgpack", "identity"),
    )
    .await;
    let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&state.bytes));
    for at in [leader, follower] {
        let client = client.at(fleet.url(at));
        let request = client.request(Method::POST, "/contribution/start");
        let request = request.header("x-tauline-has", format!("0:{digest}"));
        let answer = client.send(request.header("accept", "application/msgpack"));
        let answer = answer.await.expect_ok();
        assert!(answer.bytes == state.bytes);
        assert!(answer.header("x-tauline-left-out").is_none());
    }
}

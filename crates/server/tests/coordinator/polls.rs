//! Polls: the one call of clients that know no other, held or not.

use std::sync::Arc;
use std::time::Duration;

use blstrs::{G1Affine, Scalar};
use futures_util::TryStreamExt as _;
use tauline_protocol::Identity;
use tauline_protocol::admin::AdminRequest;
use tauline_protocol::error::Code;
use tauline_protocol::status::{EndedWord, QueueWord};
use tauline_server::testing::coordinator::Tried;
use tauline_server::testing::refused::Refused;
use tauline_server::testing::representation::Coding;
use tauline_server::testing::snapshot::{FOLDER_NAME, Transcripts};
use tauline_transcript::signature::bls_message_point;
use tauline_transcript::{Secret, contribute_with};
use tokio::task::JoinHandle;

use crate::support::{Ceremony, id, refused, secs, settle, update};

const INTERVAL: Duration = secs(32);
const HOLD: Duration = secs(20);

async fn poll(ceremony: &Ceremony, name: &str) -> Tried {
    let polled = ceremony
        .coordinator
        .try_contribute(id(name), INTERVAL, Duration::ZERO);
    polled.await.unwrap()
}

type Held = JoinHandle<Result<Tried, Refused>>;

fn hold(ceremony: &Ceremony, name: &str) -> Held {
    let (coordinator, who) = (ceremony.coordinator.clone(), id(name));
    tokio::spawn(async move { coordinator.try_contribute(who, INTERVAL, HOLD).await })
}

#[track_caller]
fn assert_waits(polled: &Tried) {
    assert!(matches!(polled, Tried::Wait), "it is not the turn yet");
}

#[track_caller]
fn assert_starts(polled: &Tried, contributions: u64) {
    match polled {
        Tried::Base(base) => assert_eq!(base.contributions(), contributions),
        Tried::Wait => panic!("the turn has come"),
    }
}

fn phase(ceremony: &Ceremony) -> Option<QueueWord> {
    ceremony.coordinator.status().turn.map(|turn| turn.phase)
}

async fn contribute(ceremony: &Ceremony, name: &str, polled: Tried) {
    let Tried::Base(base) = polled else {
        panic!("the turn has come");
    };
    ceremony.complete(name, update(&base, name)).await.unwrap();
}

#[tokio::test]
async fn polls_alone_lead_from_joining_to_contributing() {
    let ceremony = Ceremony::new();
    let anna = poll(&ceremony, "anna").await;
    assert_starts(&anna, 0);
    assert_waits(&poll(&ceremony, "bert").await);
    contribute(&ceremony, "anna", anna).await;
    let bert = poll(&ceremony, "bert").await;
    assert_starts(&bert, 1);
    contribute(&ceremony, "bert", bert).await;
    assert_eq!(ceremony.coordinator.status().contributions, 2);
}

#[tokio::test]
async fn a_held_poll_gets_the_state_the_moment_the_turn_is_free() {
    let ceremony = Ceremony::new();
    let anna = poll(&ceremony, "anna").await;
    let bert = hold(&ceremony, "bert");
    settle(&ceremony).await;
    assert!(!bert.is_finished());
    contribute(&ceremony, "anna", anna).await;
    // No time passes.
    assert_starts(&bert.await.unwrap().unwrap(), 1);
    assert_eq!(phase(&ceremony), Some(QueueWord::Contributing));
}

#[tokio::test]
async fn a_held_poll_whose_client_is_gone_starts_nothing() {
    let ceremony = Ceremony::new();
    let anna = poll(&ceremony, "anna").await;
    let bert = hold(&ceremony, "bert");
    settle(&ceremony).await;
    bert.abort();
    assert!(bert.await.unwrap_err().is_cancelled());
    contribute(&ceremony, "anna", anna).await;
    assert_eq!(phase(&ceremony), None);
    // Its next poll, half a minute later, finds the turn waiting for it.
    ceremony.pass(secs(30)).await;
    assert_starts(&poll(&ceremony, "bert").await, 1);
}

#[tokio::test]
async fn a_poller_that_is_gone_for_good_holds_nobody_up_for_longer_than_its_interval() {
    let ceremony = Ceremony::new();
    let anna = poll(&ceremony, "anna").await;
    assert_waits(&poll(&ceremony, "bert").await);
    assert_waits(&poll(&ceremony, "cleo").await);
    contribute(&ceremony, "anna", anna).await;
    ceremony.pass(secs(30)).await;
    assert_waits(&poll(&ceremony, "cleo").await);
    ceremony.pass(secs(7)).await;
    let cleo = hold(&ceremony, "cleo");
    assert_starts(&cleo.await.unwrap().unwrap(), 1);
    assert_eq!(
        ceremony.check_in("bert").await.ended,
        Some(EndedWord::MissedCheckin)
    );
}

#[tokio::test]
async fn a_poll_is_held_no_longer_than_asked_and_leaves_a_fresh_deadline() {
    let ceremony = Ceremony::new();
    let _anna = poll(&ceremony, "anna").await;
    let bert = hold(&ceremony, "bert");
    settle(&ceremony).await;
    ceremony.pass(HOLD - secs(1)).await;
    assert!(!bert.is_finished());
    ceremony.pass(secs(1)).await;
    assert_waits(&bert.await.unwrap().unwrap());
    // It sleeps for half a minute from now, and is still there.
    ceremony.pass(secs(36)).await;
    assert_waits(&poll(&ceremony, "bert").await);
}

#[tokio::test]
async fn polls_of_the_first_three_in_line_are_held_and_no_others() {
    let ceremony = Ceremony::new();
    let _anna = poll(&ceremony, "anna").await;
    let held: Vec<Held> = ["1st", "2nd", "3rd"]
        .map(|name| hold(&ceremony, name))
        .into_iter()
        .collect();
    settle(&ceremony).await;
    let fourth = hold(&ceremony, "4th");
    assert_waits(&fourth.await.unwrap().unwrap());
    assert!(held.iter().all(|poll| !poll.is_finished()));
}

#[tokio::test]
async fn the_turn_goes_to_the_head_and_not_to_whoever_polls() {
    let ceremony = Ceremony::new();
    let anna = poll(&ceremony, "anna").await;
    assert_waits(&poll(&ceremony, "bert").await);
    let cleo = hold(&ceremony, "cleo");
    settle(&ceremony).await;
    contribute(&ceremony, "anna", anna).await;
    settle(&ceremony).await;
    assert!(!cleo.is_finished());
    assert_eq!(phase(&ceremony), None, "Bert is waited for");
    assert_starts(&poll(&ceremony, "bert").await, 1);
}

#[tokio::test]
async fn a_turn_called_by_another_client_starts_for_the_held_poll() {
    let ceremony = Ceremony::new();
    ceremony.join("anna").await;
    let bert = hold(&ceremony, "bert");
    settle(&ceremony).await;
    // Bert's own page asks at the very moment when the turn is free.
    ceremony.coordinator.leave(id("anna")).await.unwrap();
    let page = ceremony.check_in("bert").await;
    assert_eq!(page.queue_status, QueueWord::Contributing);
    assert_starts(&bert.await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn a_page_that_watches_does_not_take_the_turn_from_a_client_that_sleeps() {
    let ceremony = Ceremony::new();
    ceremony.join("anna").await;
    assert_waits(&poll(&ceremony, "bert").await);
    let (coordinator, who) = (ceremony.coordinator.clone(), id("bert"));
    let page = tokio::spawn(async move {
        let (_, seen) = coordinator
            .follow(who.clone(), None, Duration::ZERO)
            .await
            .unwrap();
        coordinator.follow(who, Some(seen), secs(300)).await
    });
    settle(&ceremony).await;
    ceremony.coordinator.leave(id("anna")).await.unwrap();
    let heard = tokio::time::timeout(secs(10), page).await;
    heard.expect("the page hears of the turn").unwrap().unwrap();
    // 15 s would be too little for a client that polls each half minute.
    ceremony.pass(secs(30)).await;
    assert_starts(&poll(&ceremony, "bert").await, 0);
}

// `docs/spec/sequencer.md#poll-again`.
#[tokio::test]
async fn a_poll_while_contributing_gets_the_state_again_and_moves_no_deadline() {
    let ceremony = Ceremony::new();
    assert_starts(&poll(&ceremony, "anna").await, 0);
    for _ in 0..5 {
        ceremony.pass(secs(30)).await;
        assert_starts(&poll(&ceremony, "anna").await, 0);
    }
    ceremony.pass(secs(36)).await;
    let refusal = ceremony
        .coordinator
        .try_contribute(id("anna"), INTERVAL, Duration::ZERO)
        .await;
    let text = refused(refusal.map(|_| ()), Code::UsedUp);
    assert!(text.contains("did not arrive in time"), "{text}");
}

#[tokio::test]
async fn nothing_starts_for_a_held_poll_during_a_pause() {
    let ceremony = Ceremony::new();
    let anna = poll(&ceremony, "anna").await;
    let bert = hold(&ceremony, "bert");
    settle(&ceremony).await;
    ceremony.admin(AdminRequest::Pause).await.unwrap();
    contribute(&ceremony, "anna", anna).await;
    settle(&ceremony).await;
    assert!(!bert.is_finished());
    assert_eq!(phase(&ceremony), None);
    ceremony.admin(AdminRequest::Resume).await.unwrap();
    assert_starts(&bert.await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn held_polls_are_answered_when_the_coordinator_stops_and_keep_their_place() {
    let ceremony = Ceremony::new();
    let _anna = poll(&ceremony, "anna").await;
    let bert = hold(&ceremony, "bert");
    settle(&ceremony).await;
    ceremony.coordinator.release_held();
    assert_waits(&bert.await.unwrap().unwrap());
    let ceremony = ceremony.restart().await;
    ceremony.pass(secs(30)).await;
    assert_waits(&poll(&ceremony, "bert").await);
    assert_eq!(ceremony.check_in("bert").await.queue_position, Some(1));
}

#[tokio::test]
async fn whose_client_polls_is_known_by_its_last_call() {
    let ceremony = Ceremony::new();
    let polls = async |name| ceremony.coordinator.only_tries(&id(name)).await.unwrap();
    assert!(!polls("anna").await);
    poll(&ceremony, "anna").await;
    assert!(polls("anna").await);
    let page = ceremony
        .coordinator
        .follow(id("anna"), None, Duration::ZERO);
    page.await.unwrap();
    assert!(polls("anna").await, "a page that watches is no client");
    ceremony.start("anna").await;
    assert!(!polls("anna").await);
}

/// A full-size secret for each sub-ceremony, which is none.
fn known_scalar(sub: u8) -> Scalar {
    let mut bytes = [0x21; 32];
    bytes[31] = sub;
    Option::from(Scalar::from_bytes_be(&bytes)).unwrap()
}

#[tokio::test]
async fn signatures_over_either_spelling_of_a_github_identity_are_kept() {
    // The front end, Chotto and Nethermind sign the second; the transcript has the first.
    for spelling in ["git|1214109|Kustosz", "git|1214109|@kustosz"] {
        let ceremony = Ceremony::new();
        let who = Identity::github(1_214_109, "Kustosz").unwrap();
        let polled = ceremony
            .coordinator
            .try_contribute(who.clone(), INTERVAL, HOLD);
        let Tried::Base(base) = polled.await.unwrap() else {
            panic!("nobody is ahead");
        };
        let secrets = (0..4).map(|sub| Secret::from_be_bytes(&known_scalar(sub).to_bytes_be()));
        let secrets = secrets.collect::<Option<Vec<_>>>().unwrap();
        let update = contribute_with(base.powers().unwrap(), secrets, &|_| ()).unwrap();
        let mut document = update.unsigned();
        let mut signatures = Vec::new();
        for (number, sub) in (0..).zip(&mut document.sub_contributions) {
            let point = bls_message_point(spelling.as_bytes()) * known_scalar(number);
            let signature = G1Affine::from(point).to_compressed();
            sub.bls_signature = Some(signature);
            signatures.push(format!("0x{}", hex::encode(signature)));
        }
        let read = move || Ok(document);
        ceremony.coordinator.complete(who, read).await.unwrap();

        let folder = ceremony.path().join(FOLDER_NAME);
        let transcripts = Transcripts::new(Arc::clone(&ceremony.store), folder).unwrap();
        let transcript = transcripts.current(1).await.unwrap();
        let document = transcripts.document(&transcript, Coding::Identity).await;
        let bytes: Vec<_> = document
            .unwrap()
            .bytes(0, u64::MAX)
            .try_collect()
            .await
            .unwrap();
        let document: serde_json::Value = serde_json::from_slice(&bytes.concat()).unwrap();
        assert_eq!(document["participantIds"][1], "git|1214109|Kustosz");
        for (sub, signature) in signatures.iter().enumerate() {
            let kept = &document["transcripts"][sub]["witness"]["blsSignatures"][1];
            assert_eq!(kept, signature, "{spelling}");
        }
    }
}

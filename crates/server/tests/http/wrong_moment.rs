//! Contributions by somebody else than who has the turn, or before or after it.

use std::time::Duration;

use tauline_protocol::error::Code;
use tauline_protocol::status::{EndedWord, QueueWord};

use crate::common::TestServer;
use crate::common::raw::Raw;
use crate::common::turn::{JSON, MSGPACK, Turn};

#[tokio::test]
async fn no_session_is_refused() {
    let turn = Turn::begin().await;
    let outsider = turn.server.anonymous();
    let answer = outsider
        .post_bytes("/contribution/complete", JSON, turn.good())
        .await;
    answer.expect_error(Code::SessionMissing);
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn a_foreign_session_is_refused() {
    let turn = Turn::begin().await;
    let elsewhere = TestServer::start().await;
    let foreigner = elsewhere.client(1).await.at(turn.server.url());
    assert_eq!(
        foreigner.identity(),
        turn.holder.identity(),
        "the same person, elsewhere"
    );
    let answer = foreigner
        .post_bytes("/contribution/complete", JSON, turn.good())
        .await;
    answer.expect_error(Code::SessionUnknown);
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn not_your_turn_is_refused_and_says_the_position() {
    let turn = Turn::begin().await;
    let answer = turn
        .waiter
        .post_bytes("/contribution/complete", JSON, turn.good())
        .await;
    let error = answer.expect_error(Code::NotYourTurn);
    assert!(error.contains("number 1"), "{error}");
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn somebody_who_never_joined_is_refused() {
    let turn = Turn::begin().await;
    let outsider = turn.server.client(3).await;
    let answer = outsider
        .post_bytes("/contribution/complete", JSON, turn.good())
        .await;
    answer.expect_error(Code::NotQueued);
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn too_early_is_refused() {
    let server = TestServer::start().await;
    let holder = server.client(1).await;
    assert_eq!(
        holder.join().await.queue_status,
        QueueWord::ReadyToContribute
    );
    let answer = holder
        .post_bytes("/contribution/complete", JSON, "{}")
        .await;
    let error = answer.expect_error(Code::NotStarted);
    assert!(error.contains("contribution/start"), "{error}");
    holder.contribute(&server.sizes()).await;
}

#[tokio::test]
async fn too_late_is_refused_with_the_true_reason() {
    let turn = Turn::on(TestServer::at_noon(&[]).await).await;
    // 180 s from the start, and 5 s of grace.
    turn.server.pass(Duration::from_secs(185)).await;
    let answer = turn.complete(JSON, turn.good()).await;
    let error = answer.expect_error(Code::StayEnded);
    assert!(!error.contains("already contributed"), "{error}");
    let status = turn.holder.check_in().await;
    assert_eq!(status.queue_status, QueueWord::Expired);
    assert_eq!(status.ended, Some(EndedWord::TimedOut));
}

#[tokio::test]
async fn just_in_time_is_accepted() {
    let turn = Turn::on(TestServer::at_noon(&[]).await).await;
    turn.server.pass(Duration::from_millis(184_999)).await;
    turn.complete(JSON, turn.good()).await.expect_ok();
}

#[tokio::test]
async fn the_session_and_the_turn_are_looked_at_before_the_body() {
    let turn = Turn::begin().await;
    let rubbish = b"this is neither JSON nor MessagePack".to_vec();
    let outsider = turn.server.anonymous();
    for content_type in [JSON, MSGPACK, "text/plain"] {
        let answer = outsider
            .post_bytes("/contribution/complete", content_type, rubbish.clone())
            .await;
        answer.expect_error(Code::SessionMissing);
        let answer = turn
            .waiter
            .post_bytes("/contribution/complete", content_type, rubbish.clone())
            .await;
        answer.expect_error(Code::NotYourTurn);
    }
    // Nor is a body waited for that never comes.
    let mut raw = Raw::connect(&turn.server.url()).await;
    let headers = "Content-Type: application/json\r\nContent-Length: 100\r\n";
    raw.head(
        "POST",
        "/contribution/complete",
        turn.waiter.token.as_deref(),
        headers,
    )
    .await;
    raw.answer().await.expect_error(Code::NotYourTurn);
    turn.goes_on_undisturbed().await;
}

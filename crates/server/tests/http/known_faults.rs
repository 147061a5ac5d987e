//! Known faults that concern the server, each with a test that bears its name.
//! Those of the rules are in `queue-core`, those of cryptography in `transcript`; here they are
//! shown from outside, over HTTP.

use std::time::Duration;

use serde_json::json;
use tauline_protocol::error::Code;
use tauline_protocol::status::{EndedWord, QueueWord};

use crate::common::raw::Raw;
use crate::common::turn::Turn;
use crate::common::{TestServer, spoil};

const JSON: &str = "application/json";

// Queue and turns

#[tokio::test]
async fn a_cancelled_upload_does_not_wedge_the_ceremony() {
    let turn = Turn::on(TestServer::at_noon(&[]).await).await;
    let good = turn.good();
    let mut raw = Raw::connect(&turn.server.url()).await;
    let headers = format!("Content-Type: {JSON}\r\nContent-Length: {}\r\n", good.len());
    raw.head(
        "POST",
        "/contribution/complete",
        turn.holder.token.as_deref(),
        &headers,
    )
    .await;
    raw.send(&good[..good.len() / 2]).await;
    drop(raw);
    // The holder never comes back: its time runs out, and the next is served.
    for _ in 0..48 {
        server_passes(&turn).await;
    }
    assert_eq!(
        turn.holder.check_in().await.ended,
        Some(EndedWord::TimedOut)
    );
    assert_eq!(
        turn.waiter.check_in().await.queue_status,
        QueueWord::ReadyToContribute
    );
    turn.waiter.contribute(&turn.server.sizes()).await;
}

async fn server_passes(turn: &Turn) {
    turn.server.pass(Duration::from_secs(4)).await;
    turn.waiter.check_in().await;
}

#[tokio::test]
async fn a_lost_connection_changes_nothing() {
    let turn = Turn::begin().await;
    let good = turn.good();
    // The whole body is sent, and the client is gone before the answer.
    let mut raw = Raw::connect(&turn.server.url()).await;
    let headers = format!("Content-Type: {JSON}\r\nContent-Length: {}\r\n", good.len());
    raw.head(
        "POST",
        "/contribution/complete",
        turn.holder.token.as_deref(),
        &headers,
    )
    .await;
    raw.send(&good).await;
    drop(raw);
    // Whether or not it was taken: sending it again gives the receipt.
    turn.complete(JSON, good).await.expect_ok();
    assert_eq!(turn.holder.status().await.contributions, 1);
    assert_eq!(
        turn.waiter.check_in().await.queue_status,
        QueueWord::ReadyToContribute
    );
}

// `docs/spec/known-faults.md#full-lobby`.
#[tokio::test]
async fn a_refused_join_does_not_destroy_the_session() {
    use tauline_server::testing::coordinator::Order;
    let server = TestServer::start().await;
    let client = server.client(1).await;
    server
        .running()
        .coordinator()
        .order(Order::Pause)
        .await
        .unwrap();
    client.post("/queue/join").await.expect_error(Code::Halted);
    assert_eq!(
        client.check_in().await.queue_status,
        QueueWord::NotQueued,
        "still signed in"
    );
    server
        .running()
        .coordinator()
        .order(Order::Resume)
        .await
        .unwrap();
    client.take_part(&server.sizes()).await;
}

#[tokio::test]
async fn a_missed_check_in_does_not_log_out() {
    let turn = Turn::on(TestServer::at_noon(&[]).await).await;
    turn.server.pass(Duration::from_secs(12)).await;
    let status = turn.waiter.check_in().await;
    assert_eq!(
        status.ended,
        Some(EndedWord::MissedCheckin),
        "told why, by its own session"
    );
}

#[tokio::test]
async fn an_identity_is_not_used_up_by_being_handed_the_base_but_by_how_its_stay_ends() {
    let turn = Turn::begin().await;
    let status = turn.holder.check_in().await;
    assert_eq!(
        (status.queue_status, status.ended),
        (QueueWord::Contributing, None)
    );
    assert_eq!(
        turn.holder.join().await.ticket,
        status.ticket,
        "joining again is no offence"
    );
    turn.holder.abort("").await;
    turn.holder
        .post("/queue/join")
        .await
        .expect_error(Code::UsedUp);
}

#[tokio::test]
async fn a_pardon_is_public_and_lets_the_identity_join_again() {
    use tauline_server::testing::coordinator::Order;
    let turn = Turn::begin().await;
    turn.holder.abort("").await;
    let coordinator = turn.server.running().coordinator();
    let before = coordinator.status().log;
    let answer = coordinator
        .order(Order::Pardon(turn.holder.identity()))
        .await;
    assert_eq!(answer, Ok(()));
    let after = coordinator.status().log;
    assert!(
        after.records > before.records && after.hash != before.hash,
        "it is in the log"
    );
    assert_eq!(turn.holder.join().await.ticket, Some(3));
}

#[tokio::test]
async fn whoever_timed_out_is_not_told_that_it_already_contributed() {
    let turn = Turn::on(TestServer::at_noon(&[]).await).await;
    turn.server.pass(Duration::from_secs(186)).await;
    for path in [
        "/contribution/complete",
        "/contribution/start",
        "/contribution/abort",
        "/queue/join",
    ] {
        let answer = turn.holder.post_bytes(path, JSON, "{}").await;
        let error = answer.text();
        assert!(
            answer.status == 409 || answer.status == 403,
            "{path}: {error}"
        );
        assert!(!error.contains("contributed"), "{path}: {error}");
        assert!(
            error.to_lowercase().contains("time"),
            "{path} gives the true reason: {error}"
        );
    }
    assert_eq!(
        turn.holder.check_in().await.ended,
        Some(EndedWord::TimedOut)
    );
}

#[tokio::test]
async fn a_lost_response_to_start_loses_nothing() {
    let server = TestServer::at_noon(&[]).await;
    let holder = server.client(1).await;
    holder.join().await;
    let first = holder.post("/contribution/start").await.expect_ok();
    let promised = holder.check_in().await;
    server.pass(Duration::from_secs(20)).await;
    let second = holder.post("/contribution/start").await.expect_ok();
    assert_eq!(first.bytes, second.bytes, "the same state");
    let status = holder.check_in().await;
    assert!(status.next_checkin_time <= promised.next_checkin_time.map(|time| time + 30));
    // 185 s after the first start it is over: the second did not restart the clock.
    for _ in 0..32 {
        server.pass(Duration::from_secs(5)).await;
        holder.check_in().await;
    }
    server.pass(Duration::from_secs(5)).await;
    assert_eq!(holder.check_in().await.ended, Some(EndedWord::TimedOut));
}

// `docs/spec/known-faults.md#lost-receipt`.
#[tokio::test]
async fn a_lost_response_to_complete_is_had_again_without_new_entropy() {
    let turn = Turn::begin().await;
    let good = turn.good();
    let receipt = turn.complete(JSON, good.clone()).await.expect_ok();
    let again = turn.complete(JSON, good).await.expect_ok();
    assert_eq!(again.bytes, receipt.bytes);
    // A client that has lost everything and computes anew is not told that the new one counted; the
    // receipt of what was accepted comes with a check-in.
    let fresh = turn.holder.contribution(&turn.base);
    turn.holder
        .complete(&fresh)
        .await
        .expect_error(Code::EarlierOneCounted);
    assert_eq!(turn.holder.check_in().await.receipt, Some(receipt.json()));
}

#[tokio::test]
async fn the_participants_clock_stops_at_the_last_byte() {
    let turn = Turn::on(TestServer::at_noon(&[]).await).await;
    turn.server.pass(Duration::from_millis(184_999)).await;
    turn.complete(JSON, turn.good()).await.expect_ok();
    assert_eq!(
        turn.holder.check_in().await.ended,
        Some(EndedWord::Contributed)
    );
}

// `docs/spec/known-faults.md#crash-by-participant`.
#[tokio::test]
async fn one_participant_cannot_crash_the_server() {
    let server = TestServer::start().await;
    let holder = server.client(1).await;
    holder.join().await;
    let base = holder.start(&server.sizes()).await;
    // Short and uneven lists, as they made indexes run out of bounds.
    let body = crate::common::alter_json(&holder.contribution(&base), |document| {
        for sub in spoil::subs(document) {
            sub["powersOfTau"] = json!({"G1Powers": [], "G2Powers": []});
        }
    });
    let answer = holder
        .post_bytes("/contribution/complete", JSON, body)
        .await;
    answer.expect_error(Code::ContributionSizes);
    server.client(2).await.take_part(&server.sizes()).await;
}

#[tokio::test]
async fn an_absent_head_does_not_hold_the_queue() {
    let server = TestServer::at_noon(&[]).await;
    let (holder, absent, next) = (
        server.client(1).await,
        server.client(2).await,
        server.client(3).await,
    );
    for client in [&holder, &absent, &next] {
        client.join().await;
    }
    holder.abort("").await;
    for _ in 0..3 {
        server.pass(Duration::from_secs(4)).await;
        next.check_in().await;
    }
    assert_eq!(
        next.check_in().await.queue_status,
        QueueWord::ReadyToContribute
    );
    assert_eq!(
        absent.check_in().await.ended,
        Some(EndedWord::MissedCheckin)
    );
}

#[tokio::test]
async fn heartbeats_without_work_do_not_hold_the_slot() {
    let turn = Turn::on(TestServer::at_noon(&[]).await).await;
    for _ in 0..48 {
        turn.holder.check_in().await;
        turn.waiter.check_in().await;
        turn.server.pass(Duration::from_secs(4)).await;
    }
    assert_eq!(
        turn.holder.check_in().await.ended,
        Some(EndedWord::TimedOut)
    );
    assert_eq!(
        turn.waiter.check_in().await.queue_status,
        QueueWord::ReadyToContribute
    );
}

#[tokio::test]
async fn the_queue_is_first_in_first_out_with_a_position_and_an_estimate() {
    let turn = Turn::begin().await;
    let third = turn.server.client(3).await;
    let status = third.join().await;
    assert_eq!(status.queue_position, Some(2));
    let expected = status.expected_start_in_ms.unwrap();
    let ahead = turn.waiter.check_in().await.expected_start_in_ms.unwrap();
    assert!(expected > ahead, "{expected} {ahead}");
    // However often the third asks, the second is next.
    for _ in 0..20 {
        third.check_in().await;
    }
    turn.holder.abort("").await;
    assert_eq!(third.check_in().await.queue_status, QueueWord::Queued);
    assert_eq!(
        turn.waiter.check_in().await.queue_status,
        QueueWord::ReadyToContribute
    );
}

#[tokio::test]
async fn the_estimate_is_shown_before_joining() {
    let turn = Turn::begin().await;
    let status = turn.server.anonymous().status().await;
    assert_eq!(status.queue_length, 1);
    // Two turns of the expected minute each, less what has passed.
    assert!(
        (60_000..=120_000).contains(&status.expected_wait_in_ms),
        "{status:?}"
    );
    assert!(status.expected_start_time >= status.time);
}

// Server

// `docs/spec/known-faults.md#eternal-sessions`.
#[tokio::test]
async fn sessions_end_and_are_opaque_hashed_at_rest_and_in_the_header_only() {
    // Ending, hashing and the header have tests of their own (`sign_in`, `bad_requests`); here:
    // two tokens have nothing in common, and nothing of the identity.
    let server = TestServer::start().await;
    let (one, two) = (server.client(1).await, server.client(1).await);
    let (first, second) = (one.token.clone().unwrap(), two.token.unwrap());
    assert_eq!(first.len(), 64);
    let same = first
        .bytes()
        .zip(second.bytes())
        .filter(|(a, b)| a == b)
        .count();
    assert!(same < 30, "{same} of 64 digits are the same");
    assert!(!first.contains(&one.identity().as_str()[6..20]));
}

// `docs/spec/known-faults.md#parsed-before-session`.
#[tokio::test]
async fn the_session_and_the_turn_come_before_ten_megabytes_of_json() {
    let turn = Turn::begin().await;
    let mut raw = Raw::connect(&turn.server.url()).await;
    let most = turn.server.sizes().max_json_len();
    let headers = format!("Content-Type: {JSON}\r\nContent-Length: {most}\r\n");
    raw.head("POST", "/contribution/complete", None, &headers)
        .await;
    raw.answer().await.expect_error(Code::SessionMissing);
    let mut raw = Raw::connect(&turn.server.url()).await;
    raw.head(
        "POST",
        "/contribution/complete",
        turn.waiter.token.as_deref(),
        &headers,
    )
    .await;
    raw.answer().await.expect_error(Code::NotYourTurn);
    turn.goes_on_undisturbed().await;
}

// `docs/spec/known-faults.md#transcript-rewritten`.
#[tokio::test]
async fn the_transcript_is_a_file_that_readers_share_while_turns_go_on() {
    let turn = Turn::begin().await;
    let first = turn.waiter.get("/ceremony/transcript").await.expect_ok();
    let again = turn.waiter.get("/ceremony/transcript").await.expect_ok();
    assert_eq!(
        first.header("etag"),
        again.header("etag"),
        "made once for a contribution"
    );
    turn.complete(JSON, turn.good()).await.expect_ok();
    let later = turn.waiter.get("/ceremony/transcript").await.expect_ok();
    assert_ne!(first.header("etag"), later.header("etag"));
}

// `docs/spec/known-faults.md#drift`.
#[tokio::test]
async fn nothing_drifts_apart_over_restarts_between_all_steps() {
    let mut server = TestServer::start().await;
    let sizes = server.sizes();
    let mut client = server.client(1).await;
    let ticket = client.join().await.ticket;
    for _ in 0..2 {
        server = server.restart().await;
        client = client.at(server.url());
        assert_eq!(client.check_in().await.ticket, ticket);
    }
    let base = client.start(&sizes).await;
    server = server.restart().await;
    client = client.at(server.url());
    assert_eq!(client.start(&sizes).await, base);
    let receipt = client
        .complete(&client.contribution(&base))
        .await
        .expect_ok();
    server = server.restart().await;
    client = client.at(server.url());
    let status = client.check_in().await;
    assert_eq!(status.receipt, Some(receipt.json()));
    assert_eq!(client.status().await.contributions, 1);
    client
        .post("/queue/join")
        .await
        .expect_error(Code::AlreadyContributed);
    server.client(2).await.take_part(&sizes).await;
    server.verify_transcript().await.unwrap();
}

//! Uploads that are refused for how they come: their type, their length, their compression, their
//! connection. None disturbs the turn.

use std::io::Write as _;
use std::time::Duration;

use tauline_protocol::error::Code;

use crate::common::raw::Raw;
use crate::common::turn::{JSON, Turn};
use crate::common::{Answer, TestServer, gzip};

/// The holder sends bytes of which it says that they are compressed.
async fn complete_coded(turn: &Turn, coding: &str, body: Vec<u8>) -> Answer {
    let request = turn
        .holder
        .request(reqwest::Method::POST, "/contribution/complete");
    let request = request
        .header("content-type", JSON)
        .header("content-encoding", coding);
    turn.holder.send(request.body(body)).await
}

#[tokio::test]
async fn a_wrong_content_type_is_refused() {
    let turn = Turn::begin().await;
    for wrong in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "é",
        "",
    ] {
        let answer = turn.complete(wrong, turn.good()).await;
        let error = answer.expect_error(Code::UnsupportedMediaType);
        assert!(error.contains("application/json"), "{error}");
    }
    let request = turn
        .holder
        .request(reqwest::Method::POST, "/contribution/complete");
    let none = turn.holder.send(request.body(turn.good())).await;
    assert!(
        none.expect_error(Code::UnsupportedMediaType)
            .contains("missing")
    );
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn a_body_is_refused_by_its_length_before_it_is_read() {
    let turn = Turn::begin().await;
    let headers = "Content-Type: application/json\r\nContent-Length: 10000000000\r\n";
    let mut raw = turn.begin_upload(headers).await;
    // Not one byte of the body was sent, and the answer is there.
    raw.answer().await.expect_error(Code::BodyTooLarge);
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn the_length_is_looked_at_before_the_session() {
    let server = TestServer::start().await;
    let mut raw = Raw::connect(&server.url()).await;
    let headers = "Content-Type: application/json\r\nContent-Length: 10000000000\r\n";
    raw.head("POST", "/contribution/complete", None, headers)
        .await;
    raw.answer().await.expect_error(Code::BodyTooLarge);
}

#[tokio::test]
async fn an_oversized_body_without_a_length_is_refused() {
    let turn = Turn::begin().await;
    let piece = vec![b' '; 64 * 1024];
    let pieces =
        futures_util::stream::iter((0..64).map(move |_| Ok::<_, std::io::Error>(piece.clone())));
    let answer = turn
        .complete(JSON, reqwest::Body::wrap_stream(pieces))
        .await;
    answer.expect_error(Code::BodyTooLarge);
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn whoever_is_refused_while_sending_reads_the_refusal() {
    let server = TestServer::start().await;
    let sizes = server.sizes();
    let body = vec![b' '; sizes.max_json_len()];
    for _ in 0..5 {
        let outsider = server.anonymous();
        let answer = outsider
            .post_bytes("/contribution/complete", JSON, body.clone())
            .await;
        answer.expect_error(Code::SessionMissing);
    }
}

#[tokio::test]
async fn a_compression_bomb_is_refused() {
    let turn = Turn::begin().await;
    let zeros = vec![b' '; 64 * 1024 * 1024];
    let bombs = [
        ("gzip", gzip(&zeros)),
        ("zstd", zstd::encode_all(&zeros[..], 3).unwrap()),
    ];
    for (coding, bomb) in bombs {
        assert!(bomb.len() < 100_000, "{coding} {}", bomb.len());
        complete_coded(&turn, coding, bomb)
            .await
            .expect_error(Code::BodyTooLarge);
    }
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn a_zstd_window_that_would_take_much_memory_is_refused() {
    let turn = Turn::begin().await;
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(27).unwrap();
    encoder.include_contentsize(false).unwrap();
    encoder.write_all(&turn.good()).unwrap();
    let body = encoder.finish().unwrap();
    complete_coded(&turn, "zstd", body)
        .await
        .expect_error(Code::MalformedBody);
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn a_body_that_is_not_compressed_as_it_says_is_refused() {
    let turn = Turn::begin().await;
    for coding in ["gzip", "zstd"] {
        complete_coded(&turn, coding, turn.good())
            .await
            .expect_error(Code::MalformedBody);
    }
    let whole = gzip(&turn.good());
    let cut = whole[..whole.len() / 2].to_vec();
    complete_coded(&turn, "gzip", cut)
        .await
        .expect_error(Code::MalformedBody);
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn an_unknown_content_encoding_is_refused() {
    let turn = Turn::begin().await;
    for coding in ["br", "deflate", "gzip, gzip", "compress"] {
        let answer = complete_coded(&turn, coding, turn.good()).await;
        answer.expect_error(Code::UnsupportedMediaType);
    }
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn a_connection_that_breaks_while_sending_changes_nothing() {
    let turn = Turn::begin().await;
    let good = turn.good();
    for sent in [0, 1, good.len() / 2, good.len() - 1] {
        let headers = format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n",
            good.len()
        );
        let mut raw = turn.begin_upload(&headers).await;
        raw.send(&good[..sent]).await;
    }
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn a_body_that_pauses_for_too_long_is_given_up() {
    let turn = Turn::on(TestServer::with(&[("body-timeout", "0.2")]).await).await;
    let good = turn.good();
    let headers = format!(
        "Content-Type: application/json\r\nContent-Length: {}\r\n",
        good.len()
    );
    let mut raw = turn.begin_upload(&headers).await;
    raw.send(&good[..good.len() / 2]).await;
    raw.answer().await.expect_error(Code::BodyTimeout);
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn a_later_upload_takes_the_place_of_one_that_hangs() {
    let turn = Turn::begin().await;
    let good = turn.good();
    let headers = format!(
        "Content-Type: application/json\r\nContent-Length: {}\r\n",
        good.len()
    );
    let mut raw = turn.begin_upload(&headers).await;
    raw.send(&good[..good.len() / 2]).await;
    // The body's first half must have been taken in before the second try: it has, once the
    // server waits for the rest, and nothing tells but time; either order must be right.
    tokio::time::sleep(Duration::from_millis(50)).await;
    turn.goes_on_undisturbed().await;
}

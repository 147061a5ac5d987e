//! Contributions that arrive slowly, in pieces, or not to the end.

use std::time::Duration;

use tauline_protocol::error::Code;
use tauline_transcript::Encoding;

use crate::common::turn::{JSON, MSGPACK, Turn};
use crate::common::{Answer, TestServer, gzip};

/// Sends a body in chunks of so many bytes each.
async fn in_chunks(turn: &Turn, headers: &str, body: &[u8], len: usize) -> Answer {
    let headers = format!("{headers}Transfer-Encoding: chunked\r\n");
    let mut raw = turn.begin_upload(&headers).await;
    for chunk in body.chunks(len) {
        raw.send(format!("{:x}\r\n", chunk.len())).await;
        raw.send(chunk).await;
        raw.send("\r\n").await;
    }
    raw.send("0\r\n\r\n").await;
    raw.answer().await
}

#[tokio::test]
async fn pieces_of_any_length_in_any_form_make_one_contribution() {
    for (case, len) in [1021, 64, 7, 4099, 333, 1].into_iter().enumerate() {
        let turn = Turn::begin().await;
        let good = turn.holder.contribution(&turn.base);
        let json = good.to_json().unwrap();
        let (headers, body) = match case {
            0 => ("Content-Type: application/json\r\n", json),
            1 => (
                "Content-Type: application/json\r\nContent-Encoding: gzip\r\n",
                gzip(&json),
            ),
            2 => (
                "Content-Type: application/json\r\nContent-Encoding: zstd\r\n",
                zstd::encode_all(&json[..], 3).unwrap(),
            ),
            3 => (
                "Content-Type: application/msgpack\r\n",
                good.to_msgpack(Encoding::Compressed).unwrap(),
            ),
            4 => (
                "Content-Type: application/msgpack\r\n",
                good.to_msgpack(Encoding::Uncompressed).unwrap(),
            ),
            _ => (
                "Content-Type: application/msgpack\r\nContent-Encoding: zstd\r\n",
                zstd::encode_all(&good.to_msgpack(Encoding::Compressed).unwrap()[..], 3).unwrap(),
            ),
        };
        in_chunks(&turn, headers, &body, len).await.expect_ok();
        let report = turn.server.verify_transcript().await.unwrap();
        assert_eq!(report.contributions, 1, "{headers} in pieces of {len}");
    }
}

#[tokio::test]
async fn who_goes_away_in_the_middle_may_send_again() {
    let turn = Turn::begin().await;
    let good = turn.good();
    let length = format!("Content-Length: {}\r\n", good.len());
    for part in [0, 1, good.len() / 2, good.len() - 1] {
        let headers = format!("Content-Type: {JSON}\r\n{length}");
        let mut raw = turn.begin_upload(&headers).await;
        raw.send(&good[..part]).await;
        drop(raw);
    }
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn who_stands_still_in_the_middle_may_send_again() {
    let server = TestServer::with(&[("body-timeout", "0.2")]).await;
    let turn = Turn::on(server).await;
    let good = turn.good();
    let headers = format!("Content-Type: {JSON}\r\nContent-Length: {}\r\n", good.len());
    let mut raw = turn.begin_upload(&headers).await;
    raw.send(&good[..good.len() / 2]).await;
    raw.answer().await.expect_error(Code::BodyTimeout);
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn a_later_upload_takes_the_place_of_one_that_hangs() {
    let turn = Turn::begin().await;
    let good = turn.good();
    let headers = format!("Content-Type: {JSON}\r\nContent-Length: {}\r\n", good.len());
    let mut first = turn.begin_upload(&headers).await;
    first.send(&good[..good.len() / 2]).await;
    let mut second = turn.begin_upload(&headers).await;
    second.send(&good[..good.len() / 2]).await;
    first.answer().await.expect_error(Code::BodyTimeout);
    second.send(&good[good.len() / 2..]).await;
    second.answer().await.expect_ok();
}

#[tokio::test]
async fn rubbish_in_the_middle_is_told_at_the_end_and_costs_no_turn() {
    let turn = Turn::begin().await;
    let good = turn.good();
    let middle = good.len() / 2;
    let mut rubbish = good.clone();
    rubbish[middle..middle + 100].fill(b'?');
    let headers = format!("Content-Type: {JSON}\r\nContent-Length: {}\r\n", good.len());
    let mut raw = turn.begin_upload(&headers).await;
    raw.send(&rubbish[..good.len() - 1]).await;
    // The answer to a body comes after it.
    let early = tokio::time::timeout(Duration::from_millis(100), raw.answer()).await;
    assert!(early.is_err());
    raw.send(&rubbish[good.len() - 1..]).await;
    let error = raw.answer().await.expect_error(Code::MalformedBody);
    assert!(error.contains("at line 1 column"), "{error}");
    assert!(error.contains("your turn is not over"), "{error}");
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn what_does_not_decode_before_the_document_breaks_off_costs_no_turn() {
    let turn = Turn::begin().await;
    let mut document: serde_json::Value = serde_json::from_slice(&turn.good()).unwrap();
    document["contributions"][0]["powersOfTau"]["G1Powers"][3] =
        format!("0x{}", "ff".repeat(48)).into();
    let text = document.to_string();
    let answer = turn.complete(JSON, text[..text.len() - 1].to_owned()).await;
    answer.expect_error(Code::MalformedBody);
    let packed = turn.holder.contribution(&turn.base);
    let mut packed = packed.to_msgpack(Encoding::Compressed).unwrap();
    packed.push(0);
    let answer = turn.complete(MSGPACK, packed).await;
    answer.expect_error(Code::MalformedBody);
    turn.goes_on_undisturbed().await;
}

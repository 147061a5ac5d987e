//! The forms in which the state goes out and a contribution comes back.

use std::io::Read as _;

use reqwest::Method;
use serde_json::json;
use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::status::QueueWord;
use tauline_transcript::Encoding;
use tauline_transcript::contribution::RawContribution;
use tauline_transcript::powers::Base;

use crate::common::turn::Turn;
use crate::common::{Answer, Client, TestServer};

async fn start(client: &Client, accept: Option<&str>, encoding: Option<&str>) -> Answer {
    let mut request = client.request(Method::POST, "/contribution/start");
    if let Some(accept) = accept {
        request = request.header("accept", accept);
    }
    if let Some(encoding) = encoding {
        request = request.header("accept-encoding", encoding);
    }
    client.send(request).await.expect_ok()
}

#[tokio::test]
async fn the_state_comes_in_every_form_and_is_the_same() {
    let turn = Turn::begin().await;
    let base = |document: RawContribution| Base::decode(&document, &turn.server.sizes()).unwrap();

    let json = start(&turn.holder, None, None).await;
    assert_eq!(json.header("content-type"), Some("application/json"));
    assert_eq!(json.header("content-encoding"), None);
    assert_eq!(json.header("cache-control"), Some("no-store"));
    assert_eq!(
        base(RawContribution::from_json(&json.bytes).unwrap()),
        turn.base
    );

    let packed = start(
        &turn.holder,
        Some("application/msgpack"),
        Some("gzip, zstd"),
    )
    .await;
    assert_eq!(packed.header("content-type"), Some("application/msgpack"));
    assert_eq!(
        packed.header("content-encoding"),
        None,
        "points in MessagePack do not compress"
    );
    assert_eq!(
        base(RawContribution::from_msgpack(&packed.bytes).unwrap()),
        turn.base
    );
    assert!(packed.bytes.len() < json.bytes.len() * 6 / 10);

    let accept = "application/msgpack; points=uncompressed";
    let plain = start(&turn.holder, Some(accept), None).await;
    assert_eq!(plain.header("content-type"), Some(accept));
    let document = RawContribution::from_msgpack(&plain.bytes).unwrap();
    assert_eq!(document.encoding(), Encoding::Uncompressed);
    assert_eq!(base(document), turn.base);

    let gzip = start(&turn.holder, None, Some("gzip")).await;
    assert_eq!(gzip.header("content-encoding"), Some("gzip"));
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(&gzip.bytes[..])
        .read_to_end(&mut text)
        .unwrap();
    assert_eq!(text, json.bytes);

    let zstd = start(&turn.holder, Some("application/json"), Some("gzip, zstd")).await;
    assert_eq!(zstd.header("content-encoding"), Some("zstd"));
    assert_eq!(zstd::decode_all(&zstd.bytes[..]).unwrap(), json.bytes);

    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn a_contribution_is_taken_in_every_form() {
    let server = TestServer::start().await;
    let sizes = server.sizes();
    for number in 0..7 {
        let client = server.client(number).await;
        client.join().await;
        let contribution = client.contribution(&client.start(&sizes).await);
        let json = contribution.to_json().unwrap();
        let (media, coding, body) = match number {
            0 => ("application/json", None, json),
            1 => ("application/json; charset=utf-8", None, json),
            2 => (
                "Application/JSON",
                Some("zstd"),
                zstd::encode_all(&json[..], 19).unwrap(),
            ),
            3 => {
                let mut gzip = flate2::read::GzEncoder::new(&json[..], flate2::Compression::fast());
                let mut body = Vec::new();
                gzip.read_to_end(&mut body).unwrap();
                ("application/json", Some("gzip"), body)
            }
            4 => (
                "application/msgpack",
                None,
                contribution.to_msgpack(Encoding::Compressed).unwrap(),
            ),
            5 => {
                let media = "application/msgpack; points=uncompressed";
                (
                    media,
                    None,
                    contribution.to_msgpack(Encoding::Uncompressed).unwrap(),
                )
            }
            _ => {
                // As a person would look at it: with white space.
                let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
                (
                    "application/json",
                    None,
                    serde_json::to_vec_pretty(&value).unwrap(),
                )
            }
        };
        let mut request = client.request(Method::POST, "/contribution/complete");
        request = request.header("content-type", media);
        if let Some(coding) = coding {
            request = request.header("content-encoding", coding);
        }
        let answer = client.send(request.body(body)).await;
        assert_eq!(answer.status, 200, "form {number}: {}", answer.text());
    }
    let report = server.verify_transcript().await.unwrap();
    let report = serde_json::to_value(&report).unwrap();
    assert_eq!(report["contributions"], 7, "{report}");
}

#[tokio::test]
async fn the_older_names_are_read_too() {
    let turn = Turn::begin().await;
    let good = String::from_utf8(turn.good()).unwrap();
    let older = good
        .replace("\"contributions\"", "\"subContributions\"")
        .replace("blsSignature", "bls_signature");
    assert_ne!(good, older);
    turn.complete("application/json", older).await.expect_ok();
}

#[tokio::test]
async fn names_of_the_client_are_taken_with_the_start() {
    let server = TestServer::start().await;
    let client = server.client(1).await;
    client.join().await;
    let names = json!({"client": "test 1", "computation": "blst"});
    client
        .post_json("/contribution/start", &names)
        .await
        .expect_ok();
    assert_eq!(
        client.check_in().await.queue_status,
        QueueWord::Contributing
    );
    client.contribute(&server.sizes()).await;
}

#[tokio::test]
async fn a_receipt_is_had_again_by_completing_again_and_by_checking_in() {
    let turn = Turn::begin().await;
    let good = turn.good();
    let first: SignedReceipt = turn
        .complete("application/json", good.clone())
        .await
        .expect_ok()
        .json();
    let second: SignedReceipt = turn
        .complete("application/json", good)
        .await
        .expect_ok()
        .json();
    assert_eq!(first, second);
    assert_eq!(turn.holder.check_in().await.receipt, Some(first.clone()));
    let holder = turn.holder.clone();
    let server = turn.server.restart().await;
    let holder = holder.at(server.url());
    assert_eq!(
        holder.check_in().await.receipt,
        Some(first.clone()),
        "after a restart too"
    );
    // Even with nothing to send any more.
    let third = holder
        .post_bytes("/contribution/complete", "application/json", "")
        .await;
    assert_eq!(third.expect_ok().json::<SignedReceipt>(), first);
}

#[tokio::test]
async fn many_completions_at_once_are_one_contribution() {
    let turn = Turn::begin().await;
    let good = turn.good();
    let tries = (0..6).map(|_| turn.complete("application/json", good.clone()));
    let answers = futures_util::future::join_all(tries).await;
    let receipts: Vec<SignedReceipt> = answers
        .iter()
        .filter(|answer| answer.status == 200)
        .map(Answer::json)
        .collect();
    assert!(!receipts.is_empty());
    assert!(receipts.iter().all(|receipt| *receipt == receipts[0]));
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        refused.expect_error(tauline_protocol::error::Code::BodyTimeout);
    }
    assert_eq!(turn.holder.status().await.contributions, 1);
    assert_eq!(
        turn.holder.check_in().await.receipt.as_ref(),
        receipts.first()
    );
}

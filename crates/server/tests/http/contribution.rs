//! The forms in which the state goes out and a contribution comes back.

use std::io::Read as _;
use std::path::Path;

use reqwest::Method;
use serde_json::json;
use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::error::Code;
use tauline_protocol::journal::Record;
use tauline_protocol::status::QueueWord;
use tauline_store::Chain;
use tauline_transcript::{Base, Encoding, RawContribution, Secret, contribute_with};

use crate::common::turn::{MSGPACK, Turn};
use crate::common::{Answer, Client, TestServer, alter_json, spoil};

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
}

/// The same document in this form: its media type, its compression, its bytes.
type Form = (&'static str, Option<&'static str>, Vec<u8>);

fn every_form(document: &RawContribution) -> Vec<Form> {
    let json = document.to_json().unwrap();
    let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let mut gzip = Vec::new();
    flate2::read::GzEncoder::new(&json[..], flate2::Compression::fast())
        .read_to_end(&mut gzip)
        .unwrap();
    let compressed = document.to_msgpack(Encoding::Compressed).unwrap();
    let uncompressed = document.to_msgpack(Encoding::Uncompressed).unwrap();
    let older = String::from_utf8(json.clone()).unwrap();
    let older = older.replace("\"contributions\"", "\"subContributions\"");
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 3).unwrap();
    vec![
        ("application/json", Some("gzip"), gzip),
        ("application/json", Some("zstd"), zstd(&json)),
        ("application/json", None, older.into_bytes()),
        (
            "application/json",
            None,
            serde_json::to_vec_pretty(&value).unwrap(),
        ),
        ("application/msgpack", Some("zstd"), zstd(&uncompressed)),
        ("application/msgpack", None, compressed),
        ("application/msgpack", None, uncompressed),
        ("application/json", None, json),
    ]
}

async fn send(client: &Client, (media, coding, body): Form) -> Answer {
    let mut request = client.request(Method::POST, "/contribution/complete");
    request = request.header("content-type", media);
    if let Some(coding) = coding {
        request = request.header("content-encoding", coding);
    }
    client.send(request.body(body)).await
}

/// Whatever `accepted`'s sender sends now: the same in any form gets `receipt`, and nothing else does.
async fn only_the_same_gets_its_receipt(
    holder: &Client,
    base: &Base,
    accepted: &RawContribution,
    receipt: &Answer,
) {
    for (number, form) in every_form(accepted).into_iter().enumerate() {
        let again = send(holder, form).await.expect_ok();
        assert_eq!(again.bytes, receipt.bytes, "form {number}");
    }
    // Signatures are no part of what was checked.
    let mut unsigned = accepted.clone();
    unsigned.ecdsa_signature = None;
    unsigned.sub_contributions[1].bls_signature = None;
    let again = holder.complete(&unsigned).await.expect_ok();
    assert_eq!(again.bytes, receipt.bytes);

    let fresh = holder.contribution(base);
    let mut mixed = accepted.clone();
    mixed.sub_contributions[3] = fresh.sub_contributions[3].clone();
    let mut numbers = accepted.clone();
    numbers.sub_contributions[0].num_g1_powers += 1;
    let mut key = accepted.clone();
    key.sub_contributions[2].pot_pubkey = fresh.sub_contributions[2].pot_pubkey.clone();
    let mut fewer = accepted.clone();
    fewer.sub_contributions.pop();
    let power = alter_json(accepted, |document| {
        let last = spoil::g1(document, 0).last_mut().unwrap();
        *last = spoil::order_three().into();
    });
    let power = RawContribution::from_json(&power).unwrap();
    let unchanged = base.to_raw(Encoding::Compressed);
    let others = [fresh, mixed, numbers, key, fewer, power, unchanged];
    for (number, other) in others.iter().enumerate() {
        for (form, sent) in every_form(other).into_iter().enumerate() {
            let error = send(holder, sent)
                .await
                .expect_error(Code::EarlierOneCounted);
            assert!(
                error.contains("an earlier contribution of yours"),
                "{number} {form}: {error}"
            );
        }
    }
    // Uncompressed bytes of which only x and the sign of y are a point's.
    let (_, _, mut bytes) = every_form(accepted).swap_remove(6);
    let pubkey = accepted.to_encoding(Encoding::Uncompressed).unwrap();
    let pubkey = pubkey.sub_contributions[0].pot_pubkey.bytes().to_vec();
    let at = bytes
        .windows(pubkey.len())
        .position(|window| window == pubkey)
        .unwrap();
    bytes[at + pubkey.len() - 1] ^= 1;
    let sent = ("application/msgpack", None, bytes);
    send(holder, sent)
        .await
        .expect_error(Code::EarlierOneCounted);

    let whole = accepted.to_json().unwrap();
    let cut = whole[..whole.len() - 1].to_vec();
    for unreadable in [Vec::new(), b"{}".to_vec(), b"again, please".to_vec(), cut] {
        let sent = ("application/json", None, unreadable);
        let error = send(holder, sent).await.expect_error(Code::MalformedBody);
        assert!(error.contains("not touched"), "{error}");
    }
    let sent = ("text/plain", None, whole.clone());
    send(holder, sent)
        .await
        .expect_error(Code::UnsupportedMediaType);
    let sent = ("application/json", Some("gzip"), whole);
    send(holder, sent).await.expect_error(Code::MalformedBody);
    let status = holder.check_in().await;
    assert_eq!(status.queue_status, QueueWord::Contributed);
    assert_eq!(status.receipt, Some(receipt.json()));
}

#[tokio::test]
async fn after_acceptance_only_the_same_contribution_gets_its_receipt() {
    let turn = Turn::begin().await;
    let accepted = turn.holder.contribution(&turn.base);
    let receipt = turn.holder.complete(&accepted).await.expect_ok();
    only_the_same_gets_its_receipt(&turn.holder, &turn.base, &accepted, &receipt).await;
    assert_eq!(turn.holder.status().await.contributions, 1);

    // Nor when its powers are no longer kept, and after a restart.
    turn.waiter.wait_for_turn().await;
    turn.waiter.contribute(&turn.server.sizes()).await;
    let server = turn.server.restart().await;
    let holder = turn.holder.at(server.url());
    only_the_same_gets_its_receipt(&holder, &turn.base, &accepted, &receipt).await;
    let report = server.verify_transcript().await.unwrap();
    let report = serde_json::to_value(&report).unwrap();
    assert_eq!(report["contributions"], 2, "{report}");
}

/// Makes data of it as of before there were digests of any kind, in the log and beside it.
fn as_an_older_version_left_it(directory: &Path) {
    let database = rusqlite::Connection::open(directory.join("tauline.db")).unwrap();
    database
        .execute_batch(
            "DROP TRIGGER contributions_are_final; DROP TRIGGER journal_is_never_changed;
             UPDATE contributions SET digest = NULL;
             DELETE FROM contribution_sums; DELETE FROM session_sums;
             DELETE FROM meta WHERE key = 'sums';",
        )
        .unwrap();
    let records: Vec<Vec<u8>> = database
        .prepare("SELECT record FROM journal ORDER BY seq")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut chain = Chain::EMPTY;
    for record in records {
        let mut record = Record::from_bytes(&record).unwrap();
        (record.stored, record.beside) = (None, None);
        let record = chain.append(record.to_bytes(), None);
        database
            .execute(
                "UPDATE journal SET record = ?2, hash = ?3 WHERE seq = ?1",
                (record.seq, record.bytes, record.hash),
            )
            .unwrap();
    }
    std::fs::remove_file(directory.join("tauline.mark")).unwrap();
}

#[tokio::test]
async fn of_a_contribution_without_a_digest_the_witness_decides() {
    let turn = Turn::begin().await;
    let accepted = turn.holder.contribution(&turn.base);
    let receipt = turn.holder.complete(&accepted).await.expect_ok();
    let server = turn.server.restart_after(as_an_older_version_left_it).await;
    let holder = turn.holder.at(server.url());
    for form in every_form(&accepted) {
        let again = send(&holder, form).await.expect_ok();
        assert_eq!(again.bytes, receipt.bytes);
    }
    let fresh = holder.contribution(&turn.base);
    for form in every_form(&fresh) {
        send(&holder, form)
            .await
            .expect_error(Code::EarlierOneCounted);
    }
}

// `docs/spec/http-api.md#receipt`.
#[tokio::test]
async fn the_answer_has_the_contributions_number() {
    let turn = Turn::begin().await;
    let good = turn.holder.contribution(&turn.base);
    let number = |answer: Answer| {
        let body: serde_json::Value = answer.expect_ok().json();
        body["number"].as_u64()
    };
    assert_eq!(number(turn.holder.complete(&good).await), Some(1));
    turn.waiter.check_in().await;
    let base = turn.waiter.start(&turn.server.sizes()).await;
    let next = turn.waiter.contribution(&base);
    assert_eq!(number(turn.waiter.complete(&next).await), Some(2));
    // Sent again, it is the same.
    assert_eq!(number(turn.holder.complete(&good).await), Some(1));
    let server = turn.server.restart().await;
    let holder = turn.holder.at(server.url());
    assert_eq!(number(holder.complete(&good).await), Some(1));
}

/// A page shows how far the download is, and cannot say that it wants no compression.
#[tokio::test]
async fn points_in_messagepack_are_not_compressed_and_their_length_is_told() {
    let turn = Turn::begin().await;
    for form in [MSGPACK, "application/msgpack; points=uncompressed"] {
        let start = turn
            .holder
            .request(Method::POST, "/contribution/start")
            .header("accept", form)
            .header("accept-encoding", "gzip, deflate, br, zstd");
        let answer = turn.holder.send(start).await.expect_ok();
        assert_eq!(answer.header("content-encoding"), None, "{form}");
        let length = answer.bytes.len().to_string();
        assert_eq!(answer.header("content-length"), Some(&*length), "{form}");
    }
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

#[tokio::test]
async fn one_secret_for_several_sub_ceremonies_is_accepted_with_a_warning() {
    let turn = Turn::begin().await;
    let secret = |x: u8| {
        let mut bytes = [0; 32];
        bytes[20..].fill(x);
        Secret::from_be_bytes(&bytes).unwrap()
    };
    let secrets = [9, 5, 9, 7].map(secret).into_iter().collect();
    let update = contribute_with(&turn.base, secrets, &|_| {}).unwrap();
    let answer = turn.holder.complete(&update.unsigned()).await.expect_ok();
    let body: serde_json::Value = answer.json();
    let warnings = body["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1);
    let warning = warnings[0].as_str().unwrap();
    assert!(
        warning.starts_with("the sub-ceremonies 0, 2 have one secret"),
        "{warning}"
    );
    // It is a receipt like any other.
    let receipt: SignedReceipt = answer.json();
    let status = turn.server.anonymous().status().await;
    assert!(receipt.verify(&status.coordinator_address).is_ok());
}

//! Bad bodies of `contribution/complete`: each is a clear error with its code, none a panic, and
//! none that fails before the checks (`docs/spec/ceremony.md#checks`) disturbs the turn.
use std::io::Write as _;
use std::time::Duration;

use crate::common::raw::Raw;
use crate::common::spoil::{self, g1, subs};
use crate::common::turn::Turn;
use crate::common::{TestServer, alter_json};
use serde_json::{Value, json};
use tauline_protocol::error::Code;
use tauline_protocol::status::{EndedWord, QueueWord};
use tauline_transcript::Encoding;

const JSON: &str = "application/json";
const MSGPACK: &str = "application/msgpack";

fn altered(turn: &Turn, change: impl FnOnce(&mut Value)) -> (&'static str, Vec<u8>) {
    (
        JSON,
        alter_json(&turn.holder.contribution(&turn.base), change),
    )
}

/// About forty lengths over the whole, and the last ones.
fn cuts(len: usize) -> impl Iterator<Item = usize> {
    (0..len).step_by(len / 40 + 1).chain([len - 2, len - 1])
}

#[tokio::test]
async fn truncated_json_is_refused() {
    let turn = Turn::begin().await;
    let good = turn.good();
    let bodies: Vec<_> = cuts(good.len())
        .map(|len| (JSON, good[..len].to_vec()))
        .collect();
    turn.refuses(Code::MalformedBody, bodies).await;
}

#[tokio::test]
async fn truncated_messagepack_is_refused() {
    let turn = Turn::begin().await;
    let contribution = turn.holder.contribution(&turn.base);
    let mut bodies = Vec::new();
    for encoding in [Encoding::Compressed, Encoding::Uncompressed] {
        let good = contribution.to_msgpack(encoding).unwrap();
        bodies.extend(cuts(good.len()).map(|len| (MSGPACK, good[..len].to_vec())));
    }
    turn.refuses(Code::MalformedBody, bodies).await;
}

#[tokio::test]
async fn an_empty_body_is_refused() {
    let turn = Turn::begin().await;
    turn.refuses(Code::MalformedBody, [(JSON, vec![]), (MSGPACK, vec![])])
        .await;
}

#[tokio::test]
async fn more_after_the_document_is_refused() {
    let turn = Turn::begin().await;
    let twice = [turn.good(), turn.good()].concat();
    turn.refuses(Code::MalformedBody, [(JSON, twice)]).await;
}

#[tokio::test]
async fn wrong_types_are_refused() {
    let turn = Turn::begin().await;
    let mut bodies: Vec<(&str, Vec<u8>)> = [
        "null",
        "7",
        "\"text\"",
        "[]",
        "{}",
        "true",
        r#"{"contributions":7}"#,
        r#"{"contributions":{}}"#,
        r#"{"contributions":[7]}"#,
        r#"{"contributions":[null]}"#,
    ]
    .into_iter()
    .map(|text| (JSON, text.as_bytes().to_vec()))
    .collect();
    for (field, wrong) in [
        ("numG1Powers", json!("16")),
        ("numG1Powers", json!(16.5)),
        ("numG1Powers", json!(null)),
        ("powersOfTau", json!([])),
        ("powersOfTau", json!({"G1Powers": []})),
        ("potPubkey", json!(7)),
        ("potPubkey", json!(["0x00"])),
    ] {
        bodies.push(altered(&turn, |document| subs(document)[1][field] = wrong));
    }
    turn.refuses(Code::MalformedBody, bodies).await;
}

#[tokio::test]
async fn unknown_fields_are_refused_where_the_specification_says_so() {
    let turn = Turn::begin().await;
    let bodies = [
        altered(&turn, |document| document["extra"] = 1.into()),
        altered(&turn, |document| {
            subs(document)[0]["powersOfTau"]["G3Powers"] = json!([])
        }),
    ];
    turn.refuses(Code::MalformedBody, bodies).await;
}

#[tokio::test]
async fn deep_json_is_refused() {
    let turn = Turn::begin().await;
    let deep = |open: &str, depth: usize| (JSON, open.repeat(depth).into_bytes());
    let bodies = vec![
        deep("[", 40_000),
        deep(r#"{"contributions":"#, 1000),
        altered(&turn, |document| {
            let mut nested = json!(0);
            for _ in 0..100 {
                nested = json!([nested]);
            }
            subs(document)[0]["powersOfTau"]["G1Powers"] = nested;
        }),
        (MSGPACK, vec![0x91; 40_000]),
        (
            MSGPACK,
            [&[0x81, 0xad][..], b"contributions", &vec![0x91; 40_000]].concat(),
        ),
    ];
    turn.refuses(Code::MalformedBody, bodies).await;
}

#[tokio::test]
async fn huge_numbers_are_refused() {
    let turn = Turn::begin().await;
    let good = String::from_utf8(turn.good()).unwrap();
    let bodies: Vec<_> = [
        "1e400",
        "18446744073709551616",
        "-1",
        "-0.0",
        "1e999999999",
        &"9".repeat(9999),
    ]
    .iter()
    .map(|number| {
        let with = format!("\"numG1Powers\":{number},");
        (
            JSON,
            good.replacen("\"numG1Powers\":16,", &with, 1).into_bytes(),
        )
    })
    .collect();
    assert!(bodies.iter().all(|(_, body)| *body != good.as_bytes()));
    turn.refuses(Code::MalformedBody, bodies).await;
}

#[tokio::test]
async fn a_messagepack_length_beyond_the_body_is_refused() {
    let turn = Turn::begin().await;
    let array = |len: [u8; 4]| [&[0x81, 0xad][..], b"contributions", &[0xdd], &len[..]].concat();
    let bodies = [
        (MSGPACK, array([0xff; 4])),
        (MSGPACK, vec![0xdf, 0xff, 0xff, 0xff, 0xff]),
        (MSGPACK, vec![0xc6, 0xff, 0xff, 0xff, 0xff]),
        (MSGPACK, vec![0xc1]),
    ];
    turn.refuses(Code::MalformedBody, bodies).await;
}

#[tokio::test]
async fn bad_hex_is_refused() {
    let turn = Turn::begin().await;
    let good = turn.good();
    let good: Value = serde_json::from_slice(&good).unwrap();
    let point = good["contributions"][0]["powersOfTau"]["G1Powers"][3]
        .as_str()
        .unwrap()
        .to_owned();
    let upper = format!("0x{}", point[2..].to_uppercase());
    let bodies: Vec<_> = [
        String::new(),
        "0x".to_owned(),
        point[2..].to_owned(),
        point[..point.len() - 1].to_owned(),
        point[..point.len() - 2].to_owned(),
        format!("{point}00"),
        format!("{}zz", &point[..point.len() - 2]),
        format!("{}é", &point[..point.len() - 2]),
        format!("0X{}", &point[2..]),
        upper,
    ]
    .into_iter()
    .map(|bad| altered(&turn, |document| g1(document, 0)[3] = bad.into()))
    .collect();
    turn.refuses(Code::MalformedBody, bodies).await;
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused() {
    let turn = Turn::begin().await;
    let mut nul = turn.good();
    nul[40] = 0;
    let mut latin = turn.good();
    latin[40] = 0xe9;
    turn.refuses(
        Code::MalformedBody,
        [(JSON, nul), (JSON, latin), (JSON, vec![0xff; 100])],
    )
    .await;
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
async fn one_form_under_the_name_of_the_other_is_refused() {
    let turn = Turn::begin().await;
    let contribution = turn.holder.contribution(&turn.base);
    let packed = contribution.to_msgpack(Encoding::Compressed).unwrap();
    let bodies = [(JSON, packed), (MSGPACK, turn.good())];
    turn.refuses(Code::MalformedBody, bodies).await;
}

#[tokio::test]
async fn a_body_is_refused_by_its_length_before_it_is_read() {
    let turn = Turn::begin().await;
    let mut raw = Raw::connect(&turn.server.url()).await;
    let token = turn.holder.token.clone();
    let headers = "Content-Type: application/json\r\nContent-Length: 10000000000\r\n";
    raw.head("POST", "/contribution/complete", token.as_deref(), headers)
        .await;
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

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn complete_coded(turn: &Turn, coding: &str, body: Vec<u8>) -> crate::common::Answer {
    let request = turn
        .holder
        .request(reqwest::Method::POST, "/contribution/complete");
    let request = request
        .header("content-type", JSON)
        .header("content-encoding", coding);
    turn.holder.send(request.body(body)).await
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
        let mut raw = Raw::connect(&turn.server.url()).await;
        let headers = format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n",
            good.len()
        );
        raw.head(
            "POST",
            "/contribution/complete",
            turn.holder.token.as_deref(),
            &headers,
        )
        .await;
        raw.send(&good[..sent]).await;
    }
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn a_body_that_pauses_for_too_long_is_given_up() {
    let turn = Turn::on(TestServer::with(&[("body-timeout", "0.2")]).await).await;
    let good = turn.good();
    let mut raw = Raw::connect(&turn.server.url()).await;
    let headers = format!(
        "Content-Type: application/json\r\nContent-Length: {}\r\n",
        good.len()
    );
    raw.head(
        "POST",
        "/contribution/complete",
        turn.holder.token.as_deref(),
        &headers,
    )
    .await;
    raw.send(&good[..good.len() / 2]).await;
    raw.answer().await.expect_error(Code::BodyTimeout);
    turn.goes_on_undisturbed().await;
}

#[tokio::test]
async fn a_later_upload_takes_the_place_of_one_that_hangs() {
    let turn = Turn::begin().await;
    let good = turn.good();
    let mut raw = Raw::connect(&turn.server.url()).await;
    let headers = format!(
        "Content-Type: application/json\r\nContent-Length: {}\r\n",
        good.len()
    );
    raw.head(
        "POST",
        "/contribution/complete",
        turn.holder.token.as_deref(),
        &headers,
    )
    .await;
    raw.send(&good[..good.len() / 2]).await;
    // The body's first half must have been taken in before the second try: it has, once the
    // server waits for the rest, and nothing tells but time; either order must be right.
    tokio::time::sleep(Duration::from_millis(50)).await;
    turn.goes_on_undisturbed().await;
}

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

#[tokio::test]
async fn each_failed_check_has_its_code_and_ends_that_stay_only() {
    let server = TestServer::start().await;
    let sizes = server.sizes();
    let next = server.client(1000).await;
    for (number, (code, name, spoil)) in (1_u32..).zip(spoil::KINDS) {
        let holder = server.client(number).await;
        holder.join().await;
        let base = holder.start(&sizes).await;
        let bytes = spoil::spoilt(&holder.contribution(&base), &base, *spoil);
        let answer = holder
            .post_bytes("/contribution/complete", JSON, bytes)
            .await;
        let error = answer.expect_error(*code);
        println!("{name}: {error}");

        let status = holder.check_in().await;
        assert_eq!(status.queue_status, QueueWord::Expired, "{name}");
        assert_eq!(status.ended, Some(EndedWord::Invalid), "{name}");
        let because = status.ended_because.expect(name);
        assert!(
            error.contains(&because) || because.contains(&error),
            "{name}: {because}"
        );
        holder.post("/queue/join").await.expect_error(Code::UsedUp);
    }
    next.take_part(&sizes).await;
    server.verify_transcript().await.unwrap();
}

#[tokio::test]
async fn a_refusal_names_the_sub_ceremony_the_check_and_the_lowest_bad_index() {
    let turn = Turn::begin().await;
    let (_, body) = altered(&turn, |document| {
        g1(document, 3).swap(100, 101);
        g1(document, 3).swap(60, 61);
    });
    let error = turn
        .complete(JSON, body)
        .await
        .expect_error(Code::ContributionG1Powers);
    assert!(error.contains("128"), "the sub-ceremony: {error}");
    assert!(error.contains("60"), "the index: {error}");
}

#[tokio::test]
async fn bad_signatures_do_not_make_a_contribution_fail() {
    let turn = Turn::begin().await;
    let (_, body) = altered(&turn, |document| {
        document["ecdsaSignature"] = format!("0x{}", "11".repeat(65)).into();
        subs(document)[0]["blsSignature"] = "rubbish".into();
        subs(document)[1]["blsSignature"] = json!(null);
        subs(document)[2]
            .as_object_mut()
            .unwrap()
            .remove("blsSignature");
        let stolen = subs(document)[2]["potPubkey"].clone();
        subs(document)[3]["blsSignature"] = stolen;
    });
    turn.complete(JSON, body).await.expect_ok();
    let report = turn.server.verify_transcript().await.unwrap();
    println!("{}", serde_json::to_string(&report).unwrap());
}

//! Bodies of `contribution/complete` that are no document: each is a clear error with its code, none a
//! panic, and none disturbs the turn.

use serde_json::{Value, json};
use tauline_protocol::error::Code;
use tauline_transcript::Encoding;

use crate::common::spoil::{g1, subs};
use crate::common::turn::{JSON, MSGPACK, Turn};

fn altered(turn: &Turn, change: impl FnOnce(&mut Value)) -> (&'static str, Vec<u8>) {
    (JSON, turn.altered(change))
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
async fn one_form_under_the_name_of_the_other_is_refused() {
    let turn = Turn::begin().await;
    let contribution = turn.holder.contribution(&turn.base);
    let packed = contribution.to_msgpack(Encoding::Compressed).unwrap();
    let bodies = [(JSON, packed), (MSGPACK, turn.good())];
    turn.refuses(Code::MalformedBody, bodies).await;
}

//! Contributions that can be read and fail a check: the stay ends, and the queue goes on.

use serde_json::json;
use tauline_protocol::error::Code;
use tauline_protocol::status::{EndedWord, QueueWord};

use crate::common::TestServer;
use crate::common::spoil::{self, g1, subs};
use crate::common::turn::{JSON, Turn};

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
    let body = turn.altered(|document| {
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
    let body = turn.altered(|document| {
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

//! `POST /contribution/probe`: whether a contribution of a length would be taken.

use tauline_protocol::contribution::ProbeAnswer;
use tauline_protocol::error::Code;

use crate::common::TestServer;
use crate::common::raw::Raw;

#[tokio::test]
async fn a_probe_is_answered_by_its_length_before_any_of_its_body_is_there() {
    let server = TestServer::start().await;
    let token = server.client(1).await.token;
    let most = server.sizes().max_json_len() as u64;
    let ask = async |token: Option<&str>, len: u64| {
        let mut raw = Raw::connect(&server.url()).await;
        let headers = format!("Content-Type: application/msgpack\r\nContent-Length: {len}\r\n");
        raw.head("POST", "/contribution/probe", token, &headers)
            .await;
        // Not one byte of the body was sent, and the answer is there.
        raw.answer().await
    };
    for len in [0, 1, most] {
        let answer: ProbeAnswer = ask(token.as_deref(), len).await.expect_ok().json();
        assert_eq!(answer.limit, most, "{len}");
    }
    for len in [most + 1, 10_000_000_000] {
        let error = ask(token.as_deref(), len)
            .await
            .expect_error(Code::BodyTooLarge);
        assert!(error.contains(&most.to_string()), "{error}");
    }
    ask(None, 1).await.expect_error(Code::SessionMissing);
    ask(Some("nonsense"), 1)
        .await
        .expect_error(Code::SessionUnknown);
}

#[tokio::test]
async fn a_probe_needs_no_place_in_the_queue_and_gives_none() {
    let server = TestServer::start().await;
    let client = server.client(1).await;
    client.post("/contribution/probe").await.expect_ok();
    assert_eq!(client.status().await.queue_length, 0);
    assert_eq!(client.check_in().await.ticket, None);
}

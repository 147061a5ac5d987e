//! The transcript's download: whole, in parts, and taken up again.

use reqwest::Method;
use tauline_protocol::error::Code;

use crate::common::{Answer, TestServer};

async fn part(server: &TestServer, headers: &[(&str, &str)]) -> Answer {
    let client = server.anonymous();
    let mut request = client.request(Method::GET, "/ceremony/transcript");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client.send(request).await
}

#[tokio::test]
async fn anyone_may_download_the_transcript() {
    let server = TestServer::start().await;
    server.client(1).await.take_part(&server.sizes()).await;
    let whole = part(&server, &[]).await;
    assert_eq!(whole.status, 200);
    assert_eq!(whole.header("content-type"), Some("application/json"));
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    assert_eq!(
        whole.header("content-length"),
        Some(whole.bytes.len().to_string().as_str())
    );
    assert!(whole.header("etag").unwrap().starts_with('"'));
    let document: serde_json::Value = whole.json();
    assert_eq!(document["participantIds"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn parts_make_the_whole() {
    let server = TestServer::start().await;
    let whole = part(&server, &[]).await;
    let (len, etag) = (whole.bytes.len(), whole.header("etag").unwrap().to_owned());
    let mut parts = Vec::new();
    for first in (0..len).step_by(1000) {
        let range = format!("bytes={first}-{}", first + 999);
        let part = part(&server, &[("range", &range), ("if-range", &etag)]).await;
        assert_eq!(part.status, 206);
        let last = (first + 999).min(len - 1);
        let content = format!("bytes {first}-{last}/{len}");
        assert_eq!(part.header("content-range"), Some(content.as_str()));
        parts.extend(part.bytes);
    }
    assert_eq!(parts, whole.bytes);
}

#[tokio::test]
async fn a_part_past_the_end_is_refused_with_the_length() {
    let server = TestServer::start().await;
    let len = part(&server, &[]).await.bytes.len();
    let answer = part(&server, &[("range", &format!("bytes={len}-"))]).await;
    answer.expect_error(Code::RangeNotSatisfiable);
    assert_eq!(
        answer.header("content-range"),
        Some(format!("bytes */{len}").as_str())
    );
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let server = TestServer::start().await;
    let etag = part(&server, &[]).await.header("etag").unwrap().to_owned();
    let again = part(&server, &[("if-none-match", &etag)]).await;
    assert_eq!((again.status, again.bytes.len()), (304, 0));
    server.client(1).await.take_part(&server.sizes()).await;
    let changed = part(&server, &[("if-none-match", &etag)]).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(etag.as_str()));
}

#[tokio::test]
async fn a_download_is_taken_up_again_after_further_contributions() {
    let server = TestServer::start().await;
    server.client(1).await.take_part(&server.sizes()).await;
    let old = part(&server, &[]).await;
    let etag = old.header("etag").unwrap().to_owned();
    server.client(2).await.take_part(&server.sizes()).await;
    let new = part(&server, &[]).await;
    assert_ne!(new.bytes, old.bytes);
    let rest = part(&server, &[("range", "bytes=5000-"), ("if-range", &etag)]).await;
    assert_eq!(rest.status, 206);
    assert_eq!(rest.bytes, old.bytes[5000..]);
    assert_eq!(rest.header("etag"), Some(etag.as_str()));
}

#[tokio::test]
async fn a_part_of_a_file_that_is_gone_is_the_whole_new_one() {
    let server = TestServer::start().await;
    let whole = part(&server, &[]).await;
    let answer = part(
        &server,
        &[("range", "bytes=5000-"), ("if-range", "\"gone\"")],
    )
    .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.bytes, whole.bytes);
}

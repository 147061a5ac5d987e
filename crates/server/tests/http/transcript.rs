//! The transcript's download: whole, in parts, and taken up again.

use std::io::Read as _;

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

#[tokio::test]
async fn it_comes_compressed_to_who_asks_for_that() {
    let server = TestServer::start().await;
    server.client(1).await.take_part(&server.sizes()).await;
    let plain = part(&server, &[]).await;
    assert_eq!(plain.header("content-encoding"), None);
    let mut etags = vec![plain.header("etag").unwrap().to_owned()];
    for coding in ["gzip", "zstd"] {
        let answer = part(&server, &[("accept-encoding", coding)]).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-encoding"), Some(coding));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert!(answer.header("vary").unwrap().contains("accept-encoding"));
        let len = answer.bytes.len();
        assert_eq!(
            answer.header("content-length"),
            Some(len.to_string().as_str())
        );
        assert!(len < plain.bytes.len() * 3 / 4, "{coding}: {len}");
        let mut bytes = Vec::new();
        match coding {
            "gzip" => {
                let mut member = flate2::bufread::GzDecoder::new(&answer.bytes[..]);
                member.read_to_end(&mut bytes).unwrap();
                assert!(member.into_inner().is_empty(), "browsers read one member");
            }
            _ => bytes = zstd::decode_all(&answer.bytes[..]).unwrap(),
        }
        assert!(bytes == plain.bytes, "{coding}");
        let etag = answer.header("etag").unwrap().to_owned();
        let again = [
            ("accept-encoding", coding),
            ("if-none-match", etag.as_str()),
        ];
        assert_eq!(part(&server, &again).await.status, 304);
        etags.push(etag);
    }
    etags.sort();
    etags.dedup();
    assert_eq!(etags.len(), 3, "another tag for other bytes");
}

#[tokio::test]
async fn a_part_is_of_the_plain_document_whatever_else_is_accepted() {
    let server = TestServer::start().await;
    let whole = part(&server, &[]).await;
    let headers = [
        ("range", "bytes=100-199"),
        ("accept-encoding", "gzip, zstd"),
    ];
    let answer = part(&server, &headers).await;
    assert_eq!(answer.status, 206);
    assert_eq!(answer.header("content-encoding"), None);
    assert_eq!(answer.header("etag"), whole.header("etag"));
    assert_eq!(answer.bytes, whole.bytes[100..200]);
}

#[tokio::test]
async fn a_head_tells_the_length_and_the_tag() {
    let server = TestServer::start().await;
    let whole = part(&server, &[]).await;
    let client = server.anonymous();
    for path in ["/ceremony/transcript", "/info/current_state"] {
        let head = client.send(client.request(Method::HEAD, path)).await;
        assert_eq!((head.status, head.bytes.len()), (200, 0));
        assert_eq!(
            head.header("content-length"),
            whole.header("content-length")
        );
        assert_eq!(head.header("etag"), whole.header("etag"));
    }
}

#[tokio::test]
async fn the_sequencers_path_has_the_same_document() {
    let server = TestServer::start().await;
    server.client(1).await.take_part(&server.sizes()).await;
    let whole = part(&server, &[]).await;
    let client = server.anonymous();
    let answer = client.get("/info/current_state").await;
    assert_eq!(answer.bytes, whole.bytes);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let request = client
        .request(Method::GET, "/info/current_state")
        .header("range", "bytes=-10");
    let answer = client.send(request).await;
    assert_eq!(answer.status, 206);
    assert_eq!(answer.bytes, whole.bytes[whole.bytes.len() - 10..]);
}

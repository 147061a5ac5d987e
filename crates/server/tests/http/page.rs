//! The page for people, as a browser gets it (`docs/spec/http-api.md#page`).

use tauline_protocol::error::Code;

use crate::common::TestServer;

/// The paths in a document that come after `before`.
fn linked(document: &str, before: &str) -> Vec<String> {
    let parts = document.split(before).skip(1);
    parts
        .map(|part| part.split('"').next().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn the_page_is_one_document_at_all_its_addresses_and_brings_all_it_needs() {
    let server = TestServer::start().await;
    let client = server.anonymous();
    let root = client.get("/").await.expect_ok();
    assert_eq!(
        root.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(root.header("cache-control"), Some("no-cache"));
    let policy = root.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(!policy.contains("unsafe-inline"), "{policy}");
    let document = root.text();
    for address in [
        "/take-part",
        "/contributions",
        "/contributions/7",
        "/verify",
    ] {
        let answer = client.get(address).await.expect_ok();
        assert_eq!(answer.text(), document, "{address}");
    }

    let mut linked = [linked(&document, "src=\""), linked(&document, "href=\"")].concat();
    linked.retain(|path| path.starts_with("/assets/") || path == "/favicon.svg");
    assert!(linked.len() >= 2, "{document}");
    for path in linked {
        let answer = client.get(&path).await.expect_ok();
        let kept = answer.header("cache-control").unwrap();
        assert_eq!(
            kept.contains("immutable"),
            path.starts_with("/assets/"),
            "{path}"
        );
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_is_no_file_of_the_page_is_told_as_json() {
    let server = TestServer::start().await;
    let client = server.anonymous();
    for path in ["/assets/none.js", "/index.html", "/take-part/x"] {
        let answer = client.get(path).await;
        answer.expect_error(Code::NotFound);
    }
}

//! The interface's document and its page, as programs and browsers get them
//! (`docs/spec/http-api.md#openapi`).

use reqwest::Method;
use tauline_protocol::error::Code;

use crate::common::TestServer;

#[tokio::test]
async fn the_document_is_kept_until_it_changes_and_may_be_read_from_anywhere() {
    let server = TestServer::with(&[("anonymous-rate", "1")]).await;
    let client = server.anonymous();
    for (path, media) in [
        ("/openapi.json", "application/json"),
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/style.css", "text/css; charset=utf-8"),
    ] {
        let answer = client.get(path).await.expect_ok();
        assert_eq!(answer.header("content-type"), Some(media));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        let etag = answer.header("etag").unwrap().to_owned();
        // It counts against no rate.
        for (known, status) in [(etag.as_str(), 304), ("\"x\"", 200), ("*", 304)] {
            let request = client.request(Method::GET, path);
            let answer = client.send(request.header("if-none-match", known)).await;
            assert_eq!(answer.status, status, "{path} {known}");
        }
    }
}

#[tokio::test]
async fn the_page_may_run_no_script_and_ask_nobody_else() {
    let server = TestServer::start().await;
    let page = server.anonymous().get("/docs").await.expect_ok();
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self';"),
        "{policy}"
    );
    assert!(!policy.contains("script-src"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
}

#[tokio::test]
async fn a_path_that_is_no_text_is_nothing() {
    let server = TestServer::start().await;
    for path in ["/log/%ff", "/assets/%ff", "/log/tile/0/%c3%28"] {
        let answer = server.anonymous().get(path).await;
        answer.expect_error(Code::NotFound);
    }
}

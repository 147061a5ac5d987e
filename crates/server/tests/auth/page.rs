//! Our own page in a real browser, with a wallet in it (`tests/node/page.mjs`).

use std::path::Path;

use serde_json::{Value, json};

use crate::common::{Client, TestServer};
use crate::github::links;
use crate::node::{Node, program, skip};

const CHROMIUM: [&str; 3] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_with_a_wallet_and_by_hand() {
    let Some(browser) = CHROMIUM.iter().find(|path| Path::new(path).exists()) else {
        return skip("Chromium is missing");
    };
    let Some(node) = Node::shared() else { return };
    let chain = node.facts.chain_id.to_string();
    let server = TestServer::with(&[("chain-id", &chain)]).await;
    let link = links(&server, "").await.eth_auth_url;
    let redirecting = links(&server, "?redirect_to=http://localhost:9/in")
        .await
        .eth_auth_url;
    let task = json!({"browser": browser, "node": node.facts.url, "link": link, "redirecting": redirecting});
    let mut command = program("page.mjs").unwrap();
    let output = command.arg(task.to_string());
    let output = tokio::task::block_in_place(|| output.output()).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(seen["problems"], json!([]), "the page breaks its own rules");

    // Node's accounts are those of the clients: the first is client 1's.
    let one = Client::with_key(&server.url(), 1);
    let sub = format!("eth|{}", one.address().to_lowercase());
    for way in ["announced", "byHand"] {
        assert_eq!(seen[way]["id_token"]["sub"], sub, "{way}: {seen}");
        let mut client = server.anonymous();
        client.token = Some(seen[way]["session_id"].as_str().unwrap().to_owned());
        client.join().await;
    }
    let url = seen["redirected"].as_str().unwrap();
    assert!(
        url.starts_with("http://localhost:9/in?session_id="),
        "{url}"
    );
    assert_eq!(seen["declined"], "You declined. You can try again.");
    let refused = seen["refused"].as_str().unwrap();
    assert!(refused.contains("signature"), "{refused}");
}

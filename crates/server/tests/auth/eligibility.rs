//! Which Ethereum accounts may take part, as a real node knows them, and contract wallets.

use serde_json::{Value, json};
use tauline_protocol::error::Code;
use tauline_server::start;

use crate::common::{Client, TestServer};
use crate::node::Node;
use crate::rpc::{Reply, Rpc};
use crate::wallet::Page;

async fn server(node: &Node, more: &[(&str, &str)]) -> TestServer {
    let flags = node.flags();
    let mut all: Vec<(&str, &str)> = flags
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    all.extend(more);
    TestServer::with(&all).await
}

/// By `POST /login`, and by the page: the code, and the contract's code.
async fn both(server: &TestServer, client: &Client) -> (u16, Value, u16, Value) {
    let nonce = client.nonce().await;
    let login = client.login_with(&client.siwe_message(&nonce, "")).await;
    let page = Page::open(server, "").await;
    let (message, signature) = page.signed(client).await;
    let submitted = page.submit(&message, &signature).await;
    (
        login.status,
        login.json(),
        submitted.status,
        submitted.json(),
    )
}

#[track_caller]
fn refused(
    (login_status, login, page_status, page): (u16, Value, u16, Value),
    ours: Code,
    theirs: &str,
) {
    assert_eq!(
        (login_status, login["code"].as_str()),
        (ours.status(), Some(ours.as_str())),
        "{login}"
    );
    assert_eq!(page["code"], theirs, "{page}");
    assert_eq!(page["error"], login["error"], "a person reads it");
    assert!(page_status >= 400);
}

#[tokio::test]
async fn an_account_with_enough_transactions_signs_in() {
    let Some(node) = Node::shared() else { return };
    let server = server(node, &[]).await;
    let client = Client::with_key(&server.url(), 1);
    let (login, _, page, body) = both(&server, &client).await;
    assert_eq!((login, page), (200, 200), "{body}");
}

#[tokio::test]
async fn nonce_too_low_is_refused() {
    let Some(node) = Node::shared() else { return };
    let server = server(node, &[]).await;
    // Client 2 has sent three; client 3 none; client 5 four, but after the block.
    for number in [2, 3, 5] {
        let client = Client::with_key(&server.url(), number);
        refused(
            both(&server, &client).await,
            Code::LoginNotEligible,
            "AuthErrorPayload::UserCreatedAfterDeadline",
        );
    }
}

/// The page tells the person, who may have another account, and where to go to tell the program.
#[tokio::test]
async fn who_may_not_take_part_is_told_why_and_so_is_the_program_that_waits() {
    let rpc = Rpc::start().await;
    let server = rpc.server(&[]).await;
    rpc.says("eth_getTransactionCount", Reply::Result(json!("0x0")));
    let page = Page::open(&server, "?redirect_to=http://localhost:9/in").await;
    let (message, signature) = page.signed(&Client::with_key(&server.url(), 1)).await;
    let answer = page.submit(&message, &signature).await;
    assert_eq!(answer.status, 401, "{}", answer.text());
    let body: Value = answer.json();
    assert!(
        body["error"]
            .as_str()
            .unwrap()
            .contains("had sent 0 transactions"),
        "{body}"
    );
    assert_eq!(
        body["location"],
        "http://localhost:9/in?code=AuthErrorPayload%3A%3AUserCreatedAfterDeadline&error=user+created+after+deadline"
    );

    rpc.says("eth_getTransactionCount", Reply::Result(json!("0x4")));
    let arrival = page.sign_in(&Client::with_key(&server.url(), 2)).await;
    let landing = arrival.url.as_str();
    assert!(
        landing.starts_with("http://localhost:9/in?session_id="),
        "{landing}"
    );

    // Where no program waits, there is nobody else to tell; nor of what is no verdict on the account.
    rpc.says("eth_getTransactionCount", Reply::Result(json!("0x0")));
    let page = Page::open(&server, "").await;
    let (message, signature) = page.signed(&Client::with_key(&server.url(), 3)).await;
    let body: Value = page.submit(&message, &signature).await.json();
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    rpc.says("eth_getTransactionCount", Reply::Result(json!("0x4")));
    // The contract that the account may be has not signed.
    rpc.says("eth_call", Reply::Result(json!("0x")));
    let page = Page::open(&server, "?redirect_to=http://localhost:9/in").await;
    let (message, _) = page.signed(&Client::with_key(&server.url(), 3)).await;
    let answer = page.submit(&message, "0x").await;
    answer.expect_error(Code::LoginInvalidSignature);
}

#[tokio::test]
async fn fewer_transactions_do_where_the_operator_says_so() {
    let Some(node) = Node::shared() else { return };
    for (least, good) in [("3", [200, 403]), ("0", [200, 200])] {
        let server = server(node, &[("eth-min-nonce", least)]).await;
        for (number, status) in [2, 3].into_iter().zip(good) {
            let client = Client::with_key(&server.url(), number);
            let nonce = client.nonce().await;
            let answer = client.login_with(&client.siwe_message(&nonce, "")).await;
            assert_eq!(answer.status, status, "{number} {}", answer.text());
        }
    }
}

#[tokio::test]
async fn while_the_node_is_away_nobody_passes() {
    let Some(mut node) = Node::start() else {
        return;
    };
    let server = server(&node, &[]).await;
    node.kill();
    let client = Client::with_key(&server.url(), 1);
    refused(
        both(&server, &client).await,
        Code::LoginProviderUnreachable,
        "AuthErrorPayload::FetchUserDataError",
    );
}

#[tokio::test]
async fn a_block_that_the_node_does_not_have_lets_nobody_pass() {
    let Some(node) = Node::shared() else { return };
    let server = server(node, &[("eth-nonce-block", "15565180")]).await;
    let client = Client::with_key(&server.url(), 1);
    refused(
        both(&server, &client).await,
        Code::LoginProviderUnreachable,
        "AuthErrorPayload::FetchUserDataError",
    );
}

#[tokio::test]
async fn a_node_of_another_chain_is_refused_at_the_start() {
    let Some(node) = Node::shared() else { return };
    let directory = tempfile::tempdir().unwrap();
    let args = [
        "tauline-server".to_owned(),
        "--listen=127.0.0.1:0".to_owned(),
        format!("--data-dir={}", directory.path().display()),
        format!("--eth-rpc-url={}", node.facts.url),
    ];
    let args = args.into_iter().map(Into::into);
    let settings = tauline_server::Settings::from_args(args).unwrap();
    let error = start(&settings).await.err().expect("started");
    assert!(error.to_string().contains("follows chain 1337"), "{error}");
}

/// A message that names the contract, signed by a key.
async fn by_contract(
    server: &TestServer,
    contract: &str,
    signer: u32,
    more: &str,
) -> crate::common::Answer {
    let client = Client::with_key(&server.url(), signer);
    let page = Page::open(server, "").await;
    let message = page.message(contract).await;
    let signature = format!("{}{more}", client.personal_signature(&message));
    page.submit(&message, &signature).await
}

#[tokio::test]
async fn a_contract_wallet_signs_in_by_its_owner() {
    let Some(node) = Node::shared() else { return };
    // A contract's nonce counts what it created, from 1.
    let server = server(node, &[("eth-min-nonce", "1")]).await;
    let owner = Client::with_key(&server.url(), 4);
    let page = Page::open(&server, "").await;
    let message = page.message(&node.facts.wallet).await;
    let signature = owner.personal_signature(&message);
    let arrival = page.go(page.submit(&message, &signature).await).await;
    let answer = arrival.json();
    assert_eq!(
        answer["id_token"]["sub"],
        format!("eth|{}", node.facts.wallet)
    );

    // By `POST /login` too, and a message is good once there as well.
    let page = Page::open(&server, "").await;
    let message = page.message(&node.facts.wallet).await;
    let signature = owner.personal_signature(&message);
    let body = json!({"siwe": {"message": message, "signature": signature}});
    owner.login(&body).await.expect_ok();
    owner
        .login(&body)
        .await
        .expect_error(Code::LoginUnknownNonce);
}

#[tokio::test]
async fn a_contract_wallet_does_not_sign_in_by_anybody_else() {
    let Some(node) = Node::shared() else { return };
    let server = server(node, &[("eth-min-nonce", "0")]).await;
    let Node { facts, .. } = node;
    let nobody = "0x00000000219ab540356cbb839cbe05303d7705fa";
    for (what, contract, signer, more) in [
        ("another key", &*facts.wallet, 1, ""),
        ("a call that reverts", &*facts.wallet, 4, "00"),
        ("a contract that says yes to everything", &*facts.yes, 4, ""),
        ("no contract", nobody, 4, ""),
    ] {
        let answer = by_contract(&server, contract, signer, more).await;
        let body: Value = answer.json();
        assert_eq!(
            body["code"],
            Code::LoginInvalidSignature.as_str(),
            "{what}: {body}"
        );
    }
}

#[tokio::test]
async fn a_contract_wallet_needs_a_node_and_the_nonce_rule_holds_for_it() {
    let Some(node) = Node::shared() else { return };
    let chain = node.facts.chain_id.to_string();
    let without = TestServer::with(&[("chain-id", &chain)]).await;
    let answer = by_contract(&without, &node.facts.wallet, 4, "").await;
    answer.expect_error(Code::LoginInvalidSignature);
    let strict = server(node, &[]).await;
    let answer = by_contract(&strict, &node.facts.wallet, 4, "").await;
    let body: Value = answer.json();
    assert_eq!(body["code"], "AuthErrorPayload::UserCreatedAfterDeadline");
}

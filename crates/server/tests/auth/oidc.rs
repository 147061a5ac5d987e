//! Ethereum accounts that an external provider vouches for.

use serde_json::{Value, json};
use tauline_protocol::status::SignInMethod;

use crate::browser::{Arrival, Browser};
use crate::common::TestServer;
use crate::github::links;
use crate::node::Node;
use crate::provider::Provider;
use tauline_transcript::signature::eth_address;

pub(crate) const ADDRESS: &str = "0x00000000219ab540356cBB839Cbe05303d7705Fa";

pub(crate) async fn server(provider: &Provider, more: &[(&str, &str)]) -> TestServer {
    let own = provider.oidc_flags();
    let mut flags: Vec<_> = own
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    flags.extend(more);
    TestServer::with(&flags).await
}

pub(crate) async fn journey(provider: &Provider, server: &TestServer) -> Arrival {
    let link = links(server, "").await.eth_auth_url;
    provider.journey(&Browser::new(), server, &link).await
}

#[tokio::test]
async fn an_account_signs_in() {
    let provider = Provider::start(json!({"sub": format!("eip155:1:{ADDRESS}")})).await;
    let server = server(&provider, &[]).await;
    let status = server.anonymous().status().await;
    assert_eq!(status.sign_in, [SignInMethod::Oidc]);
    let link = links(&server, "").await.eth_auth_url;
    let started = Browser::new().get(&link).await;
    assert!(started.header("location").unwrap().contains("scope=openid"));
    let answer = journey(&provider, &server).await.json();
    let address = ADDRESS.to_lowercase();
    assert_eq!(answer["id_token"]["sub"], format!("eth|{address}"));
    assert_eq!(answer["id_token"]["provider"], "Ethereum");
    assert_eq!(answer["id_token"]["nickname"], address);
}

#[tokio::test]
async fn a_subject_that_is_no_account_of_the_chain_is_refused() {
    let provider = Provider::start(Value::Null).await;
    let server = server(&provider, &[]).await;
    for sub in [
        json!({}),
        json!({"sub": "OctoCat"}),
        json!({"sub": format!("eip155:5:{ADDRESS}")}),
    ] {
        provider.becomes(sub);
        let arrival = journey(&provider, &server).await;
        assert_eq!(arrival.answer().status, 500);
        assert_eq!(
            arrival.json()["code"],
            "AuthErrorPayload::CouldNotExtractUserData"
        );
    }
}

#[tokio::test]
async fn the_nonce_rule_holds_for_its_accounts_too() {
    let Some(node) = Node::shared() else { return };
    let provider = Provider::start(Value::Null).await;
    let flags = node.flags();
    let flags: Vec<_> = flags
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    let server = server(&provider, &flags).await;
    for (number, status) in [(1, 200), (2, 401)] {
        let key = crate::common::Client::with_key("", number).key.unwrap();
        let address = hex::encode(eth_address(key.verifying_key()));
        let chain = node.facts.chain_id;
        provider.becomes(json!({"sub": format!("eip155:{chain}:0x{address}")}));
        let arrival = journey(&provider, &server).await;
        assert_eq!(
            arrival.answer().status,
            status,
            "{}",
            arrival.answer().text()
        );
    }
}

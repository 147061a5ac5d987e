//! What the log says of sign-in: what an operator must know, seldom, and little of what others say.

use serde_json::json;

use crate::attacks::Program;
use crate::browser::Browser;
use crate::common::Client;
use crate::github::links_at;
use crate::provider::{Manner, Provider};
use crate::rpc::{Reply, Rpc};

/// A provider, a node and whoever opens a link may say what they like: it is cut, and stays on its line.
#[tokio::test]
async fn what_others_say_is_cut_in_the_log_and_makes_no_lines() {
    const MARK: &str = "ERROR forged";
    let long = format!("\u{1b}[31m\n{MARK} {}", "x".repeat(30_000));
    let (provider, rpc) = (
        Provider::start(json!({"sub": long})).await,
        Rpc::start().await,
    );
    let mut flags = provider.oidc_flags().to_vec();
    flags.push(("eth-rpc-url", rpc.url()));
    flags.push(("signin", "siwe,oidc".to_owned()));
    let directory = tempfile::tempdir().unwrap();
    let mut program = Program::start(directory.path(), "info", &flags);
    let browser = Browser::new();
    let stays = |url: &reqwest::Url| url.scheme() == "http";
    let error = serde_json::to_string(&json!({"error": long})).unwrap();
    let user = serde_json::to_string(&json!({"sub": [long]})).unwrap();
    for manner in [
        Manner::Honest,
        Manner::NoToken(400, Box::leak(error.into_boxed_str())),
        Manner::NoToken(200, "{}"),
        Manner::User(200, user),
    ] {
        provider.behave(manner);
        let link = links_at(&program.url, "").await.eth_auth_url;
        let answer = browser.follow(&link, stays).await;
        assert_eq!(answer.answer().status, 500, "{}", answer.answer().text());
    }
    provider.behave(Manner::Declines);
    let link = links_at(&program.url, "").await.eth_auth_url;
    let to_provider = browser.get(&link).await;
    let back = browser.get(to_provider.header("location").unwrap()).await;
    let back = back.header("location").unwrap().to_owned();
    let word: String = url::form_urlencoded::byte_serialize(&long.as_bytes()[..3000]).collect();
    browser
        .get(&back.replace("error=access_denied", &format!("error={word}")))
        .await;

    // By key, for which the node is asked.
    let said: &'static str = Box::leak(long.into_boxed_str());
    rpc.says("eth_getTransactionCount", Reply::Error(-32_000, said));
    let client = Client::with_key(&program.url, 1);
    client
        .login_with(&client.siwe_message(&client.nonce().await, ""))
        .await;

    let log = program.end();
    let told = log.lines().filter(|line| line.contains(MARK)).count();
    assert!(told >= 4, "{log}");
    for line in log.lines() {
        assert!(line.len() < 900, "{} bytes: {line}", line.len());
        assert!(
            !line.starts_with(MARK) && !line.contains('\u{1b}'),
            "{line}"
        );
    }
}

#[tokio::test]
async fn plain_http_to_the_world_is_warned_of() {
    let told = |url: Option<&str>| {
        let flags: Vec<_> = url
            .map(|url| ("public-url", url.to_owned()))
            .into_iter()
            .collect();
        let directory = tempfile::tempdir().unwrap();
        let log = Program::start(directory.path(), "info", &flags).end();
        log.lines()
            .filter(|line| line.contains("WARN") && line.contains("over http"))
            .count()
    };
    assert_eq!(told(Some("http://ceremony.example.org")), 1);
    for good in [
        None,
        Some("http://localhost:3000"),
        Some("https://ceremony.example.org"),
    ] {
        assert_eq!(told(good), 0, "{good:?}");
    }
}

/// A crowd of refusals is a line, not a crowd of lines.
#[tokio::test]
async fn refusals_of_a_crowd_are_told_once() {
    let rpc = Rpc::start().await;
    rpc.says("eth_getTransactionCount", Reply::Never);
    let directory = tempfile::tempdir().unwrap();
    let flags = [
        ("eth-rpc-url", rpc.url()),
        ("login-rate", "0".to_owned()),
        ("anonymous-rate", "0".to_owned()),
    ];
    let mut program = Program::start(directory.path(), "info", &flags);
    let client = Client::with_key(&program.url, 1);
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (client, nonce) = (client.clone(), client.nonce().await);
        tries.spawn(async move {
            client
                .login_with(&client.siwe_message(&nonce, ""))
                .await
                .status
        });
    }
    let mut busy = 0;
    while busy < 36 {
        assert_eq!(tries.join_next().await.unwrap().unwrap(), 503);
        busy += 1;
    }
    let log = program.end();
    assert_eq!(log.matches("all slots are taken").count(), 1, "{log}");
    assert!(!log.contains("answered with a fault"), "{log}");
}

//! A sign-in that was begun when one replica led ends where another does, once.

use std::collections::HashMap;

use reqwest::Url;
use serde_json::Value;
use tauline_protocol::auth::AuthLinks;
use tauline_protocol::error::Code;
use tauline_protocol::login::LoginAnswer;

use crate::browser::Browser;
use crate::common::replicas::Fleet;
use crate::common::{Answer, Client};
use crate::provider::{Provider, octocat};

/// Where participants would reach all of them.
const PUBLIC_URL: &str = "http://127.0.0.1:9";

/// Kills the leader, and has it follow the next one, whose number this gives.
async fn fail_over(fleet: &mut Fleet) -> usize {
    let (leader, epoch) = fleet.leads().unwrap();
    fleet.kill(leader);
    let (next, _) = fleet.leader_after(epoch).await;
    fleet.start(leader);
    fleet.until_ready(leader, true).await;
    next
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_for_one_leader_signs_in_at_the_next_and_at_none_a_second_time() {
    let flags = [
        "--lease",
        "1",
        "--signin",
        "siwe,invite",
        "--public-url",
        PUBLIC_URL,
    ];
    let Some(mut fleet) = Fleet::begin(2, 1, &flags).await else {
        return;
    };
    let (leader, _) = fleet.leads().unwrap();
    let client = Client::with_key(&fleet.url(leader), 1);
    let nonces = [client.nonce().await, client.nonce().await];
    let messages = nonces.map(|nonce| client.siwe_message(&nonce, ""));
    client.login_with(&messages[0]).await.expect_ok();

    let next = fail_over(&mut fleet).await;
    let there = client.at(fleet.url(next));
    let replayed = there.login_with(&messages[0]).await;
    replayed.expect_error(Code::LoginUnknownNonce);
    let forged = forge(&there.nonce().await.nonce);
    let mut one = there.nonce().await;
    one.nonce = forged;
    let forged = there.login_with(&there.siwe_message(&one, "")).await;
    forged.expect_error(Code::LoginUnknownNonce);
    let answer: LoginAnswer = there.login_with(&messages[1]).await.expect_ok().json();
    assert_eq!(
        answer.identity,
        tauline_protocol::Identity::eth(address(&client))
    );
    let replayed = there.login_with(&messages[1]).await;
    replayed.expect_error(Code::LoginUnknownNonce);

    let next = fail_over(&mut fleet).await;
    for number in [next, 1 - next] {
        for message in &messages {
            let replayed = client.at(fleet.url(number)).login_with(message).await;
            replayed.expect_error(Code::LoginUnknownNonce);
        }
    }
    // What was earned at the first is good at all.
    let mut signed_in = client.at(fleet.url(next));
    signed_in.token = Some(answer.token);
    signed_in.join().await;
}

/// The nonce with its last digit changed.
fn forge(nonce: &str) -> String {
    let (rest, last) = nonce.split_at(nonce.len() - 1);
    format!("{rest}{}", if last == "0" { "1" } else { "0" })
}

fn address(client: &Client) -> [u8; 20] {
    let text = client.address();
    hex::decode(&text[2..]).unwrap().try_into().unwrap()
}

/// Somebody who has agreed at the provider, and is not back yet.
struct Agreed {
    browser: Browser,
    /// What comes back to the coordinator, without its address.
    back: String,
}

impl Agreed {
    async fn at(fleet: &Fleet, number: usize, provider: &Provider) -> Self {
        let client = fleet.anonymous(number);
        let links: AuthLinks = client.get("/auth/request_link").await.expect_ok().json();
        let link = links
            .github_auth_url
            .replace(PUBLIC_URL, &fleet.url(number));
        let browser = Browser::new();
        let started = browser.get(&link).await;
        assert_eq!(started.status, 303, "{}", started.text());
        let to_provider = started.header("location").unwrap().to_owned();
        assert!(to_provider.starts_with(&provider.url("/authorize")));
        let agreed = browser.get(&to_provider).await;
        let back = agreed.header("location").unwrap();
        let back = back.strip_prefix(PUBLIC_URL).unwrap().to_owned();
        Self { browser, back }
    }

    async fn comes_back(&self, fleet: &Fleet, number: usize) -> Answer {
        let url = format!("{}{}", fleet.url(number), self.back);
        self.browser.get(&url).await
    }

    /// The state that comes back, and the code.
    fn query(&self) -> HashMap<String, String> {
        let url = Url::parse(&format!("{PUBLIC_URL}{}", self.back)).unwrap();
        url.query_pairs().into_owned().collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_agreed_while_one_led_comes_back_to_the_next_and_once() {
    let provider = Provider::start(octocat()).await;
    let mut flags = vec!["--lease".to_owned(), "1".to_owned()];
    for (flag, value) in provider.github_flags() {
        let value = match flag {
            "signin" => "github,invite".to_owned(),
            _ => value,
        };
        flags.extend([format!("--{flag}"), value]);
    }
    flags.extend(["--public-url".to_owned(), PUBLIC_URL.to_owned()]);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let Some(mut fleet) = Fleet::begin(2, 1, &flags).await else {
        return;
    };
    let (leader, _) = fleet.leads().unwrap();
    let first = Agreed::at(&fleet, leader, &provider).await;
    let second = Agreed::at(&fleet, 1 - leader, &provider).await;
    first.comes_back(&fleet, leader).await.expect_ok();

    let next = fail_over(&mut fleet).await;
    let replayed = first.comes_back(&fleet, next).await;
    replayed.expect_error(Code::LoginInvalidState);
    // Another browser's, and one that nobody made.
    let stolen = Agreed {
        browser: Browser::new(),
        back: second.back.clone(),
    };
    let stolen = stolen.comes_back(&fleet, next).await;
    stolen.expect_error(Code::LoginInvalidState);
    let query = second.query();
    let forged = Agreed {
        browser: Browser::new(),
        back: format!("/auth/callback/github?code={}&state=e30", query["code"]),
    };
    assert_eq!(forged.comes_back(&fleet, next).await.status, 400);

    let answer = second.comes_back(&fleet, next).await.expect_ok();
    let session = answer.json::<Value>()["session_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let next = fail_over(&mut fleet).await;
    for number in [next, 1 - next] {
        let replayed = second.comes_back(&fleet, number).await;
        replayed.expect_error(Code::LoginInvalidState);
    }
    let mut client = fleet.anonymous(next);
    client.token = Some(session);
    client.join().await;
}

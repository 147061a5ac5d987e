//! GitHub accounts.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tauline_protocol::auth::AuthLinks;
use tauline_protocol::error::Code;
use tauline_protocol::login::LoginAnswer;
use tauline_protocol::status::{QueueWord, SignInMethod};

use crate::browser::{Arrival, Browser};
use crate::common::{Client, TestServer};
use crate::provider::{CLIENT_ID, Manner, Provider, account, octocat};

pub(crate) async fn links(server: &TestServer, query: &str) -> AuthLinks {
    links_at(&server.url(), query).await
}

pub(crate) async fn links_at(url: &str, query: &str) -> AuthLinks {
    let path = format!("/auth/request_link{query}");
    Client::new(url).get(&path).await.expect_ok().json()
}

/// A client with the session that a callback gave out.
pub(crate) fn client_of(server: &TestServer, answer: &Value) -> Client {
    let mut client = server.anonymous();
    client.token = Some(answer["session_id"].as_str().unwrap().to_owned());
    client.identity = Some(answer["id_token"]["sub"].as_str().unwrap().parse().unwrap());
    client
}

async fn sign_in(provider: &Provider, server: &TestServer) -> Value {
    let link = links(server, "").await.github_auth_url;
    let arrival = provider.journey(&Browser::new(), server, &link).await;
    assert_eq!(arrival.answer().status, 200, "{}", arrival.answer().text());
    arrival.json()
}

#[tokio::test]
async fn an_account_signs_in_and_takes_part() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    assert_eq!(
        server.anonymous().status().await.sign_in,
        [SignInMethod::Siwe, SignInMethod::Github]
    );
    let answer = sign_in(&provider, &server).await;
    assert_eq!(answer["id_token"]["sub"], "git|583231|OctoCat");
    assert_eq!(answer["id_token"]["provider"], "Github");
    assert_eq!(answer["id_token"]["nickname"], "OctoCat");
    let client = client_of(&server, &answer);
    client.take_part(&server.sizes()).await;
    let report = server.verify_transcript().await.unwrap();
    assert_eq!(report.contributions, 1);
}

/// What a sign-in brought to our own page, in the fragment of its address.
fn fragment(arrival: &Arrival) -> BTreeMap<String, String> {
    assert_eq!(arrival.answer().status, 200);
    assert_eq!(arrival.url.path(), "/take-part");
    assert_eq!(arrival.url.query(), Some("sign-in=0a1b"));
    let fragment = arrival.url.fragment().unwrap();
    let pairs = url::form_urlencoded::parse(fragment.as_bytes());
    pairs.into_owned().collect()
}

/// The link by which our own page has somebody sign in.
async fn own_link(server: &TestServer) -> String {
    let own = format!("{}/take-part?sign-in=0a1b", server.url());
    let own: String = url::form_urlencoded::byte_serialize(own.as_bytes()).collect();
    let links = links(server, &format!("?redirect_to={own}&returning=true")).await;
    links.github_auth_url
}

/// It gets the session where no proxy on the way sees it (`docs/spec/http-api.md#redirect`).
#[tokio::test]
async fn our_own_page_gets_the_session_in_the_fragment() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    let link = own_link(&server).await;
    let arrival = provider.journey(&Browser::new(), &server, &link).await;
    let brought = fragment(&arrival);
    assert_eq!(brought["sub"], "git|583231|OctoCat");
    assert!(brought["exp"].parse::<u64>().unwrap() > server.now().as_secs());
    let mut client = server.anonymous();
    client.token = Some(brought["session_id"].clone());
    client.join().await;
    // No other path of ours is allowed: from some, a browser would carry the session on.
    let public = [("public-url", "https://own.example")];
    let behind = provider.server(&public).await;
    for (redirect, status) in [
        ("https://own.example/take-part", 200),
        ("https://own.example/auth/start/github", 400),
        ("https://own.example.evil.example/take-part", 400),
        ("https://foreign.example/take-part", 400),
    ] {
        let path = format!("/auth/request_link?redirect_to={redirect}");
        let answer = behind.anonymous().get(&path).await;
        assert_eq!(answer.status, status, "{redirect}: {}", answer.text());
    }
}

/// On our own page a person reads why, so it is said in our words.
#[tokio::test]
async fn who_may_not_take_part_is_told_why_on_our_own_page() {
    let provider = Provider::start(octocat()).await;
    let before = [("github-created-before", "2010-01-01T00:00:00Z")];
    let server = provider.server(&before).await;
    let link = own_link(&server).await;
    let arrival = provider.journey(&Browser::new(), &server, &link).await;
    let brought = fragment(&arrival);
    assert_eq!(
        brought["code"],
        "AuthErrorPayload::UserCreatedAfterDeadline"
    );
    assert!(
        brought["error"].contains("accounts made up to 2010-01-01"),
        "{brought:?}"
    );
    assert!(!brought.contains_key("session_id"));
    let link = links(&server, "?redirect_to=http://localhost:9/in").await;
    let arrival = provider
        .journey(&Browser::new(), &server, &link.github_auth_url)
        .await;
    let told = ("error".to_owned(), "user created after deadline".to_owned());
    assert!(arrival.query().contains(&told), "{}", arrival.url);
}

#[tokio::test]
async fn the_session_lasts_as_long_as_exp_says() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[("session-lifetime", "1000")]).await;
    let before = server.now().as_secs();
    let exp = sign_in(&provider, &server).await["id_token"]["exp"]
        .as_u64()
        .unwrap();
    let after = server.now().as_secs();
    assert!((before + 1000..=after + 1000).contains(&exp), "{exp}");
}

#[tokio::test]
async fn signing_in_again_leads_to_the_same_place() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    let first = client_of(&server, &sign_in(&provider, &server).await);
    let place = first.join().await;
    let again = client_of(&server, &sign_in(&provider, &server).await);
    assert_ne!(first.token, again.token);
    assert_eq!(again.check_in().await.ticket, place.ticket);
    assert_eq!(first.check_in().await.ticket, place.ticket);
}

#[tokio::test]
async fn signing_in_is_not_a_heartbeat_of_a_contribution() {
    let provider = Provider::start(octocat()).await;
    let flags = provider.github_flags();
    let flags = flags.each_ref().map(|(key, value)| (*key, value.as_str()));
    let server = TestServer::at_noon(&flags).await;
    let client = client_of(&server, &sign_in(&provider, &server).await);
    client.join().await;
    client.start(&server.sizes()).await;
    sign_in(&provider, &server).await;
    // Had it counted as one, the stall deadline would run: 30 s and the grace, instead of 180.
    server.pass(Duration::from_secs(60)).await;
    let status = client.check_in().await;
    assert_eq!(status.queue_status, QueueWord::Contributing);
}

#[tokio::test]
async fn a_renamed_account_is_the_same_person() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    let client = client_of(&server, &sign_in(&provider, &server).await);
    let place = client.join().await;
    provider.becomes(account(583_231, "Renamed", "2011-01-25T18:44:36Z"));
    let server = server.restart().await;
    let answer = sign_in(&provider, &server).await;
    assert_eq!(answer["id_token"]["sub"], "git|583231|OctoCat");
    assert_eq!(
        answer["id_token"]["nickname"], "OctoCat",
        "clients sign over it"
    );
    let again = client_of(&server, &answer);
    assert_eq!(again.check_in().await.ticket, place.ticket);
    // Whoever has the old name now is somebody else.
    provider.becomes(account(7, "OctoCat", "2011-01-25T18:44:36Z"));
    let other = sign_in(&provider, &server).await;
    assert_eq!(other["id_token"]["sub"], "git|7|OctoCat");
    let other = client_of(&server, &other);
    assert_ne!(other.join().await.ticket, place.ticket);
}

#[tokio::test]
async fn a_code_signs_in_by_post_login_too_where_the_browser_is_the_client() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    let browser = Browser::new();
    let link = links(&server, "").await.github_auth_url;
    let (code, state) = stopped_before_callback(&provider, &browser, &link).await;
    let body = json!({"github": {"code": code, "state": state}});
    let url = format!("{}/login", server.url());
    let foreign = Browser::new().post(&url, &body).await;
    foreign.expect_error(Code::LoginInvalidState);
    let answer: LoginAnswer = browser.post(&url, &body).await.expect_ok().json();
    assert_eq!(answer.identity.as_str(), "git|583231|OctoCat");
    browser
        .post(&url, &body)
        .await
        .expect_error(Code::LoginInvalidState);
}

/// What the provider sends the browser back with, taken out of the address before it is opened.
pub(crate) async fn stopped_before_callback(
    provider: &Provider,
    browser: &Browser,
    link: &str,
) -> (String, String) {
    let started = browser.get(link).await;
    assert_eq!(started.status, 303, "{}", started.text());
    let to_provider = started.header("location").unwrap();
    assert!(
        to_provider.starts_with(&provider.url("/authorize")),
        "{to_provider}"
    );
    let back = browser.get(to_provider).await;
    let back = reqwest::Url::parse(back.header("location").unwrap()).unwrap();
    let pairs: std::collections::HashMap<String, String> =
        back.query_pairs().into_owned().collect();
    (pairs["code"].clone(), pairs["state"].clone())
}

#[tokio::test]
async fn the_link_asks_github_for_no_rights() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    let link = links(&server, "").await.github_auth_url;
    let started = Browser::new().get(&link).await;
    let url = reqwest::Url::parse(started.header("location").unwrap()).unwrap();
    let names: Vec<String> = url
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect();
    assert!(!names.contains(&"scope".to_owned()), "{names:?}");
    assert!(url.as_str().contains(CLIENT_ID));
    let callback = format!("{}/auth/callback/github", server.url());
    assert!(
        url.query_pairs()
            .any(|(name, value)| name == "redirect_uri" && value == callback)
    );
    assert_eq!(started.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(started.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn what_is_not_offered_is_said_on_a_page() {
    let server = TestServer::start().await;
    let links = links(&server, "").await;
    let page = Browser::new().get(&links.github_auth_url).await;
    assert_eq!(page.status, 403);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(
        page.text().contains("takes no sign-in by GitHub account"),
        "{}",
        page.text()
    );
    assert!(page.text().contains("siwe"), "{}", page.text());
    let body = json!({"github": {"code": "x", "state": "x"}});
    server
        .anonymous()
        .login(&body)
        .await
        .expect_error(Code::LoginMethodNotOffered);
}

#[tokio::test]
async fn nobody_is_followed_elsewhere_with_a_token() {
    let provider = Provider::start(octocat()).await;
    let thief = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    provider.behave(Manner::UserElsewhere(thief.url("/user")));
    let link = links(&server, "").await.github_auth_url;
    let arrival = provider.journey(&Browser::new(), &server, &link).await;
    assert_eq!(
        arrival.json()["code"],
        "AuthErrorPayload::FetchUserDataError"
    );
    assert!(thief.asked().is_empty());
}

#[tokio::test]
async fn who_returns_for_a_receipt_is_signed_in_and_others_hear_that_they_have_contributed() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    let client = client_of(&server, &sign_in(&provider, &server).await);
    client.take_part(&server.sizes()).await;
    let link = links(&server, "").await.github_auth_url;
    let arrival = provider.journey(&Browser::new(), &server, &link).await;
    assert_eq!(
        arrival.json()["code"],
        "AuthErrorPayload::UserAlreadyContributed"
    );
    let link = links(&server, "?returning=true").await.github_auth_url;
    let arrival = provider.journey(&Browser::new(), &server, &link).await;
    let again = client_of(&server, &arrival.json());
    let status = again.check_in().await;
    assert_eq!(status.queue_status, QueueWord::Contributed);
    assert!(status.receipt.is_some());
}

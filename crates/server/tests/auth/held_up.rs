//! Nobody stops sign-in for others: not by codes of nobody, not by contracts, and no party that hangs.

use std::net::Ipv6Addr;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tauline_protocol::error::Code;
use tokio::net::TcpListener;

use crate::browser::Browser;
use crate::common::{Answer, Client, TestServer};
use crate::github::{client_of, links, stopped_before_callback};
use crate::oidc;
use crate::provider::{Manner, Provider, octocat};
use crate::rpc::{Reply, Rpc};
use crate::wallet::{Page, state_of};

/// A contract, as far as our nodes know.
const CONTRACT: &str = "0x00000000219ab540356cBB839Cbe05303d7705Fa";

/// More than can be asked about at a time, whoever is asked.
const CROWD: usize = 80;

/// Refused for now, with the time after which to come back.
#[track_caller]
fn is_busy(answer: &Answer) -> bool {
    if answer.status != 503 {
        return false;
    }
    answer.expect_error(Code::LoginBusy);
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=600).contains(&seconds), "{seconds}");
    true
}

/// A message that names the contract, with a signature by somebody.
async fn by_contract(server: &TestServer, more: &str) -> (Client, Value) {
    let client = Client::with_key(&server.url(), 7);
    let message = client.siwe_message(&client.nonce().await, more);
    let message = message.replace(&client.address(), CONTRACT);
    let signature = client.personal_signature(&message);
    (
        client,
        json!({"siwe": {"message": message, "signature": signature}}),
    )
}

async fn signs_in_by_contract(server: &TestServer) -> Answer {
    let (client, body) = by_contract(server, "").await;
    client.login(&body).await
}

async fn signs_in_by_key(server: &TestServer, number: u32) -> Answer {
    let client = Client::with_key(&server.url(), number);
    client
        .login_with(&client.siwe_message(&client.nonce().await, ""))
        .await
}

async fn signs_in_by_github(provider: &Provider, server: &TestServer) -> Answer {
    let link = links(server, "").await.github_auth_url;
    provider
        .journey(&Browser::new(), server, &link)
        .await
        .answer
        .unwrap()
}

fn callback(server: &TestServer, provider: &str, code: &str, state: &str) -> String {
    format!(
        "{}/auth/callback/{provider}?code={code}&state={state}",
        server.url()
    )
}

/// Waits until something holds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// So many at once in the background, until the test ends.
fn crowd(
    count: usize,
    one: impl Fn(usize) -> reqwest::RequestBuilder,
) -> Vec<tokio::task::JoinHandle<()>> {
    let send = |number| {
        let request = one(number);
        tokio::spawn(async move {
            let _ = request.send().await;
        })
    };
    (0..count).map(send).collect()
}

/// A server that asks this node, and this provider for GitHub's accounts.
async fn beside_github(rpc: &Rpc, github: &Provider) -> TestServer {
    let flags = github.github_flags();
    let flags: Vec<_> = flags
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    rpc.server(&flags).await
}

// `docs/spec/known-faults.md#foreign-code`.
#[tokio::test]
async fn a_foreign_code_uses_no_sign_in_up_at_our_own_page() {
    let server = TestServer::start().await;
    let page = Page::open(&server, "").await;
    for code in ["", "x", &"A".repeat(70)] {
        let answer = page
            .browser
            .get(&callback(&server, "eth", code, &page.state))
            .await;
        assert_eq!(
            answer.json::<Value>()["code"],
            "AuthErrorPayload::InvalidAuthCode"
        );
    }
    let arrival = page.sign_in(&Client::with_key(&server.url(), 1)).await;
    assert_eq!(arrival.answer().status, 200, "{}", arrival.answer().text());
}

#[tokio::test]
async fn a_foreign_code_uses_no_sign_in_up_at_a_provider() {
    let github = Provider::start(octocat()).await;
    let server = github.server(&[]).await;
    let browser = Browser::new();
    let link = links(&server, "").await.github_auth_url;
    let (code, state) = stopped_before_callback(&github, &browser, &link).await;
    for _ in 0..3 {
        let answer = browser
            .get(&callback(&server, "github", "foreign", &state))
            .await;
        assert_eq!(
            answer.json::<Value>()["code"],
            "AuthErrorPayload::InvalidAuthCode"
        );
    }
    let url = callback(&server, "github", &code, &state);
    browser.get(&url).await.expect_ok();
    browser
        .get(&url)
        .await
        .expect_error(Code::LoginInvalidState);

    let account = json!({"sub": format!("eip155:1:{}", oidc::ADDRESS)});
    let provider = Provider::start(account).await;
    let server = oidc::server(&provider, &[]).await;
    let link = links(&server, "").await.eth_auth_url;
    let (code, state) = stopped_before_callback(&provider, &browser, &link).await;
    browser
        .get(&callback(&server, "eth", "foreign", &state))
        .await;
    browser
        .get(&callback(&server, "eth", &code, &state))
        .await
        .expect_ok();
}

/// As they came in the trial, but fewer: from many networks, each with a sign-in of its own. None is used up, so all
/// of them end, and others sign in meanwhile.
#[tokio::test]
async fn foreign_codes_from_many_networks_stop_nobody() {
    const NETWORKS: u128 = 200;
    let flags = [
        ("trusted-proxies", "127.0.0.1"),
        ("login-rate", "3"),
        ("anonymous-rate", "3"),
    ];
    let server = TestServer::with(&flags).await;
    let start = format!("{}/auth/start/eth", server.url());
    let mut begun = Vec::new();
    for network in 0..NETWORKS {
        let address = Ipv6Addr::from_bits(0x2001_0db8 << 96 | network << 80 | 1).to_string();
        let forwarded = [("x-forwarded-for", address.as_str())];
        let browser = Browser::new();
        let state = state_of(&browser.ask(Method::GET, &start, &forwarded).await);
        let url = callback(&server, "eth", "foreign", &state);
        for number in 0..4 {
            let answer = browser.ask(Method::GET, &url, &forwarded).await;
            let (status, code) = match number {
                0..3 => (400, "AuthErrorPayload::InvalidAuthCode"),
                _ => (429, Code::RateLimited.as_str()),
            };
            let body: Value = answer.json();
            assert_eq!((answer.status, &body["code"]), (status, &json!(code)));
        }
        begun.push((browser, state, address));
    }
    let elsewhere = |request: reqwest::RequestBuilder, network: u128| {
        let address = Ipv6Addr::from_bits(0x2001_0db9 << 96 | network << 80 | 1).to_string();
        request.header("x-forwarded-for", address)
    };
    // The same browsers, by another way: their sign-ins are as good as before.
    let http = crate::common::http::client().build().unwrap();
    for (number, (browser, state, _)) in begun.iter().enumerate().step_by(20) {
        let key = Client::with_key(&server.url(), u32::try_from(number).unwrap());
        let cookie = format!("tauline-browser={}", browser.secrets()[0]);
        let post = async |path: &str, body: Value| {
            let request = http
                .post(format!("{}{path}", server.url()))
                .header("cookie", &cookie);
            let answer = elsewhere(request, number as u128)
                .json(&body)
                .send()
                .await
                .unwrap();
            answer
                .error_for_status()
                .unwrap()
                .json::<Value>()
                .await
                .unwrap()
        };
        let message = post(
            "/auth/eth/message",
            json!({"state": state, "address": key.address()}),
        )
        .await;
        let message = message["message"].as_str().unwrap();
        let signature = key.personal_signature(message);
        let next = post(
            "/auth/eth",
            json!({"state": state, "message": message, "signature": signature}),
        )
        .await;
        let next = format!("{}{}", server.url(), next["location"].as_str().unwrap());
        let ended = elsewhere(http.get(next).header("cookie", &cookie), number as u128);
        assert_eq!(ended.send().await.unwrap().status(), 200);
    }
}

/// By address, whatever the mode is and whether the request carries a session.
#[tokio::test]
async fn callbacks_count_as_sign_ins_in_every_mode() {
    let account = json!({"sub": format!("eip155:1:{}", oidc::ADDRESS)});
    let oidc_provider = Provider::start(account).await;
    let github = Provider::start(octocat()).await;
    for (server, provider) in [
        (TestServer::with(&[("login-rate", "3")]).await, "eth"),
        (
            oidc::server(&oidc_provider, &[("login-rate", "3")]).await,
            "eth",
        ),
        (github.server(&[("login-rate", "3")]).await, "github"),
    ] {
        let session = match provider {
            "github" => {
                let answer = signs_in_by_github(&github, &server).await.json();
                client_of(&server, &answer)
            }
            _ if server.anonymous().status().await.sign_in.len() == 1
                && server.anonymous().get("/login/nonce").await.status == 200 =>
            {
                server.client(1).await
            }
            _ => client_of(
                &server,
                &oidc::journey(&oidc_provider, &server).await.json(),
            ),
        };
        // The sign-in itself was the first.
        let path = format!("/auth/callback/{provider}?code=x&state=x");
        assert_eq!(session.get(&path).await.status, 400);
        assert_eq!(session.get(&path).await.status, 400);
        for client in [&session, &server.anonymous()] {
            let answer = client.get(&path).await;
            answer.expect_error(Code::RateLimited);
            assert!(answer.header("retry-after").is_some());
        }
    }
}

/// A code of our own page was counted when it was given out, and no more than that.
#[tokio::test]
async fn the_pages_own_code_is_counted_once_it_was_used() {
    let server = TestServer::with(&[("login-rate", "2")]).await;
    let page = Page::open(&server, "").await;
    let (message, signature) = page.signed(&Client::with_key(&server.url(), 1)).await;
    let next: Value = page.submit(&message, &signature).await.expect_ok().json();
    let next = format!("{}{}", server.url(), next["location"].as_str().unwrap());
    page.browser.get(&next).await.expect_ok();
    page.browser
        .get(&next)
        .await
        .expect_error(Code::LoginInvalidState);
    page.browser
        .get(&next)
        .await
        .expect_error(Code::RateLimited);
}

/// JSON with `Retry-After`, or as a callback ends otherwise, or a page for a person.
#[tokio::test]
async fn who_asks_too_often_is_told_so_in_the_documented_form() {
    let github = Provider::start(octocat()).await;
    let flags = [("login-rate", "1"), ("anonymous-rate", "4")];
    let server = github.server(&flags).await;
    let browser = Browser::new();
    let link = links(&server, "?redirect_to=http://localhost:9/in")
        .await
        .github_auth_url;
    let (_, state) = stopped_before_callback(&github, &browser, &link).await;
    let url = callback(&server, "github", "foreign", &state);
    let first = browser.get(&url).await;
    assert!(
        first
            .header("location")
            .unwrap()
            .contains("InvalidAuthCode")
    );
    let second = browser.get(&url).await;
    assert_eq!(second.status, 303);
    let location = second.header("location").unwrap();
    let expected = "http://localhost:9/in?code=Request%3A%3ARateLimited&error=too+many+requests";
    assert!(location.starts_with(expected), "{location}");
    let other = Browser::new().get(&url).await;
    other.expect_error(Code::RateLimited);

    // Two requests without a session were made above.
    for _ in 0..2 {
        server
            .anonymous()
            .get("/auth/request_link")
            .await
            .expect_ok();
    }
    for path in [
        "/auth/request_link",
        "/auth/start/eth",
        "/auth/start/github",
        "/auth/page/style.css",
        "/auth/eth/message",
    ] {
        let answer = server.anonymous().get(path).await;
        answer.expect_error(Code::RateLimited);
        assert!(
            answer
                .header("retry-after")
                .unwrap()
                .parse::<u64>()
                .unwrap()
                > 0
        );
    }
    let accepts = [("accept", "text/html,application/xhtml+xml;q=0.9")];
    let page = browser
        .ask(
            Method::GET,
            &format!("{}/auth/start/eth", server.url()),
            &accepts,
        )
        .await;
    assert_eq!(page.status, 429);
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    assert!(page.header("retry-after").is_some());
    assert!(page.text().contains("too many requests"), "{}", page.text());
}

/// Programs that show what is behind a link ask by HEAD.
#[tokio::test]
async fn head_signs_nobody_in() {
    let github = Provider::start(octocat()).await;
    let server = github.server(&[]).await;
    let browser = Browser::new();
    let link = links(&server, "").await.github_auth_url;
    let (code, state) = stopped_before_callback(&github, &browser, &link).await;
    let page = Page::open(&server, "").await;
    let (message, signature) = page.signed(&Client::with_key(&server.url(), 1)).await;
    let next: Value = page.submit(&message, &signature).await.expect_ok().json();
    let pages = format!("{}{}", server.url(), next["location"].as_str().unwrap());
    for (browser, url) in [
        (&browser, callback(&server, "github", &code, &state)),
        (&page.browser, pages),
    ] {
        let head = browser.ask(Method::HEAD, &url, &[]).await;
        assert_eq!((head.status, head.header("allow")), (405, Some("GET")));
        assert!(head.header("location").is_none());
        browser.get(&url).await.expect_ok();
    }
}

// `docs/spec/known-faults.md#hanging-party`.
#[tokio::test]
async fn a_provider_that_hangs_stops_its_own_people_only() {
    let (github, rpc) = (Provider::start(octocat()).await, Rpc::start().await);
    let server = beside_github(&rpc, &github).await;
    github.behave(Manner::Hangs);
    let (browser, link) = (Browser::new(), links(&server, "").await.github_auth_url);
    let mut urls = Vec::new();
    for _ in 0..CROWD {
        let (code, state) = stopped_before_callback(&github, &browser, &link).await;
        urls.push(callback(&server, "github", &code, &state));
    }
    let cookie = format!("tauline-browser={}", browser.secrets()[0]);
    let http = crate::common::http::client().build().unwrap();
    let held = crowd(CROWD, |number| {
        http.get(&urls[number]).header("cookie", &cookie)
    });
    let asked = || {
        github
            .asked()
            .iter()
            .filter(|path| *path == "/token")
            .count()
    };
    until("all slots are taken", || asked() >= 64).await;

    let started = Instant::now();
    let (code, state) = stopped_before_callback(&github, &browser, &link).await;
    let url = callback(&server, "github", &code, &state);
    let busy = browser.get(&url).await;
    assert!(is_busy(&busy), "{}", busy.text());
    for number in 1..20 {
        signs_in_by_key(&server, number).await.expect_ok();
    }
    signs_in_by_contract(&server).await.expect_ok();
    assert!(
        started.elapsed() < Duration::from_secs(8),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(asked(), 64, "nobody waits for a slot");

    // Who was told to come back has a sign-in that is as good as before.
    held.iter().for_each(tokio::task::JoinHandle::abort);
    github.behave(Manner::Honest);
    let started = Instant::now();
    loop {
        let answer = browser.get(&url).await;
        if !is_busy(&answer) {
            answer.expect_ok();
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// In the trial: 250 requests a second "of" a contract that burns gas, and none of 20 honest people got through.
#[tokio::test]
async fn contracts_that_burn_gas_stop_nobody_else() {
    let (github, rpc) = (Provider::start(octocat()).await, Rpc::start().await);
    let server = beside_github(&rpc, &github).await;
    rpc.says("eth_call", Reply::Never);
    let mut bodies = Vec::new();
    for _ in 0..CROWD {
        bodies.push(by_contract(&server, "").await.1);
    }
    let http = crate::common::http::client().build().unwrap();
    let login = format!("{}/login", server.url());
    let (first, body) = by_contract(&server, "").await;
    let late = tokio::spawn(async move { first.login(&body).await });
    until("the first has a slot", || rpc.asked("eth_call") >= 1).await;
    let held = crowd(CROWD, |number| http.post(&login).json(&bodies[number]));
    until("all slots are taken", || rpc.asked("eth_call") >= 8).await;
    let answered = || held.iter().filter(|one| one.is_finished()).count();
    until("the others are told", || answered() == CROWD - 7).await;

    let started = Instant::now();
    let busy = signs_in_by_contract(&server).await;
    assert!(is_busy(&busy), "{}", busy.text());
    for number in 1..=20 {
        signs_in_by_github(&github, &server).await.expect_ok();
        signs_in_by_key(&server, number).await.expect_ok();
    }
    assert!(
        started.elapsed() < Duration::from_secs(8),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(rpc.asked("eth_call"), 8, "nobody waits for a slot");
    let error = late
        .await
        .unwrap()
        .expect_error(Code::LoginProviderUnreachable);
    assert!(error.contains("contract gave no answer in time"), "{error}");
}

#[tokio::test]
async fn a_contract_that_may_not_take_part_is_never_run() {
    let rpc = Rpc::start().await;
    let server = rpc.server(&[]).await;
    rpc.says("eth_getTransactionCount", Reply::Result(json!("0x3")));
    let answer = signs_in_by_contract(&server).await;
    answer.expect_error(Code::LoginNotEligible);
    assert_eq!(rpc.asked("eth_getTransactionCount"), 1);
    assert_eq!(rpc.asked("eth_call"), 0);
    rpc.says("eth_getTransactionCount", Reply::Result(json!("0x4")));
    signs_in_by_contract(&server).await.expect_ok();
}

#[tokio::test]
async fn a_message_is_shown_to_a_contract_once() {
    let rpc = Rpc::start().await;
    let server = rpc.server(&[]).await;
    let (client, good) = by_contract(&server, "").await;
    rpc.says(
        "eth_call",
        Reply::Result(json!(format!("0x{}", "0".repeat(64)))),
    );
    let error = client
        .login(&good)
        .await
        .expect_error(Code::LoginInvalidSignature);
    assert!(error.contains("sign a new one"), "{error}");
    for _ in 0..3 {
        client
            .login(&good)
            .await
            .expect_error(Code::LoginUnknownNonce);
    }
    assert_eq!(rpc.asked("eth_call"), 1);
    // Nor at our own page, where the message must be of that very sign-in.
    rpc.says("eth_call", Reply::Never);
    let (page, other) = (Page::open(&server, "").await, Page::open(&server, "").await);
    let message = page.message(CONTRACT).await;
    let signature = client.personal_signature(&message);
    other
        .submit(&message, &signature)
        .await
        .expect_error(Code::LoginUnknownNonce);
    assert_eq!(rpc.asked("eth_call"), 1);
    let yes = format!("0x1626ba7e{}", "0".repeat(56));
    rpc.says("eth_call", Reply::Result(json!(yes)));
    let next = page.submit(&message, &signature).await;
    page.submit(&message, &signature)
        .await
        .expect_error(Code::LoginUnknownNonce);
    assert_eq!(rpc.asked("eth_call"), 2);
    page.go(next).await.answer.unwrap().expect_ok();
}

/// A node that was down at the start, or goes away later, is asked for its chain before it is believed.
#[tokio::test]
async fn a_node_that_comes_up_on_another_chain_is_not_believed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://{address}/");
    let server = TestServer::with(&[("eth-rpc-url", &url)]).await;
    signs_in_by_key(&server, 1)
        .await
        .expect_error(Code::LoginProviderUnreachable);
    let rpc = Rpc::on(TcpListener::bind(address).await.unwrap());
    rpc.says("eth_chainId", Reply::Result(json!("0x5")));
    for answer in [
        signs_in_by_key(&server, 1).await,
        signs_in_by_contract(&server).await,
    ] {
        let error = answer.expect_error(Code::LoginProviderMisbehaved);
        assert!(error.contains("another chain"), "{error}");
    }
    assert_eq!(rpc.asked("eth_getTransactionCount"), 0);
    assert_eq!(rpc.asked("eth_call"), 0);

    rpc.says("eth_chainId", Reply::Result(json!("0x1")));
    signs_in_by_key(&server, 1).await.expect_ok();
    let asked = rpc.asked("eth_chainId");
    signs_in_by_key(&server, 1).await.expect_ok();
    assert_eq!(rpc.asked("eth_chainId"), asked, "not each time");

    rpc.says(
        "eth_getTransactionCount",
        Reply::Body(502, "bad gateway".to_owned()),
    );
    signs_in_by_key(&server, 1)
        .await
        .expect_error(Code::LoginProviderUnreachable);
    rpc.says("eth_getTransactionCount", Reply::Result(json!("0x5")));
    rpc.says("eth_chainId", Reply::Result(json!("0x5")));
    signs_in_by_key(&server, 1)
        .await
        .expect_error(Code::LoginProviderMisbehaved);
}

/// Without a rule on transactions a contract is the first that the node is asked about.
#[tokio::test]
async fn a_contract_is_not_run_on_another_chain() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://{address}/");
    let server = TestServer::with(&[("eth-rpc-url", &url), ("eth-min-nonce", "0")]).await;
    let rpc = Rpc::on(TcpListener::bind(address).await.unwrap());
    rpc.says("eth_chainId", Reply::Result(json!("0x5")));
    let answer = signs_in_by_contract(&server).await;
    answer.expect_error(Code::LoginProviderMisbehaved);
    assert_eq!(rpc.asked("eth_call"), 0);
}

#[tokio::test]
async fn a_contract_that_fails_is_no_trouble_of_the_node_and_the_other_way_round() {
    let rpc = Rpc::start().await;
    let server = rpc.server(&[]).await;
    let result = |text: &str| Reply::Result(json!(text));
    let body = |text: &str| Reply::Body(200, text.to_owned());
    for (reply, code) in [
        (
            Reply::Error(-32_000, "out of gas"),
            Code::LoginInvalidSignature,
        ),
        (
            Reply::Error(-32_000, "invalid opcode: INVALID"),
            Code::LoginInvalidSignature,
        ),
        (
            Reply::Error(3, "execution reverted"),
            Code::LoginInvalidSignature,
        ),
        (
            Reply::Error(-32_015, "VM execution error."),
            Code::LoginInvalidSignature,
        ),
        (
            Reply::Body(
                500,
                r#"{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"reverted"}}"#.to_owned(),
            ),
            Code::LoginInvalidSignature,
        ),
        (result("0x"), Code::LoginInvalidSignature),
        (result("0x01"), Code::LoginInvalidSignature),
        (
            Reply::Error(-32_005, "rate limited"),
            Code::LoginProviderUnreachable,
        ),
        (
            Reply::Error(-32_000, "header not found"),
            Code::LoginProviderUnreachable,
        ),
        (
            Reply::Body(503, "busy".to_owned()),
            Code::LoginProviderUnreachable,
        ),
        (result("yes"), Code::LoginProviderMisbehaved),
        (result("0xzz"), Code::LoginProviderMisbehaved),
        (Reply::Result(json!(true)), Code::LoginProviderMisbehaved),
        (Reply::Result(json!(["0x"])), Code::LoginProviderMisbehaved),
        (body("<html>"), Code::LoginProviderMisbehaved),
        (
            body(r#"["0x1626ba7e00000000000000000000000000000000000000000000000000000000",null]"#),
            Code::LoginProviderMisbehaved,
        ),
        (
            body(r#"{"error":[3,"execution reverted",null]}"#),
            Code::LoginProviderMisbehaved,
        ),
    ] {
        rpc.says("eth_call", reply);
        let answer = signs_in_by_contract(&server).await;
        let error = answer.expect_error(code);
        assert_eq!(
            error.contains("contract"),
            code == Code::LoginInvalidSignature,
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_count_that_is_no_number_lets_nobody_pass() {
    let rpc = Rpc::start().await;
    let server = rpc.server(&[]).await;
    for count in [
        json!("0x+5"),
        json!("0x05"),
        json!("0x"),
        json!("5"),
        json!(5),
        json!(["0x5"]),
        json!(" 0x5"),
        json!("0X5"),
        json!("0xfffffffffffffffff"),
        json!({"count": "0x5"}),
    ] {
        rpc.says("eth_getTransactionCount", Reply::Result(count.clone()));
        let answer = signs_in_by_key(&server, 1).await;
        let error = answer.expect_error(Code::LoginProviderMisbehaved);
        assert!(error.contains("tell the operator"), "{count}: {error}");
    }
    rpc.says("eth_getTransactionCount", Reply::Result(json!("0x5")));
    signs_in_by_key(&server, 1).await.expect_ok();
}

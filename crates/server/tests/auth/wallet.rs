//! Our own page for Ethereum accounts, by the requests that it makes.

use serde_json::{Value, json};
use tauline_protocol::error::Code;

use crate::browser::{Arrival, Browser};
use crate::common::{Answer, Client, TestServer};
use crate::github::{client_of, links};

/// The state that a link to the page has.
pub(crate) fn state_of(begun: &Answer) -> String {
    assert_eq!(begun.status, 303, "{}", begun.text());
    let location = begun.header("location").unwrap();
    location.strip_prefix("/sign-in#state=").unwrap().to_owned()
}

/// The page, open in a browser.
pub(crate) struct Page {
    pub(crate) browser: Browser,
    url: String,
    pub(crate) state: String,
}

impl Page {
    pub(crate) async fn open(server: &TestServer, query: &str) -> Self {
        Self::open_in(Browser::new(), server, query).await
    }

    pub(crate) async fn open_in(browser: Browser, server: &TestServer, query: &str) -> Self {
        let link = links(server, query).await.eth_auth_url;
        let state = state_of(&browser.get(&link).await);
        Self {
            browser,
            url: server.url(),
            state,
        }
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.browser
            .post(&format!("{}{path}", self.url), body)
            .await
    }

    pub(crate) async fn message(&self, address: &str) -> String {
        let body = json!({"state": self.state, "address": address});
        let answer = self.post("/auth/eth/message", &body).await.expect_ok();
        answer.json::<Value>()["message"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub(crate) async fn submit(&self, message: &str, signature: &str) -> Answer {
        let body = json!({"state": self.state, "message": message, "signature": signature});
        self.post("/auth/eth", &body).await
    }

    /// A message signed by a key.
    pub(crate) async fn signed(&self, client: &Client) -> (String, String) {
        let message = self.message(&client.address()).await;
        let signature = client.personal_signature(&message);
        (message, signature)
    }

    /// Goes where the coordinator says.
    pub(crate) async fn go(&self, answer: Answer) -> Arrival {
        let next: Value = answer.expect_ok().json();
        let url = format!("{}{}", self.url, next["location"].as_str().unwrap());
        let own = self.url.clone();
        self.browser
            .follow(&url, |url| url.as_str().starts_with(&own))
            .await
    }

    pub(crate) async fn sign_in(&self, client: &Client) -> Arrival {
        let (message, signature) = self.signed(client).await;
        self.go(self.submit(&message, &signature).await).await
    }
}

fn keyed(server: &TestServer, number: u32) -> Client {
    Client::with_key(&server.url(), number)
}

#[tokio::test]
async fn a_key_signs_in_and_takes_part() {
    let server = TestServer::start().await;
    let key = keyed(&server, 1);
    let arrival = Page::open(&server, "").await.sign_in(&key).await;
    let answer = arrival.json();
    let address = key.address().to_lowercase();
    assert_eq!(answer["id_token"]["sub"], format!("eth|{address}"));
    assert_eq!(answer["id_token"]["nickname"], address);
    assert_eq!(answer["id_token"]["provider"], "Ethereum");
    let mut client = client_of(&server, &answer);
    client.key = key.key;
    client.take_part(&server.sizes()).await;
}

#[tokio::test]
async fn a_client_gets_the_session_by_its_redirect() {
    let server = TestServer::start().await;
    let page = Page::open(&server, "?redirect_to=http://localhost:9/cb").await;
    let arrival = page.sign_in(&keyed(&server, 1)).await;
    assert!(
        arrival
            .url
            .as_str()
            .starts_with("http://localhost:9/cb?session_id=")
    );
    let provider = ("provider".to_owned(), "Ethereum".to_owned());
    assert!(arrival.query().contains(&provider), "{}", arrival.url);
}

#[tokio::test]
async fn the_message_says_what_a_wallet_compares() {
    let server = TestServer::start().await;
    let page = Page::open(&server, "").await;
    let key = keyed(&server, 1);
    let message = page.message(&key.address().to_lowercase()).await;
    let domain = server.url().replace("http://", "");
    assert!(
        message.starts_with(&format!("{domain} wants you to sign in")),
        "{message}"
    );
    assert!(
        message.contains(&key.address()),
        "as EIP-55 spells it: {message}"
    );
    assert!(message.contains("Expiration Time: "), "{message}");
    let body = json!({"state": page.state, "address": "0x12"});
    page.post("/auth/eth/message", &body)
        .await
        .expect_error(Code::InvalidParameter);
}

/// What no proxy on the way may see is in the fragment, which a browser sends to nobody.
#[tokio::test]
async fn the_link_leads_to_our_own_page_with_the_state_in_its_fragment() {
    let server = TestServer::start().await;
    let link = links(&server, "").await.eth_auth_url;
    let begun = Browser::new().get(&link).await;
    let state = state_of(&begun);
    assert!(
        state.len() > 100 && !state.contains(['&', '=', '%']),
        "{state}"
    );
    assert!(begun.header("set-cookie").is_some());
    assert_eq!(begun.header("cache-control"), Some("no-store"));
    assert!(begun.bytes.is_empty());
    let page = Browser::new()
        .get(&format!("{}/sign-in", server.url()))
        .await;
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap();
    for rule in [
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("unsafe-inline"), "{policy}");
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
}

#[tokio::test]
async fn the_page_that_says_why_not_has_no_script() {
    let server = TestServer::start().await;
    let link = links(&server, "").await.github_auth_url;
    let page = Browser::new().get(&link).await;
    assert_eq!(page.status, 403);
    let policy = page.header("content-security-policy").unwrap();
    assert!(!policy.contains("script-src"), "{policy}");
    assert!(page.text().contains("/auth/page/style.css"));
    let style = server.anonymous().get("/auth/page/style.css").await;
    let style = style.expect_ok();
    assert_eq!(
        style.header("content-type"),
        Some("text/css; charset=utf-8")
    );
    assert_eq!(style.header("x-content-type-options"), Some("nosniff"));
}

/// Once signed in, a message is of no more use: not here, not by `POST /login`, not in another
/// sign-in of the same browser.
#[tokio::test]
async fn replayed_siwe_message_is_refused() {
    let server = TestServer::start().await;
    let key = keyed(&server, 1);
    let page = Page::open(&server, "").await;
    let (message, signature) = page.signed(&key).await;
    let first = page.submit(&message, &signature).await;
    assert_eq!(page.go(first).await.answer().status, 200);

    page.submit(&message, &signature)
        .await
        .expect_error(Code::LoginUnknownNonce);
    let body = json!({"siwe": {"message": message, "signature": signature}});
    key.login(&body).await.expect_error(Code::LoginUnknownNonce);
    let next = Page::open_in(page.browser, &server, "").await;
    next.submit(&message, &signature)
        .await
        .expect_error(Code::LoginUnknownNonce);
}

/// Somebody else's message, still unused, does not sign this browser in.
#[tokio::test]
async fn a_message_of_another_sign_in_is_refused() {
    let server = TestServer::start().await;
    let mallory = keyed(&server, 666);
    let (theirs, signature) = Page::open(&server, "").await.signed(&mallory).await;
    let page = Page::open(&server, "").await;
    page.submit(&theirs, &signature)
        .await
        .expect_error(Code::LoginUnknownNonce);
    let nonce = mallory.nonce().await;
    let message = mallory.siwe_message(&nonce, "");
    page.submit(&message, &mallory.personal_signature(&message))
        .await
        .expect_error(Code::LoginUnknownNonce);
}

/// The code that the page is given belongs to its browser.
#[tokio::test]
async fn login_csrf_by_the_pages_own_code_is_refused() {
    let server = TestServer::start().await;
    let page = Page::open(&server, "").await;
    let (message, signature) = page.signed(&keyed(&server, 666)).await;
    let next: Value = page.submit(&message, &signature).await.expect_ok().json();
    let path = next["location"].as_str().unwrap();
    let victim = Page::open(&server, "").await;
    let url = format!("{}{path}", server.url());
    victim
        .browser
        .get(&url)
        .await
        .expect_error(Code::LoginInvalidState);
    // With the victim's own state, the code is none.
    let code = path
        .split("code=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    let url = format!(
        "{}/auth/callback/eth?code={code}&state={}",
        server.url(),
        victim.state
    );
    let answer = victim.browser.get(&url).await;
    assert_eq!(
        answer.json::<Value>()["code"],
        "AuthErrorPayload::InvalidAuthCode"
    );
}

#[tokio::test]
async fn another_browser_cannot_use_the_pages_state() {
    let server = TestServer::start().await;
    let page = Page::open(&server, "").await;
    let (message, signature) = page.signed(&keyed(&server, 1)).await;
    let thief = Page {
        browser: Browser::new(),
        url: page.url.clone(),
        state: page.state.clone(),
    };
    thief
        .submit(&message, &signature)
        .await
        .expect_error(Code::LoginInvalidState);
}

/// A message altered in one place and signed as it then stands.
async fn altered(flags: &[(&str, &str)], change: impl Fn(&str) -> String) -> Answer {
    let server = TestServer::with(flags).await;
    let key = keyed(&server, 1);
    let page = Page::open(&server, "").await;
    let message = page.message(&key.address()).await;
    let changed = change(&message);
    assert_ne!(changed, message);
    page.submit(&changed, &key.personal_signature(&changed))
        .await
}

#[tokio::test]
async fn wrong_domain_is_refused() {
    let domain = |message: &str| {
        let (_, rest) = message.split_once(" wants").unwrap();
        format!("evil.example wants{rest}")
    };
    altered(&[], domain)
        .await
        .expect_error(Code::LoginWrongDomain);
    let uri = |message: &str| message.replace("URI: http://", "URI: http://evil.example/");
    altered(&[], uri).await.expect_error(Code::LoginWrongDomain);
}

#[tokio::test]
async fn wrong_chain_is_refused() {
    let chain = |message: &str| message.replace("Chain ID: 1\n", "Chain ID: 5\n");
    altered(&[], chain)
        .await
        .expect_error(Code::LoginWrongChain);
}

#[tokio::test]
async fn expired_message_is_refused() {
    let expired = |message: &str| {
        let (start, _) = message.split_once("Expiration Time").unwrap();
        format!("{start}Expiration Time: 2020-01-01T00:00:00Z")
    };
    altered(&[], expired).await.expect_error(Code::LoginExpired);

    let server = TestServer::at_noon(&[]).await;
    let page = Page::open(&server, "").await;
    let (message, signature) = page.signed(&keyed(&server, 1)).await;
    server.advance(std::time::Duration::from_secs(601));
    page.submit(&message, &signature)
        .await
        .expect_error(Code::LoginExpired);
    let body = json!({"state": page.state, "address": keyed(&server, 1).address()});
    page.post("/auth/eth/message", &body)
        .await
        .expect_error(Code::LoginInvalidState);
}

#[tokio::test]
async fn a_signature_by_another_key_is_refused() {
    let server = TestServer::start().await;
    let page = Page::open(&server, "").await;
    let message = page.message(&keyed(&server, 1).address()).await;
    for signature in [
        keyed(&server, 2).personal_signature(&message),
        "0x".to_owned(),
        format!("0x{}", "00".repeat(65)),
        "nothing".to_owned(),
    ] {
        page.submit(&message, &signature)
            .await
            .expect_error(Code::LoginInvalidSignature);
    }
}

#[tokio::test]
async fn without_ethereum_sign_in_the_page_says_so() {
    let invites = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(invites.path(), "alice code-of-alice-0001\n").unwrap();
    let path = invites.path().to_str().unwrap();
    let server = TestServer::with(&[("signin", "invite"), ("invites", path)]).await;
    let link = links(&server, "").await.eth_auth_url;
    let page = Browser::new().get(&link).await;
    assert_eq!(page.status, 403);
    assert!(
        page.text().contains("by Ethereum account"),
        "{}",
        page.text()
    );
}

/// The proof is what counts, not how often the browser is sent on.
#[tokio::test]
async fn a_sign_in_by_the_page_counts_once() {
    let server = TestServer::with(&[("login-rate", "2")]).await;
    for number in [1, 2] {
        let arrival = Page::open(&server, "")
            .await
            .sign_in(&keyed(&server, number))
            .await;
        assert_eq!(arrival.answer().status, 200, "{}", arrival.answer().text());
    }
    let page = Page::open(&server, "").await;
    let (message, signature) = page.signed(&keyed(&server, 3)).await;
    let answer = page.submit(&message, &signature).await;
    assert!(answer.text().contains("RateLimited"), "{}", answer.text());
}

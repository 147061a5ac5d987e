//! Sign-in as clients of Ethereum's ceremony know it, line by line
//! (`docs/spec/sequencer.md#codes-of-sign-in`, `docs/spec/http-api.md#session-answer`). Each test
//! names the clients that need what it shows.

use reqwest::Method;
use serde_json::{Value, json};
use tauline_protocol::auth::AuthCode;
use tauline_protocol::error::Code;

use crate::browser::{Arrival, Browser};
use crate::common::TestServer;
use crate::github::{client_of, links, stopped_before_callback};
use crate::provider::{Manner, Provider, account, octocat};

/// Where a client of the user's listens, as Chotto and the C++ client have it.
const LISTENER: &str = "http://localhost:9/auth/callback";

async fn journey(provider: &Provider, server: &TestServer, redirect: Option<&str>) -> Arrival {
    let query = redirect.map_or(String::new(), |url| format!("?redirect_to={url}"));
    let link = links(server, &query).await.github_auth_url;
    provider.journey(&Browser::new(), server, &link).await
}

/// All clients: two links, and nothing else in the answer.
#[tokio::test]
async fn request_link_answers_two_links() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    for query in [
        "",
        "?redirect_to=",
        "?redirect_to=http%3A%2F%2Flocalhost%3A8080%2F",
    ] {
        let path = format!("/auth/request_link{query}");
        let answer = server.anonymous().get(&path).await.expect_ok();
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let body: Value = answer.json();
        assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
        for field in ["eth_auth_url", "github_auth_url"] {
            let link = body[field].as_str().unwrap();
            assert!(link.starts_with(&server.url()), "{link}");
        }
        let client = server.anonymous();
        let head = client.request(Method::HEAD, &path);
        assert_eq!(client.send(head).await.status, 200);
    }
}

/// Chotto sends the address as it is, without encoding it.
#[tokio::test]
async fn request_link_takes_an_address_that_is_not_encoded() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    let arrival = journey(&provider, &server, Some(LISTENER)).await;
    assert!(
        arrival.url.as_str().starts_with(LISTENER),
        "{}",
        arrival.url
    );
}

/// All clients, should a ceremony have as many visitors as it bears.
#[tokio::test]
async fn a_full_lobby_answers_503_to_links_and_newcomers() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[("max-sessions", "1")]).await;
    let link = links(&server, "").await.github_auth_url;
    let browser = Browser::new();
    provider.journey(&browser, &server, &link).await.answer();
    let answer = server.anonymous().get("/auth/request_link").await;
    expect(&answer, AuthCode::LobbyIsFull);
    // Who is inside may sign in again; who is not may not, and takes nothing from who is.
    let again = provider.journey(&browser, &server, &link).await;
    assert_eq!(again.answer().status, 200, "{}", again.answer().text());
    provider.becomes(account(8, "newcomer", "2011-01-25T18:44:36Z"));
    let newcomer = provider.journey(&Browser::new(), &server, &link).await;
    expect(newcomer.answer(), AuthCode::LobbyIsFull);
    client_of(&server, &again.json()).join().await;
}

/// All browsers that are sent here by a provider that leaves something out.
#[tokio::test]
async fn a_callback_without_code_or_state_answers_422_in_plain_text() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    for path in ["/auth/callback/github", "/auth/callback/eth"] {
        for (query, missing) in [("", "code"), ("?state=x", "code"), ("?code=x", "state")] {
            let answer = server.anonymous().get(&format!("{path}{query}")).await;
            assert_eq!(answer.status, 422);
            assert_eq!(
                answer.text(),
                format!("Failed to deserialize query string: missing field `{missing}`")
            );
            assert!(
                answer
                    .header("content-type")
                    .unwrap()
                    .starts_with("text/plain")
            );
        }
    }
}

/// The two errors that have a message and no code.
#[tokio::test]
async fn a_state_that_is_none_answers_400_with_a_message() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    for path in ["/auth/callback/github", "/auth/callback/eth"] {
        for (state, message) in [
            ("***", "invalid base64 data in state parameter"),
            ("eyJ9", "invalid json in state parameter"),
        ] {
            let answer = server
                .anonymous()
                .get(&format!("{path}?code=x&state={state}"))
                .await;
            assert_eq!(answer.status, 400);
            assert_eq!(answer.json::<Value>(), json!({ "message": message }));
        }
    }
}

/// arnaucube/eth-kzg-ceremony-alt and dknopik/towers-of-pau: their user copies this line from the
/// browser. They read `exp` as u64, and the rest as text.
#[tokio::test]
async fn without_a_redirect_the_session_is_one_line_of_json() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    let arrival = journey(&provider, &server, None).await;
    let answer = arrival.answer();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body = arrival.json();
    let (exp, session) = (&body["id_token"]["exp"], &body["session_id"]);
    assert_eq!(
        answer.text(),
        format!(
            r#"{{"id_token":{{"exp":{},"nickname":"OctoCat","provider":"Github","sub":"git|583231|OctoCat"}},"session_id":{session}}}"#,
            exp.as_u64().unwrap()
        )
    );
    // What the pasted line is used for.
    let client = client_of(&server, &body);
    client.join().await;
}

/// zkparty/trusted-setup-frontend (exp, nickname, provider, `session_id`, sub, none empty), Chotto and
/// the C++ client (`session_id`, nickname, provider).
#[tokio::test]
async fn with_a_redirect_the_session_is_appended_in_this_order() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    let arrival = journey(&provider, &server, Some(&format!("{LISTENER}?client=7"))).await;
    let names: Vec<String> = arrival.query().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["client", "session_id", "sub", "nickname", "provider", "exp"]
    );
    let value = |name: &str| {
        let pairs = arrival.query();
        pairs.into_iter().find(|(key, _)| key == name).unwrap().1
    };
    assert_eq!(value("sub"), "git|583231|OctoCat");
    assert_eq!(value("nickname"), "OctoCat");
    assert_eq!(value("provider"), "Github");
    assert!(
        value("exp").parse::<i64>().unwrap() > 1_700_000_000,
        "clients read i64 and doubles"
    );
    assert!(
        arrival.url.as_str().contains("sub=git%7C583231%7COctoCat&"),
        "{}",
        arrival.url
    );
    let mut client = server.anonymous();
    client.token = Some(value("session_id"));
    client.join().await;
}

/// Answers as the contract has it.
#[track_caller]
fn expect(answer: &crate::common::Answer, code: AuthCode) {
    assert_eq!(answer.status, code.status(), "{}", answer.text());
    assert_eq!(
        answer.json::<Value>(),
        json!({"code": code.as_str(), "error": code.error()})
    );
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

/// An error as JSON, and as it is appended to a redirect. The C++ client and the front end read
/// `code` of the latter.
async fn fails(provider: &Provider, server: &TestServer, code: AuthCode) {
    let arrival = journey(provider, server, None).await;
    expect(arrival.answer(), code);
    let arrival = journey(provider, server, Some(LISTENER)).await;
    assert!(arrival.answer.is_none());
    let pairs = [("code", code.as_str()), ("error", code.error())];
    assert_eq!(
        arrival.query(),
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    let text = format!(
        "{LISTENER}?code={}&error={}",
        code.as_str().replace(':', "%3A"),
        code.error().replace(' ', "+")
    );
    assert_eq!(arrival.url.as_str(), text);
}

/// The front end, Chotto, the C++ client.
#[tokio::test]
async fn a_code_that_github_does_not_take_is_an_invalid_auth_code() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    let bad = r#"{"error":"bad_verification_code","error_description":"…"}"#;
    let standard = r#"{"error":"invalid_grant"}"#;
    for (status, body) in [(200, bad), (400, standard), (200, standard)] {
        provider.behave(Manner::NoToken(status, body));
        fails(&provider, &server, AuthCode::InvalidAuthCode).await;
    }
}

/// Differs from the original, which told everybody that their code was wrong.
#[tokio::test]
async fn what_a_provider_does_wrong_is_not_told_as_the_persons_fault() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    for (status, body) in [
        (401, ""),
        (403, "<html>"),
        (404, "[]"),
        (400, r#"{"error":"temporarily_unavailable"}"#),
        (200, r#"{"error":"server_error"}"#),
    ] {
        provider.behave(Manner::NoToken(status, body));
        fails(&provider, &server, AuthCode::FetchUserDataError).await;
    }
    for (status, body) in [
        (200, ""),
        (200, "{}"),
        (200, "<html>"),
        (200, r#"{"access_token":7,"token_type":"bearer"}"#),
        (200, r#"{"access_token":"token"}"#),
        (200, r#"{"access_token":"token","token_type":"mac"}"#),
        (200, r#"{"access_token":"token","token_type":"bearer2"}"#),
        (200, r#"["token","bearer"]"#),
        (200, r#"["invalid_grant"]"#),
        (200, r#"{"error":["invalid_grant"]}"#),
        (400, r#"{"error":"invalid_client"}"#),
        (401, r#"{"error":"unauthorized_client"}"#),
        (200, r#"{"error":"incorrect_client_credentials"}"#),
        (200, r#"{"error":"redirect_uri_mismatch"}"#),
    ] {
        provider.behave(Manner::NoToken(status, body));
        fails(&provider, &server, AuthCode::CouldNotExtractUserData).await;
    }
    provider.behave(Manner::Honest);
    let arrival = journey(&provider, &server, None).await;
    assert_eq!(arrival.answer().status, 200, "{}", arrival.answer().text());
}

/// The word that a provider sends a browser back with instead of a code.
#[tokio::test]
async fn who_did_not_agree_is_told_so_and_a_providers_trouble_is_its_own() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    for (word, code) in [
        ("access_denied", AuthCode::InvalidAuthCode),
        ("login_required", AuthCode::InvalidAuthCode),
        ("server_error", AuthCode::FetchUserDataError),
        ("temporarily_unavailable", AuthCode::FetchUserDataError),
        ("unauthorized_client", AuthCode::CouldNotExtractUserData),
        ("redirect_uri_mismatch", AuthCode::CouldNotExtractUserData),
        ("", AuthCode::CouldNotExtractUserData),
    ] {
        let link = links(&server, "").await.github_auth_url;
        let browser = Browser::new();
        let (_, state) = stopped_before_callback(&provider, &browser, &link).await;
        let url = format!(
            "{}/auth/callback/github?error={word}&state={state}",
            server.url()
        );
        expect(&browser.get(&url).await, code);
    }
}

/// Whoever says no at the provider.
#[tokio::test]
async fn a_person_who_declines_is_an_invalid_auth_code() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    provider.behave(Manner::Declines);
    fails(&provider, &server, AuthCode::InvalidAuthCode).await;
}

/// The front end, Chotto, the C++ client.
#[tokio::test]
async fn an_account_made_after_the_deadline_is_refused() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    provider.becomes(account(9, "young", "2022-08-01T00:00:01Z"));
    fails(&provider, &server, AuthCode::UserCreatedAfterDeadline).await;
    provider.becomes(account(9, "just-in-time", "2022-08-01T00:00:00Z"));
    let arrival = journey(&provider, &server, None).await;
    assert_eq!(arrival.answer().status, 200, "{}", arrival.answer().text());
}

/// The front end, Chotto, the C++ client.
#[tokio::test]
async fn a_provider_that_cannot_be_asked_could_not_be_fetched_from() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    for manner in [
        Manner::NoToken(503, "busy"),
        Manner::User(503, "busy".to_owned()),
        Manner::User(403, "rate limited".to_owned()),
        Manner::User(200, "x".repeat(100_000)),
    ] {
        provider.behave(manner);
        fails(&provider, &server, AuthCode::FetchUserDataError).await;
    }
}

/// The front end, Chotto, the C++ client.
#[tokio::test]
async fn an_answer_without_an_account_could_not_be_extracted_from() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    for body in [
        "",
        "{}",
        "<html>",
        r#"{"id":-1,"login":"a","created_at":"2011-01-25T18:44:36Z"}"#,
        r#"{"id":9223372036854775808,"login":"a","created_at":"2011-01-25T18:44:36Z"}"#,
        r#"{"id":1,"login":"a|b","created_at":"2011-01-25T18:44:36Z"}"#,
        r#"{"id":1,"login":"a","created_at":"yesterday"}"#,
        r#"[1,"a","2011-01-25T18:44:36Z"]"#,
        r#"{"id":"+1","login":"a","created_at":"2011-01-25T18:44:36Z"}"#,
    ] {
        provider.behave(Manner::User(200, body.to_owned()));
        fails(&provider, &server, AuthCode::CouldNotExtractUserData).await;
    }
}

/// All clients: who contributed need not wait to hear it.
#[tokio::test]
async fn who_contributed_already_is_told_so() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    let client = client_of(&server, &journey(&provider, &server, None).await.json());
    client.take_part(&server.sizes()).await;
    fails(&provider, &server, AuthCode::UserAlreadyContributed).await;
}

/// Differs from the original, which told everybody that they had contributed.
#[tokio::test]
async fn who_lost_the_place_is_told_the_true_reason() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    let client = client_of(&server, &journey(&provider, &server, None).await.json());
    client.join().await;
    client.leave().await;
    let arrival = journey(&provider, &server, None).await;
    let body = arrival.json();
    assert_eq!(arrival.answer().status, 400);
    assert_eq!(body["code"], "AuthErrorPayload::UserAlreadyContributed");
    let error = body["error"].as_str().unwrap();
    assert!(
        error.ends_with("an earlier stay: you left the queue"),
        "{error}"
    );
}

/// The front end: a page of another origin reads these answers.
#[tokio::test]
async fn pages_of_other_origins_may_ask_for_links() {
    let provider = Provider::start(octocat()).await;
    let server = provider.server(&[]).await;
    let client = server.anonymous();
    for path in [
        "/auth/request_link",
        "/auth/request_link?redirect_to=http://evil.example",
    ] {
        let request = client.request(Method::GET, path);
        let answer = client
            .send(request.header("origin", "https://example.org"))
            .await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
}

/// An operator's choice: one's own page, beside the listeners of clients.
#[tokio::test]
async fn a_page_that_the_operator_allows_gets_sessions() {
    let provider = Provider::start(octocat()).await;
    let server = provider
        .server(&[(
            "redirect-allow",
            "https://ceremony.example.org,https://b.example/in",
        )])
        .await;
    for page in [
        "https://ceremony.example.org/redirect",
        "https://b.example/in",
    ] {
        let arrival = journey(&provider, &server, Some(page)).await;
        assert!(arrival.url.as_str().starts_with(page), "{}", arrival.url);
        assert!(arrival.url.as_str().contains("session_id="));
    }
    server
        .anonymous()
        .get("/auth/request_link?redirect_to=https://b.example/")
        .await
        .expect_error(Code::LoginRedirectNotAllowed);
}

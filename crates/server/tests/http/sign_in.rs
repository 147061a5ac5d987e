//! Signing in, and what must not sign anybody in.

use std::time::Duration;

use serde_json::{Value, json};
use tauline_protocol::error::Code;
use tauline_protocol::login::{LoginAnswer, NonceAnswer};
use tauline_protocol::status::{QueueWord, SignInMethod};

use crate::common::{Client, TestServer};

/// A server, and somebody with a key who has not signed in.
async fn keyed() -> (TestServer, Client) {
    let server = TestServer::start().await;
    let client = keyed_at(&server);
    (server, client)
}

fn keyed_at(server: &TestServer) -> Client {
    Client::with_key(&server.url(), 1)
}

/// Tries to sign in with a message; gives the text of the refusal.
async fn refused(client: &Client, message: &str, code: Code) -> String {
    client.login_with(message).await.expect_error(code)
}

/// Tries to sign in with a signature that is not the message's by the client's key.
async fn refused_signature(client: &Client, message: &str, signature: &str) {
    let body = json!({"siwe": {"message": message, "signature": signature}});
    let answer = client.login(&body).await;
    answer.expect_error(Code::LoginInvalidSignature);
}

#[tokio::test]
async fn an_ethereum_key_signs_in() {
    let (server, client) = keyed().await;
    let nonce = client.nonce().await;
    assert_eq!(format!("http://{}", nonce.domain), server.url());
    assert_eq!(nonce.uri, server.url());
    assert_eq!(nonce.chain_id, 1);
    let answer: LoginAnswer = client
        .login_with(&client.siwe_message(&nonce, ""))
        .await
        .expect_ok()
        .json();
    assert_eq!(
        answer.identity.as_str(),
        format!("eth|{}", client.address().to_lowercase())
    );
    assert!(
        answer.expires_in_ms > 86_000_000,
        "{}",
        answer.expires_in_ms
    );
}

#[tokio::test]
async fn a_message_without_a_statement_and_with_resources_signs_in() {
    let (_server, client) = keyed().await;
    let plain = client
        .siwe_message(&client.nonce().await, "")
        .replace("Take part.\n", "");
    client.login_with(&plain).await.expect_ok();
    let more = "\nExpiration Time: 2999-01-01T00:00:00Z\nNot Before: 2020-01-01T00:00:00Z\n\
                Request ID: 7\nResources:\n- https://example.org/terms";
    let full = client.siwe_message(&client.nonce().await, more);
    client.login_with(&full).await.expect_ok();
}

#[tokio::test]
async fn a_replayed_message_is_refused() {
    let (_server, client) = keyed().await;
    let message = client.siwe_message(&client.nonce().await, "");
    client.login_with(&message).await.expect_ok();
    refused(&client, &message, Code::LoginUnknownNonce).await;
}

#[tokio::test]
async fn of_many_requests_with_one_message_one_signs_in() {
    let (_server, client) = keyed().await;
    let message = client.siwe_message(&client.nonce().await, "");
    let tries = (0..20).map(|_| client.login_with(&message));
    let answers = futures_util::future::join_all(tries).await;
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(good, 1);
}

#[tokio::test]
async fn a_nonce_that_is_not_the_coordinators_is_refused() {
    let (server, elsewhere) = (TestServer::start().await, TestServer::start().await);
    let client = keyed_at(&server);
    let own = client.nonce().await;
    let foreign = elsewhere.anonymous().nonce().await.nonce;
    for nonce in [
        foreign,
        "kEWepMt9knR6lWJ6A".to_owned(),
        "0".repeat(own.nonce.len()),
    ] {
        let nonce = NonceAnswer {
            nonce,
            ..own.clone()
        };
        refused(
            &client,
            &client.siwe_message(&nonce, ""),
            Code::LoginUnknownNonce,
        )
        .await;
    }
}

#[tokio::test]
async fn an_expired_nonce_is_refused() {
    let server = TestServer::at_noon(&[]).await;
    let client = keyed_at(&server);
    let message = client.siwe_message(&client.nonce().await, "");
    server.advance(Duration::from_secs(600));
    refused(&client, &message, Code::LoginUnknownNonce).await;
}

#[tokio::test]
async fn a_message_for_another_domain_is_refused() {
    let (_server, client) = keyed().await;
    for domain in [
        "evil.example",
        "localhost",
        "localhost:1",
        "127.0.0.1.evil.example:80",
    ] {
        let nonce = NonceAnswer {
            domain: domain.to_owned(),
            ..client.nonce().await
        };
        let error = refused(
            &client,
            &client.siwe_message(&nonce, ""),
            Code::LoginWrongDomain,
        )
        .await;
        assert!(error.contains(domain), "{error}");
    }
    for uri in ["http://evil.example/", "https://localhost/", "urn:x"] {
        let nonce = NonceAnswer {
            uri: uri.to_owned(),
            ..client.nonce().await
        };
        refused(
            &client,
            &client.siwe_message(&nonce, ""),
            Code::LoginWrongDomain,
        )
        .await;
    }
}

#[tokio::test]
async fn behind_a_public_url_the_local_names_are_not_the_coordinators() {
    let server = TestServer::with(&[("public-url", "https://ceremony.example.org")]).await;
    let client = keyed_at(&server);
    let nonce = client.nonce().await;
    assert_eq!(nonce.domain, "ceremony.example.org");
    assert_eq!(nonce.uri, "https://ceremony.example.org");
    client
        .login_with(&client.siwe_message(&nonce, ""))
        .await
        .expect_ok();
    let local = server.url().replace("http://", "");
    let nonce = NonceAnswer {
        domain: local,
        uri: server.url(),
        ..client.nonce().await
    };
    refused(
        &client,
        &client.siwe_message(&nonce, ""),
        Code::LoginWrongDomain,
    )
    .await;
}

#[tokio::test]
async fn a_message_for_another_chain_is_refused() {
    let server = TestServer::with(&[("chain-id", "11155111")]).await;
    let client = keyed_at(&server);
    let nonce = client.nonce().await;
    assert_eq!(nonce.chain_id, 11_155_111);
    client
        .login_with(&client.siwe_message(&nonce, ""))
        .await
        .expect_ok();
    for chain_id in [0, 1, u64::MAX] {
        let nonce = NonceAnswer {
            chain_id,
            ..client.nonce().await
        };
        refused(
            &client,
            &client.siwe_message(&nonce, ""),
            Code::LoginWrongChain,
        )
        .await;
    }
}

#[tokio::test]
async fn a_message_that_is_not_in_force_is_refused() {
    let (_server, client) = keyed().await;
    for more in [
        "\nExpiration Time: 2020-01-01T00:00:00Z",
        "\nNot Before: 2999-01-01T00:00:00Z",
    ] {
        refused(
            &client,
            &client.siwe_message(&client.nonce().await, more),
            Code::LoginExpired,
        )
        .await;
    }
    let message = client.siwe_message(&client.nonce().await, "");
    let future = message.replace("Issued At: 2026", "Issued At: 2999");
    refused(&client, &future, Code::LoginExpired).await;
}

#[tokio::test]
async fn a_signature_by_somebody_else_is_refused() {
    let (server, client) = keyed().await;
    let thief = Client::with_key(&server.url(), 2);
    let message = client.siwe_message(&client.nonce().await, "");
    let signature = thief.personal_signature(&message);
    refused_signature(&client, &message, &signature).await;
    // The right one is still good: a thief cannot use somebody's nonce up.
    client.login_with(&message).await.expect_ok();
}

#[tokio::test]
async fn a_signature_over_other_words_is_refused() {
    let (_server, client) = keyed().await;
    let message = client.siwe_message(&client.nonce().await, "");
    let signature = client.personal_signature(&message);
    let changed = message.replace("Take part.", "Pay all.");
    refused_signature(&client, &changed, &signature).await;
}

#[tokio::test]
async fn a_signature_that_is_none_is_refused() {
    let (_server, client) = keyed().await;
    let message = client.siwe_message(&client.nonce().await, "");
    let good = client.personal_signature(&message);
    let zeros = format!("0x{}", "00".repeat(65));
    for bad in [
        "",
        "0x",
        &good[..130],
        &format!("{good}00"),
        "0xzz",
        "é",
        &zeros,
        &good[..good.len() - 2],
    ] {
        refused_signature(&client, &message, bad).await;
    }
    let wrong_v = format!("{}05", &good[..good.len() - 2]);
    refused_signature(&client, &message, &wrong_v).await;
}

#[tokio::test]
async fn a_message_that_is_not_laid_out_as_the_standard_has_it_is_refused() {
    let (_server, client) = keyed().await;
    let good = client.siwe_message(&client.nonce().await, "");
    let lower = good.replace(&client.address(), &client.address().to_lowercase());
    for bad in [
        String::new(),
        "sign me in".to_owned(),
        good.replace("Version: 1", "Version: 2"),
        good.replace("Chain ID: 1\n", ""),
        good.replace("\n\nURI", "\nURI"),
        good.replace("\n\nTake", "\nhidden words\nTake"),
        good.replace("Nonce: ", "Nonce: 1\nNonce: "),
        good.replace("2026-09-21", "2026-99-99"),
        format!("{good}\n"),
        format!("{good}\nExtra: words"),
        format!("\n{good}"),
        good.replace('\n', "\r\n"),
        lower,
        "é".repeat(4000),
    ] {
        let error = refused(&client, &bad, Code::LoginMalformedMessage).await;
        println!("{error}");
    }
    client.login_with(&good).await.expect_ok();
}

#[tokio::test]
async fn a_body_that_is_no_proof_is_refused() {
    let server = TestServer::start().await;
    let client = server.anonymous();
    for bad in [
        json!(null),
        json!({}),
        json!([]),
        json!({"siwe": {}}),
        json!({"siwe": {"message": "m"}}),
        json!({"siwe": "m"}),
        json!({"invite": 7}),
        json!({"invite": "a", "siwe": {"message": "m", "signature": "s"}}),
        json!({"password": "p"}),
    ] {
        let said = client.login(&bad).await.expect_error(Code::MalformedBody);
        assert!(!said.contains("not JSON"), "{bad}: {said}");
        assert!(said.contains(r#"{"siwe":"#), "it says what to send: {said}");
    }
    let answer = client.post_bytes("/login", "application/json", "{").await;
    answer.expect_error(Code::MalformedBody);
    let answer = client
        .post_bytes("/login", "application/json", "{no}")
        .await;
    let said = answer.expect_error(Code::MalformedBody);
    assert!(said.contains("not JSON"), "{said}");
    client
        .post("/login")
        .await
        .expect_error(Code::MalformedBody);
    let answer = client.post_bytes("/login", "text/plain", "hello").await;
    answer.expect_error(Code::UnsupportedMediaType);
    let large = json!({"invite": "x".repeat(20_000)});
    client.login(&large).await.expect_error(Code::BodyTooLarge);
}

#[tokio::test]
async fn a_method_that_is_not_offered_is_refused_and_those_offered_are_named() {
    let server = TestServer::start().await;
    let client = server.anonymous();
    for body in [
        json!({"invite": "code"}),
        json!({"github": {"code": "c", "state": "s"}}),
    ] {
        let error = client
            .login(&body)
            .await
            .expect_error(Code::LoginMethodNotOffered);
        assert!(error.contains("siwe"), "{error}");
    }
    assert_eq!(client.status().await.sign_in, [SignInMethod::Siwe]);
}

fn invitations() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        "alice code-of-alice-0001\nbob code-of-bob-000002\n",
    )
    .unwrap();
    file
}

#[tokio::test]
async fn an_invitation_signs_its_party_in_and_finds_its_place_again() {
    let file = invitations();
    let path = file.path().to_str().unwrap();
    let server = TestServer::with(&[("signin", "invite"), ("invites", path)]).await;
    let client = server.anonymous();
    assert_eq!(client.status().await.sign_in, [SignInMethod::Invite]);
    client
        .get("/login/nonce")
        .await
        .expect_error(Code::LoginMethodNotOffered);
    let unknown = client.login(&json!({"invite": "code-of-alice-0002"})).await;
    unknown.expect_error(Code::LoginUnknownInvite);

    let alice = server.invited("code-of-alice-0001").await;
    assert_eq!(alice.identity().as_str(), "invite|alice");
    let ticket = alice.join().await.ticket;
    let again = server.invited("code-of-alice-0001").await;
    assert_ne!(alice.token, again.token);
    assert_eq!(again.check_in().await.ticket, ticket, "the same place");
    again.contribute(&server.sizes()).await;
    // One code, one contribution.
    let third = server.invited("code-of-alice-0001").await;
    third
        .post("/queue/join")
        .await
        .expect_error(Code::AlreadyContributed);
    server
        .invited("code-of-bob-000002")
        .await
        .take_part(&server.sizes())
        .await;
}

#[tokio::test]
async fn signing_in_again_gives_a_further_session_for_the_same_place() {
    let server = TestServer::start().await;
    let (first, second) = (server.client(1).await, server.client(1).await);
    assert_ne!(first.token, second.token);
    let ticket = first.join().await.ticket;
    assert_eq!(second.join().await.ticket, ticket);
    assert_eq!(
        first.check_in().await.ticket,
        ticket,
        "the first session is as good as before"
    );
}

#[tokio::test]
async fn an_identity_has_so_many_sessions_and_the_oldest_gives_way() {
    let server = TestServer::start().await;
    let oldest = server.client(1).await;
    let mut newest = None;
    for _ in 0..32 {
        newest = Some(server.client(1).await);
    }
    oldest
        .post("/queue/checkin")
        .await
        .expect_error(Code::SessionUnknown);
    newest.unwrap().check_in().await;
}

#[tokio::test]
async fn a_session_ends_when_its_owner_is_not_in_the_queue() {
    let server = TestServer::at_noon(&[("session-lifetime", "100")]).await;
    let client = server.client(1).await;
    server.advance(Duration::from_secs(99));
    assert_eq!(client.check_in().await.queue_status, QueueWord::NotQueued);
    server.advance(Duration::from_secs(1));
    client
        .post("/queue/checkin")
        .await
        .expect_error(Code::SessionUnknown);
    client
        .post("/queue/checkin")
        .await
        .expect_error(Code::SessionUnknown);
}

#[tokio::test]
async fn a_session_is_good_for_the_whole_wait() {
    let server = TestServer::at_noon(&[("session-lifetime", "20")]).await;
    let (holder, waiter) = (server.client(1).await, server.client(2).await);
    holder.join().await;
    holder.start(&server.sizes()).await;
    let ticket = waiter.join().await.ticket;
    for _ in 0..30 {
        server.pass(Duration::from_secs(4)).await;
        assert_eq!(waiter.check_in().await.ticket, ticket);
    }
    assert!(server.now().as_secs() > 1_790_000_000 + 100);
}

#[tokio::test]
async fn sessions_survive_a_restart() {
    let server = TestServer::start().await;
    let client = server.client(1).await;
    let ticket = client.join().await.ticket;
    let server = server.restart().await;
    let client = client.at(server.url());
    assert_eq!(client.check_in().await.ticket, ticket);
}

#[tokio::test]
async fn the_token_is_not_in_the_data_directory() {
    let server = TestServer::start().await;
    let token = server.client(1).await.token.unwrap();
    let raw_token = hex::decode(&token).unwrap();
    let directory = server.stop().await;
    let mut files = 0;
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let path = entry.unwrap().path();
        if let Ok(bytes) = std::fs::read(&path) {
            files += 1;
            let found = |needle: &[u8]| bytes.windows(needle.len()).any(|part| part == needle);
            assert!(
                !found(token.as_bytes()) && !found(&raw_token),
                "{}",
                path.display()
            );
        }
    }
    assert!(files > 0);
}

#[tokio::test]
async fn a_login_answer_says_how_long_it_is_good() {
    let server = TestServer::at_noon(&[]).await;
    let client = keyed_at(&server);
    let nonce: Value = client.get("/login/nonce").await.json();
    assert_eq!(nonce["expiresAt"], 1_790_000_600_u64);
    assert_eq!(nonce["expiresInMs"], 600_000);
    let message = client.siwe_message(&serde_json::from_value(nonce).unwrap(), "");
    let answer: Value = client.login_with(&message).await.expect_ok().json();
    assert_eq!(answer["expiresAt"], 1_790_086_400_u64);
    assert_eq!(answer["expiresInMs"], 86_400_000);
    let fields: Vec<_> = answer.as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["expiresAt", "expiresInMs", "identity", "token"]);
}

//! Each client's way of calling, and of reading the answers (`docs/spec/sequencer.md#wait`).
//!
//! Requests are sent byte for byte as the client's HTTP library frames them, with the headers that
//! the client is known to set; answers are read by the client's own rules.

use std::io::Read as _;
use std::time::Duration;

use serde_json::{Value, json};
use tauline_protocol::sequencer::Code;
use tauline_protocol::status::QueueWord;

use crate::common::raw::Raw;
use crate::common::spoil::subs;
use crate::common::{Answer, Client, TestServer, alter_json};
use crate::support::{POLL, Scene, When, assert_said, assert_waits, base, contribute, take_turn};

/// What a client makes of the answer to a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    /// It has the state, and computes.
    Base,
    /// It sleeps and polls again.
    Wait,
    /// It asks its user to sign in again.
    SignIn,
    /// It ends.
    Ends,
}

/// One client.
struct Way {
    name: &'static str,
    /// Headers of a poll, besides `Host`, `Authorization` and `Content-Length: 0`.
    poll: &'static str,
    /// Where it polls.
    path: &'static str,
    read: fn(&Answer) -> Reads,
    /// The type of content of a contribution, and what else its head has.
    contribute: &'static str,
    /// What is particular about its document.
    document: fn(&mut Value),
}

fn said(answer: &Answer, field: &str) -> Option<String> {
    let body: Value = serde_json::from_slice(&answer.bytes).ok()?;
    Some(body.get(field)?.as_str()?.to_owned())
}

fn is_base(answer: &Answer) -> bool {
    let body: Option<Value> = serde_json::from_slice(&answer.bytes).ok();
    body.is_some_and(|body| {
        body["contributions"]
            .as_array()
            .is_some_and(|it| it.len() == 4)
    })
}

fn if_base(answer: &Answer) -> Reads {
    match is_base(answer) {
        true => Reads::Base,
        false => Reads::Ends,
    }
}

fn as_is(_: &mut Value) {}

fn without_signatures(document: &mut Value) {
    document.as_object_mut().unwrap().remove("ecdsaSignature");
    for sub in subs(document) {
        sub.as_object_mut().unwrap().remove("blsSignature");
    }
}

const JSON: &str = "Content-Type: application/json\r\n";
const GO: &str = "User-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\n";

const WAYS: &[Way] = &[
    Way {
        name: "jsign",
        poll: GO,
        path: POLL,
        read: |answer| match (answer.status, said(answer, "error")) {
            (200, None) => if_base(answer),
            _ => Reads::Wait,
        },
        contribute: JSON,
        document: without_signatures,
    },
    Way {
        name: "arnaucube",
        poll: "User-Agent: Go-http-client/1.1\r\nContent-Type: application/json\r\nAccept-Encoding: gzip\r\n",
        path: POLL,
        read: |answer| match answer.status {
            200 if answer.text().contains("another contribution in progress") => Reads::Wait,
            200 => if_base(answer),
            401 => Reads::SignIn,
            _ => Reads::Wait,
        },
        contribute: JSON,
        document: as_is,
    },
    Way {
        name: "towers-of-pau",
        poll: GO,
        path: POLL,
        read: |answer| match said(answer, "error") {
            Some(_) => Reads::Wait,
            None if answer.status == 200 => if_base(answer),
            None => Reads::Ends,
        },
        contribute: JSON,
        document: without_signatures,
    },
    Way {
        name: "C++",
        poll: "Accept: */*\r\nAccept-Encoding: deflate, gzip, br, zstd\r\nContent-Type: application/x-www-form-urlencoded\r\n",
        path: POLL,
        read: |answer| {
            let code = said(answer, "code").unwrap_or_default();
            match (answer.status, code.as_str()) {
                (401, "TryContributeError::UnknownSessionId") => Reads::SignIn,
                (200, "TryContributeError::AnotherContributionInProgress") => Reads::Wait,
                (400, "TryContributeError::RateLimited") => Reads::Wait,
                (200, "") => if_base(answer),
                (400 | 401, "") => panic!("its parser takes anything but JSON for a crash"),
                _ => Reads::Wait,
            }
        },
        contribute: "Accept: */*\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n",
        document: as_is,
    },
    Way {
        name: "czg-keremony",
        poll: "Accept: application/json, text/plain, */*\r\nAccept-Encoding: gzip, deflate, br\r\n",
        path: POLL,
        read: |answer| match (answer.status, said(answer, "error")) {
            (200, Some(_)) | (400, _) => Reads::Wait,
            (200, None) => if_base(answer),
            _ => Reads::Ends,
        },
        contribute: "Content-Type: application/json;charset=utf-8\r\n",
        document: without_signatures,
    },
    Way {
        name: "zkParty",
        poll: "Accept: */*\r\nContent-Type: application/json\r\nOrigin: https://ceremony.example.org\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n",
        path: POLL,
        read: |answer| {
            let body: Value = answer.json();
            if body.get("error").is_none() {
                return if_base(answer);
            }
            match body["code"].as_str().unwrap() {
                "TryContributeError::AnotherContributionInProgress"
                | "TryContributeError::RateLimited" => Reads::Wait,
                "TryContributeError::UnknownSessionId" => Reads::SignIn,
                _ => Reads::Ends,
            }
        },
        contribute: "Content-Type: application/json\r\nOrigin: https://ceremony.example.org\r\n",
        document: as_is,
    },
    Way {
        name: "Chotto",
        poll: "User-Agent: Java-http-client/17.0.5\r\n",
        path: POLL,
        read: |answer| {
            let body: Value = answer.json();
            let Some(fields) = body.as_object() else {
                return Reads::Ends;
            };
            // Any other set of fields is no error to it, and must then be a contribution.
            if fields.len() != 2 || !fields.contains_key("code") || !fields.contains_key("error") {
                return if_base(answer);
            }
            match fields["code"].as_str().unwrap() {
                "TryContributeError::RateLimited" | "TryContributeError::UnknownSessionId" => {
                    Reads::Ends
                }
                _ => Reads::Wait,
            }
        },
        contribute: JSON,
        document: as_is,
    },
    Way {
        name: "Nethermind",
        poll: "",
        path: POLL,
        read: |answer| match (answer.status, said(answer, "error")) {
            (400 | 401, _) => Reads::Ends,
            (_, Some(_)) => Reads::Wait,
            _ => if_base(answer),
        },
        contribute: "Content-Type: application/json; charset=utf-8\r\n",
        document: |document| {
            for sub in subs(document) {
                let signature = sub["blsSignature"].take();
                sub.as_object_mut().unwrap().remove("blsSignature");
                sub["bls_signature"] = signature;
            }
        },
    },
    Way {
        name: "halo2",
        poll: "Accept: */*\r\n",
        path: POLL,
        read: |answer| match answer.status {
            401 => Reads::Ends,
            200 if is_base(answer) => Reads::Base,
            _ => Reads::Wait,
        },
        contribute: JSON,
        document: as_is,
    },
    Way {
        name: "kzg-ceremony-cli",
        poll: "Accept: */*\r\n",
        path: "/lobby/try_contribute/",
        read: |answer| match said(answer, "error") {
            Some(_) => Reads::Ends,
            None => if_base(answer),
        },
        contribute: JSON,
        document: as_is,
    },
];

impl Way {
    /// Sends a poll as this client does, and gives the answer, decoded as its library does.
    async fn poll(&self, server: &TestServer, client: &Client) -> Answer {
        let mut path = self.path.to_owned();
        loop {
            let mut raw = Raw::connect(&server.url()).await;
            let headers = format!("{}Content-Length: 0\r\n", self.poll);
            raw.head("POST", &path, client.token.as_deref(), &headers)
                .await;
            let mut answer = raw.answer().await;
            if answer.status == 308 {
                path = answer.header("location").unwrap().to_owned();
                continue;
            }
            let encoding = answer.header("content-encoding").map(str::to_owned);
            if let Some(encoding) = encoding {
                assert!(
                    self.poll.contains(&encoding),
                    "{} did not ask for {encoding}",
                    self.name
                );
                answer.bytes = decoded(&encoding, &answer.bytes);
            }
            return answer;
        }
    }

    /// Hands a contribution in as this client does.
    async fn contribute(&self, server: &TestServer, client: &Client, body: &[u8]) -> Answer {
        let mut raw = Raw::connect(&server.url()).await;
        let headers = format!("{}Content-Length: {}\r\n", self.contribute, body.len());
        raw.head("POST", "/contribute", client.token.as_deref(), &headers)
            .await;
        if self.contribute.contains("100-continue") {
            let go_on = raw.answer().await;
            if go_on.status != 100 {
                return go_on;
            }
        }
        raw.send(body).await;
        raw.answer().await
    }
}

fn decoded(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match encoding {
        "gzip" => {
            flate2::read::GzDecoder::new(bytes)
                .read_to_end(&mut plain)
                .unwrap();
        }
        "zstd" => plain = zstd::decode_all(bytes).unwrap(),
        other => panic!("nobody asked for {other}"),
    }
    plain
}

#[tokio::test]
async fn each_client_waits_contributes_and_gets_its_receipt() {
    for way in WAYS {
        println!("{}", way.name);
        let server = TestServer::at_noon(&[("lobby-hold", "0")]).await;
        let (ahead, client) = (server.client(1).await, server.client(2).await);
        let first = base(&server, &ahead.post(POLL).await);
        let answer = way.poll(&server, &client).await;
        if way.name != "kzg-ceremony-cli" {
            assert_eq!((way.read)(&answer), Reads::Wait, "{}", answer.text());
        }
        let body = ahead.contribution(&first).to_json().unwrap();
        contribute(&ahead, body).await.expect_ok();
        server.pass(Duration::from_secs(30)).await;

        let answer = way.poll(&server, &client).await;
        assert_eq!((way.read)(&answer), Reads::Base, "{}", answer.text());
        let update = client.contribution(&base(&server, &answer));
        let body = alter_json(&update, way.document);
        let answer = way.contribute(&server, &client, &body).await;
        assert_eq!(answer.status, 200, "{}: {}", way.name, answer.text());
        let receipt = said(&answer, "receipt").unwrap();
        let receipt: Value = serde_json::from_str(&receipt).unwrap();
        assert_eq!(receipt["identity"], client.identity().as_str());
        server.verify_transcript().await.unwrap();
    }
}

// `docs/spec/sequencer.md#ended-says-how`.
#[tokio::test]
async fn a_client_whose_time_is_over_is_not_left_to_wait_for_ever() {
    for way in WAYS {
        let scene = Scene::set(When::TimedOut).await;
        let answer = way.poll(&scene.server, &scene.subject).await;
        assert_eq!(answer.status, 401, "{}", way.name);
        let read = (way.read)(&answer);
        match way.name {
            // Both take anything for a reason to poll again, whatever it is.
            "jsign" | "towers-of-pau" => assert_eq!(read, Reads::Wait),
            "arnaucube" | "C++" | "zkParty" => assert_eq!(read, Reads::SignIn, "{}", way.name),
            _ => assert_eq!(read, Reads::Ends, "{}", way.name),
        }
    }
}

#[tokio::test]
async fn polling_every_five_seconds_is_never_called_too_early() {
    let scene = Scene::set(When::Waiting).await;
    for _ in 0..24 {
        scene.server.pass(Duration::from_secs(5)).await;
        assert_waits(&scene.subject.post(POLL).await);
    }
}

// `docs/spec/sequencer.md#posted-again`.
#[tokio::test]
async fn a_client_that_posts_again_each_second_gets_its_receipt_for_ever() {
    let flags = [("session-rate", "50"), ("lobby-rate", "120")];
    let scene = Scene::with(When::Contributing, &flags).await;
    let body = scene.good();
    let first = scene.contribute(body.clone()).await;
    assert_eq!(first.status, 200);
    // A minute of it, in no time.
    for _ in 0..60 {
        let again = scene.contribute(body.clone()).await;
        assert_eq!((again.status, &again.bytes), (200, &first.bytes));
    }
}

#[tokio::test]
async fn the_base_can_be_fetched_again_byte_for_byte() {
    let scene = Scene::set(When::SignedIn).await;
    let first = scene.subject.post(POLL).await;
    scene.server.pass(Duration::from_secs(60)).await;
    let again = scene.subject.post(POLL).await;
    assert_eq!((again.status, again.bytes), (200, first.bytes));
    let turn = scene.subject.status().await.turn.unwrap();
    assert_eq!(turn.age_in_ms, 60_000, "the clock was not started anew");
}

#[tokio::test]
async fn an_upload_that_breaks_off_can_be_sent_again() {
    let scene = Scene::set(When::Contributing).await;
    let body = scene.good();
    let token = scene.subject.token.as_deref();
    let mut raw = Raw::connect(&scene.server.url()).await;
    let headers = format!("{JSON}Content-Length: {}\r\n", body.len());
    raw.head("POST", "/contribute", token, &headers).await;
    raw.send(&body[..body.len() / 2]).await;
    drop(raw);
    scene.turn_goes_on().await;
}

// `docs/spec/sequencer.md#connection-breaks`.
#[tokio::test]
async fn an_upload_whose_answer_is_lost_counts() {
    let scene = Scene::set(When::Contributing).await;
    let body = scene.good();
    let token = scene.subject.token.as_deref();
    let mut raw = Raw::connect(&scene.server.url()).await;
    let headers = format!("{JSON}Content-Length: {}\r\n", body.len());
    raw.head("POST", "/contribute", token, &headers).await;
    raw.send(&body).await;
    while scene
        .subject
        .status()
        .await
        .turn
        .is_some_and(|turn| turn.phase == QueueWord::Contributing)
    {
        tokio::task::yield_now().await;
    }
    drop(raw);
    // The client in Go looks at nothing and sends it again.
    let answer = scene.contribute(body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(said(&answer, "receipt").is_some());
}

#[tokio::test]
async fn an_aborting_client_frees_the_turn_and_may_not_come_back() {
    for path in ["/contribute/abort", "/contribution/abort"] {
        let scene = Scene::set(When::Contributing).await;
        assert_waits(&scene.ahead.post(POLL).await);
        let answer = scene.subject.post(path).await;
        assert_eq!((answer.status, answer.bytes.len()), (200, 0));
        let again = scene.subject.post(path).await;
        assert_said(&again, Code::NotUsersTurn, "not your turn to participate");
        take_turn(&scene.server, &scene.ahead).await;
    }
}

#[tokio::test]
async fn an_abort_by_a_client_of_our_own_interface_answers_its_status() {
    let server = TestServer::start().await;
    let client = server.client(1).await;
    assert_eq!(client.post(POLL).await.status, 200);
    // The same person goes on with another program.
    client.start(&server.sizes()).await;
    let answer = client
        .post_json("/contribution/abort", &json!({"reason": "enough"}))
        .await;
    assert_eq!(answer.json::<Value>()["ended"], "aborted");
}

#[tokio::test]
async fn two_windows_of_one_person_share_one_place() {
    let server = TestServer::at_noon(&[("lobby-hold", "0")]).await;
    let ahead = server.client(1).await;
    base(&server, &ahead.post(POLL).await);
    let (one, other) = (server.client(2).await, server.client(2).await);
    assert_ne!(one.token, other.token);
    assert_waits(&one.post(POLL).await);
    assert_waits(&other.post(POLL).await);
    let status: Value = one.get("/info/status").await.json();
    assert_eq!(status["lobby_size"], 1);
}

// `docs/spec/sequencer.md#lobby-full`.
#[tokio::test]
async fn a_full_lobby_does_not_destroy_the_session_it_refuses() {
    use tauline_server::testing::coordinator::Order;
    let scene = Scene::set(When::Drained).await;
    for _ in 0..3 {
        assert_eq!(scene.subject.post(POLL).await.status, 400);
    }
    let coordinator = scene.server.running().coordinator();
    coordinator.order(Order::Open).await.unwrap();
    take_turn(&scene.server, &scene.subject).await;
}

#[tokio::test]
async fn those_in_line_keep_polling_and_their_place_through_a_pause() {
    use tauline_server::testing::coordinator::Order;
    let scene = Scene::set(When::Waiting).await;
    let coordinator = scene.server.running().coordinator();
    coordinator.order(Order::Pause).await.unwrap();
    scene.ahead.post("/contribute/abort").await;
    for _ in 0..10 {
        scene.server.pass(Duration::from_secs(600)).await;
        assert_waits(&scene.subject.post(POLL).await);
    }
    coordinator.order(Order::Resume).await.unwrap();
    take_turn(&scene.server, &scene.subject).await;
}

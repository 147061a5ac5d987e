//! The contract line by line: one row a test, each with the clients that need it.
//!
//! Names of clients as in `docs/clients.md`. Rows are from `docs/spec/sequencer.md#routes`,
//! `docs/spec/sequencer.md#errors`.

use reqwest::Method;
use tauline_protocol::sequencer::Code;

use crate::common::{Answer, Client};
use crate::support::{POLL, Scene, When, assert_said};

/// What a client sends.
struct Ask {
    method: Method,
    path: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    /// Instead of what the situation says.
    authorization: Option<&'static str>,
    body: Body,
}

enum Body {
    None,
    Bytes(&'static [u8]),
    /// A contribution that would be accepted.
    Good,
    /// What was accepted.
    Again,
}

fn ask(method: Method, path: &'static str) -> Ask {
    Ask {
        method,
        path,
        headers: Vec::new(),
        authorization: None,
        body: Body::None,
    }
}

fn get(path: &'static str) -> Ask {
    ask(Method::GET, path)
}

fn post(path: &'static str) -> Ask {
    ask(Method::POST, path)
}

fn contribute(body: Body) -> Ask {
    post("/contribute")
        .header("content-type", "application/json")
        .body(body)
}

impl Ask {
    fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    fn authorization(mut self, value: &'static str) -> Self {
        self.authorization = Some(value);
        self
    }

    fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    async fn of(self, scene: &Scene) -> Answer {
        let mut client: Client = scene.subject.clone();
        if self.authorization.is_some() {
            client.token = None;
        }
        let mut request = client.request(self.method, self.path);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        if let Some(value) = self.authorization {
            request = request.header("authorization", value);
        }
        let request = match self.body {
            Body::None => request,
            Body::Bytes(bytes) => request.body(bytes),
            Body::Good => request.body(scene.good()),
            Body::Again => request.body(scene.handed_in.clone().unwrap().0),
        };
        client.send(request).await
    }
}

/// What it must be answered.
enum Says {
    /// The code's status, and exactly its code and text.
    Code(Code),
    /// The code's status and code; the text begins with the code's and then says what is true.
    Because(Code, &'static str),
    /// A status, a type of content, and the beginning of the text.
    Text(u16, &'static str, &'static str),
    /// A status, with no body and no type of content.
    Nothing(u16),
    /// 200, and JSON with these fields and no other.
    Fields(&'static [&'static str]),
    /// 200, and the receipt that there was.
    SameReceipt,
}

impl Says {
    #[track_caller]
    fn check(self, answer: &Answer, scene: &Scene) {
        let shown = format!("{} {}", answer.status, answer.text());
        match self {
            Self::Code(code) => assert_said(answer, code, code.template()),
            Self::Because(code, why) => {
                let text = format!("{}: {why}", code.template());
                assert_said(answer, code, &text);
            }
            Self::Text(status, media, text) => {
                assert_eq!(answer.status, status, "{shown}");
                let found = answer.header("content-type").unwrap_or_default();
                assert!(found.starts_with(media), "{found}");
                assert!(answer.text().starts_with(text), "{shown}");
            }
            Self::Nothing(status) => {
                assert_eq!((answer.status, answer.bytes.len()), (status, 0), "{shown}");
                assert_eq!(answer.header("content-type"), None);
            }
            Self::Fields(fields) => {
                assert_eq!(answer.status, 200, "{shown}");
                assert_eq!(answer.header("content-type"), Some("application/json"));
                let body: serde_json::Map<String, serde_json::Value> = answer.json();
                let mut found: Vec<&str> = body.keys().map(String::as_str).collect();
                found.sort_unstable();
                assert_eq!(found, fields);
            }
            Self::SameReceipt => {
                assert_eq!(answer.status, 200, "{shown}");
                let (_, receipt) = scene.handed_in.as_ref().unwrap();
                assert_eq!(answer.bytes, *receipt, "byte for byte");
            }
        }
    }
}

macro_rules! rows {
    ($($name:ident [$($client:literal),+] $when:ident, $ask:expr => $says:expr;)+) => {
        $(#[tokio::test]
        async fn $name() {
            println!("needed by: {}", [$($client),+].join(", "));
            let scene = Scene::set(When::$when).await;
            let answer = $ask.of(&scene).await;
            let says: Says = $says;
            says.check(&answer, &scene);
        })+
    };
}

// Section 1: routes.
rows! {
    the_status_has_three_fields ["arnaucube", "Chotto", "C++", "zkParty", "towers-of-pau"]
        Anonymous, get("/info/status")
        => Says::Fields(&["lobby_size", "num_contributions", "sequencer_address"]);
    the_state_of_the_ceremony_is_a_transcript ["C++", "Chotto", "jsign", "zkParty"]
        Anonymous, get("/info/current_state")
        => Says::Fields(&["participantEcdsaSignatures", "participantIds", "transcripts"]);
    heads_are_answered ["whoever monitors"]
        Anonymous, ask(Method::HEAD, "/info/status")
        => Says::Text(200, "application/json", "");
    a_poll_that_finds_its_turn_gets_the_base ["all"]
        SignedIn, post(POLL)
        => Says::Fields(&["contributions", "ecdsaSignature"]);
    a_poll_that_finds_somebody_elses_turn_waits ["all"]
        Waiting, post(POLL)
        => Says::Code(Code::AnotherContributionInProgress);
    a_contribution_gets_a_receipt ["all"]
        Contributing, contribute(Body::Good)
        => Says::Fields(&["receipt", "signature"]);
    an_abort_answers_nothing ["zkParty"]
        Contributing, post("/contribute/abort")
        => Says::Nothing(200);
    an_abort_by_the_specifications_path_answers_nothing
        ["Chotto", "Nethermind", "arnaucube", "towers-of-pau", "majlis"]
        Contributing, post("/contribution/abort")
        => Says::Nothing(200);
    other_paths_are_not_found ["whoever mistypes"]
        Anonymous, get("/lobby/nothing")
        => Says::Text(404, "text/html", "<h1>Error 404</h1>");
    other_methods_are_not_allowed ["whoever mistypes"]
        SignedIn, get(POLL)
        => Says::Nothing(405);
    a_slash_too_many_is_redirected ["kzg-ceremony-cli"]
        Anonymous, get("/info/status/")
        => Says::Fields(&["lobby_size", "num_contributions", "sequencer_address"]);
    a_slash_too_many_on_a_post_is_redirected ["kzg-ceremony-cli"]
        Waiting, post("/lobby/try_contribute/")
        => Says::Code(Code::AnotherContributionInProgress);
}

// Section 2: the session's header, and the order of checks.
rows! {
    a_poll_without_a_session_is_400 ["C++"]
        Anonymous, post(POLL)
        => Says::Code(Code::InvalidSessionId);
    a_scheme_in_lower_case_is_malformed ["the contract"]
        SignedIn, post(POLL).authorization("bearer 0c9ae0a5-5a4d-4c9a-9d2f-2f6f3c3d8a11")
        => Says::Code(Code::InvalidSessionId);
    another_scheme_is_malformed ["the contract"]
        SignedIn, post(POLL).authorization("Basic Y2hvdHRvOg==")
        => Says::Code(Code::InvalidSessionId);
    a_poll_with_an_unknown_session_is_401 ["C++", "arnaucube", "Chotto", "Nethermind", "halo2"]
        Unknown, post(POLL)
        => Says::Code(Code::UnknownSessionId);
    a_contribution_without_a_session_is_400 ["C++"]
        Anonymous, contribute(Body::Bytes(b"{}"))
        => Says::Code(Code::InvalidSessionId);
    a_contribution_with_an_unknown_session_is_not_in_turn ["jsign", "C++"]
        Unknown, contribute(Body::Bytes(b"{}"))
        => Says::Code(Code::NotUsersTurn);
    an_abort_without_a_session_is_400 ["zkParty"]
        Anonymous, post("/contribute/abort")
        => Says::Code(Code::InvalidSessionId);
    an_abort_with_an_unknown_session_is_not_in_turn ["zkParty"]
        Unknown, post("/contribute/abort")
        => Says::Code(Code::NotUsersTurn);
    an_abort_out_of_turn_is_refused ["zkParty"]
        Waiting, post("/contribute/abort")
        => Says::Code(Code::NotUsersTurn);
    an_abort_out_of_turn_by_the_other_path_is_refused ["Chotto", "Nethermind"]
        Waiting, post("/contribution/abort")
        => Says::Code(Code::NotUsersTurn);
    whose_turn_it_is_comes_before_the_body ["jsign"]
        Waiting, contribute(Body::Bytes(b"this is not JSON"))
        => Says::Code(Code::NotUsersTurn);
    whose_turn_it_is_comes_before_the_type_of_content ["jsign"]
        Waiting, post("/contribute").body(Body::Bytes(b"{}"))
        => Says::Code(Code::NotUsersTurn);
    a_contribution_that_is_not_called_json_is_415 ["the contract"]
        Contributing, post("/contribute").body(Body::Good)
        => Says::Text(415, "text/plain", "Expected request with `Content-Type: application/json`");
    a_contribution_called_a_form_is_415 ["the contract"]
        Contributing,
        post("/contribute").header("content-type", "application/x-www-form-urlencoded").body(Body::Good)
        => Says::Text(415, "text/plain", "Expected request with `Content-Type: application/json`");
    json_may_have_parameters ["czg-keremony"]
        Contributing,
        post("/contribute").header("content-type", "application/json;charset=utf-8").body(Body::Good)
        => Says::Fields(&["receipt", "signature"]);
    json_may_have_another_name ["the contract"]
        Contributing,
        post("/contribute").header("content-type", "application/ceremony+json").body(Body::Good)
        => Says::Fields(&["receipt", "signature"]);
    json_of_another_shape_is_422 ["the contract"]
        Contributing, contribute(Body::Bytes(b"{}"))
        => Says::Text(422, "text/plain", "Failed to deserialize the JSON body into the target type: ");
    what_is_no_json_is_400_and_json ["C++"]
        Contributing, contribute(Body::Bytes(b"{"))
        => Says::Text(400, "application/json", "{\"code\":\"Request::MalformedBody\",\"error\":\"Failed to parse the request body as JSON: ");
}

// Sections 4 and 5: timing and errors.
rows! {
    polling_on_while_contributing_gets_the_base_again ["C++", "arnaucube"]
        Contributing, post(POLL)
        => Says::Fields(&["contributions", "ecdsaSignature"]);
    a_contribution_after_the_deadline_is_not_in_turn ["jsign", "czg-keremony"]
        TimedOut, contribute(Body::Good)
        => Says::Code(Code::NotUsersTurn);
    a_poll_after_the_deadline_says_what_became_of_the_turn ["all"]
        TimedOut, post(POLL)
        => Says::Because(
            Code::UnknownSessionId,
            "you may not join again: your contribution did not arrive in time. \
             Only the ceremony's operator can pardon that",
        );
    a_poll_after_too_long_a_silence_says_so_in_the_words_of_these_clients ["all"]
        Absent, post(POLL)
        => Says::Because(
            Code::UnknownSessionId,
            "you may not join again: nothing was heard of your client in time. \
             Only the ceremony's operator can pardon that",
        );
    a_poll_after_an_abort_says_so ["Chotto", "Nethermind"]
        Aborted, post(POLL)
        => Says::Because(
            Code::UnknownSessionId,
            "you may not join again: you gave up your turn. Only the ceremony's operator can pardon that",
        );
    a_poll_after_an_expulsion_tells_the_reason ["all"]
        Expelled, post(POLL)
        => Says::Because(
            Code::UnknownSessionId,
            "you may not join again: the ceremony's operator ended your stay (it floods the coordinator). \
             Only the ceremony's operator can pardon that",
        );
    a_contribution_after_an_expulsion_is_not_in_turn ["jsign"]
        Expelled, contribute(Body::Bytes(b"{}"))
        => Says::Code(Code::NotUsersTurn);
    a_poll_after_contributing_says_so ["all"]
        Accepted, post(POLL)
        => Says::Because(
            Code::UnknownSessionId,
            "you have contributed already, and nobody contributes twice: there is nothing left to do. \
             Your contribution is in /info/current_state, and the same contribution sent again gets \
             the same receipt",
        );
    a_contribution_sent_again_gets_the_same_receipt ["jsign"]
        Accepted, contribute(Body::Again)
        => Says::SameReceipt;
    another_contribution_than_the_accepted_one_is_told_so ["jsign"]
        Accepted, contribute(Body::Good)
        => Says::Because(
            Code::NotUsersTurn,
            "an earlier contribution of yours was accepted, and this is another: it does not count, \
             and its secret is not in the ceremony. Send the earlier one again to get its receipt again",
        );
    what_cannot_be_read_gets_no_receipt ["C++"]
        Accepted, contribute(Body::Bytes(b"{"))
        => Says::Text(400, "application/json", "{\"code\":\"Request::MalformedBody\",\"error\":\"Failed to parse the request body as JSON: ");
    json_of_another_shape_gets_no_receipt ["the contract"]
        Accepted, contribute(Body::Bytes(b"{}"))
        => Says::Text(422, "text/plain", "Failed to deserialize the JSON body into the target type: ");
    a_contribution_that_is_not_called_json_gets_no_receipt ["the contract"]
        Accepted, post("/contribute").body(Body::Again)
        => Says::Text(415, "text/plain", "Expected request with `Content-Type: application/json`");
    an_abort_after_contributing_is_refused ["zkParty"]
        Accepted, post("/contribute/abort")
        => Says::Code(Code::NotUsersTurn);
    a_ceremony_that_takes_no_entries_is_full ["arnaucube", "czg-keremony"]
        Drained, post(POLL)
        => Says::Because(Code::LobbyIsFull, "the ceremony is halted by its operator: \
             places are kept and no deadline runs; try again later");
}

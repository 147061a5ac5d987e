//! Single contributions, the list of all, and whose is which (`docs/spec/http-api.md#one-contribution`,
//! `docs/spec/http-api.md#contributions-page`, `docs/spec/http-api.md#find`).

use std::time::Duration;

use serde_json::Value;
use tauline_protocol::error::Code;
use tauline_protocol::kept::{ContributionsPiece, Found, KeptContribution, PIECE};
use tauline_queue_core::{Event, Outcome};

use crate::common::log::download;
use crate::common::{Answer, Client, NOON, TestServer};

const FOR_EVER: Option<&str> = Some("public, max-age=31536000, immutable");

/// A server to which two have contributed, half a minute each, and who they are.
async fn two() -> (TestServer, [Client; 2]) {
    let server = TestServer::at_noon(&[]).await;
    let clients = [server.client(1).await, server.client(2).await];
    for client in &clients {
        client.join().await;
        server.pass(Duration::from_secs(2)).await;
        let base = client.start(&server.sizes()).await;
        server.pass(Duration::from_secs(30)).await;
        let contribution = client.contribution(&base);
        client.complete(&contribution).await.expect_ok();
    }
    (server, clients)
}

async fn kept(server: &TestServer, number: u64) -> KeptContribution {
    let path = format!("/ceremony/contributions/{number}");
    let answer = server.anonymous().get(&path).await.expect_ok();
    assert_eq!(answer.header("cache-control"), FOR_EVER);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json()
}

#[tokio::test]
async fn a_contribution_is_told_as_the_transcript_and_the_log_have_it() {
    let (server, clients) = two().await;
    let anonymous = server.anonymous();
    let transcript: Value = anonymous.get("/ceremony/transcript").await.json();
    let log = download(&anonymous).await;
    for (number, client) in (1..).zip(&clients) {
        let one = kept(&server, number).await;
        assert_eq!((one.number, one.ticket), (number, number));
        assert_eq!(one.identity, client.identity());
        let index = usize::try_from(number).unwrap();
        assert_eq!(
            one.ecdsa_signature,
            transcript["participantEcdsaSignatures"][index]
        );
        assert_eq!(one.ecdsa_signature.len(), 132);
        for (part, sub) in one
            .sub_ceremonies
            .iter()
            .zip(transcript["transcripts"].as_array().unwrap())
        {
            let witness = &sub["witness"];
            // Before the first there is the generator, which the transcript has at its place 0.
            assert_eq!(part.before, witness["runningProducts"][index - 1]);
            assert_eq!(part.running_product, witness["runningProducts"][index]);
            assert_eq!(part.pot_pubkey, witness["potPubkeys"][index]);
            assert_eq!(part.bls_signature, witness["blsSignatures"][index]);
        }
        assert_eq!(one.sub_ceremonies.len(), server.sizes().len());
        // Each turn began two seconds after the one before was over, and lasted for 32.
        let joined = NOON.as_secs() + 32 * (number - 1);
        assert_eq!(one.joined_at, Some(joined));
        assert_eq!(one.started_at, Some(joined + 2));
        assert_eq!(one.accepted_at, Some(joined + 32));
        assert_eq!(one.turn_in_ms, Some(32_000));
        let entry = &log.entries[usize::try_from(one.entry.unwrap()).unwrap()];
        let Some(Event::Ended { ticket, outcome }) = &entry.queue else {
            panic!("{entry:?}");
        };
        assert_eq!((ticket.value(), *outcome), (number, Outcome::Contributed));
        assert_eq!(entry.accepted.unwrap().number, number);
    }
}

#[tokio::test]
async fn what_is_told_of_a_contribution_never_changes() {
    let (server, _) = two().await;
    let paths = ["/ceremony/contributions/1", "/ceremony/contributions/2"];
    let mut before = Vec::new();
    for path in paths {
        before.push(server.anonymous().get(path).await.expect_ok().bytes);
    }
    let server = server.restart().await;
    server.client(3).await.take_part(&server.sizes()).await;
    for (path, before) in paths.iter().zip(before) {
        let now = server.anonymous().get(path).await.expect_ok().bytes;
        assert_eq!(now, before, "{path}");
    }
    let third = kept(&server, 3).await;
    let second = kept(&server, 2).await;
    for (third, second) in third.sub_ceremonies.iter().zip(&second.sub_ceremonies) {
        assert_eq!(third.before, second.running_product);
    }
}

#[track_caller]
fn is_unknown(answer: &Answer) {
    answer.expect_error(Code::ContributionUnknown);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn what_is_no_contribution_is_unknown_until_it_is_one() {
    let (server, _) = two().await;
    let anonymous = server.anonymous();
    for other in [
        "0",
        "3",
        "01",
        "+1",
        "-1",
        "1.0",
        "one",
        "18446744073709551615",
        "18446744073709551616",
    ] {
        let path = format!("/ceremony/contributions/{other}");
        is_unknown(&anonymous.get(&path).await);
    }
    for other in ["1", "00", "-1", "first", "72057594037927936"] {
        let path = format!("/ceremony/contributions/pages/{other}");
        is_unknown(&anonymous.get(&path).await);
    }
    for path in ["/ceremony/contributions", "/ceremony/contributions/1/2"] {
        anonymous.get(path).await.expect_error(Code::NotFound);
    }
    server.client(3).await.take_part(&server.sizes()).await;
    assert_eq!(kept(&server, 3).await.number, 3);
    let empty = TestServer::start().await;
    for path in [
        "/ceremony/contributions/1",
        "/ceremony/contributions/pages/0",
    ] {
        is_unknown(&empty.anonymous().get(path).await);
    }
}

#[tokio::test]
async fn the_last_piece_of_the_list_is_asked_for_again_and_sent_when_it_has_grown() {
    let (server, clients) = two().await;
    let anonymous = server.anonymous();
    let get = async |etag: Option<&str>| {
        let path = "/ceremony/contributions/pages/0?of=0x00";
        let mut request = anonymous.request(reqwest::Method::GET, path);
        if let Some(etag) = etag {
            request = request.header("if-none-match", etag);
        }
        anonymous.send(request).await
    };
    let first = get(None).await.expect_ok();
    assert_eq!(first.header("cache-control"), Some("no-cache"));
    let etag = first.header("etag").unwrap().to_owned();
    let piece: ContributionsPiece = first.json();
    assert_eq!(
        piece,
        ContributionsPiece {
            first: 1,
            identities: clients.iter().map(Client::identity).collect(),
            accepted_at: vec![Some(NOON.as_secs() + 32), Some(NOON.as_secs() + 64)],
            turn_in_ms: vec![Some(32_000); 2],
        }
    );
    let known = get(Some(&etag)).await;
    assert_eq!((known.status, known.bytes.len()), (304, 0));
    assert_eq!(known.header("etag"), Some(etag.as_str()));
    server.client(3).await.take_part(&server.sizes()).await;
    let grown = get(Some(&etag)).await.expect_ok();
    assert_ne!(grown.header("etag"), Some(etag.as_str()));
    assert_eq!(grown.json::<ContributionsPiece>().identities.len(), 3);
}

#[tokio::test]
async fn a_full_piece_of_the_list_is_kept_for_ever() {
    let server = TestServer::with(&[("ceremony", "4:2")]).await;
    let sizes = server.sizes();
    let mut identities = Vec::new();
    for number in 0..=PIECE {
        let client = server.client(number).await;
        client.take_part(&sizes).await;
        identities.push(client.identity());
    }
    let anonymous = server.anonymous();
    let full = anonymous.get("/ceremony/contributions/pages/0").await;
    let full = full.expect_ok();
    assert_eq!(full.header("cache-control"), FOR_EVER);
    let piece: ContributionsPiece = full.json();
    let last = usize::try_from(PIECE).unwrap();
    assert_eq!(piece.first, 1);
    assert_eq!(piece.identities, identities[..last]);
    assert_eq!(piece.accepted_at.len(), last);
    assert!(piece.turn_in_ms.iter().all(Option::is_some));
    let rest = anonymous.get("/ceremony/contributions/pages/1").await;
    let rest = rest.expect_ok();
    assert_eq!(rest.header("cache-control"), Some("no-cache"));
    let piece: ContributionsPiece = rest.json();
    assert_eq!(piece.first, u64::from(PIECE) + 1);
    assert_eq!(piece.identities, identities[last..]);
    // The status has the latest hundred turns.
    let recent = anonymous.status().await.recent.unwrap();
    assert_eq!(recent.len(), 100);
    assert_eq!(recent[99].number, Some(u64::from(PIECE) + 1));
}

async fn find(server: &TestServer, who: &str) -> Answer {
    let who: String = url::form_urlencoded::byte_serialize(who.as_bytes()).collect();
    let path = format!("/ceremony/contributions/find?who={who}");
    server.anonymous().get(&path).await
}

/// What a person types: whose it is, in the order of contributing.
#[tokio::test]
async fn people_are_found_as_people_write_them() {
    let address = Client::with_key("http://test", 1).address().to_lowercase();
    let digits = address.trim_start_matches("0x").to_owned();
    let invites = tempfile::NamedTempFile::new().unwrap();
    let lines = format!(
        "{address} code-of-somebody-1\n@Ann.B+c code-of-somebody-2\nJo_e code-of-somebody-3\n"
    );
    std::fs::write(invites.path(), lines).unwrap();
    let path = invites.path().to_str().unwrap();
    let server = TestServer::with(&[("signin", "siwe,invite"), ("invites", path)]).await;
    let sizes = server.sizes();
    // Somebody is invited by the name of somebody's address.
    let invited = server.invited("code-of-somebody-1").await;
    invited.take_part(&sizes).await;
    server.client(1).await.take_part(&sizes).await;
    for code in ["code-of-somebody-2", "code-of-somebody-3"] {
        server.invited(code).await.take_part(&sizes).await;
    }
    let server = server.restart().await;
    for (who, number) in [
        (&*address, 1),
        (&*digits, 1),
        (&*digits.to_uppercase(), 1),
        (&*format!("eth|{address}"), 2),
        (&*format!(" ETH|0X{} ", digits.to_uppercase()), 2),
        (&*format!("invite|{address}"), 1),
        ("@ann.b+c", 3),
        ("ANN.B+C", 3),
        ("invite|@Ann.B+c", 3),
        ("jo_e", 4),
        ("@Jo_e", 4),
        ("INVITE|JO_E", 4),
    ] {
        let answer = find(&server, who).await.expect_ok();
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.json::<Found>(), Found { number }, "{who}");
    }
    for who in [
        "jo",
        "jo_e2",
        "joxe",
        "jo%e",
        "eth|jo_e",
        "git|7|jo_e",
        "|jo_e",
        "invite",
        &digits[1..],
        "' OR 1=1 --",
        "é",
    ] {
        is_unknown(&find(&server, who).await);
    }
}

#[tokio::test]
async fn a_question_that_names_nobody_is_refused() {
    let server = TestServer::with(&[("anonymous-rate", "11")]).await;
    let anonymous = server.anonymous();
    let long = format!("who={}", "x".repeat(201));
    for query in [
        "",
        "who",
        "who=",
        "who=%20",
        "who=%40",
        "who=invite%7C",
        "who=a&who=b",
        "who=a&what=b",
        "name=a",
        &*long,
    ] {
        let path = format!("/ceremony/contributions/find?{query}");
        let error = anonymous.get(&path).await;
        error.expect_error(Code::InvalidParameter);
    }
    let most = format!("/ceremony/contributions/find?who={}", "x".repeat(200));
    is_unknown(&anonymous.get(&most).await);
    // Looking people up counts.
    anonymous.get(&most).await.expect_error(Code::RateLimited);
}

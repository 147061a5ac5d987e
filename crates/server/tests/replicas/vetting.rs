//! An upload is verified by the replica that received it, and judged by the leader.

use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tauline_protocol::error::Code;
use tauline_protocol::status::QueueWord;
use tauline_transcript::transcript::{ExpectedSizes, Options, verify_transcript};
use tauline_transcript::{Base, Encoding, RawContribution, Sizes};

use crate::common::log::download;
use crate::common::replicas::Fleet;
use crate::common::spoil::{KINDS, spoilt};
use crate::common::turn::{JSON, MSGPACK};
use crate::common::{Answer, Client, SMALL, gzip};

pub(crate) const BELIEVED: &str = "tauline_vetted_total{result=\"believed\"}";
pub(crate) const REFUSED: &str = "tauline_vetted_total{result=\"refused\"}";
pub(crate) const MISSED: &str = "tauline_vetted_total{result=\"missed\"}";
pub(crate) const COPIED: &str = "tauline_copied_states_total";

pub(crate) fn sizes() -> Sizes {
    SMALL.parse().unwrap()
}

pub(crate) async fn count(fleet: &Fleet, number: usize, series: &str) -> f64 {
    fleet.metric(number, series).await.unwrap_or(0.0)
}

/// How many contributions a replica has verified.
pub(crate) async fn verified(fleet: &Fleet, number: usize) -> f64 {
    count(fleet, number, "tauline_verification_seconds_count").await
}

/// Starts, at a follower, until the state comes from its own copy: it has it then.
pub(crate) async fn started(fleet: &Fleet, at: usize, client: &Client) -> Base {
    loop {
        let before = count(fleet, at, COPIED).await;
        let base = client.start(&sizes()).await;
        if count(fleet, at, COPIED).await > before {
            return base;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Somebody signs in, joins and starts at a follower.
pub(crate) async fn begun(fleet: &Fleet, at: usize, who: usize) -> (Client, Base) {
    let client = fleet.client(at, who).await;
    let joined = client.join().await;
    assert_eq!(joined.queue_status, QueueWord::ReadyToContribute);
    let base = started(fleet, at, &client).await;
    (client, base)
}

async fn assert_whole(client: &Client, contributions: u64) {
    let transcript = client.get("/ceremony/transcript").await.expect_ok();
    let options = Options {
        sizes: ExpectedSizes::These(sizes()),
        ..Options::default()
    };
    let document = &transcript.bytes[..];
    verify_transcript(document, &options, &mut rand_core::OsRng, &|_| ()).unwrap();
    let report = download(client).await.assert_fair(&[], &[]);
    assert_eq!(report.statistics.outcomes.contributed, contributions);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_is_verified_by_the_replica_that_received_it_and_counts_once() {
    let Some(fleet) = Fleet::begin(3, 5, &[]).await else {
        return;
    };
    let (leader, _) = fleet.leads().unwrap();
    let [one, other] = fleet.followers(leader)[..] else {
        panic!("two follow");
    };
    type Form = (
        &'static str,
        Option<&'static str>,
        fn(&RawContribution) -> Vec<u8>,
    );
    let forms: [Form; 4] = [
        (JSON, None, |it| it.to_json().unwrap()),
        (JSON, Some("gzip"), |it| gzip(&it.to_json().unwrap())),
        (MSGPACK, None, |it| {
            it.to_msgpack(Encoding::Compressed).unwrap()
        }),
        (MSGPACK, None, |it| {
            it.to_msgpack(Encoding::Uncompressed).unwrap()
        }),
    ];
    for (who, (media, coding, to_bytes)) in forms.into_iter().enumerate() {
        let at = [one, other][who % 2];
        let (client, base) = begun(&fleet, at, who).await;
        let body = to_bytes(&client.contribution(&base));
        let send = |client: &Client| {
            let request = client.request(Method::POST, "/contribution/complete");
            let request = request.header("content-type", media).body(body.clone());
            match coding {
                Some(coding) => request.header("content-encoding", coding),
                None => request,
            }
        };
        let receipt = client.send(send(&client)).await.expect_ok();
        let receipt: Value = receipt.json();
        assert_eq!(receipt["number"], who as u64 + 1);
        // The same again, anywhere: the same answer, and nothing is verified.
        for again in [leader, other] {
            let client = client.at(fleet.url(again));
            let again: Value = client.send(send(&client)).await.expect_ok().json();
            assert_eq!(again["receipt"], receipt["receipt"]);
        }
    }
    assert_eq!(verified(&fleet, leader).await, 0.0);
    for follower in [one, other] {
        assert_eq!(verified(&fleet, follower).await, 2.0, "{follower}");
    }
    assert_eq!(count(&fleet, leader, BELIEVED).await, 4.0);
    // Who sends to the leader is verified there.
    let client = fleet.client(leader, 4).await;
    client.join().await;
    client.contribute(&sizes()).await;
    assert_eq!(verified(&fleet, leader).await, 1.0);
    assert_whole(&fleet.anonymous(one), 5).await;
}

/// What is the same of an answer wherever it comes from.
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let mut headers: Vec<(String, String)> = (answer.headers.iter())
        .filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    (answer.status, headers, answer.text())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_wrong_is_refused_in_the_same_words_wherever_it_is_verified() {
    let people = KINDS.len() + 1;
    let Some(fleet) = Fleet::begin(2, 2 * people, &[]).await else {
        return;
    };
    let (leader, _) = fleet.leads().unwrap();
    let follower = fleet.followers(leader)[0];
    for (kind, (code, name, spoil)) in KINDS.iter().enumerate() {
        let (here, base) = begun(&fleet, follower, kind).await;
        let body = spoilt(&here.contribution(&base), &base, *spoil);
        let here = here.post_bytes("/contribution/complete", JSON, body).await;
        let there = fleet.client(leader, people + kind).await;
        there.join().await;
        let base = there.start(&sizes()).await;
        let body = spoilt(&there.contribution(&base), &base, *spoil);
        let there = there.post_bytes("/contribution/complete", JSON, body).await;
        here.expect_error(*code);
        assert_eq!(seen(&here), seen(&there), "{name}");
    }
    let all = KINDS.len() as f64;
    assert_eq!(verified(&fleet, follower).await, all);
    assert_eq!(verified(&fleet, leader).await, all);
    assert_eq!(count(&fleet, leader, BELIEVED).await, all);
    // What cannot be read costs nothing, is said in the same words, and the turn goes on.
    let (here, base) = begun(&fleet, follower, people - 1).await;
    let there = here.at(fleet.url(leader));
    let good = here.contribution(&base).to_json().unwrap();
    let cut = good[..good.len() - 7].to_vec();
    let bodies = [
        ("/contribution/complete", JSON, b"[1, 2".to_vec()),
        ("/contribution/complete", JSON, cut.clone()),
        ("/contribution/complete", MSGPACK, good.clone()),
        ("/contribution/complete", "text/plain", good.clone()),
        ("/contribute", JSON, cut),
        ("/contribute", "text/plain", good.clone()),
    ];
    for (path, media, body) in bodies {
        let [ours, theirs] = [
            here.post_bytes(path, media, body.clone()).await,
            there.post_bytes(path, media, body).await,
        ];
        assert!(ours.status >= 400, "{path} {media}");
        assert_eq!(seen(&ours), seen(&theirs), "{path} {media}");
    }
    let receipt = here.post_bytes("/contribute", JSON, good.clone()).await;
    let again = there.post_bytes("/contribute", JSON, good).await;
    assert_eq!(seen(&receipt.expect_ok()), seen(&again));
    assert_eq!(verified(&fleet, follower).await, all + 1.0);
    assert_eq!(verified(&fleet, leader).await, all);
    assert_eq!(fleet.anonymous(leader).status().await.contributions, 1);
}

/// A test that passes itself off as a follower, to the leader.
struct Impostor<'a> {
    fleet: &'a Fleet,
    leader: usize,
    secret: String,
}

impl<'a> Impostor<'a> {
    fn new(fleet: &'a Fleet, leader: usize) -> Self {
        Self {
            fleet,
            leader,
            secret: fleet.secret(),
        }
    }

    fn request(&self, client: &Client, path: &str) -> reqwest::RequestBuilder {
        let leader = client.at(self.fleet.inside_url(self.leader));
        let request = leader
            .request(Method::POST, path)
            .header("x-tauline-secret", &self.secret)
            .header("x-tauline-client", "127.0.0.1");
        match path.starts_with("/.replica/") {
            true => request.header("x-tauline-asks", "1"),
            false => request,
        }
    }

    /// What the leader says of an upload of this participant's.
    async fn wanted(&self, client: &Client) -> Value {
        let request = self.request(client, "/.replica/wanted");
        client.send(request).await.expect_ok().json()
    }

    /// Uploads, and tells this verdict.
    async fn upload(&self, client: &Client, id: &Value, body: &[u8], verdict: &Value) -> Answer {
        let told = self.request(client, "/.replica/verdict").json(verdict);
        client.send(told).await.expect_ok();
        let sent = self.request(client, "/contribution/complete");
        let sent = sent.header("content-type", JSON).body(body.to_vec());
        let sent = sent.header("x-tauline-vetting", id.to_string());
        client.send(sent).await
    }

    async fn started(&self, at: usize, who: usize) -> (Client, Base) {
        let client = self.fleet.client(at, who).await;
        client.join().await;
        let base = client.start(&sizes()).await;
        (client, base)
    }
}

fn stored(body: &[u8]) -> String {
    let document = RawContribution::from_json(body).unwrap();
    let document = document.to_msgpack(Encoding::Compressed).unwrap();
    hex::encode(Sha256::digest(document))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verdict_on_another_document_or_another_state_does_not_count() {
    let Some(fleet) = Fleet::begin(2, 6, &[]).await else {
        return;
    };
    let (leader, _) = fleet.leads().unwrap();
    let impostor = Impostor::new(&fleet, leader);
    let valid = json!({"Valid": {"bls": [true, true, true, true], "ecdsa": false}});
    let refused = json!({"Invalid": {"sub_ceremony": null, "check": "UpdateProof", "index": null}});
    let (code, _, spoil) = KINDS[11];
    // It praises a bad contribution, but means a good one.
    let (client, base) = impostor.started(leader, 0).await;
    let wanted = impostor.wanted(&client).await;
    let good = client.contribution(&base);
    let bad = spoilt(&good, &base, spoil);
    let (id, state) = (&wanted["id"], &wanted["base"]);
    let verdict = json!({
        "id": id, "base": state, "document": stored(&good.to_json().unwrap()), "finding": valid,
    });
    let answer = impostor.upload(&client, id, &bad, &verdict).await;
    answer.expect_error(code);
    // It damns a good one, as built on another state; then as none of this size; then it cannot tell.
    let elsewhere = |wanted: &Value| {
        let state = wanted["base"].as_str().unwrap().replace(['0', '1'], "2");
        (json!(state), refused.clone())
    };
    type Lie<'a> = &'a dyn Fn(&Value) -> (Value, Value);
    let lies: [Lie<'_>; 3] = [
        &elsewhere,
        &|wanted| {
            let valid = json!({"Valid": {"bls": [true], "ecdsa": true}});
            (wanted["base"].clone(), valid)
        },
        &|wanted| (wanted["base"].clone(), json!("Undecided")),
    ];
    for (lie, who) in lies.into_iter().zip(1..) {
        let (client, base) = impostor.started(leader, who).await;
        let wanted = impostor.wanted(&client).await;
        assert_eq!(wanted["identity"], json!(client.identity()));
        let body = client.contribution(&base).to_json().unwrap();
        let (state, finding) = lie(&wanted);
        let id = &wanted["id"];
        let verdict =
            json!({"id": id, "base": state, "document": stored(&body), "finding": finding});
        let answer = impostor.upload(&client, id, &body, &verdict).await;
        answer.expect_ok();
    }
    assert_eq!(count(&fleet, leader, REFUSED).await, 4.0);
    assert_eq!(verified(&fleet, leader).await, 4.0);
    // What is about this document and this state does: replicas trust each other.
    let (client, base) = impostor.started(leader, 4).await;
    let wanted = impostor.wanted(&client).await;
    let body = client.contribution(&base).to_json().unwrap();
    let (id, state) = (&wanted["id"], &wanted["base"]);
    let verdict = json!({"id": id, "base": state, "document": stored(&body), "finding": refused});
    let answer = impostor.upload(&client, id, &body, &verdict).await;
    answer.expect_error(Code::ContributionUpdateProof);
    assert_eq!(count(&fleet, leader, BELIEVED).await, 1.0);
    assert_eq!(verified(&fleet, leader).await, 4.0);
    // A participant is believed nothing of this, and nobody else is told what only replicas are.
    let (client, base) = impostor.started(leader, 5).await;
    let wanted = impostor.wanted(&client).await;
    let open = client.post("/.replica/wanted").await;
    assert_eq!(open.status, 404);
    let body = client.contribution(&base).to_json().unwrap();
    let request = client.request(Method::POST, "/contribution/complete");
    let request = request.header("content-type", JSON).body(body);
    let request = request.header("x-tauline-vetting", wanted["id"].to_string());
    client.send(request).await.expect_ok();
    assert_eq!(verified(&fleet, leader).await, 5.0);
    assert_eq!(count(&fleet, leader, MISSED).await, 0.0);
    assert_whole(&client, 4).await;
}

//! A ceremony goes on without its coordinator, from its public log and its transcript alone
//! (`docs/spec/public-log.md#recovery`).
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tauline_audit::{Auditor, Expected, Topic};
use tauline_log::checkpoint::SignedCheckpoint;
use tauline_log::tile;
use tauline_protocol::admin::{AdminAnswer, AdminRequest};
use tauline_protocol::error::Code;
use tauline_protocol::status::{ModeWord, QueueWord};
use tauline_server::testing::admin::Operator;

use common::{SMALL, TestServer};

const REASON: &str = "the machine burned down.";

/// Copies of a log and a transcript, as anybody may have made them.
struct Copies {
    folder: tempfile::TempDir,
}

impl Copies {
    /// Downloads them.
    async fn of(server: &TestServer) -> Self {
        let copies = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        download_log(server, &copies.log()).await;
        let transcript = server.anonymous().get("/ceremony/transcript").await;
        fs::write(copies.transcript(), transcript.expect_ok().bytes).unwrap();
        copies
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn transcript(&self) -> PathBuf {
        self.folder.path().join("transcript.json")
    }

    /// The settings by which a server goes on from them, and from other ones where these are given.
    fn settings(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let (log, transcript) = (self.log(), self.transcript());
        let own = [
            ("recover-log", log.to_str().unwrap()),
            ("recover-transcript", transcript.to_str().unwrap()),
            ("recover-reason", REASON),
        ];
        let all = own.iter().chain(more);
        all.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// Changes the transcript as JSON.
    fn change_transcript(&self, change: impl FnOnce(&mut Value)) {
        let mut value: Value =
            serde_json::from_slice(&fs::read(self.transcript()).unwrap()).unwrap();
        change(&mut value);
        fs::write(self.transcript(), serde_json::to_vec(&value).unwrap()).unwrap();
    }

    /// The file with the first entries of the log.
    fn first_bundle(&self) -> PathBuf {
        let mut partial = fs::read_dir(self.log().join("tile/entries/000.p")).unwrap();
        partial.next().unwrap().unwrap().path()
    }
}

/// Downloads a log as C2SP `tlog-tiles` has it.
async fn download_log(server: &TestServer, to: &Path) {
    let client = server.anonymous();
    let checkpoint = client.get("/log/checkpoint").await.expect_ok().bytes;
    let signed = SignedCheckpoint::parse(&checkpoint).unwrap();
    fs::create_dir_all(to).unwrap();
    fs::write(to.join("checkpoint"), &checkpoint).unwrap();
    for bundle in tile::bundles(signed.unverified().tree.size) {
        let answer = client.get(&format!("/log/{bundle}")).await.expect_ok();
        let path = to.join(bundle.to_string());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, answer.bytes).unwrap();
    }
}

/// Somebody who has read a log in a directory.
fn audited(log: &Path) -> Auditor {
    let checkpoint = fs::read(log.join("checkpoint")).unwrap();
    let signed = SignedCheckpoint::parse(&checkpoint).unwrap();
    let size = signed.unverified().tree.size;
    let mut auditor = Auditor::new(Expected::default());
    auditor
        .check_signed_checkpoint(signed, "of the log")
        .unwrap();
    for bundle in tile::bundles(size) {
        let bytes = fs::read(log.join(bundle.to_string())).unwrap();
        for entry in tile::bundle_from_bytes(&bytes, bundle.width()).unwrap() {
            auditor.push(entry).unwrap();
        }
    }
    auditor
}

fn borrowed(settings: &[(String, String)]) -> Vec<(&str, &str)> {
    let settings = settings.iter();
    settings
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect()
}

/// A server that has gone on from copies.
async fn recovered(copies: &Copies) -> TestServer {
    TestServer::with(&borrowed(&copies.settings(&[]))).await
}

async fn open(server: &TestServer) {
    let operator = Operator::new(server.running().coordinator().clone(), None);
    let answer = operator.admin(AdminRequest::Open { at: None }).await;
    assert!(matches!(answer, AdminAnswer::Done { .. }), "{answer:?}");
}

/// A ceremony that two have contributed to; one did not start in time, and one is in line. With it come
/// copies of when only the first had contributed.
async fn lived() -> (TestServer, Copies) {
    let server = TestServer::at_noon(&[]).await;
    let mut earlier = None;
    for number in [1, 2] {
        let client = server.client(number).await;
        let status = client.join().await;
        assert_eq!(status.queue_status, QueueWord::ReadyToContribute);
        client.contribute(&server.sizes()).await;
        if earlier.is_none() {
            earlier = Some(Copies::of(&server).await);
        }
    }
    let (late, waits) = (server.client(3).await, server.client(4).await);
    let status = late.join().await;
    assert_eq!(status.queue_status, QueueWord::ReadyToContribute);
    assert_eq!(waits.join().await.queue_status, QueueWord::Queued);
    let step = Duration::from_secs(7);
    for _ in 0..2 {
        server.pass(step).await;
        waits.check_in().await;
    }
    server.pass(step).await;
    (server, earlier.unwrap())
}

#[tokio::test]
async fn a_ceremony_goes_on_without_its_coordinator() {
    let (old, _) = lived().await;
    let copies = Copies::of(&old).await;
    let before = audited(&copies.log());
    assert_eq!(before.report().violations, []);
    let new = recovered(&copies).await;
    let sizes = new.sizes();
    let status = new.anonymous().status().await;
    assert_eq!((status.contributions, status.mode), (2, ModeWord::Halted));
    assert_ne!(
        status.coordinator_address,
        old.anonymous().status().await.coordinator_address
    );

    // They count, but nothing here tells when they were made.
    let told = new.anonymous().get("/ceremony/contributions/2").await;
    let told: Value = told.expect_ok().json();
    assert_eq!(
        (&told["number"], &told["acceptedAt"]),
        (&json!(2), &json!(null))
    );
    assert!(told["entry"].is_u64(), "{told}");
    let piece = new.anonymous().get("/ceremony/contributions/pages/0").await;
    let piece: Value = piece.expect_ok().json();
    assert_eq!(piece["turnInMs"], json!([null, null]));
    assert_eq!(status.recent, Some(Vec::new()));

    open(&new).await;
    for number in [1, 2] {
        let again = new.client(number).await;
        let answer = again.post("/queue/join").await;
        answer.expect_error(Code::AlreadyContributed);
        let receipt = again.check_in().await.receipt.unwrap();
        let said = receipt.verify(&status.coordinator_address).unwrap();
        assert_eq!(said.identity, again.identity());
    }
    // Who was in line joins anew, and so does who was used up: nobody can tell who that was.
    new.client(4).await.take_part(&sizes).await;
    assert_eq!(new.client(3).await.join().await.ticket, Some(4));
    assert_eq!(new.verify_transcript().await.unwrap().contributions, 3);

    let log = copies.folder.path().join("new");
    download_log(&new, &log).await;
    let after = audited(&log);
    let report = after.report();
    assert_eq!(report.violations, []);
    let told = report.remarks.iter().find(|it| it.topic == Topic::Recovery);
    let told = &told.unwrap().text;
    let origin = old.url().replace("http://", "") + "/log";
    for words in [
        origin.as_str(),
        "The reason given: the machine burned down. ",
        "carried over: 2.",
        "in line that were lost: 1.",
        "can join again: 1.",
    ] {
        assert!(told.contains(words), "{words} in {told}");
    }
    let accepted = before.accepted().iter().zip(after.accepted());
    for (then, now) in accepted {
        assert_eq!(then.accepted.digest, now.accepted.digest);
    }

    // With the same settings it starts again, and goes on.
    let new = new.restart().await;
    assert_eq!(new.anonymous().status().await.contributions, 3);
    new.client(3).await.join().await;
}

#[tokio::test]
async fn a_ceremony_without_contributions_goes_on_too() {
    let old = TestServer::start().await;
    let copies = Copies::of(&old).await;
    let new = recovered(&copies).await;
    open(&new).await;
    new.client(1).await.take_part(&new.sizes()).await;
    assert_eq!(new.verify_transcript().await.unwrap().contributions, 1);
    let log = copies.folder.path().join("new");
    download_log(&new, &log).await;
    assert_eq!(audited(&log).report().violations, []);
}

/// What a server says that does not go on from copies, and makes nothing.
async fn refusal(copies: &Copies, more: &[(&str, &str)]) -> String {
    let data = tempfile::tempdir().unwrap();
    let settings = copies.settings(more);
    let tried = TestServer::try_on(&data, &borrowed(&settings)).await;
    let error = format!("{:#}", tried.unwrap_err());
    let left = fs::read_dir(data.path()).unwrap();
    let left: Vec<String> = left
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left, ["lock"], "{error}");
    error
}

#[track_caller]
fn says(error: &str, words: &[&str]) {
    for word in words {
        assert!(error.contains(word), "{word:?} in {error}");
    }
}

#[tokio::test]
async fn a_log_that_is_not_whole_and_true_is_refused() {
    let (old, _) = lived().await;
    let copies = Copies::of(&old).await;
    let bundle = copies.first_bundle();
    let bytes = fs::read(&bundle).unwrap();

    let mut changed = bytes.clone();
    let (words, passes) = (b"\"passes\":1", b'2');
    let place = changed.windows(words.len()).position(|it| it == words);
    changed[place.unwrap() + words.len() - 1] = passes;
    fs::write(&bundle, &changed).unwrap();
    says(&refusal(&copies, &[]).await, &["two-versions"]);

    fs::write(&bundle, &bytes[..bytes.len() - 1]).unwrap();
    says(&refusal(&copies, &[]).await, &["the bundle ends"]);
    fs::remove_file(&bundle).unwrap();
    says(&refusal(&copies, &[]).await, &["is missing"]);
    fs::remove_file(copies.log().join("checkpoint")).unwrap();
    says(&refusal(&copies, &[]).await, &["no file `checkpoint`"]);
}

#[tokio::test]
async fn a_transcript_that_is_not_the_logs_is_refused() {
    let (old, earlier) = lived().await;
    let copies = Copies::of(&old).await;
    let as_it_was = fs::read(copies.transcript()).unwrap();
    let restore = || fs::write(copies.transcript(), &as_it_was).unwrap();

    // One contribution less, in the one or in the other.
    let older = earlier.transcript();
    let more = [("recover-transcript", older.to_str().unwrap())];
    let error = refusal(&copies, &more).await;
    says(&error, &["ends after 1 contributions", "1 more"]);
    let older = earlier.log();
    let more = [("recover-log", older.to_str().unwrap())];
    let error = refusal(&copies, &more).await;
    says(&error, &["newer copy of the log"]);

    copies.change_transcript(|it| {
        it["participantIds"][1] = json!("eth|0x0000000000000000000000000000000000000001");
    });
    says(&refusal(&copies, &[]).await, &["contributor-differs"]);
    restore();
    copies.change_transcript(|it| {
        let keys = &mut it["transcripts"][0]["witness"]["potPubkeys"];
        keys[1] = keys[2].clone();
    });
    says(&refusal(&copies, &[]).await, &["contribution-differs"]);
    restore();
    copies.change_transcript(|it| {
        let powers = &mut it["transcripts"][1]["powersOfTau"]["G1Powers"];
        powers[2] = powers[3].clone();
    });
    says(&refusal(&copies, &[]).await, &["not valid"]);
    fs::write(copies.transcript(), "{}").unwrap();
    says(&refusal(&copies, &[]).await, &["not valid"]);
    fs::remove_file(copies.transcript()).unwrap();
    says(&refusal(&copies, &[]).await, &["cannot read"]);

    // After all that, the true one is taken.
    restore();
    recovered(&copies).await;
}

#[tokio::test]
async fn a_ceremony_goes_on_under_another_name_with_its_sizes_in_an_empty_directory() {
    let (old, earlier) = lived().await;
    let copies = Copies::of(&old).await;
    let (url, address) = (
        old.url(),
        old.anonymous().status().await.coordinator_address,
    );
    let error = refusal(&copies, &[("public-url", url.as_str())]).await;
    says(&error, &["the same name", "--public-url"]);
    let error = refusal(&copies, &[("ceremony", "16:4,32:4")]).await;
    says(&error, &["start with --ceremony", SMALL]);
    let error = refusal(&copies, &[("coordinator-address", address.as_str())]).await;
    says(&error, &["leave --coordinator-address out"]);

    let settings = copies.settings(&[]);
    let another = TestServer::start().await.stop().await;
    let tried = TestServer::try_on(&another, &borrowed(&settings)).await;
    says(&tried.unwrap_err().to_string(), &["another ceremony"]);
    // Nor does one that has gone on from an earlier copy of the log.
    let from_earlier = recovered(&earlier).await.stop().await;
    let tried = TestServer::try_on(&from_earlier, &borrowed(&settings)).await;
    says(&tried.unwrap_err().to_string(), &["another ceremony"]);
}

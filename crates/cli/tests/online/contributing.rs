//! Taking part: receipts, invitations, a coordinator or connection that fails meanwhile.

use std::fs;
use std::sync::{Arc, Mutex};

use crate::common::holder::Holder;
use crate::common::proxy::{self, Rule};
use crate::common::server::{Running, Server};
use crate::common::{receipt, run, stderr, stdout, tauline, temporary};

#[test]
fn a_participant_contributes_in_every_form_and_keeps_the_receipt() {
    let server = Server::start(&[]);
    let dir = temporary();
    let coordinator = server.status()["coordinatorAddress"]
        .as_str()
        .unwrap()
        .to_owned();
    for (number, form) in [(1, "msgpack-uncompressed"), (2, "msgpack"), (3, "json")] {
        let key_file = format!("key-{number}");
        let args = [
            "contribute",
            "--server",
            &server.url,
            "--key",
            &key_file,
            "--form",
            form,
        ];
        let (exit, output, error) = run(dir.path(), &args);
        assert_eq!(exit, 0, "{form}: {error}");
        assert!(output.contains("Contribution accepted: eth|0x"), "{output}");
        assert!(output.contains("names your public keys"), "{output}");
        let steps = [
            "Made a new",
            "Signed in as",
            "Downloaded",
            "Checked",
            "Computed",
            "Uploaded",
        ];
        for step in steps {
            assert!(error.contains(step), "{step}: {error}");
        }
        let receipt = receipt(&dir.path().join(format!("tauline-receipt-{number}.json")));
        let signed = receipt.verify(&coordinator).unwrap();
        assert!(output.contains(signed.identity.as_str()), "{output}");
        assert_eq!(signed.witness.len(), 4);
        let secret = fs::read_to_string(dir.path().join(&key_file)).unwrap();
        assert!(!output.contains(secret.trim()) && !error.contains(secret.trim()));
    }
    assert_eq!(server.status()["contributions"], 3);
}

#[test]
fn a_lost_receipt_is_had_again() {
    let server = Server::start(&[]);
    let dir = temporary();
    let args = ["contribute", "--server", &server.url, "--key", "key"];
    assert_eq!(run(dir.path(), &args).0, 0);
    let path = dir.path().join("tauline-receipt-1.json");
    let first = receipt(&path);
    let (exit, output, error) = run(dir.path(), &args);
    assert_eq!(exit, 0, "{error}");
    assert!(
        output.contains("has contributed already, ticket 1"),
        "{output}"
    );
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        3,
        "key, tickets, and the same receipt once"
    );
    fs::write(&path, "something else").unwrap();
    assert_eq!(run(dir.path(), &args).0, 0);
    assert_eq!(
        fs::read(&path).unwrap(),
        b"something else",
        "nothing is ever replaced"
    );
    assert_eq!(receipt(&dir.path().join("tauline-receipt-1-2.json")), first);
    let named = [&args[..], &["--receipt", "mine.json"]].concat();
    assert_eq!(run(dir.path(), &named).0, 0);
    assert_eq!(receipt(&dir.path().join("mine.json")), first);
    let (exit, _, error) = run(dir.path(), &named);
    assert_eq!(exit, 2, "before anything is done");
    assert!(error.contains("mine.json exists already"), "{error}");
    assert_eq!(server.status()["contributions"], 1);
}

#[test]
fn an_invited_party_contributes_and_its_code_is_not_shown() {
    let dir = temporary();
    let invites = dir.path().join("invites");
    fs::write(&invites, "alice 3f0f8a1c9d2e4b57\n").unwrap();
    let server = Server::start(&["--signin", "invite", "--invites", invites.to_str().unwrap()]);
    let contribute = ["contribute", "--server", &server.url];
    let (exit, _, error) = run(dir.path(), &contribute);
    assert_eq!(exit, 2, "{error}");
    assert!(error.contains("--invite CODE"), "{error}");
    let (exit, _, error) = run(
        dir.path(),
        &[&contribute[..], &["--invite", "wrong-code"]].concat(),
    );
    assert_eq!(exit, 1, "{error}");
    assert!(error.contains("[Login::UnknownInvite]"), "{error}");
    assert!(!error.contains("wrong-code"), "{error}");
    let output = tauline()
        .current_dir(dir.path())
        .args(contribute)
        .env("TAULINE_INVITE", "3f0f8a1c9d2e4b57")
        .output()
        .unwrap();
    let (output, error) = (stdout(&output), stderr(&output));
    assert!(
        output.contains("Contribution accepted: invite|alice"),
        "{output}{error}"
    );
    assert!(!output.contains("3f0f8a1c") && !error.contains("3f0f8a1c"));
}

#[test]
fn a_restarted_coordinator_costs_nobody_the_place() {
    let mut server = Server::start(&["--contribution-limit", "100"]);
    let dir = temporary();
    let holder = Holder::new(&server, 1);
    let mut waiting = Running::start(
        dir.path(),
        &["contribute", "--server", &server.url, "--key", "key"],
    );
    waiting.says("You are next, ");
    server.kill();
    waiting.says("Connection trouble");
    server.restart();
    waiting.says("Connected again");
    holder.abort();
    let (exit, said) = waiting.ends();
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("ticket 2"), "{said}");
    assert!(said.contains("Contribution accepted"), "{said}");
}

#[test]
fn a_cut_connection_costs_neither_the_place_nor_the_contribution() {
    let server = Server::start(&["--contribution-limit", "100"]);
    let dir = temporary();
    // While signing in and joining, in the download of 28 kB (twice), in the upload of 28 kB
    // (twice), in the receipt, and in the check-ins for it.
    let cuts = vec![
        ("/login", Rule::CutAnswer(100)),
        ("/queue/join", Rule::CutAnswer(100)),
        ("/contribution/start", Rule::CutAnswer(5_000)),
        ("/contribution/start", Rule::CutAnswer(20_000)),
        ("/contribution/complete", Rule::CutBody(4_000)),
        ("/contribution/complete", Rule::CutBody(20_000)),
        ("/contribution/complete", Rule::CutAnswer(300)),
        ("/queue/checkin", Rule::CutAnswer(100)),
    ];
    let left = Arc::new(Mutex::new(cuts));
    let cuts = Arc::clone(&left);
    let (url, _) = proxy::gate(&server.url, move |path, _| {
        let mut cuts = cuts.lock().unwrap();
        let path = path.split('?').next().unwrap();
        match cuts.iter().position(|(of, _)| *of == path) {
            Some(next) => cuts.remove(next).1,
            None => Rule::Pass,
        }
    });
    let (exit, output, error) = run(
        dir.path(),
        &["contribute", "--server", &url, "--key", "key"],
    );
    assert_eq!(exit, 0, "{output}{error}");
    assert_eq!(left.lock().unwrap().len(), 0, "{error}");
    assert!(error.contains("Connection trouble"), "{error}");
    assert!(
        output.contains("ticket 1"),
        "one stay in the queue: {output}"
    );
    assert!(
        output.contains("names your public keys"),
        "the contribution is this one: {output}"
    );
    assert_eq!(server.status()["contributions"], 1);
}

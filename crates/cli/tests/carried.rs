//! A participant whose contribution is computed on a machine without a network.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod common;

use std::fs;
use std::path::Path;

use common::server::{Running, Server};
use common::{run_said, temporary};
use serde_json::Value;
use tauline_protocol::contribution::SignedReceipt;

fn offline<'a>(url: &'a str, dir: &'a str) -> [&'a str; 7] {
    [
        "contribute",
        "--server",
        url,
        "--key",
        "key",
        "--offline",
        dir,
    ]
}

fn slow() -> Server {
    Server::start(&["--contribution-limit", "100"])
}

/// A copy of a directory, as on another machine.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_contribution_computed_elsewhere_is_sent_as_soon_as_it_is_back() {
    let server = slow();
    let (here, there) = (temporary(), temporary());
    let mut waiting = Running::start(here.path(), &offline(&server.url, "stick"));
    waiting.says("tauline compute stick");
    // The other machine has the directory and nothing else.
    copy(&here.path().join("stick"), &there.path().join("stick"));
    let (exit, said) = run_said(there.path(), &["compute", "stick"]);
    assert_eq!(exit, 0, "{said}");
    assert!(
        said.contains("Computed the contribution of eth|0x"),
        "{said}"
    );
    let (exit, said) = run_said(there.path(), &["compute", "stick"]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("Computed already"), "{said}");
    assert!(waiting.runs());
    // A contribution that is not whole is never sent.
    let name = "tauline-contribution-1.msgpack";
    let whole = fs::read(there.path().join("stick").join(name)).unwrap();
    let back = here.path().join("stick").join(name);
    fs::write(&back, &whole[..whole.len() / 2]).unwrap();
    waiting.says("Not sent: ");
    assert_eq!(server.status()["turn"]["phase"], "contributing");
    fs::write(&back, &whole).unwrap();
    let (exit, said) = waiting.ends();
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("names your public keys"), "{said}");
    // Signed in both ways, although the key was never on the other machine.
    let (exit, _) = run_said(
        here.path(),
        &["transcript", "--server", &server.url, "-o", "t.json"],
    );
    assert_eq!(exit, 0);
    let document: Value =
        serde_json::from_slice(&fs::read(here.path().join("t.json")).unwrap()).unwrap();
    let signature = document["participantEcdsaSignatures"][1].as_str().unwrap();
    assert!(signature.len() > 2, "{signature}");
    let first = &document["transcripts"][0]["witness"]["blsSignatures"][1];
    assert!(first.as_str().unwrap().len() > 2);
    for entry in fs::read_dir(there.path().join("stick")).unwrap() {
        let key = fs::read_to_string(here.path().join("key")).unwrap();
        let text = fs::read(entry.unwrap().path()).unwrap();
        let holds = text.windows(64).any(|it| it == key.trim().as_bytes());
        assert!(!holds, "the key stays at home");
    }
    // Each step again says that it is done.
    let (exit, said) = run_said(here.path(), &offline(&server.url, "stick"));
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("has contributed already, ticket 1"), "{said}");
    let (exit, said) = run_said(here.path(), &["submit", "stick", "--key", "key"]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("has contributed already, ticket 1"), "{said}");
    assert_eq!(server.status()["contributions"], 1);
}

#[test]
fn what_came_back_is_submitted_when_nobody_waits_for_it() {
    let server = slow();
    let here = temporary();
    let submit = ["submit", "stick", "--key", "key", "--receipt", "mine.json"];
    let (exit, said) = run_said(here.path(), &submit);
    assert_eq!(exit, 2, "{said}");
    assert!(said.contains("contribute --offline"), "{said}");
    let mut waiting = Running::start(here.path(), &offline(&server.url, "stick"));
    waiting.says("tauline compute stick");
    let (exit, said) = run_said(here.path(), &submit);
    assert_eq!(exit, 2, "{said}");
    assert!(said.contains("no contribution to send yet"), "{said}");
    waiting.signal("-HUP");
    assert_eq!(waiting.ends().0, 3);
    assert_eq!(run_said(here.path(), &["compute", "stick"]).0, 0);
    let (exit, said) = run_said(here.path(), &submit);
    assert_eq!(exit, 0, "{said}");
    let receipt: SignedReceipt =
        serde_json::from_slice(&fs::read(here.path().join("mine.json")).unwrap()).unwrap();
    let coordinator = server.status()["coordinatorAddress"]
        .as_str()
        .unwrap()
        .to_owned();
    receipt.verify(&coordinator).unwrap();
}

#[test]
fn a_process_that_ended_takes_the_same_turn_up_again() {
    let server = slow();
    let here = temporary();
    let mut waiting = Running::start(here.path(), &offline(&server.url, "stick"));
    waiting.says("The powers are in stick");
    waiting.signal("-TERM");
    let (exit, said) = waiting.ends();
    assert_eq!(exit, 3, "{said}");
    let mut again = Running::start(here.path(), &offline(&server.url, "stick"));
    again.says("The powers of this turn were in stick");
    assert_eq!(run_said(here.path(), &["compute", "stick"]).0, 0);
    let (exit, said) = again.ends();
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("ticket 1"), "{said}");
}

#[test]
fn a_turn_is_checked_in_for_while_another_machine_computes_and_its_end_is_told() {
    // Longer than the coordinator waits for somebody who has stopped checking in.
    let server = Server::start(&["--contribution-limit", "12", "--stall-limit", "2"]);
    let here = temporary();
    let mut waiting = Running::start(here.path(), &offline(&server.url, "stick"));
    waiting.says("tauline compute stick");
    std::thread::sleep(std::time::Duration::from_secs(6));
    assert_eq!(server.status()["turn"]["phase"], "contributing");
    let (exit, said) = waiting.ends();
    assert_eq!(exit, 1, "trying again cannot help: {said}");
    for says in [
        "did not arrive in time",
        "nothing was sent",
        "of no use any more",
        "pardon",
    ] {
        assert!(said.contains(says), "{says}: {said}");
    }
    assert_eq!(run_said(here.path(), &["compute", "stick"]).0, 0);
    let (exit, said) = run_said(here.path(), &["submit", "stick", "--key", "key"]);
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("did not arrive in time"), "{said}");
    assert!(said.contains("of no use any more"), "{said}");
    assert_eq!(server.status()["contributions"], 0);
}

#[test]
fn a_directory_that_was_not_copied_whole_is_refused() {
    let server = slow();
    let here = temporary();
    let (exit, said) = run_said(here.path(), &["compute", "."]);
    assert_eq!(exit, 2, "{said}");
    assert!(said.contains("tauline-turn.json is missing"), "{said}");
    let mut waiting = Running::start(here.path(), &offline(&server.url, "stick"));
    waiting.says("tauline compute stick");
    let powers = here.path().join("stick/tauline-powers-1.msgpack");
    let whole = fs::read(&powers).unwrap();
    fs::write(&powers, &whole[..whole.len() - 1]).unwrap();
    let (exit, said) = run_said(here.path(), &["compute", "stick"]);
    assert_eq!(exit, 3, "another copy helps: {said}");
    assert!(said.contains("copy the directory again"), "{said}");
    // Somebody else cannot use it.
    let other = [
        "contribute",
        "--server",
        &server.url,
        "--key",
        "other",
        "--offline",
        "stick",
    ];
    let (exit, said) = run_said(here.path(), &other);
    assert_eq!(exit, 2, "{said}");
    assert!(said.contains("nothing was joined"), "{said}");
    assert_eq!(server.status()["queueLength"], 0);
}

#[test]
fn another_coordinator_than_the_trusted_one_is_refused_before_anything_is_done() {
    let server = slow();
    let here = temporary();
    let right = server.status()["coordinatorAddress"]
        .as_str()
        .unwrap()
        .to_owned();
    let wrong = "0x00000000000000000000000000000000000000aa";
    let rehearse = ["rehearse", "--server", &server.url, "--participants", "1"];
    let contribute = ["contribute", "--server", &server.url, "--key", "key"];
    for verb in [&contribute[..], &rehearse[..]] {
        let args = [verb, &["--coordinator-address", wrong]].concat();
        let (exit, said) = run_said(here.path(), &args);
        assert_eq!(exit, 1, "{said}");
        assert!(said.contains("the one to trust is 0x0000"), "{said}");
        assert!(said.contains(&right), "{said}");
        assert!(!here.path().join("key").exists());
        let args = [
            verb,
            &[
                "--coordinator-address",
                "0xAbcdef0000000000000000000000000000000000",
            ],
        ]
        .concat();
        assert_eq!(run_said(here.path(), &args).0, 2, "a digit is wrong");
    }
    let (exit, said) = run_said(
        here.path(),
        &[
            &contribute[..],
            &["--coordinator-address", &right.to_lowercase()],
        ]
        .concat(),
    );
    assert_eq!(exit, 0, "{said}");
    assert_eq!(server.status()["contributions"], 1);
}

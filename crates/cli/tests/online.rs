//! The verbs that talk to a coordinator, against the real one.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::holder::Holder;
use common::proxy::{self, Rule};
use common::server::{Running, Server};
use common::{SIZES, identity, stderr, stdout, tauline};
use serde_json::Value;
use tauline_cli::client::{Client, http, parse_server};
use tauline_protocol::contribution::SignedReceipt;

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Runs the program in `dir`; gives exit code, standard output and standard error.
#[track_caller]
fn run(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let output = tauline().current_dir(dir).args(args).output().unwrap();
    (
        output.status.code().expect("an exit code, not a signal"),
        stdout(&output),
        stderr(&output),
    )
}

fn receipt(path: &Path) -> SignedReceipt {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

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
        2,
        "the same receipt is kept once"
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
fn ctrl_c_in_line_gives_the_place_up() {
    let server = Server::start(&["--contribution-limit", "100"]);
    let dir = temporary();
    let holder = Holder::new(&server, 1);
    let args = ["contribute", "--server", &server.url, "--key", "key"];
    let mut waiting = Running::start(dir.path(), &args);
    waiting.says("You are next, ");
    assert_eq!(server.status()["queueLength"], 1);
    waiting.interrupt();
    let (exit, said) = waiting.ends();
    assert_eq!(exit, 1);
    assert!(
        said.contains("interrupted: the place in the queue was given up"),
        "{said}"
    );
    assert_eq!(server.status()["queueLength"], 0);
    holder.abort();
    let (exit, _, error) = run(dir.path(), &args);
    assert_eq!(exit, 1);
    assert!(error.contains("[Queue::UsedUp]"), "{error}");
    assert!(error.contains("you left the queue"), "{error}");
}

#[test]
fn ctrl_c_in_turn_aborts_it() {
    // Large enough to compute for a while.
    let server = Server::start(&["--ceremony", "16384:65", "--contribution-limit", "100"]);
    let dir = temporary();
    let args = ["contribute", "--server", &server.url, "--key", "key"];
    let mut busy = Running::start(dir.path(), &args);
    busy.says("Downloaded the powers");
    busy.interrupt();
    let (exit, said) = busy.ends();
    assert_eq!(exit, 1);
    assert!(
        said.contains("interrupted: the turn was given up"),
        "{said}"
    );
    assert_eq!(server.status()["turn"], Value::Null);
    let (exit, _, error) = run(dir.path(), &args);
    assert_eq!(exit, 1);
    assert!(error.contains("[Queue::UsedUp]"), "{error}");
    // The operator may forgive.
    let id = said
        .split("Signed in as ")
        .nth(1)
        .unwrap()
        .split('.')
        .next()
        .unwrap();
    let (exit, output, error) = server.admin(&["pardon", id]);
    assert_eq!(exit, 0, "{error}");
    assert!(output.contains("may join again"), "{output}");
    let (exit, _, error) = run(dir.path(), &args);
    assert_eq!(exit, 0, "{error}");
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

#[test]
fn a_rehearsal_reports_and_its_transcript_verifies() {
    let server = Server::start(&["--contribution-limit", "4"]);
    let dir = temporary();
    let rehearse = ["rehearse", "--server", &server.url, "--participants", "15"];
    let flags = ["--dropouts", "33%", "--seed", "7", "--json"];
    let (exit, output, error) = run(dir.path(), &[&rehearse[..], &flags].concat());
    assert_eq!(exit, 0, "{output}{error}");
    let report: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(report["good"], true);
    assert_eq!(report["accepted"], 10);
    assert_eq!(report["inTicketOrder"], true);
    assert_eq!(report["dropouts"].as_array().unwrap().len(), 5);
    assert!(report["turns"]["meanInMs"].as_u64().unwrap() > 0);
    let (exit, output, error) = run(
        dir.path(),
        &["transcript", "--server", &server.url, "-o", "t.json"],
    );
    assert_eq!(exit, 0, "{error}");
    assert!(
        output.contains(&format!("tauline verify t.json --ceremony {SIZES}")),
        "{output}"
    );
    let (exit, output, _) = run(dir.path(), &["verify", "t.json", "--ceremony", SIZES]);
    assert_eq!(exit, 0, "{output}");
    assert!(
        output.starts_with(
            "50 signatures present, all valid.\n10 contributions: 10 by Ethereum key\n"
        ),
        "{output}"
    );
}

#[test]
fn a_rehearsal_among_invited_parties_needs_as_many_codes() {
    let dir = temporary();
    let invites = dir.path().join("invites");
    let lines: String = (0..4)
        .map(|i| format!("party{i} 0123456789abcde{i}\n"))
        .collect();
    fs::write(&invites, lines).unwrap();
    let server = Server::start(&["--signin", "invite", "--invites", invites.to_str().unwrap()]);
    let rehearse = |count: &str| {
        let args = [
            "rehearse",
            "--server",
            &server.url,
            "--invites",
            "invites",
            "--participants",
        ];
        run(dir.path(), &[&args[..], &[count]].concat())
    };
    let (exit, _, error) = rehearse("5");
    assert_eq!(exit, 2);
    assert!(error.contains("holds 4 invitations"), "{error}");
    let (exit, output, error) = rehearse("4");
    assert_eq!(exit, 0, "{error}");
    assert!(
        output.contains("accepted        4, in the order of tickets"),
        "{output}"
    );
}

#[test]
fn an_interrupted_download_goes_on_where_it_stopped() {
    let server = Server::start(&[]);
    let dir = temporary();
    let contribute = |key: &str| {
        run(
            dir.path(),
            &["contribute", "--server", &server.url, "--key", key],
        )
        .0
    };
    assert_eq!(contribute("key-1"), 0);
    let download = |name: &str| {
        run(
            dir.path(),
            &["transcript", "--server", &server.url, "-o", name],
        )
    };
    let path = |name: &str| dir.path().join(name);
    let (exit, _, error) = download("whole.json");
    assert_eq!(exit, 0, "{error}");
    let whole = fs::read(path("whole.json")).unwrap();
    let etag = {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let url = parse_server(&server.url).unwrap();
        let client = Client::new(http(&url).unwrap(), url);
        let response = runtime.block_on(client.transcript(0, None)).unwrap();
        response.headers()["etag"].to_str().unwrap().to_owned()
    };
    let part = |bytes: &[u8], etag: &str| {
        fs::write(path("t.json.part"), bytes).unwrap();
        fs::write(path("t.json.part.etag"), format!("{etag}\n")).unwrap();
    };

    part(&whole[..1000], &etag);
    let (exit, _, error) = download("t.json");
    assert_eq!(exit, 0, "{error}");
    assert!(error.contains("Going on after 1.0 kB."), "{error}");
    assert!(!error.contains("starting again"), "{error}");
    assert_eq!(fs::read(path("t.json")).unwrap(), whole);
    assert!(!path("t.json.part").exists() && !path("t.json.part.etag").exists());
    let (exit, _, error) = download("t.json");
    assert_eq!(exit, 2, "a file is not replaced unasked");
    assert!(error.contains("t.json exists already"), "{error}");

    // All there, only the name was missing.
    fs::remove_file(path("t.json")).unwrap();
    part(&whole, &etag);
    assert_eq!(download("t.json").0, 0);
    assert_eq!(fs::read(path("t.json")).unwrap(), whole);

    // A part of another transcript is not built on.
    fs::remove_file(path("t.json")).unwrap();
    part(b"something else entirely", "\"of-another\"");
    let (exit, _, error) = download("t.json");
    assert_eq!(exit, 0, "{error}");
    assert!(
        error.contains("The transcript has changed: starting again."),
        "{error}"
    );
    assert_eq!(fs::read(path("t.json")).unwrap(), whole);

    // One of an older transcript goes on with the older one, or starts again: it is whole.
    assert_eq!(contribute("key-2"), 0);
    fs::remove_file(path("t.json")).unwrap();
    part(&whole[..1000], &etag);
    assert_eq!(download("t.json").0, 0);
    assert_eq!(
        run(dir.path(), &["verify", "t.json", "--ceremony", SIZES]).0,
        0
    );
}

#[test]
fn a_drained_ceremony_refuses_newcomers_and_goes_on_elsewhere() {
    let mut server = Server::start(&["--contribution-limit", "100"]);
    let dir = temporary();
    let contribute =
        |url: &str, key: &str| run(dir.path(), &["contribute", "--server", url, "--key", key]);
    assert_eq!(contribute(&server.url, "key-1").0, 0);
    let holder = Holder::new(&server, 1);
    let mut waiting = Running::start(
        dir.path(),
        &["contribute", "--server", &server.url, "--key", "key-2"],
    );
    waiting.says("You are next, ");
    let (exit, output, _) = server.admin(&["drain"]);
    assert_eq!(exit, 0);
    assert!(output.starts_with("Draining: "), "{output}");
    assert!(output.contains("2 participants in line"), "{output}");
    let (exit, _, error) = contribute(&server.url, "key-3");
    assert_eq!(exit, 1);
    assert!(error.contains("[Queue::Draining]"), "{error}");
    assert_eq!(server.status()["mode"], "draining");
    holder.abort();
    assert_eq!(waiting.ends().0, 0, "those in line are served");
    server.wait_until("the halt", |status| status["mode"] == "halted");
    let (exit, _, error) = server.admin(&["resume"]);
    assert_eq!(exit, 1);
    assert!(error.contains("open"), "{error}");

    let backup = dir.path().join("backup.db");
    let (exit, output, error) = server.admin(&["backup", "-o", backup.to_str().unwrap()]);
    assert_eq!(exit, 0, "{error}");
    assert!(output.contains("restore"), "{output}");
    assert_eq!(
        server.admin(&["backup", "-o", backup.to_str().unwrap()]).0,
        2
    );
    server.kill();
    let restored = dir.path().join("restored");
    let restore = [
        "admin",
        "--data-dir",
        restored.to_str().unwrap(),
        "restore",
        "backup.db",
    ];
    let (exit, _, error) = run(dir.path(), &restore);
    assert_eq!(exit, 0, "{error}");
    let server = Server::start_on(&restored, &[]);
    assert_eq!(server.status()["mode"], "halted");
    let (exit, output, _) = server.admin(&["open"]);
    assert_eq!(exit, 0);
    assert_eq!(output, "Open: anyone may join; nobody is in line.\n");
    let (exit, output, error) = contribute(&server.url, "key-4");
    assert_eq!(exit, 0, "{error}");
    assert!(output.contains("ticket 4"), "the next ticket: {output}");
    let (exit, output, _) = contribute(&server.url, "key-1");
    assert_eq!(exit, 0);
    assert!(
        output.contains("has contributed already, ticket 1"),
        "{output}"
    );
    let refused = server.admin(&["pardon", identity(9).as_str()]);
    assert_eq!(refused.0, 1, "there is nothing to pardon");
    assert_eq!(
        run(
            dir.path(),
            &["transcript", "--server", &server.url, "-o", "t.json"]
        )
        .0,
        0
    );
    let (exit, output, _) = run(dir.path(), &["verify", "t.json", "--ceremony", SIZES]);
    assert_eq!(exit, 0);
    assert!(
        output
            .starts_with("15 signatures present, all valid.\n3 contributions: 3 by Ethereum key\n"),
        "{output}"
    );
}

#[test]
fn a_pause_stops_deadlines_and_keeps_places() {
    let server = Server::start(&["--contribution-limit", "100"]);
    let dir = temporary();
    let holder = Holder::new(&server, 1);
    let mut waiting = Running::start(
        dir.path(),
        &["contribute", "--server", &server.url, "--key", "key"],
    );
    waiting.says("You are next, ");
    let (exit, output, _) = server.admin(&["pause"]);
    assert_eq!(exit, 0);
    assert!(output.starts_with("Paused: "), "{output}");
    let (_, output, _) = server.admin(&["status"]);
    assert!(
        output.starts_with("Ceremony is halted (paused by the operator)\n"),
        "{output}"
    );
    waiting.says("paused by its operator. Your place is kept, and no deadline runs.");
    let mut newcomer = Running::start(
        dir.path(),
        &["contribute", "--server", &server.url, "--key", "other"],
    );
    newcomer.says("nobody can join now. Waiting");
    assert_eq!(server.status()["queueLength"], 1);
    let (_, output, _) = run(dir.path(), &["status", "--server", &server.url]);
    assert!(
        output.contains("paused by the operator; places are kept"),
        "{output}"
    );
    let (exit, output, _) = server.admin(&["resume", "--json"]);
    assert_eq!(exit, 0);
    let answer: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(answer["status"]["mode"], "open");
    assert_eq!(answer["paused"], false);
    newcomer.says("The ceremony goes on: joined.");
    holder.abort();
    let (exit, said) = waiting.ends();
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("The ceremony goes on."), "{said}");
    let (exit, said) = newcomer.ends();
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("ticket 3"), "behind who was there: {said}");
}

/// Answers every request with these bytes.
fn impostor(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream
                .set_read_timeout(Some(Duration::from_millis(200)))
                .unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

#[test]
fn what_is_no_coordinator_is_said_to_be_none() {
    let dir = temporary();
    for (answer, words) in [
        (
            "HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\n<h1>404</",
            "answers 404 Not Found",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
            "is not understood: missing field",
        ),
        (
            "HTTP/1.1 301 Moved\r\nlocation: https://a.example/\r\ncontent-length: 0\r\n\r\n",
            "redirects to https://a.example/",
        ),
        (
            "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n",
            "a gateway answers 502 Bad Gateway",
        ),
        ("SSH-2.0-OpenSSH_9.9\r\n", "cannot reach"),
    ] {
        let url = impostor(answer);
        for verb in ["status", "contribute"] {
            let mut args = vec![verb, "--server", &url];
            if verb == "contribute" {
                args.extend(["--key", "key"]);
            }
            let (exit, _, error) = run(dir.path(), &args);
            assert_eq!(exit, 3, "{words}: {error}");
            assert!(error.contains(words), "{words}: {error}");
        }
    }
    assert!(!dir.path().join("key").exists());
}

//! The operator drains, moves and pauses a ceremony, and expels.

use std::path::Path;

use serde_json::Value;

use crate::common::holder::Holder;
use crate::common::server::{Running, Server};
use crate::common::{SIZES, identity, run, temporary};

fn contribute(dir: &Path, url: &str, key: &str) -> (i32, String, String) {
    run(dir, &["contribute", "--server", url, "--key", key])
}

#[test]
fn a_drained_ceremony_refuses_newcomers_and_goes_on_elsewhere() {
    let mut server = Server::start(&["--contribution-limit", "100"]);
    let dir = temporary();
    let dir = dir.path();
    assert_eq!(contribute(dir, &server.url, "key-1").0, 0);
    drain(dir, &server);

    let backup = dir.join("backup.db");
    let backup = ["backup", "-o", backup.to_str().unwrap()];
    let (exit, output, error) = server.admin(&backup);
    assert_eq!(exit, 0, "{error}");
    assert!(output.contains("restore"), "{output}");
    assert_eq!(server.admin(&backup).0, 2);
    server.kill();
    let restored = dir.join("restored");
    let to = ["admin", "--data-dir", restored.to_str().unwrap()];
    let signed = server.data_dir().join("tauline.signed");
    let restore = ["restore", "backup.db", "--signed", signed.to_str().unwrap()];
    let (exit, _, error) = run(dir, &[&to[..], &restore].concat());
    assert_eq!(exit, 0, "{error}");
    goes_on(dir, &Server::start_on(&restored, &[]));
}

// `docs/spec/public-log.md#never-back`.
#[test]
fn a_backup_that_lacks_what_was_signed_is_not_restored() {
    let mut server = Server::start(&[]);
    let dir = temporary();
    let dir = dir.path();
    assert_eq!(contribute(dir, &server.url, "key-1").0, 0);
    let backup = dir.join("backup.db");
    let (exit, _, error) = server.admin(&["backup", "-o", backup.to_str().unwrap()]);
    assert_eq!(exit, 0, "{error}");
    assert_eq!(contribute(dir, &server.url, "key-2").0, 0);
    server.kill();
    let signed = server.data_dir().join("tauline.signed");
    let restored = dir.join("restored");
    let to = ["admin", "--data-dir", restored.to_str().unwrap()];
    let restore = ["restore", "backup.db", "--signed", signed.to_str().unwrap()];
    let (exit, _, error) = run(dir, &[&to[..], &restore].concat());
    assert_eq!(exit, 1, "{error}");
    assert!(error.contains("would take back what was signed"), "{error}");
    assert!(!restored.exists(), "nothing is left of it");
    // Without that file the coordinator does not start.
    let (exit, output, error) = run(dir, &[&to[..], &restore[..2]].concat());
    assert_eq!(exit, 0, "{error}");
    assert!(output.contains("copy tauline.signed"), "{output}");
    let refused = Server::refused_on(&restored);
    assert!(refused.contains("--accept-missing-guard"), "{refused}");
}

/// Drains a ceremony while somebody has the turn and somebody waits.
fn drain(dir: &Path, server: &Server) {
    let holder = Holder::new(server, 1);
    let mut waiting = Running::start(
        dir,
        &["contribute", "--server", &server.url, "--key", "key-2"],
    );
    waiting.says("You are next, ");
    let (exit, output, _) = server.admin(&["drain"]);
    assert_eq!(exit, 0);
    assert!(output.starts_with("Draining: "), "{output}");
    assert!(output.contains("2 participants in line"), "{output}");
    let (exit, _, error) = contribute(dir, &server.url, "key-3");
    assert_eq!(exit, 1);
    assert!(error.contains("[Queue::Draining]"), "{error}");
    assert_eq!(server.status()["mode"], "draining");
    holder.abort();
    assert_eq!(waiting.ends().0, 0, "those in line are served");
    server.wait_until("the halt", |status| status["mode"] == "halted");
    let (exit, _, error) = server.admin(&["resume"]);
    assert_eq!(exit, 1);
    assert!(error.contains("open"), "{error}");
}

/// The ceremony that was drained goes on here.
fn goes_on(dir: &Path, server: &Server) {
    assert_eq!(server.status()["mode"], "halted");
    let (exit, output, _) = server.admin(&["open"]);
    assert_eq!(exit, 0);
    assert_eq!(output, "Open: anyone may join; nobody is in line.\n");
    let (exit, output, error) = contribute(dir, &server.url, "key-4");
    assert_eq!(exit, 0, "{error}");
    assert!(output.contains("ticket 4"), "the next ticket: {output}");
    let (exit, output, _) = contribute(dir, &server.url, "key-1");
    assert_eq!(exit, 0);
    assert!(
        output.contains("has contributed already, ticket 1"),
        "{output}"
    );
    let refused = server.admin(&["pardon", identity(9).as_str()]);
    assert_eq!(refused.0, 1, "there is nothing to pardon");
    let download = ["transcript", "--server", &server.url, "-o", "t.json"];
    assert_eq!(run(dir, &download).0, 0);
    let (exit, output, _) = run(dir, &["verify", "t.json", "--ceremony", SIZES]);
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

#[test]
fn who_is_expelled_is_told_why_and_makes_room() {
    let server = Server::start(&["--contribution-limit", "100"]);
    let dir = temporary();
    let holder = Holder::new(&server, 1);
    let mut waiting = Running::start(
        dir.path(),
        &["contribute", "--server", &server.url, "--key", "key"],
    );
    waiting.says("You are next, ");
    let why = "holds twelve places under borrowed names";
    let (exit, output, error) = server.admin(&["expel", "2", "--reason", why]);
    assert_eq!(exit, 0, "{error}");
    assert_eq!(
        output,
        "Expelled: the stay with ticket 2 is over, and the reason is in the log; \
         1 participant in line.\n"
    );
    let (exit, said) = waiting.ends();
    assert_eq!(exit, 1, "trying again cannot help: {said}");
    for says in ["operator ended the stay", why, "[expelled]", "pardon"] {
        assert!(said.contains(says), "{says}: {said}");
    }
    let (exit, _, error) = contribute(dir.path(), &server.url, "key");
    assert_eq!(exit, 1);
    assert!(
        error.contains("[Queue::UsedUp]") && error.contains(why),
        "{error}"
    );

    for (ticket, says) in [("2", "ticket 2 is over"), ("3", "nobody has ticket 3")] {
        let (exit, _, error) = server.admin(&["expel", ticket, "--reason", why]);
        assert_eq!(exit, 1);
        assert!(error.contains(says), "{error}");
    }
    assert_eq!(server.admin(&["expel", "1", "--reason", "done"]).0, 0);
    drop(holder);
    let (exit, _, error) = contribute(dir.path(), &server.url, "another");
    assert_eq!(exit, 0, "the turn is free: {error}");
}

//! What the operator plans, and another key for the public log
//! (`docs/spec/public-log.md#planned`, `docs/spec/public-log.md#rotation`).

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tauline_cli::times;

use crate::common::holder::Holder;
use crate::common::server::{Running, Server};
use crate::common::{run, temporary};

/// A time so many seconds from now, in Unix seconds.
fn in_seconds(seconds: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_secs() + seconds
}

#[test]
fn the_queue_drains_and_opens_when_it_is_planned() {
    let server = Server::start(&[]);
    let dir = temporary();
    for (order, mode) in [("drain", "halted"), ("open", "open")] {
        let at = in_seconds(8);
        let (exit, output, error) = server.admin(&[order, "--at", &times::text(at)]);
        assert_eq!(exit, 0, "{error}");
        let says = format!("Planned: from {} (in ", times::text(at));
        assert!(output.starts_with(&says), "{output}");
        let field = format!("{order}s");
        let status = server.status();
        assert_ne!(status["mode"], mode, "not yet");
        assert_eq!(status["planned"][&field], at, "{status:#}");
        let (_, shown, _) = run(dir.path(), &["status", "--server", &server.url]);
        assert!(shown.contains(&times::text(at)), "{shown}");
        server.wait_until("what is planned", |status| {
            status["mode"] == mode && status["planned"].is_null()
        });
    }
}

#[test]
fn what_is_planned_can_be_changed_and_forgotten() {
    let server = Server::start(&[]);
    let (exit, _, error) = server.admin(&["drain", "--at", "2020-01-01T00:00:00Z"]);
    assert_eq!(exit, 2, "{error}");
    assert!(error.contains("that time is over"), "{error}");
    for year in [2100, 2101] {
        let at = format!("{year}-01-01T00:00:00Z");
        assert_eq!(server.admin(&["drain", "--at", &at]).0, 0);
    }
    assert_eq!(server.status()["planned"]["drains"], 4_133_980_800_u64);
    let (exit, output, error) = server.admin(&["unplan"]);
    assert_eq!(exit, 0, "{error}");
    assert!(
        output.starts_with("Nothing is planned any more"),
        "{output}"
    );
    assert_eq!(server.status()["planned"], Value::Null);
    assert_eq!(server.admin(&["unplan"]).0, 1, "nothing is planned");
    assert_eq!(server.status()["mode"], "open");
}

#[test]
fn whoever_waits_finds_the_logs_new_key() {
    let server = Server::start(&["--contribution-limit", "100"]);
    let dir = temporary();
    let dir = dir.path();
    let holder = Holder::new(&server, 1);
    let args = ["contribute", "--server", &server.url, "--key", "key"];
    let mut waiting = Running::start(dir, &args);
    waiting.says("You are next, ");
    let (exit, output, error) = server.admin(&["rotate-key"]);
    assert_eq!(exit, 0, "{error}");
    assert!(output.contains("another key from now on"), "{output}");
    waiting.says("The public log has another key from now on");
    holder.abort();
    let (exit, said) = waiting.ends();
    assert_eq!(exit, 0, "{said}");
    assert!(!said.contains("warning"), "{said}");
    let file = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .find(|name| name.starts_with("tauline-tickets-"))
        .unwrap();
    let kept: Value = serde_json::from_slice(&fs::read(dir.join(&file)).unwrap()).unwrap();
    let key = kept["logKey"].as_str().unwrap();
    assert!(said.contains(key), "{key}: {said}");
    let audit = ["audit", "--server", &server.url, "--cache", "cache"];
    let (exit, output, error) = run(dir, &[&audit[..], &["--ticket", &file]].concat());
    assert_eq!(exit, 0, "{output}{error}");
}

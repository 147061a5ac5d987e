//! `watch`.

use std::path::PathBuf;

use serde_json::Value;

use crate::common::holder::Holder;
use crate::common::server::{Running, Server, Successor};
use crate::common::{run, temporary};

/// What a program writes when it takes the whole screen, and when it gives it back.
const TAKEN: &str = "\u{1b}[?1049h";
const GIVEN_BACK: &str = "\u{1b}[?1049l";

fn contribute(dir: &std::path::Path, server: &Server, key: &str) {
    let args = ["contribute", "--server", &server.url, "--key", key];
    let (exit, _, error) = run(dir, &args);
    assert_eq!(exit, 0, "{error}");
}

#[test]
fn a_ceremony_is_seen_on_a_screen_that_is_given_back() {
    let server = Server::start(&[]);
    let dir = temporary();
    let dir = dir.path();
    let watch = ["watch", server.url.as_str()];
    let mut watching = Running::on_a_screen(dir, &watch);
    watching.says(TAKEN);
    watching.says("No contribution yet");
    watching.says("live");
    contribute(dir, &server, "key");
    watching.says("eth|0x");
    watching.press("?");
    // Only what changes is written, so any letter may be missing that was there before; this was nowhere.
    watching.says("┌");
    watching.press("q");
    let (exit, said) = watching.ends();
    assert_eq!(exit, 0, "{said}");
    assert!(said.trim_end().ends_with(GIVEN_BACK), "{said:?}");
}

#[test]
fn signals_stop_and_end_a_view_and_the_screen_is_given_back_each_time() {
    let server = Server::start(&[]);
    let dir = temporary();
    let mut watching = Running::on_a_screen(dir.path(), &["watch", &server.url]);
    watching.says("No contribution yet");
    for stop in ["-TSTP", "Ctrl-Z"] {
        watching.forget();
        match stop {
            "Ctrl-Z" => watching.press("\u{1a}"),
            signal => watching.signal(signal),
        }
        watching.says(GIVEN_BACK);
        watching.signal("-CONT");
        watching.says(TAKEN);
        watching.says("No contribution yet");
    }
    watching.forget();
    watching.signal("-TERM");
    let (exit, said) = watching.ends();
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains(GIVEN_BACK), "{said:?}");
}

#[test]
fn without_a_terminal_each_change_is_a_line() {
    let server = Server::start(&["--contribution-limit", "100"]);
    let dir = temporary();
    let dir = dir.path();
    let mut watching = Running::start(dir, &["watch", &server.url]);
    watching.says("Open: anybody who may take part can join.");
    contribute(dir, &server, "key");
    watching.says("contribution 1 by eth|0x");
    let holder = Holder::new(&server, 1);
    watching.says("ticket 2 computes and sends");
    holder.abort();
    watching.says("ticket 2 gave up, after ");
    assert_eq!(server.admin(&["drain"]).0, 0);
    watching.says("Halted: nobody can join now.");
    watching.interrupt();
    let (exit, said) = watching.ends();
    assert_eq!(exit, 0, "{said}");
    assert!(!said.contains('\u{1b}'), "{said:?}");
}

#[test]
fn a_coordinator_that_restarts_is_awaited() {
    let mut server = Server::start(&[]);
    let dir = temporary();
    let mut watching = Running::start(dir.path(), &["watch", &server.url]);
    watching.says("Open: ");
    server.kill();
    watching.says("no answer: ");
    server.restart();
    watching.says("connected again");
}

#[test]
fn one_view_can_be_had_as_text_and_as_json() {
    let server = Server::start(&[]);
    let dir = temporary();
    let dir = dir.path();
    contribute(dir, &server, "key");
    let (exit, view, error) = run(dir, &["watch", &server.url, "--once"]);
    assert_eq!(exit, 0, "{error}");
    for words in [
        "contributions",
        "turn",
        "public log",
        "Latest contributions",
        "eth|0x",
    ] {
        assert!(view.contains(words), "{words}: {view}");
    }
    let once = ["watch", "--server", &server.url, "--once", "--json"];
    let (exit, json, error) = run(dir, &once);
    assert_eq!(exit, 0, "{error}");
    let line: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(line["status"]["contributions"], 1);
    assert_eq!(line["status"]["recent"][0]["ended"], "contributed");
    let (exit, _, error) = run(dir, &["watch", "http://127.0.0.1:9", "--once"]);
    assert_eq!(exit, 3, "{error}");
}

#[test]
fn a_ceremony_that_moves_is_followed() {
    let dir = temporary();
    let dir = dir.path();
    let first = Server::start(&[]);
    contribute(dir, &first, "key");
    let mut watching = Running::start(dir, &["watch", &first.url, "--json"]);
    watching.says("\"connection\":\"live\"");
    assert_eq!(first.admin(&["drain"]).0, 0);
    first.wait_until("the halt", |status| status["mode"] == "halted");
    let second = Successor::prepare();
    let bundle: PathBuf = dir.join("bundle");
    let order = ["handover", "--to", &second.key, "--url", &second.url, "-o"];
    let (exit, _, error) = first.admin(&[&order[..], &[bundle.to_str().unwrap()]].concat());
    assert_eq!(exit, 0, "{error}");
    watching.says("does not answer yet");
    let second = second.take_over(&bundle, &[]);
    watching.says(&format!("{{\"server\":\"{}/\"", second.url));
    watching.says(&format!("\"movedFrom\":\"{}/\"", first.url));
    assert_eq!(second.admin(&["open"]).0, 0);
    contribute(dir, &second, "another-key");
    watching.says("\"contributions\":2");
}

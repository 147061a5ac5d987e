//! Finding out before the turn what a proxy in front of the coordinator refuses.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use common::front::Front;
use common::proxy::{self, Rule};
use common::server::Server;
use common::{run_said, temporary};
use serde_json::Value;

/// Longer than the tests' contribution with compressed points, and shorter than the one with
/// uncompressed points, in bytes.
const BETWEEN: u64 = 20_000;

/// Shorter than any form of the contribution, in bytes.
const BELOW: u64 = 5_000;

#[track_caller]
fn contribute(url: &str, dir: &Path) -> (i32, String) {
    run_said(dir, &["contribute", "--server", url, "--key", "key"])
}

/// A proxy that refuses longer bodies, whatever the path.
fn narrow(server: &Server, most: u64) -> String {
    let rule = move |_: &str, len| match len > most {
        true => Rule::Refuse,
        false => Rule::Pass,
    };
    proxy::gate(&server.url, rule).0
}

/// A proxy whose limit only shows at the end of a turn.
fn late(server: &Server, most: u64, refusal: Rule) -> String {
    let rule = move |path: &str, len| match len > most && path == "/contribution/complete" {
        true => refusal,
        false => Rule::Pass,
    };
    proxy::gate(&server.url, rule).0
}

#[test]
fn the_smallest_form_is_sent_where_the_one_asked_for_is_refused() {
    let server = Server::start(&[]);
    let url = narrow(&server, BETWEEN);
    for form in ["msgpack-uncompressed", "json"] {
        let dir = temporary();
        let args = [
            "contribute",
            "--server",
            &url,
            "--key",
            "key",
            "--form",
            form,
        ];
        let (exit, said) = run_said(dir.path(), &args);
        assert_eq!(exit, 0, "{said}");
        assert!(
            said.contains("(stub/1.0) refuses bodies of 28.") || form == "json",
            "{said}"
        );
        assert!(said.contains("goes in a smaller form, of 14."), "{said}");
        assert!(said.contains("names your public keys"), "{said}");
        let told = said.find("smaller form").unwrap();
        assert!(
            told < said.find("it is your turn").unwrap(),
            "before it joins: {said}"
        );
    }
}

#[test]
fn what_cannot_get_through_does_not_join() {
    let server = Server::start(&[]);
    let dir = temporary();
    let (exit, said) = contribute(&narrow(&server, BELOW), dir.path());
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("(stub/1.0) refuses bodies of 14."), "{said}");
    assert!(said.contains("nothing was joined"), "{said}");
    assert!(said.contains("client_max_body_size 1m;"), "{said}");
    let (exit, said) = contribute(&server.url, dir.path());
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("ticket 1"), "it has never joined: {said}");
}

#[test]
fn a_refusal_in_the_turn_sends_the_smallest_form() {
    let server = Server::start(&[]);
    let dir = temporary();
    let (exit, said) = contribute(&late(&server, BETWEEN, Rule::Refuse), dir.path());
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("goes in a smaller form"), "{said}");
    assert!(said.contains("ticket 1"), "{said}");
    assert!(said.contains("names your public keys"), "{said}");
}

#[test]
fn a_refusal_of_every_form_in_the_turn_gives_it_up_at_once() {
    let server = Server::start(&[]);
    let dir = temporary();
    let since = Instant::now();
    let (exit, said) = contribute(&late(&server, BELOW, Rule::Refuse), dir.path());
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("(stub/1.0) refuses bodies of 14."), "{said}");
    assert!(said.contains("the turn was given up"), "{said}");
    assert!(said.contains("client_max_body_size 1m;"), "{said}");
    assert_eq!(server.status()["turn"], Value::Null);
    assert!(since.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_refusal_that_was_not_heard_is_asked_for_again() {
    let server = Server::start(&[]);
    let dir = temporary();
    // The first probe gets through; the upload is cut off without an answer.
    let probed = std::sync::atomic::AtomicBool::new(false);
    let (url, _) = proxy::gate(&server.url, move |path, len| match path {
        _ if len <= BETWEEN => Rule::Pass,
        "/contribution/complete" => Rule::Cut,
        _ if probed.swap(true, std::sync::atomic::Ordering::SeqCst) => Rule::Refuse,
        _ => Rule::Pass,
    });
    let (exit, said) = contribute(&url, dir.path());
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("goes in a smaller form"), "{said}");
}

#[test]
fn a_rehearsal_looks_at_the_way_first() {
    let server = Server::start(&[]);
    let dir = temporary();
    let rehearse = |url: &str| {
        let args = ["rehearse", "--server", url, "--participants", "3"];
        run_said(dir.path(), &args)
    };
    let (exit, said) = rehearse(&narrow(&server, BELOW));
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("client_max_body_size 1m;"), "{said}");
    assert_eq!(server.status()["log"]["records"], 2, "nobody has joined");
    let (exit, said) = rehearse(&narrow(&server, BETWEEN));
    assert_eq!(exit, 0, "{said}");
    assert!(
        said.contains("All contributions go in a smaller form, of 14."),
        "{said}"
    );
    let (exit, said) = rehearse(&server.url);
    assert_eq!(exit, 0, "{said}");
    assert!(
        said.contains("nothing on it refuses a contribution of 28."),
        "{said}"
    );
}

#[test]
fn nginx_as_it_comes_lets_a_small_ceremony_through() {
    let server = Server::start(&[]);
    let Some(nginx) = Front::nginx(&server, "") else {
        return;
    };
    let dir = temporary();
    let (exit, said) = contribute(&nginx.url, dir.path());
    assert_eq!(exit, 0, "{said}");
    assert!(!said.contains("smaller form"), "{said}");
}

#[test]
fn nginx_as_it_comes_is_too_narrow_for_ethereums_sizes() {
    let server = Server::start(&["--ceremony", "4096:65,8192:65,16384:65,32768:65"]);
    let Some(nginx) = Front::nginx(&server, "") else {
        return;
    };
    let dir = temporary();
    let since = Instant::now();
    let (exit, said) = contribute(&nginx.url, dir.path());
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("(nginx/"), "{said}");
    assert!(said.contains("refuses bodies of 3.1 MB (413)"), "{said}");
    assert!(said.contains("client_max_body_size 10m;"), "{said}");
    assert!(
        since.elapsed() < Duration::from_secs(20),
        "no turn was needed for it"
    );
    assert_eq!(server.status()["log"]["records"], 2, "nobody has joined");
}

#[test]
fn nginx_that_is_narrow_gets_the_smallest_form() {
    let server = Server::start(&[]);
    for buffering in ["on", "off"] {
        let limit = format!("client_max_body_size {BETWEEN}; proxy_request_buffering {buffering};");
        let Some(nginx) = Front::nginx(&server, &limit) else {
            return;
        };
        let dir = temporary();
        let (exit, said) = contribute(&nginx.url, dir.path());
        assert_eq!(exit, 0, "{said}");
        assert!(said.contains("(nginx/"), "{said}");
        assert!(said.contains("goes in a smaller form, of 14."), "{said}");
    }
}

//! A ceremony goes to another coordinator, and those who take part go with it
//! (`docs/spec/public-log.md#handover`).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::holder::Holder;
use crate::common::server::{PATIENCE, Running, Server, Successor};
use crate::common::{receipt, run, temporary};

fn contribute(dir: &Path, url: &str, key: &str) -> (i32, String, String) {
    run(dir, &["contribute", "--server", url, "--key", key])
}

fn waiting(dir: &Path, server: &Server, key: &str) -> Running {
    let args = ["contribute", "--server", &server.url, "--key", key];
    Running::start(dir, &args)
}

/// Hands the ceremony over, and returns the bundle.
#[track_caller]
fn hand_over(dir: &Path, from: &Server, to: &Successor, url: Option<&str>) -> PathBuf {
    let bundle = dir.join(format!("bundle-{}", &to.key[..10]));
    let mut order = vec!["handover", "--to", &to.key];
    order.extend(["-o", bundle.to_str().unwrap()]);
    order.extend(url.into_iter().flat_map(|url| ["--url", url]));
    let (exit, output, error) = from.admin(&order);
    assert_eq!(exit, 0, "{error}");
    for says in ["closed here for good", "--from-handover bundle-", "no key"] {
        assert!(output.contains(says), "{says}: {output}");
    }
    assert!(bundle.exists());
    bundle
}

/// Waits until so many of those in line are there.
#[track_caller]
fn wait_until_there(server: &Server, count: usize) {
    let since = Instant::now();
    loop {
        let (_, output, _) = server.admin(&["queue", "--json"]);
        let queue: Value = serde_json::from_str(&output).unwrap();
        let line = queue["line"].as_array().unwrap();
        let there = line
            .iter()
            .filter(|one| one["clients"].as_u64() > Some(0))
            .count();
        if there == count {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "{there} are there: {output}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The files in which participants keep their tickets.
fn tickets(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().map(|entry| {
        let name = entry.unwrap().file_name();
        name.to_string_lossy().into_owned()
    });
    let mut tickets: Vec<String> = names
        .filter(|name| name.starts_with("tauline-tickets-"))
        .collect();
    tickets.sort();
    tickets
}

/// Audits the log of the coordinator that has the ceremony now, with all tickets and the transcript.
#[track_caller]
fn audit(dir: &Path, server: &Server) -> String {
    let download = ["transcript", "--server", &server.url, "-o", "t.json"];
    assert_eq!(run(dir, &download).0, 0);
    let tickets = tickets(dir);
    let mut args = vec!["audit", "--server", &server.url, "--cache", "cache"];
    args.extend(["--transcript", "t.json"]);
    args.extend(tickets.iter().flat_map(|file| ["--ticket", file.as_str()]));
    let (exit, output, error) = run(dir, &args);
    assert_eq!(exit, 0, "{output}{error}");
    output
}

#[test]
fn a_ceremony_goes_through_three_coordinators_and_everybody_with_it() {
    let dir = temporary();
    let dir = dir.path();
    let first = Server::start(&["--contribution-limit", "100"]);
    assert_eq!(contribute(dir, &first.url, "key-1").0, 0);
    let _holder = Holder::new(&first, 1);
    let mut next = waiting(dir, &first, "key-2");
    next.says("You are next, ");
    let mut behind = waiting(dir, &first, "key-3");
    behind.says("Number 2 in line, ");
    assert_eq!(first.admin(&["pause"]).0, 0);
    next.says("paused by its operator");

    let second = Successor::prepare();
    let bundle = hand_over(dir, &first, &second, Some(&second.url));
    next.says("The ceremony has moved to http://127.0.0.1:");
    let second = second.take_over(&bundle, &["--contribution-limit", "100"]);
    assert_eq!(second.status()["mode"], "halted", "until it is resumed");
    wait_until_there(&second, 2);
    let expel = ["expel", "2", "--reason", "it only holds the turn"];
    assert_eq!(second.admin(&expel).0, 0);
    assert_eq!(second.admin(&["resume"]).0, 0);
    for (running, ticket) in [(next, 3), (behind, 4)] {
        let (exit, said) = running.ends();
        assert_eq!(exit, 0, "{said}");
        assert!(said.contains(&format!("ticket {ticket}")), "{said}");
        assert!(!said.contains("warning"), "{said}");
        let receipt = receipt(&dir.join(format!("tauline-receipt-{ticket}.json")));
        receipt.verify(&second.coordinator()).unwrap();
    }

    assert_eq!(second.admin(&["drain"]).0, 0);
    second.wait_until("the halt", |status| status["mode"] == "halted");
    let third = Successor::prepare();
    let bundle = hand_over(dir, &second, &third, Some(&third.url));
    let third = third.take_over(&bundle, &[]);
    assert_eq!(third.admin(&["open"]).0, 0);
    // Whoever still comes to the first one is led to the third.
    let (exit, output, error) = contribute(dir, &first.url, "key-4");
    assert_eq!(exit, 0, "{output}{error}");
    assert!(output.contains("ticket 5"), "{output}");
    assert_eq!(error.matches("has moved to").count(), 2, "{error}");
    let (exit, output, error) = contribute(dir, &third.url, "key-1");
    assert_eq!(exit, 0, "{error}");
    let again = "has contributed already, ticket 1";
    assert!(output.contains(again), "{output}");
    let (_, output, _) = run(dir, &["status", "--server", &first.url]);
    let told = output.contains("handed over") && output.contains(&second.url);
    assert!(told, "{output}");

    let coordinators = [&first, &second, &third].map(Server::coordinator);
    let output = audit(dir, &third);
    for coordinator in &coordinators {
        assert!(output.contains(coordinator), "{coordinator}: {output}");
    }
}

#[test]
fn one_address_may_lead_to_the_older_coordinator_first_and_then_to_the_new_one() {
    let dir = temporary();
    let dir = dir.path();
    let mut first = Server::start(&["--contribution-limit", "100"]);
    let _holder = Holder::new(&first, 1);
    let mut next = waiting(dir, &first, "key-1");
    next.says("You are next, ");
    assert_eq!(first.admin(&["pause"]).0, 0);
    let mut second = Successor::prepare();
    second.url.clone_from(&first.url);
    let bundle = hand_over(dir, &first, &second, Some(&second.url));
    next.says("the older coordinator still answers there");
    first.kill();
    let second = second.take_over(&bundle, &["--contribution-limit", "100"]);
    wait_until_there(&second, 1);
    let expel = ["expel", "1", "--reason", "it only holds the turn"];
    assert_eq!(second.admin(&expel).0, 0);
    assert_eq!(second.admin(&["resume"]).0, 0);
    let (exit, said) = next.ends();
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("ticket 2"), "{said}");
    assert!(said.contains(&second.coordinator()), "{said}");
}

#[test]
fn nobody_follows_to_an_address_where_another_coordinator_is() {
    let dir = temporary();
    let dir = dir.path();
    let first = Server::start(&["--contribution-limit", "100"]);
    let _holder = Holder::new(&first, 1);
    let mut next = waiting(dir, &first, "key-1");
    next.says("You are next, ");
    assert_eq!(first.admin(&["pause"]).0, 0);
    let other = Server::start(&[]);
    hand_over(dir, &first, &Successor::prepare(), Some(&other.url));
    let (exit, said) = next.ends();
    assert_eq!(exit, 1, "{said}");
    for says in ["another coordinator answers there", "nothing was joined"] {
        assert!(said.contains(says), "{says}: {said}");
    }
    assert_eq!(said.matches("Signed in as").count(), 1, "{said}");
    let status = other.status();
    assert_eq!(status["turn"], Value::Null, "nobody was there: {status:#}");
}

#[test]
fn without_an_address_whoever_comes_is_told_whose_the_ceremony_is_now() {
    let dir = temporary();
    let dir = dir.path();
    let first = Server::start(&[]);
    assert_eq!(contribute(dir, &first.url, "key-1").0, 0);
    let second = Successor::prepare();
    let (exit, _, error) = first.admin(&["handover", "--to", &second.key, "-o", "early"]);
    assert_eq!(exit, 1, "it is open: {error}");
    assert_eq!(first.admin(&["drain"]).0, 0);
    first.wait_until("the halt", |status| status["mode"] == "halted");
    hand_over(dir, &first, &second, None);
    let (exit, _, error) = contribute(dir, &first.url, "key-2");
    assert_eq!(exit, 1, "{error}");
    for says in ["is not known here", "--coordinator-address 0x"] {
        assert!(error.contains(says), "{says}: {error}");
    }
    let (exit, output, error) = contribute(dir, &first.url, "key-1");
    assert_eq!(exit, 0, "{error}");
    let again = "has contributed already, ticket 1";
    assert!(output.contains(again), "its receipt is there: {output}");
    assert_eq!(first.admin(&["open"]).0, 1, "it is closed for good");
    let download = ["transcript", "--server", &first.url, "-o", "mine.json"];
    let (exit, output, error) = run(dir, &download);
    assert_eq!(exit, 0, "what is there is served: {error}");
    assert!(output.contains("up to the handover"), "{output}");
    audit(dir, &first);
}

#[test]
fn an_auditor_who_watches_goes_with_the_ceremony() {
    let dir = temporary();
    let dir = dir.path();
    let first = Server::start(&[]);
    assert_eq!(contribute(dir, &first.url, "key-1").0, 0);
    let args = ["audit", "--server", &first.url, "--cache", "cache"];
    let args = [&args[..], &["--watch", "--every", "1"]].concat();
    let mut watch = Running::start(dir, &args);
    watch.says(": fair.");
    assert_eq!(first.admin(&["rotate-key"]).0, 0);
    watch.says("The log has another key from here on");
    assert_eq!(first.admin(&["drain"]).0, 0);
    first.wait_until("the halt", |status| status["mode"] == "halted");
    let second = Successor::prepare();
    let bundle = hand_over(dir, &first, &second, Some(&second.url));
    watch.says("The coordinator gives the ceremony to");
    let second = second.take_over(&bundle, &[]);
    watch.says(&format!("The ceremony goes on at {}", second.url));
    let holder = second.coordinator();
    watch.says(&format!("{holder} goes on with the ceremony"));
    assert_eq!(second.admin(&["open"]).0, 0);
    watch.says("The ceremony goes on after a halt");
    watch.interrupt();
    let (exit, said) = watch.ends();
    assert_eq!(exit, 0, "{said}");
    // What was seen at the first address is remembered for the second.
    let again = ["audit", "--server", &second.url, "--cache", "cache"];
    let (exit, output, error) = run(dir, &again);
    assert_eq!(exit, 0, "{output}{error}");
}

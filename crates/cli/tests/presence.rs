//! Presence: check-ins during the turn, and ending the program without losing the place.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod common;

use std::time::{Duration, Instant};

use common::proxy::{self, Rule};
use common::server::{Running, Server};
use common::{holder::Holder, run_said, temporary};
use serde_json::Value;

/// Large enough to compute for some seconds.
const LARGE: &str = "16384:65,32768:65";

fn contribute<'a>(url: &'a str, key: &'a str) -> [&'a str; 5] {
    ["contribute", "--server", url, "--key", key]
}

#[test]
fn a_turn_is_checked_in_for_from_its_start_until_the_contribution_is_there() {
    let server = Server::start(&["--ceremony", LARGE]);
    let (url, heads) = proxy::gate(&server.url, |_, _| Rule::Pass);
    let dir = temporary();
    let (exit, said) = run_said(dir.path(), &contribute(&url, "key"));
    assert_eq!(exit, 0, "{said}");
    let heads = heads.lock().unwrap();
    let moments = |what: &str| -> Vec<Instant> {
        let of = heads.iter().filter(|(_, head)| head.starts_with(what));
        of.map(|(at, _)| *at).collect()
    };
    let start = moments("POST /contribution/start ")[0];
    let check_ins = moments("POST /queue/checkin?wait=5 ");
    let first = check_ins.first().expect("a check-in in the turn");
    assert!(*first > start && *first - start < Duration::from_secs(1));
    for (a, b) in check_ins.iter().zip(&check_ins[1..]) {
        let pause = *b - *a;
        assert!(pause > Duration::from_secs(1), "{pause:?}: it spins");
        assert!(pause < Duration::from_secs(7), "{pause:?}: it is late");
    }
}

#[test]
fn a_failing_check_in_does_not_disturb_the_upload() {
    let server = Server::start(&["--ceremony", LARGE]);
    let (url, heads) = proxy::gate(&server.url, |path, _| match path {
        "/queue/checkin?wait=5" => Rule::Cut,
        _ => Rule::Pass,
    });
    let dir = temporary();
    let (exit, said) = run_said(dir.path(), &contribute(&url, "key"));
    assert_eq!(exit, 0, "{said}");
    assert!(!said.contains("trouble"), "{said}");
    let heads = heads.lock().unwrap();
    let tries = heads.iter().filter(|(_, head)| head.contains("wait=5"));
    assert!((1..40).contains(&tries.count()));
}

// `docs/spec/known-faults.md#closed-terminal`.
#[test]
fn a_closed_terminal_or_a_logout_keeps_the_place_in_line() {
    let server = Server::start(&["--contribution-limit", "100", "--checkin-grace", "30"]);
    let dir = temporary();
    let holder = Holder::new(&server, 1);
    for (signal, name) in [("-HUP", "SIGHUP"), ("-TERM", "SIGTERM")] {
        let mut waiting = Running::start(dir.path(), &contribute(&server.url, "key"));
        waiting.says("You are next, ");
        waiting.signal(signal);
        let (exit, said) = waiting.ends();
        assert_eq!(exit, 3, "trying again helps: {said}");
        let kept = format!("ended by {name}; the place in line is kept for ");
        assert!(said.contains(&kept), "{said}");
        assert!(said.contains("run the same command again"), "{said}");
        assert_eq!(server.status()["queueLength"], 1);
    }
    let mut again = Running::start(dir.path(), &contribute(&server.url, "key"));
    again.says("You are next, ");
    holder.abort();
    let (exit, said) = again.ends();
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("ticket 2"), "the same place: {said}");
}

#[test]
fn a_hangup_in_the_turn_says_that_it_is_lost_unless_the_command_runs_again() {
    let server = Server::start(&["--ceremony", LARGE, "--contribution-limit", "100"]);
    let dir = temporary();
    let mut busy = Running::start(dir.path(), &contribute(&server.url, "key"));
    busy.says("Checked the powers");
    busy.signal("-HUP");
    let (exit, said) = busy.ends();
    assert_eq!(exit, 3, "{said}");
    assert!(
        said.contains("ended by SIGHUP in the turn; the secrets"),
        "{said}"
    );
    assert!(
        said.contains("unless the same command runs again within 15 s"),
        "{said}"
    );
    assert_eq!(server.status()["turn"]["phase"], "contributing");
    let (exit, said) = run_said(dir.path(), &contribute(&server.url, "key"));
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("ticket 1"), "the same turn: {said}");
}

#[test]
fn ctrl_c_at_a_terminal_asks_first() {
    let server = Server::start(&["--contribution-limit", "100"]);
    let dir = temporary();
    let holder = Holder::new(&server, 1);
    let mut waiting = Running::at_a_terminal(dir.path(), &contribute(&server.url, "key"));
    waiting.says("Keep this running");
    waiting.interrupt();
    waiting.says("Leaving gives your place in line up for good: eth|0x");
    waiting.says("keep the place for ");
    // The same Ctrl-C, passed on by a wrapper.
    waiting.interrupt();
    std::thread::sleep(Duration::from_millis(500));
    assert!(waiting.runs());
    assert_eq!(server.status()["queueLength"], 1);
    waiting.interrupt();
    let (exit, said) = waiting.ends();
    assert_eq!(exit, 1, "{said}");
    assert!(
        said.contains("the place in the queue was given up"),
        "{said}"
    );
    assert_eq!(server.status()["queueLength"], 0);
    holder.abort();
}

#[test]
fn ctrl_c_before_anything_is_held_ends_at_once() {
    let server = Server::start(&["--contribution-limit", "100"]);
    let holder = Holder::new(&server, 1);
    assert_eq!(server.admin(&["pause"]).0, 0);
    let dir = temporary();
    let mut waiting = Running::at_a_terminal(dir.path(), &contribute(&server.url, "key"));
    waiting.says("nobody can join now");
    waiting.interrupt();
    let (exit, said) = waiting.ends();
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("nothing was given up"), "{said}");
    drop(holder);
}

#[test]
fn of_two_runs_at_once_one_counts_and_the_other_accuses_nobody() {
    let server = Server::start(&["--ceremony", LARGE, "--contribution-limit", "100"]);
    let (one, other) = (temporary(), temporary());
    let key = one.path().join("key");
    let args = contribute(&server.url, key.to_str().unwrap());
    let holder = Holder::new(&server, 1);
    let mut runs = [
        Running::start(one.path(), &args),
        Running::start(other.path(), &args),
    ];
    for run in &mut runs {
        run.says("You are next, ");
    }
    holder.abort();
    for run in &mut runs {
        run.says("Checked the powers");
    }
    let mut ends = runs.map(Running::ends);
    ends.sort_by_key(|(exit, _)| *exit);
    let [(good, counted), (bad, lost)] = ends;
    assert_eq!((good, bad), (0, 1), "{counted}\n---\n{lost}");
    assert!(counted.contains("names your public keys"), "{counted}");
    let says = "another run of yours contributed; the secret of this one is not in it";
    assert!(lost.contains(says), "{lost}");
    assert!(!lost.contains("wrong"), "{lost}");
    assert!(!lost.contains("operator"), "{lost}");
    assert_eq!(server.status()["contributions"], 1);
    assert_eq!(server.status()["turn"], Value::Null);
}

/// Waits until nobody has the turn, and returns how long that took.
#[track_caller]
fn turn_is_free_after(server: &Server) -> Duration {
    let since = Instant::now();
    server.wait_until("a free turn", |status| status["turn"].is_null());
    since.elapsed()
}

// `docs/spec/known-faults.md#vanished`.
#[test]
fn a_killed_contributor_costs_seconds() {
    let server = Server::start(&["--ceremony", LARGE]);
    let dir = temporary();
    let mut busy = Running::start(dir.path(), &contribute(&server.url, "key"));
    busy.says("Checked the powers");
    busy.signal("-KILL");
    let took = turn_is_free_after(&server);
    assert!(
        took > Duration::from_secs(10),
        "{took:?}: it might have come back"
    );
    assert!(took < Duration::from_secs(20), "{took:?}");
    let (exit, said) = run_said(dir.path(), &contribute(&server.url, "key"));
    assert_eq!(exit, 1, "{said}");
    assert!(
        said.contains("you stopped checking in while contributing"),
        "{said}"
    );
}

#[test]
fn a_frozen_contributor_costs_the_stall_limit() {
    let server = Server::start(&["--ceremony", LARGE, "--stall-limit", "12"]);
    let dir = temporary();
    let mut busy = Running::start(dir.path(), &contribute(&server.url, "key"));
    busy.says("Downloaded the powers");
    // The connection stays open, and nothing is sent any more.
    busy.signal("-STOP");
    let took = turn_is_free_after(&server);
    assert!(took < Duration::from_secs(17), "{took:?}");
    busy.signal("-CONT");
    let (exit, said) = busy.ends();
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("this client stopped checking in"), "{said}");
}

#[test]
fn each_of_two_clients_is_told_of_the_other_and_leaving_one_keeps_the_place() {
    let server = Server::start(&["--contribution-limit", "100"]);
    let dir = temporary();
    let holder = Holder::new(&server, 1);
    let start = || Running::start(dir.path(), &contribute(&server.url, "key"));
    let mut first = start();
    first.says("You are next, ");
    let mut second = start();
    second.says("Another client of eth|0x");
    first.says("Another client of eth|0x");
    second.interrupt();
    let (exit, said) = second.ends();
    assert_eq!(exit, 1, "{said}");
    assert!(
        said.contains("nothing was given up: another client of eth|0x"),
        "{said}"
    );
    assert_eq!(server.status()["queueLength"], 1);
    first.says("has gone: the place is kept by this one alone");
    holder.abort();
    let (exit, said) = first.ends();
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("ticket 2"), "{said}");
}

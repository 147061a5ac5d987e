//! `rehearse`.

use std::fs;

use serde_json::Value;

use crate::common::server::Server;
use crate::common::{SIZES, run, temporary};

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
fn a_rehearsal_leaves_a_page() {
    let server = Server::start(&["--contribution-limit", "4"]);
    let dir = temporary();
    let rehearse = ["rehearse", "--server", &server.url, "--participants", "6"];
    let flags = ["--seed", "7", "--report", "report.html"];
    let args = [&rehearse[..], &flags].concat();
    let (exit, output, error) = run(dir.path(), &args);
    assert_eq!(exit, 0, "{output}{error}");
    assert!(
        output.ends_with("The report with charts is in report.html.\n"),
        "{output}"
    );
    let page = fs::read_to_string(dir.path().join("report.html")).unwrap();
    assert!(page.contains("<h1>The rehearsal held</h1>"), "{page}");
    assert!(page.contains("6 contributions were accepted"), "{page}");
    assert!(
        page.contains("tauline-server 0."),
        "whose log tells its version"
    );
    assert!(page.matches("<svg").count() >= 5, "{page}");
    // It is refused before anybody has played, and replaced if that is asked for.
    let (exit, _, error) = run(dir.path(), &args);
    assert_eq!(exit, 2, "{error}");
    assert!(error.contains("report.html exists already"), "{error}");
    assert_eq!(server.status()["contributions"], 6);
    let (exit, _, error) = run(dir.path(), &[&args[..], &["--force"]].concat());
    assert_eq!(exit, 0, "{error}");
    assert_eq!(server.status()["contributions"], 12);
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

//! A ceremony at the sizes of Ethereum's, from the first ticket to the exported parameters.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod common;

use std::fs;

use common::server::{Running, Server};
use common::{stderr, tauline};
use serde_json::Value;
use tauline_protocol::contribution::SignedReceipt;

const ETHEREUM: &str = "4096:65,8192:65,16384:65,32768:65";

#[test]
fn of_three_at_full_size_one_drops_out_and_two_are_accepted_in_the_order_of_their_tickets() {
    let server = Server::start(&["--ceremony", ETHEREUM]);
    let dir = tempfile::tempdir().unwrap();
    let contribute = |name: &str| {
        let (key, receipt) = (format!("{name}.key"), format!("{name}.json"));
        let args = [
            "contribute",
            "--server",
            &server.url,
            "--key",
            &key,
            "--receipt",
            &receipt,
        ];
        Running::start(dir.path(), &args)
    };
    // All three are in the queue at once: nobody is done before the others have joined.
    let mut first = contribute("first");
    first.says("it is your turn");
    let mut dropout = contribute("dropout");
    dropout.says("You are next, ");
    let mut last = contribute("last");
    last.says("Number 2 in line");
    // Vanishes without a word, as a closed laptop does.
    drop(dropout);

    let (exit, said) = first.ends();
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("ticket 1"), "{said}");
    let (exit, said) = last.ends();
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("ticket 3"), "{said}");
    let status = server.status();
    assert_eq!(status["contributions"], 2);
    assert_eq!(status["queueLength"], 0);

    let run = |args: &[&str]| {
        let output = tauline()
            .current_dir(dir.path())
            .args(args)
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{args:?}: {}",
            stderr(&output)
        );
        output.stdout
    };
    run(&[
        "transcript",
        "--server",
        &server.url,
        "-o",
        "transcript.json",
    ]);
    run(&["verify", "transcript.json"]);

    // The transcript names the two in the order of their tickets, with the keys of their receipts.
    let transcript: Value =
        serde_json::from_slice(&fs::read(dir.path().join("transcript.json")).unwrap()).unwrap();
    for (entry, name) in [(1, "first"), (2, "last")] {
        let receipt = fs::read(dir.path().join(format!("{name}.json"))).unwrap();
        let receipt: SignedReceipt = serde_json::from_slice(&receipt).unwrap();
        let receipt: Value = serde_json::from_str(&receipt.receipt).unwrap();
        assert_eq!(transcript["participantIds"][entry], receipt["identity"]);
        for (sub, key) in receipt["witness"].as_array().unwrap().iter().enumerate() {
            assert_eq!(
                &transcript["transcripts"][sub]["witness"]["potPubkeys"][entry],
                key
            );
        }
    }

    let exported = run(&[
        "export",
        "transcript.json",
        "--sub-ceremony",
        "4096",
        "--format",
        "c-kzg",
    ]);
    fs::write(dir.path().join("trusted_setup.txt"), exported).unwrap();
    run(&["verify-powers", "trusted_setup.txt"]);
}

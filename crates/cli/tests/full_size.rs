//! A ceremony at the sizes of Ethereum's, from the first ticket to the exported parameters.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod common;

use std::fs;
use std::path::Path;

use common::server::{Running, Server};
use common::{export, receipt, says, temporary};
use serde_json::Value;

const ETHEREUM: &str = "4096:65,8192:65,16384:65,32768:65";

#[test]
fn of_three_at_full_size_one_drops_out_and_two_are_accepted_in_the_order_of_their_tickets() {
    let server = Server::start(&["--ceremony", ETHEREUM]);
    let dir = temporary();
    let dir = dir.path();
    let contribute = |name: &str| {
        let (key, receipt) = (format!("{name}.key"), format!("{name}.json"));
        let args = ["contribute", "--server", &server.url, "--key", &key];
        Running::start(dir, &[&args[..], &["--receipt", &receipt]].concat())
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

    let download = ["transcript", "--server", &server.url, "-o", "t.json"];
    says(dir, &download, 0, &[]);
    says(dir, &["verify", "t.json"], 0, &[]);
    names_those_of_the_receipts(dir, &["first", "last"]);
    let to_file = ["-o", "trusted_setup.txt"];
    let export = [&export("4096", "c-kzg")[..], &to_file].concat();
    says(dir, &export, 0, &[]);
    says(dir, &["verify-powers", "trusted_setup.txt"], 0, &[]);
}

/// The transcript names these in the order of their tickets, with the keys of their receipts.
fn names_those_of_the_receipts(dir: &Path, names: &[&str]) {
    let transcript: Value = serde_json::from_slice(&fs::read(dir.join("t.json")).unwrap()).unwrap();
    for (entry, name) in (1..).zip(names) {
        let receipt = receipt(&dir.join(format!("{name}.json")));
        let receipt: Value = serde_json::from_str(&receipt.receipt).unwrap();
        assert_eq!(transcript["participantIds"][entry], receipt["identity"]);
        for (sub, key) in receipt["witness"].as_array().unwrap().iter().enumerate() {
            assert_eq!(
                &transcript["transcripts"][sub]["witness"]["potPubkeys"][entry],
                key
            );
        }
    }
}

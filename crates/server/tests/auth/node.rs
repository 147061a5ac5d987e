//! A real Ethereum node (`tests/node/node.mjs`), and programs beside it.
//!
//! `npm ci` in `crates/server/tests/node` installs what they need; where that was not done, tests
//! say so and show nothing. `TAULINE_REQUIRE_NODE=1` makes it a failure.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;

use serde::Deserialize;

/// A running node.
pub(crate) struct Node {
    pub(crate) facts: Facts,
    child: Child,
    // It runs until this is closed.
    _input: ChildStdin,
}

/// What it says of itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Facts {
    pub(crate) url: String,
    pub(crate) chain_id: u64,
    /// The block up to which transactions count.
    pub(crate) block: u64,
    /// A contract whose owner is client 4.
    pub(crate) wallet: String,
    /// A contract that answers every call, and not as a wallet does.
    pub(crate) yes: String,
}

fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node"))
}

/// A program of that directory, unless Node.js or its modules are missing.
pub(crate) fn program(script: &str) -> Option<Command> {
    let node = Command::new("node").arg("--version").output();
    let modules = directory().join("node_modules");
    let missing = match (node.is_ok(), modules.is_dir()) {
        (false, _) => "Node.js is missing".to_owned(),
        (_, false) => format!("run `npm ci` in {}", directory().display()),
        (true, true) => {
            let mut command = Command::new("node");
            command.arg(script).current_dir(directory());
            return Some(command);
        }
    };
    skip(&missing);
    None
}

/// Says that a test shows nothing, loudly.
pub(crate) fn skip(why: &str) {
    assert!(
        std::env::var_os("TAULINE_REQUIRE_NODE").is_none(),
        "TAULINE_REQUIRE_NODE is set, and {why}"
    );
    eprintln!("SKIPPED: {why}");
}

impl Node {
    /// The node that all tests share; it ends when they do, since its input does.
    pub(crate) fn shared() -> Option<&'static Self> {
        static NODE: OnceLock<Option<Node>> = OnceLock::new();
        // Each test that shows nothing says so.
        program("node.mjs")?;
        NODE.get_or_init(Self::start).as_ref()
    }

    /// A node of one's own.
    pub(crate) fn start() -> Option<Self> {
        let mut command = program("node.mjs")?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let facts = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        Some(Self {
            facts,
            child,
            _input: input,
        })
    }

    /// Settings that have a server ask this node.
    pub(crate) fn flags(&self) -> Vec<(&'static str, String)> {
        vec![
            ("eth-rpc-url", self.facts.url.clone()),
            ("chain-id", self.facts.chain_id.to_string()),
            ("eth-nonce-block", self.facts.block.to_string()),
        ]
    }

    /// Stops it: from now on nobody answers there.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

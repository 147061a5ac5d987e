//! The disk is full.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use reqwest::Method;
use rustix::process::Signal;
use tauline_audit::{Auditor, Expected};
use tauline_log::checkpoint::SignedCheckpoint;
use tauline_log::tile;
use tauline_log::tree::Tree;
use tauline_protocol::status::QueueStatus;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::common::Client;
use crate::server::{PROGRAM, Server, plain, sizes};

/// People who join when there is no space. The write-ahead log only grows then, so there is none for
/// the first of them or the second.
const TOO_MANY: u32 = 12;

/// Somebody who has joined, and the answer.
type Joined = (Client, QueueStatus);

#[test]
fn on_a_full_disk_nothing_that_was_told_is_lost_and_with_space_it_goes_on() {
    let Some(small) = Small::mount() else {
        return;
    };
    let (data, filler) = (small.path().join("data"), small.path().join("filler"));
    let runtime = Runtime::new().unwrap();
    let told = until_full(&runtime, plain, &data, |_| fill(&filler));
    // It may serve what there is, or say what is missing.
    match Server::try_start(plain(), &data) {
        Ok(server) => drop(server),
        Err(ended) => {
            assert_eq!(ended.code, Some(1), "{ended:?}");
            assert!(ended.said.contains("space"), "{ended:?}");
        }
    }
    fs::remove_file(&filler).unwrap();
    goes_on(&runtime, &data, &told);
}

#[test]
fn where_files_may_grow_no_further_nothing_that_was_told_is_lost() {
    if let Err(error) = Command::new("prlimit").arg("--version").output() {
        eprintln!("SKIPPED: there is no prlimit ({error}): apt-get install util-linux");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let runtime = Runtime::new().unwrap();
    let told = until_full(&runtime, ignoring_limits, &data, |server| {
        let log = fs::metadata(data.join("tauline.db-wal")).unwrap().len();
        limit(server, log);
    });
    goes_on(&runtime, &data, &told);
}

/// The program, which is told by the system that a file is too large, instead of being ended.
fn ignoring_limits() -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", PROGRAM]);
    command
}

/// From now on the program makes no file longer than this.
fn limit(server: &Server, bytes: u64) {
    let limited = Command::new("prlimit")
        .arg(format!("--pid={}", server.pid))
        .arg(format!("--fsize={bytes}"))
        .status();
    assert!(limited.unwrap().success());
}

/// A ceremony until there is no space. Who has joined, and was told so.
fn until_full(
    runtime: &Runtime,
    program: fn() -> Command,
    data: &Path,
    take_space: impl FnOnce(&Server),
) -> Vec<Joined> {
    let server = Server::start(program(), data);
    let people = runtime.block_on(async {
        let people = signed_in(&server.url).await;
        people[0].take_part(&sizes()).await;
        people
    });
    let ended = server.end(Signal::TERM);
    assert_eq!(ended.code, Some(0), "{ended:?}");

    // The write-ahead log begins anew with each start.
    let server = Server::start(program(), data);
    let people = people[1..].iter().map(|one| one.at(server.url.clone()));
    let mut people = people.collect::<Vec<_>>().into_iter();
    let first = people.next().unwrap();
    let status = runtime.block_on(first.join());
    let mut told = vec![(first, status)];
    take_space(&server);
    let mut refused = 0;
    for one in people {
        match runtime.block_on(try_to_join(&one)) {
            Some(status) => told.push((one, status)),
            None => refused += 1,
        }
    }
    assert!(refused > 0, "there was space for everybody");
    let ended = server.ended();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.said.contains("check the disk's space"), "{ended:?}");
    told
}

async fn signed_in(url: &str) -> Vec<Client> {
    let mut people = Vec::new();
    for number in 0..2 + TOO_MANY {
        let mut one = Client::with_key(url, number);
        one.sign_in().await.expect_ok();
        people.push(one);
    }
    people
}

/// Joins, if that is answered, and well.
async fn try_to_join(one: &Client) -> Option<QueueStatus> {
    let answer = one.request(Method::POST, "/queue/join").send().await;
    let answer = answer.ok().filter(|it| it.status().is_success())?;
    let body = answer.bytes().await.ok()?;
    Some(serde_json::from_slice(&body).unwrap())
}

/// Another start has all that was told, and goes on.
fn goes_on(runtime: &Runtime, data: &Path, told: &[Joined]) {
    let server = Server::start(plain(), data);
    runtime.block_on(async {
        for (one, status) in told {
            let now = one.at(server.url.clone()).check_in().await;
            assert_eq!(now.ticket, status.ticket, "{now:?}");
            assert_eq!(now.ended, None, "{now:?}");
        }
        let first = told[0].0.at(server.url.clone());
        first.contribute(&sizes()).await;
        let tree = fair_log(&Client::new(&server.url)).await;
        for (_, status) in told {
            let signed = status.signed_ticket.as_ref().unwrap();
            let shown = SignedCheckpoint::parse(signed.checkpoint.as_bytes()).unwrap();
            let shown = shown.unverified().tree;
            assert_eq!(tree.at(shown.size).unwrap().head(), shown);
        }
    });
    let ended = server.end(Signal::TERM);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// The tree of the log as it is served, which is that of a fair coordinator.
async fn fair_log(client: &Client) -> Tree {
    let checkpoint = client.get("/log/checkpoint").await.expect_ok();
    let signed = SignedCheckpoint::parse(&checkpoint.bytes).unwrap();
    let head = signed.unverified().tree;
    let mut tree = Tree::new();
    let mut auditor = Auditor::new(Expected::default());
    for bundle in tile::bundles(head.size) {
        let answer = client.get(&format!("/log/{bundle}")).await.expect_ok();
        for entry in tile::bundle_from_bytes(&answer.bytes, bundle.width()).unwrap() {
            tree.push(entry);
            auditor.push(entry).unwrap();
        }
    }
    assert_eq!(tree.head(), head);
    let report = auditor.report();
    assert_eq!(report.violations, [], "{report:?}");
    assert_eq!(report.statistics.outcomes.contributed, 2);
    tree
}

/// A small filesystem of its own, until it is dropped.
struct Small(TempDir);

impl Small {
    /// None, with a message, where none may be mounted.
    fn mount() -> Option<Self> {
        let place = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=6m", "tauline-full-disk"])
            .arg(place.path())
            .output();
        let refused = match mounted {
            Ok(mounted) if mounted.status.success() => return Some(Self(place)),
            Ok(mounted) => String::from_utf8_lossy(&mounted.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        eprintln!("SKIPPED: only root can mount a small filesystem: {refused}");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily, so that what is still open does not keep it.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// Takes all space that is left.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    let bytes = vec![0x55; 1 << 16];
    for len in [bytes.len(), 1 << 12] {
        while file.write_all(&bytes[..len]).is_ok() {}
    }
}

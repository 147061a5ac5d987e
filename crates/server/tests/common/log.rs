//! The public log, as whoever checks it has it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tauline_audit::{Auditor, Expected, Report, Topic};
use tauline_log::checkpoint::{Checkpoint, SignedCheckpoint};
use tauline_log::note::VerifierKey;
use tauline_log::tile;
use tauline_log::tree::{Tree, TreeHead};
use tauline_protocol::keepsake::Keepsake;
use tauline_protocol::public_log::{Notice, PublicEntry};
use tokio::task::JoinHandle;

use super::Client;

/// The log as it was downloaded.
pub struct Downloaded {
    pub checkpoint: Checkpoint,
    pub entries: Vec<PublicEntry>,
    pub tree: Tree,
}

/// Downloads the whole log as other people's tools do, and checks that it is what was signed.
pub async fn download(client: &Client) -> Downloaded {
    let text = client.get("/log/checkpoint").await.expect_ok();
    assert_eq!(
        text.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(text.header("cache-control"), Some("no-cache"));
    let signed = SignedCheckpoint::parse(&text.bytes).unwrap();
    let size = signed.unverified().tree.size;
    let mut entries = Vec::new();
    let mut tree = Tree::new();
    for bundle in tile::bundles(size) {
        let answer = client.get(&format!("/log/{bundle}")).await.expect_ok();
        assert_eq!(
            answer.header("content-type"),
            Some("application/octet-stream")
        );
        assert!(
            answer
                .header("cache-control")
                .unwrap()
                .contains("immutable")
        );
        for entry in tile::bundle_from_bytes(&answer.bytes, bundle.width()).unwrap() {
            tree.push(entry);
            entries.push(PublicEntry::from_bytes(entry).unwrap());
        }
    }
    for hashes in tile::hash_tiles(size) {
        let answer = client.get(&format!("/log/{hashes}")).await.expect_ok();
        let own = hashes.hashes(&tree.snapshot()).unwrap();
        assert_eq!(
            tile::hashes_from_bytes(&answer.bytes, hashes.width()).unwrap(),
            own,
            "{hashes}"
        );
    }
    let Some(Notice::Opened { key, .. }) = &entries[0].notice else {
        panic!("the first entry says whose log it is: {:?}", entries[0]);
    };
    let key: VerifierKey = key.parse().unwrap();
    let checkpoint = signed.verify(&[key]).unwrap().clone();
    assert_eq!(tree.head(), checkpoint.tree);
    Downloaded {
        checkpoint,
        entries,
        tree,
    }
}

impl Downloaded {
    /// Whoever checks the log finds that it is that of a fair coordinator, who has taken back none of
    /// the checkpoints that were shown, nor anything that participants have kept.
    pub fn assert_fair(&self, shown: &[TreeHead], kept: &[Keepsake]) -> Report {
        let mut auditor = Auditor::new(Expected::default());
        for head in shown {
            auditor.check_checkpoint(*head, "that was shown").unwrap();
        }
        for keepsake in kept {
            auditor.check_keepsake(keepsake.clone()).unwrap();
        }
        for entry in &self.entries {
            auditor.push(&entry.to_bytes()).unwrap();
        }
        let report = auditor.report();
        assert_eq!(report.violations, [], "in {} entries", self.entries.len());
        let remarks = report.remarks.iter();
        let unproven: Vec<_> = remarks.filter(|it| it.topic == Topic::Unproven).collect();
        assert!(unproven.is_empty(), "{unproven:#?}");
        report
    }
}

/// Somebody who asks for the checkpoint all the time, whatever happens to the coordinator.
pub struct Watcher {
    is_over: Arc<AtomicBool>,
    watching: JoinHandle<BTreeMap<u64, TreeHead>>,
}

/// How often the watcher asks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl Watcher {
    /// Watches the coordinator at this address, and gets what is at `path` now and then, too.
    pub fn begin(url: &str, path: Option<&'static str>) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let watching = tokio::spawn(watch(url.to_owned(), path, Arc::clone(&is_over)));
        Self { is_over, watching }
    }

    /// All checkpoints that were shown.
    pub async fn end(self) -> Vec<TreeHead> {
        self.is_over.store(true, Ordering::Relaxed);
        self.watching.await.unwrap().into_values().collect()
    }
}

async fn watch(
    url: String,
    path: Option<&'static str>,
    is_over: Arc<AtomicBool>,
) -> BTreeMap<u64, TreeHead> {
    let http = super::http::client().build().unwrap();
    let mut shown: BTreeMap<u64, TreeHead> = BTreeMap::new();
    while !is_over.load(Ordering::Relaxed) {
        if let Some(text) = get(&http, &format!("{url}/log/checkpoint")).await {
            let signed = SignedCheckpoint::parse(&text).unwrap();
            let head = signed.unverified().tree;
            let largest = shown.keys().next_back().copied().unwrap_or(0);
            assert!(head.size >= largest, "{largest} entries were taken back");
            let before = *shown.entry(head.size).or_insert(head);
            assert_eq!(before, head, "two roots of one size");
        }
        if let Some(path) = path {
            get(&http, &format!("{url}{path}")).await;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    shown
}

/// What is there; none if nobody answers, or something else.
async fn get(http: &reqwest::Client, url: &str) -> Option<Vec<u8>> {
    let answer = http.get(url).send().await.ok()?;
    let answer = answer.error_for_status().ok()?;
    Some(answer.bytes().await.ok()?.to_vec())
}

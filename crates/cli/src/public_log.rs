//! A coordinator's public log, read in part: its checkpoint, its last entry, and whose key signs it.

use std::time::Duration;

use futures_util::StreamExt as _;
use tauline_log::checkpoint::{Checkpoint, SignedCheckpoint};
use tauline_log::note::{MAX_NOTE_LEN, VerifierKey};
use tauline_log::tile::{self, Contents, FULL_WIDTH, Tile};
use tauline_log::tree::{Frontier, Hash, TreeHead};
use tauline_protocol::personal_message;
use tauline_protocol::public_log::{Notice, PublicEntry, key_certificate};
use tokio::time::sleep;

use crate::backoff::Backoff;
use crate::client::{Client, ClientError};
use crate::exit::{Failure, Outcome};

/// The longest tile: a bundle of 256 entries of the longest kind. In bytes.
pub(crate) const MAX_TILE: u64 = 256 * (2 + tile::MAX_ENTRY_LEN as u64);

/// Bundles that are asked for at a time.
const AT_ONCE: usize = 6;

/// Levels of tiles: eight levels of the tree each.
const LEVELS: u8 = 8;

/// The log of a coordinator.
pub(crate) struct PublicLog<'a> {
    client: &'a Client,
    patience: Duration,
}

impl<'a> PublicLog<'a> {
    /// The log of this client's coordinator. Calls are repeated for as long as `patience` while it
    /// does not answer.
    pub(crate) fn new(client: &'a Client, patience: Duration) -> Self {
        Self { client, patience }
    }

    /// The log's checkpoint, whose signature is not verified yet.
    pub(crate) async fn checkpoint(&self) -> Outcome<SignedCheckpoint> {
        let bytes = self.get("checkpoint", MAX_NOTE_LEN as u64).await?;
        let Some(bytes) = bytes else {
            return Err(Failure::io(format!(
                "{} has no public log",
                self.client.server()
            )));
        };
        SignedCheckpoint::parse(&bytes)
            .map_err(|error| self.wrong(&format!("its checkpoint is not readable: {error}")))
    }

    /// The last entry of the log when it had this tree, which binds it: with it, what the log's tiles
    /// hold comes to the tree's root.
    pub(crate) async fn last_entry(&self, tree: TreeHead) -> Outcome<Vec<u8>> {
        let Some(before) = tree.size.checked_sub(1) else {
            return Err(self.wrong("its log is empty"));
        };
        let mut subtrees = Vec::new();
        for level in (0..LEVELS).rev() {
            subtrees.extend(self.subtrees(before, level).await?);
        }
        let index = before / u64::from(FULL_WIDTH);
        let mut entries = self.bundle(tree.size, index).await?;
        let entry = entries.pop().unwrap_or_default();
        let mut shown = Frontier::from_subtrees(before, subtrees)
            .map_err(|error| self.wrong(&error.to_string()))?;
        shown.push(&entry);
        match shown.head() == tree {
            true => Ok(entry),
            false => Err(self.wrong("the last entry of its log is not the one that it has signed")),
        }
    }

    /// The roots of those full subtrees of the first `size` entries that stand in the last tile of a
    /// level, the largest first.
    async fn subtrees(&self, size: u64, level: u8) -> Outcome<Vec<Hash>> {
        let hashes = size >> (8 * u32::from(level));
        let Ok(width @ 1..) = u16::try_from(hashes % u64::from(FULL_WIDTH)) else {
            return Ok(Vec::new());
        };
        let index = hashes / u64::from(FULL_WIDTH);
        let (bytes, of) = self.tile(Contents::Hashes { level }, index, width).await?;
        let hashes =
            tile::hashes_from_bytes(&bytes, of).map_err(|error| self.wrong(&error.to_string()))?;
        let mut rest = &hashes[..usize::from(width)];
        let mut roots = Vec::new();
        for bit in (0..8_u32).rev().filter(|&bit| width >> bit & 1 == 1) {
            let (leaves, after) = rest.split_at(1 << bit);
            let mut subtree = Frontier::new();
            leaves.iter().for_each(|leaf| subtree.push_hash(*leaf));
            roots.push(subtree.root());
            rest = after;
        }
        Ok(roots)
    }

    /// The key that is wanted, if the coordinator with this address has certified it for this log
    /// (`docs/spec/public-log.md#certificate`). An entry says so when the log begins, comes to another
    /// coordinator, or gets another key. Entries are not held against the checkpoint: the certificate
    /// is the coordinator's signature.
    pub(crate) async fn certified_key(
        &self,
        of: &Checkpoint,
        coordinator: &str,
        is_wanted: impl Fn(&VerifierKey) -> bool,
    ) -> Outcome<Option<VerifierKey>> {
        let origin = of.origin.as_str();
        let size = of.tree.size;
        let bundles = places(size.div_ceil(u64::from(FULL_WIDTH)));
        let bundles = bundles.map(|index| self.bundle(size, index));
        let mut bundles = futures_util::stream::iter(bundles).buffered(AT_ONCE);
        while let Some(entries) = bundles.next().await {
            let found = entries?
                .iter()
                .rev()
                .filter_map(|entry| certified(entry, origin, coordinator))
                .find(|key| is_wanted(key));
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Name and version of the coordinator's program, as the first or the last entries of the log tell
    /// them. They are not held against the checkpoint.
    pub(crate) async fn program(&self) -> Outcome<Option<String>> {
        let size = self.checkpoint().await?.unverified().tree.size;
        for index in places(size.div_ceil(u64::from(FULL_WIDTH))).take(2) {
            let entries = self.bundle(size, index).await?;
            let started = entries.iter().rev().find_map(|entry| {
                match PublicEntry::from_bytes(entry).ok()?.notice? {
                    Notice::Started { program, .. } => Some(program),
                    _ => None,
                }
            });
            if started.is_some() {
                return Ok(started);
            }
        }
        Ok(None)
    }

    /// The entries of a bundle of a log of this size.
    async fn bundle(&self, size: u64, index: u64) -> Outcome<Vec<Vec<u8>>> {
        let full = u64::from(FULL_WIDTH);
        let left = size.saturating_sub(index.saturating_mul(full)).min(full);
        let width = u16::try_from(left).unwrap_or(FULL_WIDTH);
        let (bytes, of) = self.tile(Contents::Entries, index, width).await?;
        let entries =
            tile::bundle_from_bytes(&bytes, of).map_err(|error| self.wrong(&error.to_string()))?;
        let entries = entries.into_iter().take(usize::from(width));
        Ok(entries.map(<[u8]>::to_vec).collect())
    }

    /// A tile, and its width: where a partial one is not served any more, there is a full one.
    async fn tile(&self, contents: Contents, index: u64, width: u16) -> Outcome<(Vec<u8>, u16)> {
        let tile =
            Tile::new(contents, index, width).map_err(|error| self.wrong(&error.to_string()))?;
        for one in [tile, tile.full()] {
            if let Some(bytes) = self.get(&one.to_string(), MAX_TILE).await? {
                return Ok((bytes, one.width()));
            }
        }
        Err(self.wrong(&format!("its log lacks {tile}, which it has signed for")))
    }

    /// A file of the log, of at most `limit` bytes. None if there is no such file.
    pub(crate) async fn get(&self, path: &str, limit: u64) -> Outcome<Option<Vec<u8>>> {
        let mut backoff = Backoff::new(self.patience);
        loop {
            let error = match self.client.log(path, limit).await {
                Ok(bytes) => return Ok(Some(bytes)),
                Err(ClientError::Refused(refused)) if refused.status == 404 => return Ok(None),
                Err(error) => error,
            };
            let pause = backoff.next(error.retry_after());
            match pause.filter(|_| error.is_transient()) {
                Some(pause) => sleep(pause).await,
                None => return Err(error.into_failure(self.client.server())),
            }
        }
    }

    fn wrong(&self, what: &str) -> Failure {
        Failure::bad(format!("{}: {what}", self.client.server()))
    }
}

/// Where to look for a key among so many bundles: in the last one, where a new key is, in the first,
/// where most logs say whose they are, and then from the end.
fn places(bundles: u64) -> impl Iterator<Item = u64> {
    let last = bundles.checked_sub(1);
    let first = (bundles > 1).then_some(0);
    let between = (1..last.unwrap_or_default()).rev();
    last.into_iter().chain(first).chain(between)
}

/// The key that an entry names, if it does, and its certificate is by this coordinator for the log of
/// this origin.
fn certified(entry: &[u8], origin: &str, coordinator: &str) -> Option<VerifierKey> {
    // Most entries are of other kinds, and quickly passed over.
    if !std::str::from_utf8(entry).ok()?.contains("\"certificate\"") {
        return None;
    }
    let (key, certificate) = match PublicEntry::from_bytes(entry).ok()?.notice? {
        Notice::Opened {
            key, certificate, ..
        }
        | Notice::KeyRotated { key, certificate }
        | Notice::HandedOver {
            key, certificate, ..
        } => (key, certificate),
        _ => return None,
    };
    let signer = personal_message::signer(&key_certificate(origin, &key), &certificate)?;
    let key: VerifierKey = key.parse().ok()?;
    let is_right = signer.eq_ignore_ascii_case(coordinator) && key.name().as_str() == origin;
    is_right.then_some(key)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::Router;
    use axum::extract::Path;
    use axum::http::StatusCode;
    use axum::routing::get;
    use k256::ecdsa::SigningKey;
    use reqwest::Url;
    use tauline_log::note::Signer;
    use tauline_log::tree::{Tree, leaf_hash};
    use tauline_queue_core::Timestamp;
    use tauline_transcript::signature::{ecdsa_sign, eip55, eth_address, personal_message_digest};
    use tokio::net::TcpListener;

    use super::*;
    use crate::client::{http, parse_server};

    const ORIGIN: &str = "ceremony.example.org/log";

    /// Serves the tiles of a log of so many entries. Returns the server's address and the tree.
    async fn serve(size: u64) -> (Url, TreeHead) {
        let entries: Vec<String> = (0..size).map(|n| format!("entry {n}")).collect();
        let tree = Tree::from_leaf_hashes(entries.iter().map(leaf_hash));
        let head = tree.head();
        let log = Arc::new((entries, tree));
        let answer = move |Path(path): Path<String>| {
            let bytes = content(&log.0, &log.1, &path);
            async move { bytes.ok_or(StatusCode::NOT_FOUND) }
        };
        let router = Router::new().route("/log/{*path}", get(answer));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (parse_server(&url).unwrap(), head)
    }

    fn content(entries: &[String], tree: &Tree, path: &str) -> Option<Vec<u8>> {
        let one: Tile = path.parse().ok()?;
        if let Contents::Hashes { .. } = one.contents() {
            let hashes = one.hashes(&tree.snapshot()).ok()?;
            return Some(tile::hashes_to_bytes(&hashes));
        }
        let from = usize::try_from(one.index()).ok()? * usize::from(FULL_WIDTH);
        let entries = entries.get(from..from + usize::from(one.width()))?;
        tile::bundle_to_bytes(entries).ok()
    }

    #[tokio::test]
    async fn the_last_entry_of_a_log_of_any_size_is_shown_by_its_tiles() {
        for size in [1, 2, 3, 256, 257, 300, 512, 513, 65_537, 66_000] {
            let (server, tree) = serve(size).await;
            let client = Client::new(http(&server).unwrap(), server);
            let log = PublicLog::new(&client, Duration::ZERO);
            let last = log.last_entry(tree).await.unwrap();
            assert_eq!(last, format!("entry {}", size - 1).into_bytes());
            let other = TreeHead {
                root: Hash([7; 32]),
                ..tree
            };
            let failure = log.last_entry(other).await.unwrap_err();
            assert!(failure.text().contains("is not the one"), "{failure}");
        }
    }

    #[test]
    fn each_bundle_is_looked_through_once() {
        let order = |bundles| places(bundles).collect::<Vec<_>>();
        assert!(order(0).is_empty());
        assert_eq!(order(1), [0]);
        assert_eq!(order(2), [1, 0]);
        assert_eq!(order(5), [4, 0, 3, 2, 1]);
    }

    #[test]
    fn a_key_is_the_logs_if_its_coordinator_says_so() {
        let coordinator = SigningKey::from_slice(&[5; 32]).unwrap();
        let address = eip55(&eth_address(coordinator.verifying_key()));
        let signer = Signer::from_seed(ORIGIN.parse().unwrap(), &[7; 32]);
        let key = signer.verifier_key().to_string();
        let entry = |origin: &str| {
            let digest = personal_message_digest(key_certificate(origin, &key).as_bytes());
            let notice = Notice::KeyRotated {
                certificate: hex::encode(ecdsa_sign(&digest, &coordinator)),
                key: key.clone(),
            };
            PublicEntry::of_notice(Timestamp::EPOCH, notice).to_bytes()
        };
        let found = certified(&entry(ORIGIN), ORIGIN, &address);
        assert_eq!(found.as_ref(), Some(signer.verifier_key()));
        let other = "0x0000000000000000000000000000000000000000";
        assert_eq!(certified(&entry(ORIGIN), ORIGIN, other), None);
        assert_eq!(certified(&entry("other/log"), ORIGIN, &address), None);
        assert_eq!(certified(b"{}", ORIGIN, &address), None);
    }
}

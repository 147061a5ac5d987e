//! Logs that this crate writes, checked by Go's `golang.org/x/mod/sumdb`; and logs with a fault,
//! which it must refuse.

#![allow(clippy::unwrap_used, clippy::too_many_lines)]

#[path = "go/checker.rs"]
mod checker;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use tauline_log::checkpoint::{Checkpoint, Cosigner, SignedCheckpoint};
use tauline_log::note::Signer;
use tauline_log::tile::{self, MAX_ENTRY_LEN, Tile};
use tauline_log::tree::{Snapshot, Tree, TreeHead, leaf_hash};

use checker::Checker;

const TIME: u64 = 1_790_000_000;

fn log() -> Signer {
    Signer::from_seed("example.com/log".parse().unwrap(), &[1; 32])
}

fn witnesses() -> [Cosigner; 2] {
    [("north.example", 2), ("south.example", 3)]
        .map(|(name, seed)| Cosigner::from_seed(name.parse().unwrap(), &[seed; 32]))
}

/// Entries of different lengths: none, the longest, and some that are not text.
fn entry(n: usize) -> Vec<u8> {
    match n {
        0 | 300 => Vec::new(),
        256 | 999 => vec![0xff; MAX_ENTRY_LEN],
        _ => format!("entry {n}\0").into_bytes().repeat(1 + n % 7),
    }
}

fn signed(head: TreeHead) -> SignedCheckpoint {
    let origin = "example.com/log".parse().unwrap();
    let signed = Checkpoint::new(origin, head).sign(&log()).unwrap();
    witnesses().iter().fold(signed, |signed, witness| {
        let cosignature = witness.cosign(signed.unverified(), TIME).unwrap();
        signed.with(cosignature).unwrap()
    })
}

/// A log in a directory of its own.
struct Written {
    directory: tempfile::TempDir,
    tree: Tree,
    entries: Vec<Vec<u8>>,
}

impl Written {
    fn new(entries: Vec<Vec<u8>>) -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            tree: Tree::from_leaf_hashes(entries.iter().map(leaf_hash)),
            entries,
        }
    }

    /// The log of 1,000 entries, with the tiles and the checkpoint of each of these sizes.
    fn small() -> (Self, Vec<PathBuf>) {
        let log = Self::new((0..1000).map(entry).collect());
        let old = [0, 1, 2, 255, 256, 257, 511, 512, 513, 999]
            .map(|size| log.publish(log.tree.at(size).unwrap()));
        log.publish(log.tree.snapshot());
        (log, old.to_vec())
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Writes tiles, bundles and the checkpoint, and a copy of that, whose path it gives.
    fn publish(&self, tree: Snapshot<'_>) -> PathBuf {
        for tile in tile::hash_tiles(tree.size()) {
            let hashes = tile.hashes(&tree).unwrap();
            self.write(tile.to_string(), tile::hashes_to_bytes(&hashes));
        }
        for bundle in tile::bundles(tree.size()) {
            self.write(bundle.to_string(), self.bundle(bundle));
        }
        let checkpoint = signed(tree.head()).to_string();
        self.write("checkpoint", &checkpoint);
        let copy = format!("checkpoint-of-{}", tree.size());
        self.write(&copy, checkpoint);
        self.path(copy)
    }

    fn bundle(&self, bundle: Tile) -> Vec<u8> {
        let first = 256 * usize::try_from(bundle.index()).unwrap();
        let entries = &self.entries[first..][..usize::from(bundle.width())];
        tile::bundle_to_bytes(entries).unwrap()
    }

    /// Changes a file.
    fn spoil(&self, name: &str, spoil: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(self.path(name)).unwrap();
        spoil(&mut bytes);
        self.write(name, bytes);
    }

    fn check(&self, checker: Checker, flags: &[&str]) -> Result<String, String> {
        let log = log().verifier_key().to_string();
        let [north, south] = witnesses().map(|witness| witness.verifier_key().to_string());
        let keys = ["-log", &log, "-witness", &north, "-witness", &south];
        checker.check(self.directory.path(), &[&keys, flags].concat())
    }
}

/// Proofs as the program reads them: a line each.
fn proofs(tree: &Tree, sizes: &[u64]) -> String {
    let mut text = String::new();
    let mut line = |what: &str, place: u64, tree: &Snapshot<'_>, proof: Vec<_>| {
        let hashes: Vec<String> = proof.iter().map(ToString::to_string).collect();
        writeln!(text, "{what} {place} {} {}", tree.size(), hashes.join(" ")).unwrap();
    };
    for &size in sizes {
        let tree = tree.at(size).unwrap();
        for index in (0..size).step_by(1 + size as usize / 50) {
            let proof = tree.inclusion(index).unwrap();
            line("inclusion", index, &tree, proof);
        }
        for old in (1..=size).step_by(1 + size as usize / 50) {
            let proof = tree.consistency_from(old).unwrap();
            line("consistency", old, &tree, proof);
        }
    }
    text
}

#[test]
fn a_log_of_ours_is_a_log_to_others() {
    let Some(checker) = Checker::build() else {
        return;
    };
    let (log, old) = Written::small();
    let proofs = proofs(
        &log.tree,
        &[1, 2, 3, 7, 64, 100, 255, 256, 257, 513, 999, 1000],
    );
    log.write("proofs", &proofs);
    let path = log.path("proofs");
    let mut flags = vec!["-quorum", "2", "-proofs", path.to_str().unwrap()];
    flags.extend(old.iter().flat_map(|path| ["-old", path.to_str().unwrap()]));
    let told = format!(
        "ok: 1000 entries, 2 witnesses, 1000 inclusion proofs, 10 earlier checkpoints, {} proofs compared",
        proofs.lines().count()
    );
    assert!(proofs.lines().count() > 500);
    assert_eq!(log.check(checker, &flags), Ok(told));
}

/// With tiles in level 2, and indices of more than three digits.
#[test]
fn a_long_log_of_ours_is_a_log_to_others() {
    let Some(checker) = Checker::build() else {
        return;
    };
    let log = Written::new(
        (0..257_000)
            .map(|n: u32| n.to_be_bytes().to_vec())
            .collect(),
    );
    log.publish(log.tree.snapshot());
    assert!(log.path("tile/0/x001/002").exists());
    assert!(log.path("tile/2/000.p/3").exists());
    log.write(
        "proofs",
        proofs(&log.tree, &[65_535, 65_536, 65_537, 200_001, 257_000]),
    );
    let path = log.path("proofs");
    let told = log.check(checker, &["-proofs", path.to_str().unwrap()]);
    let told = told.unwrap();
    assert!(
        told.starts_with("ok: 257000 entries, 2 witnesses, 1000 inclusion proofs"),
        "{told}"
    );
}

/// Each fault is found, and found to be what it is: so the program sees what it looks at.
#[test]
fn a_log_with_a_fault_is_refused() {
    let Some(checker) = Checker::build() else {
        return;
    };
    let (log, _) = Written::small();
    let flip = |bytes: &mut Vec<u8>, at: usize| bytes[at] ^= 1;
    let restored = |name: &str, spoil: &dyn Fn(&mut Vec<u8>), told: &str| {
        let good = fs::read(log.path(name)).unwrap();
        log.spoil(name, spoil);
        let error = log.check(checker, &["-quorum", "2"]).unwrap_err();
        assert!(error.contains(told), "{name}: {error}");
        log.write(name, good);
    };
    // Hashes.
    restored(
        "tile/0/000",
        &|tile| flip(tile, 0),
        "tile 0 of level 0 is not the one below level 1",
    );
    restored(
        "tile/0/003.p/232",
        &|tile| flip(tile, 231 * 32),
        "downloaded inconsistent tile",
    );
    restored(
        "tile/1/000.p/3",
        &|tile| flip(tile, 40),
        "downloaded inconsistent tile",
    );
    restored("tile/0/002", &|tile| tile.extend([0; 32]), "has 8224 bytes");
    // Entries.
    restored(
        "tile/entries/001",
        &|bundle| *bundle.last_mut().unwrap() ^= 1,
        "entry 511 is not the one in the tree",
    );
    restored(
        "tile/entries/000",
        &|bundle| bundle.truncate(100),
        "ends too early",
    );
    restored(
        "tile/entries/002",
        &|bundle| bundle.push(0),
        "goes on after its last",
    );
    restored(
        "tile/entries/003.p/232",
        &|bundle| _ = bundle.drain(..2),
        "the bundle of entry 769 ends too early",
    );
    // Signatures: of the lines of the note, 4 is the log's, 5 and 6 are the witnesses'.
    let end_of_line = |note: &[u8], line: usize| {
        let text = std::str::from_utf8(note).unwrap();
        text.match_indices('\n').nth(line).unwrap().0
    };
    let other_letter = |note: &mut Vec<u8>, line: usize| {
        let at = end_of_line(note, line) - 9;
        note[at] = if note[at] == b'A' { b'B' } else { b'A' };
    };
    restored("checkpoint", &|note| flip(note, 18), "invalid signature");
    restored(
        "checkpoint",
        &|note| other_letter(note, 4),
        "invalid signature for key example.com/log",
    );
    restored(
        "checkpoint",
        &|note| other_letter(note, 6),
        "invalid signature for key south.example",
    );
    restored(
        "checkpoint",
        &|note| note.truncate(end_of_line(note, 5) + 1),
        "1 witnesses have cosigned, not 2",
    );
    assert!(log.check(checker, &[]).is_ok());
}

/// What is well signed, and still wrong.
#[test]
fn a_log_that_lies_is_refused() {
    let Some(checker) = Checker::build() else {
        return;
    };
    let (log, _) = Written::small();
    let refused = |flags: &[&str], told: &str| {
        let error = log.check(checker, flags).unwrap_err();
        assert!(error.contains(told), "{told}: {error}");
    };
    refused(&["-quorum", "3"], "2 witnesses have cosigned, not 3");
    // An earlier checkpoint of another tree, and one of a later.
    let fork = TreeHead {
        size: 500,
        root: log.tree.at(501).unwrap().root(),
    };
    let path = log.path("fork");
    log.write("fork", signed(fork).to_string());
    refused(
        &["-old", path.to_str().unwrap()],
        "invalid transparency proof",
    );
    let later = TreeHead { size: 1001, ..fork };
    log.write("fork", signed(later).to_string());
    refused(
        &["-old", path.to_str().unwrap()],
        "the earlier tree has 1001 entries",
    );
    // A proof with a hash too many.
    let mut proof = proofs(&log.tree, &[7]);
    proof.insert_str(proof.find('\n').unwrap(), &format!(" {}", fork.root));
    log.write("proofs", proof);
    let path = log.path("proofs");
    refused(&["-proofs", path.to_str().unwrap()], "is to be");
    // A key of the same name.
    let stranger = Signer::from_seed("example.com/log".parse().unwrap(), &[9; 32]);
    let error = checker.check(
        log.directory.path(),
        &["-log", &stranger.verifier_key().to_string()],
    );
    assert!(
        error
            .unwrap_err()
            .contains("note has no verifiable signatures")
    );
    // The last size with the root of another, and a size without tiles.
    log.write(
        "checkpoint",
        signed(TreeHead { size: 1000, ..fork }).to_string(),
    );
    refused(&[], "downloaded inconsistent tile");
    log.write(
        "checkpoint",
        signed(TreeHead { size: 998, ..fork }).to_string(),
    );
    refused(&[], "no such file");
    // A tile that is missing.
    log.publish(log.tree.snapshot());
    assert!(log.check(checker, &[]).is_ok());
    fs::remove_file(log.path("tile/entries/001")).unwrap();
    refused(&[], "no such file");
}

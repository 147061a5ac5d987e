//! Tiles and bundles.

use std::collections::HashMap;

use proptest::prelude::*;
use tauline_log::tile::{self, Contents, FULL_WIDTH, MAX_INDEX, MAX_LEVEL, Tile};
use tauline_log::tree::{Frontier, Hash, Tree, leaf_hash};

fn tree(size: u64) -> Tree {
    Tree::from_leaf_hashes((0..size).map(|n| leaf_hash(n.to_be_bytes())))
}

fn paths(tiles: impl Iterator<Item = Tile>) -> Vec<String> {
    tiles.map(|tile| tile.to_string()).collect()
}

/// <https://c2sp.org/tlog-tiles>: 70,000 entries are 273 full tiles and one of 112 in level 0, one full
/// and one of 17 in level 1, one of 1 in level 2.
#[test]
fn the_tiles_of_the_specifications_example() {
    let found = paths(tile::hash_tiles(70_000));
    assert_eq!(found.len(), 273 + 1 + 1 + 1 + 1);
    assert_eq!(found[0], "tile/0/000");
    assert_eq!(
        found[272..],
        [
            "tile/0/272",
            "tile/0/273.p/112",
            "tile/1/000",
            "tile/1/001.p/17",
            "tile/2/000.p/1"
        ]
    );
    assert_eq!(
        paths(tile::hash_tiles(256)),
        ["tile/0/000", "tile/1/000.p/1"]
    );
    assert_eq!(
        paths(tile::bundles(513)),
        [
            "tile/entries/000",
            "tile/entries/001",
            "tile/entries/002.p/1"
        ]
    );
    assert_eq!(tile::hash_tiles(0).count() + tile::bundles(0).count(), 0);
}

/// A claimed size may be anything: the list is walked only as far as is asked.
#[test]
fn the_tiles_of_the_largest_log_begin_at_once() {
    assert_eq!(paths(tile::hash_tiles(u64::MAX).take(1)), ["tile/0/000"]);
    assert_eq!(paths(tile::bundles(u64::MAX).take(1)), ["tile/entries/000"]);
}

#[test]
fn paths_are_those_of_the_specification() {
    let hashes = |level| Contents::Hashes { level };
    for (contents, index, width, path) in [
        (hashes(0), 0, 256, "tile/0/000"),
        (hashes(0), 0, 1, "tile/0/000.p/1"),
        (hashes(5), 999, 255, "tile/5/999.p/255"),
        (hashes(0), 1000, 256, "tile/0/x001/000"),
        (hashes(63), 1_234_067, 256, "tile/63/x001/x234/067"),
        (
            Contents::Entries,
            1_234_067,
            8,
            "tile/entries/x001/x234/067.p/8",
        ),
        (
            Contents::Entries,
            MAX_INDEX,
            256,
            "tile/entries/x072/x057/x594/x037/x927/935",
        ),
    ] {
        let tile = Tile::new(contents, index, width).unwrap();
        assert_eq!(tile.to_string(), path);
        assert_eq!(path.parse(), Ok(tile));
        assert_eq!(tile.is_partial(), path.contains(".p/"));
        let full: Tile = path.split(".p").next().unwrap().parse().unwrap();
        assert_eq!(tile.full(), full);
    }
}

#[test]
fn what_is_no_path_is_refused_and_why_is_said() {
    for (path, told) in [
        ("", "is not a path"),
        ("tile", "is not a path"),
        ("/tile/0/000", "is not a path"),
        ("tile/0", "is not a path"),
        ("tile//000", "\"\" is not a level"),
        ("tile/64/000", "\"64\" is not a level"),
        ("tile/256/000", "\"256\" is not a level"),
        ("tile/00/000", "\"00\" is not a level"),
        ("tile/-1/000", "\"-1\" is not a level"),
        ("tile/data/000", "\"data\" is not a level"),
        ("tile/8/0/000", "is not the index"),
        ("tile/0/", "is not the index"),
        ("tile/0/0", "is not the index"),
        ("tile/0/0000", "is not the index"),
        ("tile/0/x000", "is not the index"),
        ("tile/0/x000/000", "is not the index"),
        ("tile/0/001/000", "is not the index"),
        ("tile/0/x001/x000", "is not the index"),
        ("tile/0/x001/00", "is not the index"),
        ("tile/0/x01/000", "is not the index"),
        ("tile/0/+01", "is not the index"),
        ("tile/0/000/", "is not the index"),
        ("tile/0/../000", "is not the index"),
        ("tile/0/%30%30%30", "is not the index"),
        ("tile/0/000.p", "is not the index"),
        ("tile/0/x072/x057/x594/x037/x927/936", "is not the index"),
        (
            "tile/0/x001/x000/x000/x000/x000/x000/x000/000",
            "is not the index",
        ),
        ("tile/0/000.p/", "is not the width"),
        ("tile/0/000.p/0", "is not the width"),
        ("tile/0/000.p/256", "is not the width"),
        ("tile/0/000.p/05", "is not the width"),
        ("tile/0/000.p/5/", "is not the width"),
        ("tile/0/000.p/5.p/5", "is not the width"),
        ("tile/0/000.p/65537", "is not the width"),
    ] {
        let error = path.parse::<Tile>().unwrap_err().to_string();
        assert!(error.contains(told), "{path:?}: {error}");
    }
    for (level, index, width) in [
        (MAX_LEVEL + 1, 0, 1),
        (0, MAX_INDEX + 1, 1),
        (0, 0, 0),
        (0, 0, 257),
    ] {
        assert!(Tile::new(Contents::Hashes { level }, index, width).is_err());
    }
}

/// Hash i of tile n at level L is the root over the 256^L entries from (256·n + i)·256^L on.
#[test]
fn a_tile_holds_the_roots_that_the_specification_says() {
    let size = 66_000;
    let tree = tree(size);
    let mut levels = 0;
    for tile in tile::hash_tiles(size) {
        let Contents::Hashes { level } = tile.contents() else {
            panic!("{tile} is a bundle");
        };
        levels = levels.max(level);
        let span = 256_u64.pow(level.into());
        for (i, hash) in (0..).zip(tile.hashes(&tree.snapshot()).unwrap()) {
            let first = (256 * tile.index() + i) * span;
            let mut over = Frontier::new();
            (first..first + span).for_each(|n| over.push(n.to_be_bytes()));
            assert_eq!(hash, over.root(), "{tile}, {i}");
        }
    }
    assert_eq!(levels, 2);
}

/// A downloader makes the tree of level 0, and the tiles of each size are there or not.
#[test]
fn what_is_listed_is_there_and_makes_the_tree() {
    let tree = tree(600);
    for size in [0, 1, 2, 255, 256, 257, 511, 512, 513, 600] {
        let snapshot = tree.at(size).unwrap();
        let mut leaves = Vec::new();
        for tile in tile::hash_tiles(size) {
            let hashes = tile.hashes(&snapshot).unwrap();
            let bytes = tile::hashes_to_bytes(&hashes);
            assert_eq!(bytes.len(), 32 * usize::from(tile.width()));
            assert_eq!(
                tile::hashes_from_bytes(&bytes, tile.width()),
                Ok(hashes.clone())
            );
            if tile.contents() == (Contents::Hashes { level: 0 }) {
                leaves.extend(hashes);
            }
        }
        assert_eq!(Tree::from_leaf_hashes(leaves).head(), snapshot.head());
        assert_eq!(
            tile::bundles(size)
                .map(|tile| u64::from(tile.width()))
                .sum::<u64>(),
            size
        );
        // One hash more is not there.
        for tile in tile::hash_tiles(size).filter(Tile::is_partial) {
            let wider = Tile::new(tile.contents(), tile.index(), tile.width() + 1).unwrap();
            let error = wider.hashes(&snapshot).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("a tree of size {size} has no {wider}")
            );
        }
    }
    for path in ["tile/2/000.p/1", "tile/7/000.p/1", "tile/63/000.p/1"] {
        let tile: Tile = path.parse().unwrap();
        assert!(tile.hashes(&tree.snapshot()).is_err(), "{path}");
    }
    for level in 0..=MAX_LEVEL {
        let tile = Tile::new(Contents::Hashes { level }, MAX_INDEX, FULL_WIDTH).unwrap();
        assert!(tile.hashes(&tree.snapshot()).is_err());
    }
}

#[test]
fn bytes_of_another_length_are_no_tile() {
    let bytes = [0; 65];
    assert!(tile::hashes_from_bytes(&bytes[..64], 2).is_ok());
    for (len, width) in [(0, 1), (31, 1), (33, 1), (64, 1), (64, 3), (65, 2)] {
        let error = tile::hashes_from_bytes(&bytes[..len], width).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "a tile of {width} hashes has {} bytes, not {len}",
                32 * width
            )
        );
    }
}

#[test]
fn a_bundle_has_these_bytes() {
    let bytes = tile::bundle_to_bytes(&["", "a", "bc"]).unwrap();
    assert_eq!(bytes, b"\0\0\0\x01a\0\x02bc");
    let entries = tile::bundle_from_bytes(&bytes, 3).unwrap();
    assert_eq!(entries, [&b""[..], b"a", b"bc"]);
    for (bytes, width, told) in [
        (
            &bytes[..],
            4,
            "the bundle ends within entry 3 of 4, after 9 bytes",
        ),
        (
            &bytes[..8],
            3,
            "the bundle ends within entry 2 of 3, after 8 bytes",
        ),
        (
            &bytes[..6],
            3,
            "the bundle ends within entry 2 of 3, after 6 bytes",
        ),
        (
            &bytes[..],
            2,
            "the bundle has 4 bytes after the last of 2 entries",
        ),
        (
            &[][..],
            1,
            "the bundle ends within entry 0 of 1, after 0 bytes",
        ),
    ] {
        let error = tile::bundle_from_bytes(bytes, width).unwrap_err();
        assert_eq!(error.to_string(), told);
    }
}

#[test]
fn an_entry_has_at_most_65535_bytes_a_bundle_256_entries() {
    let longest = vec![7; 65_535];
    let bytes = tile::bundle_to_bytes(&[&longest, &longest]).unwrap();
    assert_eq!(
        tile::bundle_from_bytes(&bytes, 2).unwrap(),
        [&longest, &longest]
    );
    let error = tile::bundle_to_bytes(&[&longest[..], &[0; 65_536]]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "entry 1 of the bundle has 65536 bytes; it may have 65535"
    );
    assert!(tile::bundle_to_bytes(&[""; 256]).is_ok());
    for wrong in [0, 257] {
        let error = tile::bundle_to_bytes(&vec![""; wrong]).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("a bundle has 1 to 256 entries, not {wrong}")
        );
    }
}

proptest! {
    #[test]
    fn paths_are_read_as_they_were_written(
        level in prop::option::of(0..=MAX_LEVEL),
        bits in 0_u32..=56,
        index: u64,
        width in 1..=FULL_WIDTH,
    ) {
        let contents = level.map_or(Contents::Entries, |level| Contents::Hashes { level });
        let index = index & ((1 << bits) - 1);
        let tile = Tile::new(contents, index, width).unwrap();
        prop_assert_eq!(tile.to_string().parse(), Ok(tile));
    }

    #[test]
    fn what_is_read_as_a_path_is_written_the_same(
        path in "tile/(entries|[0-9]{1,2})/(x[0-9]{2,3}/){0,7}[0-9]{2,3}(\\.p/[0-9]{1,3})?",
    ) {
        if let Ok(tile) = path.parse::<Tile>() {
            prop_assert_eq!(tile.to_string(), path);
        }
    }

    #[test]
    fn bundles_are_read_as_they_were_written(
        entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..20),
    ) {
        let bytes = tile::bundle_to_bytes(&entries).unwrap();
        let width = u16::try_from(entries.len()).unwrap();
        prop_assert_eq!(tile::bundle_from_bytes(&bytes, width).unwrap(), entries);
    }

    #[test]
    fn what_is_read_as_a_bundle_is_written_the_same(
        bytes in prop::collection::vec(prop::sample::select(vec![0_u8, 1, 2]), 0..30),
        width in 0_u16..8,
    ) {
        if let Ok(entries) = tile::bundle_from_bytes(&bytes, width) {
            if width > 0 {
                prop_assert_eq!(tile::bundle_to_bytes(&entries).unwrap(), bytes);
            }
        }
    }
}

/// Every tile that was ever served stays true: a partial one is the beginning of those after it.
#[test]
fn a_tile_never_changes_but_by_growing() {
    let tree = tree(520);
    let mut served: HashMap<(Contents, u64), Vec<Hash>> = HashMap::new();
    for size in 1..=520 {
        for tile in tile::hash_tiles(size) {
            let hashes = tile.hashes(&tree.at(size).unwrap()).unwrap();
            let before = served.insert((tile.contents(), tile.index()), hashes.clone());
            assert!(
                hashes.starts_with(&before.unwrap_or_default()),
                "{tile} at {size}"
            );
        }
    }
}

//! Roots and proofs, at every index of every size up to 300.

use tauline_log::tree::{Frontier, Hash, ProofError, Tree, TreeHead, leaf_hash, node_hash};

use crate::naive::{Naive, leaf, root_of_path, roots_of_proof, sha256};

const SIZES: usize = 300;

fn entries(count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|n| format!("entry {n}").into_bytes())
        .collect()
}

fn both() -> (Naive, Tree) {
    let entries = entries(SIZES);
    let mut tree = Tree::new();
    entries.iter().for_each(|entry| _ = tree.push(entry));
    (Naive::new(entries), tree)
}

fn head(tree: &Tree, size: usize) -> TreeHead {
    tree.at(size as u64).unwrap().head()
}

/// A proof of a tree, with one bit of one hash changed, one hash less, or one more: every way.
fn spoiled(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = Vec::new();
    for place in 0..proof.len() {
        let mut changed = proof.to_vec();
        changed[place].0[place % 32] ^= 1 << (place % 8);
        all.push(changed);
        let mut less = proof.to_vec();
        less.remove(place);
        all.push(less);
    }
    for place in 0..=proof.len() {
        let mut more = proof.to_vec();
        more.insert(place, leaf(b"more"));
        all.push(more);
    }
    all
}

/// Eight entries whose roots are published with transparency-dev/merkle, `testonly/constants.go`, as
/// tests of Certificate Transparency.
#[test]
fn known_roots() {
    let entries = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut tree = Tree::new();
    let mut found = vec![hex::encode(tree.head().root.0)];
    for entry in entries {
        tree.push(hex::decode(entry).unwrap());
        found.push(hex::encode(tree.head().root.0));
    }
    assert_eq!(found, roots);
    assert_eq!(TreeHead::EMPTY.root, sha256(&[]));
}

#[test]
fn leaves_and_nodes_are_told_apart_by_their_first_byte() {
    let (one, two) = (leaf(b"1"), leaf(b"2"));
    assert_eq!(leaf_hash(b"1"), sha256(&[&[0], b"1"]));
    assert_eq!(node_hash(&one, &two), sha256(&[&[1], &one.0, &two.0]));
}

#[test]
fn every_root_of_every_size_is_that_of_the_naive_tree() {
    let (naive, tree) = both();
    let mut frontier = Frontier::new();
    let mut grown = Tree::new();
    for (size, entry) in entries(SIZES).iter().enumerate() {
        let root = naive.root(0, size);
        assert_eq!(head(&tree, size).root, root, "{size}");
        assert_eq!(frontier.head(), head(&tree, size));
        assert_eq!(grown.head(), head(&tree, size));
        let stored = frontier.subtrees().to_vec();
        assert_eq!(
            Frontier::from_subtrees(size as u64, stored),
            Ok(frontier.clone())
        );
        frontier.push(entry);
        assert_eq!(grown.push(entry), size as u64);
    }
}

#[test]
fn a_frontier_has_a_subtree_for_each_bit_of_its_size() {
    let frontier = Frontier::from_subtrees(5, vec![leaf(b"0")]);
    let text = frontier.unwrap_err().to_string();
    assert_eq!(text, "a tree of 5 leaves has 2 full subtrees, not 1");
}

#[test]
fn leaf_hashes_make_the_same_tree() {
    let (_, tree) = both();
    let leaves = (0..SIZES as u64).map(|index| tree.leaf(index).unwrap());
    assert_eq!(Tree::from_leaf_hashes(leaves), tree);
    assert_eq!(tree.leaf(7), Some(leaf(b"entry 7")));
    assert_eq!(tree.leaf(SIZES as u64), None);
}

#[test]
fn every_inclusion_proof_is_that_of_the_naive_tree_and_nothing_else_verifies() {
    let (naive, tree) = both();
    let other = leaf(b"other");
    for size in 1..=SIZES {
        let snapshot = tree.at(size as u64).unwrap();
        let head = snapshot.head();
        for index in 0..size {
            let proof = snapshot.inclusion(index as u64).unwrap();
            assert_eq!(proof, naive.path(index, 0, size), "{index} in {size}");
            let leaf = tree.leaf(index as u64).unwrap();
            let verify = |index: usize, leaf, proof: &[Hash]| {
                head.verify_inclusion(index as u64, leaf, proof)
            };
            assert_eq!(verify(index, &leaf, &proof), Ok(()), "{index} in {size}");
            assert!(verify(index, &other, &proof).is_err());
            for spoiled in spoiled(&proof) {
                assert!(verify(index, &leaf, &spoiled).is_err());
            }
            for wrong in [
                0,
                index ^ 1,
                index.wrapping_sub(1),
                index + 1,
                size - 1,
                size,
            ] {
                let is_right = wrong == index;
                assert_eq!(verify(wrong, &leaf, &proof).is_ok(), is_right, "{wrong}");
            }
        }
    }
}

#[test]
fn every_consistency_proof_is_that_of_the_naive_tree_and_nothing_else_verifies() {
    let (naive, tree) = both();
    for new in 0..=SIZES {
        let snapshot = tree.at(new as u64).unwrap();
        let now = snapshot.head();
        for old in 0..=new {
            let then = head(&tree, old);
            let proof = snapshot.consistency_from(old as u64).unwrap();
            assert_eq!(proof, naive.proof(old, new), "{old} to {new}");
            assert_eq!(
                now.verify_consistency(&then, &proof),
                Ok(()),
                "{old} to {new}"
            );
            for spoiled in spoiled(&proof) {
                assert!(now.verify_consistency(&then, &spoiled).is_err());
            }
            // A root of another size, or one with a changed bit.
            for root in [head(&tree, (old + 1) % SIZES).root, Hash([0; 32])] {
                let wrong = TreeHead { root, ..then };
                assert!(now.verify_consistency(&wrong, &proof).is_err());
            }
            let wrong = TreeHead {
                root: Hash([0; 32]),
                ..now
            };
            // Everything is consistent with the empty tree.
            assert_eq!(wrong.verify_consistency(&then, &proof).is_ok(), old == 0);
        }
    }
}

/// A root does not bind its size, so with a wrong size the verdict is that of the definition: refused,
/// unless the path to the root is the same. With the root that belongs to the size, all is refused.
#[test]
fn a_wrong_size_is_refused_wherever_the_definition_refuses_it() {
    let (_, tree) = both();
    let (mut refused, mut same_path) = (0, 0);
    for size in 1..80 {
        let snapshot = tree.at(size as u64).unwrap();
        for index in 0..size {
            let leaf = tree.leaf(index as u64).unwrap();
            let proof = snapshot.inclusion(index as u64).unwrap();
            for wrong in (0..100).filter(|&wrong| wrong != size) {
                let root = snapshot.root();
                let claimed = TreeHead {
                    size: wrong as u64,
                    root,
                };
                let verdict = claimed.verify_inclusion(index as u64, &leaf, &proof);
                let by_definition = root_of_path(index, wrong, leaf, &proof) == Some(root);
                assert_eq!(
                    verdict.is_ok(),
                    by_definition,
                    "{index} in {size} as {wrong}"
                );
                if by_definition {
                    same_path += 1;
                } else {
                    refused += 1;
                }
                let true_head = head(&tree, wrong);
                let verdict = true_head.verify_inclusion(index as u64, &leaf, &proof);
                assert!(verdict.is_err(), "{index} in {size} and {wrong}");
            }
        }
    }
    assert!(
        refused > same_path && same_path > 0,
        "{refused}, {same_path}"
    );
}

#[test]
fn a_wrong_old_or_new_size_is_refused_wherever_the_definition_refuses_it() {
    let (_, tree) = both();
    for new in 1..50 {
        for old in 1..=new {
            let proof = tree.at(new as u64).unwrap().consistency_from(old as u64);
            let proof = proof.unwrap();
            let (then, now) = (head(&tree, old), head(&tree, new));
            for wrong in 1..60 {
                for (m, n) in [(wrong, new), (old, wrong)] {
                    let claimed_then = TreeHead {
                        size: m as u64,
                        ..then
                    };
                    let claimed_now = TreeHead {
                        size: n as u64,
                        ..now
                    };
                    let verdict = claimed_now.verify_consistency(&claimed_then, &proof);
                    let by_definition = roots_of_proof(m, n, then.root, &proof);
                    let by_definition = by_definition == Some((then.root, now.root));
                    assert_eq!(
                        verdict.is_ok(),
                        by_definition,
                        "{old} to {new} as {m} to {n}"
                    );
                }
                if wrong != old {
                    let verdict = now.verify_consistency(&head(&tree, wrong), &proof);
                    assert!(verdict.is_err(), "{old} to {new} from {wrong}");
                }
                if wrong != new {
                    let verdict = head(&tree, wrong).verify_consistency(&then, &proof);
                    assert!(verdict.is_err(), "{old} to {new} at {wrong}");
                }
            }
        }
    }
}

#[test]
fn a_log_that_was_rewritten_is_not_consistent() {
    let (_, tree) = both();
    for changed in 0..30 {
        let mut rewritten = entries(60);
        rewritten[changed] = b"rewritten".to_vec();
        let rewritten = Tree::from_leaf_hashes(rewritten.iter().map(leaf_hash));
        for old in 1..=40_usize {
            let proof = rewritten.snapshot().consistency_from(old as u64).unwrap();
            let verdict = rewritten
                .head()
                .verify_consistency(&head(&tree, old), &proof);
            assert_eq!(verdict.is_ok(), old <= changed, "{changed} {old}");
        }
    }
}

#[test]
fn what_is_beyond_the_tree_is_said() {
    let (_, tree) = both();
    let told = |result: Result<Vec<Hash>, ProofError>| result.unwrap_err().to_string();
    let tree_of_3 = tree.at(3).unwrap();
    assert_eq!(
        tree.at(301).unwrap_err().to_string(),
        "there is no tree of size 301 yet: it has 300 leaves"
    );
    assert_eq!(
        told(tree_of_3.inclusion(3)),
        "a tree of size 3 has no leaf 3"
    );
    assert_eq!(
        told(tree_of_3.consistency_from(4)),
        "a tree of size 3 cannot have grown from one of size 4"
    );
    let three = tree_of_3.head();
    let short = three.verify_inclusion(0, &leaf(b"entry 0"), &[]);
    assert_eq!(
        short.unwrap_err().to_string(),
        "the proof must have 2 hashes and has 0"
    );
}

/// Sizes near the largest: no overflow, and no more hashing than the proof is long.
#[test]
fn heads_of_any_size_are_verified_without_overflow() {
    let proof: Vec<Hash> = (0..64).map(|n: u8| leaf(&[n])).collect();
    let sizes = [
        1,
        2,
        1 << 32,
        (1 << 63) - 1,
        1 << 63,
        (1 << 63) + 1,
        u64::MAX - 1,
        u64::MAX,
    ];
    for size in sizes {
        let head = TreeHead {
            size,
            root: leaf(b""),
        };
        for other in sizes {
            for length in 0..=proof.len() {
                let proof = &proof[..length];
                let index = head.verify_inclusion(other, &leaf(b"x"), proof);
                assert!(index.is_err());
                let old = TreeHead {
                    size: other,
                    root: leaf(b"old"),
                };
                assert!(head.verify_consistency(&old, proof).is_err());
            }
        }
    }
}

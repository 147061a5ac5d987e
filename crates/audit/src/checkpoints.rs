//! Checkpoints: what the log was said to be, at any time and to anybody, must be what it is
//! (`docs/spec/public-log.md#checkpoints`).

use std::collections::BTreeMap;

use tauline_log::checkpoint::SignedCheckpoint;
use tauline_log::tree::{Frontier, Hash, TreeHead};

use crate::custody::Opened;
use crate::finding::Violation;
use crate::kind::Kind;

/// A checkpoint that the entries are held against.
#[derive(Debug, Clone)]
struct Wanted {
    tree: TreeHead,
    /// Where it comes from, in words that follow "the checkpoint": `of the log`, `of ticket 7`.
    whose: String,
    /// The checkpoint with its signatures, if they are not verified yet.
    signed: Option<SignedCheckpoint>,
    /// Whether one that is not signed by the log is held against it.
    is_the_logs: bool,
}

/// The checkpoints, and the roots at their sizes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Checkpoints {
    wanted: Vec<Wanted>,
    /// None until the log is that large.
    roots: BTreeMap<u64, Option<Hash>>,
}

/// The log was read past a size before anybody asked for its root there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the root of the first {asked} entries is not known any more: {size} entries were read")]
pub struct TooLate {
    pub(crate) asked: u64,
    pub(crate) size: u64,
}

impl Checkpoints {
    pub(crate) fn verified(
        &mut self,
        tree: TreeHead,
        whose: String,
        frontier: &Frontier,
    ) -> Result<(), TooLate> {
        self.root_wanted(tree.size, frontier)?;
        self.wanted.push(Wanted {
            tree,
            whose,
            signed: None,
            is_the_logs: true,
        });
        Ok(())
    }

    pub(crate) fn signed(
        &mut self,
        signed: SignedCheckpoint,
        whose: String,
        is_the_logs: bool,
        frontier: &Frontier,
    ) -> Result<(), TooLate> {
        let tree = signed.unverified().tree;
        self.root_wanted(tree.size, frontier)?;
        self.wanted.push(Wanted {
            tree,
            whose,
            signed: Some(signed),
            is_the_logs,
        });
        Ok(())
    }

    fn root_wanted(&mut self, asked: u64, frontier: &Frontier) -> Result<(), TooLate> {
        let size = frontier.size();
        if self.roots.contains_key(&asked) {
            return Ok(());
        }
        if asked < size {
            return Err(TooLate { asked, size });
        }
        let root = (asked == size).then(|| frontier.root());
        self.roots.insert(asked, root);
        Ok(())
    }

    /// An entry was appended.
    pub(crate) fn grown(&mut self, frontier: &Frontier) {
        if let Some(root) = self.roots.get_mut(&frontier.size()) {
            *root = Some(frontier.root());
        }
    }

    /// What the checkpoints show, and what proves nothing. `size` is the log's.
    pub(crate) fn judge(
        &self,
        opened: Option<&Opened>,
        size: u64,
    ) -> (Vec<Violation>, Vec<String>) {
        let (mut violations, mut unproven) = (Vec::new(), Vec::new());
        let mut is_keyless_told = false;
        for wanted in &self.wanted {
            let Wanted { tree, whose, .. } = wanted;
            if let Err(why) = wanted.verify(opened) {
                match wanted.is_the_logs {
                    // While the log's key is not known, that is so of all of them: once is enough.
                    true if is_keyless_told => {}
                    true => {
                        is_keyless_told = opened.is_none();
                        violations.push(Violation::of_log(
                            Kind::CheckpointNotSigned,
                            format!("The checkpoint {whose} is not the log's: {why}."),
                        ));
                    }
                    false => unproven.push(format!("The checkpoint {whose} shows nothing: {why}.")),
                }
                continue;
            }
            match self.roots.get(&tree.size).copied().flatten() {
                Some(root) if root == tree.root => {}
                Some(_) => violations.push(Violation::of_log(
                    Kind::TwoVersions,
                    format!(
                        "The checkpoint {whose} was signed for other entries: the first {} entries of \
                         the log have been changed since, or two people were shown two logs.",
                        tree.size
                    ),
                )),
                None => violations.push(Violation::of_log(
                    Kind::EntriesMissing,
                    format!(
                        "The checkpoint {whose} was signed for {} entries, and there are {size}: this \
                         copy of the log is older, or entries were taken away.",
                        tree.size
                    ),
                )),
            }
        }
        (violations, unproven)
    }
}

impl Wanted {
    /// Whether the key that the log has at this size has signed it, as far as it matters.
    fn verify(&self, opened: Option<&Opened>) -> Result<(), String> {
        let Some(signed) = &self.signed else {
            return Ok(());
        };
        let Some(opened) = opened else {
            return Err("the log's key is not known".to_owned());
        };
        let is_by = |key| signed.verify(std::slice::from_ref(key));
        let Err(error) = is_by(opened.key_for(self.tree.size)) else {
            return Ok(());
        };
        let is_by_another = opened.keys.iter().any(|it| is_by(&it.key).is_ok());
        Err(match is_by_another {
            true => format!(
                "it is signed with a key that the log does not have when it has {} entries, but before or \
                 after that",
                self.tree.size
            ),
            false => error.to_string(),
        })
    }
}

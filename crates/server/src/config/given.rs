//! Which settings were given: to tell later which have changed.

use std::collections::{BTreeMap, BTreeSet};

use clap::ArgMatches;
use sha2::{Digest as _, Sha256};

/// What was given for each setting, by its flag's id; hashed, since some are secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Given(BTreeMap<String, [u8; 32]>);

impl Given {
    pub(super) fn of(matches: &ArgMatches) -> Self {
        let ids = matches.ids().map(clap::Id::as_str);
        let hashed = ids.map(|id| {
            let mut hash = Sha256::new();
            for value in matches.get_raw(id).into_iter().flatten() {
                hash.update((value.len() as u64).to_be_bytes());
                hash.update(value.as_encoded_bytes());
            }
            (id.to_owned(), hash.finalize().into())
        });
        Self(hashed.collect())
    }

    /// The settings that were given otherwise than in `other`, named as the flags are.
    pub(super) fn differing(&self, other: &Self) -> Vec<String> {
        let ids: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        ids.into_iter()
            .filter(|id| self.0.get(*id) != other.0.get(*id))
            .map(|id| format!("--{}", id.replace('_', "-")))
            .collect()
    }

    /// Takes these settings, named as the flags are, for given as in `other`.
    pub(super) fn take_over(&mut self, other: &Self, names: &[String]) {
        for name in names {
            let id = name.trim_start_matches('-').replace('-', "_");
            match other.0.get(&id) {
                Some(hash) => drop(self.0.insert(id, *hash)),
                None => drop(self.0.remove(&id)),
            }
        }
    }
}

//! What the log is served as: checkpoint and tiles (`docs/spec/public-log.md#tiles`).

use std::sync::Arc;

use tauline_log::tile::{self, Contents, Tile};
use tauline_log::tree::leaf_hash;
use tauline_protocol::journal::Record;
use tauline_store::{StoreError, check};

use super::grown::PublicLog;

/// What is served.
pub(crate) enum Served {
    /// The last checkpoint: it changes.
    Checkpoint(Arc<str>),
    /// A tile: it never does.
    Tile(Vec<u8>),
    /// Nothing is there, or not yet.
    Nothing,
}

impl PublicLog {
    /// What is at this path below `/log/`. Blocks.
    ///
    /// # Errors
    /// When the store fails, or an entry has changed since it was signed.
    pub(crate) fn serve(&self, path: &str) -> Result<Served, StoreError> {
        if path == "checkpoint" {
            let shown = self.shown();
            return Ok(shown.map_or(Served::Nothing, |it| Served::Checkpoint(it.text)));
        }
        let Ok(tile) = path.parse::<Tile>() else {
            return Ok(Served::Nothing);
        };
        let Some(signed) = self.signed() else {
            return Ok(Served::Nothing);
        };
        let hashes = {
            let grown = self.read();
            let signed = grown.tree.at(signed.head.size);
            let hashes = signed.ok().and_then(|tree| tile.hashes(&tree).ok());
            match hashes {
                Some(hashes) => hashes,
                None => return Ok(Served::Nothing),
            }
        };
        Ok(Served::Tile(match tile.contents() {
            Contents::Hashes { .. } => tile::hashes_to_bytes(&hashes),
            Contents::Entries => {
                let entries = self.entries(&tile)?;
                for (entry, hash) in entries.iter().zip(&hashes) {
                    if leaf_hash(entry) != *hash {
                        return Err(StoreError::damaged(
                            "an entry of the public log is not the one that was signed",
                        ));
                    }
                }
                tile::bundle_to_bytes(&entries)
                    .map_err(|error| StoreError::damaged(error.to_string()))?
            }
        }))
    }

    /// The entries of a bundle, made again from the records.
    fn entries(&self, bundle: &Tile) -> Result<Vec<Vec<u8>>, StoreError> {
        let from = bundle.index() * u64::from(tile::FULL_WIDTH);
        let records = self.store.log(from, u32::from(bundle.width()))?;
        let entry = |record: &tauline_store::StoredRecord| {
            let record = Record::from_bytes(&record.bytes)
                .map_err(|error| StoreError::damaged(error.to_string()))?;
            let entry = check::public_entry(&*self.store, &record, &self.blinding)?;
            Ok(entry.to_bytes())
        };
        records.iter().map(entry).collect()
    }
}

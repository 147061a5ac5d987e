//! Where a log is read from: a directory, or a coordinator with a cache before it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::Url;
use tauline_log::checkpoint::SignedCheckpoint;
use tauline_log::tile::{self, FULL_WIDTH, Tile};

use super::cache::Cache;
use crate::client::{self, Client};
use crate::exit::{Failure, Outcome};
use crate::public_log::{MAX_TILE, PublicLog};

/// Tiles that are asked for at a time.
const AT_ONCE: usize = 6;

/// How long calls are repeated while the coordinator does not answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest checkpoint, in bytes.
const MAX_CHECKPOINT: u64 = tauline_log::note::MAX_NOTE_LEN as u64;

/// Where the log is, and what of it is at hand.
pub(super) struct Source {
    place: Place,
    cache: Option<Cache>,
    /// Whether the cache had something.
    has_used_cache: bool,
}

enum Place {
    Directory(PathBuf),
    Server(Box<Client>),
}

/// A tile that was asked for.
struct Fetched {
    bytes: Vec<u8>,
    /// How many entries are in it: a full bundle may come instead of a partial one.
    width: u16,
    is_cached: bool,
}

impl Source {
    pub(super) fn open(
        directory: Option<&Path>,
        server: Option<&Url>,
        cache: Option<Cache>,
    ) -> Outcome<Self> {
        let place = match (directory, server) {
            (Some(directory), _) => Place::Directory(directory.to_owned()),
            (None, Some(server)) => {
                let client = Client::new(client::http(server)?, server.clone());
                Place::Server(Box::new(client))
            }
            (None, None) => {
                return Err(Failure::usage("no log is named").help("give --server or --log"));
            }
        };
        Ok(Self {
            place,
            cache,
            has_used_cache: false,
        })
    }

    /// What it is called in messages.
    pub(super) fn name(&self) -> String {
        match &self.place {
            Place::Directory(path) => path.display().to_string(),
            Place::Server(client) => client.server().to_string(),
        }
    }

    /// Whether a coordinator serves the log, so that it may change meanwhile.
    pub(super) fn is_server(&self) -> bool {
        matches!(self.place, Place::Server(_))
    }

    /// The log's checkpoint, whose signature is not verified yet.
    pub(super) async fn checkpoint(&self) -> Outcome<SignedCheckpoint> {
        let bytes = match &self.place {
            Place::Directory(path) => {
                let path = path.join("checkpoint");
                std::fs::read(&path).map_err(|error| Failure::file("read", &path, &error))?
            }
            Place::Server(client) => match PublicLog::new(client, PATIENCE)
                .get("checkpoint", MAX_CHECKPOINT)
                .await?
            {
                Some(bytes) => bytes,
                None => {
                    let text = format!("{} has no public log", client.server());
                    return Err(Failure::io(text).help("ask its operator for a newer version"));
                }
            },
        };
        SignedCheckpoint::parse(&bytes).map_err(|error| {
            Failure::bad(format!(
                "{} has no checkpoint of a log: {error}",
                self.name()
            ))
        })
    }

    /// Hands the entries from `from` up to `size` on, in order.
    pub(super) async fn entries(
        &mut self,
        from: u64,
        size: u64,
        mut take: impl FnMut(&[u8]) -> Outcome,
    ) -> Outcome {
        let first = from / u64::from(FULL_WIDTH);
        let width = u64::from(FULL_WIDTH);
        let bundles = (first..size.div_ceil(width)).map(|index| {
            let width = width.min(size - index * width);
            Tile::new(
                tile::Contents::Entries,
                index,
                u16::try_from(width).unwrap_or(FULL_WIDTH),
            )
        });
        let mut has_used_cache = false;
        let source = &*self;
        let fetched = bundles.map(|tile| async move {
            let tile = tile.map_err(|error| Failure::bad(error.to_string()))?;
            Ok::<_, Failure>((tile, source.bundle(tile).await?))
        });
        let mut fetched = futures_util::stream::iter(fetched).buffered(AT_ONCE);
        while let Some(next) = fetched.next().await {
            let (tile, fetched) = next?;
            has_used_cache |= fetched.is_cached;
            let entries = tile::bundle_from_bytes(&fetched.bytes, fetched.width)
                .map_err(|error| Failure::io(format!("{}: {tile}: {error}", source.name())))?;
            let before = tile.index() * width;
            let wanted = entries.iter().take(usize::from(tile.width()));
            for (place, entry) in (before..).zip(wanted) {
                if place >= from {
                    take(entry)?;
                }
            }
        }
        drop(fetched);
        self.has_used_cache |= has_used_cache;
        Ok(())
    }

    /// A bundle of entries. A full one never changes, and is kept; where a partial one is not served
    /// any more, there is a full one.
    async fn bundle(&self, tile: Tile) -> Outcome<Fetched> {
        let cached = self.cache.as_ref().filter(|_| !tile.is_partial());
        if let Some(bytes) = cached.and_then(|cache| cache.tile(tile)) {
            return Ok(Fetched {
                bytes,
                width: tile.width(),
                is_cached: true,
            });
        }
        for one in [tile, tile.full()] {
            if let Some(bytes) = self.tile(one).await? {
                if let Some(cache) = self.cache.as_ref().filter(|_| !one.is_partial()) {
                    cache.keep_tile(one, &bytes)?;
                }
                return Ok(Fetched {
                    bytes,
                    width: one.width(),
                    is_cached: false,
                });
            }
        }
        Err(Failure::bad(format!(
            "{} has signed a checkpoint for more entries than it shows: there is no {tile}",
            self.name()
        )))
    }

    async fn tile(&self, tile: Tile) -> Outcome<Option<Vec<u8>>> {
        match &self.place {
            Place::Directory(path) => {
                let path = path.join(tile.to_string());
                match std::fs::read(&path) {
                    Ok(bytes) => Ok(Some(bytes)),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(Failure::file("read", &path, &error)),
                }
            }
            Place::Server(client) => {
                PublicLog::new(client, PATIENCE)
                    .get(&tile.to_string(), MAX_TILE)
                    .await
            }
        }
    }

    /// The checkpoints that earlier audits have seen.
    pub(super) fn remembered(&self) -> &[SignedCheckpoint] {
        self.cache.as_ref().map_or(&[], Cache::checkpoints)
    }

    /// Remembers a checkpoint for later audits.
    pub(super) fn remember(&mut self, checkpoint: &SignedCheckpoint) -> Outcome {
        match &mut self.cache {
            Some(cache) => cache.remember(checkpoint),
            None => Ok(()),
        }
    }

    /// Whether tiles came from the disk that were once downloaded.
    pub(super) fn has_used_cache(&self) -> bool {
        self.has_used_cache
    }

    /// Downloads tiles anew from now on.
    pub(super) fn forget_tiles(&mut self) {
        self.has_used_cache = false;
        if let Some(cache) = &mut self.cache {
            cache.forget_tiles();
        }
    }
}

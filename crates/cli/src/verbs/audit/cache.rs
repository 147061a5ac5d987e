//! What an audit keeps on the disk: tiles, which never change, and the checkpoints that it has seen,
//! which the log has to bear out for ever (`docs/spec/public-log.md#never-back`).

use std::fs;
use std::path::{Path, PathBuf};

use reqwest::Url;
use serde::{Deserialize, Serialize};
use tauline_log::checkpoint::SignedCheckpoint;
use tauline_log::tile::Tile;

use crate::exit::{Failure, Outcome};
use crate::output;

/// The file of the checkpoints.
const CHECKPOINTS: &str = "checkpoints.json";

/// Checkpoints that are remembered: the first ones and the latest.
const MOST: usize = 256;

/// Version of the file.
const VERSION: u16 = 1;

/// A folder for one log.
pub(super) struct Cache {
    folder: PathBuf,
    checkpoints: Vec<SignedCheckpoint>,
    /// Whether tiles are downloaded anew.
    is_fresh: bool,
}

#[derive(Serialize, Deserialize)]
struct File {
    v: u16,
    /// Signed notes, as they came.
    checkpoints: Vec<String>,
}

impl Cache {
    /// The folder that was named, or for a server one of this user's; none for a directory that holds
    /// a log, or if there is no such place.
    pub(super) fn open(
        named: Option<&Path>,
        server: Option<&Url>,
        is_directory: bool,
    ) -> Outcome<Option<Self>> {
        let folder = match (named, server) {
            (Some(folder), _) => folder.to_owned(),
            (None, Some(server)) if !is_directory => match of_user() {
                Some(folder) => folder.join(file_name(server)),
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        let path = folder.join(CHECKPOINTS);
        let checkpoints = match fs::read(&path) {
            Ok(bytes) => read(&path, &bytes)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Failure::file("read", &path, &error)),
        };
        Ok(Some(Self {
            folder,
            checkpoints,
            is_fresh: false,
        }))
    }

    pub(super) fn checkpoints(&self) -> &[SignedCheckpoint] {
        &self.checkpoints
    }

    /// Adds a checkpoint to the file.
    pub(super) fn remember(&mut self, checkpoint: &SignedCheckpoint) -> Outcome {
        let seen = |it: &SignedCheckpoint| it.unverified().tree == checkpoint.unverified().tree;
        if self.checkpoints.iter().any(seen) {
            return Ok(());
        }
        self.checkpoints.push(checkpoint.clone());
        if self.checkpoints.len() > MOST {
            self.checkpoints.remove(MOST / 2);
        }
        let file = File {
            v: VERSION,
            checkpoints: self.checkpoints.iter().map(ToString::to_string).collect(),
        };
        self.make(&self.folder)?;
        let path = self.folder.join(CHECKPOINTS);
        output::write_file(&path, true, |out| {
            serde_json::to_writer_pretty(out, &file).map_err(Into::into)
        })
    }

    pub(super) fn tile(&self, tile: Tile) -> Option<Vec<u8>> {
        let path = self.folder.join(tile.to_string());
        fs::read(path).ok().filter(|_| !self.is_fresh)
    }

    pub(super) fn keep_tile(&self, tile: Tile, bytes: &[u8]) -> Outcome {
        let path = self.folder.join(tile.to_string());
        self.make(output::parent(&path))?;
        output::write_file(&path, true, |out| out.write_all(bytes))
    }

    pub(super) fn forget_tiles(&mut self) {
        self.is_fresh = true;
    }

    fn make(&self, folder: &Path) -> Outcome {
        fs::create_dir_all(folder).map_err(|error| Failure::file("make", folder, &error))
    }
}

fn read(path: &Path, bytes: &[u8]) -> Outcome<Vec<SignedCheckpoint>> {
    let wrong = |why: String| {
        Failure::io(format!("{} has no checkpoints: {why}", path.display()))
            .help("remove the file, and this audit knows nothing of earlier ones")
    };
    let file: File = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    if file.v > VERSION {
        return Err(wrong("a later version of this program wrote it".to_owned()));
    }
    let read = |note: &String| SignedCheckpoint::parse(note.as_bytes());
    let read = file.checkpoints.iter().map(read);
    read.collect::<Result<_, _>>()
        .map_err(|error| wrong(error.to_string()))
}

/// Where this user's programs keep what they can get again.
fn of_user() -> Option<PathBuf> {
    let set = |name| {
        std::env::var_os(name)
            .filter(|it| !it.is_empty())
            .map(PathBuf::from)
    };
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
    Some(cache.join("tauline").join("audit"))
}

/// An address as the name of a folder.
fn file_name(server: &Url) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let plain = server.as_str().chars();
    plain.map(|c| if is_plain(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use tauline_log::checkpoint::Checkpoint;
    use tauline_log::note::Signer;
    use tauline_log::tree::Tree;

    use super::*;

    #[test]
    fn checkpoints_are_remembered_once_each() {
        let dir = tempfile::tempdir().unwrap();
        let signer = Signer::from_seed("a.org/log".parse().unwrap(), &[1; 32]);
        let mut tree = Tree::new();
        let mut cache = Cache::open(Some(dir.path()), None, false).unwrap().unwrap();
        for _ in 0..MOST + 5 {
            tree.push("entry");
            let checkpoint = Checkpoint::new("a.org/log".parse().unwrap(), tree.head());
            let signed = checkpoint.sign(&signer).unwrap();
            cache.remember(&signed).unwrap();
            cache.remember(&signed).unwrap();
        }
        let again = Cache::open(Some(dir.path()), None, false).unwrap().unwrap();
        assert_eq!(again.checkpoints(), cache.checkpoints());
        let sizes = again
            .checkpoints()
            .iter()
            .map(|it| it.unverified().tree.size);
        let sizes: Vec<u64> = sizes.collect();
        assert_eq!(sizes.len(), MOST);
        assert_eq!((sizes[0], sizes[MOST - 1]), (1, MOST as u64 + 5));
    }

    #[test]
    fn each_server_has_a_folder_of_its_own() {
        let name = |url: &str| file_name(&url.parse().unwrap());
        assert_eq!(name("https://a.org/"), "https___a.org_");
        assert_ne!(name("https://a.org:1/"), name("https://a.org:2/"));
        assert_ne!(name("https://a.org/"), name("http://a.org/"));
    }
}

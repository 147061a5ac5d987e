//! What a disk may hold after the power has failed.
//!
//! What was written to a file is durable once an `fsync` or `fdatasync` of it is over that began after
//! the write. Until then all of it may be there, nothing, or all but one write, and the last one may be
//! cut at a sector. A name that was made, changed or removed is durable after the same for the
//! directory. A new file's own name is durable after an `fsync` of the file, too, as ext4, XFS and Btrfs
//! have it; POSIX alone does not say so. The data directory itself is taken to be there.
//!
//! Left out are the index of SQLite's write-ahead log, which is mapped into memory and made anew after
//! a crash, and the lock, in which nothing is kept.

use std::collections::BTreeMap;

use crate::operations::{Operation, Step};

/// What a disk writes as a whole or not at all, in bytes.
const SECTOR: usize = 512;

/// The files of a directory by their names. None is a folder.
pub(crate) type Image = BTreeMap<String, Option<Vec<u8>>>;

/// Which of what is not durable yet was on the disk when the power failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nothing,
    Everything,
    /// All names, and nothing of what was written.
    Names,
    /// All that was written, and no name.
    Contents,
    /// Everything but this name.
    WithoutName(usize),
    /// Everything but this write.
    WithoutWrite {
        file: usize,
        write: usize,
    },
    /// Everything, but of the last write only so many bytes.
    Torn(usize),
}

/// A disk while a program runs.
#[derive(Default)]
pub(crate) struct Disk {
    files: Vec<File>,
    /// The names that are durable.
    names: BTreeMap<String, Node>,
    /// Those changes of names that are not, and when they were made.
    unsynced: Vec<(usize, NameChange)>,
}

#[derive(Default)]
struct File {
    /// What is durable.
    durable: Vec<u8>,
    /// What is not, and when it was written.
    unsynced: Vec<(usize, Change)>,
    is_left_out: bool,
}

#[derive(Clone, Copy)]
enum Node {
    File(usize),
    Folder,
}

enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

enum NameChange {
    Put(String, Node),
    Move { from: String, to: String },
    Link { from: String, to: String },
    Remove(String),
}

/// How much of a change was on the disk.
enum Kept {
    All,
    /// So many bytes of a write.
    Part(usize),
    Nothing,
}

fn is_left_out(name: &str) -> bool {
    name.ends_with("-shm") || name == "lock"
}

impl Disk {
    /// Takes what the program does next.
    pub(crate) fn take(&mut self, step: &Step) {
        let at = step.at;
        match &step.operation {
            Operation::Create { file, name } => {
                assert_eq!(*file, self.files.len(), "files are numbered in order");
                self.files.push(File {
                    is_left_out: is_left_out(name),
                    ..File::default()
                });
                let change = NameChange::Put(name.clone(), Node::File(*file));
                self.unsynced.push((at, change));
            }
            Operation::Folder { name } => {
                let change = NameChange::Put(name.clone(), Node::Folder);
                self.unsynced.push((at, change));
            }
            Operation::Rename { from, to } => {
                let (from, to) = (from.clone(), to.clone());
                self.unsynced.push((at, NameChange::Move { from, to }));
            }
            Operation::Link { from, to } => {
                let (from, to) = (from.clone(), to.clone());
                self.unsynced.push((at, NameChange::Link { from, to }));
            }
            Operation::Unlink { name } => {
                self.unsynced.push((at, NameChange::Remove(name.clone())));
            }
            Operation::Write {
                file,
                offset,
                bytes,
            } => {
                let (offset, bytes) = (*offset, bytes.clone());
                self.change(*file, at, Change::Write { offset, bytes });
            }
            Operation::Length { file, length } => self.change(*file, at, Change::Length(*length)),
            Operation::Sync { file, began } => self.sync(*file, *began),
            Operation::SyncNames { began } => self.settle(|made, _| made < *began),
            Operation::Tell(_) => {}
        }
    }

    fn change(&mut self, file: usize, at: usize, change: Change) {
        let file = &mut self.files[file];
        if !file.is_left_out {
            file.unsynced.push((at, change));
        }
    }

    fn sync(&mut self, file: usize, began: usize) {
        let one = &mut self.files[file];
        let written = one.unsynced.iter().take_while(|(at, _)| *at < began);
        let written = written.count();
        for (_, change) in one.unsynced.drain(..written) {
            change.make(&mut one.durable);
        }
        let own_name = self.unsynced.iter().find_map(|(at, change)| match change {
            NameChange::Put(name, Node::File(of)) if *of == file && *at < began => {
                Some((*at, name.clone()))
            }
            _ => None,
        });
        if let Some((last, name)) = own_name {
            // And what became of the name before.
            self.settle(|at, change| at <= last && change.touches(&name));
        }
    }

    /// Makes changes of names durable, in order.
    fn settle(&mut self, is_durable: impl Fn(usize, &NameChange) -> bool) {
        for (at, change) in std::mem::take(&mut self.unsynced) {
            match is_durable(at, &change) {
                true => change.make(&mut self.names),
                false => self.unsynced.push((at, change)),
            }
        }
    }

    /// What can have become of what is not durable.
    pub(crate) fn kinds(&self) -> Vec<Kind> {
        let mut kinds = vec![Kind::Nothing];
        let names = (0..self.unsynced.len()).filter(|name| !self.unsynced[*name].1.is_left_out());
        let names: Vec<Kind> = names.map(Kind::WithoutName).collect();
        let writes: Vec<Kind> = self
            .reachable()
            .flat_map(|(file, one)| {
                let writes = 0..one.unsynced.len();
                writes.map(move |write| Kind::WithoutWrite { file, write })
            })
            .collect();
        if !names.is_empty() || !writes.is_empty() {
            kinds.extend([Kind::Everything, Kind::Names, Kind::Contents]);
        }
        kinds.extend(names);
        kinds.extend(writes);
        kinds.extend(self.cuts().into_iter().map(Kind::Torn));
        kinds
    }

    /// The files that have a name, or can have one after a power failure.
    fn reachable(&self) -> impl Iterator<Item = (usize, &File)> {
        let named = self.names.values().copied();
        let made = self.unsynced.iter().filter_map(|(_, change)| match change {
            NameChange::Put(_, node) => Some(*node),
            _ => None,
        });
        let mut files: Vec<usize> = named
            .chain(made)
            .filter_map(|node| match node {
                Node::File(file) => Some(file),
                Node::Folder => None,
            })
            .collect();
        files.sort_unstable();
        files.dedup();
        files.into_iter().map(|file| (file, &self.files[file]))
    }

    /// The last of all changes of files that are not durable: the file, and its number there.
    fn last_change(&self) -> Option<(usize, usize)> {
        let last = self.reachable().filter_map(|(file, one)| {
            let (at, _) = one.unsynced.last()?;
            Some((*at, file, one.unsynced.len() - 1))
        });
        last.max().map(|(_, file, change)| (file, change))
    }

    /// How much of the last write can be on the disk, where it reaches into several sectors.
    fn cuts(&self) -> Vec<usize> {
        let last = self.last_change();
        let last = last.map(|(file, change)| &self.files[file].unsynced[change].1);
        let Some(Change::Write { offset, bytes }) = last else {
            return Vec::new();
        };
        let first = (offset / SECTOR + 1) * SECTOR;
        let edges = (first..offset + bytes.len()).step_by(SECTOR);
        edges.map(|edge| edge - offset).collect()
    }

    /// The directory as it is found after the power has failed.
    pub(crate) fn image(&self, kind: Kind) -> Image {
        let mut names = self.names.clone();
        for (index, (_, change)) in self.unsynced.iter().enumerate() {
            let is_lost = match kind {
                Kind::Nothing | Kind::Contents => true,
                Kind::WithoutName(lost) => lost == index,
                _ => false,
            };
            if !is_lost {
                change.make(&mut names);
            }
        }
        let last = self.last_change();
        let kept = |file: usize, change: usize| match kind {
            Kind::Nothing | Kind::Names => Kept::Nothing,
            Kind::WithoutWrite { file: of, write } if (of, write) == (file, change) => {
                Kept::Nothing
            }
            Kind::Torn(len) if last == Some((file, change)) => Kept::Part(len),
            _ => Kept::All,
        };
        let mut image = Image::new();
        for (name, node) in names {
            match node {
                Node::File(file) if self.files[file].is_left_out => {}
                Node::File(file) => {
                    let content = self.files[file].content(|change| kept(file, change));
                    image.insert(name, Some(content));
                }
                Node::Folder => {
                    image.insert(name, None);
                }
            }
        }
        image
    }
}

impl File {
    fn content(&self, kept: impl Fn(usize) -> Kept) -> Vec<u8> {
        let mut content = self.durable.clone();
        for (index, (_, change)) in self.unsynced.iter().enumerate() {
            match (kept(index), change) {
                (Kept::Nothing, _) => {}
                (Kept::Part(len), Change::Write { offset, bytes }) => {
                    put(&mut content, *offset, &bytes[..len]);
                }
                (_, change) => change.make(&mut content),
            }
        }
        content
    }
}

impl Change {
    fn make(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => put(content, *offset, bytes),
            Self::Length(length) => content.resize(*length, 0),
        }
    }
}

fn put(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}

impl NameChange {
    fn make(&self, names: &mut BTreeMap<String, Node>) {
        match self {
            Self::Put(name, node) => {
                names.insert(name.clone(), *node);
            }
            Self::Move { from, to } => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
            Self::Link { from, to } => {
                if let Some(node) = names.get(from).copied() {
                    names.insert(to.clone(), node);
                }
            }
            Self::Remove(name) => {
                names.remove(name);
            }
        }
    }

    fn touches(&self, sought: &str) -> bool {
        match self {
            Self::Put(name, _) | Self::Remove(name) => name == sought,
            Self::Move { from, to } | Self::Link { from, to } => from == sought || to == sought,
        }
    }

    fn is_left_out(&self) -> bool {
        match self {
            Self::Put(name, _) | Self::Remove(name) => is_left_out(name),
            Self::Move { .. } | Self::Link { .. } => false,
        }
    }
}

#[test]
fn what_was_not_flushed_may_be_lost_in_whole_or_in_part() {
    let mut disk = Disk::default();
    let mut at = 0;
    let mut take = |operation| {
        at += 1;
        disk.take(&Step { at, operation });
    };
    let name = "a".to_owned();
    take(Operation::Create { file: 0, name });
    let write = |offset, len| Operation::Write {
        file: 0,
        offset,
        bytes: vec![7; len],
    };
    take(write(0, 100));
    // It began before the second write was over, which it does not cover.
    take(write(100, 1000));
    take(Operation::Sync { file: 0, began: 3 });
    let (from, to) = ("a".to_owned(), "b".to_owned());
    take(Operation::Rename { from, to });

    let found = |kind| {
        let image = disk.image(kind).into_iter();
        let files = image.map(|(name, content)| (name, content.unwrap().len()));
        files.collect::<Vec<_>>()
    };
    let file = |name: &str, len: usize| vec![(name.to_owned(), len)];
    assert_eq!(disk.cuts(), [412, 924]);
    assert_eq!(found(Kind::Nothing), file("a", 100));
    assert_eq!(found(Kind::Everything), file("b", 1100));
    assert_eq!(found(Kind::Names), file("b", 100));
    assert_eq!(found(Kind::Contents), file("a", 1100));
    assert_eq!(found(Kind::WithoutName(0)), file("a", 1100));
    assert_eq!(found(Kind::Torn(412)), file("b", 512));
    let lost = Kind::WithoutWrite { file: 0, write: 0 };
    assert_eq!(found(lost), file("b", 100));
    assert_eq!(disk.kinds().len(), 8);
}

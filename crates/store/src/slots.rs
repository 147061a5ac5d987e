//! A small file of two slots, which are overwritten in turn.
//!
//! A write that is cut short spoils only one of them. Overwriting needs no space on the disk, and one
//! flush makes it durable.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::directory::replace_file;
use crate::failpoint::failpoint;

/// Bytes of a slot: a disk's sector, which is written as a whole or not at all.
const SLOT_LEN: usize = 512;

/// What is written into a slot.
pub(crate) trait Slot: Sized {
    /// Its text, shorter than a slot, with a sum that tells whether it is whole.
    fn to_text(&self) -> io::Result<Vec<u8>>;
    /// Reads it back; none if it is not whole.
    fn from_text(text: &[u8]) -> Option<Self>;
    /// The higher one is the newer one.
    fn height(&self) -> u64;
}

/// The newest whole slot of a file and its number; none if both are spoiled.
pub(crate) fn newest<T: Slot>(bytes: &[u8]) -> Option<(u64, T)> {
    (0..)
        .zip(bytes.chunks(SLOT_LEN).take(2))
        .filter_map(|(slot, text)| Some((slot, T::from_text(text)?)))
        .max_by_key(|(_, it)| it.height())
}

/// The file, while the ceremony runs.
#[derive(Debug)]
pub(crate) struct SlotFile {
    file: File,
    next: u64,
}

impl SlotFile {
    /// Opens the file, or makes it with `first` in both slots. Returns the newest slot, too.
    pub(crate) fn open<T: Slot>(path: &Path, first: &T) -> io::Result<(Self, Option<T>)> {
        if !path.try_exists()? {
            make(path, first)?;
        }
        let file = OpenOptions::new().write(true).open(path)?;
        let bytes = std::fs::read(path)?;
        let (slot, written) = match newest(&bytes) {
            Some((slot, written)) => (slot, Some(written)),
            None => (1, None),
        };
        let next = 1 - slot;
        Ok((Self { file, next }, written))
    }

    /// Overwrites the older slot, and waits until it is durable.
    pub(crate) fn write<T: Slot>(&mut self, it: &T) -> io::Result<()> {
        let slot = padded(it)?;
        self.file.write_all_at(&slot, self.next * SLOT_LEN as u64)?;
        failpoint("slot-before-sync");
        self.file.sync_data()?;
        self.next = 1 - self.next;
        Ok(())
    }
}

/// Makes the file, which gets its name when it is whole.
pub(crate) fn make<T: Slot>(path: &Path, first: &T) -> io::Result<()> {
    replace_file(path, &padded(first)?.repeat(2))
}

fn padded<T: Slot>(it: &T) -> io::Result<Vec<u8>> {
    let mut slot = it.to_text()?;
    if slot.len() >= SLOT_LEN {
        return Err(io::Error::other("what is to be kept is longer than a slot"));
    }
    slot.resize(SLOT_LEN - 1, b' ');
    slot.push(b'\n');
    Ok(slot)
}

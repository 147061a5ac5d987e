//! What a program did to the files of its data directory, and what it said in between, in order.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use crate::told::{Answers, Told};
use crate::trace::{Call, calls};

/// Something that was done, and the line of the trace at which it counts.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) at: usize,
    pub(crate) operation: Operation,
}

/// Files have numbers, in the order in which they were made.
#[derive(Clone)]
pub(crate) enum Operation {
    Create {
        file: usize,
        name: String,
    },
    Folder {
        name: String,
    },
    Rename {
        from: String,
        to: String,
    },
    Link {
        from: String,
        to: String,
    },
    Unlink {
        name: String,
    },
    Write {
        file: usize,
        offset: usize,
        bytes: Vec<u8>,
    },
    Length {
        file: usize,
        length: usize,
    },
    /// The file was made durable, as it was when that began.
    Sync {
        file: usize,
        began: usize,
    },
    /// The same for the directory.
    SyncNames {
        began: usize,
    },
    Tell(Vec<Told>),
}

impl Operation {
    /// What is done, in a word.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Folder { .. } => "mkdir",
            Self::Rename { .. } => "rename",
            Self::Link { .. } => "link",
            Self::Unlink { .. } => "unlink",
            Self::Write { .. } => "write",
            Self::Length { .. } => "truncate",
            Self::Sync { .. } => "fsync",
            Self::SyncNames { .. } => "fsync of the directory",
            Self::Tell(_) => "answer",
        }
    }
}

/// What a descriptor stands for.
enum Handle {
    File { file: usize, offset: usize },
    Directory,
    Other,
}

/// Reads traces of programs that ran on one data directory, one after the other, from its beginning.
pub(crate) struct Reader {
    pub(crate) steps: Vec<Step>,
    directory: String,
    names: BTreeMap<String, usize>,
    lengths: Vec<usize>,
    open: HashMap<u32, Handle>,
    answers: Answers,
    /// Lines of the traces before.
    lines: usize,
}

impl Reader {
    /// Of a directory that does not exist yet. The path is as the system shows it.
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            steps: Vec::new(),
            directory: directory.to_str().unwrap().to_owned(),
            names: BTreeMap::new(),
            lengths: Vec::new(),
            open: HashMap::new(),
            answers: Answers::default(),
            lines: 0,
        }
    }

    /// Reads the trace of a whole run.
    pub(crate) fn read(&mut self, trace: &str) {
        self.open.clear();
        let mut calls = calls(trace);
        calls.sort_by_cached_key(counts_at);
        for call in &calls {
            self.take(call);
        }
        self.lines += trace.lines().count();
    }

    fn take(&mut self, call: &Call) {
        match call.name.as_str() {
            "open" | "openat" | "creat" => self.opened(call),
            "close" => {
                if let Some(descriptor) = call.descriptor() {
                    self.open.remove(&descriptor);
                }
            }
            "lseek" => {
                if let Some(Handle::File { offset, .. }) = self.handle(call) {
                    *offset = call.returned;
                }
            }
            "write" | "writev" | "sendto" | "sendmsg" if !is_of_file(call) => self.said(call),
            "write" | "writev" => self.written(call, None),
            "pwrite64" | "pwritev" => self.written(call, Some(0)),
            "pwritev2" => self.written(call, Some(1)),
            "ftruncate" => self.set_length(call, call.number(0)),
            "fallocate" => {
                let end = call.number(0) + call.number(1);
                let length = self.file(call).map_or(0, |file| self.lengths[file]);
                self.set_length(call, end.max(length));
            }
            "fsync" | "fdatasync" => self.synced(call),
            "rename" | "renameat" | "renameat2" => self.renamed(call),
            "link" | "linkat" => self.linked(call),
            "unlink" | "unlinkat" => self.unlinked(call),
            "mkdir" | "mkdirat" => {
                if let [Some(name)] = &self.names_in(call)[..] {
                    let name = name.clone();
                    self.push(call, Operation::Folder { name });
                }
            }
            other => panic!("{other} is traced and not understood"),
        }
    }

    fn push(&mut self, call: &Call, operation: Operation) {
        let at = self.lines + counts_at(call);
        self.steps.push(Step { at, operation });
    }

    /// The name of a file of the directory itself. What is in folders below it is made anew when it is
    /// missing, and left out.
    fn name_in(&self, path: &str) -> Option<String> {
        let name = path.strip_prefix(&self.directory)?.strip_prefix('/')?;
        let is_name = !name.is_empty() && !name.contains('/');
        is_name.then(|| name.to_owned())
    }

    fn names_in(&self, call: &Call) -> Vec<Option<String>> {
        let strings = call.strings();
        let paths = strings.iter().map(|path| String::from_utf8_lossy(path));
        paths.map(|path| self.name_in(&path)).collect()
    }

    fn handle(&mut self, call: &Call) -> Option<&mut Handle> {
        self.open.get_mut(&call.descriptor()?)
    }

    /// The file of the directory that a call is about, if it is about one.
    fn file(&self, call: &Call) -> Option<usize> {
        match self.open.get(&call.descriptor()?) {
            Some(Handle::File { file, .. }) => Some(*file),
            Some(_) => None,
            // The descriptor is a copy.
            None => self.names.get(&self.name_in(&call.path())?).copied(),
        }
    }

    fn opened(&mut self, call: &Call) {
        let path = call.opened.clone().unwrap_or_default();
        let handle = match self.name_in(&path) {
            _ if path == self.directory => Handle::Directory,
            Some(name) => self.opened_file(call, name),
            None => Handle::Other,
        };
        let descriptor = u32::try_from(call.returned).unwrap();
        self.open.insert(descriptor, handle);
    }

    fn opened_file(&mut self, call: &Call, name: String) -> Handle {
        assert!(!call.has("O_APPEND"), "{name} is appended to");
        let makes = call.has("O_CREAT") || call.name == "creat";
        let file = match self.names.get(&name).copied() {
            Some(file) => file,
            None if makes => {
                let file = self.lengths.len();
                self.lengths.push(0);
                self.names.insert(name.clone(), file);
                self.push(call, Operation::Create { file, name });
                file
            }
            // A folder.
            None => return Handle::Other,
        };
        let empties = call.has("O_TRUNC") || call.name == "creat";
        if empties && self.lengths[file] > 0 {
            self.lengths[file] = 0;
            self.push(call, Operation::Length { file, length: 0 });
        }
        Handle::File { file, offset: 0 }
    }

    /// Takes a write: at an offset that is an argument, by its place from the end, or where the
    /// descriptor stands.
    fn written(&mut self, call: &Call, offset: Option<usize>) {
        let Some(file) = self.file(call) else {
            return;
        };
        let bytes = call.data();
        let offset = match (offset, self.handle(call)) {
            (Some(from_end), _) => call.number(from_end),
            (None, Some(Handle::File { offset, .. })) => {
                let at = *offset;
                *offset += bytes.len();
                at
            }
            (None, _) => panic!("nobody knows where {} is written to", call.path()),
        };
        self.lengths[file] = self.lengths[file].max(offset + bytes.len());
        let operation = Operation::Write {
            file,
            offset,
            bytes,
        };
        self.push(call, operation);
    }

    fn set_length(&mut self, call: &Call, length: usize) {
        if let Some(file) = self.file(call) {
            self.lengths[file] = length;
            self.push(call, Operation::Length { file, length });
        }
    }

    fn synced(&mut self, call: &Call) {
        let began = self.lines + call.began;
        if let Some(Handle::Directory) = self.handle(call) {
            self.push(call, Operation::SyncNames { began });
        } else if let Some(file) = self.file(call) {
            self.push(call, Operation::Sync { file, began });
        }
    }

    fn renamed(&mut self, call: &Call) {
        if let [Some(from), Some(to)] = &self.names_in(call)[..] {
            if let Some(file) = self.names.remove(from) {
                self.names.insert(to.clone(), file);
            }
            let (from, to) = (from.clone(), to.clone());
            self.push(call, Operation::Rename { from, to });
        }
    }

    fn linked(&mut self, call: &Call) {
        if let [Some(from), Some(to)] = &self.names_in(call)[..] {
            if let Some(file) = self.names.get(from).copied() {
                self.names.insert(to.clone(), file);
            }
            let (from, to) = (from.clone(), to.clone());
            self.push(call, Operation::Link { from, to });
        }
    }

    fn unlinked(&mut self, call: &Call) {
        if let [Some(name)] = &self.names_in(call)[..]
            && self.names.remove(name).is_some()
        {
            let name = name.clone();
            self.push(call, Operation::Unlink { name });
        }
    }

    fn said(&mut self, call: &Call) {
        const STANDARD_OUTPUT: u32 = 1;
        let bytes = call.data();
        let told: Vec<Told> = match call.descriptor() {
            Some(STANDARD_OUTPUT) => {
                let line = String::from_utf8_lossy(&bytes).into_owned();
                let serves = line.contains("listens on").then_some(Told::Serves);
                serves.into_iter().collect()
            }
            _ => self.answers.hear(&call.path(), &bytes),
        };
        if !told.is_empty() {
            self.push(call, Operation::Tell(told));
        }
    }
}

/// Whether what is written goes into a file: not into a socket or a pipe.
fn is_of_file(call: &Call) -> bool {
    call.path().starts_with('/')
}

/// The line at which a call counts. What is said may be heard as soon as it is begun, and a descriptor
/// that is being closed can be another's before that is over. All else counts when it is over.
fn counts_at(call: &Call) -> usize {
    let at_once = match call.name.as_str() {
        "close" | "sendto" | "sendmsg" => true,
        "write" | "writev" => !is_of_file(call),
        _ => false,
    };
    match at_once {
        true => call.began,
        false => call.over,
    }
}

//! What `strace` wrote down, call by call.

use std::collections::HashMap;

/// Calls that change files, or by which something is said. A question mark stands before those that
/// not every machine has.
const CALLS: &str = "trace=?open,openat,?creat,close,lseek,write,pwrite64,writev,pwritev,?pwritev2,\
     sendto,sendmsg,ftruncate,?fallocate,fsync,fdatasync,?rename,?renameat,?renameat2,?link,linkat,\
     ?unlink,unlinkat,?mkdir,mkdirat";

/// The arguments with which `strace` writes what is read here: of all threads, with the paths of
/// descriptors, all strings in hex and none of them cut.
pub(crate) const ARGUMENTS: [&str; 9] = [
    "-f",
    "-y",
    "-xx",
    "-s",
    "1048576",
    "-e",
    "signal=none",
    "-e",
    CALLS,
];

/// A call that succeeded.
pub(crate) struct Call {
    pub(crate) name: String,
    /// The line on which it began. What it says may have been heard from then on.
    pub(crate) began: usize,
    /// The line on which it was over. What it does is done by then.
    pub(crate) over: usize,
    /// What it returned.
    pub(crate) returned: usize,
    /// The path that belongs to the descriptor that it returned.
    pub(crate) opened: Option<String>,
    arguments: String,
}

/// The calls that succeeded, in the order in which they were over.
pub(crate) fn calls(text: &str) -> Vec<Call> {
    let mut unfinished: HashMap<&str, (usize, &str)> = HashMap::new();
    let mut calls = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some((thread, said)) = line.split_once(' ') else {
            continue;
        };
        let said = said.trim_start();
        if let Some(begun) = said.strip_suffix(" <unfinished ...>") {
            unfinished.insert(thread, (number, begun));
        } else if let Some(resumed) = said.strip_prefix("<... ") {
            let rest = resumed.split_once(" resumed>").map(|(_, rest)| rest);
            if let (Some((began, begun)), Some(rest)) = (unfinished.remove(thread), rest) {
                calls.extend(Call::read(began, number, &format!("{begun}{rest}")));
            }
        } else {
            calls.extend(Call::read(number, number, said));
        }
    }
    calls
}

impl Call {
    /// Reads `name(arguments) = returned`. None if it failed, or if it is something else, such as the
    /// end of a thread.
    fn read(began: usize, over: usize, text: &str) -> Option<Self> {
        let (call, result) = text.rsplit_once(" = ")?;
        let (name, arguments) = call.split_once('(')?;
        let arguments = arguments.trim_end().strip_suffix(')')?;
        let digits = result.split(|c: char| !c.is_ascii_digit()).next()?;
        Some(Self {
            name: name.to_owned(),
            began,
            over,
            returned: digits.parse().ok()?,
            opened: result.split_once('<').map(|(_, rest)| path(rest)),
            arguments: arguments.to_owned(),
        })
    }

    /// The descriptor that is the first argument.
    pub(crate) fn descriptor(&self) -> Option<u32> {
        let digits = self.arguments.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    }

    /// The path that belongs to the descriptor, or what stands for one: `socket:[12]`.
    pub(crate) fn path(&self) -> String {
        let rest = self.arguments.split_once('<').map(|(_, rest)| rest);
        rest.map(path).unwrap_or_default()
    }

    /// All arguments that are strings, also those within others.
    pub(crate) fn strings(&self) -> Vec<Vec<u8>> {
        let pieces: Vec<&str> = self.arguments.split('"').collect();
        let is_cut = pieces.iter().skip(2).step_by(2).any(is_cut);
        assert!(!is_cut, "a string of {} is cut", self.name);
        let strings = pieces.iter().skip(1).step_by(2);
        strings.map(|string| bytes(string)).collect()
    }

    /// The bytes that it took of those that were to be written.
    pub(crate) fn data(&self) -> Vec<u8> {
        let mut data = self.strings().concat();
        data.truncate(self.returned);
        data
    }

    /// An argument that is a number, by its place from the end.
    pub(crate) fn number(&self, from_end: usize) -> usize {
        let argument = self.arguments.rsplit(", ").nth(from_end);
        let number = argument.and_then(|text| text.parse().ok());
        number.unwrap_or_else(|| panic!("{} without a number: {}", self.name, self.arguments))
    }

    /// Whether a flag is among the arguments.
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.arguments.contains(flag)
    }
}

/// Whether what follows a string says that there is more of it.
fn is_cut(after: &&str) -> bool {
    after.starts_with("...")
}

/// The path that ends at the next bracket.
fn path(rest: &str) -> String {
    let text = rest.split('>').next().unwrap_or_default();
    match text.starts_with("\\x") {
        true => String::from_utf8_lossy(&bytes(text)).into_owned(),
        false => text.to_owned(),
    }
}

/// The bytes that `\x74\x61…` stands for.
fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text.replace("\\x", "")).unwrap()
}

#[test]
fn calls_are_read_with_their_descriptors_strings_and_numbers() {
    let text = concat!(
        r#"7 openat(AT_FDCWD<\x2f>, "\x2f\x61", O_RDWR|O_CREAT, 0600) = 5<\x2f\x61>"#,
        "\n",
        r#"7 pwrite64(5<\x2f\x61>, "\x01\x02\x03", 3, 4096 <unfinished ...>"#,
        "\n",
        r#"9     writev(6<\x73\x6f\x63>, [{iov_base="\x41", iov_len=1}, {iov_base="\x42\x43", iov_len=2}], 2) = 2"#,
        "\n",
        "9 fsync(8<\\x2f>) = -1 EIO (Input/output error)\n",
        "7 <... pwrite64 resumed>)             = 3\n",
        "9 +++ exited with 0 +++\n",
    );
    let calls = calls(text);
    let names: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
    assert_eq!(names, ["openat", "writev", "pwrite64"]);
    let [opened, said, written] = &calls[..] else {
        unreachable!()
    };
    assert_eq!(opened.opened.as_deref(), Some("/a"));
    assert_eq!((opened.descriptor(), opened.returned), (None, 5));
    assert!(opened.has("O_CREAT") && !opened.has("O_TRUNC"));
    assert_eq!((said.path().as_str(), said.data()), ("soc", b"AB".to_vec()));
    assert_eq!((written.began, written.over), (1, 4));
    assert_eq!((written.descriptor(), written.number(0)), (Some(5), 4096));
    assert_eq!(written.data(), [1, 2, 3]);
}

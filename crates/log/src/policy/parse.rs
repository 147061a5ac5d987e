//! A policy is read line by line.

use std::collections::{HashMap, HashSet};

use crate::decode::{decimal, excerpt};
use crate::note::{KeyName, Kind, VerifierKey, VerifierKeyError};
use crate::policy::text::{Group, Log, NONE, Policy, Voter, Witness};

/// Bytes that a policy may have.
pub const MAX_POLICY_LEN: usize = 256 * 1024;

/// Logs, witnesses and groups that a policy may have, each. The specification recommends 32 at
/// least.
pub const MAX_NAMES: usize = 256;

/// Why bytes are not a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// More bytes than a policy may have.
    #[error("the policy has {0} bytes; it may have {MAX_POLICY_LEN}")]
    TooLong(usize),
    /// The last line does not end: part of it may be missing.
    #[error("the policy's last line does not end in a newline")]
    NotTerminated,
    /// A line is wrong.
    #[error("line {line} of the policy: {error}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        error: PolicyLineError,
    },
    /// No quorum.
    #[error("the policy has no line \"quorum NAME\"; \"quorum none\" asks for no cosignature")]
    NoQuorum,
}

/// What is wrong with a line of a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyLineError {
    /// A control character other than the tab.
    #[error("it has the control character 0x{0:02x}")]
    ControlCharacter(u8),
    /// Not one of the four kinds of lines.
    #[error("\"{0}\" is not \"log\", \"witness\", \"group\" or \"quorum\"")]
    Keyword(String),
    /// Too few or too many words.
    #[error("it is to be \"{0}\"")]
    Form(&'static str),
    /// A key or a URL is not UTF-8.
    #[error("\"{0}\" is not UTF-8")]
    NotUtf8(String),
    /// A key is none.
    #[error(transparent)]
    Key(#[from] VerifierKeyError),
    /// A key of the wrong kind.
    #[error("the key of {name} is of type 0x{found:02x}, and is to be of type 0x{expected:02x}")]
    Kind {
        /// The key's name.
        name: KeyName,
        /// Its type.
        found: u8,
        /// The type that it is to be of.
        expected: u8,
    },
    /// A key was there before, perhaps by another name.
    #[error("the key of {0} was there before")]
    KeyTwice(KeyName),
    /// A name was there before, or is `none`.
    #[error("the name \"{0}\" is taken")]
    NameTaken(String),
    /// A name was not defined on a line before.
    #[error("no witness or group \"{0}\" is defined above")]
    UnknownName(String),
    /// A name is a member of two groups, or twice of one.
    #[error("\"{0}\" is already a member of a group")]
    MemberTwice(String),
    /// A threshold is none, or beyond the members.
    #[error("\"{found}\" is not \"all\", \"any\" or a number from 1 to {members}")]
    Threshold {
        /// What is there.
        found: String,
        /// How many members there are.
        members: usize,
    },
    /// A second quorum.
    #[error("there is a quorum already")]
    QuorumTwice,
    /// More logs, witnesses or groups than a policy may have.
    #[error("it is one too many: a policy may have {MAX_NAMES}")]
    TooMany,
}

impl Policy {
    /// Reads a policy.
    ///
    /// A line that does not end is refused: the file may have been cut off, and a shorter name may
    /// be that of a weaker quorum.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        if bytes.len() > MAX_POLICY_LEN {
            return Err(PolicyError::TooLong(bytes.len()));
        }
        let mut reader = Reader::default();
        if let Some((last, lines)) = bytes.split_last() {
            if *last != b'\n' {
                return Err(PolicyError::NotTerminated);
            }
            for (line, content) in (1..).zip(lines.split(|&byte| byte == b'\n')) {
                let read = reader.line(content);
                read.map_err(|error| PolicyError::Line { line, error })?;
            }
        }
        let quorum = reader.quorum.ok_or(PolicyError::NoQuorum)?;
        Ok(Self {
            logs: reader.logs,
            witnesses: reader.witnesses,
            groups: reader.groups,
            quorum,
        })
    }
}

/// What was read so far.
#[derive(Default)]
struct Reader {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    quorum: Option<Option<Voter>>,
    names: HashMap<Vec<u8>, Voter>,
    log_keys: HashSet<[u8; 32]>,
    witness_keys: HashSet<[u8; 32]>,
    members: HashSet<Vec<u8>>,
}

impl Reader {
    fn line(&mut self, line: &[u8]) -> Result<(), PolicyLineError> {
        let is_control = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
        if let Some(byte) = line.iter().copied().find(is_control) {
            return Err(PolicyLineError::ControlCharacter(byte));
        }
        let words: Vec<&[u8]> = line
            .split(|&byte| byte == b' ' || byte == b'\t')
            .filter(|word| !word.is_empty())
            .collect();
        match words[..] {
            [] => Ok(()),
            [comment, ..] if comment.starts_with(b"#") => Ok(()),
            [b"log", ref rest @ ..] => self.log(rest),
            [b"witness", ref rest @ ..] => self.witness(rest),
            [b"group", ref rest @ ..] => self.group(rest),
            [b"quorum", ref rest @ ..] => self.quorum(rest),
            [keyword, ..] => Err(PolicyLineError::Keyword(shown(keyword))),
        }
    }

    fn log(&mut self, words: &[&[u8]]) -> Result<(), PolicyLineError> {
        let (key, url) = match *words {
            [key] => (key, None),
            [key, url] => (key, Some(url)),
            _ => return Err(PolicyLineError::Form("log KEY [URL]")),
        };
        let key = key_of(key, Kind::Ed25519, &mut self.log_keys)?;
        let url = url.map(utf8).transpose()?.map(str::to_owned);
        push(&mut self.logs, Log { key, url }).map(|_| ())
    }

    fn witness(&mut self, words: &[&[u8]]) -> Result<(), PolicyLineError> {
        let (name, key, url) = match *words {
            [name, key] => (name, key, None),
            [name, key, url] => (name, key, Some(url)),
            _ => return Err(PolicyLineError::Form("witness NAME KEY [URL]")),
        };
        let key = key_of(key, Kind::Cosignature, &mut self.witness_keys)?;
        let url = url.map(utf8).transpose()?.map(str::to_owned);
        let witness = Witness {
            name: name.to_vec(),
            key,
            url,
        };
        let place = push(&mut self.witnesses, witness)?;
        self.define(name, Voter::Witness(place))
    }

    fn group(&mut self, words: &[&[u8]]) -> Result<(), PolicyLineError> {
        let [name, threshold, ref members @ ..] = *words else {
            return Err(PolicyLineError::Form("group NAME all|any|K NAME..."));
        };
        if members.is_empty() {
            return Err(PolicyLineError::Form("group NAME all|any|K NAME..."));
        }
        let threshold = threshold_of(threshold, members.len())?;
        let voters = members.iter().map(|&member| {
            let voter = voter_of(&self.names, member)?;
            match self.members.insert(member.to_vec()) {
                true => Ok(voter),
                false => Err(PolicyLineError::MemberTwice(shown(member))),
            }
        });
        let group = Group {
            name: name.to_vec(),
            threshold,
            members: voters.collect::<Result<_, _>>()?,
        };
        let place = push(&mut self.groups, group)?;
        self.define(name, Voter::Group(place))
    }

    fn quorum(&mut self, words: &[&[u8]]) -> Result<(), PolicyLineError> {
        let [name] = *words else {
            return Err(PolicyLineError::Form("quorum NAME"));
        };
        let quorum = match name {
            NONE => None,
            name => Some(voter_of(&self.names, name)?),
        };
        match self.quorum.replace(quorum) {
            None => Ok(()),
            Some(_) => Err(PolicyLineError::QuorumTwice),
        }
    }

    fn define(&mut self, name: &[u8], voter: Voter) -> Result<(), PolicyLineError> {
        let is_free = name != NONE && self.names.insert(name.to_vec(), voter).is_none();
        if is_free {
            Ok(())
        } else {
            Err(PolicyLineError::NameTaken(shown(name)))
        }
    }
}

/// Who has a name, if it was defined on a line before.
fn voter_of(names: &HashMap<Vec<u8>, Voter>, name: &[u8]) -> Result<Voter, PolicyLineError> {
    let voter = names.get(name).copied();
    voter.ok_or_else(|| PolicyLineError::UnknownName(shown(name)))
}

fn threshold_of(word: &[u8], members: usize) -> Result<usize, PolicyLineError> {
    let threshold = match word {
        b"all" => Some(members),
        b"any" => Some(1),
        _ => {
            let number = std::str::from_utf8(word).ok().and_then(decimal);
            number.and_then(|number| usize::try_from(number).ok())
        }
    };
    let threshold = threshold.filter(|threshold| (1..=members).contains(threshold));
    threshold.ok_or_else(|| PolicyLineError::Threshold {
        found: shown(word),
        members,
    })
}

fn key_of(
    word: &[u8],
    expected: Kind,
    known: &mut HashSet<[u8; 32]>,
) -> Result<VerifierKey, PolicyLineError> {
    let key: VerifierKey = utf8(word)?.parse()?;
    if key.kind() != expected {
        return Err(PolicyLineError::Kind {
            found: key.kind().byte(),
            expected: expected.byte(),
            name: key.name().clone(),
        });
    }
    match known.insert(*key.public_key()) {
        true => Ok(key),
        false => Err(PolicyLineError::KeyTwice(key.name().clone())),
    }
}

fn push<T>(list: &mut Vec<T>, item: T) -> Result<usize, PolicyLineError> {
    let place = list.len();
    if place == MAX_NAMES {
        return Err(PolicyLineError::TooMany);
    }
    list.push(item);
    Ok(place)
}

fn utf8(word: &[u8]) -> Result<&str, PolicyLineError> {
    std::str::from_utf8(word).map_err(|_| PolicyLineError::NotUtf8(shown(word)))
}

fn shown(word: &[u8]) -> String {
    excerpt(&String::from_utf8_lossy(word))
}

//! What a policy says, and how it is written.

use crate::note::VerifierKey;

/// A log that is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Log {
    /// Its key, whose name is the log's origin.
    pub key: VerifierKey,
    /// Where it is, if the policy says so.
    pub url: Option<String>,
}

/// A witness whose word counts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Witness {
    /// What the policy calls it. Octets, of which those from 0x80 on mean nothing in particular.
    pub name: Vec<u8>,
    /// Its key.
    pub key: VerifierKey,
    /// Where it is, if the policy says so.
    pub url: Option<String>,
}

/// Who counts as one: a witness, or a group, by their places in the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voter {
    Witness(usize),
    Group(usize),
}

/// Of whom some must agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: Vec<u8>,
    pub(crate) threshold: usize,
    /// Groups among them are defined before this one.
    pub(crate) members: Vec<Voter>,
}

/// Which logs are trusted, and which cosignatures a checkpoint must have.
///
/// Made by [`parse`](Policy::parse).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub(crate) logs: Vec<Log>,
    pub(crate) witnesses: Vec<Witness>,
    pub(crate) groups: Vec<Group>,
    /// `None` is `quorum none`: a checkpoint needs no cosignature.
    pub(crate) quorum: Option<Voter>,
}

impl Policy {
    /// The logs, in the order of the text.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// The witnesses, in the order of the text.
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// The policy as it is written without comments and spaces that mean nothing: logs, witnesses,
    /// groups, quorum. [`parse`](Self::parse) makes the same policy of it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut lines: Vec<Vec<u8>> = Vec::new();
        let mut line = |words: &[&[u8]]| lines.push(words.join(&b' '));
        for Log { key, url } in &self.logs {
            let key = key.to_string();
            let words = [Some("log"), Some(&key), url.as_deref()];
            line(
                &words
                    .into_iter()
                    .flatten()
                    .map(str::as_bytes)
                    .collect::<Vec<_>>(),
            );
        }
        for Witness { name, key, url } in &self.witnesses {
            let key = key.to_string();
            let words = [Some(key.as_str()), url.as_deref()];
            let words = words.into_iter().flatten().map(str::as_bytes);
            let start = [&b"witness"[..], name].into_iter();
            line(&start.chain(words).collect::<Vec<_>>());
        }
        for group in &self.groups {
            let threshold = group.threshold.to_string();
            let start = [&b"group"[..], &group.name, threshold.as_bytes()].into_iter();
            let members = group.members.iter().map(|&member| self.name(member));
            line(&start.chain(members).collect::<Vec<_>>());
        }
        line(&[
            b"quorum",
            self.quorum.map_or(NONE, |quorum| self.name(quorum)),
        ]);
        lines.push(Vec::new());
        lines.join(&b'\n')
    }

    fn name(&self, voter: Voter) -> &[u8] {
        match voter {
            Voter::Witness(place) => &self.witnesses[place].name,
            Voter::Group(place) => &self.groups[place].name,
        }
    }
}

/// The quorum of nobody.
pub(crate) const NONE: &[u8] = b"none";

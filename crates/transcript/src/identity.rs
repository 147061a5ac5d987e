//! Who a participant is: one string per person, the same everywhere
//! (`docs/spec/ceremony.md#one-spelling`).
//!
//! ```
//! use tauline_transcript::identity::{Identity, IdentityKind};
//!
//! let id: Identity = "eth|0x00000000219ab540356cbb839cbe05303d7705fa".parse()?;
//! assert_eq!(id.kind(), IdentityKind::Ethereum);
//! assert_eq!(Identity::github(1_214_109, "kustosz")?.as_str(), "git|1214109|kustosz");
//! # Ok::<(), tauline_transcript::identity::IdentityError>(())
//! ```

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Longest GitHub login, in characters: 39 for people; managed accounts append `_` and a short
/// code of up to 8 (GitHub's documentation of enterprise managed users).
const MAX_LOGIN_CHARS: usize = 48;

/// Longest name of an invited party, in characters. Names stand in log lines and in every
/// transcript.
const MAX_INVITE_CHARS: usize = 64;

/// A participant's identity in its one canonical spelling.
///
/// * `eth|0x` and 40 lower-case hex digits;
/// * `git|`, the account's numeric id, `|`, and the login as GitHub returns it;
/// * `invite|` and the name of an invited party.
///
/// Only canonical spellings exist as values: equality of strings is equality of persons. The
/// empty string that a transcript has in its entry 0 is not an identity. Clones share the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(Arc<str>);

/// The way in which a participant proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentityKind {
    /// An Ethereum account.
    Ethereum,
    /// A GitHub account.
    GitHub,
    /// A party invited by name.
    Invite,
}

/// Why a string is not an [`Identity`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The text before the first `|` is none of the known kinds.
    #[error("an identity starts with `eth|`, `git|` or `invite|`")]
    UnknownKind,
    /// Not `0x` and 40 lower-case hex digits.
    #[error("an Ethereum identity is `eth|0x` and 40 lower-case hex digits")]
    Address,
    /// Not a decimal number below 2^64, or one with leading zeros.
    #[error("a GitHub identity has a decimal account id without leading zeros")]
    AccountId,
    /// Not a GitHub login.
    #[error("a GitHub login is 1 to {MAX_LOGIN_CHARS} letters, digits, `-` or `_`")]
    Login,
    /// Not a name.
    #[error(
        "the name of an invited party is 1 to {MAX_INVITE_CHARS} letters, digits, `-`, `_`, `.`, `+` or `@`"
    )]
    InviteName,
}

impl Identity {
    /// The identity of the Ethereum account with this address
    /// (`docs/spec/ceremony.md#eth-identity`).
    pub fn eth(address: [u8; 20]) -> Self {
        Self(format!("eth|0x{}", hex::encode(address)).into())
    }

    /// The identity of the GitHub account `id`, whose login is `login` as GitHub returns it
    /// (`docs/spec/ceremony.md#git-identity`, `docs/spec/sequencer.md#identities`).
    ///
    /// # Errors
    /// When `login` is not a GitHub login.
    pub fn github(id: u64, login: &str) -> Result<Self, IdentityError> {
        check_login(login)?;
        Ok(Self(format!("git|{id}|{login}").into()))
    }

    /// The identity of the party invited as `name` (`docs/spec/ceremony.md#invite-identity`).
    ///
    /// # Errors
    /// When `name` is empty, too long, or has characters other than letters, digits and `-_.+@`.
    pub fn invite(name: &str) -> Result<Self, IdentityError> {
        check_invite_name(name)?;
        Ok(Self(format!("invite|{name}").into()))
    }

    /// Reads an entry of a transcript's `participantIds`, where a GitHub login may also be spelt
    /// `@login`, as the first specification had it.
    ///
    /// # Errors
    /// When it is no identity in either spelling.
    pub fn from_listed(text: &str) -> Result<Self, IdentityError> {
        if let Some((id, login)) = text
            .strip_prefix("git|")
            .and_then(|rest| rest.split_once("|@"))
        {
            return format!("git|{id}|{login}").parse();
        }
        text.parse()
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The way in which this participant signs in.
    pub fn kind(&self) -> IdentityKind {
        match self.0.as_bytes() {
            [b'e', ..] => IdentityKind::Ethereum,
            [b'g', ..] => IdentityKind::GitHub,
            _ => IdentityKind::Invite,
        }
    }

    /// The account's address, when this is an Ethereum identity.
    pub fn eth_address(&self) -> Option<[u8; 20]> {
        let mut address = [0; 20];
        let digits = self.0.strip_prefix("eth|0x")?;
        hex::decode_to_slice(digits, &mut address).ok()?;
        Some(address)
    }

    /// The account's number, when this is a GitHub identity.
    pub fn github_id(&self) -> Option<u64> {
        let (id, _) = self.0.strip_prefix("git|")?.split_once('|')?;
        id.parse().ok()
    }

    /// The texts whose bytes a BLS signature by this participant may be over.
    ///
    /// The canonical one comes first. GitHub identities have a second, `git|id|@login` in lower
    /// case: the specification said so while the sequencer that ran used the plain login, and
    /// clients of both kinds exist (`docs/spec/ceremony.md#github-spellings`).
    pub fn signed_spellings(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let second = self
            .0
            .strip_prefix("git|")
            .and_then(|rest| rest.split_once('|'))
            .map(|(id, login)| Cow::Owned(format!("git|{id}|@{}", login.to_ascii_lowercase())));
        std::iter::once(Cow::Borrowed(self.as_str())).chain(second)
    }
}

fn check_address(digits: &str) -> Result<(), IdentityError> {
    let lower_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    match digits.len() == 40 && digits.bytes().all(lower_hex) {
        true => Ok(()),
        false => Err(IdentityError::Address),
    }
}

fn check_account_id(id: &str) -> Result<(), IdentityError> {
    // `u64::from_str` takes a leading `+`, and leading zeros would be a second spelling.
    match id.parse::<u64>() {
        Ok(value) if value.to_string() == id => Ok(()),
        _ => Err(IdentityError::AccountId),
    }
}

fn check_login(login: &str) -> Result<(), IdentityError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    match (1..=MAX_LOGIN_CHARS).contains(&login.len()) && login.bytes().all(allowed) {
        true => Ok(()),
        false => Err(IdentityError::Login),
    }
}

fn check_invite_name(name: &str) -> Result<(), IdentityError> {
    let allowed = |c: char| c.is_alphanumeric() || "-_.+@".contains(c);
    match (1..=MAX_INVITE_CHARS).contains(&name.chars().count()) && name.chars().all(allowed) {
        true => Ok(()),
        false => Err(IdentityError::InviteName),
    }
}

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let (kind, rest) = text.split_once('|').ok_or(IdentityError::UnknownKind)?;
        match kind {
            "eth" => check_address(rest.strip_prefix("0x").ok_or(IdentityError::Address)?)?,
            "git" => {
                let (id, login) = rest.split_once('|').ok_or(IdentityError::Login)?;
                check_account_id(id)?;
                check_login(login)?;
            }
            "invite" => check_invite_name(rest)?,
            _ => return Err(IdentityError::UnknownKind),
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:?})", &*self.0)
    }
}

impl AsRef<str> for Identity {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Serialize for Identity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn canonical_spellings_are_kept_byte_for_byte() {
        for (text, kind) in [
            (
                "eth|0x00000000219ab540356cbb839cbe05303d7705fa",
                IdentityKind::Ethereum,
            ),
            ("git|14827647|StefanBratanov", IdentityKind::GitHub),
            ("git|0|a", IdentityKind::GitHub),
            (
                "git|18446744073709551615|octo-cat_corp",
                IdentityKind::GitHub,
            ),
            ("invite|alice", IdentityKind::Invite),
            ("invite|zoë.müller@example.org", IdentityKind::Invite),
        ] {
            let id: Identity = text.parse().unwrap();
            assert_eq!(id.as_str(), text);
            assert_eq!(id.kind(), kind);
            assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{text}\""));
            assert_eq!(
                serde_json::from_str::<Identity>(&format!("\"{text}\"")).unwrap(),
                id
            );
        }
    }

    #[test]
    fn a_second_spelling_of_an_identity_is_refused() {
        use IdentityError::*;
        for (text, error) in [
            ("", UnknownKind),
            ("eth", UnknownKind),
            (
                "ETH|0x00000000219ab540356cbb839cbe05303d7705fa",
                UnknownKind,
            ),
            ("dns|example.org", UnknownKind),
            ("eth|", Address),
            ("eth|00000000219ab540356cbb839cbe05303d7705fa", Address),
            ("eth|0X00000000219ab540356cbb839cbe05303d7705fa", Address),
            ("eth|0x00000000219AB540356cBB839Cbe05303d7705Fa", Address),
            ("eth|0x00000000219ab540356cbb839cbe05303d7705f", Address),
            ("eth|0x00000000219ab540356cbb839cbe05303d7705faa", Address),
            ("eth|0x00000000219ab540356cbb839cbe05303d7705fé", Address),
            ("git|1", Login),
            ("git||a", AccountId),
            ("git|01|a", AccountId),
            ("git|+1|a", AccountId),
            ("git|-1|a", AccountId),
            ("git|18446744073709551616|a", AccountId),
            ("git|1|", Login),
            ("git|1|@a", Login),
            ("git|1|a b", Login),
            ("git|1|a|b", Login),
            ("git|1|ä", Login),
            ("invite|", InviteName),
            ("invite|a b", InviteName),
            ("invite|a|b", InviteName),
            ("invite|a\n", InviteName),
        ] {
            assert_eq!(text.parse::<Identity>(), Err(error), "{text:?}");
        }
        let long = "x".repeat(65);
        assert_eq!(Identity::invite(&long), Err(InviteName));
        assert_eq!(Identity::github(1, &long), Err(Login));
    }

    #[test]
    fn an_address_is_read_back() {
        let address = std::array::from_fn(|i| i as u8 * 7);
        assert_eq!(Identity::eth(address).eth_address(), Some(address));
        assert_eq!(
            Identity::eth(address).as_str().parse(),
            Ok(Identity::eth(address))
        );
        assert_eq!(Identity::invite("0xabc").unwrap().eth_address(), None);
    }

    #[test]
    fn a_github_identity_is_signed_in_either_spelling() {
        let id = Identity::github(7, "OctoCat").unwrap();
        assert_eq!(
            id.signed_spellings().collect::<Vec<_>>(),
            ["git|7|OctoCat", "git|7|@octocat"]
        );
        assert_eq!(id.github_id(), Some(7));
        assert_eq!(Identity::eth([7; 20]).github_id(), None);
        assert_eq!(Identity::eth([0; 20]).signed_spellings().count(), 1);
        assert_eq!(
            Identity::from_listed("git|7|@octocat"),
            Identity::github(7, "octocat")
        );
        assert_eq!(Identity::from_listed("git|7|OctoCat"), Ok(id));
        assert_eq!(
            Identity::from_listed("git|7|@@a"),
            Err(IdentityError::Login)
        );
        assert!(Identity::from_listed("").is_err());
    }
}

//! Whom somebody asks for, as people write each other's names.

use tauline_protocol::Identity;

/// Digits of an Ethereum address.
const ADDRESS_DIGITS: usize = 40;

/// Somebody who is asked for (`docs/spec/http-api.md#find`): by a whole identity, or by the part after
/// its last `|`. The case of letters does not count, nor an `@` before a name, nor whether an address
/// has its `0x`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What stands before the name in the identity, with its last `|`, in lower case. None if only the
    /// name was given.
    before: Option<String>,
    /// The name in lower case.
    name: String,
}

impl Asked {
    /// Somebody who is called so. None if it is no name.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let (before, name) = split(&text);
        let name = bare(name);
        (!name.is_empty()).then(|| Self {
            before: (!before.is_empty()).then(|| before.to_owned()),
            name: name.to_owned(),
        })
    }

    /// What may stand after the last `|` of the identity, in lower case.
    pub(crate) fn names(&self) -> [String; 3] {
        let name = &self.name;
        let is_address =
            name.len() == ADDRESS_DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let address = match is_address {
            true => format!("0x{name}"),
            false => name.clone(),
        };
        [name.clone(), format!("@{name}"), address]
    }

    /// Whether this identity, which has one of the [names](Self::names), is meant.
    pub(crate) fn is(&self, identity: &Identity) -> bool {
        let Some(before) = &self.before else {
            return true;
        };
        let (start, _) = split(identity.as_str());
        start.eq_ignore_ascii_case(before)
    }
}

/// What stands before the name, with its last `|`, and the name.
fn split(text: &str) -> (&str, &str) {
    text.split_at(text.rfind('|').map_or(0, |at| at + 1))
}

/// A name without the `@` that people put before it.
fn bare(name: &str) -> &str {
    name.strip_prefix('@').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_name_or_a_whole_identity() {
        let asked = Asked::new(" OctoCat ").unwrap();
        assert_eq!(asked.names()[..2], ["octocat", "@octocat"]);
        assert_eq!(Asked::new("@OctoCat"), Some(asked.clone()));
        assert!(asked.is(&"git|7|OctoCat".parse().unwrap()));
        let whole = Asked::new("GIT|7|@octocat").unwrap();
        assert_eq!(whole.names(), asked.names());
        assert!(whole.is(&"git|7|OctoCat".parse().unwrap()));
        assert!(!whole.is(&"git|77|OctoCat".parse().unwrap()));
        assert!(!whole.is(&"invite|OctoCat".parse().unwrap()));
        let half = Asked::new("git|octocat").unwrap();
        assert!(!half.is(&"git|7|OctoCat".parse().unwrap()));
        for none in ["", " ", "@", "git|7|", "|"] {
            assert_eq!(Asked::new(none), None, "{none}");
        }
    }

    #[test]
    fn an_address_may_lack_its_0x() {
        let digits = "AB".repeat(20);
        let named = format!("0x{}", "ab".repeat(20));
        assert!(Asked::new(&digits).unwrap().names().contains(&named));
        assert!(
            Asked::new(&format!("0x{digits}"))
                .unwrap()
                .names()
                .contains(&named)
        );
        assert!(
            !Asked::new("abc")
                .unwrap()
                .names()
                .contains(&"0xabc".to_owned())
        );
    }
}

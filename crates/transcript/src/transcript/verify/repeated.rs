//! Participants who stand in a transcript more than once.
//!
//! To find them needs a table of identities, and memory is not to grow with a transcript. So the
//! identities are read several times over, each time those of one share of their hashes: they are a
//! small part of the document, and one reading has room for as many as tens of thousands.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use sha2::{Digest, Sha256};

use crate::identity::Identity;
use crate::transcript::error::TranscriptError;
use crate::transcript::read::form;
use crate::transcript::read::index::Index;
use crate::transcript::read::source::Source;
use crate::transcript::report::remarks::MAX_LISTED;
use crate::transcript::report::remarks::{Listed, Repeated};

/// Identities that one reading has room for: 1.5 MB of table.
const ROOM: u64 = 1 << 15;

/// Who an identity is: an account of GitHub is its number, whatever its login was
/// (`docs/spec/ceremony.md#github-number`).
fn person(identity: &Identity) -> &str {
    let text = identity.as_str();
    let number = text.strip_prefix("git|").and_then(|rest| rest.find('|'));
    number.map_or(text, |end| &text["git|".len()..][..end])
}

/// Finds the participants who stand there more than once. Texts that are no identities are refused
/// elsewhere.
pub(crate) fn repeated<S: Source + ?Sized>(
    source: &S,
    index: &Index,
) -> Result<Listed<Repeated>, TranscriptError> {
    let list = index.participant_ids;
    // Shares of equal size on average: with half the room to spare.
    let shares = (list.len / (ROOM / 2) + 1).next_power_of_two();
    let mut found = Listed::default();
    for share in 0..shares {
        if list.len < 2 {
            break;
        }
        let mut seen: HashMap<[u8; 16], u64> = HashMap::new();
        let mut tokens = form::open(source, index.form, list.offset)?;
        tokens.begin_list()?;
        let mut entry = 0;
        while tokens.next_item()? {
            let text = tokens.text()?;
            let identity = Identity::from_listed(&text).ok().filter(|_| entry > 0);
            if let Some(identity) = identity {
                let mut hasher = Sha256::new();
                // Kinds of identities never meet: a number alone is GitHub's.
                hasher.update(person(&identity));
                let hash = hasher.finalize();
                let mut key = [0; 16];
                key.copy_from_slice(&hash[..16]);
                let own = u64::from_be_bytes(std::array::from_fn(|i| hash[16 + i]));
                if own % shares == share {
                    note(&mut seen, &mut found, key, entry, &text);
                }
            }
            entry += 1;
        }
    }
    found.first.sort_by_key(|it: &Repeated| it.again);
    Ok(found)
}

fn note(
    seen: &mut HashMap<[u8; 16], u64>,
    found: &mut Listed<Repeated>,
    key: [u8; 16],
    again: u64,
    text: &str,
) {
    // Beyond that a share has been made too large on purpose, and memory comes first.
    let is_full = seen.len() as u64 >= 2 * ROOM;
    match seen.entry(key) {
        Entry::Occupied(first) => {
            found.count += 1;
            if found.first.len() < MAX_LISTED {
                found.first.push(Repeated {
                    identity: text.to_owned(),
                    first: *first.get(),
                    again,
                });
            }
        }
        Entry::Vacant(_) if is_full => {}
        Entry::Vacant(slot) => {
            slot.insert(again);
        }
    }
}

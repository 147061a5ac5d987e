//! What the powers in a file are compared with.

use std::path::Path;

use rand_core::OsRng;
use tauline_transcript::export::{SetFindings, check_powers_file, read_powers_file};
use tauline_transcript::fingerprint::{Fingerprint, Mark};
use tauline_transcript::recognise::Kind;
use tauline_transcript::transcript::read_powers;

use crate::documents::{transcript_failure, verified_powers};
use crate::exit::{Failure, Outcome};
use crate::input::{Input, Limits, MAX_DOCUMENT};
use crate::recognised::{Wanted, want};

/// Longest file that is searched for a fingerprint, in bytes: a note, not a document.
const MAX_NOTE_LEN: u64 = 4096;

/// What sets of powers have to match.
pub(super) enum Expected {
    /// These sizes, one for each set.
    Sizes(ExpectedSizes),
    /// A fingerprint, which one of the sets has to have. The text tells where it comes from.
    Fingerprint(Fingerprint, String),
    /// The sets of another file, whose name follows: each set has to be the one with as many
    /// powers.
    Sets(Vec<(usize, Mark)>, String),
    /// A transcript: each set has to be the final powers of the sub-ceremony with as many powers.
    Transcript(Input),
}

/// The numbers of powers in G1 and G2 of each set, in order. Unlike in a ceremony, there may be
/// fewer powers in G1 than in G2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExpectedSizes(Vec<(usize, usize)>);

impl std::str::FromStr for ExpectedSizes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size = |text: &str| {
            let (g1, g2) = text.split_once(':')?;
            let number = |text: &str| {
                let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
                text.parse().ok().filter(|_| is_number)
            };
            Some((number(g1)?, number(g2)?))
        };
        let sizes: Option<Vec<_>> = text.split(',').map(size).collect();
        let sizes = sizes.map(Self);
        sizes.ok_or_else(|| format!("`{text}` is no size; write G1:G2, for example 4096:65"))
    }
}

impl std::fmt::Display for ExpectedSizes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sizes: Vec<_> = self.0.iter().map(|(g1, g2)| format!("{g1}:{g2}")).collect();
        f.write_str(&sizes.join(","))
    }
}

impl Expected {
    /// Reads the argument of `--expect`: sizes, a fingerprint, or else a file.
    pub(super) fn read(text: &str) -> Outcome<Self> {
        if let Ok(sizes) = text.parse() {
            return Ok(Self::Sizes(sizes));
        }
        if let Ok(fingerprint) = text.parse() {
            return Ok(Self::Fingerprint(fingerprint, "expected".to_owned()));
        }
        let input = Input::open(Path::new(text), Limits::TRANSCRIPT).map_err(|failure| {
            failure.help(
                "--expect takes a fingerprint (64 hex digits), sizes such as 4096:65, or a file",
            )
        })?;
        let kind = input.kind()?;
        match kind {
            Kind::Transcript => Ok(Self::Transcript(input)),
            Kind::Text | Kind::PowersText => match noted(&input)? {
                Some(fingerprint) => Ok(Self::Fingerprint(fingerprint, format!("in {text}"))),
                None => sets_of(&input),
            },
            _ => sets_of(&input),
        }
    }

    /// Opens the argument of `--transcript`.
    pub(super) fn transcript(path: &Path) -> Outcome<Self> {
        let input = Input::open(path, Limits::TRANSCRIPT)?;
        want(&input, Wanted::Transcript)?;
        Ok(Self::Transcript(input))
    }

    /// What differs, if anything does.
    ///
    /// # Errors
    /// A transcript that cannot be read.
    pub(super) fn mismatch(&self, sets: &[SetFindings]) -> Outcome<Option<String>> {
        Ok(match self {
            Self::Sizes(expected) => {
                let sizes =
                    |set: &SetFindings| (set.report.num_g1_powers, set.report.num_g2_powers);
                let got = ExpectedSizes(sets.iter().map(sizes).collect());
                (got != *expected).then(|| format!("it has the sizes {got}, not {expected}"))
            }
            Self::Fingerprint(expected, whence) => {
                let is_there = sets.iter().any(|set| set.mark.fingerprint == *expected);
                let own: Vec<_> = sets.iter().map(|set| set.mark.fingerprint).collect();
                (!is_there).then(|| {
                    let own = crate::numbers::list(&own);
                    format!("its fingerprint is {own}, and the one {whence} is {expected}")
                })
            }
            Self::Sets(expected, name) => sets.iter().find_map(|set| {
                let (size, mark) = (set.report.num_g1_powers, &set.mark);
                let found = expected.iter().find(|(other, _)| *other == size);
                differs(mark, found.map(|it| &it.1), size, name)
            }),
            Self::Transcript(input) => {
                for set in sets {
                    let size = set.report.num_g1_powers;
                    let mark = mark_in(input, size)?;
                    let differs = differs(&set.mark, mark.as_ref(), size, input.name());
                    if differs.is_some() {
                        return Ok(differs);
                    }
                }
                None
            }
        })
    }
}

/// How a set differs from the expected one, if it does.
fn differs(mark: &Mark, expected: Option<&Mark>, size: usize, name: &str) -> Option<String> {
    let Some(expected) = expected else {
        return Some(format!(
            "{name} has no set of {size} powers to compare with"
        ));
    };
    if mark.fingerprint == expected.fingerprint {
        return None;
    }
    let (own, other) = (mark.fingerprint, expected.fingerprint);
    Some(match mark.tau_g1 == expected.tau_g1 {
        true => format!(
            "it has the tau of {name} in another number of powers in G2: its fingerprint is {own}, \
             that of {name} {other}"
        ),
        false => format!(
            "it is of another tau than {name}: its fingerprint is {own}, that of {name} {other}"
        ),
    })
}

/// The fingerprint in a short text, if it contains exactly one.
fn noted(input: &Input) -> Outcome<Option<Fingerprint>> {
    let Ok(bytes) = input.bytes(MAX_NOTE_LEN) else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&bytes);
    let mut found = text
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '.' | '"' | '\''))
        .filter_map(|word| word.parse().ok());
    Ok(found.next().filter(|_| found.next().is_none()))
}

/// The sets of a file of powers, which have to be valid.
fn sets_of(input: &Input) -> Outcome<Expected> {
    want(input, Wanted::Powers)?;
    let bad = |why: &dyn std::fmt::Display| {
        Failure::bad(format!("{} cannot be compared with: {why}", input.name()))
    };
    let file = read_powers_file(&input.bytes(MAX_DOCUMENT)?).map_err(|error| bad(&error))?;
    let sets = check_powers_file(&file, &mut OsRng, &|_, _| {}).map_err(|error| bad(&error))?;
    let marks = sets
        .into_iter()
        .map(|set| (set.report.num_g1_powers, set.mark));
    Ok(Expected::Sets(marks.collect(), input.name().to_owned()))
}

/// The mark of a transcript's powers of this number in G1, which have to be valid.
fn mark_in(input: &Input, size: usize) -> Outcome<Option<Mark>> {
    let powers = read_powers(input, size).map_err(|error| transcript_failure(input, &error))?;
    powers
        .map(|powers| Ok(verified_powers(input, &powers)?.mark()))
        .transpose()
}

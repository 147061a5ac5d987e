//! What a verb says about a file of the wrong kind: what the file is, and what to do with it.

use tauline_transcript::recognise::{JsonShape, Kind};

use crate::exit::{Failure, Outcome};
use crate::input::Input;

/// What a verb wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A transcript.
    Transcript,
    /// A contribution.
    Contribution,
    /// Powers to build on: a base, a contribution or a transcript.
    Base,
    /// A set of powers.
    Powers,
    /// A receipt.
    Receipt,
}

impl Wanted {
    /// Whether a file of this kind may be the wanted one. Broken files may: their reader says what
    /// is wrong.
    fn accepts(self, kind: &Kind) -> bool {
        let is_broken = matches!(
            kind,
            Kind::Json(JsonShape::Broken | JsonShape::Malformed) | Kind::MessagePack
        );
        match self {
            Self::Transcript => *kind == Kind::Transcript || is_broken,
            Self::Contribution => *kind == Kind::Contribution || is_broken,
            Self::Base => matches!(kind, Kind::Contribution | Kind::Transcript) || is_broken,
            Self::Receipt => *kind == Kind::Receipt || is_broken,
            // Raw points can look like anything, and the reader of powers says what a broken file
            // is closest to.
            Self::Powers => matches!(
                kind,
                Kind::PowersJson
                    | Kind::PowersText
                    | Kind::PowersRaw
                    | Kind::Contribution
                    | Kind::Unknown
                    | Kind::Json(JsonShape::Broken | JsonShape::Malformed)
            ),
        }
    }

    fn is_not(self, name: &str) -> String {
        match self {
            Self::Transcript => format!("{name} is not a transcript"),
            Self::Contribution => format!("{name} is not a contribution"),
            Self::Base => format!("{name} holds no powers to build on"),
            Self::Powers => format!("{name} is not a file of powers"),
            Self::Receipt => format!("{name} is not a receipt"),
        }
    }
}

/// Recognises a file, and refuses one of the wrong kind.
///
/// # Errors
/// A file of the wrong kind, with what to do instead.
pub fn want(input: &Input, wanted: Wanted) -> Outcome<Kind> {
    let kind = input.kind()?;
    match wanted.accepts(&kind) {
        true => Ok(kind),
        false => Err(refusal(input.name(), wanted, &kind)),
    }
}

/// The error for a file of the wrong kind.
fn refusal(name: &str, wanted: Wanted, kind: &Kind) -> Failure {
    let text = format!("{}: it is {kind}", wanted.is_not(name));
    // Giving another file, or downloading it again, can help.
    let failure = match kind.is_foreign() {
        true => Failure::io(text),
        false => Failure::bad(text),
    };
    match help(name, kind) {
        Some(help) => failure.help(help),
        None => failure,
    }
}

/// What to do with a file of this kind.
fn help(name: &str, kind: &Kind) -> Option<String> {
    Some(match kind {
        Kind::Transcript => format!("tauline verify {name}"),
        Kind::Contribution => {
            format!(
                "tauline verify-contribution {name} --base BASE, or tauline verify-powers {name}"
            )
        }
        Kind::PowersJson | Kind::PowersText | Kind::PowersRaw => {
            format!("tauline verify-powers {name}")
        }
        Kind::Receipt => format!("tauline verify TRANSCRIPT --receipt {name}"),
        Kind::Foreign(foreign) => foreign.advice()?.to_owned(),
        Kind::Json(JsonShape::Object(_) | JsonShape::List | JsonShape::Value) => {
            "perhaps it is what a server answered in place of the file".to_owned()
        }
        Kind::Empty => "perhaps a download failed: fetch it again".to_owned(),
        _ => return None,
    })
}

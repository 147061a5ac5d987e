//! The names of a document's own fields.

use std::io;

use struson::reader::{
    JsonReader, JsonStreamReader, JsonSyntaxError, ReaderError, ReaderSettings, SyntaxErrorKind,
    ValueType,
};

use crate::recognise::kind::{JsonShape, Kind};
use crate::text_limits::{LimitedWords, WordTooLong};
use crate::transcript::error::TranscriptError;
use crate::transcript::read::form;
use crate::transcript::read::form::DocumentForm;
use crate::transcript::read::source::Source;
use crate::transcript::read::tokens::Tokens;

/// Names that are shown of an object that is none of our documents.
const SHOWN: usize = 5;

/// Characters that are shown of a name.
const SHOWN_CHARS: usize = 40;

/// Most names that are looked at in one object.
const MAX_NAMES: usize = 64;

/// A field of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name, cut to 40 characters.
    pub name: String,
    /// Whether its value is a list.
    pub is_list: bool,
}

impl Key {
    /// Whether the name is that of a list of powers.
    #[must_use]
    pub fn is_powers(&self) -> bool {
        powers_list(&self.name).is_some()
    }
}

/// What an object is that has a field of this name, if the name tells.
fn told_by(name: &str) -> Option<Kind> {
    if powers_list(name).is_some() {
        return Some(Kind::PowersJson);
    }
    Some(match name {
        "transcripts" | "subTranscripts" | "participantIds" | "participantEcdsaSignatures" => {
            Kind::Transcript
        }
        "contributions" | "subContributions" | "ecdsaSignature" => Kind::Contribution,
        "powersOfTau" | "numG1Powers" | "numG2Powers" => Kind::PowersJson,
        "receipt" | "witness" => Kind::Receipt,
        "lobby_size" | "num_contributions" | "sequencer_address" => {
            Kind::Report("the status of a sequencer")
        }
        "coordinatorAddress" => Kind::Report("the status of a coordinator"),
        "valid" | "failureCount" | "failures" => Kind::Report("a report of `tauline verify…`"),
        "session_id" | "id_token" => Kind::Report("an answer to a sign-in; keep it to yourself"),
        _ => return None,
    })
}

/// A list of a set of powers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PowersList {
    G1Monomial,
    G1Lagrange,
    G2Monomial,
}

/// The list that a field of this name is, as the consensus specifications and the libraries before
/// them spell it: `g1_monomial`, `setup_G1`, `g1Monomial`, `G1Powers`.
pub(crate) fn powers_list(name: &str) -> Option<PowersList> {
    let plain: String = name
        .chars()
        .filter(|it| !matches!(it, '_' | '-'))
        .map(|it| it.to_ascii_lowercase())
        .collect();
    match plain.as_str() {
        "g1monomial" | "setupg1" | "setupg1monomial" | "g1powers" | "powersofg1" | "g1" => {
            Some(PowersList::G1Monomial)
        }
        "g1lagrange" | "setupg1lagrange" | "lagrangeg1" => Some(PowersList::G1Lagrange),
        "g2monomial" | "setupg2" | "setupg2monomial" | "g2powers" | "powersofg2" | "g2" => {
            Some(PowersList::G2Monomial)
        }
        _ => None,
    }
}

fn shown(name: &str) -> String {
    name.chars().take(SHOWN_CHARS).collect()
}

/// Goes through the names of an object in JSON until `look` returns true.
///
/// Returns what is wrong with the object, as far as it was read.
fn each_key<S: Source + ?Sized>(
    source: &S,
    offset: u64,
    mut look: impl FnMut(Key) -> bool,
) -> io::Result<Option<JsonShape>> {
    // Deep documents are for the readers to refuse, and positions are not asked for.
    let settings = ReaderSettings {
        max_nesting_depth: Some(128),
        track_path: false,
        ..ReaderSettings::default()
    };
    let reader = io::BufReader::with_capacity(64 << 10, source.open(offset)?);
    let mut json = JsonStreamReader::new_custom(LimitedWords::new(reader), settings);
    let mut walk = || -> Result<(), ReaderError> {
        json.begin_object()?;
        while json.has_next()? {
            let name = shown(json.next_name()?);
            let is_list = json.peek()? == ValueType::Array;
            if look(Key { name, is_list }) {
                return Ok(());
            }
            json.skip_value()?;
        }
        Ok(())
    };
    match walk() {
        Ok(()) => Ok(None),
        Err(ReaderError::IoError { error, .. }) => match WordTooLong::of(&error) {
            Some(_) => Ok(Some(JsonShape::Malformed)),
            None => Err(error),
        },
        Err(ReaderError::SyntaxError(JsonSyntaxError {
            kind: SyntaxErrorKind::IncompleteDocument,
            ..
        })) => Ok(Some(JsonShape::Broken)),
        Err(_) => Ok(Some(JsonShape::Malformed)),
    }
}

/// The kind of an object in JSON, which starts at `offset`.
pub(super) fn of_json<S: Source + ?Sized>(source: &S, offset: u64) -> io::Result<Kind> {
    let mut names = Vec::new();
    let mut told = None;
    let fault = each_key(source, offset, |key| {
        told = told_by(&key.name);
        names.push(key.name);
        told.is_some() || names.len() == MAX_NAMES
    })?;
    Ok(match (told, fault) {
        (Some(kind), _) => kind,
        (None, Some(fault)) => Kind::Json(fault),
        (None, None) => {
            names.truncate(SHOWN);
            Kind::Json(JsonShape::Object(names))
        }
    })
}

/// The names of all fields of an object in JSON, as far as it is JSON; none of anything else.
///
/// # Errors
/// When the source cannot be read.
pub fn top_level_keys<S: Source + ?Sized>(source: &S) -> io::Result<Vec<Key>> {
    let mut keys = Vec::new();
    each_key(source, 0, |key| {
        keys.push(key);
        keys.len() == MAX_NAMES
    })?;
    Ok(keys)
}

/// The kind of a map in MessagePack; none if the bytes are no MessagePack after all.
pub(super) fn of_msgpack<S: Source + ?Sized>(source: &S) -> io::Result<Option<Kind>> {
    let mut seen = 0;
    let mut walk = || -> Result<Option<Kind>, TranscriptError> {
        let mut map: Box<dyn Tokens + '_> = form::open(source, DocumentForm::MessagePack, 0)?;
        map.begin_object()?;
        while let Some(name) = map.next_field()? {
            seen += 1;
            if let Some(kind) = told_by(&name) {
                return Ok(Some(kind));
            }
            if seen == MAX_NAMES {
                break;
            }
            map.skip()?;
        }
        Ok(None)
    };
    match walk() {
        Ok(Some(kind)) => Ok(Some(kind)),
        Err(TranscriptError::Read(error)) => Err(error),
        // Names that could be read are not a coincidence.
        _ if seen > 0 => Ok(Some(Kind::MessagePack)),
        _ => Ok(None),
    }
}

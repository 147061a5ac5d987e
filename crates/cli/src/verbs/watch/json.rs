//! JSON for other programs: an object on a line for each change.

use serde::Serialize;
use serde_json::Value;

use super::heard::Via;
use super::state::{Connection, Move, State};
use crate::shown::escaped_json;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    server: &'a str,
    /// `live`, `polling` or `lost`.
    connection: &'static str,
    /// Why it is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    /// The address from which a move was followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved_from: Option<&'a str>,
    /// Why a move was not followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_followed: Option<&'a str>,
    /// What the coordinator told last, as it came.
    status: Option<Value>,
}

/// What is known, on one line.
pub(super) fn line(state: &State) -> String {
    let (connection, why) = match &state.connection {
        Connection::Here(Via::Stream) => ("live", None),
        Connection::Here(Via::Polls) => ("polling", None),
        Connection::Lost { why, .. } => ("lost", Some(why.as_str())),
    };
    let (moved_from, not_followed) = match &state.moved {
        Some(Move::FollowedFrom(from)) => (Some(from.as_str()), None),
        Some(Move::NotFollowed { why }) => (None, Some(why.as_str())),
        None => (None, None),
    };
    let line = Line {
        server: &state.server,
        connection,
        why,
        moved_from,
        not_followed,
        status: state
            .seen
            .as_ref()
            .and_then(|seen| serde_json::from_str(&seen.text).ok()),
    };
    let json = serde_json::to_string(&line).unwrap_or_default();
    escaped_json(&json)
}

#[cfg(test)]
mod tests {
    use super::super::examples::{hostile, seen};
    use super::super::heard::Heard;
    use super::*;

    #[test]
    fn a_line_has_all_that_came_and_nothing_that_a_terminal_obeys() {
        let (mut state, now) = seen(hostile());
        let json = line(&state);
        let value: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["connection"], "live");
        assert_eq!(value["server"], "https://ceremony.example.org/");
        assert_eq!(value["status"]["contributions"], 1_350);
        let hash = value["status"]["log"]["hash"].as_str();
        assert_eq!(hash, Some(crate::shown::HOSTILE), "it says the same");
        assert!(!json.chars().any(char::is_control), "{json}");
        assert!(!json.contains('\u{202e}'), "{json}");
        let why = "gone".to_owned();
        state.hear(&Heard::Lost { why }, now);
        let value: Value = serde_json::from_str(&line(&state)).unwrap();
        assert_eq!(
            (&value["connection"], &value["why"]),
            (&"lost".into(), &"gone".into())
        );
        assert_eq!(
            value["status"]["contributions"], 1_350,
            "what was told last"
        );
    }
}

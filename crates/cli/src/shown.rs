//! Texts of others, made fit to be shown: nothing in them moves the cursor, clears the screen, hides a
//! word or turns a line around.

use std::fmt::Write as _;

use tauline_transcript::text_limits::cut;

/// Longest text of others that is shown in one place, in characters. No identity is as long.
const MAX_LEN: usize = 200;

/// The text, of which no more than fits into a line or two is shown, as [`visible`] shows it.
#[must_use]
pub(crate) fn escaped(text: &str) -> String {
    visible(&cut(text, MAX_LEN))
}

/// The text, with escapes such as `\u{1b}` for what is not plainly seen: control characters, those that
/// turn the direction of writing, marks that stack up on a letter. Quotes stay as they are.
#[must_use]
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' | '\'' | '\\' => shown.push(letter),
            _ => shown.extend(letter.escape_debug()),
        }
    }
    shown
}

/// JSON with `\u001b` for what a terminal might obey or hide. JSON itself only demands that for some of
/// it. Such characters stand in strings only, so it says the same.
#[must_use]
pub(crate) fn escaped_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for letter in json.chars() {
        let is_plain = letter.is_ascii_graphic() || letter == ' ';
        if is_plain || letter.escape_debug().len() == 1 {
            shown.push(letter);
            continue;
        }
        let mut units = [0; 2];
        for unit in letter.encode_utf16(&mut units) {
            // Writing to a string does not fail.
            let _ = write!(shown, "\\u{unit:04x}");
        }
    }
    shown
}

/// A text of several lines without what a terminal obeys, but for the ends of its lines.
#[must_use]
pub(crate) fn without_controls(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter.is_control() && letter != '\n' {
            true => shown.extend(letter.escape_debug()),
            false => shown.push(letter),
        }
    }
    shown
}

/// What tests hand out as a name: it clears the screen, renames the window, turns the line around,
/// breaks it, hides a word, and has the control characters of one byte.
#[cfg(test)]
pub(crate) const HOSTILE: &str = "invite|\u{1b}[2J\u{1b}]0;pwned\u{7}\u{202e}evil\r\n\u{200b}a\u{301}\u{9b}31m\u{0}<script>alert(1)</script>\"'&";

#[cfg(test)]
mod tests {
    use super::*;

    fn is_tame(text: &str) -> bool {
        !text.chars().any(|it| {
            it.is_control() || matches!(it, '\u{200b}' | '\u{202e}' | '\u{301}' | '\u{9b}')
        })
    }

    #[test]
    fn nothing_that_a_terminal_obeys_or_hides_is_left() {
        assert!(!is_tame(HOSTILE));
        let shown = escaped(HOSTILE);
        assert!(is_tame(&shown), "{shown}");
        assert!(shown.contains("\\u{1b}[2J"), "{shown}");
        assert!(shown.contains("<script>"), "{shown}");
        assert_eq!(escaped("git|583231|OctoCat"), "git|583231|OctoCat");
        assert_eq!(escaped("the client's \"word\""), "the client's \"word\"");
        assert_eq!(escaped(&"x".repeat(300)).chars().count(), MAX_LEN + 1);
    }

    #[test]
    fn json_says_the_same_when_it_is_escaped() {
        let value = serde_json::json!({ "name": HOSTILE, "rose": "ζ 🌹", "tag": "\u{e0041}" });
        let shown = escaped_json(&value.to_string());
        assert!(is_tame(&shown), "{shown}");
        assert!(shown.contains("ζ 🌹"), "{shown}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
            value
        );
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(without_controls("a\n\u{1b}[2Jb\r"), "a\n\\u{1b}[2Jb\\r");
    }
}

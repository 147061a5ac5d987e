//! How a verb ends: exit codes that scripts rely on, and errors that say what to do.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use tauline_transcript::text_limits::cut;

use crate::shown::without_controls;

/// The exit codes of every verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; the thing checked is good.
    Good = 0,
    /// The thing checked is bad, or the coordinator said no.
    Bad = 1,
    /// The command line is wrong, or a file of settings that it names.
    Usage = 2,
    /// The network, a file or the coordinator's socket failed, or a file is of another kind
    /// altogether. Trying again, or giving another file, may help.
    Io = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a verb failed: an exit code, a sentence, and advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    exit: Exit,
    text: String,
    help: Option<String>,
}

/// Longest sentence, in characters: about a screen. It may quote a file, whose names may be of any
/// length.
const MAX_TEXT_LEN: usize = 1500;

/// What a verb returns.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// The thing checked is bad, or the coordinator said no: exit code 1.
    pub fn bad(text: impl Into<String>) -> Self {
        Self {
            exit: Exit::Bad,
            text: cut(&text.into(), MAX_TEXT_LEN),
            help: None,
        }
    }

    /// The command line is wrong: exit code 2.
    pub fn usage(text: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            text: cut(&text.into(), MAX_TEXT_LEN),
            help: None,
        }
    }

    /// The network or a file failed: exit code 3.
    pub fn io(text: impl Into<String>) -> Self {
        Self {
            exit: Exit::Io,
            text: cut(&text.into(), MAX_TEXT_LEN),
            help: None,
        }
    }

    /// A file could not be read, written or made: exit code 3.
    pub fn file(doing: &str, path: &Path, error: &io::Error) -> Self {
        Self::io(format!(
            "cannot {doing} {}: {}",
            path.display(),
            plain(error)
        ))
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Appends a consequence to the sentence.
    #[must_use]
    pub fn and(mut self, what: &str) -> Self {
        self.text = format!("{}; {what}", self.text);
        self
    }

    /// Appends the coordinator's error code, for reports.
    #[must_use]
    pub fn code(mut self, code: &str) -> Self {
        self.text = format!("{} [{code}]", self.text);
        self
    }

    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The sentence, without the advice.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A coordinator or a file may have had a word in it.
        write!(f, "error: {}", without_controls(&self.text))?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {}", without_controls(help)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

/// The operating system's message without Rust's ` (os error 2)`, which helps nobody.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_to_do() {
        let failure = Failure::usage("no such thing").help("try another");
        assert_eq!(
            failure.to_string(),
            "error: no such thing\n  help: try another"
        );
        assert_eq!(failure.exit() as u8, 2);
    }

    #[test]
    fn what_a_coordinator_says_does_not_command_the_terminal() {
        let failure = Failure::bad("it says: \u{1b}[2Jgone").help("two\nlines\u{9b}");
        assert_eq!(
            failure.to_string(),
            "error: it says: \\u{1b}[2Jgone\n  help: two\nlines\\u{9b}"
        );
    }

    #[test]
    fn an_operating_system_error_reads_as_a_sentence() {
        let error = io::Error::from_raw_os_error(2);
        let failure = Failure::file("read", Path::new("a.json"), &error);
        assert_eq!(
            failure.text(),
            "cannot read a.json: No such file or directory"
        );
        assert_eq!(failure.exit(), Exit::Io);
    }
}

//! Secrets: texts that must be in no log.

use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

/// A text that formats as nothing, and is wiped when the last clone goes.
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// Keeps a text, without the space around it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Arc::new(Zeroizing::new(text.trim().to_owned())))
    }

    /// The text.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Warns in the log if others than the owner and its group may read a file that holds `what`.
pub(crate) fn warn_if_others_read(what: &str, path: &Path) {
    let Ok(file) = std::fs::metadata(path) else {
        return;
    };
    let mode = file.permissions().mode() & 0o777;
    if mode & 0o004 != 0 {
        let path = path.display();
        tracing::warn!(
            file = %path,
            mode = format_args!("{mode:o}"),
            "everybody on this machine may read {what} in {path}: chmod o-rwx {path}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new(" hush\n");
        assert_eq!(secret.reveal(), "hush");
        assert!(!format!("{secret:?}{:#?}", Some(&secret)).contains("hush"));
    }
}

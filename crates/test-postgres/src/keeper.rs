//! A directory that goes, and the server in it, when the test's process does: also if that is killed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::programs::Programs;

/// Waits for the end of its standard input, which is that of the test's process. Then ends the server that
/// may run in the directory, and removes it.
const SCRIPT: &str = r#"
    cat > /dev/null
    if [ -s "$1/data/postmaster.pid" ]; then
        kill -QUIT "$(head -n 1 "$1/data/postmaster.pid")" 2> /dev/null
        sleep 0.3
    fi
    rm -rf "$1"
"#;

/// A directory for a server, until this is dropped.
pub(crate) struct Keeper {
    directory: PathBuf,
    child: Child,
}

impl Keeper {
    pub(crate) fn start(programs: &Programs) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("tauline-pg-")
            .tempdir()
            .expect("a temporary directory can be made")
            .keep();
        programs.give(&directory);
        let child = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .arg(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh can be run");
        Self { directory, child }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

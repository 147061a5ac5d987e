//! Builds and runs `main.go` beside this file, which checks a log by `golang.org/x/mod/sumdb`.
//!
//! Tests of other crates include this file by its path. Where Go or that package is missing, tests
//! that need it say so and show nothing. `TAULINE_REQUIRE_GO=1` makes it a failure.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Once;

/// Where Debian has Go packages.
const GOPATH: &str = "/usr/share/gocode";

/// The built program.
#[derive(Clone, Copy)]
pub(crate) struct Checker(());

impl Checker {
    /// Builds the program, once for all tests. `None`, with a message, if what it needs is missing.
    pub(crate) fn build() -> Option<Self> {
        static BUILT: Once = Once::new();
        let package = Path::new(GOPATH).join("src/golang.org/x/mod/sumdb/tlog");
        let missing = match Command::new("go").arg("version").output() {
            Err(_) => "there is no go: apt-get install golang-go golang-golang-x-mod-dev",
            Ok(_) if !package.is_dir() => {
                "there is no golang.org/x/mod: apt-get install golang-golang-x-mod-dev"
            }
            Ok(_) => {
                BUILT.call_once(go_build);
                return Some(Self(()));
            }
        };
        assert!(
            std::env::var_os("TAULINE_REQUIRE_GO").is_none(),
            "TAULINE_REQUIRE_GO is set, and {missing}"
        );
        eprintln!("SKIPPED: {missing}");
        None
    }

    /// Checks the log in a directory. What the program says: that all is well, or what is wrong.
    pub(crate) fn check(self, log: &Path, flags: &[&str]) -> Result<String, String> {
        let mut command = Command::new(program());
        command.arg("-dir").arg(log).args(flags);
        let output = command.output().unwrap();
        match output.status.success() {
            true => Ok(told(&output)),
            false => Err(told(&output)),
        }
    }
}

fn program() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("check-log")
}

fn go_build() {
    // Whichever crate's tests include this file: `file!` is told from the workspace's root.
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    let mut source = workspace.unwrap().join(file!());
    source.set_file_name("main.go");
    let mut go = Command::new("go");
    go.arg("build").arg("-o").arg(program()).arg(source);
    // Offline, with the Go that is installed, and with what is installed beside it.
    go.env("GO111MODULE", "off").env("GOPATH", GOPATH);
    go.env("GOTOOLCHAIN", "local").env("CGO_ENABLED", "0");
    go.env_remove("GOFLAGS");
    go.env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go"));
    let output = go.output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
}

fn told(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&all).trim_end().to_owned()
}

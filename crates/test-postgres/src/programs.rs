//! PostgreSQL's programs, and the user that may run them.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian has the programs of each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The user as whom PostgreSQL runs, if the tests run as root: it refuses to be root.
const USER: &str = "postgres";

/// Where the programs are, and how they are run.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    folder: PathBuf,
    /// The number of the user and of its group, if it is another than that of the tests.
    user: Option<(u32, u32)>,
    /// What the server is begun with, if it runs elsewhere.
    elsewhere: Vec<String>,
}

impl Programs {
    /// Finds them; none if they are not installed.
    pub(crate) fn find() -> Option<Self> {
        let named = std::env::var_os("TAULINE_POSTGRES_BIN").map(PathBuf::from);
        let folder = named.or_else(debian).or_else(in_path)?;
        let user = rustix::process::geteuid().is_root().then(user)?;
        folder.join("initdb").exists().then_some(Self {
            folder,
            user,
            elsewhere: Vec::new(),
        })
    }

    /// The same, with commands that run where this command has them run.
    pub(crate) fn on(self, elsewhere: &[String]) -> Self {
        Self {
            elsewhere: elsewhere.to_vec(),
            ..self
        }
    }

    /// Gives a file or folder to the user that runs the programs, and to nobody else.
    pub(crate) fn give(&self, path: &Path) {
        let mode = if path.is_dir() { 0o700 } else { 0o600 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its mode can be set");
        if let Some((user, group)) = self.user {
            chown(path, Some(user), Some(group)).expect("it can be given to the user");
        }
    }

    /// One of PostgreSQL's programs, run as the user that may.
    pub(crate) fn command(&self, name: &str) -> Command {
        let program = self.folder.join(name);
        let mut words: Vec<OsString> = self.elsewhere.iter().map(OsString::from).collect();
        if let Some((user, group)) = self.user {
            let user = [format!("--reuid={user}"), format!("--regid={group}")];
            words.push("setpriv".into());
            words.extend(user.map(OsString::from));
            words.push("--init-groups".into());
        }
        words.push(program.into());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command.current_dir("/").env("LC_ALL", "C");
        command
    }

    /// A program that needs no other user, of PostgreSQL's or of the system's.
    pub(crate) fn plain(&self, name: &str) -> Command {
        let program = self.folder.join(name);
        let mut command = match program.exists() {
            true => Command::new(program),
            false => Command::new(name),
        };
        command.current_dir("/").env("LC_ALL", "C");
        command
    }

    /// Runs a program that has to succeed, and returns what it has written.
    pub(crate) fn done(&self, command: &mut Command) -> String {
        let output = command.output().expect("the program can be run");
        assert!(
            output.status.success(),
            "{command:?} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// The programs of the latest version that Debian has.
fn debian() -> Option<PathBuf> {
    let versions = fs::read_dir(DEBIAN).ok()?.flatten();
    let latest = versions
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .max()?;
    Some(Path::new(DEBIAN).join(latest.to_string()).join("bin"))
}

fn in_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).find(|folder| folder.join("initdb").exists())
}

fn user() -> Option<(u32, u32)> {
    let all = fs::read_to_string("/etc/passwd").ok()?;
    let line = all
        .lines()
        .find(|line| line.starts_with(&format!("{USER}:")))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

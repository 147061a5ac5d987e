//! What a verb writes: text on standard output, and files that appear whole or not at all.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::exit::{Failure, Outcome};

/// Prints a line. A reader that has closed the pipe (`tauline … | head`) is no error.
///
/// # Errors
/// When standard output cannot be written for another reason.
pub fn print(text: &str) -> Outcome {
    stdout_result(writeln!(io::stdout().lock(), "{text}"))
}

/// Prints a line at once. False when nobody reads any more: then a verb that would go on printing ends.
///
/// # Errors
/// When standard output cannot be written for another reason.
pub fn print_or_end(text: &str) -> Outcome<bool> {
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{text}").and_then(|()| out.flush());
    let is_read = !matches!(&written, Err(error) if error.kind() == io::ErrorKind::BrokenPipe);
    stdout_result(written).map(|()| is_read)
}

/// Prints a value as indented JSON.
///
/// # Errors
/// When standard output cannot be written.
pub fn print_json(value: &impl Serialize) -> Outcome {
    let text = serde_json::to_string_pretty(value).map_err(|e| Failure::io(e.to_string()))?;
    print(&text)
}

fn stdout_result(result: io::Result<()>) -> Outcome {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::io(format!(
            "cannot write to standard output: {error}"
        ))),
        _ => Ok(()),
    }
}

/// Where a document is written.
#[derive(Debug, Clone, Args)]
pub struct OutputArgs {
    /// File to write [default: standard output].
    #[arg(short = 'o', long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file if it exists.
    #[arg(long, requires = "output")]
    force: bool,
}

impl OutputArgs {
    /// For a verb that defines these flags itself.
    #[must_use]
    pub fn new(output: Option<PathBuf>, force: bool) -> Self {
        Self { output, force }
    }

    /// Finds out, before any work is done, whether the document can be written.
    ///
    /// # Errors
    /// A file that exists already, or a directory that does not exist.
    pub fn check(&self) -> Outcome {
        match &self.output {
            Some(path) => check_writable(path, self.force),
            None => Ok(()),
        }
    }

    /// Writes the document. A file appears under its name when it is whole and on the disk.
    ///
    /// Returns the file's name, if it went to one.
    ///
    /// # Errors
    /// When the document could not be written.
    pub fn write(
        &self,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Outcome<Option<&Path>> {
        match &self.output {
            Some(path) => write_file(path, self.force, fill).map(|()| Some(path.as_path())),
            None => {
                let mut out = io::BufWriter::new(io::stdout().lock());
                stdout_result(fill(&mut out).and_then(|()| out.flush()))?;
                Ok(None)
            }
        }
    }
}

/// Refuses a path that [`write_file`] could not write.
///
/// # Errors
/// A file that exists (unless it may be replaced), or a directory that does not.
pub fn check_writable(path: &Path, replace: bool) -> Outcome {
    if !replace && path.symlink_metadata().is_ok() {
        return Err(exists(
            path,
            "choose another name, or give --force to replace it",
        ));
    }
    check_directory(path)
}

/// Refuses a path at which a new file could not be made.
///
/// # Errors
/// A file that exists, or a directory that does not.
pub fn check_new(path: &Path) -> Outcome {
    if path.symlink_metadata().is_ok() {
        return Err(exists(path, "choose another name"));
    }
    check_directory(path)
}

fn check_directory(path: &Path) -> Outcome {
    let dir = parent(path);
    match dir.is_dir() {
        true => Ok(()),
        false => Err(
            Failure::usage(format!("{} is not a directory", dir.display()))
                .help("make it first, or choose another place"),
        ),
    }
}

/// Writes a file that appears under its name when it is whole and on the disk.
///
/// # Errors
/// When the file exists and may not be replaced, or cannot be written.
pub fn write_file(
    path: &Path,
    replace: bool,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Outcome {
    let failed = |error: &io::Error| Failure::file("write", path, error);
    let file = new_temporary(parent(path)).map_err(|e| failed(&e))?;
    let mut out = io::BufWriter::new(file);
    fill(&mut out).map_err(|e| failed(&e))?;
    let file = out.into_inner().map_err(|e| failed(e.error()))?;
    file.as_file().sync_all().map_err(|e| failed(&e))?;
    let kept = match replace {
        true => file.persist(path),
        false => file.persist_noclobber(path),
    };
    match kept {
        Ok(_) => {
            // The name is on the disk when its directory is.
            let _ = File::open(parent(path)).and_then(|dir| dir.sync_all());
            Ok(())
        }
        Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(exists(path, "choose another name"))
        }
        Err(e) => Err(failed(&e.error)),
    }
}

/// The directory that holds `path`.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

fn exists(path: &Path, help: &str) -> Failure {
    Failure::usage(format!("{} exists already", path.display())).help(help)
}

/// A temporary file beside its later name, with the mode of an ordinary new file.
fn new_temporary(dir: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".tauline-");
    #[cfg(unix)]
    {
        // `tempfile` makes files of mode 0600. These documents are public: the umask decides.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_never_replaced_unasked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("powers");
        write_file(&path, false, |out| out.write_all(b"first")).unwrap();
        assert!(check_writable(&path, false).is_err());
        let again = write_file(&path, false, |out| out.write_all(b"second"));
        assert_eq!(again.unwrap_err().exit(), crate::exit::Exit::Usage);
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        write_file(&path, true, |out| out.write_all(b"third")).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"third");
    }

    #[test]
    fn half_a_file_is_never_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("powers");
        let failed = write_file(&path, false, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("the disk is full"))
        });
        assert!(failed.unwrap_err().text().contains("the disk is full"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

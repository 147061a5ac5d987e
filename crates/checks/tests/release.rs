//! `.ci/release` makes an archive that is complete, the same bytes each time, and of what it says.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tauline_checks::root;
use tempfile::TempDir;

/// Tools that the script runs.
const TOOLS: [&str; 5] = ["bash", "git", "gzip", "sha256sum", "tar"];

/// The moment of the commit that is released.
const WHEN: &str = "2026-01-02T03:04:05Z";

/// Why nothing can be tested here; a failure where everything must be.
fn skipped(why: &str) -> bool {
    assert!(
        std::env::var_os("TAULINE_REQUIRE_RELEASE").is_none(),
        "TAULINE_REQUIRE_RELEASE is set, and {why}"
    );
    eprintln!("SKIPPED: {why}");
    true
}

fn lacks_tools() -> bool {
    let is_there = |tool: &&str| Command::new(tool).arg("--version").output().is_ok();
    let lacks: Vec<_> = TOOLS.iter().filter(|tool| !is_there(tool)).collect();
    !lacks.is_empty() && skipped(&format!("{lacks:?} are not here"))
}

/// The folder with the programs that `cargo test --workspace` builds before it runs this.
fn built_programs() -> Option<PathBuf> {
    let here = std::env::current_exe().unwrap();
    let folder = here.ancestors().nth(2).unwrap();
    let programs = ["tauline-server", "tauline"];
    let is_there = programs.iter().all(|it| folder.join(it).is_file());
    is_there.then(|| folder.to_owned())
}

/// A run of `program` in `folder`, which has to go well.
fn run(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    let output = command.current_dir(folder).args(arguments).output();
    let output = output.unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {output:?}"
    );
    String::from_utf8(output.stdout).unwrap()
}

/// A repository with the files of this one, committed, and a changelog that has the version.
struct Sources {
    _folder: TempDir,
    root: PathBuf,
    version: String,
}

impl Sources {
    fn new(name: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let copy = folder.path().join(name);
        fs::create_dir(&copy).unwrap();
        let list = ["ls-files", "-co", "--exclude-standard", "--deduplicate"];
        for file in run(&root(), "git", &list).lines() {
            let (from, to) = (root().join(file), copy.join(file));
            // One that was deleted and is not committed yet is in the list.
            if from.is_file() {
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::copy(from, to).unwrap();
            }
        }
        let manifest = fs::read_to_string(copy.join("Cargo.toml")).unwrap();
        let mut lines = manifest.lines();
        let version = lines.find_map(|line| line.strip_prefix("version = "));
        let sources = Self {
            _folder: folder,
            root: copy,
            version: version.unwrap().trim_matches('"').to_owned(),
        };
        let section = format!("## Unreleased\n\n## {} - 2026-01-02\n", sources.version);
        sources.change("CHANGELOG.md", "## Unreleased\n", &section);
        sources.git(&["init", "--quiet"]);
        sources.git(&["add", "--all"]);
        sources.commit();
        sources
    }

    fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.root.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    fn git(&self, arguments: &[&str]) {
        let mut command = Command::new("git");
        command.current_dir(&self.root).args(arguments);
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Somebody");
            command.env(format!("GIT_{who}_EMAIL"), "somebody@example.org");
            command.env(format!("GIT_{who}_DATE"), WHEN);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }

    fn commit(&self) {
        self.git(&["commit", "--quiet", "--all", "--message", "A release"]);
    }

    /// What the script says of the programs in a folder, run under this mask for new files.
    fn release(&self, programs: &Path, output: &Path, mask: &str) -> Output {
        let script = format!("umask {mask}; exec .ci/release \"$@\"");
        Command::new("bash")
            .args(["-c", &script, "release", "--no-build"])
            .arg(programs)
            .arg("--output")
            .arg(output)
            .current_dir(&self.root)
            .output()
            .unwrap()
    }

    /// What it says when it refuses these programs.
    fn refusal(&self, programs: &Path) -> String {
        let output = TempDir::new().unwrap();
        let said = self.release(programs, output.path(), "022");
        assert!(!said.status.success(), "{said:?}");
        assert_eq!(fs::read_dir(output.path()).unwrap().count(), 0);
        String::from_utf8(said.stderr).unwrap()
    }
}

/// Programs that say nothing but their version.
fn programs_of_version(version: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    for program in ["tauline-server", "tauline"] {
        let path = folder.path().join(program);
        fs::write(&path, format!("#!/bin/sh\necho '{program} {version}'\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

#[test]
fn the_archive_is_complete_and_the_same_bytes_wherever_it_is_made() {
    if lacks_tools() {
        return;
    }
    let Some(programs) = built_programs() else {
        skipped("the programs are not built: cargo test --workspace builds them");
        return;
    };
    // Two clones at different places, with files that others may read and with files that none may.
    let made = std::thread::scope(|scope| {
        let make = |name, mask| {
            let programs = &programs;
            scope.spawn(move || {
                let (sources, output) = (Sources::new(name), TempDir::new().unwrap());
                let said = sources.release(programs, output.path(), mask);
                assert!(said.status.success(), "{said:?}");
                (sources, output)
            })
        };
        [make("here", "022"), make("somewhere else", "077")].map(|it| it.join().unwrap())
    });
    let [(sources, one), (_, other)] = &made;

    let sums = fs::read_to_string(one.path().join("SHA256SUMS")).unwrap();
    let name = sums.trim_end().split_once("  ").unwrap().1;
    run(
        one.path(),
        "sha256sum",
        &["--check", "--strict", "SHA256SUMS"],
    );
    let [bytes, again] = [one, other].map(|it| fs::read(it.path().join(name)).unwrap());
    assert!(bytes == again, "the two archives differ");

    let top = name.strip_suffix(".tar.gz").unwrap();
    let starts = format!("tauline-{}-", sources.version);
    assert!(top.starts_with(&starts), "{name}");
    assert_belongs_to_nobody(one.path(), name);
    run(one.path(), "tar", &["-xzf", name]);
    assert_complete(&one.path().join(top), sources);
    for program in ["tauline-server", "tauline"] {
        let released = fs::read(one.path().join(top).join(program)).unwrap();
        assert!(released == fs::read(programs.join(program)).unwrap());
    }
}

/// What an archive says of its files is of no machine: their owner, who may read them, their time.
fn assert_belongs_to_nobody(folder: &Path, name: &str) {
    let listing = [
        "--list",
        "--verbose",
        "--gzip",
        "--numeric-owner",
        "--utc",
        "--full-time",
        "--file",
        name,
    ];
    let listed = run(folder, "tar", &listing);
    assert!(listed.lines().count() > 40, "{listed}");
    for line in listed.lines() {
        let mut words = line.split_whitespace();
        let mode = words.next().unwrap();
        assert!(
            ["drwxr-xr-x", "-rw-r--r--", "-rwxr-xr-x"].contains(&mode),
            "{line}"
        );
        assert_eq!(words.next(), Some("0/0"), "{line}");
        let time = words.skip(1).take(2).collect::<Vec<_>>().join("T");
        assert_eq!(format!("{time}Z"), WHEN, "{line}");
    }
}

/// Everything that is promised is there, and is not empty.
fn assert_complete(unpacked: &Path, sources: &Sources) {
    let written = [
        "completions/_tauline",
        "completions/_tauline.ps1",
        "completions/tauline.bash",
        "completions/tauline.elv",
        "completions/tauline.fish",
        "man/man1/tauline.1",
        "man/man1/tauline-contribute.1",
        "man/man1/tauline-server.1",
        "tauline",
        "tauline-server",
    ];
    let copied = run(
        &sources.root,
        "git",
        &[
            "ls-files",
            "LICENSE*",
            "README.md",
            "CHANGELOG.md",
            "deploy",
            "docs",
        ],
    );
    assert!(copied.lines().count() > 15, "{copied}");
    let files: BTreeSet<&str> = written.into_iter().chain(copied.lines()).collect();
    for file in files {
        let len = fs::metadata(unpacked.join(file)).map(|it| it.len());
        assert!(len.is_ok_and(|len| len > 0), "the archive lacks {file}");
    }
    for shell in &written[..5] {
        let script = fs::read_to_string(unpacked.join(shell)).unwrap();
        assert!(script.contains("contribute"), "{shell}");
    }
    // Whatever is in the programs comes with its licence: a package, one of the page's, and a text.
    let licences = fs::read_to_string(unpacked.join("THIRD-PARTY-LICENSES")).unwrap();
    for said in ["\nblst 0.", "\npreact ", "Permission is hereby granted"] {
        assert!(licences.contains(said), "{said:?}");
    }
}

#[test]
fn the_licence_of_every_package_of_the_page_is_here() {
    let read = |file| fs::read_to_string(root().join(file)).unwrap();
    let (package, licences) = (read("web/package.json"), read("web/THIRD-PARTY-LICENSES"));
    let (_, dependencies) = package.split_once("\"dependencies\": {").unwrap();
    let (dependencies, _) = dependencies.split_once('}').unwrap();
    let mut count = 0;
    for line in dependencies.lines().filter(|line| line.contains(':')) {
        let (name, version) = line.split_once(':').unwrap();
        let [name, version] = [name, version].map(|it| it.trim_matches([' ', '"', ',']));
        let stands = licences.contains(&format!("\n{name} {version}: "));
        assert!(stands, "web/THIRD-PARTY-LICENSES lacks {name} {version}");
        count += 1;
    }
    assert!(count > 0, "{dependencies}");
}

#[test]
fn what_is_no_release_is_refused_and_says_why() {
    if lacks_tools() {
        return;
    }
    let sources = Sources::new("sources");
    let programs = programs_of_version("0.0.1");
    let refusal = sources.refusal(programs.path());
    let says = format!(
        "says 'tauline-server 0.0.1', and Cargo.toml that this is {}",
        sources.version
    );
    assert!(refusal.contains(&says), "{refusal}");

    let gone = programs.path().join("tauline");
    fs::remove_file(gone).unwrap();
    let refusal = sources.refusal(programs.path());
    assert!(refusal.contains("has no program tauline"), "{refusal}");

    let programs = programs_of_version(&sources.version);
    sources.change("README.md", "# Tauline", "# Something else");
    let refusal = sources.refusal(programs.path());
    assert!(refusal.contains("not committed"), "{refusal}");
    assert!(refusal.contains("README.md"), "{refusal}");

    let section = format!("## {} - 2026-01-02\n", sources.version);
    sources.change("CHANGELOG.md", &section, "## 99.0.0 - 2026-01-02\n");
    sources.commit();
    let refusal = sources.refusal(programs.path());
    assert!(refusal.contains("CHANGELOG.md has no section"), "{refusal}");
}

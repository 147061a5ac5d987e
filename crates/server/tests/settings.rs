//! Settings: where they come from, which are refused, and what `--help` says of them.
#![allow(clippy::unwrap_used, clippy::too_many_lines)]

use std::path::Path;

use assert_cmd::Command;
use clap::CommandFactory as _;
use tauline_server::Settings;

/// The server's own program, in an environment without settings.
fn server() -> Command {
    let mut command = Command::cargo_bin("tauline-server").unwrap();
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TAULINE_") {
            command.env_remove(name);
        }
    }
    command
}

#[track_caller]
fn refused(args: &[&str], because: &[&str]) {
    let output = server()
        .args(args)
        .timeout(std::time::Duration::from_secs(60))
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{args:?} was taken: {error}");
    assert!(
        output.status.code().is_some(),
        "{args:?} ended by a signal: {error}"
    );
    assert!(!error.contains("panicked"), "{error}");
    for words in because {
        assert!(
            error.contains(words),
            "{args:?} does not say {words:?}: {error}"
        );
    }
}

#[test]
fn help_explains_every_setting() {
    let output = server().arg("--help").output().unwrap();
    assert!(output.status.success());
    insta::assert_snapshot!("help", String::from_utf8(output.stdout).unwrap());
}

#[test]
fn the_manual_page_is_that_of_the_settings() {
    let output = server().arg("manual").output().unwrap();
    assert!(output.status.success());
    let page = String::from_utf8(output.stdout).unwrap();
    for words in [".TH", "TAULINE_DATA_DIR", "TAULINE_METRICS_LISTEN"] {
        assert!(page.contains(words), "{words}: {page}");
    }
}

#[test]
fn every_setting_has_an_environment_variable_and_a_line_of_help() {
    let command = Settings::command();
    let mut settings = 0;
    for arg in command
        .get_arguments()
        .filter(|arg| arg.get_long().is_some())
    {
        let long = arg.get_long().unwrap();
        if matches!(long, "help" | "version") {
            continue;
        }
        settings += 1;
        let variable = format!("TAULINE_{}", long.to_uppercase().replace('-', "_"));
        assert_eq!(arg.get_env().unwrap().to_str(), Some(variable.as_str()));
        let help = arg.get_long_help().or(arg.get_help()).unwrap().to_string();
        if arg
            .get_value_names()
            .is_some_and(|names| names[0] == "SECONDS")
        {
            assert!(help.contains("seconds"), "--{long} names its unit: {help}");
            assert!(
                !arg.get_default_values().is_empty() || help.contains("[default: "),
                "--{long} has a default"
            );
        }
    }
    assert!(settings >= 20, "{settings}");
}

fn parse(args: &[&str]) -> Settings {
    let args = std::iter::once("tauline-server").chain(args.iter().copied());
    Settings::from_args(args.map(Into::into)).unwrap()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn path(file: &tempfile::NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}

#[test]
fn a_ceremony_may_have_a_name_of_one_short_line() {
    assert_eq!(parse(&[]).service.name, None);
    let longest = "ö".repeat(60);
    for (given, name) in [(" Powers of Ada ", "Powers of Ada"), (&*longest, &*longest)] {
        let settings = parse(&["--name", given]);
        assert_eq!(settings.service.name.as_deref(), Some(name));
    }
    refused(&["--name", ""], &["--name", "give a name"]);
    refused(&["--name", "  "], &["give a name"]);
    refused(&["--name", "two\nlines"], &["one line"]);
    refused(&["--name", "\u{1b}[31mred"], &["one line"]);
    refused(
        &["--name", &"x".repeat(61)],
        &["61 characters", "60 at most"],
    );
}

#[test]
fn without_any_setting_it_is_ethereums_ceremony_on_a_loopback_address() {
    let settings = parse(&[]);
    assert_eq!(settings.service.listen.to_string(), "127.0.0.1:3000");
    assert_eq!(settings.service.data_dir, Path::new("./tauline-data"));
    assert_eq!(
        settings.service.ceremony,
        tauline_transcript::Sizes::ethereum()
    );
    let rules = tauline_queue_core::Rules::default();
    assert_eq!(
        settings.rules(),
        rules,
        "the deadlines are the specification's"
    );
    assert_eq!(format!("{:?}", settings.sign_in.methods()), "[Siwe]");
}

#[test]
fn the_file_gives_settings_of_every_type() {
    let file = file(
        "listen = \"127.0.0.1:4000\"\nceremony = \"16:4,32:4\"\nstart-limit = 2\n\
         metrics-listen = \"127.0.0.1:9300\"\nmin-free-disk = \"500MiB\"\n\
         checkin-min = 0.5\nsignin = [\"siwe\"]\ntrusted-proxies = [\"10.0.0.0/8\", \"::1\"]\n",
    );
    let settings = parse(&["--config", path(&file)]);
    assert_eq!(settings.service.listen.port(), 4000);
    assert_eq!(settings.service.ceremony.to_string(), "16:4,32:4");
    assert_eq!(settings.turn.start_limit.as_secs(), 2);
    assert_eq!(settings.waiting.checkin_min.as_millis(), 500);
    assert_eq!(settings.limits.trusted_proxies.len(), 2);
    assert_eq!(settings.watch.metrics_listen.unwrap().port(), 9300);
    assert_eq!(settings.watch.min_free_disk, 500 << 20);
}

#[test]
fn the_example_of_a_settings_file_is_taken() {
    let example = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../deploy/systemd/tauline.toml"
    );
    let settings = parse(&["--config", example]);
    assert_eq!(settings.service.listen.port(), 3000);
    assert_eq!(settings.limits.trusted_proxies.len(), 2);
    assert!(settings.watch.metrics_listen.is_some());
}

#[test]
fn space_is_given_in_bytes_or_in_larger_units() {
    for (text, bytes) in [
        ("0", 0),
        ("1000000", 1_000_000),
        ("2KiB", 2048),
        ("1 GiB", 1 << 30),
        ("3TiB", 3 << 40),
    ] {
        let settings = parse(&[&format!("--min-free-disk={text}")]);
        assert_eq!(settings.watch.min_free_disk, bytes, "{text}");
    }
    assert_eq!(parse(&[]).watch.min_free_disk, 1 << 30);
    assert_eq!(parse(&[]).watch.metrics_listen, None);
}

#[test]
fn a_connection_may_be_idle_for_longer_than_any_client_of_the_sequencer_waits() {
    assert_eq!(parse(&[]).connections.idle_timeout.as_secs(), 120);
    let file = file(
        "idle-timeout = 101\nlobby-hold = 60\nlobby-checkin-frequency = 35\nlobby-checkin-tolerance = 5\n",
    );
    assert_eq!(
        parse(&["--config", path(&file)])
            .connections
            .idle_timeout
            .as_secs(),
        101
    );
}

#[test]
fn a_flag_outranks_the_environment_and_that_the_file() {
    let file = file("listen = \"256.0.0.1:1\"\nchain-id = 3\nstart-limit = 0\n");
    // The file's address and limit are wrong: were they looked at, this would say so.
    let (address, taken) = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        (listener.local_addr().unwrap().to_string(), listener)
    };
    let output = server()
        .args([
            "--config",
            path(&file),
            "--start-limit",
            "5",
            "--data-dir",
            "/nonexistent/x",
        ])
        .env("TAULINE_LISTEN", &address)
        .env("TAULINE_START_LIMIT", "0")
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains(&address) && error.contains("in use"),
        "{error}"
    );
    drop(taken);
}

#[test]
fn a_wrong_file_is_refused_and_named() {
    for (text, because) in [
        ("lsiten = \"127.0.0.1:1\"", "there is no setting `lsiten`"),
        ("listen = ", "is not right"),
        ("listen = \"nowhere\"", "--listen"),
        ("listen = true", "must be a string"),
        ("start-limit = -1", "seconds"),
        (
            "[server]\nlisten = \"127.0.0.1:1\"",
            "there is no setting `server`",
        ),
        ("config = \"other.toml\"", "there is no setting `config`"),
    ] {
        let file = file(text);
        refused(&["--config", path(&file)], &[because, path(&file)]);
    }
    refused(
        &["--config", "/nonexistent/tauline.toml"],
        &["/nonexistent/tauline.toml"],
    );
}

#[test]
fn bad_settings_are_refused_with_what_to_do() {
    for (args, because) in [
        (
            &["--listen", "nowhere"][..],
            &["--listen", "127.0.0.1:3000"][..],
        ),
        (&["--ceremony", "4096"], &["--ceremony"]),
        (&["--ceremony", "1:1"], &["--ceremony"]),
        (&["--ceremony", "16:4,16:4"], &["--ceremony"]),
        (&["--signin", "password"], &["siwe", "invite"]),
        (&["--signin", "invite"], &["--invites FILE"]),
        (&["--invites", "x"], &["--signin siwe,invite"]),
        (
            &["--signin", "github"],
            &["--github-client-id", "--github-client-secret-file"],
        ),
        (
            &["--signin", "github", "--github-client-id", "x"],
            &["--github-client-secret-file"],
        ),
        (
            &[
                "--signin=github",
                "--github-client-id=x",
                "--github-client-secret=hush",
                "--github-client-secret-file=y",
            ],
            &["give one"],
        ),
        (&["--github-client-id", "x"], &["--signin siwe,github"]),
        (
            &[
                "--signin=github",
                "--github-client-id=x",
                "--github-client-secret-file=/nonexistent/secret",
            ],
            &["/nonexistent/secret"],
        ),
        (
            &["--github-created-before", "yesterday"],
            &["2022-08-01T00:00:00Z"],
        ),
        (
            &[
                "--signin=oidc",
                "--eth-oidc-client-id=x",
                "--eth-oidc-client-secret=y",
            ],
            &["--eth-oidc-userinfo-url"],
        ),
        (&["--signin", "oidc"], &["--eth-oidc-client-id"]),
        (&["--eth-oidc-client-id", "x"], &["--signin siwe,oidc"]),
        (&["--eth-rpc-url", "node.local"], &["--eth-rpc-url"]),
        (
            &["--redirect-allow", "example.org"],
            &["https://ceremony.example.org"],
        ),
        (&["--max-sessions", "0"], &["--max-sessions"]),
        (&["--start-limit", "0"], &["start-limit"]),
        (&["--start-limit=-5"], &["--start-limit"]),
        (&["--start-limit", "NaN"], &["--start-limit", "seconds"]),
        (&["--start-limit", "1e300"], &["--start-limit", "ten years"]),
        (&["--checkin-min", "10", "--checkin-max", "5"], &["checkin"]),
        (&["--session-lifetime", "0"], &["--session-lifetime"]),
        (&["--body-timeout", "0"], &["--body-timeout"]),
        (&["--write-timeout", "0"], &["--write-timeout"]),
        (&["--idle-timeout", "0"], &["--idle-timeout"]),
        (
            &[
                "--idle-timeout=100",
                "--lobby-hold=60",
                "--lobby-checkin-frequency=35",
                "--lobby-checkin-tolerance=5",
            ],
            &[
                "--idle-timeout must be more than 100",
                "--lobby-hold",
                "--lobby-checkin-frequency",
                "--lobby-checkin-tolerance",
                "130",
            ],
        ),
        (&["--lobby-checkin-frequency", "3600"], &["--idle-timeout"]),
        (&["--public-url", "ceremony.example.org"], &["https://"]),
        (
            &["--public-url", "https://example.org/path"],
            &["host only"],
        ),
        (&["--public-url", "https://user@example.org"], &["https://"]),
        (
            &["--listen", "0.0.0.0:0"],
            &["--public-url", "--signin invite"],
        ),
        (&["--trusted-proxies", "proxy.local"], &["10.0.0.0/8"]),
        (&["--threads", "many"], &["--threads"]),
        (&["--lsiten", "127.0.0.1:0"], &["--listen"]),
        (&["--log", "((("], &["--log"]),
        (
            &["--metrics-listen", "9300"],
            &["--metrics-listen", "127.0.0.1:3000"],
        ),
        (
            &["--metrics-listen=127.0.0.1:3000"],
            &["--listen", "give --metrics-listen another port"],
        ),
        (&["--min-free-disk", "much"], &["--min-free-disk", "1GiB"]),
        (&["--min-free-disk=5GB"], &["1GiB"]),
        (&["--min-free-disk=99999999TiB"], &["1GiB"]),
        (
            &["--store=mysql://db.example/x"],
            &["--store", "postgres://"],
        ),
        (
            &["--store=postgres://db.example/x"],
            &["--store", "--public-url"],
        ),
        (&["--lease=0.5"], &["--lease", "1 to 60 seconds"]),
        (&["--replica-name=a"], &["--store"]),
        (&["--replica-name=a b"], &["letters, digits"]),
        (
            &[
                "--store=postgres://db.example/x",
                "--signin=invite",
                "--invites=x",
                "--replica-listen=0.0.0.0:3001",
            ],
            &["--replica-url"],
        ),
        (
            &[
                "--store=postgres://db.example/x",
                "--signin=invite",
                "--invites=x",
                "--replica-url=https://db.example",
            ],
            &["--replica-url", "http://"],
        ),
        (
            &[
                "--store=postgres://db.example/x",
                "--signin=invite",
                "--invites=x",
                "--from-handover=x",
            ],
            &["--from-handover", "--store"],
        ),
    ] {
        refused(args, because);
    }
}

#[test]
fn a_secret_is_in_no_message_and_no_description() {
    let secret = file("hush-in-a-file\n");
    let settings = parse(&[
        "--signin=siwe,github",
        "--github-client-id=x",
        &format!("--github-client-secret-file={}", path(&secret)),
        "--eth-rpc-url=https://node.example/hush-key",
        "--store=postgres://me:hush-word@db.example/ceremony",
        "--public-url=https://ceremony.example.org",
    ]);
    let text = format!("{settings:?}");
    assert!(!text.contains("hush"), "{text}");

    let output = server()
        .args([
            "--github-client-secret=hush-1",
            "--eth-rpc-url=hush-2",
            "--store=postgres://me:hush-4@db.example/x",
        ])
        .env("TAULINE_ETH_OIDC_CLIENT_SECRET", "hush-3")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(!said.concat().contains("hush"), "{said:?}");
}

#[test]
fn an_empty_secret_is_refused() {
    let empty = file(" \n");
    refused(
        &[
            "--listen=127.0.0.1:0",
            "--signin=github",
            "--github-client-id=x",
            &format!("--github-client-secret-file={}", path(&empty)),
        ],
        &["is empty"],
    );
}

#[test]
fn half_of_what_a_ceremony_is_recovered_from_is_refused() {
    let all = ["--recover-log", "--recover-transcript", "--recover-reason"];
    refused(&[all[0], "log"], &all);
    refused(&[all[1], "file", all[2], "fire"], &all);
    let with = |reason| [all[0], "log", all[1], "file", all[2], reason];
    refused(&with(" "), &[all[2], "say why"]);
    refused(&with("two\nlines"), &[all[2], "one line"]);
    let both = [&with("fire")[..], &["--from-handover", "bundle"]].concat();
    refused(&both, &["--from-handover", "one of them"]);
}

#[test]
fn an_address_that_is_taken_is_refused() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    refused(
        &["--listen", &address, "--data-dir", data.to_str().unwrap()],
        &[&address, "in use", "--listen"],
    );
    assert!(!data.exists(), "nothing was made");
}

#[test]
fn an_address_for_metrics_that_is_taken_is_refused() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    refused(
        &[
            "--listen",
            "127.0.0.1:0",
            "--metrics-listen",
            &address,
            "--data-dir",
            data.to_str().unwrap(),
        ],
        &[&address, "in use", "--metrics-listen"],
    );
    assert!(!data.exists(), "nothing was made");
}

#[test]
fn unreadable_invitations_are_refused() {
    let wrong = file("alice\n");
    let with = |file: &str| {
        refused(
            &[
                "--listen",
                "127.0.0.1:0",
                "--signin",
                "invite",
                "--invites",
                file,
            ],
            &["invitations"],
        );
    };
    with(path(&wrong));
    with("/nonexistent/invites");
}

#[test]
fn data_of_another_ceremony_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let data = data.to_str().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let settings = parse(&[
            "--listen=127.0.0.1:0",
            "--ceremony=16:4",
            &format!("--data-dir={data}"),
        ]);
        tauline_server::start(&settings)
            .await
            .unwrap()
            .stop()
            .await
            .unwrap();
    });
    refused(
        &[
            "--listen",
            "127.0.0.1:0",
            "--ceremony",
            "32:4",
            "--data-dir",
            data,
        ],
        &["16:4", "--ceremony"],
    );
}

#[test]
fn an_unwritable_data_directory_is_refused() {
    let not_a_directory = file("");
    let data = format!("{}/data", path(&not_a_directory));
    refused(
        &[
            "--listen",
            "127.0.0.1:0",
            "--ceremony",
            "16:4",
            "--data-dir",
            &data,
        ],
        &[&data],
    );
}

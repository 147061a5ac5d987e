//! Certificates in files: taken again when they change, and refused with words that say what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use rustix::process::Signal;
use tauline_queue_core::Timestamp;

use crate::authority::{Authority, Files, LONG};
use crate::common::{TestServer, http};
use crate::program::{Program, refused};

/// Within what time another certificate must be in force.
const TAKEN_WITHIN: Duration = Duration::from_secs(60);

/// Whether a new connection ends at a certificate of this authority.
async fn is_by(authority: &Authority, url: &str) -> bool {
    let status = authority.client().get(format!("{url}/healthz")).send();
    match status.await {
        Ok(answer) => answer.status() == StatusCode::OK,
        Err(error) => {
            assert!(error.is_connect(), "{error:?}");
            false
        }
    }
}

/// The value of a series on the page of metrics at this URL.
async fn metric(url: &str, series: &str) -> f64 {
    let client = http::client().build().unwrap();
    let page = client.get(url).send().await.unwrap();
    let page = page.text().await.unwrap();
    let value = page
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("{page}")).parse().unwrap()
}

/// A coordinator with a pair of `old`'s, and where its metrics are.
fn with_metrics(directory: &std::path::Path, files: &Files) -> (Program, String) {
    let mut arguments = files.arguments();
    arguments.push("--metrics-listen=127.0.0.1:0".to_owned());
    let mut program = Program::start(&directory.join("data"), &arguments);
    let told = program.says("metrics are served");
    let (_, url) = told.split_once("url=").unwrap();
    let url = url.trim_matches('"').to_owned();
    (program, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn another_pair_is_taken_when_the_files_change_and_old_connections_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let (old, new) = (Authority::new(), Authority::new());
    let files = Files::with(directory.path(), &old.issue(LONG));
    let program = Program::start(&directory.path().join("data"), &files.arguments());
    let before = old.client();
    let ask = || before.get(format!("{}/healthz", program.url)).send();
    assert_eq!(ask().await.unwrap().status(), StatusCode::OK);
    assert!(!is_by(&new, &program.url).await);

    files.write(&new.issue(LONG));
    let since = Instant::now();
    while !is_by(&new, &program.url).await {
        assert!(since.elapsed() < TAKEN_WITHIN, "the new one is not taken");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(!is_by(&old, &program.url).await, "for new connections");
    // This client has kept its connection.
    assert_eq!(ask().await.unwrap().status(), StatusCode::OK);
    let (exit, log) = program.end();
    assert!(exit.success(), "{log}");
    assert!(log.contains("another certificate is in force"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_takes_another_pair_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let (old, new) = (Authority::new(), Authority::new());
    let files = Files::with(directory.path(), &old.issue(LONG));
    let mut program = Program::start(&directory.path().join("data"), &files.arguments());
    files.write(&new.issue(LONG));
    program.signal(Signal::HUP);
    let told = program.says("read again");
    assert!(told.contains("the certificate"), "{told}");
    assert!(is_by(&new, &program.url).await);
    assert!(!is_by(&old, &program.url).await);
}

/// Of what is wrong nothing is taken by a hangup; the pair is taken all the same, when the files are looked at.
#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_that_fails_for_another_reason_leaves_the_pair_to_be_taken() {
    let directory = tempfile::tempdir().unwrap();
    let (old, new) = (Authority::new(), Authority::new());
    let files = Files::with(directory.path(), &old.issue(LONG));
    let invites = directory.path().join("invites");
    fs::write(&invites, "alice code-of-alice-0001\n").unwrap();
    let mut arguments = files.arguments();
    arguments.push("--signin=siwe,invite".to_owned());
    arguments.push(format!("--invites={}", invites.display()));
    let mut program = Program::start(&directory.path().join("data"), &arguments);
    files.write(&new.issue(LONG));
    fs::write(&invites, "alice\n").unwrap();
    program.signal(Signal::HUP);
    let told = program.says("could not be read again");
    assert!(told.contains("line 1 of the invitations"), "{told}");
    program.says("another certificate is in force");
    assert!(is_by(&new, &program.url).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_that_is_broken_changes_nothing_and_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let (old, new) = (Authority::new(), Authority::new());
    let files = Files::with(directory.path(), &old.issue(LONG));
    let (mut program, metrics) = with_metrics(directory.path(), &files);
    let broken = "tauline_tls_certificate_broken";
    assert_eq!(metric(&metrics, broken).await, 0.0);

    // The certificate of one, the key of another.
    let (certificate, key) = new.issue(LONG);
    files.write(&(certificate.clone(), new.issue(LONG).1));
    let told = program.says("cannot be used");
    assert!(
        told.contains("ERROR") && told.contains("is not that of the first certificate"),
        "{told}"
    );
    assert_eq!(metric(&metrics, broken).await, 1.0);
    assert!(is_by(&old, &program.url).await);

    // Nor by a hangup, which then changes nothing else either; nor without a file.
    program.signal(Signal::HUP);
    let told = program.says("could not be read again");
    assert!(
        told.contains("is not that of the first certificate"),
        "{told}"
    );
    fs::remove_file(&files.key).unwrap();
    program.signal(Signal::HUP);
    let told = program.says("could not be read again");
    assert!(told.contains("--tls-key"), "{told}");
    assert!(is_by(&old, &program.url).await);

    files.write(&(certificate, key));
    program.signal(Signal::HUP);
    program.says("read again");
    assert_eq!(metric(&metrics, broken).await, 0.0);
    assert!(is_by(&new, &program.url).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_expires_soon_is_warned_of_and_measured() {
    const DAY: u64 = 24 * 3600;
    for (days, warned) in [(13, true), (16, false)] {
        let directory = tempfile::tempdir().unwrap();
        let left = Duration::from_secs(days * DAY);
        let files = Files::with(directory.path(), &Authority::new().issue(left));
        let (mut program, metrics) = with_metrics(directory.path(), &files);
        let told = metric(&metrics, "tauline_tls_certificate_left_seconds").await;
        let expected = left.as_secs_f64();
        assert!((expected - 300.0..=expected).contains(&told), "{told}");
        if warned {
            program.says("THE CERTIFICATE EXPIRES SOON");
        }
        let (_, log) = program.end();
        assert_eq!(
            log.contains("THE CERTIFICATE EXPIRES SOON"),
            warned,
            "{log}"
        );
    }
}

/// The error of a start with this pair.
#[track_caller]
fn error_of(pair: &(String, String)) -> String {
    let directory = tempfile::tempdir().unwrap();
    let files = Files::with(directory.path(), pair);
    let (exit, error) = refused(&directory.path().join("data"), &files.arguments());
    assert_eq!(exit, Some(1), "{error}");
    let secret: Vec<_> = pair.1.lines().filter(|line| line.len() > 40).collect();
    assert!(secret.iter().all(|line| !error.contains(line)), "{error}");
    error
}

#[test]
fn pairs_that_cannot_be_used_are_refused_with_what_to_do() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(LONG);
    let other = authority.issue(LONG).1;
    let encrypted = key.replace("BEGIN PRIVATE", "BEGIN ENCRYPTED PRIVATE");
    let encrypted = encrypted.replace("END PRIVATE", "END ENCRYPTED PRIVATE");
    let legacy = key.replace("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\n\n");
    let damaged = key.replacen("-----END", "!!!!\n-----END", 1);
    let cut = key.lines().take(2).collect::<Vec<_>>().join("\n");
    let unknown = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    let none = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    let cases = [
        (
            &certificate,
            other.as_str(),
            "is not that of the first certificate",
        ),
        (&certificate, &encrypted, "openssl pkey"),
        (&certificate, &legacy, "openssl pkey"),
        (&certificate, &damaged, "damaged"),
        (&certificate, &cut, "damaged"),
        (&certificate, &certificate, "no private key"),
        (&certificate, "", "no private key"),
        (&certificate, unknown, "ECDSA on P-256"),
        (&key, &certificate, "the wrong way round"),
        (&String::new(), &key, "there is no certificate"),
        (&"in binary".to_owned(), &key, "openssl x509 -inform der"),
        (&none.to_owned(), &key, "cannot be used"),
    ];
    for (certificate, key, words) in cases {
        let error = error_of(&(certificate.clone(), key.to_owned()));
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn half_a_pair_and_files_that_are_not_there_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let files = Files::with(directory.path(), &Authority::new().issue(LONG));
    let data = directory.path().join("data");
    let [certificate, key] = files.arguments().try_into().unwrap();
    let needs = |argument: &String| refused(&data, std::slice::from_ref(argument));
    let (exit, error) = needs(&certificate);
    assert_eq!(exit, Some(2), "{error}");
    assert!(
        error.contains("--tls-certificate needs --tls-key"),
        "{error}"
    );
    let (exit, error) = needs(&key);
    assert_eq!(exit, Some(2), "{error}");
    assert!(
        error.contains("--tls-key needs --tls-certificate"),
        "{error}"
    );
    let missing = "--tls-key=/nowhere/key.pem".to_owned();
    let (exit, error) = refused(&data, &[certificate, missing]);
    assert_eq!(exit, Some(1), "{error}");
    assert!(
        error.contains("/nowhere/key.pem, cannot be read"),
        "{error}"
    );
    assert!(!data.exists(), "nothing was begun");
}

#[test]
fn a_key_that_everybody_may_read_and_a_url_without_tls_are_warned_of() {
    let directory = tempfile::tempdir().unwrap();
    let files = Files::with(directory.path(), &Authority::new().issue(LONG));
    let data = directory.path().join("data");
    for (mode, url, warned) in [
        (0o644, "http://localhost", true),
        (0o600, "https://localhost", false),
    ] {
        fs::set_permissions(&files.key, fs::Permissions::from_mode(mode)).unwrap();
        let mut arguments = files.arguments();
        arguments.push(format!("--public-url={url}"));
        let (_, log) = Program::start(&data, &arguments).end();
        assert_eq!(
            log.contains("may read the private key for TLS"),
            warned,
            "{log}"
        );
        assert_eq!(log.contains("--public-url says http://"), warned, "{log}");
    }
}

/// The wall clock of this test's server is that of the machine, whatever its queue's is.
#[tokio::test]
async fn the_queues_time_is_not_the_certificates() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let files = Files::with(directory.path(), &authority.issue(LONG));
    let [certificate, key] = files.settings();
    let flags = [
        (certificate.0, certificate.1.as_str()),
        (key.0, key.1.as_str()),
        ("metrics-listen", "127.0.0.1:0"),
    ];
    let server = TestServer::at(Timestamp::from_millis(1_000), &flags).await;
    let metrics = server.running().metrics_address().unwrap();
    let url = format!("http://{metrics}/metrics");
    let left = metric(&url, "tauline_tls_certificate_left_seconds").await;
    assert!(
        left <= LONG.as_secs_f64() && left > LONG.as_secs_f64() - 300.0,
        "{left}"
    );
}

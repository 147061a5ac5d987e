//! `admin migrate`.

use std::fs;
use std::process::Command;

use tauline_queue_core::Timestamp;
use tauline_store::sqlite::Sqlite;
use tauline_test_postgres::Server;

use crate::common::{run, temporary};

#[test]
fn a_ceremony_is_moved_to_postgres_and_back() {
    let Some(server) = Server::start() else {
        return;
    };
    let dir = temporary();
    let run = |args: &[&str]| run(dir.path(), args);
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    rusqlite::Connection::open(data.join("tauline.db"))
        .unwrap()
        .execute_batch(include_str!("../../../server/tests/data/before_sums.sql"))
        .unwrap();
    let url = server.url("ours");
    let there = ["admin", "migrate", "--from", "sqlite:data", "--to", &url];
    let (exit, _, error) = run(&there);
    assert_eq!(exit, 1, "{error}");
    assert!(error.contains("is of an older version"), "{error}");
    // As a start of the coordinator does.
    let sizes = "4:2,8:2".parse().unwrap();
    drop(Sqlite::open(&data, &sizes, Timestamp::from_millis(0)).unwrap());

    let (_, before, _) = run(&["admin", "check", "data"]);
    let (exit, output, error) = run(&there);
    assert_eq!(exit, 0, "{error}");
    for said in [
        "ONLY ONE OF THE TWO MAY GO ON. data is as it was",
        "tauline-server --store URL --ceremony 4:2,8:2 --coordinator-address 0x",
        "contributions   4",
    ] {
        assert!(output.contains(said), "{output}");
    }
    let (exit, _, error) = run(&there);
    assert_eq!(exit, 1);
    assert!(error.contains("holds a ceremony already"), "{error}");

    let back = [
        "admin",
        "--json",
        "migrate",
        "--from",
        &url,
        "--to",
        "sqlite:back",
    ];
    let (exit, output, error) = run(&back);
    assert_eq!(exit, 0, "{error}");
    assert!(output.contains("\"contributions\": 4"), "{output}");
    let (exit, after, error) = run(&["admin", "check", "back"]);
    assert_eq!(exit, 0, "{error}");
    let fact = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(fact(&after), fact(&before));
    let (exit, _, error) = run(&back);
    assert_eq!(exit, 1);
    assert!(error.contains("there is a ceremony already"), "{error}");
}

#[test]
fn a_password_is_not_repeated() {
    let dir = temporary();
    for wrong in [
        "mysql://me:hunter2@host/x",
        "postgres://me:hunter2@host:hunter2/x",
        "hunter2",
    ] {
        let (exit, _, error) = run(
            dir.path(),
            &["admin", "migrate", "--from", "sqlite:data", "--to", wrong],
        );
        assert_eq!(exit, 2, "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let nobody = "postgres://me:hunter2@127.0.0.1:1/x?connect_timeout=1";
    fs::create_dir(dir.path().join("data")).unwrap();
    let (exit, _, error) = run(
        dir.path(),
        &["admin", "migrate", "--from", nobody, "--to", "sqlite:new"],
    );
    assert_eq!(exit, 3, "{error}");
    assert!(
        error.contains("postgres://me@127.0.0.1:1/x") && !error.contains("hunter2"),
        "{error}"
    );
}

/// A certificate is judged by the authorities that the system, or `SSL_CERT_FILE`, names.
#[test]
fn a_certificate_that_is_trusted_is_taken_where_it_is_required() {
    let Some(server) = Server::start() else {
        return;
    };
    let dir = temporary();
    let pair = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    server.offer_tls(&pair.cert.pem(), &pair.signing_key.serialize_pem());
    fs::write(dir.path().join("authority.pem"), pair.cert.pem()).unwrap();
    let url = server
        .url("ours")
        .replace("sslmode=disable", "sslmode=require");
    let error = |trusted: &str| {
        let output = Command::new(assert_cmd::cargo::cargo_bin!("tauline"))
            .current_dir(dir.path())
            .env("SSL_CERT_FILE", dir.path().join(trusted))
            .args(["admin", "migrate", "--from", &url, "--to", "sqlite:new"])
            .output()
            .unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let refused = error("missing.pem");
    assert!(refused.contains("certificate"), "{refused}");
    // Nothing is there yet, but that was told by the database.
    let empty = error("authority.pem");
    assert!(empty.contains("holds no ceremony"), "{empty}");
}

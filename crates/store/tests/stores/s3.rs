//! Powers in S3, as moto imitates it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tauline_queue_core::Ticket;
use tauline_store::apart::Apart;
use tauline_store::objects::Objects;
use tauline_store::sqlite::Sqlite;
use tauline_store::{Blob, Store as _};
use tauline_test_ports::free_port;

use crate::made_up::Plain;
use crate::place::{NOON, small};

const BUCKET: &str = "ceremony";

/// A server that is killed when this is dropped.
struct S3 {
    child: Child,
    port: u16,
}

impl S3 {
    /// `None` where there is none, which is said.
    fn start() -> Option<Self> {
        let Some(program) = std::env::var_os("TAULINE_MOTO") else {
            assert!(
                std::env::var_os("TAULINE_REQUIRE_S3").is_none(),
                "TAULINE_MOTO names no moto_server"
            );
            eprintln!(
                "SKIPPED: TAULINE_MOTO names no moto_server, which imitates S3 (pip install moto[server])"
            );
            return None;
        };
        let port = free_port();
        let mut child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let running = said.find(|line| line.as_ref().is_ok_and(|it| it.contains("Running on")));
        assert!(running.is_some(), "moto_server has not started");
        std::thread::spawn(move || said.for_each(drop));
        Some(Self { child, port })
    }

    /// Makes the bucket. Imitations let anybody do so.
    fn make_bucket(&self) {
        use std::io::{Read as _, Write as _};
        let mut connection = std::net::TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            connection,
            "PUT /{BUCKET} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// One test: what it says to the library goes through the environment.
#[test]
fn powers_are_kept_in_s3() {
    let Some(s3) = S3::start() else { return };
    s3.make_bucket();
    let endpoint = format!("http://127.0.0.1:{}", s3.port);
    let variables = [
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ALLOW_HTTP", "true"),
    ];
    let program = std::env::current_exe().unwrap();
    let status = Command::new(program)
        .args([
            "--exact",
            "s3::with_the_environment",
            "--include-ignored",
            "--nocapture",
        ])
        .envs(variables)
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
#[ignore = "run by `powers_are_kept_in_s3`, which makes its environment"]
fn with_the_environment() {
    let url = format!("s3://{BUCKET}/spring/2027");
    let directory = tempfile::tempdir().unwrap();
    let inner = Sqlite::open(directory.path(), &small(), NOON).unwrap();
    let store = Apart::new(inner, Some(Arc::new(Objects::open(&url).unwrap())));
    let mut plain = Plain::new();
    for number in 1..=3 {
        for batch in plain.turn(number, 3_000_000) {
            store.commit(&batch).unwrap();
        }
    }
    let powers = Blob::new(vec![3; 3_000_000]);
    assert_eq!(store.blob(Ticket::new(3)).unwrap().unwrap(), powers);
    let elsewhere = Objects::open(&url).unwrap();
    assert_eq!(elsewhere.get(powers.digest()).unwrap().unwrap(), powers);
    assert_eq!(elsewhere.get(&[0; 32]).unwrap(), None);
    assert_eq!(store.collect(Duration::ZERO).unwrap(), 2);
    assert_eq!(store.blob(Ticket::new(3)).unwrap().unwrap(), powers);
    // A bucket that is not there is said to be the fault.
    let nowhere = Objects::open("s3://nowhere/at-all").unwrap();
    let error = nowhere.put(&powers).unwrap_err().to_string();
    assert!(error.contains("s3://nowhere/at-all"), "{error}");
}

//! Finding out before the turn what a proxy in front of the coordinator refuses.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::proxy::{self, Rule};
use common::server::Server;
use common::{run_said, temporary};
use serde_json::Value;

/// Longer than the tests' contribution with compressed points, and shorter than the one with
/// uncompressed points, in bytes.
const BETWEEN: u64 = 20_000;

/// Shorter than any form of the contribution, in bytes.
const BELOW: u64 = 5_000;

#[track_caller]
fn contribute(url: &str, dir: &Path) -> (i32, String) {
    run_said(dir, &["contribute", "--server", url, "--key", "key"])
}

/// A proxy that refuses longer bodies, whatever the path.
fn narrow(server: &Server, most: u64) -> String {
    let rule = move |_: &str, len| match len > most {
        true => Rule::Refuse,
        false => Rule::Pass,
    };
    proxy::gate(&server.url, rule).0
}

/// A proxy whose limit only shows at the end of a turn.
fn late(server: &Server, most: u64, refusal: Rule) -> String {
    let rule = move |path: &str, len| match len > most && path == "/contribution/complete" {
        true => refusal,
        false => Rule::Pass,
    };
    proxy::gate(&server.url, rule).0
}

#[test]
fn the_smallest_form_is_sent_where_the_one_asked_for_is_refused() {
    let server = Server::start(&[]);
    let url = narrow(&server, BETWEEN);
    for form in ["msgpack-uncompressed", "json"] {
        let dir = temporary();
        let args = [
            "contribute",
            "--server",
            &url,
            "--key",
            "key",
            "--form",
            form,
        ];
        let (exit, said) = run_said(dir.path(), &args);
        assert_eq!(exit, 0, "{said}");
        assert!(
            said.contains("(stub/1.0) refuses bodies of 28.") || form == "json",
            "{said}"
        );
        assert!(said.contains("goes in a smaller form, of 14."), "{said}");
        assert!(said.contains("names your public keys"), "{said}");
        let told = said.find("smaller form").unwrap();
        assert!(
            told < said.find("it is your turn").unwrap(),
            "before it joins: {said}"
        );
    }
}

#[test]
fn what_cannot_get_through_does_not_join() {
    let server = Server::start(&[]);
    let dir = temporary();
    let (exit, said) = contribute(&narrow(&server, BELOW), dir.path());
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("(stub/1.0) refuses bodies of 14."), "{said}");
    assert!(said.contains("nothing was joined"), "{said}");
    assert!(said.contains("client_max_body_size 1m;"), "{said}");
    let (exit, said) = contribute(&server.url, dir.path());
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("ticket 1"), "it has never joined: {said}");
}

#[test]
fn a_refusal_in_the_turn_sends_the_smallest_form() {
    let server = Server::start(&[]);
    let dir = temporary();
    let (exit, said) = contribute(&late(&server, BETWEEN, Rule::Refuse), dir.path());
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("goes in a smaller form"), "{said}");
    assert!(said.contains("ticket 1"), "{said}");
    assert!(said.contains("names your public keys"), "{said}");
}

#[test]
fn a_refusal_of_every_form_in_the_turn_gives_it_up_at_once() {
    let server = Server::start(&[]);
    let dir = temporary();
    let since = Instant::now();
    let (exit, said) = contribute(&late(&server, BELOW, Rule::Refuse), dir.path());
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("(stub/1.0) refuses bodies of 14."), "{said}");
    assert!(said.contains("the turn was given up"), "{said}");
    assert!(said.contains("client_max_body_size 1m;"), "{said}");
    assert_eq!(server.status()["turn"], Value::Null);
    assert!(since.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_refusal_that_was_not_heard_is_asked_for_again() {
    let server = Server::start(&[]);
    let dir = temporary();
    // The first probe gets through; the upload is cut off without an answer.
    let probed = std::sync::atomic::AtomicBool::new(false);
    let (url, _) = proxy::gate(&server.url, move |path, len| match path {
        _ if len <= BETWEEN => Rule::Pass,
        "/contribution/complete" => Rule::Cut,
        _ if probed.swap(true, std::sync::atomic::Ordering::SeqCst) => Rule::Refuse,
        _ => Rule::Pass,
    });
    let (exit, said) = contribute(&url, dir.path());
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("goes in a smaller form"), "{said}");
}

#[test]
fn a_rehearsal_looks_at_the_way_first() {
    let server = Server::start(&[]);
    let dir = temporary();
    let rehearse = |url: &str| {
        let args = ["rehearse", "--server", url, "--participants", "3"];
        run_said(dir.path(), &args)
    };
    let (exit, said) = rehearse(&narrow(&server, BELOW));
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("client_max_body_size 1m;"), "{said}");
    assert_eq!(server.status()["log"]["records"], 2, "nobody has joined");
    let (exit, said) = rehearse(&narrow(&server, BETWEEN));
    assert_eq!(exit, 0, "{said}");
    assert!(
        said.contains("All contributions go in a smaller form, of 14."),
        "{said}"
    );
    let (exit, said) = rehearse(&server.url);
    assert_eq!(exit, 0, "{said}");
    assert!(
        said.contains("nothing on it refuses a contribution of 28."),
        "{said}"
    );
}

/// A real nginx in front of a coordinator. Killed when dropped.
struct Nginx {
    child: Child,
    url: String,
    _dir: tempfile::TempDir,
}

impl Nginx {
    /// Starts nginx with these directives. None, with a message, if there is no nginx.
    fn start(server: &Server, directives: &str) -> Option<Self> {
        Self::with(|_, port| {
            format!(
                "server {{ listen 127.0.0.1:{port}; {directives}\n\
                 location / {{ proxy_pass {}; }} }}",
                server.url
            )
        })
    }

    /// Starts nginx with the example of `deploy`, without TLS.
    fn example(server: &Server) -> Option<Self> {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../deploy/nginx/tauline.conf"
        );
        let example = fs::read_to_string(path).unwrap();
        let address = server.url.trim_start_matches("http://");
        Self::with(|at, port| {
            let changed = example.lines().map(|line| match line.trim() {
                "server 127.0.0.1:3000;" => format!("server {address};"),
                "listen 443 ssl http2;" => format!("listen 127.0.0.1:{port};"),
                "listen 80;" => format!("listen unix:{at}/plain;"),
                other if other.starts_with("ssl_") || other.starts_with("listen") => String::new(),
                _ => line
                    .replace("/var/cache/nginx", at)
                    .replace("/var/log/nginx", at),
            });
            changed.collect::<Vec<_>>().join("\n")
        })
    }

    /// Starts nginx with what stands in its block `http`, for this directory and this port.
    fn with(http: impl FnOnce(&str, u16) -> String) -> Option<Self> {
        let there = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"];
        let Some(program) = there.iter().find(|path| Path::new(path).exists()) else {
            assert!(
                std::env::var_os("TAULINE_REQUIRE_NGINX").is_none(),
                "TAULINE_REQUIRE_NGINX is set, and there is no nginx"
            );
            eprintln!("SKIPPED: there is no nginx: apt-get install nginx-light");
            return None;
        };
        let dir = temporary();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let at = dir.path().display().to_string();
        let http = http(&at, port);
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|what| format!("{what}_temp_path {at}/{what};\n"))
            .concat();
        let config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;\n\
             events {{}}\nhttp {{ access_log off;\n{temporary}\n{http}\n}}\n"
        );
        fs::write(dir.path().join("nginx.conf"), config).unwrap();
        let child = Command::new(program)
            .arg("-e")
            .arg(dir.path().join("early.log"))
            .arg("-c")
            .arg(dir.path().join("nginx.conf"))
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let url = format!("http://127.0.0.1:{port}");
        let since = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                since.elapsed() < Duration::from_secs(20),
                "nginx does not listen"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(Self {
            child,
            url,
            _dir: dir,
        })
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn nginx_as_it_comes_lets_a_small_ceremony_through() {
    let server = Server::start(&[]);
    let Some(nginx) = Nginx::start(&server, "") else {
        return;
    };
    let dir = temporary();
    let (exit, said) = contribute(&nginx.url, dir.path());
    assert_eq!(exit, 0, "{said}");
    assert!(!said.contains("smaller form"), "{said}");
}

#[test]
fn nginx_as_it_comes_is_too_narrow_for_ethereums_sizes() {
    let server = Server::start(&["--ceremony", "4096:65,8192:65,16384:65,32768:65"]);
    let Some(nginx) = Nginx::start(&server, "") else {
        return;
    };
    let dir = temporary();
    let since = Instant::now();
    let (exit, said) = contribute(&nginx.url, dir.path());
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("(nginx/"), "{said}");
    assert!(said.contains("refuses bodies of 3.1 MB (413)"), "{said}");
    assert!(said.contains("client_max_body_size 10m;"), "{said}");
    assert!(
        since.elapsed() < Duration::from_secs(20),
        "no turn was needed for it"
    );
    assert_eq!(server.status()["log"]["records"], 2, "nobody has joined");
}

#[test]
fn nginx_that_is_narrow_gets_the_smallest_form() {
    let server = Server::start(&[]);
    for buffering in ["on", "off"] {
        let limit = format!("client_max_body_size {BETWEEN}; proxy_request_buffering {buffering};");
        let Some(nginx) = Nginx::start(&server, &limit) else {
            return;
        };
        let dir = temporary();
        let (exit, said) = contribute(&nginx.url, dir.path());
        assert_eq!(exit, 0, "{said}");
        assert!(said.contains("(nginx/"), "{said}");
        assert!(said.contains("goes in a smaller form, of 14."), "{said}");
    }
}

#[test]
fn the_example_for_nginx_lets_large_contributions_through_and_names_requests() {
    let server = Server::start(&[]);
    let Some(nginx) = Nginx::example(&server) else {
        return;
    };
    let dir = temporary();
    let (exit, said) = contribute(&nginx.url, dir.path());
    assert_eq!(exit, 0, "{said}");
    assert!(!said.contains("smaller form"), "{said}");

    // Refused by the coordinator, for want of a session, and not for its length.
    let address = nginx.url.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).unwrap();
    stream
        .write_all(
            b"POST /contribution/probe HTTP/1.1\r\nHost: test\r\nContent-Length: 10000000\r\n\r\n",
        )
        .unwrap();
    let mut head = String::new();
    let mut reader = BufReader::new(stream);
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
    }
    assert!(head.starts_with("HTTP/1.1 401 "), "{head}");
    let name = head
        .lines()
        .find_map(|line| line.strip_prefix("x-request-id: "));
    assert_eq!(name.map(str::len), Some(32), "nginx's own: {head}");
}

//! Signing in in a browser, and server addresses that are almost right, with the real programs.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::server::{PATIENCE, Running, Server};
use common::{run_said, stderr, stdout, tauline, temporary};
use k256::ecdsa::SigningKey;
use reqwest::{StatusCode, Url};
use serde_json::json;
use tauline_protocol::personal_message;
use tauline_transcript::signature::{eip55, eth_address};

/// Answers each request by its method and address: a status line with headers, and a body.
fn serve(answer: impl Fn(&str) -> (String, String) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer) = (stream.unwrap(), Arc::clone(&answer));
            std::thread::spawn(move || {
                let Some(first) = request(&stream) else {
                    return;
                };
                let (head, body) = answer(&first);
                let len = body.len();
                let text = format!(
                    "HTTP/1.1 {head}\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n{body}"
                );
                let _ = stream.write_all(text.as_bytes());
            });
        }
    });
    url
}

/// Reads a whole request, and returns its first line.
fn request(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut len) = (String::new(), 0);
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            len = value.parse().unwrap();
        }
    }
    reader.read_exact(&mut vec![0; len]).ok()?;
    Some(first)
}

/// An OAuth provider with an account `login`, which agrees to everything.
fn provider(login: &'static str) -> String {
    serve(move |first| {
        let path = first.split(' ').nth(1).unwrap();
        let asked = Url::parse(&format!("http://provider{path}")).unwrap();
        let json = || "200 OK\r\nContent-Type: application/json".to_owned();
        match asked.path() {
            "/authorize" => {
                let value = |wanted: &str| {
                    let pair = asked.query_pairs().find(|(name, _)| name == wanted);
                    pair.unwrap().1.into_owned()
                };
                let mut back = Url::parse(&value("redirect_uri")).unwrap();
                back.query_pairs_mut()
                    .append_pair("code", "a-code")
                    .append_pair("state", &value("state"));
                (format!("302 Found\r\nLocation: {back}"), String::new())
            }
            "/token" => (
                json(),
                r#"{"access_token":"t","token_type":"bearer","scope":""}"#.to_owned(),
            ),
            _ => (
                json(),
                format!(r#"{{"id":583231,"login":"{login}","created_at":"2011-01-25T18:44:36Z"}}"#),
            ),
        }
    })
}

/// A coordinator that accepts these ways to sign in, with this address of GitHub.
fn ceremony(signin: &str, provider: &str, more: &[&str]) -> Server {
    let (auth, token, user) = (
        format!("{provider}/authorize"),
        format!("{provider}/token"),
        format!("{provider}/user"),
    );
    let flags = [
        "--signin",
        signin,
        "--github-client-id",
        "id",
        "--github-client-secret",
        "the-client-secret-0123456789",
        "--github-auth-url",
        &auth,
        "--github-token-url",
        &token,
        "--github-user-url",
        &user,
    ];
    Server::start(&[&flags[..], more].concat())
}

/// Follows a link as a browser does, with its cookie. Returns all addresses on the way, and the
/// status of the last one.
fn browse(link: &str) -> (Vec<String>, StatusCode) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        let (mut url, mut cookie) = (Url::parse(link).unwrap(), String::new());
        let mut seen = Vec::new();
        loop {
            seen.push(url.to_string());
            let request = client.get(url.clone()).header("cookie", &cookie);
            let response = request.send().await.unwrap();
            if let Some(set) = response.headers().get("set-cookie") {
                let text = set.to_str().unwrap();
                cookie = text.split(';').next().unwrap().to_owned();
            }
            let Some(next) = response.headers().get("location") else {
                return (seen, response.status());
            };
            url = url.join(next.to_str().unwrap()).unwrap();
        }
    })
}

/// The link that a program has printed.
fn link(said: &str) -> String {
    let line = said.lines().map(str::trim);
    let mut links = line.filter(|line| line.starts_with("http") && line.contains("/auth/start/"));
    links.next().unwrap().to_owned()
}

fn contribute<'a>(server: &'a Server, more: &[&'a str]) -> Vec<&'a str> {
    [&["contribute", "--server", &server.url][..], more].concat()
}

#[test]
fn a_github_account_contributes_and_fetches_its_receipt_again() {
    let server = ceremony("github", &provider("OctoCat"), &[]);
    let dir = temporary();
    for says in [
        "Contribution accepted: git|583231|OctoCat, ticket 1.",
        "git|583231|OctoCat has contributed already, ticket 1",
    ] {
        let mut running = Running::start(dir.path(), &contribute(&server, &[]));
        running.says("This waits for it.");
        let (seen, status) = browse(&link(running.seen()));
        assert_eq!(status, 200);
        let landing = &seen[seen.len() - 2];
        assert!(landing.starts_with("http://127.0.0.1:"), "{landing}");
        assert!(landing.contains("session_id="), "{landing}");
        let last = seen.last().unwrap();
        assert!(
            !last.contains("session_id"),
            "what stays in the bar: {last}"
        );
        let (exit, said) = running.ends();
        assert_eq!(exit, 0, "{said}");
        assert!(said.contains(says), "{said}");
        let pairs = Url::parse(landing).unwrap();
        let session = pairs.query_pairs().next().unwrap().1.into_owned();
        assert!(!said.contains(&session), "no session is shown: {said}");
    }
    assert!(!dir.path().join("tauline").exists());
}

#[test]
fn a_session_of_another_pages_is_not_taken() {
    let server = ceremony("github", &provider("OctoCat"), &[]);
    let dir = temporary();
    let mut running = Running::start(dir.path(), &contribute(&server, &[]));
    running.says("This waits for it.");
    let begin = Url::parse(&link(running.seen())).unwrap();
    let landing = begin.query_pairs().find(|(name, _)| name == "redirect_to");
    let landing = Url::parse(&landing.unwrap().1).unwrap();
    let theirs = "?session_id=theirs&sub=git%7C7%7CMallory&nickname=M&provider=Github&exp=1";
    for path in ["/", "/auth/callback", "/0000"] {
        let url = landing.join(&format!("{path}{theirs}")).unwrap();
        let (_, status) = browse(url.as_str());
        assert_eq!(status, 404, "{url}");
    }
    let (_, status) = browse(begin.as_str());
    assert_eq!(status, 200);
    let (exit, said) = running.ends();
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("Signed in as git|583231|OctoCat"), "{said}");
}

#[test]
fn an_account_that_may_not_take_part_is_told_why() {
    let server = ceremony(
        "github",
        &provider("OctoCat"),
        &["--github-created-before", "2010-01-01T00:00:00Z"],
    );
    let dir = temporary();
    let mut running = Running::start(dir.path(), &contribute(&server, &[]));
    running.says("This waits for it.");
    browse(&link(running.seen()));
    let (exit, said) = running.ends();
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("user created after deadline"), "{said}");
}

/// By a wallet it is our own page that tells the person, who may have another account; and it tells the
/// program that waits.
#[test]
fn an_ethereum_account_that_may_not_take_part_is_told_why_on_the_page_and_so_is_the_program() {
    // A node of chain 1 on which every account has sent one transaction.
    let node = serve(|_| {
        let json = "200 OK\r\nContent-Type: application/json".to_owned();
        (
            json,
            r#"{"jsonrpc":"2.0","id":1,"result":"0x1"}"#.to_owned(),
        )
    });
    let server = Server::start(&["--signin", "siwe", "--eth-rpc-url", &node]);
    let dir = temporary();
    let flags = ["--sign-in", "wallet", "--no-browser"];
    let mut running = Running::start(dir.path(), &contribute(&server, &flags));
    running.says("This waits for it.");
    let (answer, told) = refused_by_the_page(&server.url, &link(running.seen()));
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .contains("had sent 1 transactions"),
        "{answer}"
    );
    assert!(told.contains("user created after deadline"), "{told}");
    let (exit, said) = running.ends();
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("user created after deadline"), "{said}");
}

/// Does what our own page does with a wallet that has a key, and goes where it sends the browser.
/// Returns the coordinator's answer to the signature, and what the browser shows in the end.
fn refused_by_the_page(url: &str, link: &str) -> (serde_json::Value, String) {
    let key = SigningKey::from_slice(&[0x11; 32]).unwrap();
    let address = eip55(&eth_address(key.verifying_key()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        let begun = client.get(link).send().await.unwrap();
        let header = |name: &str| begun.headers()[name].to_str().unwrap().to_owned();
        let cookie = header("set-cookie").split(';').next().unwrap().to_owned();
        let page = header("location");
        let state = page.strip_prefix("/sign-in#state=").unwrap();
        let post = async |path: &str, body: serde_json::Value| -> serde_json::Value {
            let request = client
                .post(format!("{url}{path}"))
                .header("cookie", &cookie);
            request
                .json(&body)
                .send()
                .await
                .unwrap()
                .json()
                .await
                .unwrap()
        };
        let body = json!({"state": state, "address": address});
        let asked = post("/auth/eth/message", body).await;
        let message = asked["message"].as_str().unwrap();
        let signature = format!("0x{}", personal_message::sign(message, &key));
        let body = json!({"state": state, "message": message, "signature": signature});
        let answer = post("/auth/eth", body).await;
        let mut next = Url::parse(answer["location"].as_str().unwrap()).unwrap();
        loop {
            let response = client.get(next.clone()).send().await.unwrap();
            match response.headers().get("location") {
                Some(location) => next = next.join(location.to_str().unwrap()).unwrap(),
                None => return (answer, response.text().await.unwrap()),
            }
        }
    })
}

#[test]
fn a_ceremony_with_both_takes_the_key_unless_told_otherwise() {
    let server = ceremony("siwe,github", &provider("OctoCat"), &[]);
    let dir = temporary();
    let data = dir.path().join("data");
    let output = tauline()
        .current_dir(dir.path())
        .env("XDG_DATA_HOME", &data)
        .args(contribute(&server, &[]))
        .output()
        .unwrap();
    let said = stdout(&output) + &stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("accepted: eth|0x"), "{said}");
    assert!(said.contains("--sign-in github"), "{said}");
    let mut running = Running::start(dir.path(), &contribute(&server, &["--sign-in", "github"]));
    running.says("This waits for it.");
    browse(&link(running.seen()));
    let (exit, said) = running.ends();
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("accepted: git|583231|OctoCat"), "{said}");
    for (args, says) in [
        (["--sign-in", "invite"], "does not take an invitation"),
        (["--invite", "code"], "does not take an invitation"),
    ] {
        let (exit, said) = run_said(dir.path(), &contribute(&server, &args));
        assert_eq!(exit, 2, "{said}");
        assert!(said.contains(says), "{said}");
        assert!(
            said.contains("a GitHub account (--sign-in github)"),
            "{said}"
        );
    }
}

#[test]
fn the_link_is_opened_where_there_is_a_desktop_and_nobody_said_not_to() {
    let server = ceremony("github", &provider("OctoCat"), &[]);
    let dir = temporary();
    let (opener, opened) = (dir.path().join("xdg-open"), dir.path().join("opened"));
    let script = format!("#!/bin/sh\necho \"$1\" > {}\n", opened.display());
    fs::write(&opener, script).unwrap();
    fs::set_permissions(&opener, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!(
        "{}:{}",
        dir.path().display(),
        std::env::var("PATH").unwrap()
    );
    for (display, flag, opens) in [
        (":99", None, true),
        (":99", Some("--no-browser"), false),
        ("", None, false),
    ] {
        let _ = fs::remove_file(&opened);
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("tauline"))
            .args(contribute(&server, &[]))
            .args(flag)
            .env("PATH", &path)
            .env("DISPLAY", display)
            .env_remove("WAYLAND_DISPLAY")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        lines.find(|line| line.as_ref().unwrap().contains("This waits for it."));
        let until = Instant::now()
            + if opens {
                PATIENCE
            } else {
                Duration::from_secs(1)
            };
        while !fs::read_to_string(&opened).is_ok_and(|text| text.ends_with('\n'))
            && Instant::now() < until
        {
            std::thread::sleep(Duration::from_millis(20));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let text = fs::read_to_string(&opened).unwrap_or_default();
        assert_eq!(
            text.contains("/auth/start/github?redirect_to="),
            opens,
            "{text}"
        );
    }
}

/// A server that speaks TLS with a certificate by an authority of its own. Returns its address, and
/// the authority's certificate.
fn over_tls(body: &'static str) -> (String, String) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(vec![]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = authority.self_signed(&key).unwrap();
    let issuer = Issuer::new(authority, key);
    let own = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let leaf = params.signed_by(&own, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::try_from(own.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, config) = (stream.unwrap(), Arc::clone(&config));
            std::thread::spawn(move || {
                let mut connection = rustls::ServerConnection::new(config).unwrap();
                let mut tls = rustls::Stream::new(&mut connection, &mut stream);
                let mut request = [0; 4096];
                if tls.read(&mut request).is_ok_and(|len| len > 0) {
                    let _ = write!(
                        tls,
                        "HTTP/1.1 404 Not Found\r\nContent-Length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    let _ = tls.flush();
                }
            });
        }
    });
    (address, root.pem())
}

#[test]
fn an_address_with_the_wrong_scheme_is_told_the_right_one() {
    let server = Server::start(&[]);
    let dir = temporary();
    let plain = server.url.replace("http://", "");
    // It is not a coordinator, and closes the connection when it gets a TLS handshake.
    let other = serve(|_| ("200 OK".to_owned(), "hello".to_owned()));
    let other = other.replace("http://", "");
    for verb in ["status", "contribute", "rehearse", "transcript"] {
        let args = |url: &str| -> Vec<String> {
            let more: &[&str] = match verb {
                "rehearse" => &["--participants", "1"],
                "transcript" => &["-o", "t.json"],
                _ => &[],
            };
            [&[verb, "--server", url], more]
                .concat()
                .into_iter()
                .map(str::to_owned)
                .collect()
        };
        let run = |url: &str| {
            let args = args(url);
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            run_said(dir.path(), &args)
        };
        let (exit, said) = run(&format!("https://{plain}"));
        assert_eq!(exit, 2, "{verb}: {said}");
        let right = format!("give --server http://{plain}/");
        assert!(said.contains(&right), "{verb}: {said}");
        let (exit, said) = run(&format!("https://{other}"));
        assert_eq!(exit, 2, "{verb}: {said}");
        assert!(said.contains("does not speak TLS"), "{verb}: {said}");
        let (address, _) = over_tls("");
        let (exit, said) = run(&format!("http://{address}"));
        assert_eq!(exit, 2, "{verb}: {said}");
        let right = format!("give --server https://{address}/");
        assert!(said.contains(&right), "{verb}: {said}");
    }
}

#[test]
fn an_authority_that_is_not_known_is_named_and_can_be_made_known() {
    let dir = temporary();
    let (address, root) = over_tls("");
    let url = format!("https://{address}");
    let (exit, said) = run_said(dir.path(), &["status", "--server", &url]);
    assert_eq!(exit, 1, "trying again cannot help: {said}");
    for says in [
        "an authority that this machine does not know",
        "SSL_CERT_FILE",
    ] {
        assert!(said.contains(says), "{said}");
    }
    let file = dir.path().join("root.pem");
    fs::write(&file, root).unwrap();
    let output = tauline()
        .env("SSL_CERT_FILE", &file)
        .args(["status", "--server", &url])
        .output()
        .unwrap();
    let said = stderr(&output);
    assert!(said.contains("answers 404"), "it is trusted then: {said}");
    // The same certificate is not valid for another name.
    let url = url.replace("127.0.0.1", "localhost");
    let output = tauline()
        .env("SSL_CERT_FILE", &file)
        .args(["status", "--server", &url])
        .output()
        .unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("for another name"), "{said}");
}

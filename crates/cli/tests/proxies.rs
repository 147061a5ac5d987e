//! The examples of `deploy` for proxies, with the real programs: nginx, HAProxy and Caddy. What they lack here is TLS.

#![allow(clippy::unwrap_used, clippy::too_many_lines)]
#![cfg(unix)]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use common::front::Front;
use common::server::Server;
use common::{run, run_said, temporary};
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::time::timeout;

/// Within what time something that is passed on at once has come. Other builds may be running.
const AT_ONCE: Duration = Duration::from_secs(10);

/// How long answers are held at most: as long as nginx waits, unless it is told otherwise.
const HELD: u64 = 60;

/// An HTTP client from this loopback address.
fn client_from(address: [u8; 4]) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .no_gzip()
        .no_zstd()
        .local_address(IpAddr::from(Ipv4Addr::from(address)))
        .build()
        .unwrap()
}

fn client() -> reqwest::Client {
    client_from([127, 0, 0, 1])
}

#[test]
fn contributions_and_transcripts_larger_than_the_defaults_get_through() {
    // 1.6 MB as JSON, each way; nginx takes 1 MB as it comes.
    const SIZES: &str = "16384:4";
    let server = Server::start(&["--ceremony", SIZES]);
    let fronts = Front::examples(&server);
    for front in &fronts {
        let dir = temporary();
        let form = ["--key", "key", "--form", "json"];
        let args = [&["contribute", "--server", &front.url][..], &form].concat();
        let (exit, said) = run_said(dir.path(), &args);
        assert_eq!(exit, 0, "{}: {said}", front.name);
        assert!(!said.contains("smaller form"), "{}: {said}", front.name);

        let args = ["transcript", "--server", &front.url, "-o", "t.json"];
        let (exit, _, error) = run(dir.path(), &args);
        assert_eq!(exit, 0, "{}: {error}", front.name);
        let len = fs::metadata(dir.path().join("t.json")).unwrap().len();
        assert!(len > 1_500_000, "{}: {len}", front.name);
        let (exit, said) = run_said(dir.path(), &["verify", "t.json", "--ceremony", SIZES]);
        assert_eq!(exit, 0, "{}: {said}", front.name);
    }
    assert_eq!(server.status()["contributions"], fronts.len());
}

/// A body as large as the largest contribution is refused by the coordinator, for want of a session, and not for
/// its length; and the request has the name that the proxy gave it. Caddy passes no answer on before the body is
/// there.
#[test]
fn the_largest_contributions_are_let_through_and_requests_are_named() {
    const LEN: usize = 10_000_000;
    let server = Server::start(&[]);
    for front in Front::examples(&server) {
        let address = front.url.trim_start_matches("http://");
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(AT_ONCE * 3)).unwrap();
        let head = format!(
            "POST /contribution/probe HTTP/1.1\r\nHost: test\r\nX-Request-ID: forged\r\n\
             Content-Length: {LEN}\r\n\r\n"
        );
        let mut sender = stream.try_clone().unwrap();
        let sending = std::thread::spawn(move || {
            sender.write_all(head.as_bytes()).unwrap();
            // Whoever has answered may take no more.
            let _ = sender.write_all(&vec![b' '; LEN]);
        });
        let mut head = String::new();
        let mut reader = BufReader::new(stream);
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.1 401 "), "{}: {head}", front.name);
        let name = head.lines().find_map(|line| {
            let line = line.to_ascii_lowercase();
            line.strip_prefix("x-request-id: ").map(str::len)
        });
        assert!(matches!(name, Some(32 | 36)), "the proxy's own: {head}");
        drop(reader);
        sending.join().unwrap();
    }
}

/// A participant by invitation, behind a proxy.
struct Participant {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Participant {
    async fn sign_in(url: &str, number: usize) -> Self {
        let http = client();
        let body = serde_json::json!({"invite": code(number)});
        let answer = http.post(format!("{url}/login")).json(&body).send().await;
        let answer: Value = answer.unwrap().json().await.unwrap();
        Self {
            http,
            url: url.to_owned(),
            token: answer["token"].as_str().unwrap().to_owned(),
        }
    }

    async fn post(&self, path: &str) -> (u16, Value) {
        let request = self.http.post(format!("{}{path}", self.url));
        let answer = request.bearer_auth(&self.token).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    /// The stream of its events, once the first is there.
    async fn events(&self) -> Events {
        let request = self.http.get(format!("{}/queue/events", self.url));
        let mut events = Events::of(request.bearer_auth(&self.token)).await;
        events.says("\"queued\"").await;
        events
    }
}

struct Events {
    pieces: futures_util::stream::BoxStream<'static, Vec<u8>>,
    text: String,
}

impl Events {
    /// The stream that a request is answered with.
    async fn of(request: reqwest::RequestBuilder) -> Self {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self {
            pieces: answer.bytes_stream().map(|it| it.unwrap().to_vec()).boxed(),
            text: String::new(),
        }
    }

    /// Waits for these words: they must come at once.
    async fn says(&mut self, words: &str) {
        while !self.text.contains(words) {
            let piece = timeout(AT_ONCE, self.pieces.next()).await;
            let piece = piece.unwrap_or_else(|_| panic!("no {words}, but {}", self.text));
            let piece = piece.unwrap_or_else(|| panic!("it ended after {}", self.text));
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }
}

fn code(number: usize) -> String {
    format!("code-of-participant-{number:04}")
}

/// A file of invitations in this directory.
fn invites(dir: &Path) -> String {
    let invites = dir.join("invites");
    let lines = (0..10).map(|number| format!("participant-{number} {}\n", code(number)));
    fs::write(&invites, lines.collect::<String>()).unwrap();
    invites.display().to_string()
}

/// Otherwise the turn would be given to somebody who is away, until the held answer ends.
#[test]
fn who_hangs_up_is_gone_for_the_coordinator_too() {
    let dir = temporary();
    let invites = invites(dir.path());
    let flags = ["--signin", "invite", "--start-limit", "300", "--invites"];
    let server = Server::start(&[&flags[..], &[&invites]].concat());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let first = Participant::sign_in(&server.url, 0).await;
        assert_eq!(first.post("/queue/join").await.0, 200);
        for front in Front::examples(&server) {
            let waits = Participant::sign_in(&front.url, 1).await;
            let looks = Participant::sign_in(&server.url, 1).await;
            assert_eq!(waits.post("/queue/join").await.0, 200);
            let path = format!("/queue/checkin?wait={HELD}");
            let held = tokio::spawn(async move { waits.post(&path).await });
            for others in [1, 0] {
                let seen = async {
                    while looks.post("/queue/checkin").await.1["otherClients"] != others {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                };
                let seen = timeout(AT_ONCE, seen).await;
                seen.unwrap_or_else(|_| panic!("{}: not {others} are there", front.name));
                held.abort();
            }
        }
    });
}

#[test]
fn answers_are_held_for_a_minute_and_events_come_as_they_happen() {
    let dir = temporary();
    let invites = invites(dir.path());
    let server = Server::start(&[
        "--signin",
        "invite",
        "--invites",
        &invites,
        "--start-limit",
        "300",
    ]);
    let fronts = Front::examples(&server);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let first = Participant::sign_in(&server.url, 0).await;
        assert_eq!(first.post("/queue/join").await.0, 200);
        let mut waiting = Vec::new();
        for (number, front) in fronts.iter().enumerate() {
            let follows = Participant::sign_in(&front.url, 2 * number + 1).await;
            let waits = Participant::sign_in(&front.url, 2 * number + 2).await;
            for who in [&follows, &waits] {
                assert_eq!(who.post("/queue/join").await.0, 200, "{}", front.name);
            }
            waiting.push((front.name, follows, waits));
        }
        let (mut streams, mut held) = (Vec::new(), Vec::new());
        let mut watchers = Vec::new();
        for front in &fronts {
            let url = format!("{}/ceremony/events", front.url);
            let mut watcher = Events::of(client().get(url)).await;
            watcher.says("data: ").await;
            watchers.push(watcher);
        }
        for (name, follows, waits) in waiting {
            streams.push((follows.events().await, follows));
            held.push(tokio::spawn(async move {
                let since = Instant::now();
                let path = format!("/queue/checkin?wait={HELD}");
                let (status, answer) = waits.post(&path).await;
                assert_eq!(status, 200, "{name}: {answer}");
                since.elapsed()
            }));
        }
        for held in held {
            // Nothing happened meanwhile.
            let after = held.await.unwrap();
            assert!(after >= Duration::from_secs(HELD - 1), "{after:?}");
        }
        // The streams are still open, and each says at once that the turn has come; and those of watchers, that
        // another is over.
        let mut holder = first;
        for (mut events, follows) in streams {
            assert_eq!(holder.post("/queue/leave").await.0, 200);
            events.says("readyToContribute").await;
            holder = follows;
        }
        for watcher in &mut watchers {
            watcher.says("\"ended\":\"left\"").await;
        }
    });
}

#[test]
fn clients_count_by_their_own_addresses_and_cannot_forge_them() {
    for which in 0..3 {
        let flags = ["--anonymous-rate", "1", "--trusted-proxies", "127.0.0.1"];
        let server = Server::start(&flags);
        let mut fronts = Front::examples(&server);
        if which >= fronts.len() {
            break;
        }
        let front = fronts.swap_remove(which);
        let ask = |address: [u8; 4], forged: Option<&str>| {
            let request = client_from(address).get(format!("{}/nothing", front.url));
            let request = match forged {
                Some(forged) => request.header("x-forwarded-for", forged),
                None => request,
            };
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async { request.send().await.unwrap().status().as_u16() })
        };
        let (one, other) = ([127, 0, 0, 2], [127, 0, 0, 3]);
        assert_eq!(ask(one, None), 404, "{}", front.name);
        assert_eq!(ask(one, None), 429, "{}", front.name);
        for forged in ["192.0.2.7", "192.0.2.8, 127.0.0.1"] {
            assert_eq!(ask(one, Some(forged)), 429, "{}: {forged}", front.name);
        }
        assert_eq!(ask(other, Some("192.0.2.9")), 404, "{}", front.name);
    }
}

/// The headers that decide what is kept, and in which form.
const KEPT_BY: [&str; 6] = [
    "cache-control",
    "etag",
    "content-type",
    "content-encoding",
    "content-security-policy",
    "vary",
];

#[test]
fn what_may_be_kept_is_said_and_kept() {
    let mut server = Server::start(&[]);
    let dir = temporary();
    let args = ["contribute", "--server", &server.url, "--key", "key"];
    let (exit, said) = run_said(dir.path(), &args);
    assert_eq!(exit, 0, "{said}");
    let fronts = Front::examples(&server);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let get_as = |coding: Option<&str>, base: &str, path: &str| {
        let request = client().get(format!("{base}{path}"));
        let request = match coding {
            Some(coding) => request.header("accept-encoding", coding),
            None => request,
        };
        runtime.block_on(async {
            let answer = request.send().await.unwrap();
            let headers = answer.headers().clone();
            (
                answer.status().as_u16(),
                headers,
                answer.bytes().await.unwrap(),
            )
        })
    };
    let get = |base: &str, path: &str| get_as(None, base, path);
    let (_, _, checkpoint) = get(&server.url, "/log/checkpoint");
    let checkpoint = String::from_utf8(checkpoint.to_vec()).unwrap();
    let size = checkpoint.lines().nth(1).unwrap();
    let tile = format!("/log/tile/entries/000.p/{size}");
    let (_, _, page) = get(&server.url, "/");
    let page = String::from_utf8(page.to_vec()).unwrap();
    let (_, asset) = page.split_once("\"/assets/").unwrap();
    let asset = format!("/assets/{}", asset.split_once('"').unwrap().0);
    let paths = [
        &tile,
        &asset,
        "/log/checkpoint",
        "/",
        "/favicon.svg",
        "/ceremony/transcript",
        "/ceremony/status",
    ];
    let codings = [None, Some("gzip"), Some("zstd, gzip")];
    for front in &fronts {
        for (path, coding) in paths.iter().flat_map(|path| codings.map(|it| (*path, it))) {
            let direct = get_as(coding, &server.url, path);
            for _ in 0..2 {
                let by_proxy = get_as(coding, &front.url, path);
                let what = format!("{}: {path} as {coding:?}", front.name);
                assert_eq!((by_proxy.0, direct.0), (200, 200), "{what}");
                for name in KEPT_BY {
                    let both = (by_proxy.1.get(name), direct.1.get(name));
                    assert_eq!(both.0, both.1, "{what}: {name}");
                }
                // A status tells the time.
                assert!(by_proxy.2 == direct.2 || path.ends_with("status"), "{what}");
            }
        }
    }
    let kept = [&tile, &asset].map(|path| (path, get(&server.url, path)));
    for (path, answer) in &kept {
        let forever = answer.1["cache-control"].to_str().unwrap();
        assert!(forever.contains("immutable"), "{path}: {forever}");
    }
    // nginx keeps what never changes, and needs nobody for it.
    server.kill();
    for front in fronts.iter().filter(|front| front.name == "nginx") {
        for (path, answer) in &kept {
            let again = get(&front.url, path);
            assert_eq!((again.0, &again.2), (200, &answer.2), "{path}");
            assert_eq!(again.1["x-request-id"].len(), 32);
        }
        assert_eq!(get(&front.url, "/ceremony/status").0, 502);
    }
}

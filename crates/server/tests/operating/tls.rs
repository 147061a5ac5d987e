//! HTTPS at `--listen`: everything as over HTTP, and nobody who holds a connection for nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use rustix::process::Signal;
use rustls::pki_types::ServerName;
use tauline_protocol::status::QueueWord;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use crate::authority::{Authority, Files, LONG};
use crate::common::raw::Raw;
use crate::common::{Client, TestServer};
use crate::program::Program;

const STATUS: &str = "GET /ceremony/status HTTP/1.1\r\nHost: test\r\n\r\n";

/// Longer than anything that is to end soon may take.
const SOON: Duration = Duration::from_secs(10);

/// A server within TLS, and who vouches for it.
struct Secured {
    server: TestServer,
    authority: Authority,
    _directory: tempfile::TempDir,
}

impl Secured {
    async fn start(flags: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let files = Files::with(directory.path(), &authority.issue(LONG));
        let tls = files.settings();
        let mut all: Vec<(&str, &str)> = flags.to_vec();
        all.extend(tls.iter().map(|(name, value)| (*name, value.as_str())));
        Self {
            server: TestServer::with(&all).await,
            authority,
            _directory: directory,
        }
    }

    fn address(&self) -> SocketAddr {
        self.server.running().address()
    }

    /// A participant who is signed in.
    async fn client(&self, number: u32) -> Client {
        let client = Client::with_key(&self.server.url(), number);
        let mut client = client.by(self.authority.client());
        client.sign_in().await.expect_ok();
        client
    }

    /// A connection by hand.
    async fn raw(&self) -> Raw {
        Raw::over(self.authority.connect(self.address()).await.unwrap())
    }
}

/// Whether a connection ends soon.
async fn ends_soon(raw: &mut Raw) -> bool {
    let since = Instant::now();
    raw.is_closed_after_all().await && since.elapsed() < SOON
}

#[tokio::test]
async fn a_ceremony_goes_on_over_tls_as_without() {
    let secured = Secured::start(&[]).await;
    let url = secured.server.url();
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    let (first, second) = (secured.client(1).await, secured.client(2).await);
    let nonce = first.nonce().await;
    assert_eq!(nonce.uri, url, "sign-in is for https");
    first.join().await;
    second.join().await;

    // The second hears of its turn by a stream, and by a check-in that is held.
    let stream = second.request(reqwest::Method::GET, "/queue/events");
    let stream = stream.send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let mut pieces = stream.bytes_stream();
    let mut told = String::new();
    while !told.contains("\"queued\"") {
        let piece = timeout(SOON, pieces.next())
            .await
            .expect("it comes at once");
        told.push_str(std::str::from_utf8(&piece.unwrap().unwrap()).unwrap());
    }
    let held = tokio::spawn({
        let second = second.clone();
        async move { second.check_in_held(30.0).await }
    });
    first.contribute(&secured.server.sizes()).await;
    let called = timeout(SOON, held).await.expect("told at once").unwrap();
    assert_eq!(called.queue_status, QueueWord::ReadyToContribute);
    while !told.contains("readyToContribute") {
        let piece = timeout(SOON, pieces.next()).await.expect("told at once");
        told.push_str(std::str::from_utf8(&piece.unwrap().unwrap()).unwrap());
    }
    second.contribute(&secured.server.sizes()).await;
    assert_eq!(second.status().await.contributions, 2);
}

#[tokio::test]
async fn one_connection_serves_many_requests_also_those_that_are_sent_ahead() {
    let secured = Secured::start(&[]).await;
    let mut raw = secured.raw().await;
    let other = "GET /nothing HTTP/1.1\r\nHost: test\r\n\r\n";
    for _ in 0..3 {
        raw.send(format!("{STATUS}{other}{STATUS}")).await;
        for status in [200, 404, 200] {
            assert_eq!(raw.answer().await.status, status);
        }
        for piece in STATUS.as_bytes().chunks(7) {
            raw.send(piece).await;
        }
        assert_eq!(raw.answer().await.status, 200);
    }
    // A head that is long, and one that is too long.
    let long = format!("X-Long: {}\r\n", "x".repeat(12 * 1024));
    raw.head("GET", "/ceremony/status", None, &long).await;
    assert_eq!(raw.answer().await.status, 200);
    let longer = format!("X-Long: {}\r\n", "x".repeat(17 * 1024));
    raw.head("GET", "/ceremony/status", None, &longer).await;
    assert_eq!(raw.answer().await.status, 431);
}

#[tokio::test]
async fn a_connection_is_kept_after_a_large_body() {
    let secured = Secured::start(&[("body-timeout", "0.5"), ("ceremony", "1024:4")]).await;
    let client = secured.client(1).await;
    client.join().await;
    let base = client.start(&secured.server.sizes()).await;
    let good = client.contribution(&base).to_json().unwrap();
    let token = client.token.as_deref();
    let mut raw = secured.raw().await;
    let headers = format!(
        "Content-Type: application/json\r\nContent-Length: {}\r\n",
        good.len()
    );
    raw.head("POST", "/contribution/complete", token, &headers)
        .await;
    for piece in good.chunks(good.len() / 8 + 1) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        raw.send(piece).await;
    }
    raw.answer().await.expect_ok();
    tokio::time::sleep(Duration::from_millis(700)).await;
    raw.send(STATUS).await;
    assert_eq!(raw.answer().await.status, 200);
}

#[tokio::test]
async fn who_says_nothing_and_who_does_not_finish_the_handshake_hold_no_place() {
    let flags = [
        ("idle-timeout", "0.5"),
        ("body-timeout", "0.5"),
        ("lobby-checkin-frequency", "0.2"),
        ("lobby-checkin-tolerance", "0"),
        ("lobby-hold", "0"),
    ];
    let secured = Secured::start(&flags).await;
    let connect = || async { Raw::over(TcpStream::connect(secured.address()).await.unwrap()) };
    let mut silent = connect().await;
    let mut begun = connect().await;
    begun.send([22]).await;
    let mut used = secured.raw().await;
    let mut idle = secured.raw().await;
    let mut half = secured.raw().await;
    half.send("GET /cer").await;
    used.send(STATUS).await;
    assert_eq!(used.answer().await.status, 200);
    for raw in [&mut silent, &mut begun, &mut idle, &mut half, &mut used] {
        assert!(ends_soon(raw).await);
    }
}

#[tokio::test]
async fn a_handshake_may_drip_no_longer_than_a_head() {
    let secured = Secured::start(&[("body-timeout", "0.5")]).await;
    let mut raw = TcpStream::connect(secured.address()).await.unwrap();
    let dripping = async {
        // The beginning of a hello of 16 KB, a byte now and then.
        let hello = [22, 3, 1, 64, 0, 1, 0, 63, 252].into_iter();
        for byte in hello.chain(std::iter::repeat(0)) {
            if raw.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(SOON, dripping).await.expect("it is closed");
}

#[tokio::test]
async fn a_handshake_of_more_than_8_kib_is_cut_off() {
    let secured = Secured::start(&[]).await;
    let mut raw = Raw::over(TcpStream::connect(secured.address()).await.unwrap());
    // A hello that says that it has 60 KB, in records of 4 KB, as long as anybody reads it.
    let mut record = vec![22, 3, 1, 16, 0];
    record.extend([1, 0, 234, 96]);
    record.resize(5 + 4096, 0);
    raw.try_send(&record).await;
    record.splice(5..9, [0; 4]);
    for _ in 0..2 {
        raw.try_send(&record).await;
    }
    assert!(ends_soon(&mut raw).await, "long before --body-timeout");
}

#[tokio::test]
async fn handshakes_that_stand_still_keep_nobody_out() {
    let secured = Secured::start(&[("max-connections", "8")]).await;
    let mut standing = Vec::new();
    for number in 0..24 {
        let mut raw = Raw::over(TcpStream::connect(secured.address()).await.unwrap());
        if number % 2 == 0 {
            raw.try_send([22, 3, 1]).await;
        }
        standing.push(raw);
    }
    let client = secured.client(1).await;
    client.take_part(&secured.server.sizes()).await;
    assert!(standing[0].is_closed_after_all().await, "the first of them");
}

#[tokio::test]
async fn who_speaks_plain_http_is_told_to_speak_https() {
    let secured = Secured::start(&[]).await;
    for request in [
        STATUS.to_owned(),
        format!(
            "POST /login HTTP/1.1\r\nHost: test\r\nContent-Length: 9000\r\n\r\n{}",
            "x".repeat(9000)
        ),
    ] {
        let mut raw = Raw::over(TcpStream::connect(secured.address()).await.unwrap());
        raw.send(request).await;
        let answer = raw.answer().await;
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains("https://"), "{}", answer.text());
        assert!(ends_soon(&mut raw).await);
    }
    // What is neither.
    let mut raw = Raw::over(TcpStream::connect(secured.address()).await.unwrap());
    raw.send("\0\0\0").await;
    assert_eq!(raw.rest().await, "");
    assert!(ends_soon(&mut raw).await);
}

#[tokio::test]
async fn it_is_tls_1_2_or_later_and_http_1_1_within() {
    let secured = Secured::start(&[]).await;
    let name = ServerName::try_from("localhost").unwrap();
    for (offered, taken) in [
        (&["h2", "http/1.1"][..], Some("http/1.1")),
        (&[], None),
        (&["http/1.1"], Some("http/1.1")),
    ] {
        let stream = TcpStream::connect(secured.address()).await.unwrap();
        let connector = secured.authority.connector(offered);
        let stream = connector.connect(name.clone(), stream).await.unwrap();
        let protocol = stream.get_ref().1.alpn_protocol();
        assert_eq!(protocol, taken.map(str::as_bytes), "{offered:?}");
    }
    let stream = TcpStream::connect(secured.address()).await.unwrap();
    let connector = secured.authority.connector(&["h2"]);
    assert!(connector.connect(name, stream).await.is_err(), "only h2");

    // TLS 1.2 by a client that knows nothing newer.
    let mut roots = rustls::RootCertStore::empty();
    roots.add(secured.authority.root()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let old = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(secured.address()).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(old));
    let name = ServerName::try_from("localhost").unwrap();
    let mut raw = Raw::over(connector.connect(name, stream).await.unwrap());
    raw.send(STATUS).await;
    assert_eq!(raw.answer().await.status, 200);

    // The same hello is answered with another one or with a fatal alert, by the version that it asks for.
    for (version, answered) in [(3, [22, 3]), (2, [21, 3]), (1, [21, 3])] {
        let mut stream = TcpStream::connect(secured.address()).await.unwrap();
        stream.write_all(&hello(version)).await.unwrap();
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer[..2], answered, "TLS 1.{}: {answer:?}", version - 1);
        if answered[0] == 21 {
            assert_eq!(answer[5], 2, "it is fatal: {answer:?}");
        }
    }
}

/// A client's hello of TLS 1.0 (version 1) to 1.2 (version 3), without extensions for anything later
/// (RFC 5246, section 7.4.1.2).
fn hello(version: u8) -> Vec<u8> {
    let mut hello = vec![22, 3, 1, 0, 71, 1, 0, 0, 67, 3, version];
    hello.extend([7; 32]);
    // No session; ECDHE with ECDSA or RSA, and AES-128-GCM; no compression.
    hello.extend([0, 0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0]);
    // Extensions: P-256, uncompressed points, ECDSA with SHA-256.
    hello.extend([0, 22, 0, 10, 0, 4, 0, 2, 0, 23]);
    hello.extend([0, 11, 0, 2, 1, 0, 0, 13, 0, 4, 0, 2, 4, 3]);
    hello
}

/// Sends requests whose answers are more than the kernel keeps, and reads none of them.
async fn reads_nothing(secured: &Secured) -> tokio_rustls::client::TlsStream<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let stream = socket.connect(secured.address()).await.unwrap();
    let mut stream = secured.authority.around(stream).await.unwrap();
    let requests = "GET /ceremony/transcript HTTP/1.1\r\nHost: test\r\n\r\n".repeat(200);
    stream.write_all(requests.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    stream
}

#[tokio::test]
async fn who_reads_nothing_is_cut_off_and_who_reads_slowly_is_not() {
    let flags = [("write-timeout", "1.5"), ("ceremony", "1024:4")];
    let secured = Secured::start(&flags).await;
    let mut stuck = reads_nothing(&secured).await;
    let mut slow = reads_nothing(&secured).await;
    let mut piece = vec![0; 20 * 1024];
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(5) {
        assert!(slow.read(&mut piece).await.unwrap() > 0, "cut off");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut rest = Vec::new();
    let read = timeout(SOON, stuck.read_to_end(&mut rest));
    let _ = read.await.expect("the connection was closed");
    let client = Client::new(&secured.server.url()).by(secured.authority.client());
    let whole = 200 * client.get("/ceremony/transcript").await.bytes.len();
    assert!(rest.len() < whole, "{} of {whole}", rest.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_what_is_held_and_cuts_nothing_off() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let files = Files::with(directory.path(), &authority.issue(LONG));
    let program = Program::start(&directory.path().join("data"), &files.arguments());
    let mut clients = Vec::new();
    for number in [1, 2, 2] {
        let client = Client::with_key(&program.url, number);
        let mut client = client.by(authority.client());
        client.sign_in().await.expect_ok();
        client.join().await;
        clients.push(client);
    }
    let waiter = clients.pop().unwrap();
    let held = tokio::spawn(async move { waiter.check_in_held(50.0).await });
    clients[1].until_another_is_held().await;
    // One that waits for its next request hears that all was said.
    let address = program.url.trim_start_matches("https://").parse().unwrap();
    let mut idle = authority.connect(address).await.unwrap();
    idle.write_all(STATUS.as_bytes()).await.unwrap();
    let mut some = [0; 16];
    idle.read_exact(&mut some).await.unwrap();
    program.signal(Signal::TERM);
    let answer = timeout(SOON, held).await.expect("answered").unwrap();
    assert_eq!(answer.queue_status, QueueWord::Queued);
    let mut rest = Vec::new();
    let end = timeout(SOON, idle.read_to_end(&mut rest)).await.unwrap();
    end.expect("a whole end: without one, this is an error");
    let (exit, log) = program.end();
    assert!(exit.success(), "{log}");
    assert!(log.contains("stopped; nothing is lost"), "{log}");
}

#[tokio::test]
async fn a_turn_is_disturbed_by_nothing_that_others_do_with_tls() {
    let secured = Secured::start(&[]).await;
    let holder = secured.client(1).await;
    holder.join().await;
    let base = holder.start(&secured.server.sizes()).await;
    for _ in 0..50 {
        let mut raw = Raw::over(TcpStream::connect(secured.address()).await.unwrap());
        raw.try_send([22, 3, 3, 0, 2, 9, 9]).await;
    }
    let contribution = holder.contribution(&base);
    holder.complete(&contribution).await.expect_ok();
}

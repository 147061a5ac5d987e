//! Bad connections: proxies that cut them after so many bytes, or refuse requests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Bytes after which a connection is cut.
#[derive(Clone, Copy)]
pub(crate) enum Cut {
    /// So many bytes of answers have come back.
    Answers(usize),
    /// So many bytes of requests have been sent.
    Requests(usize),
}

/// Starts a proxy to `server` whose first connections are cut as listed, the others never. Gives
/// its address, and the number of connections cut so far.
pub(crate) fn start(server: &str, cuts: Vec<Cut>) -> (String, Arc<AtomicUsize>) {
    let server = server.strip_prefix("http://").unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let cut = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&cut);
    std::thread::spawn(move || {
        let mut cuts = cuts.into_iter();
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
            let (answers, requests) = match cuts.next() {
                Some(Cut::Answers(limit)) => (limit, usize::MAX),
                Some(Cut::Requests(limit)) => (usize::MAX, limit),
                None => (usize::MAX, usize::MAX),
            };
            pipe(&client, &server, requests, &counter);
            pipe(&server, &client, answers, &counter);
        }
    });
    (url, cut)
}

/// Copies until the end or the limit; then both directions end.
fn pipe(from: &TcpStream, to: &TcpStream, limit: usize, cut: &Arc<AtomicUsize>) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    let cut = Arc::clone(cut);
    std::thread::spawn(move || {
        let (mut left, mut buffer) = (limit, [0; 4096]);
        while left > 0 {
            let len = buffer.len().min(left);
            match from.read(&mut buffer[..len]) {
                Ok(len) if len > 0 && to.write_all(&buffer[..len]).is_ok() => left -= len,
                _ => break,
            }
        }
        if left == 0 {
            cut.fetch_add(1, Ordering::SeqCst);
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}

/// What a proxy does with a request of this path and stated length.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Passes it on.
    Pass,
    /// Answers 413 and closes the connection.
    Refuse,
    /// Closes the connection without a word.
    Cut,
}

/// When which requests came.
pub(crate) type Heard = Arc<Mutex<Vec<(Instant, String)>>>;

/// Starts a proxy to `server` that looks at the head of each request. Gives its address, and the
/// heads that came, each with its moment.
pub(crate) fn gate(
    server: &str,
    rule: impl Fn(&str, u64) -> Rule + Send + Sync + 'static,
) -> (String, Heard) {
    let server = server.strip_prefix("http://").unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heads = Arc::new(Mutex::new(Vec::new()));
    let (rule, seen) = (Arc::new(rule), Arc::clone(&heads));
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), server.clone());
            let (rule, seen) = (Arc::clone(&rule), Arc::clone(&seen));
            std::thread::spawn(move || pass(client, &server, &*rule, &seen));
        }
    });
    (url, heads)
}

/// One request of a connection, which is its last.
fn pass(
    client: TcpStream,
    server: &str,
    rule: &dyn Fn(&str, u64) -> Rule,
    seen: &Mutex<Vec<(Instant, String)>>,
) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if !reader.read_line(&mut head).is_ok_and(|len| len > 0) {
            return;
        }
    }
    seen.lock().unwrap().push((Instant::now(), head.clone()));
    let path = head.split(' ').nth(1).unwrap_or_default();
    let len = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.parse::<u64>().ok())?
    });
    match rule(path, len.unwrap_or_default()) {
        Rule::Pass => {}
        Rule::Cut => return drop(client.shutdown(Shutdown::Both)),
        Rule::Refuse => {
            let page = "<html>413 Request Entity Too Large</html>";
            let answer = format!(
                "HTTP/1.1 413 Request Entity Too Large\r\nServer: stub/1.0\r\n\
                 Content-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
                page.len()
            );
            let _ = (&client).write_all(answer.as_bytes());
            let _ = client.shutdown(Shutdown::Write);
            // As nginx does: what is on its way is read, so that the answer is not lost.
            let _ = std::io::copy(&mut reader.take(1 << 20), &mut std::io::sink());
            return;
        }
    }
    let mut upstream = TcpStream::connect(server).unwrap();
    let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    let _ = upstream.write_all(head.as_bytes());
    let _ = upstream.write_all(reader.buffer());
    let never = Arc::new(AtomicUsize::new(0));
    pipe(&client, &upstream, usize::MAX, &never);
    pipe(&upstream, &client, usize::MAX, &never);
}

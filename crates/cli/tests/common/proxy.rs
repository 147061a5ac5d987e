//! Bad connections: proxies that cut them, or refuse requests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Copies until the end or the limit, and then closes both directions.
fn pipe(from: &TcpStream, to: &TcpStream, limit: usize) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    std::thread::spawn(move || {
        let (mut left, mut buffer) = (limit, [0; 4096]);
        while left > 0 {
            let len = buffer.len().min(left);
            match from.read(&mut buffer[..len]) {
                Ok(len) if len > 0 && to.write_all(&buffer[..len]).is_ok() => left -= len,
                _ => break,
            }
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
    /// Closes the connection without an answer.
    Cut,
    /// Passes it on, and cuts the connection after this number of bytes of its body.
    CutBody(usize),
    /// Passes it on, and cuts the connection after this number of bytes of the answer.
    CutAnswer(usize),
}

/// The heads of the requests that came, with the time of each.
pub(crate) type Heard = Arc<Mutex<Vec<(Instant, String)>>>;

/// Starts a proxy to `server` that decides by the head of each request. Returns its address, and
/// the heads that come.
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

/// Handles one request, after which the connection is closed.
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
    let (mut body, mut answer) = (usize::MAX, usize::MAX);
    match rule(path, len.unwrap_or_default()) {
        Rule::Pass => {}
        Rule::CutBody(limit) => body = limit,
        Rule::CutAnswer(limit) => answer = limit,
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
            // Reads what is on its way, as nginx does, so that the answer is not lost.
            let _ = std::io::copy(&mut reader.take(1 << 20), &mut std::io::sink());
            return;
        }
    }
    let mut upstream = TcpStream::connect(server).unwrap();
    let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    let _ = upstream.write_all(head.as_bytes());
    let there = reader.buffer();
    let there = &there[..there.len().min(body)];
    let _ = upstream.write_all(there);
    pipe(&client, &upstream, body - there.len());
    pipe(&upstream, &client, answer);
}

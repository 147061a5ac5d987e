//! A bad connection: a proxy that cuts connections after so many bytes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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

//! What the examples of `deploy` for several replicas do when one of them is gone, with the real programs.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::front::Front;
use common::server::Server;

const READY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// A replica that takes every request, and is gone before it answers. Counts them.
fn fails_at_once() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let heard = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&heard);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap_or(0) > 0 {}
            // It says that it is ready.
            match head.starts_with("GET /readyz ") {
                true => reader.get_mut().write_all(READY).unwrap_or_default(),
                false => _ = counter.fetch_add(1, Ordering::Relaxed),
            }
        }
    });
    (at, heard)
}

#[test]
fn a_replica_that_is_gone_costs_nobody_an_answer_and_no_request_is_sent_twice() {
    let server = Server::start(&[]);
    let there = server.url.trim_start_matches("http://");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = |front: &Front| {
        let request = client.post(format!("{}/queue/join", front.url));
        // HAProxy closes a kept connection instead of saying that it has no answer.
        let answer = runtime.block_on(request.send());
        answer.map_or(502, |answer| answer.status().as_u16())
    };
    // Nobody listens at the other two.
    for front in Front::replicas(&["127.0.0.1:1", there, "127.0.0.1:2"]) {
        for _ in 0..20 {
            assert_eq!(post(&front), 401, "{}", front.name);
        }
    }
    let (fails, heard) = fails_at_once();
    for front in Front::replicas(&[fails.as_str(), there]) {
        let before = heard.load(Ordering::Relaxed);
        let answers: Vec<u16> = (0..20).map(|_| post(&front)).collect();
        let failed = answers.iter().filter(|status| **status == 502).count();
        let answered = answers.iter().filter(|status| **status == 401).count();
        assert_eq!(failed + answered, 20, "{}: {answers:?}", front.name);
        let heard = heard.load(Ordering::Relaxed) - before;
        assert!(
            heard > 0 && heard == failed,
            "{}: {heard}, {answers:?}",
            front.name
        );
    }
}

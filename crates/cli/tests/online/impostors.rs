//! Servers that are no coordinators.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use crate::common::{run, temporary};

/// Answers every request with these bytes.
fn impostor(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream
                .set_read_timeout(Some(Duration::from_millis(200)))
                .unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

#[test]
fn what_is_no_coordinator_is_said_to_be_none() {
    let dir = temporary();
    for (answer, words) in [
        (
            "HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\n<h1>404</",
            "answers 404 Not Found",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
            "is not understood: missing field",
        ),
        (
            "HTTP/1.1 301 Moved\r\nlocation: https://a.example/\r\ncontent-length: 0\r\n\r\n",
            "redirects to https://a.example/",
        ),
        (
            "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n",
            "a gateway answers 502 Bad Gateway",
        ),
        ("SSH-2.0-OpenSSH_9.9\r\n", "cannot reach"),
    ] {
        let url = impostor(answer);
        for verb in ["status", "contribute"] {
            let mut args = vec![verb, "--server", &url];
            if verb == "contribute" {
                args.extend(["--key", "key"]);
            }
            let (exit, _, error) = run(dir.path(), &args);
            assert_eq!(exit, 3, "{words}: {error}");
            assert!(error.contains(words), "{words}: {error}");
        }
    }
    assert!(!dir.path().join("key").exists());
}

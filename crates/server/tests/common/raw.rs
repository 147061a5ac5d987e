//! HTTP by hand, for requests that no client library would send.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Answer;

/// A connection to a test server, and what came on it beyond the answers that were read.
pub struct Raw(TcpStream, Vec<u8>);

impl Raw {
    pub async fn connect(url: &str) -> Self {
        Self(
            TcpStream::connect(url.trim_start_matches("http://"))
                .await
                .unwrap(),
            Vec::new(),
        )
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends a request's head.
    pub async fn head(&mut self, method: &str, path: &str, token: Option<&str>, headers: &str) {
        let session = token.map_or(String::new(), |token| {
            format!("Authorization: Bearer {token}\r\n")
        });
        self.send(format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\n{session}{headers}\r\n"
        ))
        .await;
    }

    /// Reads one answer: its head, and as much of a body as `Content-Length` says.
    pub async fn answer(&mut self) -> Answer {
        tokio::time::timeout(Duration::from_secs(30), self.read_answer())
            .await
            .expect("an answer within 30 s")
    }

    async fn read_answer(&mut self) -> Answer {
        let mut bytes = std::mem::take(&mut self.1);
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            let mut piece = [0; 4096];
            let read = self.0.read(&mut piece).await.unwrap();
            assert!(
                read > 0,
                "closed after {:?}",
                String::from_utf8_lossy(&bytes)
            );
            bytes.extend_from_slice(&piece[..read]);
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines
            .next()
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        let headers: reqwest::header::HeaderMap = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| {
                (
                    reqwest::header::HeaderName::from_bytes(name.as_bytes()).unwrap(),
                    value.trim().parse().unwrap(),
                )
            })
            .collect();
        let length: usize = headers
            .get("content-length")
            .map_or(0, |value| value.to_str().unwrap().parse().unwrap());
        let mut body = bytes[end..].to_vec();
        while body.len() < length {
            let mut piece = vec![0; length - body.len()];
            let read = self.0.read(&mut piece).await.unwrap();
            assert!(read > 0, "the body broke off");
            body.extend_from_slice(&piece[..read]);
        }
        if body.len() > length {
            self.1 = body.split_off(length);
        }
        Answer {
            status,
            headers,
            bytes: body,
        }
    }

    /// Whether the server closes the connection, after whatever it still says.
    pub async fn is_closed_after_all(&mut self) -> bool {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(30), self.0.read_to_end(&mut rest));
        read.await.is_ok()
    }
}

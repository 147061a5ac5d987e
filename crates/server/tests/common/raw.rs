//! HTTP by hand, for requests that no client library would send.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Answer;

/// Something that bytes go over.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection to a test server, and what came on it beyond the answers that were read.
pub struct Raw(Box<dyn Stream>, Vec<u8>);

impl Raw {
    pub async fn connect(url: &str) -> Self {
        let address = url.trim_start_matches("http://");
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    /// A connection that is there, such as one within TLS.
    pub fn over(stream: impl Stream + 'static) -> Self {
        Self(Box::new(stream), Vec::new())
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends bytes to a server that may have closed.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.write_all(bytes.as_ref()).await;
    }

    /// What comes until nothing has for a moment, or the connection has ended.
    pub async fn rest(&mut self) -> String {
        let mut rest = std::mem::take(&mut self.1);
        let mut piece = [0; 4096];
        let pause = Duration::from_millis(200);
        while let Ok(Ok(read @ 1..)) = tokio::time::timeout(pause, self.0.read(&mut piece)).await {
            rest.extend_from_slice(&piece[..read]);
        }
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// Sends a request with a body of so many bytes to its end, as a client does that listens only then; gives the
    /// answer.
    pub async fn send_whole(&mut self, method: &str, path: &str, len: usize) -> Answer {
        self.head(method, path, None, &format!("Content-Length: {len}\r\n"))
            .await;
        let piece = vec![b' '; 1 << 16];
        for _ in 0..len / piece.len() {
            self.send(&piece).await;
        }
        self.answer().await
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
        self.head_of_answer(false).await
    }

    /// Reads one answer, or, where the request was `HEAD`, one without its body.
    pub async fn head_of_answer(&mut self, without_body: bool) -> Answer {
        tokio::time::timeout(Duration::from_secs(30), self.read_answer(without_body))
            .await
            .expect("an answer within 30 s")
    }

    async fn read_answer(&mut self, without_body: bool) -> Answer {
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
            .filter(|_| !without_body)
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

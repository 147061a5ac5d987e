//! HTTP/1.1 over a plain connection, with as little memory as can be: there are a hundred thousand.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Bytes that are read at a time.
const BUFFER: usize = 1024;
/// Longest answer: powers at small sizes.
const LONGEST: usize = 1 << 20;
/// How long an answer may take that is not held.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a connection is kept that nobody uses: less than servers and proxies keep it.
const KEPT: Duration = Duration::from_secs(50);

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

/// A connection that is kept.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    to: SocketAddr,
    /// Whether the other side closes it after this answer.
    closes: bool,
}

impl Connection {
    pub(crate) async fn open(to: SocketAddr, from: Option<Ipv4Addr>) -> io::Result<Self> {
        let stream = match from {
            Some(from) => {
                let socket = TcpSocket::new_v4()?;
                socket.bind((from, 0).into())?;
                socket.connect(to).await?
            }
            None => TcpStream::connect(to).await?,
        };
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::with_capacity(BUFFER, stream),
            to,
            closes: false,
        })
    }

    /// Sends a request whose answer may be held for so long, and reads the answer.
    pub(crate) async fn post(
        &mut self,
        path: &str,
        token: Option<&str>,
        body: &str,
        hold: Duration,
    ) -> io::Result<Answer> {
        let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.to,
            bearer.unwrap_or_default(),
            body.len()
        );
        let exchange = async {
            self.stream.get_mut().write_all(request.as_bytes()).await?;
            self.answer().await
        };
        match timeout(hold + PATIENCE, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    async fn answer(&mut self) -> io::Result<Answer> {
        let status = self.line().await?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| broken("no status line"))?;
        let mut length = None;
        loop {
            let line = self.line().await?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse::<usize>().ok();
            }
            self.closes |= line.strip_prefix("connection:").map(str::trim) == Some("close");
        }
        let length = length.filter(|length| *length <= LONGEST);
        let length = length.ok_or_else(|| broken("no length, or a long one"))?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok(Answer { status, body })
    }

    /// A line of the head, without its end.
    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("an answer has {what}"))
}

/// Connections to one server that are free now.
pub(crate) struct Pool {
    to: SocketAddr,
    /// With when each was used last.
    free: Mutex<Vec<(Connection, Instant)>>,
}

impl Pool {
    pub(crate) fn new(to: SocketAddr) -> Self {
        Self {
            to,
            free: Mutex::default(),
        }
    }

    /// Sends a request over a connection that is free, or a new one.
    pub(crate) async fn post(
        &self,
        path: &str,
        token: Option<&str>,
        body: &str,
    ) -> io::Result<Answer> {
        self.post_held(path, token, body, Duration::ZERO).await
    }

    /// The same; the answer may be held for so long.
    pub(crate) async fn post_held(
        &self,
        path: &str,
        token: Option<&str>,
        body: &str,
        hold: Duration,
    ) -> io::Result<Answer> {
        let kept = self.free().pop();
        let kept = kept.filter(|(_, used)| used.elapsed() < KEPT);
        let mut connection = match kept {
            Some((connection, _)) => connection,
            None => Connection::open(self.to, None).await?,
        };
        let answer = connection.post(path, token, body, hold).await?;
        if !connection.closes {
            self.free().push((connection, Instant::now()));
        }
        Ok(answer)
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<(Connection, Instant)>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

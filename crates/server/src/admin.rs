//! The operator's socket: one request a line, one answer a line, both JSON.
//!
//! A Unix socket inside the data directory: whoever may write there may operate the ceremony, and
//! nobody else.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tauline_protocol::admin::{AdminAnswer, AdminRequest, SOCKET_NAME};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tracing::{debug, info};

use crate::coordinator::Coordinator;

/// Longest request, in bytes: a path at its longest (4096 on Linux), with room around it.
const REQUEST_LIMIT: u64 = 8192;

/// Longest path of a Unix socket on Linux, in bytes (`man 7 unix`: 108 with the final zero).
const PATH_LIMIT: usize = 107;

/// How long to wait after a connection could not be accepted.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// The socket; it goes when this is dropped.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    serving: JoinHandle<()>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.serving.abort();
        let _ = fs::remove_file(&self.path);
    }
}

/// Opens the socket (mode 0600) and serves it. The caller holds the lock of the data directory:
/// a socket that is there already was left by a process that is gone.
///
/// # Errors
/// When the socket cannot be made.
pub fn serve(data_dir: &Path, coordinator: Coordinator) -> io::Result<Socket> {
    let path = fs::canonicalize(data_dir)?.join(SOCKET_NAME);
    if path.as_os_str().len() > PATH_LIMIT {
        let error = format!(
            "the path {} is longer than the {PATH_LIMIT} bytes that a socket can have: choose a shorter --data-dir",
            path.display()
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
    }
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    let serving = tokio::spawn(accept(listener, coordinator));
    Ok(Socket { path, serving })
}

async fn accept(listener: UnixListener, coordinator: Coordinator) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let coordinator = coordinator.clone();
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, &coordinator).await {
                        debug!(%error, "an operator's connection ended badly");
                    }
                });
            }
            Err(error) => {
                debug!(%error, "an operator's connection could not be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

async fn converse(stream: UnixStream, coordinator: &Coordinator) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        (&mut reader)
            .take(REQUEST_LIMIT)
            .read_until(b'\n', &mut line)
            .await?;
        if line.is_empty() {
            return Ok(());
        }
        let whole = line.ends_with(b"\n") || (line.len() as u64) < REQUEST_LIMIT;
        let answer = match serde_json::from_slice::<AdminRequest>(&line) {
            Ok(request) if whole => {
                let text = serde_json::to_string(&request)?;
                info!(request = %text, "the operator asks");
                coordinator.admin(request).await
            }
            Ok(_) => refused("the request is too long"),
            Err(error) => refused(&format!("the request cannot be read: {error}")),
        };
        let mut bytes = serde_json::to_vec(&answer)?;
        bytes.push(b'\n');
        writer.write_all(&bytes).await?;
        if !whole {
            return Ok(());
        }
    }
}

fn refused(error: &str) -> AdminAnswer {
    AdminAnswer::Refused {
        error: error.to_owned(),
    }
}

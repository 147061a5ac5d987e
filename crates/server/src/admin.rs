//! The operator's socket: one request a line, one answer a line, both JSON.
//!
//! A Unix socket inside the data directory: whoever may write there may operate the ceremony, and
//! nobody else.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use tauline_protocol::Identity;
use tauline_protocol::admin::{AdminAnswer, AdminRequest, Invited, SOCKET_NAME};
use tauline_queue_core::Ticket;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tracing::{debug, info};

use crate::coordinator::{Coordinator, Order};
use crate::server::reload::InForce;
use crate::signin::invite::{Invites, InvitesError};

/// Longest request, in bytes: a path at its longest (4096 on Linux), or a thousand names.
const REQUEST_LIMIT: u64 = 1 << 16;

/// Longest path of a Unix socket on Linux, in bytes (`man 7 unix`: 108 with the final zero).
const PATH_LIMIT: usize = 107;

/// How long to wait after a connection could not be accepted.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Most people in line that one answer lists: nobody reads more, and the queue waits meanwhile.
const MAX_LISTED: u32 = 10_000;

/// Does what an operator asks.
#[async_trait]
pub trait Operates: Send + Sync + 'static {
    /// Does what is asked, and answers.
    async fn operate(&self, request: AdminRequest) -> AdminAnswer;
}

/// Does what an operator asks, where the coordinator is.
#[derive(Clone)]
pub struct Operator {
    coordinator: Coordinator,
    /// Weak, so that the data is free once the server has stopped.
    in_force: Weak<InForce>,
}

impl Operator {
    /// Operates this coordinator; invitations and settings too, where there is a server around it.
    #[must_use]
    pub fn new(coordinator: Coordinator, in_force: Option<&Arc<InForce>>) -> Self {
        Self {
            coordinator,
            in_force: in_force.map(Arc::downgrade).unwrap_or_default(),
        }
    }

    /// Does what is asked.
    pub async fn admin(&self, request: AdminRequest) -> AdminAnswer {
        self.answer(request)
            .await
            .unwrap_or_else(|error| AdminAnswer::Refused { error })
    }

    async fn answer(&self, request: AdminRequest) -> Result<AdminAnswer, String> {
        let order = match request {
            AdminRequest::Status => return Ok(self.done()),
            AdminRequest::Queue { first } => {
                let first = usize::try_from(first.min(MAX_LISTED)).unwrap_or_default();
                return self.coordinator.in_line(first).await;
            }
            AdminRequest::Reload => return self.blocking(InForce::reload).await?,
            AdminRequest::Invites => {
                let invited = self.invites(|invites| Ok(without_codes(invites.invited())));
                return self.invited(invited.await?).await;
            }
            AdminRequest::Invite { names } => {
                let added = self.invites(move |invites| {
                    let added = invites.add(&names)?.into_iter();
                    Ok(added.map(|(id, code)| (id, Some(code))).collect())
                });
                return self.invited(added.await?).await;
            }
            AdminRequest::Revoke { names } => {
                let revoked =
                    self.invites(move |invites| Ok(without_codes(invites.revoke(&names)?)));
                return self.invited(revoked.await?).await;
            }
            AdminRequest::Drain { at: None } => Order::Drain,
            AdminRequest::Drain { at: Some(at) } => Order::DrainAt(at),
            AdminRequest::Open { at: None } => Order::Open,
            AdminRequest::Open { at: Some(at) } => Order::OpenAt(at),
            AdminRequest::Unplan => Order::Unplan,
            AdminRequest::RotateKey => Order::RotateKey,
            AdminRequest::Handover { to, url, output } => {
                return self.coordinator.hand_over(to, url, output).await;
            }
            AdminRequest::Pause => Order::Pause,
            AdminRequest::Resume => Order::Resume,
            AdminRequest::Pardon { id } => Order::Pardon(id),
            AdminRequest::Expel { ticket, reason } => {
                let ticket = Ticket::new(ticket);
                Order::Expel { ticket, reason }
            }
            AdminRequest::Backup { to } => {
                self.coordinator.backup(to).await?;
                return Ok(self.done());
            }
        };
        self.coordinator.order(order).await?;
        Ok(self.done())
    }

    fn done(&self) -> AdminAnswer {
        AdminAnswer::Done {
            status: Box::new(self.coordinator.status()),
            paused: self.coordinator.is_paused(),
        }
    }

    /// Does something with the invitations, which reads and writes their file.
    async fn invites(
        &self,
        work: impl FnOnce(&Invites) -> Result<Vec<WithCode>, InvitesError> + Send + 'static,
    ) -> Result<Vec<WithCode>, String> {
        let work = move |in_force: &InForce| {
            let app = in_force.app().ok_or("the server is stopping")?;
            let invites = app.sign_in.invites.as_ref().ok_or(
                "this coordinator takes no invitations: start it with --signin invite --invites FILE",
            )?;
            work(invites).map_err(|error| error.to_string())
        };
        self.blocking(work).await?
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&InForce) -> T + Send + 'static,
    ) -> Result<T, String> {
        let in_force = self.in_force.upgrade().ok_or("the server is stopping")?;
        tokio::task::spawn_blocking(move || work(&in_force))
            .await
            .map_err(|error| format!("this failed: {error}"))
    }

    /// Tells how far those who are invited have come.
    async fn invited(&self, invites: Vec<WithCode>) -> Result<AdminAnswer, String> {
        let whom = invites.iter().map(|(id, _)| id.clone()).collect();
        let statuses = self.coordinator.how_far(whom).await?;
        let invites = invites.into_iter().zip(statuses);
        Ok(AdminAnswer::Invites {
            invites: invites
                .map(|((id, code), status)| Invited {
                    name: id.as_str().trim_start_matches("invite|").to_owned(),
                    code,
                    state: status.queue_status,
                    ended: status.ended,
                })
                .collect(),
        })
    }
}

#[async_trait]
impl Operates for Operator {
    async fn operate(&self, request: AdminRequest) -> AdminAnswer {
        self.admin(request).await
    }
}

/// Somebody who is invited, with the code if it was made just now.
type WithCode = (Identity, Option<String>);

fn without_codes(identities: Vec<Identity>) -> Vec<WithCode> {
    identities.into_iter().map(|id| (id, None)).collect()
}

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
pub fn serve(data_dir: &Path, operator: impl Operates) -> io::Result<Socket> {
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
    let serving = tokio::spawn(accept(listener, Arc::new(operator)));
    Ok(Socket { path, serving })
}

async fn accept(listener: UnixListener, operator: Arc<dyn Operates>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let operator = Arc::clone(&operator);
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, &*operator).await {
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

async fn converse(stream: UnixStream, operator: &dyn Operates) -> io::Result<()> {
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
                match request {
                    // A check of a container's health asks for nothing else, again and again.
                    AdminRequest::Status => debug!(request = %text, "the operator asks"),
                    _ => info!(request = %text, "the operator asks"),
                }
                operator.operate(request).await
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

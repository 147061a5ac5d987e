//! A replica: one of several servers on one database, of which one leads and every one serves.
//!
//! A replica listens before it knows anything of the ceremony, and asks the database who leads. While another
//! does, it forwards ([`crate::forward`]). When nobody does, it tries to get the lease; if it gets it, it
//! takes the ceremony up as any start does: the log is replayed, the time in which nobody led is made good as
//! an absence, and what had been submitted is verified again. It leads until it is told to stop, or until its
//! term is over; then it follows again, and whatever it has not made durable was never said.
//!
//! | file | holds |
//! |---|---|
//! | `standing` | following and leading by turns |
//! | `copying` | the follower's own copy of the ceremony |
//! | `comparing` | whether all replicas have the same invitations |
//! | `states` | the state to build on, in that copy |
//! | `keeping` | the lease, renewed on a thread of its own |
//! | `leading` | the ceremony, taken up and given away |
//! | `probing` | whether the leader answers this replica |
//! | `operator` | the operator's requests, at whichever replica they arrive |

mod comparing;
mod copying;
mod keeping;
mod leading;
mod operator;
mod probing;
mod standing;
mod states;

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::Context as _;
use tauline_store::LOCK_NAME;
use tauline_store::postgres::{Cluster, Database, Member};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use self::copying::Ready;
use self::leading::Grounds;
use self::operator::ReplicaOperator;
use self::standing::{Listening, Standing};
use super::ground::{Ground, ground};
use super::listening::listen;
use super::parts::{places, times, warn_of};
use super::providers::Providers;
use super::reload::{InForce, Source};
use super::watching::Watching;
use crate::addresses::Proxies;
use crate::admin::{self, Socket};
use crate::clock::Clock;
use crate::config::Settings;
use crate::connections::{self, Caps, Places, Times};
use crate::forward::{CheckIns, Copies, Door, Inside, Link, Roles, Secret};
use crate::routes;
use crate::telemetry::throttle::Throttle;
use crate::tls::Tls;
use crate::traces::Traces;

/// How long a connection between replicas is kept that nobody uses: longer than the other side keeps it.
const IDLE: Duration = Duration::from_secs(90);

/// A replica that serves.
pub struct Replica {
    address: SocketAddr,
    tls: bool,
    in_force: Arc<InForce>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<anyhow::Result<()>>,
}

impl Replica {
    /// The URL of the address that participants reach.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// What is in force, to be read again.
    #[must_use]
    pub fn in_force(&self) -> Weak<InForce> {
        Arc::downgrade(&self.in_force)
    }

    /// Serves until `stop` resolves; then takes no more connections, and gives the lead up if it has it.
    ///
    /// # Errors
    /// A fault: the process must end, another start recovers.
    pub async fn until(mut self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        tokio::select! {
            served = &mut self.served => return served.context("the server panicked")?,
            () = stop => {}
        }
        // It may have ended by itself.
        let _ = self.stop.send(());
        self.served.await.context("the server panicked")?
    }
}

/// Listens, asks the database who leads, and serves. Settings that are read again are the process's.
///
/// # Errors
/// A database that cannot be reached, an address that cannot be listened on, unreadable secrets; each says
/// what to do.
pub async fn start_replica(settings: &Settings) -> anyhow::Result<Replica> {
    let ground = ground(settings).await?;
    let (address, is_tls) = (ground.address, ground.tls.is_some());
    let origin = settings.origin(address);
    warn_of(&origin, is_tls);
    // Whoever leads reads them anew; here it is found out whether they are right.
    drop(Providers::open(settings, &origin).await?);
    let lock = take_directory(&settings.service.data_dir)?;
    let among = Among::join(settings, address).await?;
    let Put {
        standing,
        listening,
        in_force,
        beside,
    } = put_together(settings, ground, among)?;
    let (stop, stop_asked) = oneshot::channel();
    let served = async move {
        let ended = standing.run(listening, stop_asked).await;
        // How a stop goes is watched, too, and the operator may ask until the end.
        drop((beside, lock));
        ended
    };
    Ok(Replica {
        address,
        tls: is_tls,
        in_force,
        stop,
        served: tokio::spawn(served),
    })
}

/// This replica among the others.
struct Among {
    internal: TcpListener,
    me: Member,
    database: Database,
    cluster: Arc<Cluster>,
    secret: Secret,
}

impl Among {
    /// Joins the other replicas in the database.
    async fn join(settings: &Settings, address: SocketAddr) -> anyhow::Result<Self> {
        let internal = listen(settings.replicas.replica_listen, "--replica-listen").await?;
        let name = settings.replicas.replica_name.clone();
        let me = Member {
            name: name.unwrap_or_else(|| default_name(address)),
            url: settings.replicas.url(internal.local_addr()?),
        };
        let database = settings.replicas.database()?;
        let database = database.context("a replica needs --store postgres://…")?;
        let to_join = database.clone();
        let work = move || -> anyhow::Result<(Arc<Cluster>, Secret)> {
            let cluster = Cluster::join(&to_join)?;
            let secret = Secret::new(cluster.secret()?);
            Ok((Arc::new(cluster), secret))
        };
        let (cluster, secret) = tokio::task::spawn_blocking(work)
            .await
            .context("joining the database panicked")??;
        Ok(Self {
            internal,
            me,
            database,
            cluster,
            secret,
        })
    }
}

/// A replica that is put together, and takes connections.
struct Put {
    standing: Standing,
    listening: Listening,
    in_force: Arc<InForce>,
    /// What ends with it.
    beside: (Socket, Watching),
}

fn put_together(settings: &Settings, ground: Ground, among: Among) -> anyhow::Result<Put> {
    let Ground {
        listener,
        address,
        tls,
        health,
        mut watching,
    } = ground;
    watching.watch(&health, tls.as_ref());
    let roles = Roles::new();
    let link = Link::new(among.secret.clone(), roles.clone());
    let proxies = Proxies::new(&settings.limits.trusted_proxies);
    let source: Source = Arc::new(Settings::from_process);
    let in_force = InForce::new(None, proxies.clone(), tls.clone(), settings, source);
    let operator = ReplicaOperator::new(roles.clone(), link.clone(), &in_force);
    let socket = admin::serve(&settings.service.data_dir, operator.clone())
        .context("the operator's socket cannot be opened")?;
    let copies = Copies::default();
    let door = Door {
        roles: roles.clone(),
        link: link.clone(),
        check_ins: CheckIns::new(link.clone(), Arc::clone(health.measures())),
        copies: copies.clone(),
        local: routes::everywhere(Arc::clone(&health)),
        proxies: proxies.clone(),
        measures: Arc::clone(health.measures()),
    };
    let inside = Inside {
        secret: among.secret,
        roles: roles.clone(),
        operator: Arc::new(operator.clone()),
        strangers: Throttle::default(),
    };
    routes::prepare();
    let places = places(&settings.connections, &proxies);
    health.has_connections(&places);
    let public = Public {
        listener,
        tls,
        door,
        places: Arc::clone(&places),
    };
    let listening = accept(settings, public, among.internal, inside);
    tracing::info!(%address, replica = among.me.name, inside = among.me.url, store = %among.database, "serving as a replica");
    let grounds = Grounds {
        settings: settings.clone(),
        address,
        clock: Clock::system(),
        database: among.database,
        roles,
        traces: Traces::to(settings.watch.otlp_endpoint.as_ref())?,
        health,
        in_force: Arc::clone(&in_force),
        proxies,
        operator,
        places,
    };
    Ok(Put {
        standing: Standing {
            grounds: Arc::new(grounds),
            cluster: among.cluster,
            me: among.me,
            link,
            copies,
            ready: Ready::default(),
        },
        listening,
        in_force,
        beside: (socket, watching),
    })
}

/// What participants reach.
struct Public {
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    door: Door,
    places: Arc<Places>,
}

/// Takes connections from now on, of participants and of other replicas.
fn accept(settings: &Settings, public: Public, internal: TcpListener, inside: Inside) -> Listening {
    let (ending, served) = watch::channel(false);
    let Public {
        listener,
        tls,
        door,
        places,
    } = public;
    let public_times = times(&settings.connections);
    let internal_times = Times {
        idle: IDLE,
        ..public_times
    };
    let among_us = Places::new(Caps {
        total: connections::by_open_files(),
        per_address: None,
        proxies: Proxies::default(),
    });
    let (door, inside) = (door.router(), inside.router());
    let served_inside = served.clone();
    let tasks = [
        tokio::spawn(async move {
            connections::accept(&listener, tls, door, public_times, places, served).await;
        }),
        tokio::spawn(async move {
            connections::accept(
                &internal,
                None,
                inside,
                internal_times,
                among_us,
                served_inside,
            )
            .await;
        }),
    ];
    Listening { ending, tasks }
}

/// Takes the directory of what is this replica's own: the operator's socket, pieces of the transcript. It
/// is made if it is missing, and nobody else's as long as the file that is returned is open.
fn take_directory(path: &Path) -> anyhow::Result<File> {
    let unwritable = || {
        format!(
            "cannot write to the data directory {}: make it writable or choose another with --data-dir",
            path.display()
        )
    };
    let mut builder = DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(path);
    made.with_context(unwritable)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let lock = options.mode(0o600).open(path.join(LOCK_NAME));
    let lock = lock.with_context(unwritable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => anyhow::bail!(
            "the data directory {} is in use by another coordinator; each replica needs one of its own: choose \
             another with --data-dir",
            path.display()
        ),
        Err(TryLockError::Error(error)) => Err(error).with_context(unwritable),
    }
}

/// The host's name and the port of the listener.
fn default_name(address: SocketAddr) -> String {
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy().into_owned();
    format!("{host}:{}", address.port())
}

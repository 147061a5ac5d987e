//! What stands between a replica and its database, and loses or delays what passes.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

/// How a client asks for the commit of a transaction.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

/// How a client begins one.
const BEGIN: &[u8] = b"Q\0\0\0\nBEGIN\0";

/// How the database says that it is committed.
const COMMITTED: &[u8] = b"C\0\0\0\x0bCOMMIT\0";

/// What happens to the next transaction that passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    Pass,
    /// The connection is cut after the commit, before its answer.
    LoseAnswer,
    /// The connection is cut when all but `COMMIT` has arrived.
    LoseCommit,
    /// `COMMIT` is held back.
    HoldCommit,
    /// All of it is held back.
    HoldAll,
    /// All of it is held back, and the client's connection is cut.
    HoldAllAndCut,
}

#[derive(Default)]
struct Gate {
    is_held: bool,
    is_open: bool,
    is_over: bool,
}

struct Shared {
    to: u16,
    plan: Mutex<Plan>,
    gate: Mutex<Gate>,
    moved: Condvar,
}

/// A proxy, for as long as the test runs.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let shared = Arc::new(Shared {
            to: port,
            plan: Mutex::new(Plan::Pass),
            gate: Mutex::default(),
            moved: Condvar::new(),
        });
        let port = listener.local_addr().unwrap().port();
        let for_all = Arc::clone(&shared);
        spawn(move || {
            for client in listener.incoming() {
                // Nobody listens while the server is restarted.
                if let Ok(server) = TcpStream::connect(("127.0.0.1", for_all.to)) {
                    pass(client.unwrap(), server, &for_all);
                }
            }
        });
        Self { port, shared }
    }

    /// The URL of the same place, through here.
    pub(crate) fn url(&self, url: &str) -> String {
        let direct = format!(":{}/", self.shared.to);
        assert!(url.contains(&direct));
        url.replace(&direct, &format!(":{}/", self.port))
    }

    pub(crate) fn plan(&self, plan: Plan) {
        *self.shared.gate.lock().unwrap() = Gate::default();
        *self.shared.plan.lock().unwrap() = plan;
    }

    /// Whether what was planned has happened.
    pub(crate) fn is_done(&self) -> bool {
        *self.shared.plan.lock().unwrap() == Plan::Pass
    }

    /// Waits until something is held back.
    pub(crate) fn wait_until_held(&self) {
        self.wait_for(|gate| gate.is_held);
    }

    /// Lets what is held back go on, and waits until the server has taken it.
    pub(crate) fn release(&self) {
        self.shared.gate.lock().unwrap().is_open = true;
        self.shared.moved.notify_all();
        self.wait_for(|gate| gate.is_over);
    }

    fn wait_for(&self, condition: impl Fn(&Gate) -> bool) {
        let gate = self.shared.gate.lock().unwrap();
        let limit = Duration::from_secs(60);
        let (gate, late) = (self.shared.moved)
            .wait_timeout_while(gate, limit, |gate| !condition(gate))
            .unwrap();
        drop(gate);
        assert!(!late.timed_out(), "waited too long");
    }
}

impl Shared {
    /// Takes the plan, if it is one of these.
    fn take(&self, plans: &[Plan]) -> Option<Plan> {
        let mut plan = self.plan.lock().unwrap();
        let now = *plan;
        plans.contains(&now).then(|| {
            *plan = Plan::Pass;
            now
        })
    }
}

fn close(one: &TcpStream, other: &TcpStream) {
    let _ = one.shutdown(Shutdown::Both);
    let _ = other.shutdown(Shutdown::Both);
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn pass(client: TcpStream, server: TcpStream, shared: &Arc<Shared>) {
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let is_held = Arc::new(AtomicBool::new(false));
    let (for_client, held) = (Arc::clone(shared), Arc::clone(&is_held));
    let upwards = spawn(move || up(from_client, to_server, &for_client, &held));
    let for_server = Arc::clone(shared);
    spawn(move || down(server, client, &for_server, &is_held, upwards));
}

/// From the client to the server.
fn up(mut client: TcpStream, mut server: TcpStream, shared: &Shared, is_held: &AtomicBool) {
    let mut buffer = vec![0; 1 << 20];
    while let Ok(len @ 1..) = client.read(&mut buffer) {
        let bytes = &buffer[..len];
        if let Some(at) = find(bytes, COMMIT)
            && let Some(plan) = shared.take(&[Plan::LoseCommit, Plan::HoldCommit])
        {
            let _ = server.write_all(&bytes[..at]);
            is_held.store(plan == Plan::HoldCommit, Ordering::SeqCst);
            match plan {
                Plan::HoldCommit => hold(&bytes[at..], &mut server, shared),
                _ => {
                    close(&client, &server);
                    return;
                }
            }
            continue;
        }
        if let Some(at) = find(bytes, BEGIN)
            && let Some(plan) = shared.take(&[Plan::HoldAll, Plan::HoldAllAndCut])
        {
            let _ = server.write_all(&bytes[..at]);
            is_held.store(true, Ordering::SeqCst);
            if plan == Plan::HoldAllAndCut {
                let _ = client.shutdown(Shutdown::Both);
            }
            hold(&bytes[at..], &mut server, shared);
            continue;
        }
        if server.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Write);
}

/// Holds bytes back until they are released.
fn hold(bytes: &[u8], server: &mut TcpStream, shared: &Shared) {
    let mut gate = shared.gate.lock().unwrap();
    gate.is_held = true;
    shared.moved.notify_all();
    let gate = shared.moved.wait_while(gate, |gate| !gate.is_open).unwrap();
    drop(gate);
    // The server may have ended the session meanwhile.
    let _ = server.write_all(bytes);
}

/// From the server to the client.
fn down(
    mut server: TcpStream,
    mut client: TcpStream,
    shared: &Shared,
    is_held: &AtomicBool,
    up: JoinHandle<()>,
) {
    let mut buffer = vec![0; 1 << 20];
    while let Ok(len @ 1..) = server.read(&mut buffer) {
        let bytes = &buffer[..len];
        if find(bytes, COMMITTED).is_some() && shared.take(&[Plan::LoseAnswer]).is_some() {
            close(&client, &server);
            break;
        }
        // Also answers that nobody takes any more are read.
        let _ = client.write_all(bytes);
        let mut gate = shared.gate.lock().unwrap();
        if is_held.load(Ordering::SeqCst) && gate.is_open && ends_in_idle(bytes) {
            gate.is_over = true;
            shared.moved.notify_all();
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    if is_held.load(Ordering::SeqCst) {
        // The server has nothing more to say to what is held back.
        shared.gate.lock().unwrap().is_over = true;
        shared.moved.notify_all();
    }
    let _ = up.join();
}

/// Whether the server is done, and in no transaction.
fn ends_in_idle(bytes: &[u8]) -> bool {
    bytes.ends_with(b"Z\0\0\0\x05I")
}

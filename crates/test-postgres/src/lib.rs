//! Real PostgreSQL servers for tests: started here, each in a directory of its own, and gone with the
//! test, however it ends.
//!
//! A server listens on a free port of `127.0.0.1` and on a Unix socket in its directory, and trusts
//! everybody. Where PostgreSQL is not installed, [`Server::start`] says so loudly and returns none; with
//! `TAULINE_REQUIRE_POSTGRES` in the environment it panics instead. `TAULINE_POSTGRES_BIN` may name the
//! directory of the programs.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod keeper;
mod processes;
mod programs;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::process::Signal;
use tauline_test_ports::free_port;

use self::keeper::Keeper;
use self::processes::{children, has_ended, kill_all, signal, wait_for};
use self::programs::Programs;

/// Where servers listen, unless they run on another machine.
const HERE: &str = "127.0.0.1";

/// The database in which tests have their schemas.
const DATABASE: &str = "postgres";

/// Settings beside those of a fresh server. It keeps its promises to the disk (`fsync`).
const SETTINGS: [&str; 5] = [
    "max_connections=300",
    "shared_buffers=32MB",
    "wal_keep_size=64MB",
    "log_min_messages=warning",
    "unix_socket_permissions=0777",
];

/// A PostgreSQL server, which ends when this is dropped.
pub struct Server {
    programs: Programs,
    /// Where it listens.
    host: String,
    port: u16,
    process: Mutex<Option<Child>>,
    schemas: AtomicU32,
    standbys: AtomicU32,
    // Removes the directory, also if this process is killed.
    keeper: Keeper,
}

/// A data directory as `initdb` makes it, which each server gets a copy of.
fn template(programs: &Programs) -> &'static Path {
    static TEMPLATE: OnceLock<(Keeper, PathBuf)> = OnceLock::new();
    let (_, path) = TEMPLATE.get_or_init(|| {
        let keeper = Keeper::start(programs);
        let path = keeper.directory().join("data");
        let arguments = [
            "-A",
            "trust",
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ];
        let mut command = programs.command("initdb");
        programs.done(command.args(arguments).arg("-D").arg(&path));
        (keeper, path)
    });
    path
}

impl Server {
    /// Starts a server; none if PostgreSQL is not installed.
    ///
    /// # Panics
    /// When it does not start, or is missing and `TAULINE_REQUIRE_POSTGRES` is set.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::start_on(&[], HERE)
    }

    /// The same by a command that runs what follows it elsewhere, as in a network namespace, where this is
    /// its address.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    #[must_use]
    pub fn start_on(elsewhere: &[String], host: &str) -> Option<Self> {
        let Some(programs) = Programs::find() else {
            let is_required = std::env::var_os("TAULINE_REQUIRE_POSTGRES").is_some();
            assert!(
                !is_required,
                "PostgreSQL is not installed, and TAULINE_REQUIRE_POSTGRES is set"
            );
            eprintln!("SKIPPED: PostgreSQL is not installed (Debian: apt-get install postgresql)");
            return None;
        };
        let from = template(&programs);
        let keeper = Keeper::start(&programs);
        let to = keeper.directory().join("data");
        programs.done(programs.plain("cp").arg("-a").arg(from).arg(&to));
        if host != HERE {
            trust_all(&to.join("pg_hba.conf"));
        }
        Some(Self::launch(programs.on(elsewhere), keeper, host))
    }

    fn launch(programs: Programs, keeper: Keeper, host: &str) -> Self {
        let server = Self {
            programs,
            host: host.to_owned(),
            port: free_port(),
            process: Mutex::new(None),
            schemas: AtomicU32::new(0),
            standbys: AtomicU32::new(0),
            keeper,
        };
        server.start_again();
        server
    }

    fn data(&self) -> PathBuf {
        self.keeper.directory().join("data")
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a schema, over TCP.
    #[must_use]
    pub fn url(&self, schema: &str) -> String {
        url_at(&format!("{}:{}", self.host, self.port), schema)
    }

    /// The URL of a schema, over the Unix socket.
    #[must_use]
    pub fn socket_url(&self, schema: &str) -> String {
        let folder = self.keeper.directory().display().to_string();
        url_at(
            &format!("{}:{}", folder.replace('/', "%2F"), self.port),
            schema,
        )
    }

    /// The name of a schema that nobody has used.
    #[must_use]
    pub fn fresh(&self) -> String {
        format!("test_{}", self.schemas.fetch_add(1, Ordering::Relaxed))
    }

    /// Runs statements in a schema, and returns the rows of the last one, with `|` between columns.
    ///
    /// # Panics
    /// When they fail.
    pub fn sql(&self, schema: &str, statements: &str) -> String {
        let mut command = self.programs.plain("psql");
        command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d"]);
        command.arg(self.url(schema)).arg("-c").arg(statements);
        self.programs.done(&mut command).trim_end().to_owned()
    }

    /// Starts it after [`kill`](Self::kill) or [`stop`](Self::stop), on the same data and port, and waits
    /// until it can be used.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&self) {
        let mut process = self.process();
        assert!(process.is_none(), "it runs already");
        let data = self.data();
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.keeper.directory().join("log"))
            .expect("the log can be written");
        let mut command = self.programs.command("postgres");
        command
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(self.keeper.directory());
        command.args(["-p", &self.port.to_string()]);
        command.args(["-c", &format!("listen_addresses={}", self.host)]);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("postgres starts");
        let child = process.insert(child);
        let ready = || {
            let told = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
            let state = told.lines().nth(7).unwrap_or_default().trim();
            state == "ready" || state == "standby"
        };
        wait_for("the server to start", || {
            let ended = child.try_wait().expect("the process can be looked at");
            assert!(ended.is_none(), "it has ended: {}", self.log());
            ready()
        });
    }

    /// What the server has written about itself.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.keeper.directory().join("log")).unwrap_or_default()
    }

    /// Kills all of its processes at once, as a power failure would but for the disk's cache.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&self) {
        let mut child = self.process().take().expect("it runs");
        self.kill_now(&mut child);
    }

    fn kill_now(&self, child: &mut Child) {
        kill_all(child);
        // Its number may soon be another's.
        let _ = fs::remove_file(self.data().join("postmaster.pid"));
    }

    /// Stops it: sessions are ended, what is written is kept.
    ///
    /// # Panics
    /// When it does not run, or does not stop.
    pub fn stop(&self) {
        let mut child = self.process().take().expect("it runs");
        signal(child.id(), Signal::INT);
        wait_for("the server to stop", || has_ended(&mut child));
    }

    /// Halts all of its processes, as if the machine stood still, until
    /// [`thaw`](Self::thaw).
    ///
    /// # Panics
    /// When it does not run.
    pub fn freeze(&self) {
        self.signal_all(Signal::STOP);
    }

    /// Has it go on.
    ///
    /// # Panics
    /// When it does not run.
    pub fn thaw(&self) {
        self.signal_all(Signal::CONT);
    }

    fn signal_all(&self, which: Signal) {
        let process = self.process();
        let id = process.as_ref().expect("it runs").id();
        for one in std::iter::once(id).chain(children(id)) {
            signal(one, which);
        }
    }

    /// A standby with all that is here, without which nothing is committed here any more: it follows in
    /// step. [`promote`](Self::promote) makes it a server of its own.
    ///
    /// # Panics
    /// When it does not come about.
    #[must_use]
    pub fn standby(&self) -> Self {
        let name = format!("standby_{}", self.standbys.fetch_add(1, Ordering::Relaxed));
        let programs = self.programs.clone();
        let keeper = Keeper::start(&programs);
        let from = format!(
            "host=127.0.0.1 port={} user=postgres application_name={name}",
            self.port
        );
        let mut command = programs.command("pg_basebackup");
        command.args([
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
            "--no-sync",
            "-d",
            &from,
            "-D",
        ]);
        programs.done(command.arg(keeper.directory().join("data")));
        let standby = Self::launch(programs, keeper, HERE);
        let set = format!("ALTER SYSTEM SET synchronous_standby_names = '{name}'");
        self.sql("public", &set);
        self.sql("public", "SELECT pg_reload_conf()");
        let asked = format!(
            "SELECT count(*) FROM pg_stat_replication
             WHERE application_name = '{name}' AND sync_state = 'sync'"
        );
        wait_for("the standby to follow", || {
            self.sql("public", &asked) == "1"
        });
        standby
    }

    /// Has a standby be the server from now on.
    ///
    /// # Panics
    /// When it is no standby.
    pub fn promote(&self) {
        assert_eq!(self.sql("public", "SELECT pg_promote(true, 60)"), "t");
    }

    /// Offers TLS from now on, with a certificate and its key in PEM.
    ///
    /// # Panics
    /// When the server cannot use them.
    pub fn offer_tls(&self, certificate: &str, key: &str) {
        for (name, content) in [("server.crt", certificate), ("server.key", key)] {
            let path = self.data().join(name);
            fs::write(&path, content).expect("the file can be written");
            self.programs.give(&path);
        }
        self.sql("public", "ALTER SYSTEM SET ssl = on");
        self.sql("public", "SELECT pg_reload_conf()");
        wait_for("TLS", || self.sql("public", "SHOW ssl") == "on");
    }

    fn process(&self) -> MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let child = self.process().take();
        if let Some(mut child) = child {
            self.kill_now(&mut child);
        }
    }
}

/// Lets whoever reaches the server do everything, also from other addresses than this machine's.
fn trust_all(rules: &Path) {
    let opened = fs::File::options().append(true).open(rules);
    let mut file = opened.expect("the rules can be written");
    writeln!(file, "host all all all trust").expect("the rules can be written");
}

fn url_at(host: &str, schema: &str) -> String {
    format!(
        "postgres://postgres@{host}/{DATABASE}?sslmode=disable&options=-csearch_path%3D{schema}"
    )
}

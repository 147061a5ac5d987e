//! Several of the real program on one database, killed, stopped, frozen and started again by a test.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tauline_protocol::admin::{AdminAnswer, AdminRequest, SOCKET_NAME};
use tauline_test_ports::free_address;
use tauline_test_postgres::Server as Postgres;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixStream};

use super::namespaces::Machines;
use super::{Client, program, real};

/// Within what time something has to happen at all.
const LIMIT: Duration = Duration::from_secs(60);

/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(5);

/// What all replicas are started with, unless a test says otherwise.
const FLAGS: [(&str, &str); 8] = [
    ("--ceremony", super::SMALL),
    ("--signin", "invite"),
    ("--log", "info"),
    ("--login-rate", "0"),
    ("--anonymous-rate", "0"),
    ("--session-rate", "0"),
    ("--passes", "0"),
    ("--metrics-listen", "127.0.0.1:0"),
];

/// Several replicas of one coordinator, and their database.
pub struct Fleet {
    pub postgres: Arc<Postgres>,
    pub schema: String,
    directory: tempfile::TempDir,
    more: Vec<String>,
    pub replicas: Vec<Replica>,
    /// Where all of them and the database are, if not on this machine. They go last.
    pub machines: Option<Machines>,
}

/// The machine of the database.
pub const DATABASE: usize = 0;

/// The machine of a replica.
pub const fn machine_of(number: usize) -> usize {
    number + 1
}

/// One of them. It ends with the test.
pub struct Replica {
    pub name: String,
    data: PathBuf,
    /// Where participants reach it.
    listen: String,
    /// Where the others reach it.
    inside: String,
    /// Between that and the others, where all are on this machine.
    pub cable: Cable,
    /// The address that the others are told.
    told: String,
    child: Option<Child>,
}

impl Fleet {
    /// So many replicas, for so many people, with these flags, too; they run. None where PostgreSQL is
    /// missing.
    pub async fn begin(count: usize, people: usize, more: &[&str]) -> Option<Self> {
        let postgres = tokio::task::block_in_place(Postgres::start)?;
        Some(Self::on(Arc::new(postgres), count, people, more).await)
    }

    /// The same on a database that runs.
    pub async fn on(postgres: Arc<Postgres>, count: usize, people: usize, more: &[&str]) -> Self {
        Self::put(None, postgres, count, people, more).await
    }

    /// The same, and each on a machine of its own.
    pub async fn on_machines(
        machines: Machines,
        count: usize,
        people: usize,
        more: &[&str],
    ) -> Option<Self> {
        let host = machines.address(DATABASE).to_string();
        let start = || Postgres::start_on(&machines.on(DATABASE), &host);
        let postgres = Arc::new(tokio::task::block_in_place(start)?);
        Some(Self::put(Some(machines), postgres, count, people, more).await)
    }

    async fn put(
        machines: Option<Machines>,
        postgres: Arc<Postgres>,
        count: usize,
        people: usize,
        more: &[&str],
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let list: String = (0..people)
            .map(|number| format!("{} {}\n", real::name(number), real::code(number)))
            .collect();
        std::fs::write(directory.path().join("invites"), list).unwrap();
        let schema = postgres.fresh();
        let mut replicas = Vec::new();
        for number in 0..count {
            let name = format!("r{number}");
            let host = machines.as_ref().map(|it| it.address(machine_of(number)));
            let [listen, inside] = match host {
                Some(host) => [format!("{host}:3000"), format!("{host}:3001")],
                None => [free_address(), free_address()],
            };
            let cable = Cable::to(inside.clone()).await;
            replicas.push(Replica {
                data: directory.path().join(&name),
                name,
                listen,
                told: host.map_or(cable.address.clone(), |_| inside.clone()),
                cable,
                inside,
                child: None,
            });
        }
        let mut fleet = Self {
            postgres,
            schema,
            directory,
            more: more.iter().map(|&flag| flag.to_owned()).collect(),
            replicas,
            machines,
        };
        for number in 0..count {
            fleet.start(number);
        }
        fleet.leader_after(0).await;
        fleet
    }

    pub fn url(&self, number: usize) -> String {
        format!("http://{}", self.replicas[number].listen)
    }

    pub fn urls(&self) -> Vec<String> {
        (0..self.replicas.len()).map(|it| self.url(it)).collect()
    }

    /// A client of this replica that has not signed in.
    pub fn anonymous(&self, number: usize) -> Client {
        Client::new(&self.url(number))
    }

    /// A client of this replica, signed in by the invitation of that number.
    pub async fn client(&self, number: usize, who: usize) -> Client {
        let mut client = self.anonymous(number);
        client.sign_in_by_invite(&real::code(who)).await.expect_ok();
        client
    }

    /// Starts a replica that does not run, at the same addresses.
    pub fn start(&mut self, number: usize) {
        self.start_until(number, None);
    }

    /// The same, until it ends itself at a failpoint.
    pub fn start_until(&mut self, number: usize, failpoint: Option<&str>) {
        self.start_with(number, failpoint, false);
    }

    /// The same, until it stands still at a failpoint.
    pub fn start_to_freeze(&mut self, number: usize, failpoint: &str) {
        self.start_with(number, Some(failpoint), true);
    }

    fn start_with(&mut self, number: usize, failpoint: Option<&str>, freezes: bool) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path(number))
            .unwrap();
        let hold = self.hold_path(number);
        let replica = &mut self.replicas[number];
        assert!(replica.child.is_none(), "it runs already");
        let is_said = |flag: &str| self.more.iter().any(|more| more == flag);
        let usual = FLAGS
            .into_iter()
            .filter(|(flag, _)| !is_said(flag))
            .flat_map(|(flag, value)| [flag, value]);
        let on = self.machines.as_ref().map(|it| it.on(machine_of(number)));
        let program = env!("CARGO_BIN_EXE_tauline-server").to_owned();
        let words = [on.unwrap_or_default(), vec![program]].concat();
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .args(["--listen", &replica.listen])
            .args(usual)
            .args(["--replica-name", &replica.name])
            .args(["--replica-listen", &replica.inside])
            .args(["--replica-url", &format!("http://{}", replica.told)])
            .args(&self.more)
            .arg("--data-dir")
            .arg(&replica.data)
            .arg("--invites")
            .arg(self.directory.path().join("invites"))
            .env("TAULINE_STORE", self.postgres.url(&self.schema))
            .env_remove("TAULINE_FAILPOINT")
            .stdout(Stdio::piped())
            .stderr(log);
        if let Some(failpoint) = failpoint {
            command.env("TAULINE_FAILPOINT", failpoint);
        }
        if freezes {
            command.env("TAULINE_FAILPOINT_HOLDS", &hold);
        }
        let child = replica.child.insert(command.spawn().unwrap());
        let line = tokio::task::block_in_place(|| program::first_line(child));
        if failpoint.is_none() {
            assert!(
                program::address(&line).is_some(),
                "{line:?}; it has written: {}",
                self.log(number)
            );
        }
    }

    /// SIGKILL.
    pub fn kill(&mut self, number: usize) {
        let mut child = self.replicas[number].child.take().expect("it runs");
        let _ = child.kill();
        let _ = child.wait();
    }

    /// SIGTERM; gives the exit.
    pub fn stop(&mut self, number: usize) -> ExitStatus {
        self.signal(number, Signal::TERM);
        let mut child = self.replicas[number].child.take().expect("it runs");
        tokio::task::block_in_place(|| child.wait().unwrap())
    }

    pub fn signal(&self, number: usize, signal: Signal) {
        let child = self.replicas[number].child.as_ref().expect("it runs");
        kill_process(Pid::from_child(child), signal).unwrap();
    }

    /// Waits until a replica has come to its failpoint, and freezes it there.
    pub async fn until_frozen(&self, number: usize) {
        let child = self.replicas[number].child.as_ref().expect("it runs");
        let stat = format!("/proc/{}/stat", child.id());
        let is_stopped = || {
            let stat = std::fs::read_to_string(&stat).unwrap();
            let state = stat.rsplit_once(')').unwrap().1.trim_start();
            state.starts_with('T')
        };
        let begun = Instant::now();
        while !is_stopped() {
            if self.hold_path(number).exists() {
                self.signal(number, Signal::STOP);
            }
            assert!(begun.elapsed() < LIMIT, "{}", self.log(number));
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Lets a replica go on that was frozen.
    pub fn thaw(&self, number: usize) {
        std::fs::remove_file(self.hold_path(number)).unwrap();
        self.signal(number, Signal::CONT);
    }

    fn hold_path(&self, number: usize) -> PathBuf {
        self.directory.path().join(format!("hold-{number}"))
    }

    /// Where the other replicas reach one.
    pub fn inside_url(&self, number: usize) -> String {
        format!("http://{}", self.replicas[number].inside)
    }

    /// By what replicas know each other.
    pub fn secret(&self) -> String {
        let asked = "SELECT encode(secret, 'hex') FROM replicas";
        let row = tokio::task::block_in_place(|| self.postgres.sql(&self.schema, asked));
        row.trim().to_owned()
    }

    /// Whether a replica has ended by itself.
    pub fn has_ended(&mut self, number: usize) -> bool {
        let replica = &mut self.replicas[number];
        let ended = match &mut replica.child {
            Some(child) => child.try_wait().unwrap().is_some(),
            None => return true,
        };
        if ended {
            replica.child = None;
        }
        ended
    }

    /// Starts whatever has ended by itself, as a service manager does.
    pub fn start_ended(&mut self) {
        for number in 0..self.replicas.len() {
            if self.has_ended(number) {
                self.start(number);
            }
        }
    }

    /// What a replica has written into its log.
    pub fn log(&self, number: usize) -> String {
        std::fs::read_to_string(self.log_path(number)).unwrap_or_default()
    }

    fn log_path(&self, number: usize) -> PathBuf {
        self.directory.path().join(format!("log-{number}"))
    }

    pub fn data_dir(&self, number: usize) -> &Path {
        &self.replicas[number].data
    }

    /// Which replica leads, by the database, and its epoch.
    pub fn leads(&self) -> Option<(usize, u64)> {
        let asked = "SELECT epoch, name FROM leader WHERE expires_at > clock_timestamp()";
        let row = tokio::task::block_in_place(|| self.postgres.sql(&self.schema, asked));
        let (epoch, name) = row.split_once('|')?;
        let number = self.replicas.iter().position(|it| it.name == name)?;
        Some((number, epoch.parse().unwrap()))
    }

    /// The leader of a later epoch than this one, once it serves.
    pub async fn leader_after(&self, epoch: u64) -> (usize, u64) {
        let begun = Instant::now();
        loop {
            if let Some((number, now)) = self.leads()
                && now > epoch
                && self.serves(number).await
            {
                return (number, now);
            }
            assert!(
                begun.elapsed() < LIMIT,
                "nobody leads after {epoch}: {}",
                (0..self.replicas.len())
                    .map(|it| self.log(it))
                    .collect::<String>()
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Whether a replica is ready to serve participants.
    pub async fn serves(&self, number: usize) -> bool {
        let http = super::http::client().build().unwrap();
        let request = http.get(format!("{}/readyz", self.url(number)));
        let answer = request.timeout(Duration::from_secs(2)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Waits until a replica is ready to serve participants, or is not.
    pub async fn until_ready(&self, number: usize, is_ready: bool) {
        let begun = Instant::now();
        while self.serves(number).await != is_ready {
            assert!(begun.elapsed() < LIMIT, "{}", self.log(number));
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What an operator is answered at a replica's socket.
    pub async fn order(&self, number: usize, request: &AdminRequest) -> AdminAnswer {
        let path = self.data_dir(number).join(SOCKET_NAME);
        let mut stream = UnixStream::connect(path).await.unwrap();
        let mut line = serde_json::to_vec(request).unwrap();
        line.push(b'\n');
        stream.write_all(&line).await.unwrap();
        let mut answer = String::new();
        let mut reader = BufReader::new(stream);
        reader.read_line(&mut answer).await.unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    /// The replicas that do not lead.
    pub fn followers(&self, leader: usize) -> Vec<usize> {
        (0..self.replicas.len())
            .filter(|number| *number != leader)
            .collect()
    }

    /// The value of a series on a replica's page of metrics.
    pub async fn metric(&self, number: usize, series: &str) -> Option<f64> {
        let log = self.log(number);
        let at = log.rfind("/metrics")?;
        let url = &log[log[..at].rfind("http://")?..at];
        let page = Client::new(url).get("/metrics").await.expect_ok().text();
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
        line.parse().ok()
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What connects the others with a replica, and can be cut.
pub struct Cable {
    pub address: String,
    is_cut: Arc<AtomicBool>,
    ends: Arc<Mutex<tokio::sync::watch::Sender<u64>>>,
}

impl Cable {
    async fn to(address: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let is_cut = Arc::new(AtomicBool::new(false));
        let (ends, cuts) = tokio::sync::watch::channel(0);
        let cable = Self {
            address: listener.local_addr().unwrap().to_string(),
            is_cut: Arc::clone(&is_cut),
            ends: Arc::new(Mutex::new(ends)),
        };
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                let (address, is_cut, mut cuts) =
                    (address.clone(), Arc::clone(&is_cut), cuts.clone());
                cuts.mark_unchanged();
                tokio::spawn(async move {
                    if is_cut.load(Ordering::Relaxed) {
                        // Nothing comes through, and nobody says so.
                        let _ = cuts.changed().await;
                        return;
                    }
                    let Ok(mut to) = TcpStream::connect(address).await else {
                        return;
                    };
                    let _ = from.set_nodelay(true);
                    let _ = to.set_nodelay(true);
                    tokio::select! {
                        _ = copy_bidirectional(&mut from, &mut to) => {}
                        _ = cuts.changed() => {
                            // As above, until it is mended.
                            let _ = cuts.changed().await;
                        }
                    }
                });
            }
        });
        cable
    }

    /// Nothing comes through any more.
    pub fn cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
        self.ends.lock().unwrap().send_modify(|count| *count += 1);
    }

    /// It comes again, over new connections.
    pub fn mend(&self) {
        self.is_cut.store(false, Ordering::Relaxed);
        self.ends.lock().unwrap().send_modify(|count| *count += 1);
    }
}

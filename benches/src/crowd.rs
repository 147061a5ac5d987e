//! A crowd that waits in line, spread over one coordinator or several replicas.

pub(crate) mod connection;
mod seen;
mod standing;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use self::connection::{Answer, Connection, Pool};
pub use self::seen::Seen;
use self::standing::Standing;

/// Connections from one loopback address: fewer than there are ports for them.
const FROM_ONE_ADDRESS: usize = 20_000;

/// The pause before a request that broke is sent again.
const AGAIN: Duration = Duration::from_millis(250);

/// How late somebody may be (`docs/spec/queue.md#grace`).
const GRACE: Duration = Duration::from_secs(5);

/// How the people wait.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    /// They check in this long before their deadline, over connections that they share.
    ByDeadline {
        /// Time left for the answer.
        early: Duration,
    },
    /// Each holds one check-in after the other on a connection of its own.
    Held {
        /// How long an answer is held.
        hold: Duration,
    },
}

/// The crowd.
pub struct Crowd {
    servers: Vec<SocketAddr>,
    /// Connections that are kept, for each server.
    pools: Vec<Pool>,
    way: Way,
    /// Whether what happens counts.
    counts: AtomicBool,
    seen: std::sync::Mutex<Seen>,
    over: watch::Sender<bool>,
}

impl Crowd {
    /// A crowd before these servers (`http://127.0.0.1:3000`).
    ///
    /// # Errors
    /// When an address is none.
    pub fn new(urls: &[String], way: Way) -> Result<Arc<Self>> {
        let servers = urls.iter().map(|url| address(url));
        let servers = servers.collect::<Result<Vec<_>>>()?;
        ensure!(!servers.is_empty(), "there is no server");
        Ok(Arc::new(Self {
            pools: servers.iter().map(|to| Pool::new(*to)).collect(),
            servers,
            way,
            counts: AtomicBool::new(false),
            seen: std::sync::Mutex::default(),
            over: watch::Sender::new(false),
        }))
    }

    /// Signs these participants in and has them join, so many at a time; from then on each lives.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn fill(
        self: &Arc<Self>,
        people: std::ops::Range<usize>,
        at_once: usize,
    ) -> Result<JoinSet<()>> {
        let room = Arc::new(Semaphore::new(at_once));
        let (mut joining, mut lives) = (JoinSet::new(), JoinSet::new());
        for number in people {
            let room = Arc::clone(&room).acquire_owned().await?;
            let crowd = Arc::clone(self);
            joining.spawn(async move {
                let joined = crowd.join(number).await;
                drop(room);
                (number, joined)
            });
            while let Some(joined) = joining.try_join_next() {
                self.begin(joined?, &mut lives)?;
            }
        }
        while let Some(joined) = joining.join_next().await {
            self.begin(joined?, &mut lives)?;
        }
        Ok(lives)
    }

    fn begin(
        self: &Arc<Self>,
        (number, joined): (usize, Result<(String, Standing)>),
        lives: &mut JoinSet<()>,
    ) -> Result<()> {
        let (token, standing) = joined.with_context(|| format!("participant {number}"))?;
        lives.spawn(Arc::clone(self).live(number, token, standing));
        Ok(())
    }

    /// Signs a participant in and has it join.
    async fn join(&self, number: usize) -> Result<(String, Standing)> {
        let login = format!(r#"{{"invite":"code-of-participant-{number}"}}"#);
        let at = number % self.servers.len();
        let answer = self.pools[at].post("/login", None, &login).await?;
        ensure!(answer.status == 200, "login: {answer}");
        let login: serde_json::Value = serde_json::from_slice(&answer.body)?;
        let token = login["token"]
            .as_str()
            .context("a login answers with a token")?;
        let answer = self.pools[at].post("/queue/join", Some(token), "").await?;
        ensure!(answer.status == 200, "joining: {answer}");
        Ok((token.to_owned(), Standing::read(&answer)?))
    }

    /// Joins, is called, and starts: so nobody else is called as long as its turn lasts.
    ///
    /// # Errors
    /// When it is refused, or somebody is before it.
    pub async fn occupy_the_turn(&self, number: usize) -> Result<()> {
        let (token, standing) = self.join(number).await?;
        ensure!(standing.has_turn(), "the line is not empty: {standing:?}");
        let pool = &self.pools[number % self.servers.len()];
        let answer = pool.post("/contribution/start", Some(&token), "").await?;
        ensure!(answer.status == 200, "starting: {answer}");
        Ok(())
    }

    /// Counts what happens during this time, and returns it.
    pub async fn observe(&self, length: Duration) -> Seen {
        *self.seen() = Seen::default();
        self.counts.store(true, Ordering::Relaxed);
        tokio::time::sleep(length).await;
        self.counts.store(false, Ordering::Relaxed);
        std::mem::take(&mut *self.seen())
    }

    /// Ends all lives.
    pub async fn end(&self, mut lives: JoinSet<()>) {
        self.over.send_replace(true);
        while lives.join_next().await.is_some() {}
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Notes what happened to somebody, if it counts.
    fn note(&self, what: impl FnOnce(&mut Seen)) {
        if self.counts.load(Ordering::Relaxed) {
            what(&mut self.seen());
        }
    }

    /// A connection of this participant's own to a server.
    async fn connect(&self, number: usize, at: usize) -> Result<Connection> {
        let to = self.servers[at];
        Ok(Connection::open(to, own_address(number, to)).await?)
    }
}

/// The life of somebody who waits: checks in as the coordinator says, and goes to the next server when one
/// is gone.
impl Crowd {
    /// Waits in line until the crowd's end, or until the place is lost.
    async fn live(self: Arc<Self>, number: usize, token: String, first: Standing) {
        let mut over = self.over.subscribe();
        let waiting = self.wait(number, &token, first);
        tokio::select! {
            () = waiting => {}
            _ = over.wait_for(|over| *over) => {}
        }
    }

    async fn wait(&self, number: usize, token: &str, first: Standing) {
        let mut standing = first;
        let mut told = Instant::now();
        let mut at = number % self.servers.len();
        let mut own = None;
        loop {
            let deadline = told + standing.interval();
            let due = match self.way {
                Way::ByDeadline { early } => deadline.checked_sub(early).unwrap_or(told).max(told),
                Way::Held { .. } => told,
            };
            tokio::time::sleep_until(due.into()).await;
            let sent = Instant::now();
            let broke;
            (standing, broke) = self
                .ask_until_answered(number, &mut at, token, &mut own)
                .await;
            told = Instant::now();
            // An answer that was held and broke was due from then on.
            let expected = match (self.way, broke) {
                (Way::Held { .. }, Some(broke)) => broke,
                (Way::Held { hold }, None) => due + hold,
                (Way::ByDeadline { .. }, _) => due,
            };
            let latency = told.saturating_duration_since(expected);
            let latest = match self.way {
                Way::ByDeadline { .. } => deadline,
                // As long as it is held, it is a sign of life.
                Way::Held { .. } => deadline.max(expected) + GRACE,
            };
            let (is_late, was_in_time) = (told > latest, sent <= deadline);
            let is_lost = !standing.waits();
            self.note(|seen| {
                seen.latencies.push(latency.as_secs_f64() * 1e3);
                seen.own_fault += usize::from(!was_in_time);
                seen.late += usize::from(is_late && was_in_time);
                seen.lost += usize::from(is_lost && was_in_time);
            });
            if is_lost {
                self.note(|seen| seen.fault(format!("participant {number}: {standing:?}")));
                return;
            }
        }
    }

    /// Checks in, again and again and at the next server each time, until somebody answers. Says when it
    /// first broke, if it did.
    async fn ask_until_answered(
        &self,
        number: usize,
        at: &mut usize,
        token: &str,
        own: &mut Option<Connection>,
    ) -> (Standing, Option<Instant>) {
        let mut broke = None;
        loop {
            // As our clients do: what broke is wanted at once.
            let hold = match (self.way, broke) {
                (Way::Held { hold }, None) => hold,
                _ => Duration::ZERO,
            };
            match self.ask(number, *at, token, own, hold).await {
                Ok(answer) if answer.status == 200 => match Standing::read(&answer) {
                    Ok(standing) => return (standing, broke),
                    Err(error) => self.note(|seen| seen.fault(format!("{error:#}"))),
                },
                Ok(answer) if answer.status >= 500 => self.note(|seen| seen.repeated += 1),
                Ok(answer) => self.note(|seen| seen.fault(answer.to_string())),
                Err(_) => self.note(|seen| seen.repeated += 1),
            }
            broke.get_or_insert_with(Instant::now);
            *own = None;
            *at = (*at + 1) % self.servers.len();
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn ask(
        &self,
        number: usize,
        at: usize,
        token: &str,
        own: &mut Option<Connection>,
        hold: Duration,
    ) -> Result<Answer> {
        if matches!(self.way, Way::ByDeadline { .. }) {
            return Ok(self.pools[at]
                .post("/queue/checkin", Some(token), "")
                .await?);
        }
        let path = format!("/queue/checkin?wait={}", hold.as_secs_f64());
        let connection = match own {
            Some(connection) => connection,
            None => own.insert(self.connect(number, at).await?),
        };
        Ok(connection.post(&path, Some(token), "", hold).await?)
    }
}

/// The server behind a URL without a path.
fn address(url: &str) -> Result<SocketAddr> {
    let host = url
        .strip_prefix("http://")
        .map(|rest| rest.trim_end_matches('/'));
    let host = host.with_context(|| format!("{url} is not http://ADDRESS:PORT"))?;
    host.parse()
        .with_context(|| format!("{url} is not http://ADDRESS:PORT"))
}

/// The address from which somebody comes: on this machine one of many, each for as many as it has ports.
fn own_address(number: usize, to: SocketAddr) -> Option<Ipv4Addr> {
    let group = u8::try_from(number / FROM_ONE_ADDRESS).unwrap_or(u8::MAX);
    to.ip()
        .is_loopback()
        .then(|| Ipv4Addr::new(127, 1, group, 1))
}

#[test]
fn addresses_are_told_from_urls() {
    let local = "127.0.0.1:3000".parse().unwrap();
    assert_eq!(address("http://127.0.0.1:3000/").unwrap(), local);
    for wrong in ["https://127.0.0.1:3000", "http://127.0.0.1", "http://a:1/b"] {
        assert!(address(wrong).is_err(), "{wrong}");
    }
    assert_eq!(
        own_address(20_001, local),
        Some(Ipv4Addr::new(127, 1, 1, 1))
    );
    assert_eq!(own_address(1, "192.0.2.1:80".parse().unwrap()), None);
}

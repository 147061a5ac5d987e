//! The replicas that share a database: who leads, and until when.
//!
//! One row says who leads. Its epoch grows with each change of leader. The lease ends by the database's
//! clock alone, so replicas need not agree on the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use rand_core::RngCore as _;
use tauline_queue_core::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_postgres::{AsyncMessage, Row};
use zeroize::Zeroizing;

use super::database::Database;
use super::failure::{Failure, TooLong};
use super::link::{Link, Messages, Param, param, within};
use super::pool::{AGAIN, OUTAGE};
use super::rows::unsigned;
use super::schema;
use crate::engine::Engine;
use crate::error::StoreError;
use crate::store::ThereUntil;

/// How long the database may take for an answer: what is asked here is a row. It waits for at most a second
/// for an append.
const ANSWER_LIMIT: Duration = Duration::from_millis(2500);

/// What the connection of a cluster is set to.
const SETTINGS: &str = "SET synchronous_commit = on; SET lock_timeout = '2s';
    SET statement_timeout = 0; SET client_min_messages = 'warning'";

const LEADER: &str = "SELECT epoch, name, url,
        (1000 * extract(epoch FROM expires_at - clock_timestamp()))::bigint
    FROM leader WHERE expires_at > clock_timestamp()";
// Who has to wait for another's change of the row looks at the changed row, and at the clock again.
const TAKE: &str = "UPDATE leader SET epoch = epoch + 1, name = $1, url = $2, attempt = $3,
        expires_at = clock_timestamp() + $4 * interval '1 millisecond'
    WHERE expires_at <= clock_timestamp() OR attempt = $3
    RETURNING epoch, pg_notify('tauline_' || current_schema(), 'leader'), there_until,
        greatest(0, 1000 * extract(epoch FROM clock_timestamp() - there_told))::bigint";
// A leader that does not serve yet was nowhere, and what is told of the one before it stays.
const RENEW: &str =
    "UPDATE leader SET expires_at = clock_timestamp() + $2 * interval '1 millisecond',
        there_until = coalesce($3::bigint, there_until),
        there_told = CASE WHEN $3::bigint IS NULL THEN there_told ELSE clock_timestamp() END
    WHERE epoch = $1 RETURNING epoch";
const GIVE_UP: &str = "UPDATE leader SET expires_at = 'epoch',
        there_until = coalesce($2::bigint, there_until),
        there_told = CASE WHEN $2::bigint IS NULL THEN there_told ELSE clock_timestamp() END
    WHERE epoch = $1
    RETURNING epoch, pg_notify('tauline_' || current_schema(), 'leader')";
const SECRET: &str = "WITH drawn AS (
        INSERT INTO replicas (secret) VALUES ($1) ON CONFLICT DO NOTHING RETURNING secret)
    SELECT secret FROM drawn UNION ALL SELECT secret FROM replicas LIMIT 1";

/// A replica that has not told for a minute does not run, or has another name by now.
const COMPARE: &str = "WITH told AS (
        INSERT INTO invitations (replica, digest, told_at) VALUES ($1, $2, clock_timestamp())
        ON CONFLICT (replica) DO UPDATE SET digest = excluded.digest, told_at = excluded.told_at)
    SELECT replica FROM invitations
    WHERE replica <> $1 AND digest <> $2 AND told_at > clock_timestamp() - interval '1 minute'";

/// This replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Where other replicas reach it.
    pub url: String,
}

/// The replica that leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    /// How often the lead was taken, this time included.
    pub epoch: u64,
    /// The replica's name.
    pub name: String,
    /// Where other replicas reach it.
    pub url: String,
    /// How long its lease lasted when the database was asked.
    pub remaining: Duration,
}

/// The replicas that share a database. It has one connection, which is made again when it is lost.
pub struct Cluster {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Arc<Engine>,
    database: Database,
    link: watch::Receiver<Option<Arc<Link>>>,
    changes: watch::Receiver<u64>,
}

impl Cluster {
    /// Connects, and makes the tables or brings them up to date.
    ///
    /// # Errors
    /// When the database cannot be reached or used.
    pub fn join(database: &Database) -> Result<Self, StoreError> {
        let engine = Engine::start("postgres")?;
        let (link_sender, link) = watch::channel(None);
        let (told, changes) = watch::channel(0);
        let place = database.clone();
        engine.run(async move { schema::migrate(&place).await })?;
        engine.spawn(keep(database.clone(), link_sender, told));
        Ok(Self {
            shared: Arc::new(Shared {
                engine,
                database: database.clone(),
                link,
                changes,
            }),
        })
    }

    /// Who leads; none if nobody's lease lasts.
    ///
    /// # Errors
    /// When the database is away.
    pub fn leader(&self) -> Result<Option<Leader>, StoreError> {
        let rows = self.shared.ask(OUTAGE, LEADER, Vec::new)?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        Ok(Some(Leader {
            epoch: unsigned(row, 0)?,
            name: row.try_get(1)?,
            url: row.try_get(2)?,
            remaining: Duration::from_millis(unsigned(row, 3)?),
        }))
    }

    /// Takes the lead for so long, if nobody's lease lasts. Waits until all that the leader before has
    /// begun to commit is over; it commits nothing any more.
    ///
    /// # Errors
    /// When the database is away.
    pub fn take_lead(&self, me: &Member, length: Duration) -> Result<Option<Lease>, StoreError> {
        let asked = Instant::now();
        let mut attempt = [0; 16];
        rand_core::OsRng.fill_bytes(&mut attempt);
        let rows = self.shared.ask(OUTAGE, TAKE, || {
            vec![
                param(me.name.clone()),
                param(me.url.clone()),
                param(attempt.to_vec()),
                param(millis(length)),
            ]
        })?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let told = match (row.try_get(2)?, row.try_get(3)?) {
            (Some(_), Some::<i64>(_)) => Some(ThereUntil {
                at: Timestamp::from_millis(unsigned(row, 2)?),
                ago: Duration::from_millis(unsigned(row, 3)?),
            }),
            (None::<i64>, _) | (_, None) => None,
        };
        Ok(Some(Lease {
            shared: Arc::clone(&self.shared),
            epoch: row.try_get(0)?,
            length,
            before: told.map(|told| (told, asked)),
            there: Arc::default(),
        }))
    }

    /// What all replicas share and nobody else knows. The first that asks draws it.
    ///
    /// # Errors
    /// When the database is away.
    pub fn secret(&self) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        let mut drawn = Zeroizing::new([0; 32]);
        rand_core::OsRng.fill_bytes(drawn.as_mut());
        let missing = || StoreError::damaged("the secret that replicas share is missing");
        // Another may have drawn one that this statement did not see.
        for _ in 0..3 {
            let rows = self
                .shared
                .ask(OUTAGE, SECRET, || vec![param(drawn.to_vec())])?;
            if let Some(row) = rows.first() {
                let secret = Zeroizing::new(row.try_get::<_, Vec<u8>>(0)?);
                let secret = secret.as_slice().try_into().map_err(|_| missing())?;
                return Ok(Zeroizing::new(secret));
            }
        }
        Err(missing())
    }

    /// Tells what this replica's invitations are known by. Gives the names of replicas that run with others.
    ///
    /// # Errors
    /// When the database is away.
    pub fn compare_invitations(
        &self,
        name: &str,
        digest: [u8; 32],
    ) -> Result<Vec<String>, StoreError> {
        let params = || vec![param(name.to_owned()), param(digest.to_vec())];
        let rows = self.shared.ask(OUTAGE, COMPARE, params)?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Moves each time that the log has grown or the leader has changed, and when notice of that may
    /// have been lost.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.clone()
    }
}

/// The lead, for as long as it is renewed. Clones are the same lease.
#[derive(Clone)]
pub struct Lease {
    shared: Arc<Shared>,
    epoch: i64,
    length: Duration,
    /// Until when the leader before was there, as it was known when this was asked for.
    before: Option<(ThereUntil, Instant)>,
    /// When this leader last looked at the time, in milliseconds of the queue's time; 0 before it serves.
    there: Arc<AtomicU64>,
}

impl Lease {
    /// How often the lead was taken, this time included.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch.unsigned_abs()
    }

    /// The epoch as a column holds it.
    pub(super) fn key(&self) -> i64 {
        self.epoch
    }

    /// Until when the leader before was there, if it told.
    #[must_use]
    pub fn there_until(&self) -> Option<ThereUntil> {
        self.before.map(|(told, asked)| ThereUntil {
            ago: told.ago.saturating_add(asked.elapsed()),
            ..told
        })
    }

    /// This leader was there at `at`, by the queue's time, and all that it had to write by then is durable.
    /// The next renewal tells it to the leader after it, and so does giving up.
    pub fn is_there(&self, at: Timestamp) {
        self.there.fetch_max(at.as_millis(), Ordering::Relaxed);
    }

    /// What is told of this leader; nothing before it serves.
    fn tells(&self) -> Option<i64> {
        let there = self.there.load(Ordering::Relaxed);
        i64::try_from(there).ok().filter(|there| *there > 0)
    }

    /// Makes it last its full length from now on.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if another has taken the lead, or when the database is away for as long as
    /// the lease lasts.
    pub fn renew(&self) -> Result<(), StoreError> {
        let there = self.tells();
        let params = || vec![param(self.epoch), param(millis(self.length)), param(there)];
        let rows = self.shared.ask(self.length, RENEW, params)?;
        rows.first().map(|_| ()).ok_or(StoreError::Fenced)
    }

    /// Ends it now, so that another can take the lead at once. Nothing is to be written afterwards.
    ///
    /// # Errors
    /// As for [`renew`](Self::renew).
    pub fn give_up(&self) -> Result<(), StoreError> {
        let there = self.tells();
        let params = || vec![param(self.epoch), param(there)];
        let rows = self.shared.ask(self.length, GIVE_UP, params)?;
        rows.first().map(|_| ()).ok_or(StoreError::Fenced)
    }
}

fn millis(length: Duration) -> f64 {
    length.as_secs_f64() * 1000.0
}

impl Shared {
    /// The rows that a statement returns. It may be carried out more than once.
    fn ask(
        &self,
        limit: Duration,
        sql: &'static str,
        params: impl FnOnce() -> Vec<Param>,
    ) -> Result<Vec<Row>, StoreError> {
        let (link, database, params) = (self.link.clone(), self.database.clone(), params());
        self.engine.run(async move {
            let until = Instant::now() + limit;
            loop {
                let left = until.saturating_duration_since(Instant::now());
                match ask_once(link.clone(), left, sql, &params).await {
                    Ok(rows) => return Ok(rows),
                    Err(Failure::Lost(_)) if Instant::now() < until => sleep(AGAIN).await,
                    Err(failure) => return Err(failure.in_the_end(&database)),
                }
            }
        })
    }
}

/// Asks over the connection that there is, or waits for one.
async fn ask_once(
    mut link: watch::Receiver<Option<Arc<Link>>>,
    limit: Duration,
    sql: &'static str,
    params: &[Param],
) -> Result<Vec<Row>, Failure> {
    let until = Instant::now() + limit;
    let there = within(limit, async {
        let there = link.wait_for(Option::is_some).await;
        Ok(there.ok().and_then(|link| link.clone()).ok_or(TooLong)?)
    });
    let there = there.await?;
    let left = until.saturating_duration_since(Instant::now());
    let asked = async { Ok(there.query(sql, params).await?) };
    let rows = within(left.min(ANSWER_LIMIT), asked).await;
    if matches!(rows, Err(Failure::Lost(_))) {
        there.give_up();
    }
    rows
}

/// Keeps a connection that listens, until nobody needs it any more.
async fn keep(
    database: Database,
    link: watch::Sender<Option<Arc<Link>>>,
    told: watch::Sender<u64>,
) {
    while !link.is_closed() {
        match Link::connect(&database).await {
            Ok((fresh, messages)) => listen(fresh, messages, &link, &told).await,
            Err(failure) => tracing::debug!(?failure, "the database is away"),
        }
        sleep(AGAIN).await;
    }
}

/// Hands on what a connection tells, until it is lost.
async fn listen(
    fresh: Link,
    mut messages: Messages,
    link: &watch::Sender<Option<Arc<Link>>>,
    told: &watch::Sender<u64>,
) {
    let fresh = Arc::new(fresh);
    let begin = async {
        let client = fresh.client();
        client.batch_execute(SETTINGS).await?;
        let row = client.query_one("SELECT current_schema()", &[]).await?;
        let schema: Option<String> = row.try_get(0)?;
        let channel = format!("tauline_{}", schema.unwrap_or_default()).replace('"', "\"\"");
        client
            .batch_execute(&format!("LISTEN \"{channel}\""))
            .await?;
        // What was told before is missed, so everybody looks.
        link.send_replace(Some(Arc::clone(&fresh)));
        told.send_modify(|changes| *changes += 1);
        Ok::<(), tokio_postgres::Error>(())
    };
    let listening = async {
        match begin.await {
            Ok(()) => std::future::pending().await,
            Err(error) => error,
        }
    };
    let hand_on = async {
        while let Some(Ok(message)) = messages.next().await {
            if let AsyncMessage::Notification(_) = message {
                told.send_modify(|changes| *changes += 1);
            }
        }
    };
    tokio::select! {
        error = listening => tracing::debug!(?error, "the database is away"),
        () = hand_on => {}
        () = fresh.given_up() => tracing::debug!("the database does not answer"),
    }
    link.send_replace(None);
}

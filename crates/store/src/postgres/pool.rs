//! Connections that read.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use tokio_postgres::Row;

use super::database::Database;
use super::failure::{Failure, TooLong};
use super::link::{Link, Param, within};
use crate::error::StoreError;

/// How many connections read at a time. A read takes a millisecond, and few are needed beside what
/// replicas have in memory; the server has 100 in all if nobody says otherwise.
const CONNECTIONS: usize = 4;

/// How long the database may be away, as for a restart or a failover, before a read or a commit fails.
pub(super) const OUTAGE: Duration = Duration::from_secs(10);

/// How long a single answer may take, beside the time that many bytes need. A database that stands still
/// breaks no connection, so nothing else tells.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The time between two attempts to connect.
pub(super) const AGAIN: Duration = Duration::from_millis(100);

/// Connections that are made when they are needed, and kept.
pub(super) struct Pool {
    database: Database,
    idle: Mutex<Vec<Link>>,
    places: Semaphore,
}

impl Pool {
    pub(super) fn new(database: &Database) -> Self {
        Self {
            database: database.clone(),
            idle: Mutex::default(),
            places: Semaphore::new(CONNECTIONS),
        }
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// The rows that a statement returns. It changes nothing, so it is asked again while the database
    /// is away for a short time.
    pub(super) async fn query(
        &self,
        sql: &'static str,
        params: &[Param],
    ) -> Result<Vec<Row>, StoreError> {
        let mut first_loss = None;
        loop {
            let failure = match self.ask(sql, params).await {
                Ok(rows) => return Ok(rows),
                Err(failure) => failure,
            };
            let until = *first_loss.get_or_insert_with(|| Instant::now() + OUTAGE);
            let lost = match failure {
                Failure::Lost(lost) if Instant::now() < until => lost,
                failure => return Err(failure.in_the_end(&self.database)),
            };
            tracing::debug!(?lost, "a read is tried again");
            sleep(AGAIN).await;
        }
    }

    async fn ask(&self, sql: &'static str, params: &[Param]) -> Result<Vec<Row>, Failure> {
        // The semaphore is never closed.
        let _place = self.places.acquire().await.map_err(|_| TooLong)?;
        let kept = self.idle().pop();
        let link = match kept {
            Some(link) if !link.is_closed() => link,
            _ => {
                // The others that are kept are of the same age.
                self.idle().retain(|link| !link.is_closed());
                Link::open(&self.database).await?
            }
        };
        let work = async { Ok(link.query(sql, params).await?) };
        let rows = within(ANSWER_LIMIT, work).await;
        match &rows {
            // The others that are kept lead to the same place.
            Err(Failure::Lost(_)) => self.idle().clear(),
            _ => self.idle().push(link),
        }
        rows
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Link>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

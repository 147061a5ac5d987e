//! Reading what is stored at one moment.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::try_join_all;
use tauline_protocol::journal::Digest;
use tauline_queue_core::Ticket;
use tokio_postgres::Row;

use super::database::Database;
use super::failure::Failure;
use super::link::{Link, Param, param, within};
use super::pool::ANSWER_LIMIT;
use super::rows::{blob, checked_contribution, contribution, contributions, number, unsigned};
use super::writer::Step;
use crate::batch::Blob;
use crate::contribution::Contribution;
use crate::engine::Engine;
use crate::error::StoreError;
use crate::store::Reading;

const EXTENT: &str = "SELECT coalesce(max(number), 0) FROM contributions";
const LAST_TICKET: &str = "SELECT ticket FROM contributions ORDER BY number DESC LIMIT 1";
pub(super) const BLOB: &str = "SELECT digest, bytes FROM blobs WHERE ticket = $1";
pub(super) const AFTER: &str = contributions!("WHERE number > $1 ORDER BY number LIMIT $2");

/// A snapshot: a transaction that only reads, at the level `repeatable read`, on a connection of its own.
///
/// A reader may take its time between two pages: ten minutes, after which the snapshot, which keeps the
/// database from tidying up, is given up.
pub(super) struct Snapshot {
    engine: Arc<Engine>,
    database: Database,
    // None only while a question is asked.
    link: Option<Link>,
}

impl Snapshot {
    pub(super) fn take(engine: &Arc<Engine>, database: &Database) -> Result<Self, StoreError> {
        // The first read of the transaction fixes the view.
        const BEGIN: &str = "SET idle_in_transaction_session_timeout = '10min';
            BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1";
        Self::begin(engine, database, BEGIN)
    }

    /// A transaction that begins so.
    pub(super) fn begin(
        engine: &Arc<Engine>,
        database: &Database,
        begin: &'static str,
    ) -> Result<Self, StoreError> {
        let place = database.clone();
        let link = engine.run(async move {
            let open = async {
                let link = Link::open(&place).await?;
                link.client().batch_execute(begin).await?;
                Ok(link)
            };
            within(ANSWER_LIMIT, open)
                .await
                .map_err(|failure: Failure| failure.in_the_end(&place))
        })?;
        Ok(Self {
            engine: Arc::clone(engine),
            database: database.clone(),
            link: Some(link),
        })
    }

    /// The rows that a statement returns.
    pub(super) fn ask(
        &mut self,
        sql: &'static str,
        params: Vec<Param>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut rows = self.ask_all(vec![Step::new(sql, params)])?;
        Ok(rows.pop().unwrap_or_default())
    }

    /// The rows that each statement returns. All are sent before the first answer is awaited.
    pub(super) fn ask_all(&mut self, steps: Vec<Step>) -> Result<Vec<Vec<Row>>, StoreError> {
        let link = self.link.take().ok_or_else(gone)?;
        let place = self.database.clone();
        let (link, rows) = self.engine.run(async move {
            let asked = async {
                let all: Vec<&'static str> = steps.iter().map(|step| step.sql).collect();
                link.prepare(&all).await?;
                let answers = (steps.iter()).map(|Step { sql, params }| link.query(sql, params));
                Ok(try_join_all(answers).await?)
            };
            let rows = within(ANSWER_LIMIT, asked)
                .await
                .map_err(|failure| failure.in_the_end(&place))?;
            Ok((link, rows))
        })?;
        self.link = Some(link);
        Ok(rows)
    }
}

fn gone() -> StoreError {
    StoreError::Database("the view of the data is lost: an earlier read failed".into())
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        if let Some(link) = self.link.take() {
            // A connection is closed where it lives.
            self.engine.spawn(async move { drop(link) });
        }
    }
}

/// The contributions of a snapshot.
pub(super) struct PostgresReading(pub(super) Mutex<Snapshot>);

impl PostgresReading {
    fn ask(&self, sql: &'static str, params: Vec<Param>) -> Result<Vec<Row>, StoreError> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .ask(sql, params)
    }

    fn rows(&self, after: u64, at_most: u32) -> Result<Vec<Row>, StoreError> {
        self.ask(
            AFTER,
            vec![param(number(after)?), param(i64::from(at_most))],
        )
    }
}

impl Reading for PostgresReading {
    fn contributions(&self) -> Result<u64, StoreError> {
        let rows = self.ask(EXTENT, Vec::new())?;
        rows.first().map_or(Ok(0), |row| unsigned(row, 0))
    }

    fn head(&self) -> Result<Option<Blob>, StoreError> {
        let rows = self.ask(LAST_TICKET, Vec::new())?;
        let Some(last) = rows.first() else {
            return Ok(None);
        };
        let ticket = Ticket::new(unsigned(last, 0)?);
        let missing = || {
            StoreError::damaged(format!(
                "the powers of ticket {ticket}, the head, are missing"
            ))
        };
        let rows = self.ask(BLOB, vec![param(number(ticket.value())?)])?;
        blob(rows.first().ok_or_else(missing)?, ticket).map(Some)
    }

    fn page(&self, after: u64, at_most: u32) -> Result<Vec<Contribution>, StoreError> {
        let rows = self.rows(after, at_most)?;
        rows.iter().map(checked_contribution).collect()
    }

    fn has_sums(&self) -> bool {
        true
    }

    fn unchecked_page(
        &self,
        after: u64,
        at_most: u32,
    ) -> Result<Vec<(Contribution, Option<Digest>)>, StoreError> {
        let rows = self.rows(after, at_most)?;
        rows.iter().map(contribution).collect()
    }
}

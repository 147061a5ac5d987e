//! The connection that writes, and how it finds out whether a commit is durable.
//!
//! A transaction is sent as a whole, so it costs one round trip: `BEGIN`, its statements, the function
//! `finish`, `COMMIT`. `finish` counts the transaction: it replaces number `n` and the last transaction's
//! random name by `n + 1` and its own, or refuses.
//!
//! If the connection is lost before the answer is there, the transaction (T) may be over, under way, or
//! may arrive yet. On a new connection the row with number and name is read `FOR UPDATE`, which waits
//! until T is over if it has come as far as `finish`. Then:
//!
//! * the name is T's: it is durable, and was carried out once;
//! * the number is still `n`: T is not durable. It is sent again, by the same name and number. If T is
//!   still under way or arrives later, one of the two comes first, and the other is refused: by its
//!   records' numbers, or at the latest by `finish`. A refusal after a loss is therefore not believed
//!   before the row was read again;
//! * anything else was not done by this leader.
//!
//! Nothing is guessed: where the row cannot be read in time, the error says so, and the writer writes
//! nothing any more.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use rand_core::RngCore as _;
use tokio::time::{Instant, sleep};
use tokio_postgres::Error;

use super::database::Database;
use super::failure::{Failure, is_consequence};
use super::link::{Link, Param, borrowed, param, within};
use super::pool::{AGAIN, ANSWER_LIMIT, OUTAGE};
use crate::error::StoreError;

const FINISH: &str = "SELECT finish($1, $2, $3, $4)";

/// One statement of a transaction.
pub(super) struct Step {
    pub(super) sql: &'static str,
    pub(super) params: Vec<Param>,
}

impl Step {
    pub(super) fn new(sql: &'static str, params: Vec<Param>) -> Self {
        Self { sql, params }
    }
}

/// A transaction.
pub(super) struct Work {
    pub(super) steps: Vec<Step>,
    /// Whether all who listen are told.
    pub(super) tell: bool,
    /// How much longer than others it may take.
    pub(super) extra: Duration,
}

impl Work {
    pub(super) fn new(steps: Vec<Step>, tell: bool) -> Self {
        Self {
            steps,
            tell,
            extra: Duration::ZERO,
        }
    }
}

/// The name of a transaction.
type Name = [u8; 16];

/// The connection that writes for one epoch.
pub(super) struct Writer {
    database: Database,
    epoch: i64,
    link: Option<Link>,
    /// How many transactions there were; none after one whose outcome could not be found out.
    number: Option<i64>,
}

/// What is found about a transaction after its connection was lost.
enum Outcome {
    Durable,
    NotDurable,
}

impl Writer {
    /// A writer for an epoch in which nobody else writes.
    pub(super) async fn open(database: &Database, epoch: i64) -> Result<Self, StoreError> {
        let mut writer = Self {
            database: database.clone(),
            epoch,
            link: None,
            number: None,
        };
        let until = Instant::now() + OUTAGE;
        let (number, _, holds) = writer.last(until).await?;
        if holds != epoch {
            return Err(StoreError::Fenced);
        }
        writer.number = Some(number);
        Ok(writer)
    }

    /// Makes all of it durable, or nothing. Returns how many rows each step has changed; nothing of that
    /// if the answer was lost.
    pub(super) async fn commit(&mut self, work: &Work) -> Result<Option<Vec<u64>>, StoreError> {
        let number = self.number.take().ok_or_else(in_doubt)?;
        let mut name = Name::default();
        rand_core::OsRng.fill_bytes(&mut name);
        let mut first_loss = None;
        loop {
            let failure = match self.attempt(work, number, name).await {
                Ok(changed) => {
                    self.number = Some(number + 1);
                    return Ok(Some(changed));
                }
                Err(failure) => failure,
            };
            let until = *first_loss.get_or_insert_with(|| Instant::now() + OUTAGE);
            // Whatever may still be open on it ends with it.
            self.link = None;
            if let Failure::Lost(_) = &failure {
                tracing::warn!(database = %self.database, "the connection was lost in a commit");
            }
            let outcome = self.outcome(number, name, until).await;
            if let Err(StoreError::Fenced) = &outcome {
                // Whatever is written after it is refused in the same way.
                self.number = Some(number);
            }
            match (outcome?, failure) {
                (Outcome::Durable, _) => {
                    self.number = Some(number + 1);
                    return Ok(None);
                }
                (Outcome::NotDurable, Failure::Lost(_)) if Instant::now() < until => {
                    sleep(AGAIN).await;
                }
                (Outcome::NotDurable, failure) => {
                    self.number = Some(number);
                    return Err(failure.in_the_end(&self.database));
                }
            }
        }
    }

    /// Sends the transaction once.
    async fn attempt(&mut self, work: &Work, number: i64, name: Name) -> Result<Vec<u64>, Failure> {
        let epoch = self.epoch;
        let link = self.link().await?;
        let all: Vec<&'static str> = work
            .steps
            .iter()
            .map(|step| step.sql)
            .chain([FINISH])
            .collect();
        let sent = async {
            link.prepare(&all).await?;
            send(link, work, epoch, number, name).await
        };
        within(ANSWER_LIMIT + work.extra, sent).await
    }

    async fn outcome(
        &mut self,
        number: i64,
        name: Name,
        until: Instant,
    ) -> Result<Outcome, StoreError> {
        let (found, last, holds) = self.last(until).await?;
        if last == name {
            return Ok(Outcome::Durable);
        }
        match (found == number, holds == self.epoch) {
            (true, _) => Ok(Outcome::NotDurable),
            (false, false) => Err(StoreError::Fenced),
            (false, true) => Err(StoreError::Refused {
                database: self.database.to_string(),
                what: format!(
                    "is not the one that was written to: it knows of {found} commits, and there were {number}. If a standby was promoted that had not everything, put the old one back; where standbys are to take over, let `synchronous_standby_names` name them"
                ),
            }),
        }
    }

    /// The number and the name of the last transaction, and the epoch; waits for one that is under way.
    async fn last(&mut self, until: Instant) -> Result<(i64, Vec<u8>, i64), StoreError> {
        const LAST: &str =
            "SELECT number, batch, (SELECT epoch FROM leader) FROM commits FOR UPDATE OF commits";
        loop {
            let asked = async {
                let link = self.link().await?;
                Ok(link.query(LAST, &[]).await?)
            };
            let failure = match within(ANSWER_LIMIT, asked).await {
                Ok(rows) => {
                    let row = rows.first().ok_or_else(|| {
                        StoreError::damaged("the row that counts the commits is missing")
                    })?;
                    return Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
                }
                Err(failure) => failure,
            };
            self.link = None;
            if matches!(failure, Failure::Said(_)) || Instant::now() >= until {
                return Err(failure.in_the_end(&self.database));
            }
            sleep(AGAIN).await;
        }
    }

    /// The connection, made again if it was lost.
    async fn link(&mut self) -> Result<&mut Link, Failure> {
        let link = match self.link.take() {
            Some(link) if !link.is_closed() => link,
            _ => Link::open(&self.database).await?,
        };
        Ok(self.link.insert(link))
    }
}

fn in_doubt() -> StoreError {
    StoreError::Database(
        "what became of an earlier commit is not known, so nothing more is written".into(),
    )
}

/// Sends all of a transaction before the first answer is awaited.
async fn send(
    link: &Link,
    work: &Work,
    epoch: i64,
    number: i64,
    name: Name,
) -> Result<Vec<u64>, Failure> {
    type Answer<'a> = Pin<Box<dyn Future<Output = Result<u64, Error>> + Send + 'a>>;

    let client = link.client();
    let finish = [
        param(epoch),
        param(number),
        param(name.to_vec()),
        param(work.tell),
    ];
    let steps = work
        .steps
        .iter()
        .map(|step| (step.sql, step.params.as_slice()));
    let mut statements = Vec::new();
    for (sql, params) in steps.chain([(FINISH, finish.as_slice())]) {
        statements.push((link.statement(sql).await?, borrowed(params)));
    }
    let plain = |sql| -> Answer<'_> {
        Box::pin(async move { client.batch_execute(sql).await.map(|()| 0) })
    };
    let mut answers = vec![plain("BEGIN")];
    for (statement, params) in &statements {
        answers.push(Box::pin(client.execute(statement, params)));
    }
    answers.push(plain("COMMIT"));
    let changed = in_order(answers).await?;
    Ok(changed[1..changed.len() - 2].to_vec())
}

/// What came of all, or the failure of the first that failed by itself. Each is begun before any is
/// awaited, and in this order, up to one that fails at once.
async fn in_order<F>(mut answers: Vec<Pin<Box<F>>>) -> Result<Vec<u64>, Error>
where
    F: Future<Output = Result<u64, Error>> + ?Sized,
{
    let mut results: Vec<Option<Result<u64, Error>>> = answers.iter().map(|_| None).collect();
    let mut is_begun = false;
    poll_fn(|cx| {
        for (answer, result) in answers.iter_mut().zip(&mut results) {
            if result.is_none()
                && let Poll::Ready(ready) = answer.as_mut().poll(cx)
            {
                let has_failed = ready.is_err();
                *result = Some(ready);
                if has_failed && !is_begun {
                    // It could not even be sent, so what comes after it must not be: least of all `COMMIT`.
                    return Poll::Ready(());
                }
            }
        }
        is_begun = true;
        match results.iter().all(Option::is_some) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    let mut changed = Vec::new();
    let mut consequence = None;
    for result in results.into_iter().flatten() {
        match result {
            Ok(rows) => changed.push(rows),
            Err(error) if is_consequence(&error) => consequence = Some(error),
            Err(error) => return Err(error),
        }
    }
    match consequence {
        Some(error) => Err(error),
        None => Ok(changed),
    }
}

//! One connection to the database.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use futures_util::stream::{Stream, poll_fn};
use tokio::sync::Notify;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Config, Error, NoTls, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::database::{CONNECT_LIMIT, Database};
use super::failure::{Failure, TooLong};

/// How long a fresh connection may take for its settings.
const SETTINGS_LIMIT: Duration = Duration::from_secs(3);

/// A value for a statement.
pub(super) type Param = Box<dyn ToSql + Sync + Send>;

/// A value for a statement.
pub(super) fn param(value: impl ToSql + Sync + Send + 'static) -> Param {
    Box::new(value)
}

/// What the database says on its own account, such as notifications, until the connection ends.
pub(super) type Messages = Pin<Box<dyn Stream<Item = Result<AsyncMessage, Error>> + Send>>;

/// What a session is set to, whatever the server's settings are.
///
/// A commit that has returned is on the disk, and where standbys are synchronous, on theirs
/// (`synchronous_commit`; the stronger `remote_apply` stays). There is no limit on statements
/// (`statement_timeout`): where a commit waits for a standby, PostgreSQL takes the end of such a limit for
/// the end of the wait, and calls the commit done. A lock is not waited for longer than two seconds, and
/// whoever is silent in a transaction for 30 is thrown out: the powers of a contribution may be on their
/// way meanwhile. The function `fence` shortens that to one second.
const SETTINGS: &str = "
    SELECT set_config('synchronous_commit',
        CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END,
        false);
    SET default_transaction_isolation = 'read committed';
    SET statement_timeout = 0;
    SET lock_timeout = '2s';
    SET idle_in_transaction_session_timeout = '30s';
    SET bytea_output = 'hex';
    SET client_min_messages = 'warning'";

/// A connection, with the statements that were prepared on it.
pub(super) struct Link {
    client: Client,
    prepared: Mutex<HashMap<&'static str, Statement>>,
    given_up: Notify,
}

async fn connect_to(
    host: &Config,
    tls: Option<&MakeRustlsConnect>,
) -> Result<(Client, Messages), Failure> {
    let (client, messages): (Client, Messages) = match tls {
        Some(tls) => {
            let (client, mut connection) = host.connect(tls.clone()).await?;
            let messages = poll_fn(move |cx| connection.poll_message(cx));
            (client, Box::pin(messages))
        }
        None => {
            let (client, mut connection) = host.connect(NoTls).await?;
            let messages = poll_fn(move |cx| connection.poll_message(cx));
            (client, Box::pin(messages))
        }
    };
    Ok((client, messages))
}

impl Link {
    /// Makes a connection that nothing is read from but answers.
    pub(super) async fn open(database: &Database) -> Result<Self, Failure> {
        let (link, mut messages) = Self::connect(database).await?;
        tokio::spawn(async move {
            while let Some(Ok(message)) = messages.next().await {
                if let AsyncMessage::Notice(notice) = message {
                    tracing::warn!("the database says: {}", notice.message());
                }
            }
        });
        let set = async { Ok(link.client.batch_execute(SETTINGS).await?) };
        within(SETTINGS_LIMIT, set).await?;
        Ok(link)
    }

    /// Makes a connection whose messages the caller has to read: to the first host that can be used. A host
    /// that takes connections and says nothing, as one that stands still, is passed.
    pub(super) async fn connect(database: &Database) -> Result<(Self, Messages), Failure> {
        let mut last = TooLong.into();
        for host in &database.hosts {
            let limit = host.get_connect_timeout().copied().unwrap_or(CONNECT_LIMIT);
            let connected = connect_to(host, database.tls.as_ref());
            match within(limit, connected).await {
                Ok((client, messages)) => {
                    let link = Self {
                        client,
                        prepared: Mutex::default(),
                        given_up: Notify::new(),
                    };
                    return Ok((link, messages));
                }
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    /// Has whoever reads its messages close it: it does not answer.
    pub(super) fn give_up(&self) {
        self.given_up.notify_one();
    }

    /// Ends when it is given up.
    pub(super) async fn given_up(&self) {
        self.given_up.notified().await;
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn client_mut(&mut self) -> &mut Client {
        &mut self.client
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The statement of this text, prepared at its first use.
    pub(super) async fn statement(&self, sql: &'static str) -> Result<Statement, Error> {
        let known = || self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(statement) = known().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        known().insert(sql, statement.clone());
        Ok(statement)
    }

    /// Prepares several statements in one round trip.
    pub(super) async fn prepare(&self, all: &[&'static str]) -> Result<(), Error> {
        try_join_all(all.iter().map(|sql| self.statement(sql))).await?;
        Ok(())
    }

    /// The rows that a statement returns.
    pub(super) async fn query(
        &self,
        sql: &'static str,
        params: &[Param],
    ) -> Result<Vec<Row>, Error> {
        let statement = self.statement(sql).await?;
        self.client.query(&statement, &borrowed(params)).await
    }
}

/// The values as the client takes them.
pub(super) fn borrowed(params: &[Param]) -> Vec<&(dyn ToSql + Sync)> {
    params
        .iter()
        .map(|param| param.as_ref() as &(dyn ToSql + Sync))
        .collect()
}

/// What comes of it, or that it took too long.
pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(limit, work).await {
        Ok(result) => result,
        Err(_) => Err(TooLong.into()),
    }
}

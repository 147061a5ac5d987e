//! The tables of a database, and their version.

use super::database::Database;
use super::failure::Failure;
use super::link::{Link, within};
use super::pool::ANSWER_LIMIT;
use crate::error::StoreError;

mod embedded {
    #![allow(missing_docs, unreachable_pub, reason = "generated")]
    refinery::embed_migrations!("src/postgres/migrations");
}

/// The first bytes of "Tauline" in ASCII: the class of the lock under which tables are made.
const LOCK_CLASS: i32 = 0x5461_756c;

/// The oldest PostgreSQL whose functions the tables use.
const OLDEST_SERVER: i64 = 14;

/// Makes the tables, or brings them up to date, while no other replica does; refuses what this program
/// cannot read.
pub(super) async fn migrate(database: &Database) -> Result<(), StoreError> {
    let mut link = Link::open(database)
        .await
        .map_err(|failure| failure.in_the_end(database))?;
    look_at_server(database, &link).await?;
    make_schema(database, &link).await?;
    let client = link.client();
    // Another may be at it, for longer than other locks are waited for.
    client.batch_execute("SET lock_timeout = '20s'").await?;
    let lock = "SELECT pg_advisory_lock($1, hashtext(current_schema()))";
    client.execute(lock, &[&LOCK_CLASS]).await?;
    if version(database, &link).await? == Some(latest_version()) {
        return Ok(());
    }
    embedded::migrations::runner()
        .set_abort_missing(true)
        .run_async(link.client_mut())
        .await
        .map_err(|error| StoreError::Database(Box::new(error)))?;
    // The lock goes with the connection.
    Ok(())
}

fn refused(database: &Database, what: String) -> StoreError {
    StoreError::Refused {
        database: database.to_string(),
        what,
    }
}

async fn look_at_server(database: &Database, link: &Link) -> Result<(), StoreError> {
    let asked = "SELECT current_setting('server_version_num')::bigint / 10000";
    let version: i64 = link.client().query_one(asked, &[]).await?.try_get(0)?;
    match version < OLDEST_SERVER {
        true => Err(refused(
            database,
            format!("is PostgreSQL {version}: use version {OLDEST_SERVER} or later"),
        )),
        false => Ok(()),
    }
}

/// Makes the schema that the URL names, if it is missing.
async fn make_schema(database: &Database, link: &Link) -> Result<(), StoreError> {
    // `CREATE SCHEMA IF NOT EXISTS` fails if another does it at the same time.
    const MAKE: &str = "DO $$
        BEGIN
            IF current_schema() IS NULL THEN
                EXECUTE 'CREATE SCHEMA ' || trim(split_part(current_setting('search_path'), ',', 1));
            END IF;
        EXCEPTION WHEN duplicate_schema OR unique_violation THEN
            NULL;
        END $$";
    let make = async { Ok(link.client().batch_execute(MAKE).await?) };
    within(ANSWER_LIMIT, make)
        .await
        .map_err(|failure: Failure| failure.in_the_end(database))
}

/// The version of the tables; none where there are none. Refuses tables of something else, and of a
/// later program.
pub(super) async fn version(database: &Database, link: &Link) -> Result<Option<i32>, StoreError> {
    let asked = "SELECT count(*), count(*) FILTER (WHERE tablename = 'refinery_schema_history')
                 FROM pg_tables WHERE schemaname = current_schema()";
    let row = link.client().query_one(asked, &[]).await?;
    let (tables, ours): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    if tables == 0 {
        return Ok(None);
    }
    if ours == 0 {
        return Err(refused(
            database,
            "holds tables of something else: make a database for the ceremony, or name a schema with \
             ?options=-csearch_path%3DNAME"
                .to_owned(),
        ));
    }
    let asked = "SELECT max(version) FROM refinery_schema_history";
    let found: Option<i32> = link.client().query_one(asked, &[]).await?.try_get(0)?;
    let known = latest_version();
    match found {
        Some(found) if found > known => Err(refused(
            database,
            format!(
                "is of version {found}, and this program knows up to {known}: start it with the newer tauline-server that wrote it"
            ),
        )),
        found => Ok(found),
    }
}

fn latest_version() -> i32 {
    let runner = embedded::migrations::runner();
    let known = runner.get_migrations().iter().map(|one| one.version());
    known.max().unwrap_or(0)
}

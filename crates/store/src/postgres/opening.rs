//! Opening the store, to lead or to follow.

use std::path::Path;
use std::sync::{Arc, Mutex};

use tauline_protocol::journal::{Digest, Tally};
use tauline_queue_core::Timestamp;
use tauline_transcript::Sizes;

use super::link::param;
use super::meta::{self, META};
use super::notes::{Extent, Noted};
use super::pool::Pool;
use super::queries::{EXTENT, SIGNED, SWEEP};
use super::rows::{digest, number, signed, unsigned};
use super::writer::{Work, Writer};
use super::{Database, Lead, Lease, Postgres, accounts};
use crate::ceremony::Ceremony;
use crate::engine::Engine;
use crate::error::StoreError;
use crate::signed::Signed;
use crate::sqlite::Found;
use crate::sum;

impl Postgres {
    /// Opens the ceremony for writing, as the replica that holds the lease. If there is none, makes a new
    /// ceremony of these sizes with a key of its own; not so if the address of a certain coordinator is
    /// asked for. `directory` is where this replica keeps what it can make again.
    ///
    /// # Errors
    /// When the database cannot be reached or used, when another has taken the lead, or when the ceremony
    /// is not the one asked for.
    pub fn lead(
        database: &Database,
        lease: &Lease,
        sizes: &Sizes,
        now: Timestamp,
        pinned: Option<&str>,
        directory: &Path,
    ) -> Result<Self, StoreError> {
        let engine = Engine::start("postgres")?;
        let pool = Arc::new(Pool::new(database));
        let epoch = lease.key();
        let begin = {
            let (pool, sizes) = (Arc::clone(&pool), sizes.clone());
            let pinned = pinned.map(str::to_owned);
            async move { begin(&pool, epoch, &sizes, now, pinned.as_deref()).await }
        };
        let (writer, ceremony, found) = engine.run(begin)?;
        let (signed, accounts) = beside(&engine, &pool, true)?;
        let noted = Noted::read(directory)?;
        let place = Arc::clone(&pool);
        let records = noted.records();
        let extent = engine.run(async move { extent(&place, records).await })?;
        let (notes, signed) = noted.compare(database, &ceremony, &extent, signed)?;
        let lead = Lead {
            epoch,
            lease: lease.clone(),
            writer: Arc::new(tokio::sync::Mutex::new(writer)),
            notes,
        };
        Ok(Self {
            ceremony,
            database: database.clone(),
            directory: directory.to_owned(),
            found,
            lead: Some(lead),
            ahead: Mutex::default(),
            signed: Mutex::new(signed),
            accounts: Mutex::new(accounts),
            pool,
            engine,
        })
    }

    /// Opens the ceremony for reading; none if there is no ceremony yet.
    ///
    /// # Errors
    /// When the database cannot be reached or used.
    pub fn follow(database: &Database, directory: &Path) -> Result<Option<Self>, StoreError> {
        let engine = Engine::start("postgres")?;
        let pool = Arc::new(Pool::new(database));
        let asked = Arc::clone(&pool);
        let ceremony = engine.run(async move { ceremony(&asked).await })?;
        let Some(ceremony) = ceremony else {
            return Ok(None);
        };
        let (signed, accounts) = beside(&engine, &pool, false)?;
        Ok(Some(Self {
            ceremony,
            database: database.clone(),
            directory: directory.to_owned(),
            found: Found::Whole,
            lead: None,
            ahead: Mutex::default(),
            signed: Mutex::new(signed),
            accounts: Mutex::new(accounts),
            pool,
            engine,
        }))
    }
}

async fn ceremony(pool: &Pool) -> Result<Option<Ceremony>, StoreError> {
    meta::ceremony(&meta::read(&pool.query(META, &[]).await?)?)
}

/// Finds the ceremony or makes it, and refuses one that is not asked for.
async fn begin(
    pool: &Pool,
    epoch: i64,
    sizes: &Sizes,
    now: Timestamp,
    pinned: Option<&str>,
) -> Result<(Writer, Ceremony, Found), StoreError> {
    let database = pool.database();
    let refused = |what: String| StoreError::Refused {
        database: database.to_string(),
        what,
    };
    let mut writer = Writer::open(database, epoch).await?;
    let (ceremony, found) = match ceremony(pool).await? {
        Some(ceremony) => (ceremony, Found::Whole),
        None => {
            if let Some(pinned) = pinned {
                return Err(refused(format!(
                    "holds no ceremony, and --coordinator-address asks for that of {pinned}. Nothing was made there: name the ceremony's database with --store, or move its data there (`tauline admin migrate`). A new ceremony has a new address: to begin one, leave --coordinator-address out"
                )));
            }
            let steps = meta::creation(sizes, now);
            writer.commit(&Work::new(steps, true)).await?;
            let missing = || StoreError::damaged("the new ceremony is missing");
            let made = ceremony(pool).await?.ok_or_else(missing)?;
            (made, Found::Nothing)
        }
    };
    let address = ceremony.address();
    if let Some(pinned) = pinned
        && !address.eq_ignore_ascii_case(pinned)
    {
        return Err(refused(format!(
            "holds the ceremony of coordinator {address}, and --coordinator-address asks for {pinned}: name the right database with --store, or the right address"
        )));
    }
    if ceremony.sizes != *sizes {
        return Err(refused(format!(
            "holds a ceremony of sizes {}, not {sizes}: start with --ceremony {}, or name another database with --store",
            ceremony.sizes, ceremony.sizes
        )));
    }
    let steps = vec![super::Step::new(SWEEP, vec![param(epoch)])];
    writer.commit(&Work::new(steps, false)).await?;
    Ok((writer, ceremony, found))
}

/// What was last signed, and the tally of the accounts, for whoever counts them on.
fn beside(
    engine: &Engine,
    pool: &Arc<Pool>,
    leads: bool,
) -> Result<(Option<Signed>, Tally), StoreError> {
    let pool = Arc::clone(pool);
    engine.run(async move {
        let last = signed(&pool.query(SIGNED, &[]).await?)?;
        let accounts = match leads {
            true => accounts::first(&pool, u64::MAX).await?,
            false => sum::NONE,
        };
        Ok((last, accounts))
    })
}

/// How much there is, and the chain's hash after this number of records.
async fn extent(pool: &Pool, records: u64) -> Result<Extent, StoreError> {
    let rows = pool.query(EXTENT, &[param(number(records)?)]).await?;
    let row = rows
        .first()
        .ok_or_else(|| StoreError::damaged("nothing can be counted"))?;
    let hash = |index| -> Result<Option<Digest>, StoreError> {
        let found: Option<&[u8]> = row.try_get(index)?;
        found.map(|_| digest(row, index)).transpose()
    };
    Ok(Extent {
        records: unsigned(row, 0)?,
        contributions: unsigned(row, 1)?,
        last: hash(2)?.unwrap_or_default(),
        noted: hash(3)?,
    })
}

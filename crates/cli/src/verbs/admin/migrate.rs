//! Moving a ceremony between the embedded store and PostgreSQL, while no coordinator runs.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use serde::Serialize;
use tauline_store::StoreError;
use tauline_store::moving::{self, Moved};
use tauline_store::objects::Objects;
use tauline_store::postgres::Database;

use crate::exit::{Failure, Outcome};
use crate::{numbers, output};

/// Where a ceremony is kept.
#[derive(Debug, Clone)]
enum Place {
    /// A data directory.
    Sqlite(PathBuf),
    /// A database.
    Postgres(Box<Database>),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(directory) = text.strip_prefix("sqlite:") {
            return match directory {
                "" => Err("name the data directory: sqlite:DIR".to_owned()),
                _ => Ok(Self::Sqlite(PathBuf::from(directory))),
            };
        }
        // What was given is not repeated: it may hold a password.
        match text.split_once("://") {
            Some(("postgres" | "postgresql", _)) => Database::parse(text)
                .map(|database| Self::Postgres(Box::new(database)))
                .map_err(|error| error.to_string()),
            _ => Err("give sqlite:DIR or postgres://USER:PASSWORD@HOST/DATABASE".to_owned()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(directory) => write!(f, "{}", directory.display()),
            Self::Postgres(database) => write!(f, "{database}"),
        }
    }
}

/// What was moved, for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    coordinator_address: &'a str,
    ceremony: &'a str,
    records: u64,
    hash: String,
    contributions: u64,
    accounts: u64,
    sessions: u64,
    /// How many entries of the public log were signed.
    signed: Option<u64>,
}

/// Moves a ceremony, and says who may go on with it.
pub(super) fn migrate(from: &str, to: &str, objects: Option<&Arc<Objects>>, json: bool) -> Outcome {
    let place = |flag, text: &str| {
        let wrong = |error| Failure::usage(format!("{flag} cannot be used: {error}"));
        text.parse::<Place>().map_err(wrong)
    };
    let (from, to) = (place("--from", from)?, place("--to", to)?);
    let moved = match (&from, &to) {
        (Place::Sqlite(directory), Place::Postgres(database)) => {
            moving::to_postgres(directory, database, objects)
        }
        (Place::Postgres(database), Place::Sqlite(directory)) => {
            moving::to_sqlite(database, directory, objects)
        }
        _ => {
            return Err(
                Failure::usage("a ceremony is moved from one kind of store to the other")
                    .help("one of --from and --to is sqlite:DIR, and one postgres://…"),
            );
        }
    };
    let moved = moved.map_err(|error| refused(&error))?;
    let signed = moved.signed.as_ref().map(|signed| signed.tree.size);
    if json {
        return output::print_json(&Answer {
            coordinator_address: &moved.coordinator,
            ceremony: &moved.sizes,
            records: moved.records,
            hash: format!("0x{}", hex::encode(moved.hash)),
            contributions: moved.contributions,
            accounts: moved.accounts,
            sessions: moved.sessions,
            signed,
        });
    }
    output::print(&text(&from, &to, &moved))
}

fn refused(error: &StoreError) -> Failure {
    match error {
        StoreError::Damaged(_) | StoreError::Signed { .. } => Failure::bad(error.to_string()),
        StoreError::Foreign { path } => {
            Failure::bad(format!("there is no ceremony in {}", path.display()))
                .help("give the coordinator's data directory as sqlite:DIR")
        }
        StoreError::Exists { path } => {
            Failure::bad(format!("there is a ceremony already: {}", path.display()))
                .help("move it to a new directory")
        }
        StoreError::Refused { .. } | StoreError::InUse { .. } => Failure::bad(error.to_string()),
        _ => Failure::io(error.to_string()),
    }
}

fn text(from: &Place, to: &Place, moved: &Moved) -> String {
    let start = match to {
        Place::Sqlite(directory) => format!("--data-dir {}", directory.display()),
        // A URL without its password is of no use to whoever copies it.
        Place::Postgres(_) => "--store URL".to_owned(),
    };
    let signed = match &moved.signed {
        Some(signed) => format!(
            "how far the public log was signed goes along: {} of its entries",
            numbers::with_commas(signed.tree.size)
        ),
        None => "nothing of the public log, yet".to_owned(),
    };
    format!(
        "Moved from {from} to {to}, read back and compared: every record, contribution and digest fits.\n  \
         coordinator     {}\n  \
         sub-ceremonies  {}\n  \
         log             {}, head 0x{}\n  \
         contributions   {}\n  \
         beside          {}, {}\n  \
         signed          {signed}\n\
         ONLY ONE OF THE TWO MAY GO ON. {from} is as it was, with the same keys: never start a coordinator on it\n\
         again, and delete it when the ceremony goes on well. Two that both go on sign two logs in one name.\n\
         Start the coordinator there:\n  \
         tauline-server {start} --ceremony {} --coordinator-address {}",
        moved.coordinator,
        moved.sizes,
        numbers::count(moved.records, "record"),
        hex::encode(moved.hash),
        numbers::with_commas(moved.contributions),
        numbers::count(moved.accounts, "account"),
        numbers::count(moved.sessions, "session"),
        moved.sizes,
        moved.coordinator,
    )
}

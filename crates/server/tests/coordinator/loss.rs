//! Data that is missing, or that ends earlier than it did, is not taken for a beginning.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tauline_server::testing::coordinator::StartError;
use tauline_store::StoreError;
use tauline_store::sqlite::{Found, Sqlite};
use tempfile::TempDir;

use crate::support::{Ceremony, NOON, Plan, sizes};

const DATABASE: &str = "tauline.db";
const WAL: &str = "tauline.db-wal";
const MARK: &str = "tauline.mark";

/// The directory as a machine without power leaves it: what is in the files now.
fn image(ceremony: &Ceremony) -> Arc<TempDir> {
    let to = tempfile::tempdir().unwrap();
    for file in fs::read_dir(ceremony.path()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.path().join(file.file_name())).unwrap();
    }
    Arc::new(to)
}

async fn with_contributions(names: &[&str]) -> Ceremony {
    let ceremony = Ceremony::new();
    for name in names {
        ceremony.join(name).await;
        ceremony.contribute(name).await;
    }
    ceremony
}

fn open(directory: &Arc<TempDir>) -> Result<Ceremony, StartError> {
    Plan {
        directory: Arc::clone(directory),
        ..Plan::default()
    }
    .try_open()
}

#[track_caller]
fn refusal(directory: &Arc<TempDir>) -> StoreError {
    match open(directory) {
        Ok(_) => panic!("it starts"),
        Err(StartError::Store(error)) => error,
        Err(error) => panic!("{error}"),
    }
}

#[track_caller]
fn refused_as_lost(directory: &Arc<TempDir>, expected: &str) {
    let error = refusal(directory);
    assert!(matches!(error, StoreError::Lost { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(expected), "{text}");
    assert!(text.contains("restore the last backup"), "{text}");
}

/// The number of contributions in the newest slot of the mark.
fn marked(directory: &Path) -> u64 {
    let text = fs::read_to_string(directory.join(MARK)).unwrap();
    let slots = text.lines().map(|line| {
        let slot: serde_json::Value = serde_json::from_str(line).unwrap();
        slot["contributions"].as_u64().unwrap()
    });
    slots.max().unwrap()
}

#[tokio::test]
async fn a_crash_image_opens_with_everything_that_was_acknowledged() {
    let ceremony = with_contributions(&["anna", "bert"]).await;
    let opened = open(&image(&ceremony)).unwrap();
    assert_eq!(opened.coordinator.status().contributions, 2);
    assert_eq!(opened.coordinator.address(), ceremony.coordinator.address());
}

#[tokio::test]
async fn a_lost_write_ahead_log_is_noticed() {
    let ceremony = with_contributions(&["anna", "bert"]).await;
    // After a contribution the log is copied to the database, perhaps all of it by now. This is in the
    // log alone: a join that is signed.
    tokio::time::sleep(Duration::from_millis(300)).await;
    ceremony.join("cleo").await;
    let image = image(&ceremony);
    fs::remove_file(image.path().join(WAL)).unwrap();
    // What was copied out of it already is there, with or without the pages that belong to it.
    let first = refusal(&image).to_string();
    let says_what_to_do = ["restore the last backup", "put back the database"];
    assert!(
        says_what_to_do
            .iter()
            .any(|it| first.to_lowercase().contains(it)),
        "{first}"
    );
    // It was refused and left alone: the second start says the same.
    assert_eq!(refusal(&image).to_string(), first);
}

#[tokio::test]
async fn a_flipped_bit_of_the_write_ahead_log_costs_no_contribution_unnoticed() {
    let ceremony = with_contributions(&["anna", "bert", "cleo"]).await;
    let whole = image(&ceremony);
    let wal = fs::read(whole.path().join(WAL)).unwrap();
    let mut refused = 0;
    for at in (0..wal.len()).step_by(wal.len() / 40) {
        let image = image(&ceremony);
        let mut spoiled = wal.clone();
        spoiled[at] ^= 0x10;
        fs::write(image.path().join(WAL), spoiled).unwrap();
        match open(&image) {
            Ok(opened) => assert_eq!(opened.coordinator.status().contributions, 3, "byte {at}"),
            Err(StartError::Store(StoreError::Lost { .. } | StoreError::Damaged(_))) => {
                refused += 1;
            }
            Err(error) => panic!("byte {at}: {error}"),
        }
    }
    // What was copied out of it already can be lost.
    assert!(refused > 15, "{refused}");
}

#[tokio::test]
async fn a_directory_with_remains_but_no_database_is_no_beginning() {
    let ceremony = with_contributions(&["anna"]).await;
    let whole = image(&ceremony);
    let socket = "admin.sock";
    for left in [WAL, MARK, "snapshots", socket, "tauline.db.part"] {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let path = directory.path().join(left);
        match left {
            WAL | MARK => drop(fs::copy(whole.path().join(left), path).unwrap()),
            "snapshots" => fs::create_dir(path).unwrap(),
            _ => fs::write(path, b"").unwrap(),
        }
        let error = refusal(&directory);
        assert!(matches!(error, StoreError::Gone { .. }), "{left}: {error}");
        let text = error.to_string();
        assert!(text.contains(left), "{text}");
        assert!(text.contains("mount it"), "{text}");
        assert!(!directory.path().join(DATABASE).exists(), "{left}");
    }
}

#[tokio::test]
async fn an_empty_database_is_no_beginning() {
    let directory = Arc::new(tempfile::tempdir().unwrap());
    fs::write(directory.path().join(DATABASE), b"").unwrap();
    let error = refusal(&directory);
    assert!(matches!(error, StoreError::Gone { .. }), "{error}");
    assert!(error.to_string().contains("empty"), "{error}");
    // Beside a log that SQLite would throw away.
    let ceremony = with_contributions(&["anna"]).await;
    let image = image(&ceremony);
    fs::write(image.path().join(DATABASE), b"").unwrap();
    refusal(&image);
    assert!(fs::metadata(image.path().join(WAL)).unwrap().len() > 0);
}

#[tokio::test]
async fn a_database_without_a_ceremony_is_no_beginning_where_there_was_one() {
    let image = Arc::new(tempfile::tempdir().unwrap());
    drop(Sqlite::open(image.path(), &sizes(), NOON).unwrap());
    let database = Connection::open(image.path().join(DATABASE)).unwrap();
    database.execute_batch("DELETE FROM meta").unwrap();
    drop(database);
    let error = refusal(&image);
    assert!(matches!(error, StoreError::Gone { .. }), "{error}");
}

#[tokio::test]
async fn a_founding_that_was_cut_short_is_no_remains() {
    let directory = Arc::new(tempfile::tempdir().unwrap());
    for name in ["tauline.db.new", "tauline.db.new-wal"] {
        fs::write(directory.path().join(name), b"half").unwrap();
    }
    let store = Sqlite::open(directory.path(), &sizes(), NOON).unwrap();
    assert_eq!(store.found(), Found::Nothing);
}

#[tokio::test]
async fn the_key_is_in_the_database_from_the_start() {
    let ceremony = Ceremony::new();
    let alone = Arc::new(tempfile::tempdir().unwrap());
    fs::copy(ceremony.path().join(DATABASE), alone.path().join(DATABASE)).unwrap();
    let opened = open(&alone).unwrap();
    assert_eq!(opened.coordinator.address(), ceremony.coordinator.address());
}

#[tokio::test]
async fn an_older_copy_put_in_place_is_noticed() {
    let ceremony = with_contributions(&["anna"]).await;
    let copy = ceremony.path().join("copy");
    ceremony.store.backup(&copy).unwrap();
    ceremony.join("bert").await;
    ceremony.contribute("bert").await;
    let plan = ceremony.stop().await;
    fs::rename(copy, plan.directory.path().join(DATABASE)).unwrap();
    refused_as_lost(&plan.directory, "and 1 contributions");
}

#[tokio::test]
async fn another_past_is_noticed_however_long_it_is() {
    let ceremony = with_contributions(&["anna"]).await;
    let other = image(&ceremony);
    ceremony.join("bert").await;
    ceremony.contribute("bert").await;
    let plan = ceremony.stop().await;
    // The same coordinator, run twice on copies of the same data.
    let twin = open(&other).unwrap();
    for name in ["cleo", "dora", "emil"] {
        twin.join(name).await;
        twin.contribute(name).await;
    }
    let twin = twin.stop().await;
    fs::copy(
        twin.directory.path().join(DATABASE),
        plan.directory.path().join(DATABASE),
    )
    .unwrap();
    refused_as_lost(&plan.directory, "another past");
}

#[tokio::test]
async fn another_coordinators_data_in_its_place_is_noticed() {
    let mine = with_contributions(&["anna"]).await.stop().await;
    let theirs = with_contributions(&["anna", "bert"]).await;
    let address = theirs.coordinator.address().to_owned();
    let theirs = theirs.stop().await;
    fs::copy(
        theirs.directory.path().join(DATABASE),
        mine.directory.path().join(DATABASE),
    )
    .unwrap();
    refused_as_lost(&mine.directory, &address);
}

#[tokio::test]
async fn the_mark_covers_each_contribution_before_it_is_acknowledged() {
    let ceremony = Ceremony::new();
    assert_eq!(marked(ceremony.path()), 0);
    for (name, number) in [("anna", 1), ("bert", 2), ("cleo", 3)] {
        ceremony.join(name).await;
        ceremony.contribute(name).await;
        assert_eq!(marked(ceremony.path()), number);
    }
}

#[tokio::test]
async fn the_mark_is_never_far_behind() {
    let ceremony = Ceremony::new();
    for number in 0..200 {
        ceremony.join(&format!("n{number}")).await;
    }
    let records = ceremony.coordinator.status().log.records;
    let text = fs::read_to_string(ceremony.path().join(MARK)).unwrap();
    let newest = text.lines().map(|line| {
        let slot: serde_json::Value = serde_json::from_str(line).unwrap();
        slot["records"].as_u64().unwrap()
    });
    let newest = newest.max().unwrap();
    assert!(
        newest <= records && newest + 64 > records,
        "{newest}, {records}"
    );
}

#[tokio::test]
async fn half_a_mark_holds_and_a_spoiled_one_is_refused() {
    let plan = with_contributions(&["anna"]).await.stop().await;
    let path = plan.directory.path().join(MARK);
    let good = fs::read(&path).unwrap();
    assert_eq!(good.len(), 1024);
    for slot in [0, 512] {
        let mut half = good.clone();
        half[slot + 70] ^= 1;
        fs::write(&path, &half).unwrap();
        let opened = open(&plan.directory).unwrap();
        assert_eq!(opened.coordinator.status().contributions, 1);
        opened.stop().await;
    }
    for (spoiled, what) in [
        (vec![b'x'; 1024], "overwritten"),
        (Vec::new(), "empty"),
        (good[..100].to_vec(), "cut"),
    ] {
        fs::write(&path, spoiled).unwrap();
        let error = refusal(&plan.directory);
        assert!(matches!(error, StoreError::Mark { .. }), "{what}: {error}");
    }
    // What it says then: without it the data is taken as it is, and it is made anew.
    fs::remove_file(&path).unwrap();
    let store = Sqlite::open(plan.directory.path(), &sizes(), NOON).unwrap();
    assert_eq!(store.found(), Found::Unmarked);
    assert_eq!(marked(plan.directory.path()), 1);
}

#[tokio::test]
async fn who_is_pinned_starts_as_that_coordinator_or_not_at_all() {
    let ceremony = with_contributions(&["anna"]).await;
    let address = ceremony.coordinator.address().to_owned();
    let plan = ceremony.stop().await;
    let open = |directory: &Path, pinned: &str| {
        Sqlite::open_as(directory, &sizes(), NOON, Some(pinned)).map(drop)
    };
    let here = plan.directory.path();
    open(here, &address).unwrap();
    open(here, &address.to_lowercase()).unwrap();
    let other = format!("0x{}", "1".repeat(40));
    let error = open(here, &other).unwrap_err();
    assert!(
        matches!(error, StoreError::OtherCoordinator { .. }),
        "{error}"
    );
    for text in [&address, &other] {
        assert!(error.to_string().contains(text), "{error}");
    }
    // Where there is nothing, as when a disk is not mounted, nothing is made.
    let parent = tempfile::tempdir().unwrap();
    let nowhere = parent.path().join("not-mounted");
    let error = open(&nowhere, &address).unwrap_err();
    assert!(matches!(error, StoreError::NoCeremony { .. }), "{error}");
    assert!(!nowhere.exists());
    assert!(matches!(
        open(parent.path(), &address).unwrap_err(),
        StoreError::NoCeremony { .. }
    ));
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_was_found_is_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let found = || {
        let store = Sqlite::open(directory.path(), &sizes(), NOON).unwrap();
        store.found()
    };
    assert_eq!(found(), Found::Nothing);
    assert_eq!(found(), Found::Whole);
    fs::remove_file(directory.path().join(MARK)).unwrap();
    assert_eq!(found(), Found::Unmarked);
    assert_eq!(found(), Found::Whole);
}

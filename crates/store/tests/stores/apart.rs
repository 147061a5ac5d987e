//! Powers that are kept apart.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tauline_queue_core::{Rules, Ticket};
use tauline_store::apart::Apart;
use tauline_store::sqlite::Sqlite;
use tauline_store::{Blob, Store as _, StoreError, check};
use tempfile::TempDir;

use crate::made_up::{MadeUp, Plain};
use crate::place::{NOON, objects, restored, small};

/// A data directory, and one for powers.
struct Apartment {
    data: TempDir,
    powers: TempDir,
}

impl Apartment {
    fn new() -> Self {
        Self {
            data: tempfile::tempdir().unwrap(),
            powers: tempfile::tempdir().unwrap(),
        }
    }

    fn open(&self) -> Apart<Sqlite> {
        Apart::new(self.inner(), Some(objects(self.powers.path())))
    }

    fn inner(&self) -> Sqlite {
        Sqlite::open(self.data.path(), &small(), NOON).unwrap()
    }

    fn objects(&self) -> Vec<PathBuf> {
        let folder = fs::read_dir(self.powers.path().join("blobs"));
        let mut all: Vec<_> = folder
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
            .collect();
        all.sort();
        all
    }
}

fn named_by_its_bytes(object: &Path) {
    let digest = Blob::new(fs::read(object).unwrap());
    let name = object.file_name().unwrap().to_str().unwrap();
    assert_eq!(name, hex::encode(digest.digest()));
}

#[test]
fn the_database_has_references_and_the_objects_have_the_powers() {
    let place = Apartment::new();
    let store = place.open();
    for batch in Plain::new().turn(1, 50_000) {
        store.commit(&batch).unwrap();
    }
    let [object] = place.objects().try_into().unwrap();
    named_by_its_bytes(&object);
    let powers = Blob::new(vec![1; 50_000]);
    assert_eq!(store.blob(Ticket::new(1)).unwrap().unwrap(), powers);
    assert_eq!(store.reading().unwrap().head().unwrap().unwrap(), powers);
    let kept = store.inner().blob(Ticket::new(1)).unwrap().unwrap();
    assert!(kept.bytes().len() < 100);
}

#[test]
fn what_is_prepared_is_not_put_again() {
    let place = Apartment::new();
    let store = place.open();
    let [arrives, _] = Plain::new().turn(1, 1000);
    store.prepare(&Blob::new(vec![1; 1000])).unwrap();
    let [object] = place.objects().try_into().unwrap();
    // Whoever puts it again makes it anew.
    fs::remove_file(&object).unwrap();
    store.commit(&arrives).unwrap();
    assert_eq!(place.objects(), Vec::<PathBuf>::new());
}

#[test]
fn a_ceremony_goes_on_from_its_objects_and_passes_every_check() {
    let place = Apartment::new();
    let store = place.open();
    let mut life = MadeUp::begin(&store);
    for number in 1..=3 {
        life.turn(number);
    }
    drop(store);
    let store = place.open();
    check::everything(&store, Rules::default()).unwrap();
    // A copy needs no objects.
    let backup = place.data.path().join("backup");
    store.backup(&backup).unwrap();
    assert!(!place.data.path().join("backup.referring").exists());
    let (_directory, copy) = restored(&backup);
    check::everything(&copy, Rules::default()).unwrap();
    let last = *store.blob_tickets().unwrap().last().unwrap();
    assert_eq!(copy.blob(last).unwrap(), store.blob(last).unwrap());
}

#[test]
fn powers_that_were_in_the_database_stay_there() {
    let place = Apartment::new();
    let mut plain = Plain::new();
    let inner = place.inner();
    for batch in plain.turn(1, 1000) {
        inner.commit(&batch).unwrap();
    }
    drop(inner);
    let store = place.open();
    assert_eq!(
        store.blob(Ticket::new(1)).unwrap().unwrap(),
        Blob::new(vec![1; 1000])
    );
    assert_eq!(place.objects(), Vec::<PathBuf>::new());
    for batch in plain.turn(2, 1000) {
        store.commit(&batch).unwrap();
    }
    assert_eq!(place.objects().len(), 1);
}

#[test]
fn who_does_not_say_where_they_are_is_told() {
    let place = Apartment::new();
    let store = place.open();
    let [arrives, _] = Plain::new().turn(1, 1000);
    store.commit(&arrives).unwrap();
    drop(store);
    let store = Apart::new(place.inner(), None);
    let error = store.blob(Ticket::new(1)).unwrap_err();
    assert!(error.to_string().contains("--blobs"), "{error}");
}

#[test]
fn a_check_of_references_alone_says_what_is_missing() {
    let place = Apartment::new();
    let store = place.open();
    MadeUp::begin(&store).turn(1);
    drop(store);
    let error = check::everything(&place.inner(), Rules::default())
        .err()
        .unwrap();
    assert!(error.to_string().contains("--blobs"), "{error}");
}

#[test]
fn powers_that_are_missing_or_changed_are_found() {
    let place = Apartment::new();
    let store = place.open();
    let [arrives, _] = Plain::new().turn(1, 1000);
    store.commit(&arrives).unwrap();
    let [object] = place.objects().try_into().unwrap();
    fs::write(&object, [2; 1000]).unwrap();
    let error = store.blob(Ticket::new(1)).unwrap_err();
    assert!(error.to_string().contains("its SHA-256 differs"), "{error}");
    fs::remove_file(&object).unwrap();
    let error = store.blob(Ticket::new(1)).unwrap_err();
    assert!(
        error.to_string().contains("is missing in file://"),
        "{error}"
    );
}

#[test]
fn a_commit_whose_powers_cannot_be_kept_changes_nothing() {
    let place = Apartment::new();
    let store = place.open();
    let [arrives, _] = Plain::new().turn(1, 1000);
    // A file stands where the folder has to be.
    fs::write(place.powers.path().join("blobs"), "").unwrap();
    let error = store.commit(&arrives).unwrap_err();
    assert!(matches!(error, StoreError::Objects { .. }), "{error}");
    assert_eq!(store.log(0, 1).unwrap(), []);
    fs::remove_file(place.powers.path().join("blobs")).unwrap();
    store.commit(&arrives).unwrap();
}

#[test]
fn what_nothing_refers_to_is_deleted_when_it_is_old() {
    let place = Apartment::new();
    let store = place.open();
    let mut plain = Plain::new();
    for number in 1..=3 {
        for batch in plain.turn(number, 1000) {
            store.commit(&batch).unwrap();
        }
    }
    store.prepare(&Blob::new(vec![99; 1000])).unwrap();
    fs::write(place.powers.path().join("blobs/readme"), "ours").unwrap();
    assert_eq!(place.objects().len(), 5);
    assert_eq!(store.collect(Duration::from_secs(3600)).unwrap(), 0);
    assert_eq!(store.collect(Duration::ZERO).unwrap(), 3);
    // The last contribution's, and what is not ours.
    assert_eq!(place.objects().len(), 2);
    assert_eq!(
        store.blob(Ticket::new(3)).unwrap().unwrap(),
        Blob::new(vec![3; 1000])
    );
}

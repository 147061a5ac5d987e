//! What is refused, with nothing changed.

use tauline_queue_core::Ticket;
use tauline_store::{Batch, Blob, Chain, StoreError, Write};
use tauline_transcript::Sizes;

use crate::both::both;
use crate::made_up::{Plain, contribution};
use crate::place::{Place, Replica, database, server, small};

both! {
    a_batch_that_does_not_follow_is_refused_whole,
    a_stay_ends_once,
    a_contribution_needs_the_end_of_its_stay_and_is_accepted_once,
    a_blob_is_not_overwritten,
    other_sizes_are_refused_and_the_right_ones_named,
    another_coordinator_is_refused,
    no_ceremony_is_made_where_that_of_a_coordinator_is_asked_for,
}

fn batch(writes: Vec<Write>) -> Batch {
    Batch { writes }
}

fn a_batch_that_does_not_follow_is_refused_whole(place: &Place) {
    let open = place.open();
    let store = open.store();
    let first = Chain::EMPTY.clone().append(b"one".to_vec(), None);
    store
        .commit(&batch(vec![Write::Record(first.clone())]))
        .unwrap();
    // A second writer that thinks it is at the same place.
    let blob = Write::Blob {
        ticket: Ticket::new(7),
        blob: Blob::new(vec![1]),
    };
    let again = batch(vec![blob, Write::Record(first.clone())]);
    assert!(matches!(store.commit(&again), Err(StoreError::Database(_))));
    assert_eq!(store.log(0, 10).unwrap(), [first]);
    assert_eq!(store.blob_tickets().unwrap(), []);
    // And goes on from there all the same.
    let mut plain = Plain::new();
    plain.record("one");
    store.commit(&plain.record("two")).unwrap();
    assert_eq!(store.log(0, 10).unwrap().len(), 2);
}

fn a_stay_ends_once(place: &Place) {
    let open = place.open();
    let ticket = Some(Ticket::FIRST);
    let mut chain = Chain::EMPTY;
    let writes = vec![Write::Record(chain.append(b"end".to_vec(), ticket))];
    open.store().commit(&batch(writes)).unwrap();
    let writes = vec![Write::Record(chain.append(b"end again".to_vec(), ticket))];
    open.store().commit(&batch(writes)).unwrap_err();
    assert_eq!(open.store().ending(Ticket::FIRST).unwrap().unwrap(), b"end");
}

fn a_contribution_needs_the_end_of_its_stay_and_is_accepted_once(place: &Place) {
    let open = place.open();
    let store = open.store();
    let one = contribution(1, "git|1|one".parse().unwrap());
    store
        .commit(&batch(vec![Write::Accepted(one.clone())]))
        .unwrap_err();
    let mut chain = Chain::EMPTY;
    let end = Write::Record(chain.append(b"end".to_vec(), Some(Ticket::new(1))));
    // In this order, the end of the stay is not there yet.
    store
        .commit(&batch(vec![Write::Accepted(one.clone()), end.clone()]))
        .unwrap_err();
    store
        .commit(&batch(vec![end, Write::Accepted(one.clone())]))
        .unwrap();
    let mut other = contribution(2, "git|1|one".parse().unwrap());
    let end = Write::Record(chain.append(b"end".to_vec(), Some(Ticket::new(2))));
    store
        .commit(&batch(vec![end.clone(), Write::Accepted(other.clone())]))
        .unwrap_err();
    other.identity = "git|2|two".parse().unwrap();
    store
        .commit(&batch(vec![end, Write::Accepted(other.clone())]))
        .unwrap();
    assert_eq!(store.contributions(0, 9).unwrap(), [one, other]);
}

fn a_blob_is_not_overwritten(place: &Place) {
    let open = place.open();
    let ticket = Ticket::new(3);
    let put = |byte| {
        let blob = Blob::new(vec![byte]);
        batch(vec![Write::Blob { ticket, blob }])
    };
    open.store().commit(&put(1)).unwrap();
    open.store().commit(&put(2)).unwrap_err();
    assert_eq!(open.store().blob(ticket).unwrap().unwrap().bytes(), [1]);
}

fn other_sizes_are_refused_and_the_right_ones_named(place: &Place) {
    drop(place.open());
    let refused = place
        .try_open(&Sizes::ethereum(), None)
        .err()
        .unwrap()
        .to_string();
    assert!(refused.contains("--ceremony 16:4,32:4"), "{refused}");
    drop(place.open());
}

fn another_coordinator_is_refused(place: &Place) {
    let address = place.open().store().ceremony().address();
    place
        .try_open(&small(), Some(&address.to_lowercase()))
        .unwrap();
    let other = format!("0x{}", "12".repeat(20));
    let refused = place
        .try_open(&small(), Some(&other))
        .err()
        .unwrap()
        .to_string();
    assert!(
        refused.contains(&address) && refused.contains(&other),
        "{refused}"
    );
}

fn no_ceremony_is_made_where_that_of_a_coordinator_is_asked_for(place: &Place) {
    let other = format!("0x{}", "12".repeat(20));
    let refused = place
        .try_open(&small(), Some(&other))
        .err()
        .unwrap()
        .to_string();
    assert!(refused.contains("no ceremony"), "{refused}");
    // Nothing was made: it is made now, by a coordinator of another address.
    assert_ne!(place.open().store().ceremony().address(), other);
}

/// What the database refuses by itself, whoever asks.
#[test]
fn the_tables_of_postgres_keep_what_is_final() {
    let Some(server) = server() else { return };
    let schema = server.fresh();
    let replica = Replica::lead(&server.url(&schema), "one");
    let mut plain = Plain::new();
    for batch in plain.turn(1, 10) {
        tauline_store::Store::commit(&replica.store, &batch).unwrap();
    }
    for change in [
        "UPDATE journal SET record = ''",
        "DELETE FROM journal",
        "TRUNCATE journal CASCADE",
        "UPDATE contributions SET number = 2",
        "DELETE FROM contributions",
    ] {
        let tried = format!(
            "DO $$ BEGIN {change}; RAISE EXCEPTION 'done'; \
             EXCEPTION WHEN SQLSTATE 'TL003' THEN NULL; END $$"
        );
        server.sql(&schema, &tried);
    }
    let gap = Plain::new().chain.append(b"x".to_vec(), None);
    let mut record = gap;
    record.seq = 5;
    let writes = vec![Write::Record(record)];
    let refused = tauline_store::Store::commit(&replica.store, &Batch { writes });
    let text = refused.unwrap_err().to_string();
    assert!(
        text.contains("record 5 does not continue a log of 2"),
        "{text}"
    );
}

#[test]
fn tables_of_something_else_and_of_a_later_version_are_refused() {
    let Some(server) = server() else { return };
    let schema = server.fresh();
    server.sql(
        "public",
        &format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.recipes ()"),
    );
    let url = server.url(&schema);
    let refused = tauline_store::postgres::Cluster::join(&database(&url))
        .err()
        .unwrap();
    assert!(
        refused.to_string().contains("tables of something else"),
        "{refused}"
    );

    let schema = server.fresh();
    let url = server.url(&schema);
    drop(Replica::lead(&url, "one"));
    server.sql(
        &schema,
        "INSERT INTO refinery_schema_history VALUES (999, 'later', '2030-01-01T00:00:00Z', '1')",
    );
    let refused = tauline_store::postgres::Cluster::join(&database(&url))
        .err()
        .unwrap();
    assert!(
        refused.to_string().contains("is of version 999"),
        "{refused}"
    );
}

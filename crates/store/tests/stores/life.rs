//! The life of a ceremony: what was committed is there, also after a restart.

use tauline_queue_core::{Rules, Ticket};
use tauline_store::{Asked, Batch, Blob, Write, check};
use zeroize::Zeroizing;

use crate::both::both;
use crate::made_up::{MadeUp, Plain, contribution};
use crate::place::{NOON, Place, restored};

both! {
    a_new_ceremony_has_keys_that_stay,
    what_was_committed_is_there_after_a_restart,
    a_submitted_contribution_is_kept_until_it_is_dropped,
    somebody_is_found_by_a_name,
    a_ceremony_passes_every_check_after_a_restart_and_in_a_backup,
    the_key_of_the_log_is_replaced,
}

fn a_new_ceremony_has_keys_that_stay(place: &Place) {
    let made = place.open().store().ceremony().clone();
    assert_eq!(made.started_at, NOON);
    let open = place.open();
    let found = open.store().ceremony();
    assert_eq!(found.sum(), made.sum());
    assert_eq!(found.key, made.key);
    let seeds = [&made, found].map(|it| it.log.clone().unwrap().seed);
    assert_eq!(seeds[0], seeds[1]);
    assert_eq!(open.store().log(0, 10).unwrap(), []);
    assert_eq!(open.store().contributions(0, 10).unwrap(), []);
    assert_eq!(open.store().blob_tickets().unwrap(), []);
}

fn what_was_committed_is_there_after_a_restart(place: &Place) {
    let mut plain = Plain::new();
    let batches: Vec<Batch> = (1..=7).flat_map(|number| plain.turn(number, 999)).collect();
    let open = place.open();
    for batch in &batches {
        open.store().commit(batch).unwrap();
    }
    drop(open);
    let open = place.open();
    let store = open.store();
    let writes = batches.iter().flat_map(|batch| &batch.writes);
    let records: Vec<_> = writes
        .filter_map(|write| match write {
            Write::Record(record) => Some(record.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(store.log(0, 1000).unwrap(), records);
    assert_eq!(store.log(5, 3).unwrap(), records[5..8]);
    assert_eq!(store.log(14, 3).unwrap(), []);
    for number in 1..=7 {
        let one = contribution(
            number,
            format!("git|{number}|somebody{number}").parse().unwrap(),
        );
        let ticket = Ticket::new(number);
        assert_eq!(store.contribution(ticket).unwrap().unwrap(), one);
        assert_eq!(store.contributions(number, 1).unwrap(), [one]);
        let over = format!("over {number}").into_bytes();
        assert_eq!(store.ending(ticket).unwrap().unwrap(), over);
    }
    assert_eq!(store.contribution(Ticket::new(8)).unwrap(), None);
    assert_eq!(store.ending(Ticket::new(8)).unwrap(), None);
    assert_eq!(store.contributions(3, 100).unwrap().len(), 5);
    // What the next one builds on is all that is kept of the contributions themselves.
    assert_eq!(store.blob_tickets().unwrap(), [Ticket::new(7)]);
    assert_eq!(
        store.blob(Ticket::new(7)).unwrap().unwrap(),
        Blob::new(vec![7; 999])
    );
}

fn a_submitted_contribution_is_kept_until_it_is_dropped(place: &Place) {
    let open = place.open();
    let ticket = Ticket::new(4);
    let blob = Blob::new((0..3_000_000).map(|at: u32| at.to_le_bytes()[1]).collect());
    let writes = vec![Write::Blob {
        ticket,
        blob: blob.clone(),
    }];
    open.store().commit(&Batch { writes }).unwrap();
    assert_eq!(open.store().blob_tickets().unwrap(), [ticket]);
    drop(open);
    let open = place.open();
    assert_eq!(open.store().blob(ticket).unwrap().unwrap(), blob);
    let writes = vec![
        Write::DropBlob(ticket),
        Write::Blob {
            ticket,
            blob: Blob::new(vec![1]),
        },
    ];
    open.store().commit(&Batch { writes }).unwrap();
    assert_eq!(open.store().blob(ticket).unwrap().unwrap().bytes(), [1]);
    let writes = vec![Write::DropBlob(ticket), Write::DropBlob(Ticket::new(9))];
    open.store().commit(&Batch { writes }).unwrap();
    assert_eq!(open.store().blob(ticket).unwrap(), None);
    assert_eq!(open.store().blob_tickets().unwrap(), []);
}

fn somebody_is_found_by_a_name(place: &Place) {
    let open = place.open();
    let mut plain = Plain::new();
    let address = "AbCdefabcdefabcdefabcdefabcdefabcdefABCD".to_lowercase();
    let names = [
        "git|1|OctoCat".to_owned(),
        "invite|octocat".to_owned(),
        format!("eth|0x{address}"),
    ];
    for (number, name) in (1..).zip(names) {
        let identity = name.parse().unwrap();
        let ticket = Some(Ticket::new(number));
        let record = plain.chain.append(vec![1], ticket);
        let writes = vec![
            Write::Record(record),
            Write::Accepted(contribution(number, identity)),
        ];
        open.store().commit(&Batch { writes }).unwrap();
    }
    let find = |text: &str| open.store().number_of(&Asked::new(text).unwrap()).unwrap();
    assert_eq!(find("OCTOCAT"), Some(1));
    assert_eq!(find("@octocat"), Some(1));
    assert_eq!(find("invite|OctoCat"), Some(2));
    assert_eq!(find("ABCDEFabcdefabcdefabcdefabcdefabcdefABCD"), Some(3));
    assert_eq!(find("nobody"), None);
}

fn a_ceremony_passes_every_check_after_a_restart_and_in_a_backup(place: &Place) {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    let open = place.open();
    let mut made = MadeUp::begin(open.store());
    for number in 1..=5 {
        made.turn(number);
    }
    let end = made.chain;
    drop(open);
    let open = place.open();
    let checked = check::everything(open.store(), Rules::default()).unwrap();
    assert_eq!(checked.chain, end);
    assert_eq!(checked.last.unwrap().number, 5);
    open.store().backup(&copy).unwrap();
    open.store().backup(&copy).unwrap_err();
    let (_directory, copied) = restored(&copy);
    let again = check::everything(&copied, Rules::default()).unwrap();
    assert_eq!(again.chain, end);
    assert_eq!(again.tree.head(), checked.tree.head());
}

fn the_key_of_the_log_is_replaced(place: &Place) {
    let open = place.open();
    let writes = vec![
        Write::LogKey(Zeroizing::new([7; 32])),
        Write::LogKey(Zeroizing::new([8; 32])),
    ];
    open.store().commit(&Batch { writes }).unwrap();
    drop(open);
    let open = place.open();
    let secrets = open.store().ceremony().log.clone().unwrap();
    assert_eq!(*secrets.seed, [8; 32]);
}

//! Views of the contributions, which later commits do not change.

use tauline_store::Store;

use crate::both::both;
use crate::made_up::Plain;
use crate::place::Place;

both! {
    a_reading_stays_as_it_was,
    several_readings_see_each_what_was_there_when_they_began,
}

fn turn(store: &dyn Store, plain: &mut Plain, number: u64) {
    for batch in plain.turn(number, 100_000) {
        store.commit(&batch).unwrap();
    }
}

fn a_reading_stays_as_it_was(place: &Place) {
    let open = place.open();
    let store = open.store();
    let mut plain = Plain::new();
    let nothing = store.reading().unwrap();
    assert_eq!(nothing.contributions().unwrap(), 0);
    assert_eq!(nothing.head().unwrap(), None);
    for number in 1..=3 {
        turn(store, &mut plain, number);
    }
    let reading = store.reading().unwrap();
    for number in 4..=6 {
        turn(store, &mut plain, number);
    }
    assert_eq!(nothing.contributions().unwrap(), 0);
    assert_eq!(nothing.page(0, 10).unwrap(), []);
    assert_eq!(reading.contributions().unwrap(), 3);
    // Its powers are kept for it, although they are superseded.
    assert_eq!(reading.head().unwrap().unwrap().bytes(), [3; 100_000]);
    let page = reading.page(1, 10).unwrap();
    assert_eq!(page, store.contributions(2, 2).unwrap());
    assert_eq!(reading.page(0, 2).unwrap().len(), 2);
    assert!(reading.has_sums());
    let unchecked = reading.unchecked_page(2, 9).unwrap();
    assert_eq!(unchecked, [(page[1].clone(), Some(page[1].sum()))]);
    assert_eq!(store.reading().unwrap().contributions().unwrap(), 6);
}

fn several_readings_see_each_what_was_there_when_they_began(place: &Place) {
    let open = place.open();
    let store = open.store();
    let mut plain = Plain::new();
    let mut readings = Vec::new();
    for number in 1..=8 {
        turn(store, &mut plain, number);
        readings.push(store.reading().unwrap());
    }
    for (number, reading) in (1..).zip(&readings) {
        assert_eq!(reading.contributions().unwrap(), number);
    }
}

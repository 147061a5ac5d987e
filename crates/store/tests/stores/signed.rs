//! How much of the public log was signed never falls.

use tauline_log::tree::{Hash, TreeHead};
use tauline_store::StoreError;
use tauline_store::signed::Signed;

use crate::both::both;
use crate::place::Place;

both! {
    what_was_signed_is_known_after_a_restart,
    what_was_signed_is_never_taken_back,
}

fn signed(origin: &str, size: u64, byte: u8) -> Signed {
    Signed {
        origin: origin.to_owned(),
        tree: TreeHead {
            size,
            root: Hash([byte; 32]),
        },
    }
}

fn what_was_signed_is_known_after_a_restart(place: &Place) {
    let open = place.open();
    assert_eq!(open.store().last_signed(), None);
    for size in [0, 3, 3, 90] {
        let now = signed("example.org/log", size, 1);
        open.store().keep_signed(&now).unwrap();
        assert_eq!(open.store().last_signed(), Some(now));
    }
    drop(open);
    let open = place.open();
    assert_eq!(
        open.store().last_signed(),
        Some(signed("example.org/log", 90, 1))
    );
    open.store()
        .keep_signed(&signed("example.org/log", 91, 2))
        .unwrap();
}

fn what_was_signed_is_never_taken_back(place: &Place) {
    let open = place.open();
    let last = signed("example.org/log", 8, 1);
    open.store().keep_signed(&last).unwrap();
    for wrong in [
        signed("example.org/log", 7, 1),
        signed("example.org/log", 8, 2),
        signed("example.org/other", 9, 1),
    ] {
        let refused = open.store().keep_signed(&wrong).unwrap_err();
        assert!(matches!(refused, StoreError::Damaged(_)), "{refused}");
        assert_eq!(open.store().last_signed(), Some(last.clone()));
    }
    drop(open);
    assert_eq!(place.open().store().last_signed(), Some(last));
}

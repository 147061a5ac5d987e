//! One log by several replicas: the lease, the fence and the append, explored whole.
//!
//! Replicas share a database. One row of it says who leads: an *epoch*, which grows by one with each new
//! leader, and a *lease*, which ends by the database's clock. Whoever finds the lease over takes it, under
//! the next epoch, then reads the journal to its end, and leads. A leader appends in one statement that
//! compares epochs as well (the *fence*) and holds the row until it has committed (the *lock*).
//!
//! Nothing here depends on the replicas' own clocks. They may sleep for any time, so that several believe
//! at once that they lead; what they send may be lost or come at any later time, also after their death;
//! connections are cut before the commit, after it, and between the commit and its answer. Crashes and
//! restarts cost a replica its memory. The database does not lose what it committed: that is what its
//! synchronous standby is for (`docs/scale.md`).
//!
//! | here | in `src/postgres` |
//! |---|---|
//! | epoch, lease, `Take`, `Renew` | the row of `leader`; `cluster.rs` |
//! | the fence and the lock | the function `fence`: `WHERE epoch = … FOR KEY SHARE`, with which a change of the epoch has to wait |
//! | a place | the number of a record, and of a commit (the function `finish`) |
//! | `Cut`, `Ask` | `writer.rs` |
//!
//! A commit of one record stands for a transaction of any number: it is there as a whole, or not at all.
//!
//! Every order of these is visited, up to a number of leases and commands (`cluster.rs`). In every state
//! `properties.rs` holds. And for each guard there is a test that takes it away and finds what goes wrong
//! then; `--nocapture` shows how it comes to that:
//!
//! | without | happens |
//! |---|---|
//! | the fence | a former leader's append comes late, and the new one does not know of it |
//! | the lock | the same, where the lease is taken between the comparison and the commit |
//! | one record a place | an append whose connection was cut is sent again, and both are committed |
//! | sending it again | it was looked for once and taken for lost, and comes after that |
//! | looking for it at all | it is acknowledged, and never arrived |
//!
//! `TAULINE_MODEL_EPOCHS`, `TAULINE_MODEL_COMMANDS` and `TAULINE_MODEL_COPIES` make the world larger; it grows tenfold and more with
//! each epoch and command.

mod cluster;
mod database;
mod properties;
mod replica;

use std::time::Instant;

use stateright::{Checker, Expectation, HasDiscoveries, Model as _};

use cluster::Action;
use cluster::Cluster;
use database::{AfterCut, Guards};

const ALL: Guards = Guards {
    fence: true,
    lock: true,
    places: true,
    after_cut: AfterCut::SendsAgain,
};

/// Three replicas; three leases, of which two are lost.
fn cluster(guards: Guards) -> Cluster {
    Cluster {
        guards,
        replicas: 3,
        commands: 2,
        epochs: 3,
        lease: 2,
        copies: 2,
    }
}

/// A number from a variable.
fn asked(variable: &str, usual: u8) -> u8 {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is not a number: {text}")),
        Err(_) => usual,
    }
}

/// Visits everything, and says how much that was. Nothing may be wrong anywhere.
fn explore(cluster: Cluster) -> impl Checker<Cluster> {
    let began = Instant::now();
    let explored = cluster.checker().spawn_bfs().join();
    println!(
        "{cluster:?}: {} states, {} steps, at most {} deep, {:.1} s",
        explored.unique_state_count(),
        explored.state_count(),
        explored.max_depth(),
        began.elapsed().as_secs_f64()
    );
    assert!(explored.is_done());
    for property in cluster.properties() {
        if property.expectation == Expectation::Always {
            explored.assert_no_discovery(property.name);
        }
    }
    explored
}

#[test]
fn every_way_through_lease_fence_and_append_keeps_one_log() {
    let usual = cluster(ALL);
    let explored = explore(Cluster {
        epochs: asked("TAULINE_MODEL_EPOCHS", usual.epochs),
        commands: asked("TAULINE_MODEL_COMMANDS", usual.commands),
        copies: asked("TAULINE_MODEL_COPIES", 2).into(),
        ..usual
    });
    // All that should be possible was seen, too.
    explored.assert_properties();
}

#[test]
fn three_commands_under_two_leases_keep_one_log() {
    explore(Cluster {
        commands: 3,
        epochs: 2,
        ..cluster(ALL)
    });
}

#[test]
fn one_command_under_four_leases_keeps_one_log() {
    explore(Cluster {
        commands: 1,
        epochs: 4,
        ..cluster(ALL)
    });
}

/// What goes wrong without a guard, and how it comes to that.
struct Fault {
    actions: Vec<Action>,
}

impl Fault {
    /// The last that happens before it is wrong.
    fn last(&self) -> &Action {
        self.actions
            .last()
            .expect("nothing is wrong at the beginning")
    }

    /// When something of this kind happened last.
    fn at(&self, wanted: fn(&Action) -> bool) -> Option<usize> {
        self.actions.iter().rposition(wanted)
    }

    /// When the last lease was taken.
    fn taken(&self) -> Option<usize> {
        self.at(|action| matches!(action, Action::Take(_)))
    }

    /// When a command last came to somebody who led, or seemed to.
    fn received(&self) -> Option<usize> {
        self.at(|action| matches!(action, Action::Receive(..)))
    }

    fn asked(&self) -> Option<usize> {
        self.at(|action| matches!(action, Action::Ask(_)))
    }
}

/// Explores without a guard until this is wrong.
fn fault_without(guards: Guards, name: &'static str) -> Fault {
    let explored = cluster(guards)
        .checker()
        .finish_when(HasDiscoveries::AnyOf([name].into()))
        .spawn_bfs()
        .join();
    let property = cluster(guards).property(name);
    let path = explored.assert_any_discovery(name);
    let mut actions = Vec::new();
    for (state, action) in path.into_vec() {
        if !(property.condition)(&cluster(guards), &state) {
            break;
        }
        actions.extend(action);
    }
    println!("not so: {name}: {actions:?}");
    Fault { actions }
}

#[test]
fn without_the_fence_a_late_append_goes_past_the_new_leader() {
    let guards = Guards {
        fence: false,
        ..ALL
    };
    let fault = fault_without(guards, properties::KNOWS_ALL);
    assert!(matches!(fault.last(), Action::Commit(_)));
}

#[test]
fn without_the_lock_a_lease_is_taken_in_the_middle_of_an_append() {
    let guards = Guards { lock: false, ..ALL };
    let fault = fault_without(guards, properties::KNOWS_ALL);
    assert!(matches!(fault.last(), Action::Commit(_)));
    let arrived = fault.at(|action| matches!(action, Action::Arrive(_)));
    assert!(arrived < fault.taken(), "epochs were compared before");
}

#[test]
fn without_one_record_a_place_an_append_that_is_sent_again_is_there_twice() {
    let guards = Guards {
        places: false,
        ..ALL
    };
    for name in [properties::ONCE, properties::ONE_LOG] {
        let fault = fault_without(guards, name);
        assert!(fault.asked() > fault.taken(), "it takes but one leader");
    }
}

#[test]
fn an_append_that_is_looked_for_once_may_come_after_that() {
    let after_cut = AfterCut::LooksOnce;
    let fault = fault_without(Guards { after_cut, ..ALL }, properties::KNOWS_ALL);
    assert!(matches!(fault.last(), Action::Commit(_)));
    assert!(fault.asked() > fault.taken(), "it takes but one leader");
}

#[test]
fn an_append_that_is_taken_for_committed_is_acknowledged_and_lost() {
    let after_cut = AfterCut::Guesses;
    let fault = fault_without(Guards { after_cut, ..ALL }, properties::NOT_LOST);
    assert!(matches!(fault.last(), Action::Ask(_)));
}

/// Then the journal itself is spoiled: what follows in it was written by who knew less.
#[test]
fn without_fence_and_places_two_leaders_write_into_each_others_log() {
    let guards = Guards {
        fence: false,
        places: false,
        ..ALL
    };
    let fault = fault_without(guards, properties::IN_ORDER);
    assert!(
        fault.received() > fault.taken(),
        "the new leader has appended as well"
    );
}

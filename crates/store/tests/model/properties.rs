//! What holds in every state, and what has to be seen in some, so that the former are not empty words.

use stateright::Property;

use crate::cluster::{Acknowledged, Cluster, State};
use crate::database::{Answer, Statement};
use crate::replica::{Batch, Replica, Stage};

pub(crate) const ONE_LOG: &str = "each record continues what its writer had replayed";
pub(crate) const IN_ORDER: &str = "the epochs in the journal never fall";
pub(crate) const NOT_LOST: &str = "nothing acknowledged is lost";
pub(crate) const ONCE: &str = "a command is accepted once, however often it is sent";
pub(crate) const KNOWS_ALL: &str = "who leads knows the whole journal but for its own append";

/// All of them.
pub(crate) fn all() -> Vec<Property<Cluster>> {
    let mut all = vec![
        Property::always(ONE_LOG, |_, state: &State| is_one_log(state)),
        Property::always(IN_ORDER, |_, state: &State| {
            let journal = &state.database.journal;
            journal.is_sorted_by_key(|record| record.epoch)
        }),
        Property::always(NOT_LOST, |_, state: &State| is_nothing_lost(state)),
        Property::always(ONCE, |_, state: &State| is_all_accepted_once(state)),
        Property::always(KNOWS_ALL, |_, state: &State| knows_the_leader_all(state)),
    ];
    all.extend(seen());
    all
}

/// What has to be possible.
fn seen() -> Vec<Property<Cluster>> {
    vec![
        Property::sometimes("all commands are acknowledged", |_, state: &State| {
            state.acknowledged.iter().all(Option::is_some)
        }),
        Property::sometimes("a second leader appends", |_, state: &State| {
            let journal = &state.database.journal;
            journal
                .iter()
                .any(|record| record.epoch != journal[0].epoch)
        }),
        Property::sometimes("three believe that they lead", |_, state: &State| {
            let lead = |it: &&Replica| matches!(it, Replica::Leads { .. });
            state.replicas.iter().filter(lead).count() == 3
        }),
        Property::sometimes(
            "a leader that slept past its lease is refused",
            |_, state: &State| {
                let answer = Stage::Answered(Answer::Fenced);
                waiting(state).any(|(_, batch)| batch.stage == answer)
            },
        ),
        Property::sometimes(
            "an append comes when a later leader has appended",
            |_, state: &State| {
                let journal = &state.database.journal;
                let last = journal.last().map_or(0, |record| record.epoch);
                let mut network = state.database.network.iter();
                network.any(|statement| statement.record.epoch < last)
            },
        ),
        Property::sometimes(
            "an outcome is found out by asking: committed",
            |_, state: &State| state.acknowledged.contains(&Some(Acknowledged::ByAsking)),
        ),
        Property::sometimes(
            "an outcome is found out by the successor: committed",
            |_, state: &State| {
                state
                    .acknowledged
                    .contains(&Some(Acknowledged::BySuccessor))
            },
        ),
        Property::sometimes(
            "an outcome is found out by the successor: not committed",
            |_, state: &State| {
                // It has accepted the repeat, while the first is still on its way to be refused.
                state
                    .database
                    .under_way()
                    .any(|first| is_accepted_of_another(state, first))
            },
        ),
        Property::sometimes(
            "the first copy of an append comes after the second",
            |_, state: &State| {
                let answer = Stage::Answered(Answer::Committed);
                waiting(state).any(|(epoch, batch)| {
                    let mut own = state.database.under_way().map(|statement| statement.record);
                    batch.stage == answer
                        && own.any(|it| (it.epoch, it.command) == (epoch, batch.command))
                })
            },
        ),
    ]
}

fn is_one_log(state: &State) -> bool {
    let journal = state.database.journal.iter().enumerate();
    let mut places = journal.map(|(at, record)| usize::from(record.place) == at);
    places.all(|is_its_own| is_its_own)
}

fn times_accepted(state: &State, command: usize) -> usize {
    let journal = state.database.journal.iter();
    journal
        .filter(|record| usize::from(record.command) == command)
        .count()
}

fn is_nothing_lost(state: &State) -> bool {
    let mut commands = state.acknowledged.iter().enumerate();
    commands.all(|(command, how)| how.is_none() || times_accepted(state, command) > 0)
}

fn is_all_accepted_once(state: &State) -> bool {
    let mut commands = 0..state.acknowledged.len();
    commands.all(|command| times_accepted(state, command) <= 1)
}

/// Positions, refusals and check-ins are answered from memory, without a commit. So whoever leads by the
/// database's word has to have all of the log in its memory.
fn knows_the_leader_all(state: &State) -> bool {
    let database = &state.database;
    let mut replicas = state.replicas.iter();
    replicas.all(|replica| match replica {
        Replica::Leads {
            epoch,
            replayed,
            batch,
        } if *epoch == database.epoch => {
            let unknown = database.journal.get(usize::from(*replayed)..);
            match unknown {
                Some([]) => true,
                Some([one]) => {
                    let own = batch.as_ref().map(|batch| (*epoch, batch.command));
                    own == Some((one.epoch, one.command))
                }
                _ => false,
            }
        }
        _ => true,
    })
}

/// The leaders with a batch that they do not know the fate of.
fn waiting(state: &State) -> impl Iterator<Item = (u8, &Batch)> {
    state.replicas.iter().filter_map(|replica| match replica {
        Replica::Leads { epoch, batch, .. } => Some((*epoch, batch.as_ref()?)),
        _ => None,
    })
}

fn is_accepted_of_another(state: &State, first: &Statement) -> bool {
    let mut journal = state.database.journal.iter();
    journal
        .any(|record| record.command == first.record.command && record.epoch > first.record.epoch)
}

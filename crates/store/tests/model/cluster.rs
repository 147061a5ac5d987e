//! What can happen, one step at a time: `Action` lists it, `next_state` says what it changes, and
//! `properties` what has to hold in every state.

use stateright::{Model, Property};

use crate::database::{AfterCut, Answer, Database, Guards, Record};
use crate::properties;
use crate::replica::{Batch, Replica, Stage};

/// How large the explored world is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cluster {
    pub(crate) guards: Guards,
    pub(crate) replicas: usize,
    /// Clients' commands; each is sent again until it is acknowledged, to any replica.
    pub(crate) commands: u8,
    /// Leases that are taken at most, one after the other. All but the last are lost, by a crash, by
    /// giving them up or by sleeping; so this is one more than the crashes of leaders.
    pub(crate) epochs: u8,
    /// Ticks that a lease lasts.
    pub(crate) lease: u8,
    /// Appends of one leader that may be under way at a time: those that were cut off, and the last.
    pub(crate) copies: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) database: Database,
    /// Sorted.
    pub(crate) replicas: Vec<Replica>,
    /// How each command was acknowledged, if it was.
    pub(crate) acknowledged: Vec<Option<Acknowledged>>,
}

/// How a command came to be acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Acknowledged {
    /// The commit was answered.
    AtOnce,
    /// The answer was lost, and the same leader asked.
    ByAsking,
    /// Its repeat came to a later leader, which had it in its log.
    BySuccessor,
}

/// One step. Replicas and statements are named by their place in the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The database's clock moves.
    Tick,
    /// A renewal of the lease that is in force arrives, perhaps of a leader that has died meanwhile.
    /// Renewals of earlier epochs change nothing.
    Renew,
    Take(usize),
    /// Who has taken the lease reads the journal to its end.
    Replay(usize),
    /// A client's command comes to whoever believes that it leads, for the first time or again.
    Receive(usize, u8),
    /// A statement arrives at the database, and compares epochs.
    Arrive(usize),
    /// A statement that has done so commits.
    Commit(usize),
    /// A statement is lost on the way, or rolled back by a crash of the database.
    Lose(usize),
    RollBack(usize),
    /// A leader reads the answer to its statement.
    Hear(usize),
    /// A leader loses its connection, with the answer.
    Cut(usize),
    /// It has another one and asks what became of its statement.
    Ask(usize),
    /// A clean stop.
    GiveUp(usize),
    /// It forgets everything and is started again at some time.
    Crash(usize),
}

impl Model for Cluster {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            database: Database::default(),
            replicas: vec![Replica::Follows; self.replicas],
            acknowledged: vec![None; usize::from(self.commands)],
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let database = &state.database;
        if database.lease > 0 {
            actions.push(Action::Tick);
            actions.push(Action::Renew);
        }
        actions
            .extend((0..database.network.len()).flat_map(|i| [Action::Arrive(i), Action::Lose(i)]));
        actions.extend(
            (0..database.running.len()).flat_map(|i| [Action::Commit(i), Action::RollBack(i)]),
        );
        for (index, replica) in state.replicas.iter().enumerate() {
            self.actions_of(replica, index, database, actions);
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        let database = &mut state.database;
        match action {
            Action::Tick => database.lease -= 1,
            Action::Renew => database.lease = self.lease,
            Action::Take(index) => {
                database.epoch += 1;
                database.lease = self.lease;
                let epoch = database.epoch;
                state.replicas[index] = Replica::Takes { epoch };
            }
            Action::Replay(index) => {
                let epoch = state.replicas[index].epoch()?;
                state.replicas[index] = Replica::Leads {
                    epoch,
                    replayed: database.len(),
                    batch: None,
                };
            }
            Action::Receive(index, command) => state.receive(index, command)?,
            Action::Arrive(index) => {
                let (statement, answer) = database.arrive(index, self.guards);
                if let (true, Some(answer)) = (statement.heard, answer) {
                    state.answer(statement.record.epoch, answer);
                }
            }
            Action::Commit(index) => {
                let (statement, answer) = database.commit(index, self.guards);
                if statement.heard {
                    state.answer(statement.record.epoch, answer);
                }
            }
            Action::Lose(index) => drop(database.network.remove(index)),
            Action::RollBack(index) => drop(database.running.remove(index)),
            Action::Hear(index) => state.hear(index)?,
            Action::Cut(index) => state.cut(index)?,
            Action::Ask(index) => state.ask(index, self.guards)?,
            Action::GiveUp(index) => {
                if state.replicas[index].epoch() == Some(database.epoch) {
                    database.lease = 0;
                }
                state.forget(index);
            }
            Action::Crash(index) => state.forget(index),
        }
        state.replicas.sort_unstable();
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}

impl Cluster {
    fn actions_of(
        &self,
        replica: &Replica,
        index: usize,
        database: &Database,
        actions: &mut Vec<Action>,
    ) {
        if *replica == Replica::Follows {
            if database.is_free(self.guards) && database.epoch < self.epochs {
                actions.push(Action::Take(index));
            }
            return;
        }
        actions.extend([Action::GiveUp(index), Action::Crash(index)]);
        let Replica::Leads { epoch, batch, .. } = replica else {
            actions.push(Action::Replay(index));
            return;
        };
        match batch.as_ref().map(|batch| &batch.stage) {
            None => {
                actions.extend((0..self.commands).map(|command| Action::Receive(index, command)))
            }
            Some(Stage::Sent) => actions.push(Action::Cut(index)),
            Some(Stage::Answered(_)) => actions.extend([Action::Hear(index), Action::Cut(index)]),
            Some(Stage::Cut) => {
                let own = database.under_way().filter(|it| it.record.epoch == *epoch);
                if own.count() < self.copies {
                    actions.push(Action::Ask(index));
                }
            }
        }
    }
}

impl State {
    /// The leader of this epoch is answered, if it still is there.
    fn answer(&mut self, epoch: u8, answer: Answer) {
        let mut replicas = self.replicas.iter_mut();
        if let Some(writer) = replicas.find(|it| it.epoch() == Some(epoch)) {
            writer.answered(answer);
        }
    }

    fn acknowledge(&mut self, command: u8, how: Acknowledged) {
        self.acknowledged[usize::from(command)].get_or_insert(how);
    }

    /// A leader answers a command that it has replayed, and appends one that it has not.
    fn receive(&mut self, index: usize, command: u8) -> Option<()> {
        let Replica::Leads {
            epoch,
            replayed,
            batch,
        } = &mut self.replicas[index]
        else {
            return None;
        };
        let mut known = self.database.journal.iter().take(usize::from(*replayed));
        if known.any(|record| record.command == command) {
            self.acknowledge(command, Acknowledged::BySuccessor);
            return Some(());
        }
        *batch = Some(Batch {
            command,
            stage: Stage::Sent,
        });
        self.database.send(Record {
            epoch: *epoch,
            place: *replayed,
            command,
        });
        Some(())
    }

    fn hear(&mut self, index: usize) -> Option<()> {
        let Replica::Leads {
            batch: Some(batch), ..
        } = &self.replicas[index]
        else {
            return None;
        };
        match batch.stage {
            Stage::Answered(Answer::Committed) => self.is_committed(index, Acknowledged::AtOnce),
            // Its own earlier copy, or somebody else's record.
            Stage::Answered(Answer::Taken) if self.own_is_there(index) => {
                self.is_committed(index, Acknowledged::ByAsking)
            }
            // It steps down. It does not know whether an earlier copy was committed; its successor does.
            Stage::Answered(_) => {
                self.forget(index);
                Some(())
            }
            Stage::Sent | Stage::Cut => None,
        }
    }

    fn cut(&mut self, index: usize) -> Option<()> {
        let Replica::Leads {
            epoch,
            batch: Some(batch),
            ..
        } = &mut self.replicas[index]
        else {
            return None;
        };
        batch.stage = Stage::Cut;
        self.database.disconnect(*epoch);
        Some(())
    }

    /// If the record is in the journal, it was committed. If it is not, it may still come, so nobody is
    /// told that it was not.
    fn ask(&mut self, index: usize, guards: Guards) -> Option<()> {
        let is_there = self.own_is_there(index);
        if is_there || guards.after_cut == AfterCut::Guesses {
            return self.is_committed(index, Acknowledged::ByAsking);
        }
        let record = self.own(index)?;
        let Replica::Leads { batch, .. } = &mut self.replicas[index] else {
            return None;
        };
        if guards.after_cut == AfterCut::LooksOnce {
            *batch = None;
            return Some(());
        }
        batch.as_mut()?.stage = Stage::Sent;
        self.database.send(record);
        Some(())
    }

    /// The record that a leader has sent.
    fn own(&self, index: usize) -> Option<Record> {
        match &self.replicas[index] {
            Replica::Leads {
                epoch,
                replayed,
                batch: Some(batch),
            } => Some(Record {
                epoch: *epoch,
                place: *replayed,
                command: batch.command,
            }),
            _ => None,
        }
    }

    fn own_is_there(&self, index: usize) -> bool {
        let own = self.own(index);
        own.is_some() && own.and_then(|own| self.database.at(own.place)) == own
    }

    /// A leader knows that its batch is durable: only now does it tell the client.
    fn is_committed(&mut self, index: usize, how: Acknowledged) -> Option<()> {
        let Replica::Leads {
            replayed, batch, ..
        } = &mut self.replicas[index]
        else {
            return None;
        };
        *replayed += 1;
        let command = batch.take()?.command;
        self.acknowledge(command, how);
        Some(())
    }

    /// A replica's memory and connection are gone.
    fn forget(&mut self, index: usize) {
        if let Some(epoch) = self.replicas[index].epoch() {
            self.database.disconnect(epoch);
        }
        self.replicas[index] = Replica::Follows;
    }
}

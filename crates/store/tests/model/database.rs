//! The database: one row that says who leads, the journal, and statements on their way through it.

/// What the database and the leaders do to stay one log. Each test of `main.rs` takes one of them away.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guards {
    /// An append compares its epoch with that of the leader's row.
    pub(crate) fence: bool,
    /// An append holds the leader's row from that comparison to its commit, so that no lease is taken
    /// in between.
    pub(crate) lock: bool,
    /// A place of the journal is taken once: its number is the table's primary key.
    pub(crate) places: bool,
    /// What a leader does that has lost its connection, and with it the answer.
    pub(crate) after_cut: AfterCut,
}

/// What a leader makes of an append whose answer it has lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterCut {
    /// It looks whether its record is there, and if it is not, sends the very same again, for the same
    /// place: the first may still be on its way. This is right.
    SendsAgain,
    /// It looks once, and takes what is not there for lost.
    LooksOnce,
    /// It takes the append for committed.
    Guesses,
}

/// A record: what a leader appends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Record {
    /// Under which lease it was written. Each lease has an epoch of its own, so this names the writer.
    pub(crate) epoch: u8,
    /// How many records its writer had replayed when it wrote this one.
    pub(crate) place: u8,
    /// The client's command that it holds.
    pub(crate) command: u8,
}

/// An append on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Statement {
    pub(crate) record: Record,
    /// Whether the connection stands by which it came, so that its writer hears the answer.
    pub(crate) heard: bool,
}

/// What an append is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Answer {
    Committed,
    /// The leader's row has another epoch.
    Fenced,
    /// The journal has that place already.
    Taken,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Database {
    /// The epoch of the last lease; 0 before the first.
    pub(crate) epoch: u8,
    /// Ticks of the database's clock until the lease is over.
    pub(crate) lease: u8,
    /// The journal, in the order of the commits.
    pub(crate) journal: Vec<Record>,
    /// Sent and not arrived: these may come at any later time, or never. Sorted.
    pub(crate) network: Vec<Statement>,
    /// Arrived and found to be of the epoch that leads, and not yet committed. Sorted.
    pub(crate) running: Vec<Statement>,
}

impl Database {
    /// Whether a lease can be had now.
    pub(crate) fn is_free(&self, guards: Guards) -> bool {
        let is_locked = guards.lock && !self.running.is_empty();
        self.lease == 0 && !is_locked
    }

    pub(crate) fn send(&mut self, record: Record) {
        insert(
            &mut self.network,
            Statement {
                record,
                heard: true,
            },
        );
    }

    /// A statement arrives and compares epochs. What it is answered at once, if it is.
    pub(crate) fn arrive(&mut self, index: usize, guards: Guards) -> (Statement, Option<Answer>) {
        let statement = self.network.remove(index);
        if guards.fence && statement.record.epoch != self.epoch {
            return (statement, Some(Answer::Fenced));
        }
        insert(&mut self.running, statement);
        (statement, None)
    }

    /// A statement that has compared epochs writes its record and commits.
    pub(crate) fn commit(&mut self, index: usize, guards: Guards) -> (Statement, Answer) {
        let statement = self.running.remove(index);
        if guards.places && self.at(statement.record.place).is_some() {
            return (statement, Answer::Taken);
        }
        self.journal.push(statement.record);
        (statement, Answer::Committed)
    }

    /// The record at this place, if there is one.
    pub(crate) fn at(&self, place: u8) -> Option<Record> {
        let mut records = self.journal.iter();
        records.find(|record| record.place == place).copied()
    }

    /// How many records the journal has.
    pub(crate) fn len(&self) -> u8 {
        u8::try_from(self.journal.len()).expect("a journal of a few records")
    }

    /// The statements that are on their way or run.
    pub(crate) fn under_way(&self) -> impl Iterator<Item = &Statement> {
        self.network.iter().chain(&self.running)
    }

    /// The connection by which this leader's statements came is gone: nobody hears their answers.
    pub(crate) fn disconnect(&mut self, epoch: u8) {
        for statements in [&mut self.network, &mut self.running] {
            for statement in statements.iter_mut() {
                statement.heard &= statement.record.epoch != epoch;
            }
            statements.sort_unstable();
        }
    }
}

fn insert(statements: &mut Vec<Statement>, statement: Statement) {
    statements.push(statement);
    statements.sort_unstable();
}

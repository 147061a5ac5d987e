//! A recorded run, with the power failing at each of its moments.

use std::fs;

use tauline_queue_core::Rules;
use tauline_store::sqlite::{Found, Sqlite};
use tauline_store::{Store as _, check};
use tempfile::TempDir;

use crate::common::NOON;
use crate::disk::{Disk, Image, Kind};
use crate::operations::{Operation, Step};
use crate::server::sizes;
use crate::told::Told;

/// How often the power fails in a usual run, by the [group](Moment::group) of the moments.
/// `TAULINE_POWER_FAILURES=all` has it fail at all of them, which takes many minutes.
const FAILURES: [usize; 3] = [150, 50, 200];

/// A moment at which the power fails.
struct Moment {
    /// How many steps there were.
    steps: usize,
    /// The last of them.
    last: &'static str,
    /// How many things had been told.
    told: usize,
    kind: Kind,
}

impl Moment {
    /// Moments of which about as many are looked at as of those of other groups: with nothing left that
    /// was not flushed; with some of it, before anything was told; and later.
    fn group(&self) -> usize {
        match (self.kind, self.told) {
            (Kind::Nothing, _) => 0,
            (_, 0) => 1,
            _ => 2,
        }
    }
}

/// What came of it.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) images: usize,
    /// What the next start found, where it is not what it has to be.
    pub(crate) faults: Vec<String>,
    /// Beginnings that the next start refuses, although nobody had been told of them.
    pub(crate) refused_beginnings: usize,
}

/// What the next start finds.
enum Outcome {
    Goes,
    /// A log that was begun, and no file that tells how much of it was signed. The program does not
    /// start on that by itself.
    Unguarded,
}

/// Visits all moments.
fn walk(steps: &[Step], mut visit: impl FnMut(&Disk, &Moment)) {
    let mut disk = Disk::default();
    let mut told = 0;
    for (index, step) in steps.iter().enumerate() {
        disk.take(step);
        if let Operation::Tell(more) = &step.operation {
            told += more.len();
        }
        let next = steps.get(index + 1).map(|next| &next.operation);
        // With nothing of it there, nothing changes until then but for what is told.
        let changes_next = matches!(
            next,
            None | Some(Operation::Sync { .. } | Operation::SyncNames { .. })
        );
        for kind in disk.kinds() {
            if kind != Kind::Nothing || changes_next {
                let moment = Moment {
                    steps: index + 1,
                    last: step.operation.word(),
                    told,
                    kind,
                };
                visit(&disk, &moment);
            }
        }
    }
}

/// All that is told, in order.
fn all_told(steps: &[Step]) -> Vec<&Told> {
    let told = steps.iter().filter_map(|step| match &step.operation {
        Operation::Tell(told) => Some(told),
        _ => None,
    });
    told.flatten().collect()
}

/// Takes so many of a number of things, evenly.
struct Sample {
    of: usize,
    wanted: usize,
    seen: usize,
}

impl Sample {
    fn takes_next(&mut self) -> bool {
        let before = self.seen * self.wanted / self.of;
        self.seen += 1;
        self.seen * self.wanted / self.of > before
    }
}

/// Lets the power fail at moments all over a run, and looks at what the next start finds.
pub(crate) fn replay(steps: &[Step]) -> Tally {
    let mut counts = [0; FAILURES.len()];
    walk(steps, |_, moment| counts[moment.group()] += 1);
    let wants_all = std::env::var_os("TAULINE_POWER_FAILURES").is_some_and(|it| it == "all");
    let sample = |group: usize| Sample {
        of: counts[group],
        wanted: match wants_all {
            true => counts[group],
            false => FAILURES[group].min(counts[group]),
        },
        seen: 0,
    };
    let mut samples = [0, 1, 2].map(sample);
    let told = all_told(steps);
    let mut tally = Tally::default();
    walk(steps, |disk, moment| {
        if samples[moment.group()].takes_next() {
            tally.look(disk, moment, &told);
        }
    });
    let all: usize = counts.iter().sum();
    println!("{} of {all} images", tally.images);
    tally
}

/// The first fault where nothing is left but what was flushed, if there is one.
pub(crate) fn first_fault(steps: &[Step]) -> Option<String> {
    let told = all_told(steps);
    let mut tally = Tally::default();
    walk(steps, |disk, moment| {
        if moment.kind == Kind::Nothing && tally.faults.is_empty() {
            tally.look(disk, moment, &told);
        }
    });
    tally.faults.pop()
}

impl Tally {
    fn look(&mut self, disk: &Disk, moment: &Moment, told: &[&Told]) {
        self.images += 1;
        match start_on(&disk.image(moment.kind), &told[..moment.told]) {
            Ok(Outcome::Goes) => {}
            Ok(Outcome::Unguarded) => self.refused_beginnings += 1,
            Err(fault) => self.faults.push(format!(
                "after step {} ({}), when {} things were told, of what was not flushed is there: {:?}: {fault}",
                moment.steps, moment.last, moment.told, moment.kind
            )),
        }
    }
}

/// Opens an image as a start does, and holds it against what was told before.
fn start_on(image: &Image, told: &[&Told]) -> Result<Outcome, String> {
    let directory = put_down(image);
    let store = Sqlite::open(directory.path(), &sizes(), NOON);
    let store = store.map_err(|error| format!("it does not open: {error}"))?;
    if store.found() == Found::Nothing {
        return match told.is_empty() {
            true => Ok(Outcome::Goes),
            false => Err("a new ceremony begins in its place".to_owned()),
        };
    }
    let checked = check::everything(&store, Rules::default());
    let checked = checked.map_err(|error| format!("it is not sound: {error}"))?;
    for one in told {
        let borne_out = one.is_borne_out(&store, &checked);
        borne_out.map_err(|why| format!("{one:?}, but {why}"))?;
    }
    match store.last_signed() {
        None if checked.tree.size() > 0 && told.is_empty() => Ok(Outcome::Unguarded),
        None if checked.tree.size() > 0 => Err("nothing tells what was signed".to_owned()),
        _ => Ok(Outcome::Goes),
    }
}

/// A directory with these files, in memory where there is a place for it: flushing them shows nothing.
fn put_down(image: &Image) -> TempDir {
    const IN_MEMORY: &str = "/dev/shm";
    let directory = tempfile::tempdir_in(IN_MEMORY).or_else(|_| tempfile::tempdir());
    let directory = directory.unwrap();
    for (name, content) in image {
        let path = directory.path().join(name);
        match content {
            Some(content) => fs::write(path, content).unwrap(),
            None => fs::create_dir(path).unwrap(),
        }
    }
    directory
}

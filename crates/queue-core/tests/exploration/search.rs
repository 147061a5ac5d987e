//! The search in breadth, and what it has seen.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tauline_queue_core::Command;

use crate::actions::{Action, possible};
use crate::beginnings::Setting;
use crate::canonical::Canonical;
use crate::world::World;

/// What a search has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) states: usize,
    pub(crate) steps: u64,
    /// New states after so many steps.
    pub(crate) by_depth: Vec<usize>,
    /// States that were merged with others, and of which all successors were compared with theirs.
    pub(crate) looked_at_again: usize,
    /// Kinds of events and outcomes that there were, a bit for each.
    pub(crate) happened: u32,
}

/// The way to a state.
struct Way {
    action: Action,
    before: Option<Arc<Way>>,
}

type Step = Option<Arc<Way>>;

fn written(way: &Step) -> String {
    let mut actions = Vec::new();
    let mut link = way.as_ref();
    while let Some(way) = link {
        actions.push(format!("{:?}", way.action));
        link = way.before.as_ref();
    }
    actions.reverse();
    actions.join("\n  ")
}

/// Shows the way to where an assertion fails.
struct ShownOnPanic<'a>(&'a Step, &'a Action);

impl Drop for ShownOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the way there:\n  {}\n  {:?}", written(self.0), self.1);
        }
    }
}

struct Next {
    action: Action,
    world: World,
    canonical: Canonical,
}

/// Every state that one step leads to, and how many steps there were.
fn successors(world: &World, way: &Step) -> (Vec<Next>, u64) {
    let mut found = Vec::with_capacity(32);
    let mut steps = 0;
    let mut spare: Option<World> = None;
    for action in possible(world) {
        let shown = ShownOnPanic(way, &action);
        let mut next = spare.take().unwrap_or_else(|| world.clone());
        steps += 1;
        if next.take(&action) {
            let canonical = next.canonical();
            drop(shown);
            found.push(Next {
                action,
                world: next,
                canonical,
            });
        } else if !world.restarted {
            // Nothing has changed: the same will do for the next.
            spare = Some(next);
        }
    }
    (found, steps)
}

/// Whoever is away for a while after a crash pays nothing, in whatever state it comes.
fn survives_a_crash(mut world: World) {
    if world.restarted {
        return;
    }
    let in_queue = world.people.clone().map(|person| person.ticket);
    world.take(&Action::Crash(7_000));
    world.take(&Action::Do(Command::Tick));
    let still = world.people.map(|person| person.ticket);
    assert_eq!(in_queue, still, "a crash cost somebody the place");
}

/// One state in this many is looked at again whenever another is merged with it.
const LOOKED_AT_AGAIN: u128 = 17;

pub(crate) fn explore(setting: Setting, depth: usize) -> Seen {
    let mut seen = Seen::default();
    let mut known: HashSet<Canonical> = HashSet::new();
    let mut samples: HashMap<Canonical, Vec<Canonical>> = HashMap::new();
    let mut frontier: Vec<(World, Step)> = Vec::new();
    for (world, actions) in setting.beginnings() {
        let way = actions.into_iter().fold(None, |before, action| {
            Some(Arc::new(Way { action, before }))
        });
        if known.insert(world.canonical()) {
            frontier.push((world, way));
        }
    }
    seen.by_depth.push(frontier.len());
    for step in 1..=depth {
        let mut further = Vec::new();
        for (world, way) in frontier {
            let (found, steps) = successors(&world, &way);
            seen.steps += steps;
            let here = world.canonical();
            if here % LOOKED_AT_AGAIN == 0 {
                samples.insert(here, sorted(&found));
            }
            for next in found {
                seen.happened |= next.world.happened;
                if !known.insert(next.canonical) {
                    if step < depth
                        && let Some(sample) = samples.get(&next.canonical)
                    {
                        seen.looked_at_again += 1;
                        let shown = ShownOnPanic(&way, &next.action);
                        let (again, _) = successors(&next.world, &None);
                        assert_eq!(
                            *sample,
                            sorted(&again),
                            "the canonical form forgets something"
                        );
                        drop(shown);
                    }
                    continue;
                }
                let shown = ShownOnPanic(&way, &next.action);
                survives_a_crash(next.world.clone());
                drop(shown);
                if step < depth {
                    let before = way.clone();
                    let action = next.action;
                    further.push((next.world, Some(Arc::new(Way { action, before }))));
                }
            }
        }
        seen.by_depth
            .push(known.len() - seen.by_depth.iter().sum::<usize>());
        frontier = further;
    }
    seen.states = known.len();
    seen
}

fn sorted(found: &[Next]) -> Vec<Canonical> {
    let mut all: Vec<Canonical> = found.iter().map(|next| next.canonical).collect();
    all.sort_unstable();
    all.dedup();
    all
}

//! Progress for the user: a live line on a terminal, plain lines elsewhere.
//!
//! All of it goes to standard error. Standard output is for results.

mod meter;
mod standing;
mod templates;

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Url;
use tauline_protocol::status::{QueueStatus, QueueWord};

pub use meter::{Meter, Show};

use self::standing::{Told, place};
use self::templates::{SHARE, SPINNER, TRANSFER};
use crate::carried::Turn;
use crate::numbers;
use crate::participant::{Listener, News, Step, what_leaving_means};

/// The time between two lines of a plain log while nothing new happens.
const PLAIN_INTERVAL: Duration = Duration::from_secs(60);

/// The shortest time between two lines of a plain log about a new position.
const POSITION_INTERVAL: Duration = Duration::from_secs(5);

/// What the live line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scene {
    Line,
    Work(Step),
    /// Another machine computes the contribution.
    Offline,
}

struct State {
    scene: Option<Scene>,
    since: Instant,
    spoken: Instant,
    position: Option<u64>,
    /// The size of what is transferred.
    total: u64,
    trouble_since: Option<Instant>,
    /// The participant's last status.
    standing: Option<QueueStatus>,
    told: Told,
}

/// What the user sees of a participant.
pub struct Screen {
    /// The live line, on a terminal.
    bar: Option<ProgressBar>,
    state: Mutex<State>,
}

impl Screen {
    /// A screen on standard error.
    #[must_use]
    pub fn new() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let now = Instant::now();
        let state = State {
            scene: None,
            since: now,
            spoken: now,
            position: None,
            total: 0,
            trouble_since: None,
            standing: None,
            told: Told::default(),
        };
        Self {
            bar,
            state: Mutex::new(state),
        }
    }

    /// Writes a line that stays.
    pub fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            // A closed standard error is no reason to lose a place in the queue.
            None => drop(writeln!(io::stderr(), "{text}")),
        }
    }

    /// Removes the live line. `done` says whether its step has succeeded.
    pub fn close(&self, done: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Scene::Work(step)) = state.scene.take().filter(|_| done) {
            self.say(&past(step, &state));
        }
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Answers a first Ctrl-C by saying what leaving costs. Says nothing and returns false where
    /// leaving costs nothing.
    pub fn ask_to_leave(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let question = state.standing.as_ref().and_then(what_leaving_means);
        if let Some(question) = &question {
            self.say(question);
        }
        question.is_some()
    }

    /// Notes the participant's status, and says what has changed.
    fn note(&self, state: &mut State, status: &QueueStatus) {
        state.standing = Some(status.clone());
        for line in state.told.changes(status) {
            self.say(&line);
        }
    }

    fn recover(&self, state: &mut State) {
        let Some(since) = state.trouble_since.take() else {
            return;
        };
        self.say(&format!(
            "Connected again after {}.",
            numbers::duration(since.elapsed())
        ));
        if let (Some(bar), Some(Scene::Work(step))) = (&self.bar, state.scene) {
            bar.set_message(present(step));
        }
    }

    fn enter(&self, state: &mut State, scene: Scene) {
        if state.scene == Some(scene) {
            return;
        }
        if let (Some(Scene::Work(before)), Scene::Work(step)) = (state.scene, scene)
            && step as u8 == before as u8 + 1
        {
            self.say(&past(before, state));
        }
        state.scene = Some(scene);
        state.since = Instant::now();
        state.spoken = state.since;
        if let Some(bar) = &self.bar {
            bar.set_style(style(scene));
            // The speed is measured anew for each scene.
            bar.reset();
            if let Scene::Work(step) = scene {
                bar.set_message(present(step));
            }
        }
    }

    fn stand(&self, state: &mut State, status: &QueueStatus) {
        match status.queue_status {
            QueueWord::Queued => {}
            QueueWord::ReadyToContribute if state.scene != Some(Scene::Line) => {
                return self.say("Nobody is ahead: it is your turn.");
            }
            QueueWord::ReadyToContribute => return self.say("It is your turn."),
            QueueWord::Verifying => {
                return self.work(state, Step::Verify, 0, None);
            }
            _ => return,
        }
        let text = place(status);
        let first = state.scene != Some(Scene::Line);
        self.enter(state, Scene::Line);
        if first {
            self.say(&format!("{text}."));
            self.say(
                "Keep this running until it is done. Ctrl-C gives the place up, and an identity \
                 that has left cannot come back. Closing the terminal keeps the place for a while.",
            );
        }
        match &self.bar {
            Some(bar) => bar.set_message(text),
            None => {
                let age = state.spoken.elapsed();
                let moved = state.position != status.queue_position && age >= POSITION_INTERVAL;
                if !first && (moved || age >= PLAIN_INTERVAL) {
                    self.say(&format!("{text}."));
                    state.spoken = Instant::now();
                }
            }
        }
        state.position = status.queue_position;
    }

    /// Says which directory to carry where.
    fn carry(&self, dir: &Path, turn: &Turn, left: Duration, is_new: bool) {
        let dir = dir.display();
        let there = match is_new {
            true => "The powers are in",
            false => "The powers of this turn were in",
        };
        self.say(&format!(
            "{there} {dir}. Keep this running, carry the directory to the machine without a network, \
             and run there:\n\n  tauline compute {dir}\n\nThen carry it back: this sends the \
             contribution as soon as it is there again. If it comes back under another name: \
             tauline submit NAME. The turn ends at {}, in {}.",
            turn.ends_at_text(),
            numbers::duration(left)
        ));
    }

    fn awaiting(&self, state: &mut State, left: Duration) {
        let text = format!(
            "Waiting for the contribution: {} left",
            numbers::duration(left)
        );
        if state.scene != Some(Scene::Offline) {
            self.enter(state, Scene::Offline);
        }
        match &self.bar {
            Some(bar) => bar.set_message(text),
            None if state.spoken.elapsed() >= PLAIN_INTERVAL / 2 => {
                self.say(&format!("{text}."));
                state.spoken = Instant::now();
            }
            None => {}
        }
    }

    fn work(&self, state: &mut State, step: Step, done: u64, total: Option<u64>) {
        self.enter(state, Scene::Work(step));
        if done > 0 {
            self.recover(state);
        }
        if matches!(step, Step::Download | Step::Upload) {
            state.total = total.unwrap_or(done);
        }
        match (&self.bar, total) {
            (Some(bar), Some(total)) => {
                bar.set_length(total);
                bar.set_position(done);
            }
            (None, Some(total)) if total > 0 && state.spoken.elapsed() >= PLAIN_INTERVAL / 6 => {
                self.say(&format!("{}: {} %", present(step), done * 100 / total));
                state.spoken = Instant::now();
            }
            _ => {}
        }
    }
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}

impl Listener for Screen {
    fn tell(&self, news: News<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        match news {
            News::SignInAt {
                link,
                with,
                redirect,
            } => self.say(&format!(
                "Sign in with {with} in a browser:\n\n  {link}\n\nThis waits for it. If the browser \
                 runs on another machine, it ends at an address that it cannot load, which begins \
                 with {}: open that address on this machine, for example with curl.",
                &redirect[..url::Position::BeforePath]
            )),
            News::SignedIn(identity) => self.say(&format!("Signed in as {identity}.")),
            News::Standing(status) => {
                self.stand(state, status);
                self.note(state, status);
            }
            News::Meanwhile(status) => self.note(state, status),
            News::LogKey { key } => self.say(&format!(
                "The public log has another key from now on, which the coordinator has certified: {key}."
            )),
            News::Moved { to, coordinator } => self.say(&moved(to, coordinator)),
            News::Halted => self.say(
                "The ceremony is halted by its operator: nobody can join now. Waiting: this joins \
                 as soon as it goes on.",
            ),
            News::GoesOn => self.say("The ceremony goes on: joined."),
            News::SmallerForm { by, refused, len } => self.say(&format!(
                "{} refuses bodies of {}: the contribution goes in a smaller form, of {}.",
                capital(by),
                numbers::bytes(refused),
                numbers::bytes(len)
            )),
            News::Carry {
                dir,
                turn,
                left,
                is_new,
            } => self.carry(dir, turn, left, is_new),
            News::Awaiting { left } => self.awaiting(state, left),
            News::NotSent { why } => self.say(&format!(
                "Not sent: {why}. This goes on waiting: compute it again on the other machine."
            )),
            News::Working { step, done, total } => self.work(state, step, done, total),
            News::Trouble { why, again_in } => {
                if state.trouble_since.is_none() {
                    state.trouble_since = Some(Instant::now());
                    self.say(&format!(
                        "Connection trouble: {why}. Trying again; nothing is lost."
                    ));
                }
                if let Some(bar) = &self.bar {
                    bar.set_message(format!("no answer, again in {}", numbers::duration(again_in)));
                }
            }
            News::Recovered => self.recover(state),
            News::Kept { path } => self.say(&format!(
                "What the coordinator promises is kept, with its signature, in {}.",
                path.display()
            )),
            News::NotKept { why } => self.say(&format!("warning: {why}")),
            News::CoordinatorFault => self.say(
                "The coordinator failed to verify the contribution. Your identity is not used up: \
                 joining again.",
            ),
        }
    }
}

fn moved(to: &Url, coordinator: &str) -> String {
    format!(
        "The ceremony has moved to {to}, coordinator {coordinator}: the public log says so. Going on \
         there."
    )
}

fn present(step: Step) -> &'static str {
    match step {
        Step::Download => "Downloading the powers",
        Step::Check => "Checking the powers",
        Step::Compute => "Computing",
        Step::Upload => "Uploading",
        Step::Verify => "The coordinator verifies",
        Step::Recheck => "Checking the contribution",
    }
}

fn past(step: Step, state: &State) -> String {
    let time = numbers::duration(state.since.elapsed());
    match step {
        Step::Download => format!(
            "Downloaded the powers: {} in {time}.",
            numbers::bytes(state.total)
        ),
        Step::Check => format!("Checked the powers: valid ({time})."),
        Step::Compute => format!("Computed with {} in {time}.", threads()),
        Step::Upload => format!(
            "Uploaded the contribution: {} in {time}.",
            numbers::bytes(state.total)
        ),
        Step::Verify => format!("The coordinator has verified it ({time})."),
        Step::Recheck => format!("Checked the contribution ({time})."),
    }
}

/// The text with a capital letter, to begin a sentence.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn threads() -> String {
    numbers::count(rayon::current_num_threads() as u64, "thread")
}

fn style(scene: Scene) -> ProgressStyle {
    let template = match scene {
        Scene::Line | Scene::Offline | Scene::Work(Step::Check | Step::Verify | Step::Recheck) => {
            SPINNER
        }
        Scene::Work(Step::Compute) => SHARE,
        Scene::Work(Step::Download | Step::Upload) => TRANSFER,
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

//! The terminal: set up and given back, whatever ends the program; and the loop that draws on it.

use std::io::{self, stdout};

use crossterm::event::{Event, EventStream, KeyEvent};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};
use futures_util::StreamExt as _;
use ratatui::DefaultTerminal;
use ratatui::backend::CrosstermBackend;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Duration, Instant, MissedTickBehavior, interval, sleep_until};

use super::draw::draw;
use super::heard::Heard;
use super::keys::Wish;
use super::state::State;
use super::theme::Theme;
use super::view::{Drawn, View};
use crate::exit::{Failure, Outcome, plain};
use crate::interrupt::Interrupt;

/// Time goes by on the screen this often. A key, another size or a status is drawn at once.
const TICK: Duration = Duration::from_secs(1);

/// Between two drawings at least, when statuses or keys come in quick succession.
const SHORTEST: Duration = Duration::from_millis(40);

/// The terminal while it is this program's. When it is dropped, it is as it was before.
struct Screen(DefaultTerminal);

impl Screen {
    fn open() -> Outcome<Self> {
        let terminal = ratatui::try_init().map_err(|error| {
            // It may have got half the way.
            ratatui::restore();
            failed(&error)
        })?;
        Ok(Self(terminal))
    }

    /// Gives the terminal back to the shell and stops, until the shell says to go on.
    #[cfg(unix)]
    fn suspend(&mut self) -> Outcome {
        self.0.show_cursor().map_err(|error| failed(&error))?;
        ratatui::try_restore().map_err(|error| failed(&error))?;
        let stopped =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
        // Here it has gone on, or could not be stopped.
        crossterm::terminal::enable_raw_mode().map_err(|error| failed(&error))?;
        execute!(stdout(), EnterAlternateScreen).map_err(|error| failed(&error))?;
        // The other screen is empty, and a new terminal knows it. To clear the old one it would ask where the
        // cursor is, and the answer comes among the keys.
        let backend = CrosstermBackend::new(stdout());
        self.0 = DefaultTerminal::new(backend).map_err(|error| failed(&error))?;
        stopped.map_err(|error| failed(&error.into()))
    }

    #[cfg(not(unix))]
    fn suspend(&mut self) -> Outcome {
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // The terminal may be gone.
        let _ = self.0.show_cursor();
        let _ = crossterm::terminal::disable_raw_mode();
        let _ = execute!(stdout(), LeaveAlternateScreen);
    }
}

fn failed(error: &io::Error) -> Failure {
    Failure::io(format!("cannot draw on this terminal: {}", plain(error)))
        .help("--plain prints a line for each change instead")
}

/// The signal of a shell that wants a job to stop.
struct Stops {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Stops {
    #[cfg(unix)]
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let number = rustix::process::Signal::TSTP.as_raw();
        Self {
            signal: signal(SignalKind::from_raw(number)).ok(),
        }
    }

    #[cfg(not(unix))]
    fn listen() -> Self {
        Self {}
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}

/// Shows what is heard until the user quits, or a signal ends it.
pub(super) async fn run(
    mut state: State,
    mut heard: Receiver<Heard>,
    mut interrupt: Interrupt,
) -> Outcome {
    let mut screen = Screen::open()?;
    let mut stops = Stops::listen();
    let mut keys = Keys(Some(EventStream::new()));
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut view = View::new(Theme::of_environment());
    view.keys = true;
    // What is shown while the view stands still.
    let mut still: Option<State> = None;
    loop {
        let began = Instant::now();
        let drawn = redraw(
            &mut screen,
            still.as_ref().unwrap_or(&state),
            &view,
            state.changes,
        )?;
        let wish = tokio::select! {
            biased;
            _ = interrupt.raised() => Wish::Quit,
            () = stops.next() => Wish::Suspend,
            key = keys.next() => match key {
                Some(key) => view.press(key, drawn, state.changes, Instant::now()),
                None => Wish::Look,
            },
            heard = heard.recv() => match heard {
                Some(heard) => {
                    take(&mut state, &heard, &mut view);
                    Wish::Look
                }
                None => Wish::Quit,
            },
            _ = ticks.tick() => Wish::Look,
        };
        match wish {
            Wish::Quit => return Ok(()),
            Wish::Suspend => screen.suspend()?,
            Wish::Look => {}
        }
        still = match (view.paused, still) {
            (Some(_), None) => Some(state.clone()),
            (Some(_), still) => still,
            (None, Some(before)) => {
                view.keep_place(&before, &state);
                None
            }
            (None, None) => None,
        };
        sleep_until(began + SHORTEST).await;
    }
}

/// The keys that the user presses. None of them any more if they cannot be read: there are still signals.
struct Keys(Option<EventStream>);

impl Keys {
    /// The next key; none when the terminal has another size now.
    async fn next(&mut self) -> Option<KeyEvent> {
        let Some(events) = &mut self.0 else {
            return std::future::pending().await;
        };
        match events.next().await {
            Some(Ok(Event::Key(key))) => Some(key),
            Some(Ok(_)) => None,
            Some(Err(_)) | None => {
                self.0 = None;
                None
            }
        }
    }
}

/// Takes in what is heard. Whoever has scrolled down goes on seeing the same contributions.
fn take(state: &mut State, heard: &Heard, view: &mut View) {
    let before = (view.offset > 0 && view.paused.is_none()).then(|| state.clone());
    state.hear(heard, Instant::now());
    if let Some(before) = before {
        view.keep_place(&before, state);
    }
}

fn redraw(screen: &mut Screen, state: &State, view: &View, changes: u64) -> Outcome<Drawn> {
    let mut drawn = Drawn::default();
    let result = screen.0.draw(|frame| {
        let area = frame.area();
        let buffer = frame.buffer_mut();
        drawn = draw(state, view, changes, Instant::now(), area, buffer);
    });
    match result {
        Ok(_) => Ok(drawn),
        Err(error) => Err(failed(&error)),
    }
}

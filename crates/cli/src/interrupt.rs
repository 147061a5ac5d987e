//! Ctrl-C and the signals that end a program, and what each of them means.
//!
//! A place in the queue is given up only when the user clearly asks for it: by Ctrl-C, on a
//! terminal twice. When something else ends the program (a closed terminal, a logout, a shutdown),
//! the place is kept.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::exit::{Exit, Failure, Outcome};

/// A second signal within this time is the same one again: the terminal has sent Ctrl-C to the
/// process, and a wrapper has passed it on. Nobody presses twice so fast.
const ECHO: Duration = Duration::from_millis(300);

/// How long the question whether to leave can be answered. Long enough to read it.
pub const QUESTION_LIMIT: Duration = Duration::from_secs(10);

/// How the user, or the machine, wants the program to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Give up what is held.
    Leave,
    /// End because of this signal, and keep what is held.
    Keep(&'static str),
}

/// Whether the program is to end, and how.
#[derive(Debug, Clone)]
pub struct Interrupt(watch::Receiver<Option<Wish>>);

impl Interrupt {
    /// Listens for Ctrl-C, and on Unix for SIGTERM and SIGHUP. All of them mean to leave at once. A
    /// second signal ends the process.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn listen() -> Outcome<Self> {
        let mut signals = Signals::listen()?;
        Ok(Self::from_wish(async move {
            let _ = signals.next().await;
            (Wish::Leave, signals)
        }))
    }

    /// Listens for the signals of a participant: SIGTERM and SIGHUP keep what is held, Ctrl-C gives
    /// it up. With `ask`, the first Ctrl-C only asks, and a second one within ten seconds leaves;
    /// where `ask` returns false, there is nothing to lose, and the first leaves. A further signal
    /// ends the process.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn listen_and_ask(ask: Option<impl Fn() -> bool + Send + 'static>) -> Outcome<Self> {
        let mut signals = Signals::listen()?;
        Ok(Self::from_wish(async move {
            let mut asked = Asked::default();
            loop {
                let wish = match (signals.next().await, &ask) {
                    (Signal::Ended(name), _) => Some(Wish::Keep(name)),
                    (Signal::CtrlC, None) => Some(Wish::Leave),
                    (Signal::CtrlC, Some(ask)) => asked.again(ask),
                };
                if let Some(wish) = wish {
                    return (wish, signals);
                }
            }
        }))
    }

    fn from_wish(wish: impl Future<Output = (Wish, Signals)> + Send + 'static) -> Self {
        let (sender, receiver) = watch::channel(None);
        tokio::spawn(async move {
            let (wish, mut signals) = wish.await;
            sender.send_replace(Some(wish));
            let first = Instant::now();
            loop {
                let _ = signals.next().await;
                if first.elapsed() > ECHO {
                    break;
                }
            }
            std::process::exit(Exit::Bad as i32);
        });
        Self(receiver)
    }

    /// Whether the program is to end already.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Waits until the program is to end, and returns how.
    pub async fn raised(&mut self) -> Wish {
        let wish = match self.0.wait_for(Option::is_some).await {
            Ok(wish) => *wish,
            Err(_) => None,
        };
        match wish {
            Some(wish) => wish,
            // The sender is gone: it can never be raised.
            None => std::future::pending().await,
        }
    }

    /// An interrupt that is never raised.
    #[must_use]
    pub fn never() -> Self {
        Self(watch::channel(None).1)
    }
}

/// When the user was last asked whether to leave.
#[derive(Default)]
struct Asked(Option<Instant>);

impl Asked {
    /// What one more Ctrl-C means.
    fn again(&mut self, ask: &impl Fn() -> bool) -> Option<Wish> {
        let since = self.0.map(|at| at.elapsed());
        match since {
            Some(since) if since <= ECHO => None,
            Some(since) if since <= QUESTION_LIMIT => Some(Wish::Leave),
            _ if ask() => {
                self.0 = Some(Instant::now());
                None
            }
            _ => Some(Wish::Leave),
        }
    }
}

/// A signal that came.
enum Signal {
    CtrlC,
    /// One that ends the program without the user having asked for it.
    Ended(&'static str),
}

#[cfg(unix)]
struct Signals([tokio::signal::unix::Signal; 3]);

#[cfg(unix)]
impl Signals {
    fn listen() -> Outcome<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen =
            |kind| signal(kind).map_err(|e| Failure::io(format!("cannot listen to Ctrl-C: {e}")));
        Ok(Self([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    async fn next(&mut self) -> Signal {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => Signal::CtrlC,
            _ = terminate.recv() => Signal::Ended("SIGTERM"),
            _ = hangup.recv() => Signal::Ended("SIGHUP"),
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Outcome<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Signal {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::CtrlC
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_ctrl_c_asks_and_a_second_within_ten_seconds_leaves() {
        let asked = std::cell::Cell::new(0);
        let ask = || {
            asked.set(asked.get() + 1);
            true
        };
        let mut ctrl_c = Asked::default();
        assert_eq!(ctrl_c.again(&ask), None);
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!(ctrl_c.again(&ask), None, "the same one again");
        tokio::time::advance(Duration::from_secs(11)).await;
        assert_eq!(ctrl_c.again(&ask), None, "too late: it asks again");
        assert_eq!(asked.get(), 2);
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(ctrl_c.again(&ask), Some(Wish::Leave));
        assert_eq!(asked.get(), 2);
    }

    #[tokio::test]
    async fn where_nothing_is_held_the_first_ctrl_c_ends() {
        assert_eq!(Asked::default().again(&|| false), Some(Wish::Leave));
    }
}

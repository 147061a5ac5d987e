//! Ctrl-C, and the signals that mean the same: once to stop cleanly, twice to stop at once.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::exit::{Exit, Failure, Outcome};

/// How soon after the first a signal is the same one again: a wrapper that passes Ctrl-C on to a
/// process which the terminal has signalled already. Ours: nobody presses twice so fast.
const ECHO: Duration = Duration::from_millis(300);

/// Whether the user wants to stop.
#[derive(Debug, Clone)]
pub struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Listens to Ctrl-C, and on Unix to SIGTERM and SIGHUP. A second one ends the process.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn listen() -> Outcome<Self> {
        let (sender, receiver) = watch::channel(false);
        let mut signals =
            Signals::new().map_err(|e| Failure::io(format!("cannot listen to Ctrl-C: {e}")))?;
        tokio::spawn(async move {
            signals.next().await;
            sender.send_replace(true);
            let first = Instant::now();
            loop {
                signals.next().await;
                if first.elapsed() > ECHO {
                    break;
                }
            }
            std::process::exit(Exit::Bad as i32);
        });
        Ok(Self(receiver))
    }

    /// Whether the user wants to stop already.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the user wants to stop.
    pub async fn raised(&mut self) {
        if self.0.wait_for(|raised| *raised).await.is_err() {
            // Nobody can raise it any more.
            std::future::pending::<()>().await;
        }
    }

    /// One that is never raised.
    #[must_use]
    pub fn never() -> Self {
        Self(watch::channel(false).1)
    }
}

#[cfg(unix)]
struct Signals([tokio::signal::unix::Signal; 3]);

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

//! Where what is heard comes from: the coordinator's stream of events, and its status, asked for again
//! and again, where there is no stream or it has broken. A ceremony that moves is followed.

use std::time::Duration;

use reqwest::Url;
use tauline_protocol::status::MovedTo;
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep_until};

use super::heard::{Heard, Via};
use super::told::Told;
use crate::backoff::Backoff;
use crate::client::{self, Client};
use crate::participant::named_by_log;

#[cfg(test)]
mod tests;

/// How many coordinators one after the other are followed. No ceremony has had as many.
const MAX_MOVES: usize = 16;

/// How long what is asked of a coordinator's log on the way to the next one is asked again.
const PATIENCE: Duration = Duration::from_secs(20);

/// The times between one thing and the next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rhythm {
    /// Between two questions for the status.
    pub(super) poll: Duration,
    /// A stream that says nothing for so long is dead. Signs of life come each 15 s.
    pub(super) silence: Duration,
    /// The longest pause before a stream that has broken is asked for again.
    pub(super) broken: Duration,
    /// Before a stream is asked for again that is not there. A coordinator may be replaced by a newer one.
    pub(super) no_stream: Duration,
    /// Between two attempts at following a move.
    pub(super) follow: Duration,
}

impl Rhythm {
    /// That of the coordinator's page (`docs/spec/http-api.md#ceremony-events`).
    pub(super) const USUAL: Self = Self {
        poll: Duration::from_secs(5),
        silence: Duration::from_secs(45),
        broken: Duration::from_secs(60),
        no_stream: Duration::from_secs(300),
        follow: Duration::from_secs(15),
    };
}

/// What is watched.
pub(super) struct Source {
    client: Client,
    rhythm: Rhythm,
    to: Sender<Heard>,
    moves: usize,
}

/// Nobody listens any more.
struct Over;

/// A move that is told: where to, and the address of the coordinator that tells it.
struct Moved {
    to: MovedTo,
    by: String,
}

/// Why there is nothing more to hear on a stream.
enum Ended {
    /// There is no stream.
    NoStream,
    /// It has broken, or could not be opened. The server may have said when to come back.
    Broken { again_in: Option<Duration> },
    /// The ceremony has moved.
    Moved(Moved),
}

impl Source {
    pub(super) fn new(client: Client, rhythm: Rhythm, to: Sender<Heard>) -> Self {
        Self {
            client,
            rhythm,
            to,
            moves: 0,
        }
    }

    /// Tells what is heard, until nobody listens any more.
    pub(super) async fn run(mut self) {
        while let Ok(()) = self.stay().await {}
    }

    /// Tells what is heard of one coordinator, and goes to the next.
    async fn stay(&mut self) -> Result<(), Over> {
        let mut backoff = Backoff::growing_to(self.rhythm.broken);
        loop {
            let opened = Instant::now();
            let pause = match self.listen().await? {
                Ended::Moved(moved) => return self.follow(moved).await,
                Ended::NoStream => self.rhythm.no_stream,
                Ended::Broken { again_in } => {
                    // One that has lived for a while was a good one.
                    if opened.elapsed() > self.rhythm.silence {
                        backoff = Backoff::growing_to(self.rhythm.broken);
                    }
                    backoff.next(again_in).unwrap_or(self.rhythm.broken)
                }
            };
            if let Some(moved) = self.ask_until(Instant::now() + pause).await? {
                return self.follow(moved).await;
            }
        }
    }

    async fn tell(&self, heard: Heard) -> Result<(), Over> {
        self.to.send(heard).await.map_err(|_| Over)
    }

    /// Pauses, as long as somebody listens.
    async fn pause_until(&self, until: Instant) -> Result<(), Over> {
        tokio::select! {
            () = sleep_until(until) => Ok(()),
            () = self.to.closed() => Err(Over),
        }
    }

    /// Tells what the stream says, as long as it goes on.
    async fn listen(&self) -> Result<Ended, Over> {
        let opened = tokio::select! {
            opened = self.client.events(self.rhythm.silence) => opened,
            () = self.to.closed() => return Err(Over),
        };
        let mut events = match opened {
            Ok(Some(events)) => events,
            Ok(None) => return Ok(Ended::NoStream),
            Err(error) => {
                let again_in = error.retry_after();
                return Ok(Ended::Broken { again_in });
            }
        };
        self.tell(Heard::Alive).await?;
        loop {
            let said = tokio::select! {
                said = events.next() => said,
                () = self.to.closed() => return Err(Over),
            };
            let Ok(said) = said else {
                return Ok(Ended::Broken { again_in: None });
            };
            // What is not understood here will not be, either, if it is said again at once.
            let Ok((heard, moved)) = heard(said, Via::Stream) else {
                return Ok(Ended::NoStream);
            };
            self.tell(heard).await?;
            if let Some(moved) = moved {
                return Ok(Ended::Moved(moved));
            }
        }
    }

    /// Asks for the status until that time, and at least once. Ends sooner when the coordinator is back
    /// after it was away, and when the ceremony has moved.
    async fn ask_until(&self, until: Instant) -> Result<Option<Moved>, Over> {
        let mut was_away = false;
        loop {
            let asked = Instant::now();
            let answer = tokio::select! {
                answer = self.client.status_text() => answer,
                () = self.to.closed() => return Err(Over),
            };
            let mut pause = self.rhythm.poll;
            let why = match answer {
                Ok(said) => match heard(said, Via::Polls) {
                    Ok((heard, moved)) => {
                        self.tell(heard).await?;
                        if moved.is_some() || was_away {
                            return Ok(moved);
                        }
                        None
                    }
                    Err(why) => Some(why),
                },
                Err(error) => {
                    was_away = true;
                    pause = pause.max(error.retry_after().unwrap_or_default());
                    Some(error.to_string())
                }
            };
            if let Some(why) = why {
                self.tell(Heard::Lost { why }).await?;
            }
            // Where a stream is asked for sooner, that is the next question.
            let next = asked + pause;
            self.pause_until(next.min(until)).await?;
            if next >= until {
                return Ok(None);
            }
        }
    }

    /// Goes where the ceremony went, once the older coordinator's public log says so and the one that it
    /// names is there.
    async fn follow(&mut self, mut moved: Moved) -> Result<(), Over> {
        let mut named = None;
        loop {
            match self.next_coordinator(&moved, &mut named).await {
                Ok(client) => {
                    self.moves += 1;
                    let to = client.server().clone();
                    self.client = client;
                    return self.tell(Heard::Moved { to }).await;
                }
                Err(why) => self.tell(Heard::NotFollowed { why }).await?,
            }
            self.pause_until(Instant::now() + self.rhythm.follow)
                .await?;
            if let Some(now) = self.ask_until(Instant::now()).await?
                && now.to != moved.to
            {
                (moved, named) = (now, None);
            }
        }
    }

    /// The coordinator that has the ceremony now, if all bears it out; or else why it is not gone to, as a
    /// sentence. `named` is its address, as soon as the log has said it.
    async fn next_coordinator(
        &self,
        moved: &Moved,
        named: &mut Option<Url>,
    ) -> Result<Client, String> {
        if moved.to.url.is_none() {
            return Err("Ask the ceremony's operator for the address".to_owned());
        }
        if self.moves >= MAX_MOVES {
            return Err(format!(
                "It was not followed: it has moved more than {MAX_MOVES} times, so this goes round"
            ));
        }
        let server = match named {
            Some(server) => server.clone(),
            None => named_by_log(&self.client, PATIENCE, &moved.by, None, &moved.to)
                .await
                .map_err(|failure| failure.text().to_owned())?,
        };
        *named = Some(server.clone());
        let http = client::http(&server).map_err(|failure| failure.text().to_owned())?;
        let client = Client::new(http, server.clone());
        let status = client.status().await;
        let status = status.map_err(|error| format!("{server} does not answer yet ({error})"))?;
        match status.coordinator_address == moved.to.coordinator_address {
            true => Ok(client),
            false => Err(format!(
                "It was not followed: another coordinator answers at {server}, {}",
                status.coordinator_address
            )),
        }
    }
}

/// What is heard by this, and the move of the ceremony that it tells.
fn heard(text: String, via: Via) -> Result<(Heard, Option<Moved>), String> {
    let told = Told::read(&text)?;
    let status = &told.status;
    let moved = status.moved_to.clone().map(|to| Moved {
        to,
        by: status.coordinator_address.clone(),
    });
    let heard = Heard::Status {
        text,
        told: Box::new(told),
        via,
    };
    Ok((heard, moved))
}

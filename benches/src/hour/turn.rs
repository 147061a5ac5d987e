//! A turn: download, computation and upload, in which the participant may vanish.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use reqwest::Body;
use serde_json::Value;
use tauline_protocol::status::{QueueStatus, QueueWord};
use tokio::sync::watch;

use super::caller::{Caller, answer};
use super::population::Fate;
use super::world::{Clients, What, World};

/// The share of a turn that is over when the upload begins.
pub(super) const BEFORE_UPLOAD: f64 = 0.8;
/// The number of pieces of an upload.
const PIECES: usize = 8;
/// The time until a check-in that broke is repeated.
const PAUSE: Duration = Duration::from_millis(20);

/// A turn, for its participant's client.
struct Turn<'a> {
    caller: &'a Caller,
    number: usize,
    fate: Fate,
    began: f64,
    /// When the last byte was sent, or the participant vanished. No check-in begins after that.
    stopped: watch::Sender<Option<f64>>,
}

/// Takes a turn, whose powers are in `state`.
///
/// # Errors
/// An honest participant's contribution that gets no receipt.
pub async fn take_turn(caller: &Caller, state: &Value, path: &str) -> Result<()> {
    let world = &caller.world;
    let (number, fate) = world.grant(caller.number)?;
    let turn = Turn {
        caller,
        number,
        fate,
        began: world.now(),
        stopped: watch::Sender::new(None),
    };
    let beats = (world.clients == Clients::Own && world.beat > 0.0).then(|| {
        let held = format!("/queue/checkin?wait={:.4}", world.beat / world.scale);
        tokio::spawn(check_in(caller.call(&held), turn.stopped.subscribe()))
    });
    let body = world.contribution_on(state)?;
    let vanishes_at = turn.vanishes_at().unwrap_or(f64::INFINITY);
    let ended = {
        let contributed = turn.contribute(path, body);
        tokio::pin!(contributed);
        tokio::select! {
            ended = &mut contributed => ended,
            () = world.sleep_until(vanishes_at) => {
                caller.note(What::Vanished { turn: number });
                if fate.quietly {
                    // No check-in begins, no byte is sent, and no connection is closed any more.
                    turn.stopped.send_replace(Some(world.now()));
                    world.over().await;
                }
                Ok(())
            }
        }
    };
    if let Some(beats) = beats {
        beats.abort();
    }
    ended
}

impl Turn<'_> {
    fn vanishes_at(&self) -> Option<f64> {
        let fate = self.fate;
        fate.vanishes.then_some(self.began + fate.at * fate.seconds)
    }

    async fn contribute(&self, path: &str, body: &[u8]) -> Result<()> {
        let caller = self.caller;
        let upload_from = self.began + BEFORE_UPLOAD * self.fate.seconds;
        caller.world.sleep_until(upload_from).await;
        let mut answered = answer(self.upload(path, body)).await;
        if let Err(error) = &answered {
            // The coordinator has closed the connection meanwhile.
            caller.broke(error);
            answered = answer(self.upload(path, body)).await;
        }
        match answered? {
            (200, receipt) if receipt["receipt"].is_string() => {
                let sent = self.stopped.borrow().unwrap_or(f64::NAN);
                let turn = self.number;
                caller.note(What::Accepted { turn, sent });
                Ok(())
            }
            (status, text) => bail!("an upload was answered {status}: {text}"),
        }
    }

    /// The upload, whose pieces are sent one after another until the turn's time is over.
    fn upload(&self, path: &str, body: &[u8]) -> reqwest::RequestBuilder {
        let length = body.len();
        let pieces: Vec<(f64, Vec<u8>)> = body
            .chunks(length.div_ceil(PIECES))
            .enumerate()
            .map(|(number, piece)| {
                let part = (number + 1) as f64 / PIECES as f64;
                let part = BEFORE_UPLOAD + (1.0 - BEFORE_UPLOAD) * part;
                (self.began + part * self.fate.seconds, piece.to_vec())
            })
            .collect();
        let sending = Sending {
            world: Arc::clone(&self.caller.world),
            ends: self.vanishes_at().unwrap_or(f64::INFINITY),
            last_byte: self.stopped.clone(),
        };
        let pieces = futures_util::stream::unfold(
            (pieces.into_iter(), sending),
            |(mut pieces, sending)| async {
                let (due, piece) = pieces.next()?;
                sending.wait(due, pieces.len() == 0).await;
                Some((Ok::<_, std::io::Error>(piece), (pieces, sending)))
            },
        );
        self.caller
            .call(path)
            .header("content-type", "application/json")
            .header("content-length", length)
            .body(Body::wrap_stream(pieces))
    }
}

/// Decides when the pieces of an upload are sent.
struct Sending {
    world: Arc<World>,
    /// No piece is sent from then on.
    ends: f64,
    last_byte: watch::Sender<Option<f64>>,
}

impl Sending {
    async fn wait(&self, due: f64, last: bool) {
        if due >= self.ends {
            return std::future::pending().await;
        }
        self.world.sleep_until(due).await;
        if last {
            self.last_byte.send_replace(Some(self.world.now()));
        }
    }
}

/// Sends one held check-in after another during a turn, until the participant stops or the turn is
/// over.
async fn check_in(request: reqwest::RequestBuilder, stopped: watch::Receiver<Option<f64>>) {
    while stopped.borrow().is_none() {
        let Some(request) = request.try_clone() else {
            return;
        };
        let status = match answer(request).await {
            Ok((200, status)) => serde_json::from_value::<QueueStatus>(status).ok(),
            Ok(_) => None,
            Err(_) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        if status.is_none_or(|it| it.queue_status != QueueWord::Contributing) {
            return;
        }
    }
}

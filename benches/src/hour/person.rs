//! One participant's client, from signing in to its turn.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use rand::Rng;
use tauline_protocol::contribution::StartRequest;
use tauline_protocol::status::{QueueStatus, QueueWord};
use tauline_queue_core::rhythm::{self, Next, Told};

use super::caller::{Caller, answer};
use super::population::{Made, Nature};
use super::turn::take_turn;
use super::world::{Clients, What, World};
use crate::load::{http, sign_in};

/// The shortest and longest time from an answer to the next poll, in seconds.
const RHYTHM: std::ops::Range<f64> = 25.0..35.0;
/// For how many seconds a check-in near the turn asks to be held.
const HOLD: f64 = 15.0;
/// The time until a client repeats a request that broke or was lost, in seconds.
const PAUSE: f64 = 2.0;
/// The same after a rest, if no answer comes.
const UNANSWERED: f64 = 7.0;

/// One participant.
pub struct Person {
    caller: Caller,
    nature: Nature,
    misses: f64,
    /// How many polls in a row were lost.
    lost: u32,
}

impl Person {
    /// Runs until the turn is over, the participant goes away or the run ends. Its connections are
    /// closed then.
    pub async fn live(world: Arc<World>, made: Made, number: usize) {
        let life = async {
            world.note(number, What::Arrived);
            match Self::sign_in(&world, &made, number).await {
                Ok(mut person) => person.wait_in_line().await,
                Err(error) => {
                    let why = format!("signing in: {error:#}");
                    world.note(number, What::Dropped { why, lost: 0 });
                }
            }
        };
        tokio::select! {
            () = life => {}
            () = world.over() => {}
        }
    }

    async fn sign_in(world: &Arc<World>, made: &Made, number: usize) -> Result<Self> {
        // No certificates are loaded: none is ever checked.
        let http = http().tls_certs_only([]).no_proxy().build()?;
        let token = sign_in(&http, &world.url, number).await?;
        Ok(Self {
            caller: Caller {
                number,
                world: Arc::clone(world),
                http,
                token,
            },
            nature: Nature::new(made, number)?,
            misses: made.misses,
            lost: 0,
        })
    }

    async fn wait_in_line(&mut self) {
        let ended = match self.caller.world.clients {
            Clients::Polls => self.poll().await,
            Clients::Own => self.check_in().await,
        };
        if let Err(error) = ended {
            let (why, lost) = (format!("{error:#}"), self.lost);
            self.caller.note(What::Dropped { why, lost });
        }
    }

    /// Waits in line as the clients of Ethereum's ceremony do.
    async fn poll(&mut self) -> Result<()> {
        let leaves_at = self.leaves_at();
        let mut in_line = false;
        loop {
            if self.caller.world.now() > leaves_at {
                self.caller.note(What::Left);
                return Ok(());
            }
            if in_line && self.misses() {
                self.caller.note(What::Missed);
                self.lost += 1;
            } else {
                self.caller.world.count_poll();
                let sent = self.caller.world.now();
                let polled = answer(self.caller.call("/lobby/try_contribute")).await;
                // The answer may have been held: the participant is in line since it asked.
                if !in_line && polled.is_ok() {
                    self.caller
                        .world
                        .note_at(sent, self.caller.number, What::Joined);
                    in_line = true;
                }
                match polled {
                    Ok((200, state)) if !state["contributions"].is_null() => {
                        return take_turn(&self.caller, &state, "/contribute").await;
                    }
                    Ok((200, _)) => self.lost = 0,
                    Ok((status, text)) => bail!("a poll was answered {status}: {text}"),
                    Err(error) => {
                        self.caller.broke(&error);
                        self.caller.world.sleep(PAUSE).await;
                        continue;
                    }
                }
            }
            let rest = self.nature.random.gen_range(RHYTHM);
            self.caller.world.sleep(rest).await;
        }
    }

    /// Waits in line as `tauline contribute` does where no stream tells how the line moves.
    async fn check_in(&mut self) -> Result<()> {
        let leaves_at = self.leaves_at();
        let held = format!("/queue/checkin?wait={:.4}", HOLD / self.caller.world.scale);
        let mut status = self.status("/queue/join").await?;
        self.caller.note(What::Joined);
        loop {
            match status.queue_status {
                QueueWord::Queued => {}
                QueueWord::ReadyToContribute => break,
                _ => bail!("out of line: {:?} {:?}", status.ended, status.ended_because),
            }
            let (rest, path) = match self.next(&status) {
                Next::Hold => (0.0, &*held),
                Next::Rest(rest) => (rest.as_secs_f64(), "/queue/checkin"),
            };
            let now = self.caller.world.now();
            self.caller
                .world
                .sleep_until((now + rest).min(leaves_at))
                .await;
            if self.misses() {
                self.caller.note(What::Missed);
                let unanswered = if rest > 0.0 { UNANSWERED } else { PAUSE };
                self.caller.world.sleep(unanswered).await;
            }
            self.caller.world.count_poll();
            let checked_in = self.status(path);
            tokio::pin!(checked_in);
            status = tokio::select! {
                status = &mut checked_in => status?,
                () = self.caller.world.sleep_until(leaves_at) => {
                    self.caller.note(What::Left);
                    if self.nature.quietly {
                        // The request stays open, and nobody reads its answer.
                        self.caller.world.over().await;
                    }
                    return Ok(());
                }
            };
        }
        let start = StartRequest {
            client: Some("turns-an-hour".to_owned()),
            computation: None,
            checks_in: self.caller.world.beat > 0.0,
        };
        let start = serde_json::to_string(&start)?;
        let request = self.caller.call("/contribution/start").body(start);
        let request = request.header("content-type", "application/json");
        match answer(request).await? {
            (200, state) => take_turn(&self.caller, &state, "/contribution/complete").await,
            (status, text) => bail!("a start was answered {status}: {text}"),
        }
    }

    /// How our own clients check in next after this answer.
    fn next(&mut self, status: &QueueStatus) -> Next {
        let scale = self.caller.world.scale;
        let unscaled = |ms: Option<u64>| {
            let ms = Duration::from_millis(ms.unwrap_or_default());
            ms.mul_f64(scale)
        };
        let told = Told {
            position: status.queue_position.unwrap_or_default(),
            deadline_in: unscaled(status.next_checkin_in_ms),
            start_in: unscaled(status.expected_start_in_ms),
        };
        let chance = self.nature.random.gen_range(0..=1000);
        rhythm::next(&told, Duration::ZERO, chance)
    }

    /// Asks for the participant's status. A request that breaks is repeated once.
    async fn status(&self, path: &str) -> Result<QueueStatus> {
        let mut answered = answer(self.caller.call(path)).await;
        if let Err(error) = &answered {
            self.caller.broke(error);
            self.caller.world.sleep(PAUSE).await;
            answered = answer(self.caller.call(path)).await;
        }
        match answered? {
            (200, status) => Ok(serde_json::from_value(status)?),
            (status, text) => bail!("{path} was answered {status}: {text}"),
        }
    }

    fn leaves_at(&self) -> f64 {
        let after = self.nature.leaves_after;
        after.map_or(f64::INFINITY, |after| self.caller.world.now() + after)
    }

    fn misses(&mut self) -> bool {
        self.misses > 0.0 && self.nature.random.r#gen::<f64>() < self.misses
    }
}

//! Somebody who signs in, waits as the coordinator says, contributes, and repeats what breaks.
//!
//! Check-ins are sent some time before the deadline that the last answer gave, at a random moment of the
//! last third. Those who are to contribute hold theirs, as our clients do, so that somebody who is called
//! knows it at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tauline_protocol::login::LoginAnswer;
use tauline_protocol::status::{QueueStatus, QueueWord};

use super::seen::{CheckIn, Done};
use super::world::World;

/// Time that is left for an answer until the deadline.
const EARLY: Duration = Duration::from_secs(2);

/// For how long a check-in is held, as our clients have it; whoever waits so is there.
const HOLD: Duration = Duration::from_secs(15);

/// How many hold their check-ins beside those who are to contribute.
const MORE: u64 = 10;

/// The pause before a look at how a verification goes.
const LOOK: Duration = Duration::from_millis(200);

/// Somebody in line.
pub struct Person {
    world: Arc<World>,
    number: usize,
    token: String,
    status: QueueStatus,
    told: Instant,
    /// The receipt that the upload was answered with, and the contribution's number.
    acknowledged: Option<Done>,
}

impl Person {
    /// Signs in and joins.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn join(world: Arc<World>, number: usize) -> Result<Self> {
        let login = format!(r#"{{"invite":"code-of-participant-{number}"}}"#);
        let answer = world.ask("/login", None, &login, Duration::ZERO).await;
        let answer = answer.answer;
        ensure!(answer.status == 200, "login: {answer}");
        let login: LoginAnswer = serde_json::from_slice(&answer.body)?;
        let token = Some(login.token.as_str());
        let answer = world.ask("/queue/join", token, "", Duration::ZERO).await;
        let answer = answer.answer;
        ensure!(answer.status == 200, "joining: {answer}");
        Ok(Self {
            status: serde_json::from_slice(&answer.body)?,
            world,
            number,
            token: login.token,
            told: Instant::now(),
            acknowledged: None,
        })
    }

    /// Waits and contributes, until its contribution is accepted or the world ends.
    pub async fn live(mut self) {
        let world = Arc::clone(&self.world);
        let lives = async {
            let lived = self.wait_and_contribute().await;
            if let Err(error) = lived {
                let fault = format!("participant {}: {error:#}", self.number);
                self.world.seen().faults.push(fault);
            }
        };
        tokio::select! {
            () = lives => {}
            () = world.over() => {}
        }
    }

    async fn wait_and_contribute(&mut self) -> Result<()> {
        let ticket = self.status.ticket;
        loop {
            match self.status.queue_status {
                QueueWord::Queued => self.check_in().await?,
                QueueWord::ReadyToContribute | QueueWord::Contributing => {
                    self.contribute().await?;
                    self.look().await?;
                }
                QueueWord::Verifying => {
                    tokio::time::sleep(LOOK).await;
                    self.look().await?;
                }
                QueueWord::Contributed => return self.keep_receipt(),
                QueueWord::NotQueued | QueueWord::Expired => {
                    let lost = format!("participant {}: {:?}", self.number, self.status);
                    self.world.seen().lost.push(lost);
                    return Ok(());
                }
            }
            ensure!(
                self.status.ticket == ticket,
                "the place of {ticket:?} is another: {:?}",
                self.status
            );
        }
    }

    /// Checks in when it is due.
    async fn check_in(&mut self) -> Result<()> {
        let interval = Duration::from_millis(self.status.next_checkin_in_ms.unwrap_or(0));
        let deadline = self.told + interval;
        // The first tickets are as many as there are contributions; some more wait as they do.
        let holds = self.status.ticket <= Some(self.world.goal() + MORE);
        let (due, hold) = match holds {
            true => (self.told, HOLD),
            false => {
                let share = 1.0 - rand::random::<f64>() / 3.0;
                let after = interval.saturating_sub(EARLY).mul_f64(share);
                (self.told + after, Duration::ZERO)
            }
        };
        tokio::time::sleep_until(due.into()).await;
        let is_late = Instant::now() > deadline;
        let sent = self.ask("/queue/checkin", hold).await?;
        let mut seen = self.world.seen();
        seen.own_fault += usize::from(is_late);
        if !holds && self.world.has_begun() {
            seen.check_ins.push(CheckIn {
                due,
                sent,
                answered: self.told,
            });
        }
        Ok(())
    }

    /// Asks where it stands, at once.
    async fn look(&mut self) -> Result<()> {
        self.ask("/queue/checkin", Duration::ZERO).await?;
        Ok(())
    }

    /// Asks until it is told where it stands; says when the request was sent that was answered.
    async fn ask(&mut self, path: &str, hold: Duration) -> Result<Instant> {
        let heard = self.world.ask(path, Some(&self.token), "", hold).await;
        ensure!(
            heard.answer.status == 200,
            "a check-in was answered {}",
            heard.answer
        );
        self.status = serde_json::from_slice(&heard.answer.body)?;
        self.told = Instant::now();
        Ok(heard.sent)
    }

    /// Takes the powers, waits for its time, and uploads until there is an answer.
    async fn contribute(&mut self) -> Result<()> {
        let world = Arc::clone(&self.world);
        let token = Some(self.token.as_str());
        let start = "/contribution/start";
        let state = world.ask(start, token, "", Duration::ZERO).await.answer;
        ensure!(state.status == 200, "starting: {state}");
        let Some(body) = world.contribution_on(&state.body)? else {
            // All are there, and the world is about to end.
            return std::future::pending().await;
        };
        world.turn_comes().await;
        let complete = "/contribution/complete";
        let answer = world.ask(complete, token, body, Duration::ZERO).await;
        let answer = answer.answer;
        ensure!(answer.status == 200, "an upload was answered {answer}");
        let value: serde_json::Value = serde_json::from_slice(&answer.body)?;
        let number = value["number"].as_u64();
        let number = number.context("the answer to an upload has the number")?;
        world.accept(number);
        self.acknowledged = Some(Done {
            identity: self.status.id.clone(),
            ticket: self.status.ticket.context("whoever is in line has one")?,
            number,
            receipt: serde_json::from_slice(&answer.body)?,
        });
        Ok(())
    }

    /// What it is told after its contribution is what the upload was answered with.
    fn keep_receipt(&mut self) -> Result<()> {
        let Some(done) = self.acknowledged.take() else {
            bail!("contributed without an answer: {:?}", self.status);
        };
        ensure!(
            self.status.receipt.as_ref() == Some(&done.receipt),
            "two receipts: {done:?} and {:?}",
            self.status.receipt
        );
        self.world.seen().done.push(done);
        Ok(())
    }
}

//! A participant's whole life: sign in, join, wait, start, compute, complete.
//!
//! Every call may be repeated: `join`, `checkin` and `start` by the protocol, `complete` because
//! the same bytes are sent again. So a lost answer, a cut connection or a restarted coordinator
//! costs time and nothing else: the call is made again, and what the coordinator says next is
//! where life goes on.

mod accepted;
mod calls;
mod ending;
mod news;
mod parting;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use tauline_protocol::Identity;
use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::error::Code;
use tauline_protocol::login::LoginAnswer;
use tauline_protocol::status::{EndedWord, QueueStatus, QueueWord};
use tauline_transcript::{Base, Sizes};
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

pub use self::accepted::{Accepted, Times};
use self::ending::{cannot_join, over};
pub use self::news::{Listener, News, Step};
use crate::client::{Client, Form, Refused};
use crate::exit::{Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::signin::Credential;
use crate::work::{self, Outgoing, Work};

/// How long a check-in asks to be held. Ours: the position shown is at most this old, and a
/// connection that died unnoticed is found before a deadline passes: the coordinator counts whoever
/// is held as present, and the deadline after that is at least 5 s and the grace of 5 s away
/// (`http-queue-api.md`, Deadlines).
const HOLD: Duration = Duration::from_secs(15);

/// Pause before asking again where a call was refused that the standing seemed to allow.
const RECONSIDER: Duration = Duration::from_millis(500);

/// How often a participant signs in again for one call, joins again after the coordinator's own
/// faults, or loads the powers again that came broken.
const ATTEMPTS: u32 = 3;

/// How a participant lives.
pub struct Settings {
    /// The ceremony's sizes.
    pub sizes: Sizes,
    /// The form in which powers travel.
    pub form: Form,
    /// Extra entropy for the secrets.
    pub entropy: Arc<Zeroizing<Vec<u8>>>,
    /// How long a coordinator that does not answer is asked again.
    pub patience: Duration,
}

/// Why a life ended early.
pub(crate) enum Stop {
    Interrupted,
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// One participant.
pub struct Participant<'a> {
    client: Client,
    credential: Credential,
    settings: &'a Settings,
    listener: &'a dyn Listener,
    interrupt: Interrupt,
    identity: Option<Identity>,
    standing: Option<QueueStatus>,
    work: Option<(Option<u64>, Work)>,
    /// How far the work is.
    meter: work::Meter,
    times: Times,
}

impl<'a> Participant<'a> {
    /// A participant who has not signed in yet.
    pub fn new(
        client: Client,
        credential: Credential,
        settings: &'a Settings,
        listener: &'a dyn Listener,
        interrupt: Interrupt,
    ) -> Self {
        Self {
            client,
            credential,
            settings,
            listener,
            interrupt,
            identity: None,
            standing: None,
            work: None,
            meter: work::Meter::default(),
            times: Times::default(),
        }
    }

    /// Lives from signing in to the receipt.
    ///
    /// On an interruption the place in the queue or the turn is given up.
    ///
    /// # Errors
    /// Why there is no receipt.
    pub async fn contribute(&mut self) -> Outcome<Accepted> {
        match self.live().await {
            Ok(accepted) => Ok(accepted),
            Err(Stop::Interrupted) => Err(self.part("interrupted by the participant").await),
            Err(Stop::Failed(failure)) => Err(failure),
        }
    }

    async fn live(&mut self) -> Result<Accepted, Stop> {
        self.sign_in().await?;
        let mut status = self.join().await?;
        let mut joins = 1;
        loop {
            self.note(&status);
            status = match status.queue_status {
                QueueWord::Queued | QueueWord::Verifying => self.check_in(HOLD).await?,
                QueueWord::ReadyToContribute | QueueWord::Contributing => {
                    match self.take_turn(status.ticket).await? {
                        Some(receipt) => return self.accepted(status.ticket, receipt),
                        None => {
                            self.pause(RECONSIDER).await?;
                            self.check_in(Duration::ZERO).await?
                        }
                    }
                }
                QueueWord::Contributed => {
                    let receipt = status.receipt.take().ok_or_else(|| {
                        Failure::bad("the contribution is accepted, but its receipt is missing")
                            .help("run the same command again to ask for it")
                    })?;
                    return self.accepted(status.ticket, receipt);
                }
                QueueWord::Expired => return Err(over(&status).into()),
                QueueWord::NotQueued if joins < ATTEMPTS => {
                    if status.ended == Some(EndedWord::CoordinatorFault) {
                        self.listener.tell(News::CoordinatorFault);
                    }
                    joins += 1;
                    self.join().await?
                }
                QueueWord::NotQueued => return Err(over(&status).into()),
            };
        }
    }

    /// Signs in; the coordinator's name for the participant is known afterwards.
    pub(crate) async fn sign_in(&mut self) -> Result<(), Stop> {
        for attempt in 1.. {
            let mut client = self.client.clone();
            let credential = &self.credential;
            let answer: Result<LoginAnswer, Refused> = self
                .retry(async || {
                    let proof = credential.proof(&client).await?;
                    client.login(&proof).await
                })
                .await?;
            match answer {
                Ok(answer) => {
                    self.listener.tell(News::SignedIn(&answer.identity));
                    self.identity = Some(answer.identity);
                    self.client = client;
                    break;
                }
                // Nonces live in the coordinator's memory: one may have gone with a restart.
                Err(refused) if refused.is(&[Code::LoginUnknownNonce]) && attempt < ATTEMPTS => {}
                Err(refused) => {
                    return Err(
                        Failure::bad(format!("cannot sign in: {}", refused.body.error))
                            .code(&refused.body.code)
                            .into(),
                    );
                }
            }
        }
        Ok(())
    }

    /// Joins the queue, or takes the place up again that the participant has already.
    pub(crate) async fn join(&mut self) -> Result<QueueStatus, Stop> {
        let joined = self
            .call(async |client: &Client| client.join().await)
            .await?;
        self.times.joined.get_or_insert_with(Instant::now);
        match joined {
            Ok(status) => {
                self.standing = Some(status.clone());
                Ok(status)
            }
            // The receipt is still to be had.
            Err(refused) if refused.is(&[Code::AlreadyContributed]) => {
                self.check_in(Duration::ZERO).await
            }
            Err(refused) => Err(cannot_join(&refused).into()),
        }
    }

    /// Waits until the turn has come, or the stay is over.
    pub(crate) async fn wait_for_turn(&mut self) -> Result<QueueStatus, Stop> {
        let mut status = self.check_in(Duration::ZERO).await?;
        while status.queue_status == QueueWord::Queued {
            self.note(&status);
            status = self.check_in(HOLD).await?;
        }
        self.note(&status);
        Ok(status)
    }

    /// Fetches the powers, which starts the turn. Nothing when the turn is not to be had (any more).
    pub(crate) async fn start(&mut self) -> Result<Option<crate::client::Download>, Stop> {
        let (form, listener) = (self.settings.form, self.listener);
        let sizes = &self.settings.sizes;
        let limit = sizes.max_json_len().max(sizes.max_msgpack_len()) as u64;
        let started = self
            .call(async |client: &Client| {
                let progress = |done, total| {
                    listener.tell(News::Working {
                        step: Step::Download,
                        done,
                        total,
                    });
                };
                client.start(form, limit, &progress).await
            })
            .await?;
        match started {
            Ok(base) => Ok(Some(base)),
            Err(refused) => self.reconsider(&refused).await.map(|()| None),
        }
    }

    /// Gives the turn up, or the place.
    pub(crate) async fn abort(&mut self, reason: &str) -> Result<QueueStatus, Stop> {
        match self
            .call(async |client: &Client| client.abort(reason).await)
            .await?
        {
            Ok(status) => Ok(status),
            Err(refused) => Err(Failure::bad(refused.body.error).into()),
        }
    }

    /// Gives the place up.
    pub(crate) async fn leave(&mut self) -> Result<QueueStatus, Stop> {
        match self
            .call(async |client: &Client| client.leave().await)
            .await?
        {
            Ok(status) => Ok(status),
            Err(refused) => Err(Failure::bad(refused.body.error).into()),
        }
    }

    /// Asks where the participant stands, which also proves its presence.
    pub(crate) async fn check_in(&mut self, wait: Duration) -> Result<QueueStatus, Stop> {
        let status = loop {
            match self
                .call(async |client: &Client| client.check_in(wait).await)
                .await?
            {
                Ok(status) => break status,
                Err(refused) => self.reconsider(&refused).await?,
            }
        };
        self.standing = Some(status.clone());
        Ok(status)
    }

    /// Uses the turn. Nothing when only the next check-in can tell how it went.
    async fn take_turn(&mut self, ticket: Option<u64>) -> Result<Option<SignedReceipt>, Stop> {
        if self.work.as_ref().is_none_or(|(of, _)| *of != ticket) {
            let Some(base) = self.fetch_base().await? else {
                return Ok(None);
            };
            let (work, meter) = self.compute(base)?;
            self.meter = meter;
            self.work = Some((ticket, work));
        }
        let Some((_, work)) = &self.work else {
            return Ok(None);
        };
        let (document, form) = (work.document.clone(), work.form);
        let (meter, listener) = (self.meter.clone(), self.listener);
        self.wait_to_send(&document).await?;
        self.times.sent = Some(Instant::now());
        let verdict = {
            let call = self.call(async |client: &Client| {
                let computing = Cell::new(true);
                let progress = |done, total| {
                    let tell = |step, (done, total)| {
                        listener.tell(News::Working { step, done, total });
                    };
                    if !document.is_whole() {
                        return tell(Step::Compute, meter.read());
                    }
                    if Some(done) != total || computing.replace(false) {
                        tell(Step::Upload, (done, total));
                    }
                    if Some(done) == total {
                        tell(Step::Verify, (done, total));
                    }
                };
                client.complete(form, &document, &progress).await
            });
            tokio::select! {
                biased;
                verdict = call => verdict?,
                () = document.has_failed() => return Err(computation_failed().into()),
            }
        };
        match verdict {
            Ok(receipt) => Ok(Some(receipt)),
            Err(refused) if refused.body.code.starts_with("Contribution::") => Err(Failure::bad(
                format!("the contribution was refused: {}", refused.body.error),
            )
            .code(&refused.body.code)
            .into()),
            Err(refused) => {
                if refused.is(&[Code::NotStarted]) {
                    self.work = None;
                }
                self.reconsider(&refused).await.map(|()| None)
            }
        }
    }

    /// Downloads and checks what to build on.
    async fn fetch_base(&mut self) -> Result<Option<Base>, Stop> {
        let mut attempt = 1;
        loop {
            let Some(download) = self.start().await? else {
                return Ok(None);
            };
            let sizes = self.settings.sizes.clone();
            match self
                .work_on(Step::Check, move |_| work::read_base(&download, &sizes))
                .await?
            {
                Ok(base) => return Ok(Some(base)),
                Err(_) if attempt < ATTEMPTS => attempt += 1,
                Err(failure) => {
                    // Nobody can build on these powers; whoever is next should not have to wait.
                    let _ = self
                        .abort("the powers that were handed out are not valid")
                        .await;
                    return Err(failure.into());
                }
            }
        }
    }

    /// Starts to compute and sign.
    fn compute(&mut self, base: Base) -> Result<(Work, work::Meter), Stop> {
        let identity = self
            .identity
            .clone()
            .ok_or_else(|| Failure::bad("not signed in"))?;
        let key = self.credential.key().cloned();
        let entropy = Arc::clone(&self.settings.entropy);
        let (work, draft) = work::begin(base.sizes(), self.settings.form, key.is_some())?;
        let meter = work::Meter::default();
        let progress = meter.clone();
        // A failure shows in the document.
        tokio::task::spawn_blocking(move || {
            draft.contribute(&base, &identity, key.as_ref(), &entropy, &progress)
        });
        Ok((work, meter))
    }

    /// Waits until enough of the contribution is computed for it to be sent.
    async fn wait_to_send(&self, document: &Outgoing) -> Result<(), Stop> {
        let mut interrupt = self.interrupt.clone();
        let may_be_sent = document.may_be_sent();
        tokio::pin!(may_be_sent);
        loop {
            let (done, total) = self.meter.read();
            let step = Step::Compute;
            self.listener.tell(News::Working { step, done, total });
            tokio::select! {
                biased;
                () = interrupt.raised() => return Err(Stop::Interrupted),
                may = &mut may_be_sent => {
                    return may.then_some(()).ok_or_else(|| computation_failed().into());
                }
                () = sleep(Duration::from_millis(100)) => {}
            }
        }
    }

    /// Computes on all cores, away from the connection, and tells how far it is.
    async fn work_on<T: Send + 'static>(
        &mut self,
        step: Step,
        job: impl FnOnce(&work::Meter) -> T + Send + 'static,
    ) -> Result<T, Stop> {
        let meter = work::Meter::default();
        let mut interrupt = self.interrupt.clone();
        let job = {
            let meter = meter.clone();
            tokio::task::spawn_blocking(move || job(&meter))
        };
        tokio::pin!(job);
        loop {
            let (done, total) = meter.read();
            self.listener.tell(News::Working { step, done, total });
            tokio::select! {
                biased;
                () = interrupt.raised() => return Err(Stop::Interrupted),
                done = &mut job => {
                    return done.map_err(|error| {
                        Stop::Failed(Failure::bad(format!("the computation failed: {error}")))
                    });
                }
                () = sleep(Duration::from_millis(100)) => {}
            }
        }
    }

    fn accepted(&mut self, ticket: Option<u64>, receipt: SignedReceipt) -> Result<Accepted, Stop> {
        self.times.accepted = Some(Instant::now());
        let identity = self
            .identity
            .clone()
            .ok_or_else(|| Failure::bad("not signed in"))?;
        let work = self.work.take();
        let pot_pubkeys = work.and_then(|(_, work)| Some(work.pot_pubkeys()?.to_vec()));
        Ok(Accepted {
            identity,
            ticket,
            receipt,
            pot_pubkeys,
            times: self.times,
        })
    }

    fn note(&mut self, status: &QueueStatus) {
        let in_turn = matches!(
            status.queue_status,
            QueueWord::ReadyToContribute | QueueWord::Contributing
        );
        if in_turn {
            self.times.called.get_or_insert_with(Instant::now);
        }
        self.listener.tell(News::Standing(status));
    }

    /// What the participant learnt so far about when things happened.
    pub(crate) fn times(&self) -> Times {
        self.times
    }
}

fn computation_failed() -> Failure {
    Failure::bad("the computation failed").help("run the same command again while your turn lasts")
}

//! A participant's whole life: sign in, join, wait, start, compute, complete.
//!
//! Every call may be repeated: `join`, `checkin` and `start` by the protocol, `complete` because
//! the same bytes are sent again. So a lost answer, a cut connection or a restarted coordinator
//! costs time and nothing else: the call is made again, and what the coordinator says next is
//! where life goes on.

use std::sync::Arc;
use std::time::Duration;

use tauline_protocol::Identity;
use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::error::Code;
use tauline_protocol::login::LoginAnswer;
use tauline_protocol::receipt::ReceiptError;
use tauline_protocol::status::{EndedWord, QueueStatus, QueueWord};
use tauline_transcript::Sizes;
use tokio::time::{Instant, sleep, timeout};
use zeroize::Zeroizing;

use crate::backoff::Backoff;
use crate::client::{Client, ClientError, Form, Refused};
use crate::exit::{Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::signin::Credential;
use crate::work::{self, Work};

/// How long a check-in asks to be held. Ours: the position shown is at most this old, and a
/// connection that died unnoticed is found before a deadline passes: the coordinator counts whoever
/// is held as present, and the deadline after that is at least 5 s and the grace of 5 s away
/// (`http-queue-api.md`, Deadlines).
const HOLD: Duration = Duration::from_secs(15);

/// How long cleaning up after Ctrl-C may take, for each of two attempts.
const PARTING_LIMIT: Duration = Duration::from_secs(3);

/// Pause before asking again where a call was refused that the standing seemed to allow.
const RECONSIDER: Duration = Duration::from_millis(500);

/// How often a participant signs in again for one call, joins again after the coordinator's own
/// faults, or loads the powers again that came broken.
const ATTEMPTS: u32 = 3;

/// A part of the work that takes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Fetching the powers.
    Download,
    /// Checking the powers that came.
    Check,
    /// Raising them to the secrets.
    Compute,
    /// Sending them.
    Upload,
    /// The coordinator's verification.
    Verify,
}

/// What happens in a participant's life, for whoever watches.
#[derive(Debug)]
pub enum News<'a> {
    /// The coordinator knows the participant as this.
    SignedIn(&'a Identity),
    /// Where the participant stands.
    Standing(&'a QueueStatus),
    /// A step goes on: `done` of `total`.
    Working {
        /// The step.
        step: Step,
        /// Bytes or points done.
        done: u64,
        /// All of them, if known.
        total: Option<u64>,
    },
    /// A call failed and will be repeated.
    Trouble {
        /// What failed.
        why: &'a str,
        /// When it is repeated.
        again_in: Duration,
    },
    /// The call that failed has succeeded.
    Recovered,
    /// The coordinator's fault ended the stay; the participant joins again.
    CoordinatorFault,
}

/// Somebody who watches a participant.
pub trait Listener {
    /// Takes a piece of news.
    fn tell(&self, news: News<'_>);
}

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

/// When things happened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Times {
    /// Joined the queue.
    pub joined: Option<Instant>,
    /// Told that the turn has come.
    pub called: Option<Instant>,
    /// Sent the contribution off.
    pub sent: Option<Instant>,
    /// Learnt that it was accepted.
    pub accepted: Option<Instant>,
}

/// An accepted contribution.
#[derive(Debug)]
pub struct Accepted {
    /// The contributor.
    pub identity: Identity,
    /// The stay's ticket.
    pub ticket: Option<u64>,
    /// The receipt, as it came.
    pub receipt: SignedReceipt,
    /// The public keys, when it was this process that contributed.
    pub pot_pubkeys: Option<Vec<[u8; 96]>>,
    /// When things happened.
    pub times: Times,
}

impl Accepted {
    /// Checks the receipt: the coordinator's signature, the identity, and the public keys if known.
    ///
    /// # Errors
    /// A receipt that does not prove this contribution.
    pub fn check_receipt(&self, coordinator: &str) -> Result<(), ReceiptError> {
        let receipt = self.receipt.verify(coordinator)?;
        if receipt.identity != self.identity {
            return Err(ReceiptError::Mismatch("the identity"));
        }
        let Some(pot_pubkeys) = &self.pot_pubkeys else {
            return Ok(());
        };
        let own = pot_pubkeys
            .iter()
            .map(|key| format!("0x{}", hex::encode(key)));
        match own.eq(receipt.witness.iter().cloned()) {
            true => Ok(()),
            false => Err(ReceiptError::Mismatch("the witness")),
        }
    }
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
            let Some(work) = self.compute().await? else {
                return Ok(None);
            };
            self.work = Some((ticket, work));
        }
        let Some((_, work)) = &self.work else {
            return Ok(None);
        };
        let (document, form, listener) = (Arc::clone(&work.document), work.form, self.listener);
        self.times.sent = Some(Instant::now());
        let verdict = self
            .call(async |client: &Client| {
                let progress = |done, total| {
                    let step = if Some(done) == total {
                        Step::Verify
                    } else {
                        Step::Upload
                    };
                    listener.tell(News::Working { step, done, total });
                };
                client.complete(form, &document, &progress).await
            })
            .await?;
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

    /// Downloads, checks, computes and signs.
    async fn compute(&mut self) -> Result<Option<Work>, Stop> {
        let mut attempt = 1;
        let base = loop {
            let Some(download) = self.start().await? else {
                return Ok(None);
            };
            let sizes = self.settings.sizes.clone();
            match self
                .work_on(Step::Check, move |_| work::read_base(&download, &sizes))
                .await?
            {
                Ok(base) => break base,
                Err(_) if attempt < ATTEMPTS => attempt += 1,
                Err(failure) => {
                    // Nobody can build on these powers; whoever is next should not have to wait.
                    let _ = self
                        .abort("the powers that were handed out are not valid")
                        .await;
                    return Err(failure.into());
                }
            }
        };
        let identity = self
            .identity
            .clone()
            .ok_or_else(|| Failure::bad("not signed in"))?;
        let key = self.credential.key().cloned();
        let (entropy, form) = (Arc::clone(&self.settings.entropy), self.settings.form);
        let work = self
            .work_on(Step::Compute, move |progress| {
                work::contribute(&base, &identity, key.as_ref(), &entropy, form, progress)
            })
            .await??;
        Ok(Some(work))
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
        let pot_pubkeys = self.work.take().map(|(_, work)| work.pot_pubkeys);
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

    /// A call that the session is needed for: signs in again when the session is unknown.
    async fn call<T>(
        &mut self,
        call: impl AsyncFn(&Client) -> Result<T, ClientError>,
    ) -> Result<Result<T, Refused>, Stop> {
        for _ in 1..ATTEMPTS {
            let client = self.client.clone();
            match self.retry(async || call(&client).await).await? {
                Err(refused) if refused.is(&[Code::SessionUnknown, Code::SessionMissing]) => {
                    self.sign_in().await?;
                }
                answer => return Ok(answer),
            }
        }
        let client = self.client.clone();
        self.retry(async || call(&client).await).await
    }

    /// Repeats what fails for the moment, until the patience is at its end.
    async fn retry<T>(
        &self,
        mut attempt: impl AsyncFnMut() -> Result<T, ClientError>,
    ) -> Result<Result<T, Refused>, Stop> {
        let mut backoff = Backoff::new(self.settings.patience);
        loop {
            let mut interrupt = self.interrupt.clone();
            let outcome = tokio::select! {
                biased;
                () = interrupt.raised() => return Err(Stop::Interrupted),
                outcome = attempt() => outcome,
            };
            let error = match outcome {
                Ok(value) => {
                    if backoff.has_failed() {
                        self.listener.tell(News::Recovered);
                    }
                    return Ok(Ok(value));
                }
                Err(error) if error.is_transient() => error,
                Err(ClientError::Refused(refused)) => return Ok(Err(refused)),
                Err(error) => return Err(error.into_failure(self.client.server()).into()),
            };
            let Some(pause) = backoff.next(error.retry_after()) else {
                return Err(error.into_failure(self.client.server()).into());
            };
            self.listener.tell(News::Trouble {
                why: &error.to_string(),
                again_in: pause,
            });
            self.pause(pause).await?;
        }
    }

    async fn pause(&self, pause: Duration) -> Result<(), Stop> {
        let mut interrupt = self.interrupt.clone();
        tokio::select! {
            biased;
            () = interrupt.raised() => Err(Stop::Interrupted),
            () = sleep(pause) => Ok(()),
        }
    }

    /// Goes on after a refusal that the next check-in explains; fails on any other.
    async fn reconsider(&self, refused: &Refused) -> Result<(), Stop> {
        const EXPLAINED: &[Code] = &[
            Code::NotQueued,
            Code::NotYourTurn,
            Code::NotStarted,
            Code::AlreadyVerifying,
            Code::StayEnded,
            Code::AlreadyContributed,
            Code::UsedUp,
            Code::Halted,
            Code::CoordinatorFault,
        ];
        match refused.is(EXPLAINED) {
            true => self.pause(RECONSIDER).await,
            false => Err(
                Failure::bad(format!("the coordinator refuses: {}", refused.body.error))
                    .code(&refused.body.code)
                    .into(),
            ),
        }
    }

    /// Gives up what the participant holds, so that nobody waits for it, and says what was given up.
    async fn part(&mut self, reason: &str) -> Failure {
        let word = self.standing.as_ref().map(|status| status.queue_status);
        for _ in 0..2 {
            let parting = async {
                match word {
                    Some(QueueWord::ReadyToContribute | QueueWord::Contributing) => self
                        .client
                        .abort(reason)
                        .await
                        .map(|_| "the turn was given up"),
                    Some(QueueWord::Queued) => self
                        .client
                        .leave()
                        .await
                        .map(|_| "the place in the queue was given up"),
                    _ => Ok(""),
                }
            };
            match timeout(PARTING_LIMIT, parting).await {
                Ok(Ok("")) => break,
                Ok(Ok(given_up)) => {
                    return Failure::bad(format!("interrupted: {given_up}")).help(USED_UP);
                }
                Ok(Err(ClientError::Refused(refused))) if refused.is(&[Code::AlreadyVerifying]) => {
                    return Failure::bad("interrupted: the contribution is being verified already")
                        .help("run the same command again for the verdict and the receipt");
                }
                // The turn may have come, or gone, since the last answer.
                Ok(Err(ClientError::Refused(_))) => {
                    if let Ok(Ok(_)) = timeout(PARTING_LIMIT, self.client.leave()).await {
                        return Failure::bad("interrupted: the place in the queue was given up")
                            .help(USED_UP);
                    }
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
        match word {
            Some(QueueWord::Queued | QueueWord::ReadyToContribute | QueueWord::Contributing) => {
                Failure::io("interrupted; the coordinator could not be told").help(
                    "it will notice by itself; until then the same command takes the place up again",
                )
            }
            _ => Failure::bad("interrupted").help("nothing was given up"),
        }
    }
}

const USED_UP: &str =
    "an identity that has left cannot join again, unless the ceremony's operator pardons it";

fn cannot_join(refused: &Refused) -> Failure {
    let failure =
        Failure::bad(format!("cannot join: {}", refused.body.error)).code(&refused.body.code);
    match refused.code() {
        Some(Code::Draining) => failure.help("only those who are in line already are served"),
        Some(Code::Halted) => failure.help("try again when the ceremony goes on"),
        _ => failure,
    }
}

/// Why a stay ended, in words (`http-queue-api.md`, How a stay ends).
fn over(status: &QueueStatus) -> Failure {
    let because = status
        .ended_because
        .as_deref()
        .map(|why| format!(": {why}"))
        .unwrap_or_default();
    let failure = match status.ended {
        Some(EndedWord::MissedCheckin) => {
            Failure::io("the place was lost: this client was not heard of in time")
        }
        Some(EndedWord::FailedToStart) => {
            Failure::io("the turn was lost: the work was not started in time")
        }
        Some(EndedWord::TimedOut) => {
            Failure::io("the turn was lost: the contribution did not arrive in time")
        }
        Some(EndedWord::Stalled) => {
            Failure::io("the turn was lost: this client stopped checking in")
        }
        Some(EndedWord::Invalid) => Failure::bad(format!("the contribution was refused{because}")),
        Some(EndedWord::Aborted) => Failure::bad(format!("the turn was given up{because}")),
        Some(EndedWord::Left) => Failure::bad("the place in the queue was given up"),
        Some(EndedWord::CoordinatorFault) => {
            return Failure::io("the coordinator failed to verify the contribution")
                .help("your identity is not used up: try again later");
        }
        Some(EndedWord::Contributed) => Failure::bad("the contribution is accepted already"),
        None => return Failure::io("the coordinator does not know this participant any more"),
    };
    let word = status.ended.map(EndedWord::as_str).unwrap_or_default();
    failure.code(word).help(format!(
        "{} is used up: ask the ceremony's operator to pardon it, \
         or take part with another identity",
        status.id
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    fn ended(ended: Option<EndedWord>, because: Option<&str>) -> QueueStatus {
        QueueStatus {
            id: "invite|alice".parse().unwrap(),
            ticket: Some(7),
            queue_status: QueueWord::Expired,
            queue_position: None,
            expected_start_time: None,
            expected_start_in_ms: None,
            next_checkin_time: None,
            next_checkin_in_ms: None,
            ended,
            ended_because: because.map(str::to_owned),
            receipt: None,
        }
    }

    #[test]
    fn nobody_who_timed_out_is_told_that_they_contributed() {
        for word in [
            EndedWord::MissedCheckin,
            EndedWord::FailedToStart,
            EndedWord::TimedOut,
            EndedWord::Stalled,
        ] {
            let failure = over(&ended(Some(word), None));
            assert!(failure.text().contains("lost"), "{failure}");
            assert!(failure.text().contains(word.as_str()), "{failure}");
            assert_eq!(failure.exit(), Exit::Io);
        }
    }

    #[test]
    fn a_receipt_proves_this_contribution_or_is_refused() {
        use k256::ecdsa::SigningKey;
        use tauline_protocol::receipt::Receipt;
        use tauline_transcript::signature::{eip55, eth_address};

        let key = SigningKey::from_slice(&[5; 32]).unwrap();
        let coordinator = eip55(&eth_address(key.verifying_key()));
        let own = [[1; 96], [2; 96]];
        let accepted = |name: &str, keys: [[u8; 96]; 2], pot_pubkeys| Accepted {
            identity: "invite|alice".parse().unwrap(),
            ticket: Some(1),
            receipt: Receipt::new(name.parse().unwrap(), keys.iter().map(|key| &key[..]))
                .sign(&key),
            pot_pubkeys,
            times: Times::default(),
        };
        let check = |accepted: Accepted| accepted.check_receipt(&coordinator);
        assert_eq!(
            check(accepted("invite|alice", own, Some(own.to_vec()))),
            Ok(())
        );
        assert_eq!(check(accepted("invite|alice", own, None)), Ok(()));
        assert_eq!(
            check(accepted("invite|bob", own, None)),
            Err(ReceiptError::Mismatch("the identity"))
        );
        for others in [[[1; 96], [3; 96]], [[2; 96], [1; 96]]] {
            assert_eq!(
                check(accepted("invite|alice", others, Some(own.to_vec()))),
                Err(ReceiptError::Mismatch("the witness"))
            );
        }
        let one = Some(own[..1].to_vec());
        assert!(check(accepted("invite|alice", own, one)).is_err());
        let signed = accepted("invite|alice", own, Some(own.to_vec()));
        assert!(matches!(
            signed.check_receipt("0x0000000000000000000000000000000000000000"),
            Err(ReceiptError::WrongSigner { .. })
        ));
    }

    #[test]
    fn an_invalid_contribution_is_told_the_check_that_failed() {
        let failure = over(&ended(
            Some(EndedWord::Invalid),
            Some("the update is not proven"),
        ));
        assert_eq!(failure.exit(), Exit::Bad);
        assert_eq!(
            failure.text(),
            "the contribution was refused: the update is not proven [invalid]"
        );
    }

    #[test]
    fn the_coordinators_fault_uses_no_identity_up() {
        let failure = over(&ended(Some(EndedWord::CoordinatorFault), None));
        assert!(failure.to_string().contains("not used up"));
    }
}

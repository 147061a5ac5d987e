//! A turn: fetch the powers, check them, compute, send.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::error::Code;
use tauline_transcript::Base;
use tokio::time::{Instant, sleep};

use super::accepted::Accepted;
use super::news::{News, Step};
use super::state::{ATTEMPTS, Participant, Stop};
use crate::check_ins::CheckIns;
use crate::client::{Client, ClientError, Download, Form, Refusal};
use crate::exit::Failure;
use crate::work::{self, Work};

/// The time between two looks at a computation's progress.
const GLANCE: Duration = Duration::from_millis(100);

/// The result of an upload.
enum Sent {
    /// The coordinator answered.
    Answered(Result<SignedReceipt, Refusal>),
    /// This proxy, or the coordinator, refuses bodies of this length.
    TooLarge(String),
}

impl Participant<'_> {
    /// Fetches the powers, which starts the turn. Returns nothing when the participant has no turn.
    pub(crate) async fn start(&mut self) -> Result<Option<Download>, Stop> {
        let (form, listener) = (self.settings.form, self.listener);
        self.prepare_check_ins();
        let check_ins = Rc::clone(&self.check_ins);
        let sizes = &self.settings.sizes;
        let limit = sizes.max_json_len().max(sizes.max_msgpack_len()) as u64;
        let started = self
            .call(async |client: &Client| {
                let progress = |done, total| {
                    // The turn has started when the answer begins.
                    if let Some(check_ins) = check_ins.borrow().as_ref() {
                        check_ins.begin();
                    }
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
            Ok(base) => {
                self.times.started.get_or_insert_with(Instant::now);
                Ok(Some(base))
            }
            Err(refused) => self.reconsider(&refused).await.map(|()| None),
        }
    }

    /// Uses the turn. Returns nothing when only the next check-in can tell how it went.
    pub(super) async fn take_turn(
        &mut self,
        ticket: Option<u64>,
    ) -> Result<Option<SignedReceipt>, Stop> {
        if self.work.as_ref().is_none_or(|(of, _)| *of != ticket) {
            let Some((download, base)) = self.fetch_base().await? else {
                return Ok(None);
            };
            let settings = self.settings;
            let work = match &settings.offline {
                Some(offline) => {
                    self.compute_offline(offline, ticket, download, base)
                        .await?
                }
                None => Some(self.compute(base)?),
            };
            let Some(work) = work else {
                return Ok(None);
            };
            self.work = Some((ticket, work));
        }
        let Some((_, work)) = self.work.clone() else {
            return Ok(None);
        };
        if !work.document.is_whole() && !self.wait_for(work.document.may_be_sent()).await? {
            return Ok(None);
        }
        self.times.sent = Some(Instant::now());
        let verdict = match self.send(&work).await? {
            Sent::Answered(verdict) => verdict,
            Sent::TooLarge(by) => return self.send_smaller(ticket, work, by).await,
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

    /// Sends the contribution until there is an answer.
    async fn send(&mut self, work: &Work) -> Result<Sent, Stop> {
        let Work { document, form, .. } = work.clone();
        let (counter, listener) = (self.counter.clone(), self.listener);
        let check_ins = Rc::clone(&self.check_ins);
        let call = self.call(async |client: &Client| {
            let computing = Cell::new(true);
            let progress = |done, total| {
                if let Some(status) = check_ins.borrow_mut().as_mut().and_then(CheckIns::news) {
                    listener.tell(News::Meanwhile(&status));
                }
                let tell = |step, (done, total)| {
                    listener.tell(News::Working { step, done, total });
                };
                if !document.is_whole() {
                    return tell(Step::Compute, counter.read());
                }
                if Some(done) != total || computing.replace(false) {
                    tell(Step::Upload, (done, total));
                }
                if Some(done) == total {
                    tell(Step::Verify, (done, total));
                }
            };
            match client.complete(form, &document, &progress).await {
                Ok(receipt) => Ok(Ok(receipt)),
                Err(ClientError::TooLarge { by }) => Ok(Err(by)),
                // A proxy may refuse the body and close the connection before its answer is read.
                Err(error @ ClientError::Network(_)) => {
                    match client.probe(form, document.len()).await {
                        Err(ClientError::TooLarge { by }) => Ok(Err(by)),
                        _ => Err(error),
                    }
                }
                Err(error) => Err(error),
            }
        });
        let answer = tokio::select! {
            biased;
            answer = call => answer?,
            () = document.has_failed() => return Err(computation_failed().into()),
        };
        Ok(match answer {
            Ok(Ok(receipt)) => Sent::Answered(Ok(receipt)),
            Ok(Err(by)) => Sent::TooLarge(by),
            Err(refused) => Sent::Answered(Err(refused)),
        })
    }

    /// Converts the contribution to the smallest form, in which the next attempt sends it. Gives up
    /// the turn if it has that form already.
    async fn send_smaller(
        &mut self,
        ticket: Option<u64>,
        work: Work,
        by: String,
    ) -> Result<Option<SignedReceipt>, Stop> {
        let refused = work.document.len();
        if work.form == Form::Msgpack {
            let failure = self.too_large(&by, refused);
            let given_up = self.abort(failure.text()).await.is_ok();
            return Err(match given_up {
                true => failure.and(
                    "the turn was given up; the operator, whose limit it is, can pardon the identity",
                ).into(),
                false => failure.into(),
            });
        }
        if !self.wait_for(work.document.is_finished()).await? {
            return Ok(None);
        }
        let smaller = self
            .work_on(Step::Compute, move |_| work.in_form(Form::Msgpack))
            .await?;
        let Some(smaller) = smaller.transpose()? else {
            return Ok(None);
        };
        let len = smaller.document.len();
        self.listener.tell(News::SmallerForm {
            by: &by,
            refused,
            len,
        });
        self.form = Form::Msgpack;
        self.work = Some((ticket, smaller));
        Ok(None)
    }

    /// Downloads and checks the powers to build on.
    async fn fetch_base(&mut self) -> Result<Option<(Download, Base)>, Stop> {
        let mut attempt = 1;
        loop {
            let Some(download) = self.start().await? else {
                return Ok(None);
            };
            let sizes = self.settings.sizes.clone();
            match self
                .work_on(Step::Check, move |_| {
                    work::read_base(&download, &sizes).map(|base| (download, base))
                })
                .await?
            {
                None => return Ok(None),
                Some(Ok(base)) => return Ok(Some(base)),
                Some(Err(_)) if attempt < ATTEMPTS => attempt += 1,
                Some(Err(failure)) => {
                    // Nobody can build on these powers, so the next in line should not have to
                    // wait.
                    let _ = self
                        .abort("the powers that were handed out are not valid")
                        .await;
                    return Err(failure.into());
                }
            }
        }
    }

    /// Starts to compute and sign.
    fn compute(&mut self, base: Base) -> Result<Work, Stop> {
        let identity = self
            .identity
            .clone()
            .ok_or_else(|| Failure::bad("not signed in"))?;
        let key = self.credential.key().cloned();
        let entropy = Arc::clone(&self.settings.entropy);
        let (work, computation) = work::begin(base.sizes(), self.form, key.is_some())?;
        let counter = work::Counter::default();
        let progress = counter.clone();
        // The document tells of a failure.
        tokio::task::spawn_blocking(move || {
            computation.contribute(&base, &identity, key.as_ref(), &entropy, &progress)
        });
        self.counter = counter;
        Ok(work)
    }

    /// Waits until the computation has come far enough. False when the turn is over.
    async fn wait_for(&mut self, far_enough: impl Future<Output = bool>) -> Result<bool, Stop> {
        let mut interrupt = self.interrupt.clone();
        tokio::pin!(far_enough);
        loop {
            let (done, total) = self.counter.read();
            let step = Step::Compute;
            self.listener.tell(News::Working { step, done, total });
            if !self.hear_check_ins() {
                return Ok(false);
            }
            tokio::select! {
                biased;
                wish = interrupt.raised() => return Err(Stop::Interrupted(wish)),
                is_so = &mut far_enough => {
                    return is_so.then_some(true).ok_or_else(|| computation_failed().into());
                }
                () = sleep(GLANCE) => {}
            }
        }
    }

    /// Runs a job on a thread of its own, and tells the listener how far it is. Returns nothing
    /// when the turn ends meanwhile.
    pub(super) async fn work_on<T: Send + 'static>(
        &mut self,
        step: Step,
        job: impl FnOnce(&work::Counter) -> T + Send + 'static,
    ) -> Result<Option<T>, Stop> {
        let counter = work::Counter::default();
        let mut interrupt = self.interrupt.clone();
        let job = {
            let counter = counter.clone();
            tokio::task::spawn_blocking(move || job(&counter))
        };
        tokio::pin!(job);
        loop {
            let (done, total) = counter.read();
            self.listener.tell(News::Working { step, done, total });
            if !self.hear_check_ins() {
                return Ok(None);
            }
            tokio::select! {
                biased;
                wish = interrupt.raised() => return Err(Stop::Interrupted(wish)),
                done = &mut job => {
                    return done.map(Some).map_err(|error| {
                        Stop::Failed(Failure::bad(format!("the computation failed: {error}")))
                    });
                }
                () = sleep(GLANCE) => {}
            }
        }
    }

    pub(super) fn accepted(
        &mut self,
        ticket: Option<u64>,
        receipt: SignedReceipt,
    ) -> Result<Accepted, Stop> {
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
}

fn computation_failed() -> Failure {
    Failure::bad("the computation failed").help("run the same command again while your turn lasts")
}

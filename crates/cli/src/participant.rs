//! A participant's whole life: sign in, join, wait, start, compute, complete.
//!
//! Every call may be repeated: `join`, `checkin` and `start` by the protocol, `complete` because
//! the same bytes are sent again. So a lost answer, a cut connection or a restarted coordinator
//! costs time and nothing else: the call is made again, and what the coordinator says next is
//! where life goes on.

mod accepted;
mod calls;
mod elsewhere;
mod ending;
mod news;
mod parting;
mod path;
mod turn;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tauline_protocol::Identity;
use tauline_protocol::error::Code;
use tauline_protocol::status::{EndedWord, QueueStatus, QueueWord};
use tauline_transcript::Sizes;
use tokio::time::Instant;
use zeroize::Zeroizing;

pub use self::accepted::{Accepted, Times};
pub use self::elsewhere::Elsewhere;
use self::ending::{cannot_join, no_turn_yet};
pub use self::news::{Listener, News, Step};
pub(crate) use self::parting::what_leaving_means;
use crate::client::{Client, Form};
use crate::exit::{Failure, Outcome};
use crate::interrupt::{Interrupt, Wish};
use crate::pulse::{self, Beats, Pulse};
use crate::signin::browser::{self, Landing};
use crate::signin::{Credential, InBrowser, Proof};
use crate::work::{self, Work};

/// How long a check-in asks to be held. Ours: the position shown is at most this old, and a
/// connection that died unnoticed is found before a deadline passes: the coordinator counts whoever
/// is held as present, and the deadline after that is at least 5 s and the grace of 5 s away
/// (`docs/spec/queue.md#grace`).
const HOLD: Duration = Duration::from_secs(15);

/// Pause before asking again where a call was refused that the standing seemed to allow.
const RECONSIDER: Duration = Duration::from_millis(500);

/// Pause before asking again while the ceremony is halted. Ours: soon enough to start in time when
/// it goes on (15 s), and well below what a session may ask in a minute (50).
const HALTED: Duration = Duration::from_secs(3);

/// How often a participant signs in again for one call, joins again after the coordinator's own
/// faults, or loads the powers again that came broken.
const ATTEMPTS: u32 = 3;

/// How a participant lives.
pub struct Settings {
    /// The ceremony's sizes.
    pub sizes: Sizes,
    /// The form in which powers travel, if it gets through.
    pub form: Form,
    /// Whether it is yet to be found out which form of a contribution gets through.
    pub probes: bool,
    /// What checks in during the turns.
    pub pulse: Pulse,
    /// Extra entropy for the secrets.
    pub entropy: Arc<Zeroizing<Vec<u8>>>,
    /// How long a coordinator that does not answer is asked again.
    pub patience: Duration,
    /// The address that receipts have to recover to.
    pub coordinator: String,
    /// Where the contribution is computed, if not here.
    pub elsewhere: Option<Elsewhere>,
}

/// Why a life ended early.
pub(crate) enum Stop {
    Interrupted(Wish),
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
    /// The form in which the contribution is sent.
    form: Form,
    work: Option<(Option<u64>, Work)>,
    /// The check-ins of the turn that runs.
    beats: Rc<RefCell<Option<Beats>>>,
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
            client: client.checking_in(),
            credential,
            settings,
            listener,
            interrupt,
            identity: None,
            standing: None,
            form: settings.form,
            work: None,
            beats: Rc::default(),
            meter: work::Meter::default(),
            times: Times::default(),
        }
    }

    /// What the participant signs in with, for another.
    pub(crate) fn into_credential(self) -> Credential {
        self.credential
    }

    /// Lives from signing in to the receipt.
    ///
    /// On an interruption the place in the queue or the turn is given up or kept, as wished.
    ///
    /// # Errors
    /// Why there is no receipt.
    pub async fn contribute(&mut self) -> Outcome<Accepted> {
        match self.live().await {
            Ok(accepted) => Ok(accepted),
            Err(Stop::Interrupted(wish)) => Err(self.part(wish).await),
            Err(Stop::Failed(failure)) => Err(failure),
        }
    }

    async fn live(&mut self) -> Result<Accepted, Stop> {
        self.sign_in().await?;
        self.check_directory()?;
        if self.settings.probes {
            self.find_a_form().await?;
        }
        let is_to_join = self.settings.elsewhere.as_ref().is_none_or(|it| it.waits);
        let (mut status, mut joins) = match is_to_join {
            true => (self.join().await?, 1),
            false => (self.turn_to_end().await?, ATTEMPTS),
        };
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
                QueueWord::Expired => return Err(self.over(&status).into()),
                QueueWord::NotQueued if joins < ATTEMPTS => {
                    if status.ended == Some(EndedWord::CoordinatorFault) {
                        self.listener.tell(News::CoordinatorFault);
                    }
                    joins += 1;
                    self.join().await?
                }
                QueueWord::NotQueued => return Err(self.over(&status).into()),
            };
        }
    }

    /// Signs in; the coordinator's name for the participant is known afterwards.
    pub(crate) async fn sign_in(&mut self) -> Result<(), Stop> {
        for attempt in 1.. {
            let mut client = self.client.clone();
            let credential = &self.credential;
            let answer = self
                .retry(async || match credential.proof(&client).await? {
                    Proof::Login(proof) => client.login(&proof).await.map(Ok),
                    Proof::Browser(how) => Ok(Err(how)),
                })
                .await?;
            match answer {
                Ok(Ok(answer)) => {
                    self.signed_in(client, answer.identity)?;
                    break;
                }
                Ok(Err(how)) => {
                    let identity = self.sign_in_in_browser(&mut client, how).await?;
                    self.signed_in(client, identity)?;
                    break;
                }
                // Nonces live in the coordinator's memory: one may have gone with a restart.
                Err(refused) if refused.is(&[Code::LoginUnknownNonce]) && attempt < ATTEMPTS => {}
                Err(refused) => return Err(refused.failure("cannot sign in").into()),
            }
        }
        Ok(())
    }

    /// Goes on in a new session of the same participant.
    fn signed_in(&mut self, client: Client, identity: Identity) -> Result<(), Stop> {
        if let Some(before) = self.identity.as_ref().filter(|it| **it != identity) {
            return Err(Failure::bad(format!(
                "this is another account: {before} has the place in line, and {identity} has signed in"
            ))
            .help("run the same command again, and sign in with the first account")
            .into());
        }
        self.listener.tell(News::SignedIn(&identity));
        self.identity = Some(identity);
        self.client = client;
        self.renew_beats();
        Ok(())
    }

    /// Has a browser sign in, and takes over the session that it brings.
    async fn sign_in_in_browser(
        &mut self,
        client: &mut Client,
        how: InBrowser,
    ) -> Result<Identity, Stop> {
        let landing = Landing::open().await?;
        let links = self
            .retry(async || client.auth_links(landing.address()).await)
            .await?
            .map_err(|refused| refused.failure("cannot sign in in a browser"))?;
        let link = how.link(&links)?;
        self.listener.tell(News::SignInAt {
            link: &link,
            with: how,
            landing: landing.address(),
        });
        if how.opens {
            browser::show(&link);
        }
        let mut interrupt = self.interrupt.clone();
        let brought = tokio::select! {
            biased;
            wish = interrupt.raised() => return Err(Stop::Interrupted(wish)),
            brought = landing.session() => brought?,
        };
        client.enter(brought.session);
        Ok(brought.identity)
    }

    /// Joins the queue, or takes the place up again that the participant has already. While the
    /// ceremony is halted, it waits.
    pub(crate) async fn join(&mut self) -> Result<QueueStatus, Stop> {
        let mut halted = false;
        let joined = loop {
            match self
                .call(async |client: &Client| client.join().await)
                .await?
            {
                Err(refused) if refused.is(&[Code::Halted]) => {
                    if !std::mem::replace(&mut halted, true) {
                        self.listener.tell(News::Halted);
                    }
                    self.pause(HALTED).await?;
                }
                joined => break joined,
            }
        };
        if halted && joined.is_ok() {
            self.listener.tell(News::GoesOn);
        }
        self.times.joined.get_or_insert_with(Instant::now);
        match joined {
            Ok(status) => {
                self.check_identity(&status)?;
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

    /// Refuses a place of somebody else's: the contribution is signed over the identity.
    fn check_identity(&self, status: &QueueStatus) -> Result<(), Stop> {
        match &self.identity {
            Some(own) if *own != status.id => Err(Failure::bad(format!(
                "the coordinator has {} in line, and {own} has signed in",
                status.id
            ))
            .help("run the same command again; if it says so again, tell the ceremony's operator")
            .into()),
            _ => Ok(()),
        }
    }

    /// Where the participant stands that has fetched the powers before.
    async fn turn_to_end(&mut self) -> Result<QueueStatus, Stop> {
        let status = self.check_in(Duration::ZERO).await?;
        self.check_identity(&status)?;
        if status.queue_status == QueueWord::Queued {
            return Err(no_turn_yet(&status).into());
        }
        Ok(status)
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

    /// Notes where the participant stands, and tells it.
    pub(crate) fn note(&mut self, status: &QueueStatus) {
        let in_turn = matches!(
            status.queue_status,
            QueueWord::ReadyToContribute | QueueWord::Contributing
        );
        if in_turn {
            self.times.called.get_or_insert_with(Instant::now);
        }
        self.listener.tell(News::Standing(status));
    }

    /// Takes in what the check-ins of the turn have heard. Whether the turn lasts, as far as is
    /// known.
    fn hear_beats(&mut self) -> bool {
        let news = self.beats.borrow_mut().as_mut().and_then(Beats::news);
        let Some(status) = news else {
            return true;
        };
        self.listener.tell(News::Meanwhile(&status));
        let goes_on = pulse::in_turn(&status);
        self.standing = Some(status);
        goes_on
    }

    /// Prepares the check-ins of the turn, unless they go on already.
    fn prepare_beats(&self) {
        let mut beats = self.beats.borrow_mut();
        if beats.as_ref().is_none_or(Beats::are_over) {
            *beats = Some(self.settings.pulse.prepare(&self.client));
        }
    }

    /// Goes on with the check-ins of the turn in the session of now.
    fn renew_beats(&self) {
        let mut beats = self.beats.borrow_mut();
        if beats.as_ref().is_some_and(|beats| !beats.are_over()) {
            let renewed = self.settings.pulse.prepare(&self.client);
            renewed.begin();
            *beats = Some(renewed);
        }
    }

    /// Vanishes as a killed process does: the request in flight is closed.
    pub(crate) fn vanish(&self) {
        self.beats.take();
    }

    /// Vanishes as a machine without a network does: nothing is closed, and nothing comes any more.
    pub(crate) fn fall_silent(&self) {
        if let Some(beats) = self.beats.borrow().as_ref() {
            beats.fall_silent();
        }
    }

    /// What the participant learnt so far about when things happened.
    pub(crate) fn times(&self) -> Times {
        self.times
    }
}

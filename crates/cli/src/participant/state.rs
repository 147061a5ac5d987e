//! The state of a participant.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tauline_protocol::Identity;
use tauline_protocol::status::{QueueStatus, QueueWord};
use tokio::time::Instant;

use super::accepted::Times;
use super::news::{Listener, News};
use super::settings::ParticipantSettings;
use crate::check_ins::CheckIns;
use crate::client::{Client, Form};
use crate::exit::Failure;
use crate::interrupt::{Interrupt, Wish};
use crate::signin::Credential;
use crate::tickets::Tickets;
use crate::work::{self, Work};

/// How long the coordinator is asked to hold a check-in. The position shown is at most this
/// old, and a connection that died unnoticed is found before a deadline passes. A held check-in
/// counts as presence, and the deadline after it is at least 5 s and the grace of 5 s away
/// (`docs/spec/queue.md#grace`).
pub(super) const HOLD: Duration = Duration::from_secs(15);

/// The pause after a call was refused that the participant's status seemed to allow.
pub(super) const RECONSIDER: Duration = Duration::from_millis(500);

/// The pause between two calls while the ceremony is halted. Short enough to start within the
/// 15 s allowed when the ceremony goes on, and well below 50 calls a minute, which a session may
/// make.
pub(super) const HALTED: Duration = Duration::from_secs(3);

/// How often a participant signs in for one call, joins after faults of the coordinator, or
/// downloads powers that come broken.
pub(super) const ATTEMPTS: u32 = 3;

/// Why a participant ends without a receipt.
pub(crate) enum Stop {
    Interrupted(Wish),
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A participant.
pub struct Participant<'a> {
    pub(super) client: Client,
    pub(super) credential: Credential,
    pub(super) settings: &'a ParticipantSettings,
    pub(super) listener: &'a dyn Listener,
    pub(super) interrupt: Interrupt,
    pub(super) identity: Option<Identity>,
    pub(super) standing: Option<QueueStatus>,
    /// The form in which the contribution is sent.
    pub(super) form: Form,
    pub(super) work: Option<(Option<u64>, Work)>,
    /// The check-ins of the current turn.
    pub(super) check_ins: Rc<RefCell<Option<CheckIns>>>,
    /// How far the computation has come.
    pub(super) counter: work::Counter,
    pub(super) times: Times,
    /// When to measure next how long a check-in takes.
    pub(super) next_glance: Rc<Cell<Option<Instant>>>,
    /// What the coordinator has signed.
    pub(super) tickets: Tickets,
    /// How often the log was searched in vain for the key that signs now.
    pub(super) key_searches: u32,
    /// The address of the coordinator, which has to have signed the receipt.
    pub(super) coordinator: String,
    /// Those that had the ceremony before, as far as it was followed.
    pub(super) earlier_coordinators: Vec<String>,
}

impl<'a> Participant<'a> {
    /// A participant who has not signed in yet.
    pub fn new(
        client: Client,
        credential: Credential,
        settings: &'a ParticipantSettings,
        listener: &'a dyn Listener,
        interrupt: Interrupt,
    ) -> Self {
        let tickets = Tickets::new(settings.tickets.clone(), client.server().clone());
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
            check_ins: Rc::default(),
            counter: work::Counter::default(),
            times: Times::default(),
            next_glance: Rc::default(),
            tickets,
            key_searches: 0,
            coordinator: settings.coordinator.clone(),
            earlier_coordinators: Vec::new(),
        }
    }

    /// What the participant signs in with, to be used for another one.
    pub(crate) fn into_credential(self) -> Credential {
        self.credential
    }

    /// Notes the participant's status, and tells the listener.
    pub(crate) fn note(&mut self, status: &QueueStatus) {
        let in_turn = matches!(
            status.queue_status,
            QueueWord::ReadyToContribute | QueueWord::Contributing
        );
        if in_turn {
            self.times.called.get_or_insert_with(Instant::now);
        }
        if status.passed > 0 {
            self.times.passed.get_or_insert_with(Instant::now);
        }
        self.listener.tell(News::Standing(status));
    }

    /// The address of the coordinator that has the ceremony now, as far as it was followed: receipts
    /// recover to it.
    #[must_use]
    pub fn coordinator(&self) -> &str {
        &self.coordinator
    }

    /// When the steps so far happened.
    pub(crate) fn times(&self) -> Times {
        self.times
    }
}

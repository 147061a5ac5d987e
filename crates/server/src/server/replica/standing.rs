//! Following and leading by turns.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tauline_store::StoreError;
use tauline_store::postgres::{self, Cluster, Lease, Member};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::copying::Ready;
use super::keeping::keep;
use super::leading::{Grounds, Leading};
use super::probing::probe;
use super::{comparing, copying};
use crate::coordinator::Crash;
use crate::forward::{Copies, Leader, Link, Over, Term, authority_of};

/// How often the database is asked who leads, beside each time that it tells of a change.
const LOOK: Duration = Duration::from_millis(500);

/// How long the database may take to say who leads.
const ANSWER: Duration = Duration::from_secs(3);

/// Pause before the lease is tried again that another replica seems to have got.
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// For how long nobody has to have led for a replica to try that still replays the log: the others, which have
/// it, lead at once.
const HEAD_START: Duration = Duration::from_millis(500);

/// Pause before a replica tries to lead again that could not.
const AFTER_A_FAULT: Duration = Duration::from_secs(1);

/// How often it is told that the database cannot be asked.
const TELL: Duration = Duration::from_secs(30);

/// How long requests that are on their way have to be answered before a replica stops. Longer, and the
/// others would wait for one that uploads: it can send again, to another replica.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long the last answers have to go out.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// The connections that are taken; they end with this.
pub(super) struct Listening {
    pub(super) ending: watch::Sender<bool>,
    pub(super) tasks: [JoinHandle<()>; 2],
}

/// A replica's place among the others.
pub(super) struct Standing {
    pub(super) grounds: Arc<Grounds>,
    pub(super) cluster: Arc<Cluster>,
    pub(super) me: Member,
    pub(super) link: Link,
    pub(super) copies: Copies,
    pub(super) ready: Ready,
}

/// Why a replica leads no more.
enum Ended {
    /// It was told to stop.
    Asked,
    /// Its term is over.
    Over(Over),
    /// What it wanted to write was not taken, or the store failed.
    Crash(Crash),
}

impl Standing {
    /// Serves until it is asked to stop.
    ///
    /// # Errors
    /// A fault after which nothing but another start helps.
    pub(super) async fn run(
        self,
        listening: Listening,
        mut stop: oneshot::Receiver<()>,
    ) -> anyhow::Result<()> {
        let grounds = &self.grounds;
        grounds.health.follows();
        let prober = tokio::spawn(probe(
            grounds.roles.clone(),
            self.link.clone(),
            Arc::clone(&grounds.health),
        ));
        let copying = tokio::spawn(copying::keep(
            Arc::clone(grounds),
            Arc::clone(&self.cluster),
            self.link.clone(),
            self.copies.clone(),
            self.ready.clone(),
        ));
        let comparing = comparing::begin(grounds, &self.cluster, &self.me);
        let ended = self.turns(&listening, &mut stop).await;
        prober.abort();
        copying.abort();
        if let Some(comparing) = comparing {
            comparing.abort();
        }
        match &ended {
            Ok(()) => tracing::info!("stopped; nothing is lost"),
            Err(_) => grounds.health.failed(),
        }
        grounds.traces.clone().shut_down().await;
        ended
    }

    async fn turns(
        &self,
        listening: &Listening,
        stop: &mut oneshot::Receiver<()>,
    ) -> anyhow::Result<()> {
        let mut seen = Seen::default();
        let mut before = Before::default();
        loop {
            let (lease, term) = tokio::select! {
                got = self.follow(&mut seen, &mut before) => got?,
                _ = &mut *stop => {
                    self.grounds.health.stops();
                    listening.end().await;
                    return Ok(());
                }
            };
            seen.is_led_by(term.epoch(), self);
            tracing::info!(
                replica = self.me.name,
                epoch = term.epoch(),
                "this replica leads"
            );
            keep(
                lease.clone(),
                Arc::clone(&term),
                self.grounds.settings.replicas.lease,
            )
            .context("there is no thread for the lease")?;
            let copy = self.ready.take(&self.copies).await;
            let mut leading = match self.grounds.take_up(&lease, &term, copy).await {
                Ok(leading) => leading,
                Err(error) if is_passing(&error) || !term.lasts() => {
                    tracing::warn!(error = format!("{error:#}"), "this replica could not lead");
                    self.give_up(&lease, &term).await;
                    tokio::time::sleep(AFTER_A_FAULT).await;
                    continue;
                }
                Err(error) => {
                    self.give_up(&lease, &term).await;
                    return Err(error);
                }
            };
            let ended = tokio::select! {
                over = term.until_over() => Ended::Over(over),
                ended = &mut leading.task => match ended.context("the coordinator panicked")? {
                    Err(crash) => Ended::Crash(crash),
                    Ok(()) => Ended::Over(Over::GivenUp),
                },
                _ = &mut *stop => Ended::Asked,
            };
            match ended {
                Ended::Asked => return self.stop(leading, listening, &lease, &term).await,
                Ended::Over(over) => tracing::warn!("{over}; this one follows"),
                Ended::Crash(Crash::Panic(what)) => {
                    self.give_up(&lease, &term).await;
                    return Err(Crash::Panic(what).into());
                }
                Ended::Crash(crash) => {
                    tracing::warn!(
                        error = format!("{:#}", anyhow::Error::from(crash)),
                        "this replica leads no more"
                    );
                    self.give_up(&lease, &term).await;
                }
            }
            self.step_down(leading, &mut before);
        }
    }

    /// Follows whoever leads, until nobody does and this replica gets the lease.
    ///
    /// # Errors
    /// When what it led with before does not end.
    async fn follow(
        &self,
        seen: &mut Seen,
        before: &mut Before,
    ) -> anyhow::Result<(Lease, Arc<Term>)> {
        let mut changes = self.cluster.changes();
        let mut nobody = None;
        loop {
            let wait = match self.ask(Cluster::leader).await {
                Ok(Some(leader)) => {
                    nobody = None;
                    let remaining = leader.remaining;
                    self.sees(leader, seen);
                    // When its lease has run out, it is time to look.
                    LOOK.min(remaining + Duration::from_millis(5))
                }
                Ok(None) => {
                    self.grounds.roles.nobody();
                    let since = *nobody.get_or_insert_with(Instant::now);
                    let is_late = self.ready.is_replaying() && since.elapsed() < HEAD_START;
                    if !is_late
                        && before.has_ended().await?
                        && let Some(got) = self.try_to_lead(seen).await
                    {
                        return Ok(got);
                    }
                    TRY_AGAIN
                }
                Err(error) => {
                    seen.tell(&error);
                    LOOK
                }
            };
            // Without somebody who tells of changes, the wait is all.
            let told = async {
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            let _ = timeout(wait, told).await;
        }
    }

    async fn try_to_lead(&self, seen: &mut Seen) -> Option<(Lease, Arc<Term>)> {
        let length = self.grounds.settings.replicas.lease;
        let me = Member {
            name: self.me.name.clone(),
            url: self.me.url.clone(),
        };
        let asked = Instant::now();
        match self
            .ask(move |cluster| cluster.take_lead(&me, length))
            .await
        {
            Ok(Some(lease)) => {
                let term = Arc::new(Term::new(lease.epoch(), asked, length));
                Some((lease, term))
            }
            Ok(None) => None,
            Err(error) => {
                seen.tell(&error);
                None
            }
        }
    }

    /// Another replica leads, or this one, in a life before this.
    fn sees(&self, leader: postgres::Leader, seen: &mut Seen) {
        let postgres::Leader {
            epoch, name, url, ..
        } = leader;
        seen.is_led_by(epoch, self);
        let authority = authority_of(&url);
        if authority.is_none() {
            tracing::warn!(
                name,
                url,
                "the leader's --replica-url is none that can be asked"
            );
        }
        match authority.filter(|_| url != self.me.url) {
            Some(authority) => {
                let is_new = self.grounds.roles.follow(Leader {
                    epoch,
                    name: name.clone(),
                    authority,
                });
                if is_new {
                    tracing::info!(leader = name, url, epoch, "another replica leads");
                }
            }
            None => {
                self.grounds.roles.nobody();
            }
        }
    }

    /// Asks the database, on a thread that may block.
    async fn ask<T: Send + 'static>(
        &self,
        what: impl FnOnce(&Cluster) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, String> {
        let cluster = Arc::clone(&self.cluster);
        let asked = tokio::task::spawn_blocking(move || what(&cluster));
        match timeout(ANSWER, asked).await {
            Ok(Ok(answer)) => answer.map_err(|error| error.to_string()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the database does not answer".to_owned()),
        }
    }

    /// Stops a replica that leads: another leads as soon as this one has said its last.
    async fn stop(
        &self,
        leading: Leading,
        listening: &Listening,
        lease: &Lease,
        term: &Term,
    ) -> anyhow::Result<()> {
        tracing::info!("stopping: no more connections are taken");
        self.grounds.health.stops();
        leading.release();
        listening.end().await;
        let closed = leading.close().await;
        self.give_up(lease, term).await;
        let _ = timeout(LAST_ANSWERS, listening.ending.closed()).await;
        closed
    }

    /// Gives the lead up, if this replica still has it.
    async fn give_up(&self, lease: &Lease, term: &Term) {
        term.end(Over::GivenUp);
        let lease = lease.clone();
        let given = self.ask(move |_| lease.give_up()).await;
        if let Err(error) = given {
            tracing::info!(error, "the lead was not given up; it runs out");
        }
    }

    /// Ends what this replica leads with, while it follows already.
    fn step_down(&self, leading: Leading, before: &mut Before) {
        self.grounds.leads_no_more();
        leading.release();
        before.0 = Some(tokio::spawn(leading.abandon()));
    }
}

/// What this replica led with before, until it has ended: it may hang in a commit.
#[derive(Default)]
struct Before(Option<JoinHandle<anyhow::Result<()>>>);

impl Before {
    /// Whether it has ended, so that this replica may lead again.
    ///
    /// # Errors
    /// When it does not end.
    async fn has_ended(&mut self) -> anyhow::Result<bool> {
        match self.0.take() {
            Some(ending) if !ending.is_finished() => {
                self.0 = Some(ending);
                Ok(false)
            }
            Some(ending) => {
                ending.await.context("the coordinator's end panicked")??;
                Ok(true)
            }
            None => Ok(true),
        }
    }
}

impl Listening {
    /// Takes no more connections, and waits a while for what is being answered.
    async fn end(&self) {
        for task in &self.tasks {
            task.abort();
        }
        self.ending.send_replace(true);
        let _ = timeout(FAREWELL, self.ending.closed()).await;
    }
}

/// What was seen before.
#[derive(Default)]
struct Seen {
    epoch: Option<u64>,
    told: Option<Instant>,
}

impl Seen {
    fn is_led_by(&mut self, epoch: u64, standing: &Standing) {
        if self.epoch.replace(epoch) != Some(epoch) {
            standing.grounds.health.measures().leader_changed();
        }
        self.told = None;
    }

    /// Tells the log that the database cannot be asked, and not too often.
    fn tell(&mut self, error: &str) {
        if self.told.is_none_or(|told| told.elapsed() > TELL) {
            tracing::warn!(error, "the database cannot be asked who leads");
            self.told = Some(Instant::now());
        }
    }
}

/// Whether another try may go better.
fn is_passing(error: &anyhow::Error) -> bool {
    let store = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<StoreError>());
    store.is_some_and(|error| matches!(error, StoreError::Fenced | StoreError::Away { .. }))
}

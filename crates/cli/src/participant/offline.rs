//! A turn whose contribution is computed by another machine, without a network.
//!
//! The powers are written to a directory that is carried there. Meanwhile this machine checks in,
//! until the contribution is in the directory, too. It verifies the contribution and sends it like
//! its own. A contribution that is not valid is never sent, since it would end the turn.

use std::sync::Arc;
use std::time::Duration;

use k256::ecdsa::SigningKey;
use rand_core::OsRng;
use tauline_protocol::status::QueueStatus;
use tauline_transcript::signature::{ecdsa_sign, eip712_digest};
use tauline_transcript::{Base, verify};
use tokio::time::{Instant, sleep};

use super::news::{News, Step};
use super::settings::Offline;
use super::state::{Participant, Stop};
use crate::carried::{Carried, NewTurn, Turn};
use crate::check_ins;
use crate::client::{Download, Form};
use crate::exit::{Failure, Outcome};
use crate::work::{self, Work};

/// The time between two looks at the directory. Short enough not to be noticed, and long
/// enough not to wear out a memory stick.
const GLANCE: Duration = Duration::from_millis(250);

/// The time between two reports of the time that is left.
const REMINDER: Duration = Duration::from_secs(1);

impl Participant<'_> {
    /// Has another machine compute the contribution. Returns nothing when the turn ends meanwhile.
    pub(super) async fn compute_offline(
        &mut self,
        offline: &Offline,
        ticket: Option<u64>,
        download: Download,
        base: Base,
    ) -> Result<Option<Work>, Stop> {
        let status = self.check_in(Duration::ZERO).await?;
        self.note(&status);
        let Some(ticket) = ticket.filter(|_| check_ins::in_turn(&status)) else {
            return Ok(None);
        };
        let mut left = left_of(&status);
        let mut known = Some(status);
        let (turn, is_new) = self.write_down(offline, ticket, download, left).await?;
        let carried = &offline.carried;
        let base = Arc::new(base);
        let mut since = Instant::now();
        let (mut tried, mut told) = (None, None::<Instant>);
        let mut interrupt = self.interrupt.clone();
        loop {
            if !self.hear_check_ins() {
                return Ok(None);
            }
            if self.standing != known {
                known = self.standing.clone();
                (left, since) = (known.as_ref().map_or(left, left_of), Instant::now());
            }
            let seen = carried.glance(&turn);
            if seen.is_some() && seen != tried {
                tried = seen;
                match self.read_back(carried, &turn, &base).await? {
                    None => return Ok(None),
                    Some(Ok(work)) => return Ok(Some(work)),
                    Some(Err(failure)) if offline.waits => {
                        let why = failure.text();
                        self.listener.tell(News::NotSent { why });
                    }
                    Some(Err(failure)) => {
                        return Err(failure.help(COMPUTE_AGAIN).into());
                    }
                }
            }
            if seen.is_none() && !offline.waits {
                return Err(nothing_to_send(carried, &turn).into());
            }
            let left = left.saturating_sub(since.elapsed());
            if told.is_none() {
                self.listener.tell(News::Carry {
                    dir: carried.path(),
                    turn: &turn,
                    left,
                    is_new,
                });
            }
            if told.is_none_or(|at| at.elapsed() >= REMINDER) {
                told = Some(Instant::now());
                self.listener.tell(News::Awaiting { left });
            }
            tokio::select! {
                biased;
                wish = interrupt.raised() => return Err(Stop::Interrupted(wish)),
                () = sleep(GLANCE) => {}
            }
        }
    }

    /// Refuses a directory that is for another participant, before joining.
    pub(super) fn check_directory(&self) -> Result<(), Stop> {
        let (Some(offline), Some(identity)) = (&self.settings.offline, &self.identity) else {
            return Ok(());
        };
        // A turn of an earlier coordinator goes on at the present one.
        let check = |coordinator: &String| offline.carried.check_owner(coordinator, identity);
        match self.earlier_coordinators.iter().any(|it| check(it).is_ok()) {
            true => Ok(()),
            false => Ok(check(&self.coordinator)?),
        }
    }

    /// Writes the turn to the directory, unless it is there already. Also returns whether it did.
    async fn write_down(
        &self,
        offline: &Offline,
        ticket: u64,
        powers: Download,
        left: Duration,
    ) -> Result<(Turn, bool), Stop> {
        let identity = self
            .identity
            .clone()
            .ok_or_else(|| Failure::bad("not signed in"))?;
        let (settings, carried) = (self.settings, offline.carried.clone());
        let server = self.client.server().to_string();
        let coordinator = self.coordinator.clone();
        let (ceremony, form) = (settings.sizes.clone(), self.form);
        let written = tokio::task::spawn_blocking(move || {
            carried.write(NewTurn {
                server: &server,
                coordinator: &coordinator,
                identity: &identity,
                ticket,
                ceremony: &ceremony,
                form,
                powers: &powers,
                left,
            })
        });
        let written = written.await;
        Ok(written
            .map_err(|error| Failure::bad(format!("writing the turn down failed: {error}")))??)
    }

    /// Reads and verifies the contribution, and signs it with this machine's Ethereum key if it is
    /// not signed yet. Returns nothing when the turn ends meanwhile.
    async fn read_back(
        &mut self,
        carried: &Carried,
        turn: &Turn,
        base: &Arc<Base>,
    ) -> Result<Option<Outcome<Work>>, Stop> {
        let (carried, turn, base) = (carried.clone(), turn.clone(), Arc::clone(base));
        let (key, form) = (self.credential.key().cloned(), self.form);
        let read = move |_: &work::Counter| read(&carried, &turn, &base, key.as_ref(), form);
        self.work_on(Step::Recheck, read).await
    }
}

/// The time that is left of a turn, as the coordinator says.
fn left_of(status: &QueueStatus) -> Duration {
    Duration::from_millis(status.contribute_in_ms.unwrap_or_default())
}

fn read(
    carried: &Carried,
    turn: &Turn,
    base: &Base,
    key: Option<&SigningKey>,
    form: Form,
) -> Outcome<Work> {
    let name = carried.contribution_file(turn).display().to_string();
    let bytes = carried
        .contribution(turn)?
        .ok_or_else(|| nothing_to_send(carried, turn))?;
    let mut document = work::read_document(&bytes)
        .map_err(|error| Failure::bad(format!("{name} is not a contribution: {error}")))?;
    let mut verified = verify(base, &document, &mut OsRng)
        .map_err(|invalid| Failure::bad(format!("{name} is not valid: {invalid}")))?;
    let signed = document.sub_contributions.iter();
    let signed = signed.filter(|sub| sub.bls_signature.is_some()).count();
    verified.prune_signatures(&turn.identity);
    let own = verified.witness().iter();
    if own.filter(|entry| entry.bls_signature.is_some()).count() < signed {
        return Err(Failure::bad(format!(
            "{name} is not signed by {}: it was computed for somebody else",
            turn.identity
        )));
    }
    if let (None, Some(key)) = (verified.ecdsa_signature(), key) {
        let digest = eip712_digest(&verified.signed_pubkeys());
        document.ecdsa_signature = Some(ecdsa_sign(&digest, key));
    }
    Work::of_document(&document, form, &verified)
}

fn nothing_to_send(carried: &Carried, turn: &Turn) -> Failure {
    Failure::usage(format!(
        "there is no contribution to send yet: {} is missing",
        carried.contribution_file(turn).display()
    ))
    .help(COMPUTE_AGAIN)
}

/// What to do on the other machine.
const COMPUTE_AGAIN: &str =
    "on the machine without a network, run `tauline compute DIR`, and carry the directory back";

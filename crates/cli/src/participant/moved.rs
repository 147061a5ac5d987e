//! Following a ceremony to the coordinator to which it was handed over
//! (`docs/spec/public-log.md#handover`).
//!
//! The older coordinator's answer alone leads nowhere: its public log, signed, has to end by naming
//! the same coordinator, and at the new address that coordinator has to be.

use std::time::Duration;

use reqwest::Url;
use tauline_log::note::VerifierKey;
use tauline_protocol::auth::AuthProvider;
use tauline_protocol::public_log::{Notice, PublicEntry};
use tauline_protocol::status::{CeremonyStatus, MovedTo};
use tokio::time::sleep;

use super::news::News;
use super::state::{Participant, Stop};
use crate::client::{self, Client, ClientError, Refusal, parse_server};
use crate::exit::{Failure, Outcome};
use crate::public_log::PublicLog;
use crate::signin::{Credential, InBrowser};

/// How many coordinators one after the other are followed. No ceremony has had as many.
const MAX_MOVES: usize = 16;

/// How often the older coordinator's log is looked at for its last entry. With witnesses, the
/// checkpoint that covers it is shown some seconds later, when they have been asked.
const LOOKS: u32 = 8;

/// The pause between two looks.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

impl Participant<'_> {
    /// Goes on where the coordinator says that the ceremony went when it refused a call. Signing in
    /// comes next.
    pub(super) async fn follow(&mut self, refused: &Refusal) -> Result<(), Stop> {
        match &refused.body.moved_to {
            Some(moved) => self.move_on(moved).await,
            None => Err(refused.failure("the coordinator refuses").into()),
        }
    }

    /// Goes on at the coordinator to which this one has given the ceremony, or at the one that has it
    /// after that. Signing in comes next.
    pub(super) async fn move_on(&mut self, moved: &MovedTo) -> Result<(), Stop> {
        let mut next = Some(moved.clone());
        while let Some(moved) = next {
            if self.earlier_coordinators.len() >= MAX_MOVES {
                return Err(Failure::bad(format!(
                    "the ceremony has moved more than {MAX_MOVES} times, it is said: this goes round"
                ))
                .help("ask the ceremony's operator where it is, and give that to --server")
                .into());
            }
            next = self.move_to(&moved).await?.moved_to;
        }
        match (&self.credential, &self.identity) {
            // Whoever has just begun is there to sign in.
            (Credential::Browser(how), Some(_)) => Err(self.sign_in_there(*how).into()),
            _ => Ok(()),
        }
    }

    /// Goes on at this coordinator, and returns its status.
    async fn move_to(&mut self, moved: &MovedTo) -> Result<CeremonyStatus, Stop> {
        let server = self.named_by_the_log(moved).await?;
        self.listener.tell(News::Moved {
            to: &server,
            coordinator: &moved.coordinator_address,
        });
        self.client = Client::new(client::http(&server)?, server.clone()).checking_in();
        let next = self.client.clone();
        let before = std::mem::replace(&mut self.coordinator, moved.coordinator_address.clone());
        let status = self
            .retry(async || status_of_next(&next, &before).await)
            .await?
            .map_err(|refused| refused.failure("the coordinator that has it now refuses"))?;
        self.earlier_coordinators.push(before);
        if status.coordinator_address != self.coordinator {
            return Err(another(&server, &self.coordinator, &status).into());
        }
        self.keep_signed(|tickets| tickets.moved_to(&server)).await;
        Ok(status)
    }

    /// The address of the coordinator to which the ceremony is said to have moved, if the public log
    /// of the one that says so ends with the same.
    async fn named_by_the_log(&self, moved: &MovedTo) -> Result<Url, Stop> {
        let patience = self.settings.patience;
        let known = self.tickets.log_key();
        let mut interrupt = self.interrupt.clone();
        tokio::select! {
            biased;
            wish = interrupt.raised() => Err(Stop::Interrupted(wish)),
            named = named_by_log(&self.client, patience, &self.coordinator, known.as_ref(), moved) => {
                named.map_err(Stop::from)
            }
        }
    }

    /// What to run where a person has to sign in.
    fn sign_in_there(&self, how: InBrowser) -> Failure {
        let server = self.client.server();
        let verb = match &self.settings.offline {
            None => "contribute".to_owned(),
            Some(offline) => {
                let dir = offline.carried.path().display();
                match offline.waits {
                    true => format!("contribute --offline {dir}"),
                    false => format!("submit {dir}"),
                }
            }
        };
        let way = match how.provider {
            AuthProvider::Github => "github",
            AuthProvider::Ethereum => "wallet",
        };
        Failure::io(format!(
            "the ceremony has moved to {server}, and your place with it: sign in there with {how}"
        ))
        .help(format!(
            "run this now, before the ceremony goes on there: tauline {verb} --server {server} \
             --coordinator-address {} --sign-in {way}",
            self.coordinator
        ))
    }
}

/// The status of the coordinator that has the ceremony now, or why it cannot be told yet. Its address
/// may be the older one's, and lead to the new one only later.
async fn status_of_next(next: &Client, before: &str) -> Result<CeremonyStatus, ClientError> {
    match next.status().await {
        Ok(status) if status.coordinator_address == before => Err(ClientError::Network(
            "the older coordinator still answers there".to_owned(),
        )),
        // Something else answers until the coordinator is there.
        Err(ClientError::Unreadable(why)) => Err(ClientError::Network(why)),
        answer => answer,
    }
}

/// Checks what a coordinator says of where the ceremony went, and returns the address.
pub(crate) async fn named_by_log(
    client: &Client,
    patience: Duration,
    coordinator: &str,
    known: Option<&VerifierKey>,
    moved: &MovedTo,
) -> Outcome<Url> {
    let server = client.server();
    let whose = &moved.coordinator_address;
    if moved.key.address().as_ref() != Some(whose) {
        return Err(not_borne_out(
            server,
            &format!("it gives {whose} a key that is not that coordinator's"),
        ));
    }
    let log = PublicLog::new(client, patience);
    for look in 1.. {
        match last_notice(&log, server, coordinator, known).await? {
            Some(Notice::HandingOver { to, url, .. }) if to == moved.key && url == moved.url => {
                break;
            }
            Some(Notice::HandingOver { .. }) => {
                return Err(not_borne_out(server, "by its log it has moved elsewhere"));
            }
            _ if look < LOOKS => sleep(LOOK_AGAIN).await,
            _ => return Err(not_borne_out(server, "its log does not say so")),
        }
    }
    match &moved.url {
        Some(url) => parse_server(url).map_err(|error| {
            Failure::bad(format!(
                "the ceremony was handed over to the coordinator {whose}, at an address that is none, \
                 {url}: {error}"
            ))
        }),
        None => Err(Failure::bad(format!(
            "the ceremony was handed over to the coordinator {whose}, and its new address is not known \
             here; your place is kept there"
        ))),
    }
    .map_err(|failure| {
        failure.help(format!(
            "ask the ceremony's operator for the address, and run the same command again with --server \
             ADDRESS --coordinator-address {whose}"
        ))
    })
}

/// What the last entry of a coordinator's log says, if it says something of the coordinator. The entry
/// is in a tree that was signed with the key that is `known`, or else with one that the coordinator has
/// certified.
async fn last_notice(
    log: &PublicLog<'_>,
    server: &Url,
    coordinator: &str,
    known: Option<&VerifierKey>,
) -> Outcome<Option<Notice>> {
    let checkpoint = log.checkpoint().await?;
    let has_signed = |key: &VerifierKey| checkpoint.verify(std::slice::from_ref(key)).is_ok();
    if !known.is_some_and(has_signed) {
        let of = checkpoint.unverified();
        let certified = log.certified_key(of, coordinator, has_signed).await?;
        if certified.is_none() {
            return Err(not_borne_out(
                server,
                &format!("its log is signed with no key that {coordinator} has certified"),
            ));
        }
    }
    let entry = log.last_entry(checkpoint.unverified().tree).await?;
    let entry = PublicEntry::from_bytes(&entry).ok();
    Ok(entry.and_then(|entry| entry.notice))
}

fn not_borne_out(server: &Url, why: &str) -> Failure {
    Failure::bad(format!(
        "{server} says that the ceremony has moved, and {why}: it was not followed"
    ))
    .help(format!(
        "ask the ceremony's operator where the ceremony is; `tauline audit --server {server}` says what \
         is wrong with the log"
    ))
}

/// Somebody else is where the new coordinator should be.
fn another(server: &Url, named: &str, found: &CeremonyStatus) -> Failure {
    Failure::bad(format!(
        "the ceremony has moved to {server}, whose coordinator is {named} by the log of the older one, \
         and another coordinator answers there, {}: nothing was signed, and nothing was joined",
        found.coordinator_address
    ))
    .help("ask the ceremony's operator where the ceremony is, and give that to --server")
}

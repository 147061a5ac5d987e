//! Signing in, for the first time and again when the coordinator does not know the session any
//! more.

use tauline_protocol::Identity;
use tauline_protocol::error::Code;

use super::news::News;
use super::state::{ATTEMPTS, Participant, Stop};
use crate::client::{Client, Refusal};
use crate::exit::Failure;
use crate::signin::browser::{self, RedirectListener};
use crate::signin::{InBrowser, Proof};

impl Participant<'_> {
    /// Signs in. The participant's identity is known afterwards.
    pub(crate) async fn sign_in(&mut self) -> Result<(), Stop> {
        for attempt in 1.. {
            let mut client = self.client.clone();
            match self.prove_identity(&mut client).await? {
                Ok(identity) => return self.signed_in(client, identity),
                // Nonces are in the coordinator's memory, which a restart clears.
                Err(refused) if refused.is(&[Code::LoginUnknownNonce]) && attempt < ATTEMPTS => {}
                Err(refused) if refused.is(&[Code::HandedOver]) => self.follow(&refused).await?,
                Err(refused) => return Err(refused.failure("cannot sign in").into()),
            }
        }
        Ok(())
    }

    /// Opens a session for this client, and returns whose it is.
    async fn prove_identity(&self, client: &mut Client) -> Result<Result<Identity, Refusal>, Stop> {
        let credential = &self.credential;
        let answer = self
            .retry(async || match credential.proof(client).await? {
                Proof::Login(proof) => client.login(&proof).await.map(Ok),
                Proof::Browser(how) => Ok(Err(how)),
            })
            .await?;
        match answer {
            Ok(Ok(answer)) => Ok(Ok(answer.identity)),
            Ok(Err(how)) => self.sign_in_in_browser(client, how).await,
            Err(refused) => Ok(Err(refused)),
        }
    }

    /// Continues in a new session of the same participant.
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
        self.renew_check_ins();
        Ok(())
    }

    /// Has the user sign in in a browser, and takes over the browser's session.
    async fn sign_in_in_browser(
        &self,
        client: &mut Client,
        how: InBrowser,
    ) -> Result<Result<Identity, Refusal>, Stop> {
        let redirect = RedirectListener::open().await?;
        let links = self
            .retry(async || client.auth_links(redirect.address()).await)
            .await?;
        let links = match links {
            Ok(links) => links,
            Err(refused) => return Ok(Err(refused)),
        };
        let link = how.link(&links)?;
        self.listener.tell(News::SignInAt {
            link: &link,
            with: how,
            redirect: redirect.address(),
        });
        if how.opens {
            browser::show(&link);
        }
        let mut interrupt = self.interrupt.clone();
        let brought = tokio::select! {
            biased;
            wish = interrupt.raised() => return Err(Stop::Interrupted(wish)),
            brought = redirect.session() => brought?,
        };
        client.enter(brought.session);
        Ok(Ok(brought.identity))
    }
}

//! Settings of sign-in and sessions.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tauline_protocol::status::SignInMethod;

use super::error::SettingsError;
use super::values::{not_zero, seconds};
use crate::signin::redirect::Allowed;

/// Sign-in and sessions.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sign-in and sessions")]
#[group(skip)]
pub struct SignInSettings {
    /// Ways to sign in, comma-separated.
    #[arg(
        long,
        env = "TAULINE_SIGNIN",
        value_name = "METHODS",
        value_delimiter = ',',
        default_value = "siwe"
    )]
    pub signin: Vec<SignInWay>,

    /// File of invitations for --signin invite, one `name code` a line; `#` begins a comment.
    #[arg(long, env = "TAULINE_INVITES", value_name = "FILE")]
    pub invites: Option<PathBuf>,

    /// Pages that a browser may be sent to with a session, comma-separated: origins, such as
    /// https://ceremony.example.org, or single pages. http://localhost, http://127.0.0.1 and
    /// http://[::1] are always allowed, with any port: clients listen there.
    #[arg(
        long,
        env = "TAULINE_REDIRECT_ALLOW",
        value_name = "URLS",
        value_delimiter = ','
    )]
    pub redirect_allow: Vec<Allowed>,

    /// How long a session lasts, in seconds. The session of somebody in the queue lasts at least as
    /// long as the stay.
    #[arg(long, env = "TAULINE_SESSION_LIFETIME", value_name = "SECONDS", default_value = "86400", value_parser = seconds)]
    pub session_lifetime: Duration,

    /// How many people may be signed in at a time; further ones are refused. Who is signed in may
    /// always sign in again.
    #[arg(
        long,
        env = "TAULINE_MAX_SESSIONS",
        value_name = "NUMBER",
        default_value_t = 100_000
    )]
    pub max_sessions: usize,
}

/// A way to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SignInWay {
    /// By Ethereum account: an EIP-4361 message.
    Siwe,
    /// By GitHub account, in a browser; needs --github-client-id.
    Github,
    /// By Ethereum account at an OpenID Connect provider, in a browser; needs --eth-oidc-….
    Oidc,
    /// By a code from the file of invitations.
    Invite,
}

impl From<SignInWay> for SignInMethod {
    fn from(way: SignInWay) -> Self {
        match way {
            SignInWay::Siwe => Self::Siwe,
            SignInWay::Github => Self::Github,
            SignInWay::Oidc => Self::Oidc,
            SignInWay::Invite => Self::Invite,
        }
    }
}

impl SignInSettings {
    /// Whether a way to sign in is offered.
    #[must_use]
    pub(crate) fn offers(&self, way: SignInWay) -> bool {
        self.signin.contains(&way)
    }

    /// Whether there is another way than invitations.
    pub(super) fn offers_more_than_invitations(&self) -> bool {
        self.signin.iter().any(|way| *way != SignInWay::Invite)
    }

    /// The ways to sign in, as the status words them.
    #[must_use]
    pub fn methods(&self) -> Vec<SignInMethod> {
        let mut methods: Vec<_> = self
            .signin
            .iter()
            .copied()
            .map(SignInMethod::from)
            .collect();
        methods.sort();
        methods.dedup();
        methods
    }

    /// Refuses invitations without a file, and a file without invitations.
    pub(super) fn check_invitations(&self) -> Result<(), SettingsError> {
        let problem = match (self.offers(SignInWay::Invite), &self.invites) {
            (true, None) => "--signin invite needs --invites FILE, with one `name code` a line",
            (false, Some(_)) => {
                "--invites is given, but --signin does not offer invite: add it (--signin siwe,invite) or drop --invites"
            }
            _ => return Ok(()),
        };
        Err(SettingsError::Conflict(problem.to_owned()))
    }

    /// Refuses sessions for nobody and for no time.
    pub(super) fn check_sessions(&self) -> Result<(), SettingsError> {
        if self.max_sessions == 0 {
            let text = "--max-sessions must be more than 0".to_owned();
            return Err(SettingsError::Conflict(text));
        }
        not_zero("--session-lifetime", self.session_lifetime)
    }
}

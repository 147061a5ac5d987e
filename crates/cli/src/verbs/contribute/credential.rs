//! Choosing a way to sign in, among those that the ceremony accepts.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tauline_protocol::auth::AuthProvider;
use tauline_protocol::status::{CeremonyStatus, SignInMethod};
use zeroize::Zeroizing;

use crate::exit::{Failure, Outcome};
use crate::keys::KeyFile;
use crate::progress::Screen;
use crate::signin::{Credential, InBrowser};
use crate::verbs::status;

/// A way to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Way {
    /// A GitHub account, in a browser.
    Github,
    /// An Ethereum key in a file, --key.
    Key,
    /// An Ethereum account, with a wallet in a browser.
    Wallet,
    /// An invitation, --invite.
    Invite,
}

/// The arguments that choose what to sign in with.
#[derive(Debug, Args)]
pub(in crate::verbs) struct SignInArgs {
    /// What to sign in with [default: the invitation or key that is given; otherwise the first of
    /// these that the ceremony accepts: an Ethereum key, a GitHub account, a wallet].
    #[arg(long, value_name = "WAY", value_enum)]
    sign_in: Option<Way>,
    /// File of the Ethereum key to sign in with: 64 hex digits. If it does not exist, it is made,
    /// and only you can read it [default: tauline/ethereum.key in $XDG_DATA_HOME or
    /// ~/.local/share].
    #[arg(long, value_name = "FILE", conflicts_with = "invite")]
    key: Option<PathBuf>,
    /// Invitation code to sign in with. Use the environment variable to keep it out of the list of
    /// processes.
    #[arg(
        long,
        value_name = "CODE",
        env = "TAULINE_INVITE",
        hide_env_values = true
    )]
    invite: Option<String>,
    /// Only print the link to sign in at; do not open a browser.
    #[arg(long)]
    no_browser: bool,
}

impl SignInArgs {
    /// What to sign in with, if this ceremony accepts it.
    pub(super) fn credential(
        &self,
        status: &CeremonyStatus,
        screen: &Screen,
    ) -> Outcome<Credential> {
        let offers = |method| status.sign_in.contains(&method);
        let way = self.way(status)?;
        match way {
            Way::Invite => {
                let code = self.invite.as_deref().unwrap_or_default();
                Ok(Credential::Invite(Zeroizing::new(code.trim().to_owned())))
            }
            Way::Github | Way::Wallet => {
                if way == Way::Github && offers(SignInMethod::Oidc) && self.sign_in.is_none() {
                    screen.say("This ceremony takes Ethereum accounts, too: --sign-in wallet.");
                }
                Ok(Credential::Browser(InBrowser {
                    provider: match way {
                        Way::Github => AuthProvider::Github,
                        _ => AuthProvider::Ethereum,
                    },
                    opens: !self.no_browser,
                }))
            }
            Way::Key => {
                let chosen = self.sign_in.is_some() || self.key.is_some();
                if offers(SignInMethod::Github) && !chosen {
                    screen.say("This ceremony takes GitHub accounts, too: --sign-in github.");
                }
                self.key(screen)
            }
        }
    }

    /// The way to sign in: the one asked for, or the first that the ceremony accepts.
    fn way(&self, status: &CeremonyStatus) -> Outcome<Way> {
        let way = match (self.sign_in, &self.key, &self.invite) {
            (Some(way), key, _) => {
                if key.is_some() && way != Way::Key {
                    return Err(Failure::usage("--key is for --sign-in key alone")
                        .help("leave one of the two out"));
                }
                way
            }
            // A key on the command line takes precedence over an invitation in the environment.
            (None, Some(_), _) => Way::Key,
            (None, None, Some(_)) => Way::Invite,
            (None, None, None) => first(&status.sign_in).unwrap_or(Way::Key),
        };
        let has = |methods: &[SignInMethod]| methods.iter().any(|it| status.sign_in.contains(it));
        let (methods, name): (&[_], _) = match way {
            Way::Github => (&[SignInMethod::Github], status::name(SignInMethod::Github)),
            Way::Key => (&[SignInMethod::Siwe], status::name(SignInMethod::Siwe)),
            // For wallets that sign a message, the coordinator has a page of its own.
            Way::Wallet => (
                &[SignInMethod::Oidc, SignInMethod::Siwe],
                status::name(SignInMethod::Oidc),
            ),
            Way::Invite => (&[SignInMethod::Invite], status::name(SignInMethod::Invite)),
        };
        if !has(methods) {
            return Err(
                Failure::usage(format!("this ceremony does not take {name}"))
                    .help(format!("it takes {}", offered(&status.sign_in))),
            );
        }
        if way == Way::Invite && self.invite.is_none() {
            return Err(Failure::usage("there is no invitation to sign in with")
                .help("give the code that the ceremony's operator sent you: --invite CODE"));
        }
        Ok(way)
    }

    fn key(&self, screen: &Screen) -> Outcome<Credential> {
        let file = KeyFile::open_or_create(self.key.as_deref())?;
        let (address, path) = (file.address(), file.path.display());
        match file.created {
            true => screen.say(&format!(
                "Made a new Ethereum key, {address}, in {path}. It is your identity: keep it."
            )),
            false => screen.say(&format!("Using the Ethereum key {address} of {path}.")),
        }
        if file.exposed {
            screen.say(&format!(
                "warning: other users of this machine can read the key: chmod 600 {path}"
            ));
        }
        Ok(Credential::Ethereum(file.key))
    }
}

/// The way to sign in if none was asked for: one without a browser is preferred.
fn first(methods: &[SignInMethod]) -> Option<Way> {
    let order = [
        (SignInMethod::Siwe, Way::Key),
        (SignInMethod::Github, Way::Github),
        (SignInMethod::Oidc, Way::Wallet),
    ];
    let offered = order.iter().find(|(method, _)| methods.contains(method));
    offered.map(|(_, way)| *way)
}

fn offered(methods: &[SignInMethod]) -> String {
    let names: Vec<&str> = methods.iter().map(|it| status::name(*it)).collect();
    names.join(", or ")
}

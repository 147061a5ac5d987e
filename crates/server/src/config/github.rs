//! Settings of sign-in by GitHub account.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use url::Url;

use super::credentials::{credentials, one_secret};
use super::error::SettingsError;
use super::values::{secret, timestamp, web_url};
use crate::signin::oauth::{Credentials, Endpoints};
use crate::signin::secret::Secret;

/// GitHub accounts.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "GitHub accounts, for --signin github")]
#[group(skip)]
pub struct GithubSettings {
    /// Client id of the OAuth app. Its callback URL is that of --public-url with the path
    /// /auth/callback/github.
    #[arg(long, env = "TAULINE_GITHUB_CLIENT_ID", value_name = "ID")]
    pub github_client_id: Option<String>,

    /// Client secret of the OAuth app. Other users of this machine can read a command line: better
    /// give it in the environment, or in a file.
    #[arg(long, env = "TAULINE_GITHUB_CLIENT_SECRET", value_name = "SECRET", value_parser = secret)]
    pub github_client_secret: Option<Secret>,

    /// File with the client secret of the OAuth app.
    #[arg(long, env = "TAULINE_GITHUB_CLIENT_SECRET_FILE", value_name = "FILE")]
    pub github_client_secret_file: Option<PathBuf>,

    /// Where browsers ask GitHub for a code.
    #[arg(long, env = "TAULINE_GITHUB_AUTH_URL", value_name = "URL", default_value = "https://github.com/login/oauth/authorize", value_parser = web_url)]
    pub github_auth_url: Url,

    /// Where GitHub gives a token for a code.
    #[arg(long, env = "TAULINE_GITHUB_TOKEN_URL", value_name = "URL", default_value = "https://github.com/login/oauth/access_token", value_parser = web_url)]
    pub github_token_url: Url,

    /// Where GitHub tells whose a token is.
    #[arg(long, env = "TAULINE_GITHUB_USER_URL", value_name = "URL", default_value = "https://api.github.com/user", value_parser = web_url)]
    pub github_user_url: Url,

    /// Only GitHub accounts made before this time take part (RFC 3339).
    #[arg(long, env = "TAULINE_GITHUB_CREATED_BEFORE", value_name = "TIME", default_value = "2022-08-01T00:00:00Z", value_parser = timestamp)]
    pub github_created_before: Timestamp,
}

impl GithubSettings {
    /// GitHub's endpoints.
    #[must_use]
    pub(crate) fn endpoints(&self) -> Endpoints {
        Endpoints {
            auth: self.github_auth_url.clone(),
            token: self.github_token_url.clone(),
            user: self.github_user_url.clone(),
        }
    }

    /// What GitHub knows this coordinator by.
    ///
    /// # Errors
    /// A file that cannot be read, or nothing to read.
    pub(crate) fn credentials(&self) -> Result<Credentials, SettingsError> {
        credentials(
            "github",
            self.github_client_id.as_deref(),
            self.github_client_secret.as_ref(),
            self.github_client_secret_file.as_ref(),
        )
    }

    fn is_given(&self) -> bool {
        self.github_client_id.is_some()
            || self.github_client_secret.is_some()
            || self.github_client_secret_file.is_some()
    }

    /// Refuses too few settings where this way is `offered`, and any where it is not.
    pub(super) fn check(&self, offered: bool) -> Result<(), SettingsError> {
        if offered {
            return one_secret(
                "github",
                self.github_client_id.is_some(),
                self.github_client_secret.as_ref(),
                self.github_client_secret_file.as_ref(),
            );
        }
        if self.is_given() {
            return Err(SettingsError::Conflict(
                "--github-client-… is given, but --signin does not offer github: add it (--signin siwe,github) or drop them"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Settings;

    #[test]
    fn a_secret_is_read_from_its_file_and_is_in_no_description() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hush-in-a-file\n").unwrap();
        let secret_file = format!("--github-client-secret-file={}", file.path().display());
        let args = [
            "tauline-server",
            "--signin=github",
            "--github-client-id=x",
            &secret_file,
        ];
        let settings = Settings::from_args(args.map(Into::into)).unwrap();
        let credentials = settings.github.credentials().unwrap();
        assert_eq!(credentials.client_secret.reveal(), "hush-in-a-file");
        let text = format!("{credentials:?}");
        assert!(!text.contains("hush"), "{text}");
    }
}

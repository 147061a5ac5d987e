//! What a provider of accounts knows this coordinator by.

use std::path::PathBuf;

use super::error::SettingsError;
use crate::signin::oauth::Credentials;
use crate::signin::secret::Secret;

/// Refuses a client without a secret, or with two.
pub(super) fn one_secret(
    prefix: &str,
    has_id: bool,
    secret: Option<&Secret>,
    file: Option<&PathBuf>,
) -> Result<(), SettingsError> {
    let conflict = |text: String| Err(SettingsError::Conflict(text));
    match (has_id, secret, file) {
        (_, Some(_), Some(_)) => conflict(format!(
            "--{prefix}-client-secret and --{prefix}-client-secret-file are both given: give one"
        )),
        (true, Some(_), None) | (true, None, Some(_)) => Ok(()),
        _ => conflict(format!(
            "this way to sign in needs --{prefix}-client-id and --{prefix}-client-secret-file FILE \
             (or the secret in the environment)"
        )),
    }
}

/// A client and its secret, from a file where it stands in one.
pub(super) fn credentials(
    prefix: &str,
    id: Option<&str>,
    secret: Option<&Secret>,
    file: Option<&PathBuf>,
) -> Result<Credentials, SettingsError> {
    let client_secret = match (secret, file) {
        (Some(secret), _) => secret.clone(),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(path).map(zeroize::Zeroizing::new);
            let text = text.map_err(|error| {
                SettingsError::Conflict(format!(
                    "the file of --{prefix}-client-secret-file, {}, cannot be read: {error}",
                    path.display()
                ))
            })?;
            Secret::new(&text)
        }
        (None, None) => Secret::new(""),
    };
    if client_secret.is_empty() {
        return Err(SettingsError::Conflict(format!(
            "the client secret for --{prefix}-client-id is empty"
        )));
    }
    Ok(Credentials {
        client_id: id.unwrap_or_default().to_owned(),
        client_secret,
    })
}

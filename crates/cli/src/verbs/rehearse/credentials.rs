//! What the participants of a rehearsal sign in with.

use std::path::Path;

use k256::ecdsa::SigningKey;
use rand_core::OsRng;
use tauline_protocol::status::{CeremonyStatus, SignInMethod};
use zeroize::Zeroizing;

use crate::exit::{Failure, Outcome};
use crate::signin::Credential;
use crate::verbs::status;

/// New keys, or the invitations of a file, for this number of participants.
pub(super) fn credentials(
    invites: Option<&Path>,
    count: usize,
    status: &CeremonyStatus,
) -> Outcome<Vec<Credential>> {
    let method = match invites {
        Some(_) => SignInMethod::Invite,
        None => SignInMethod::Siwe,
    };
    if !status.sign_in.contains(&method) {
        let help = match invites {
            None if status.sign_in.contains(&SignInMethod::Invite) => {
                "give its file of invitations: --invites FILE"
            }
            None => {
                "nobody can rehearse signing in in a browser: start the coordinator of the rehearsal \
                 with --signin siwe"
            }
            Some(_) => "leave --invites out",
        };
        return Err(Failure::usage(format!(
            "this ceremony does not take {}",
            status::name(method)
        ))
        .help(help));
    }
    let Some(path) = invites else {
        let keys = std::iter::repeat_with(|| SigningKey::random(&mut OsRng));
        return Ok(keys.take(count).map(Credential::Ethereum).collect());
    };
    let codes = codes(path)?;
    if codes.len() < count {
        return Err(Failure::usage(format!(
            "{} holds {} invitations, {count} participants need as many",
            path.display(),
            codes.len()
        )));
    }
    Ok(codes
        .into_iter()
        .take(count)
        .map(Credential::Invite)
        .collect())
}

/// The codes in a file of invitations: each line is `name code`, and `#` begins a comment.
fn codes(path: &Path) -> Outcome<Vec<Zeroizing<String>>> {
    let text = std::fs::read_to_string(path).map_err(|e| Failure::file("read", path, &e))?;
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or("").trim());
    lines
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
        .map(
            |(i, line)| match line.split_whitespace().collect::<Vec<_>>()[..] {
                [_, code] => Ok(Zeroizing::new(code.to_owned())),
                _ => Err(Failure::usage(format!(
                    "line {} of {} is not `name code`",
                    i + 1,
                    path.display()
                ))),
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invitations_are_read_as_the_server_reads_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("invites");
        std::fs::write(&path, "# ours\nalice a1b2\n\n  bob\tc3d4 # late\n").unwrap();
        let read = codes(&path).unwrap();
        assert_eq!(
            read.iter().map(|it| it.as_str()).collect::<Vec<_>>(),
            ["a1b2", "c3d4"]
        );
        std::fs::write(&path, "alice a1b2\ncarol secret-code extra\n").unwrap();
        let failure = codes(&path).unwrap_err().to_string();
        assert!(failure.contains("line 2"), "{failure}");
        assert!(
            !failure.contains("secret-code"),
            "a code is in the message: {failure}"
        );
    }
}

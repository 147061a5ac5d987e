//! Giving the ceremony to another coordinator, and another key for the log
//! (`docs/spec/public-log.md#handover`, `docs/spec/public-log.md#rotation`).

use std::path::PathBuf;

use tauline_protocol::admin::AdminAnswer;
use tauline_protocol::personal_message;
use tauline_protocol::public_log::{Notice, SuccessorKey, handover_certificate};
use tauline_queue_core::Mode;
use tauline_store::Write;
use tauline_store::check::GivenTo;
use tauline_store::handover::Given;

use super::handle::Coordinator;
use super::task::Task;
use crate::public_log::NewKey;

impl Coordinator {
    /// Gives the ceremony to the coordinator with this key, for good, and writes the bundle for it to
    /// an absolute path. Once it was given, the bundle can be written again.
    ///
    /// # Errors
    /// Why it cannot be done, in a sentence that says what to do.
    pub async fn hand_over(
        &self,
        to: SuccessorKey,
        url: Option<String>,
        output: PathBuf,
    ) -> Result<AdminAnswer, String> {
        if !output.is_absolute() {
            return Err(format!("{} is not an absolute path", output.display()));
        }
        if output.exists() {
            let path = output.display();
            return Err(format!("{path} exists already: choose another name"));
        }
        if let Some(url) = &url {
            check_url(url)?;
        }
        self.answer_operator(move |task, _| task.give_to(GivenTo { key: to, url }))
            .await??;
        // The entry is durable, and with it the whole log is signed: nothing comes after it.
        let signed = (self.log().signed()).ok_or("the public log was never signed: start again")?;
        let given = Given {
            origin: self.log().origin().to_owned(),
            tree: signed.head,
            checkpoint: signed.text.to_string(),
            to,
        };
        let path = output.clone();
        self.look_up(move |store| store.hand_over(&path, &given))
            .await
            .map_err(|refused| refused.error)?
            .map_err(|error| {
                format!(
                    "the ceremony is handed over, but the bundle could not be written: {error}. Run the same command again"
                )
            })?;
        Ok(AdminAnswer::HandedOver {
            entries: signed.head.size,
            root: signed.head.root.to_string(),
            output,
        })
    }
}

impl Task {
    /// Gives the ceremony away.
    fn give_to(&mut self, to: GivenTo) -> Result<(), String> {
        if let Some(given) = &self.given_to {
            return match *given == to {
                true => Ok(()),
                false => Err(given_away(given)),
            };
        }
        if to.key.verifying_key().is_none() {
            return Err(format!(
                "{} is no public key: it is no point of the curve",
                to.key
            ));
        }
        if to.key == self.store.ceremony().public_key() {
            return Err("that is this coordinator's own key".to_owned());
        }
        if self.state().mode() != Mode::Halted {
            return Err(
                "the ceremony is running: `tauline admin pause` stops it with everybody in place, `drain` when all are served"
                    .to_owned(),
            );
        }
        if self.verifying.is_some() {
            return Err(
                "a contribution is being verified: try again when it has its verdict".to_owned(),
            );
        }
        let before = self.log.head_with(&self.pending.entries);
        let url = to.url.as_deref();
        let text = handover_certificate(self.log.origin(), &before, &to.key, url);
        self.give_notice(Notice::HandingOver {
            to: to.key,
            url: to.url.clone(),
            certificate: personal_message::sign(&text, &self.key),
        });
        self.given_to = Some(to);
        // Nobody waits here for a turn any more.
        self.moment.released = true;
        Ok(())
    }

    /// Takes another key for the log, from this batch on.
    pub(super) fn rotate_key(&mut self) {
        let NewKey {
            seed,
            signer,
            notice,
        } = self.log.new_key(&self.key);
        self.give_notice(notice);
        self.pending.batch.writes.push(Write::LogKey(seed));
        self.pending.signer = Some(signer);
    }
}

/// Why nothing can be done to a ceremony that was given away.
pub(super) fn given_away(to: &GivenTo) -> String {
    format!(
        "the ceremony was handed over to the coordinator with the key {}: nothing can be changed here any more",
        to.key
    )
}

fn check_url(text: &str) -> Result<(), String> {
    let url = reqwest::Url::parse(text).map_err(|error| format!("{text} is no URL: {error}"))?;
    match url.scheme() {
        "http" | "https" if url.host().is_some() => Ok(()),
        _ => Err(format!(
            "{text} is not the address of a coordinator: it begins with https://"
        )),
    }
}

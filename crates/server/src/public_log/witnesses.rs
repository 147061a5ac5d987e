//! Checkpoints are offered to witnesses, and shown with their cosignatures
//! (`docs/spec/public-log.md#witnesses`).

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use futures_util::future::join_all;
use tauline_log::checkpoint::SignedCheckpoint;
use tauline_log::note::{Kind, Signature, VerifierKey};
use tauline_log::witness::{AddCheckpoint, signatures_from_text, size_from_text};
use tauline_protocol::status::Cosigned;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{error, info, warn};
use url::Url;

use super::grown::{PublicLog, SignedHead};

/// How often the last checkpoint is offered, if it is a new one.
const OFFER_EVERY: Duration = Duration::from_secs(2);

/// After how long a checkpoint is offered again to which nothing was added. Cosignatures tell when it
/// was the newest, and whoever asks for that takes a day for too old unless told otherwise.
const OFFER_AGAIN: Duration = Duration::from_secs(3600);

/// How long a witness may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A witness: its key, and where it is reached.
#[derive(Debug, Clone)]
pub struct WitnessSetting {
    key: VerifierKey,
    url: Url,
}

impl FromStr for WitnessSetting {
    type Err = String;

    /// Reads `KEY=URL`.
    fn from_str(text: &str) -> Result<Self, String> {
        // A key ends in base64, which may have `=` at its end.
        let (key, url) = text
            .find("=http")
            .map(|at| (&text[..at], &text[at + 1..]))
            .ok_or(
                "give a witness's key and its URL, KEY=https://…, as `tauline witness` prints them",
            )?;
        let key: VerifierKey = key
            .parse()
            .map_err(|error| format!("this is no witness's key: {error}"))?;
        if key.kind() != Kind::Cosignature {
            return Err("this is a log's key, not a witness's".to_owned());
        }
        let mut url = Url::parse(url).map_err(|error| format!("this is no URL: {error}"))?;
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self { key, url })
    }
}

/// Offers checkpoints to witnesses, and publishes them with their cosignatures.
pub(crate) struct Witnesses {
    log: Arc<PublicLog>,
    http: reqwest::Client,
    witnesses: Vec<Known>,
}

struct Known {
    setting: WitnessSetting,
    /// What it cosigned last, as far as is known.
    size: u64,
    /// Whether it was told that it does not answer.
    is_silent: bool,
}

impl Witnesses {
    /// # Errors
    /// When the system has no TLS to offer.
    pub(crate) fn new(
        log: Arc<PublicLog>,
        settings: &[WitnessSetting],
    ) -> Result<Self, reqwest::Error> {
        // The cryptography under TLS, unless this process has chosen one before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .user_agent(concat!("tauline/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let known = |setting: &WitnessSetting| Known {
            setting: setting.clone(),
            size: 0,
            is_silent: false,
        };
        let witnesses = settings.iter().map(known).collect();
        Ok(Self {
            log,
            http,
            witnesses,
        })
    }

    /// Goes on until the server stops. Without witnesses, ends at once.
    pub(crate) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        if self.witnesses.is_empty() {
            return;
        }
        let (mut offered, mut at) = (0, Instant::now());
        loop {
            tokio::select! {
                () = tokio::time::sleep(OFFER_EVERY) => {}
                _ = stopping.wait_for(|stops| *stops) => return,
            }
            let Some(signed) = self.log.signed() else {
                continue;
            };
            let offer = match signed.head.size > offered {
                true => Offer::New,
                false if at.elapsed() >= OFFER_AGAIN => Offer::Again,
                false => continue,
            };
            (offered, at) = (signed.head.size, Instant::now());
            self.offer(signed, offer).await;
        }
    }

    /// Offers a checkpoint to all, and shows it with what comes back.
    async fn offer(&mut self, signed: SignedHead, offer: Offer) {
        let Ok(checkpoint) = SignedCheckpoint::parse(signed.text.as_bytes()) else {
            return;
        };
        let (log, http) = (&self.log, &self.http);
        let answers = self
            .witnesses
            .iter_mut()
            .map(async |witness| witness.cosigned(log, http, &checkpoint, offer).await);
        let answers = join_all(answers).await;
        // What was said of the same tree before stands until it is said again.
        let before = self.log.shown().filter(|shown| shown.head == signed.head);
        let before = before.and_then(|it| SignedCheckpoint::parse(it.text.as_bytes()).ok());
        let keys = self.witnesses.iter().map(|it| it.setting.key.clone());
        let keys: Vec<VerifierKey> = keys.collect();
        let add = |cosigned: SignedCheckpoint, one: &Signature| {
            let added = cosigned
                .clone()
                .with_cosignatures(std::slice::from_ref(one), &keys);
            added.unwrap_or(cosigned)
        };
        let all = answers.iter().flatten();
        let cosigned = all.fold(before.unwrap_or(checkpoint), add);
        let count = Cosigned {
            by: cosigned.cosignatures(&keys).map_or(0, |all| all.len()) as u64,
            of: keys.len() as u64,
        };
        let text = cosigned.to_string().into();
        self.log.show(SignedHead { text, ..signed }, count);
    }
}

/// Why a checkpoint is offered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Offer {
    /// It is new.
    New,
    /// It is still the last one, and its cosignatures are getting old.
    Again,
}

/// Why a witness did not cosign.
enum NotCosigned {
    /// It cannot be reached, or answers with something else.
    Silent(String),
    /// It holds another tree than the one it is shown.
    Contradicts(String),
}

impl Known {
    /// The witness's cosignature; none if it gives none. Tells the operator what changes.
    async fn cosigned(
        &mut self,
        log: &PublicLog,
        http: &reqwest::Client,
        checkpoint: &SignedCheckpoint,
        offer: Offer,
    ) -> Option<Signature> {
        let answer = self.ask(log, http, checkpoint).await;
        let answer = answer.and_then(|signatures| self.own(checkpoint, &signatures));
        let is_contradicted = matches!(answer, Err(NotCosigned::Contradicts(_)));
        // A ceremony that was handed over goes on elsewhere: its witnesses have seen more than is here.
        if !(is_contradicted && offer == Offer::Again) {
            self.tell(&answer);
        }
        answer.ok()
    }

    /// The cosignature of this witness among the signatures that it answered with.
    fn own(
        &self,
        checkpoint: &SignedCheckpoint,
        signatures: &[Signature],
    ) -> Result<Signature, NotCosigned> {
        let key = std::slice::from_ref(&self.setting.key);
        let bad = |error: &dyn std::fmt::Display| NotCosigned::Silent(error.to_string());
        let cosigned = checkpoint.clone().with_cosignatures(signatures, key);
        let cosigned = cosigned.map_err(|error| bad(&error))?;
        let own = cosigned.cosignatures(key).map_err(|error| bad(&error))?;
        let own = own.first().map(|one| one.signature.clone());
        own.ok_or_else(|| bad(&"it answered without a cosignature of its own"))
    }

    /// Asks for a cosignature; once more if the witness is elsewhere than was thought.
    async fn ask(
        &mut self,
        log: &PublicLog,
        http: &reqwest::Client,
        checkpoint: &SignedCheckpoint,
    ) -> Result<Vec<Signature>, NotCosigned> {
        for _ in 0..2 {
            let size = checkpoint.unverified().tree.size;
            let proof = log.consistency(self.size, size).ok_or_else(|| {
                NotCosigned::Contradicts(format!(
                    "it has cosigned {} entries, and the log has {size}",
                    self.size
                ))
            })?;
            let request = AddCheckpoint {
                old: self.size,
                proof,
                checkpoint: checkpoint.clone(),
            };
            let silent =
                |error: reqwest::Error| NotCosigned::Silent(error.without_url().to_string());
            let url = self.setting.url.join("add-checkpoint");
            let url = url.map_err(|error| NotCosigned::Silent(error.to_string()))?;
            let answer = http.post(url).body(request.to_string()).send().await;
            let answer = answer.map_err(silent)?;
            let status = answer.status();
            let text = answer.text().await.map_err(silent)?;
            match status {
                StatusCode::OK => {
                    self.size = size;
                    return signatures_from_text(&text)
                        .map_err(|error| NotCosigned::Silent(error.to_string()));
                }
                StatusCode::CONFLICT => match size_from_text(&text) {
                    Ok(size) => self.size = size,
                    Err(error) => return Err(NotCosigned::Silent(error.to_string())),
                },
                StatusCode::UNPROCESSABLE_ENTITY => {
                    return Err(NotCosigned::Contradicts(text.trim_end().to_owned()));
                }
                status => return Err(NotCosigned::Silent(format!("it answered with {status}"))),
            }
        }
        Err(NotCosigned::Silent(
            "it holds one size, then another".to_owned(),
        ))
    }

    /// Tells the operator when a witness falls silent, answers again, or contradicts.
    fn tell(&mut self, answer: &Result<Signature, NotCosigned>) {
        let witness = self.setting.key.name();
        match answer {
            Ok(_) if self.is_silent => info!(%witness, "the witness cosigns again"),
            Ok(_) => {}
            Err(NotCosigned::Silent(why)) if !self.is_silent => {
                warn!(%witness, why, "the witness does not cosign; the log goes on without it");
            }
            Err(NotCosigned::Silent(_)) => {}
            Err(NotCosigned::Contradicts(why)) => error!(
                %witness,
                why,
                "THE WITNESS HOLDS ANOTHER LOG than this one, signed by the same key. Stop, and find out whether two \
                 coordinators run on copies of the same data, or an old backup was restored"
            ),
        }
        self.is_silent = matches!(answer, Err(NotCosigned::Silent(_)));
    }
}

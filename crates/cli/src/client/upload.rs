//! Uploading a contribution, and finding out beforehand whether its length is accepted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, Method};
use tauline_protocol::contribution::SignedReceipt;
use tokio::time::{Instant, sleep, timeout};

use super::error::ClientError;
use super::outgoing::Outgoing;
use super::transfer::{IDLE_LIMIT, accepted, network, read_answer};
use super::{Call, Client, Form, TransferProgress, VERDICT_LIMIT};

/// How long a probe waits for a refusal. A proxy that refuses the stated length does so
/// within one round trip, after two more for connecting. One that waits for the whole body says
/// nothing.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

impl Client {
    /// `POST /contribution/probe`: finds out whether the coordinator, or a proxy in front of it,
    /// refuses a body because of its stated length. No body is sent. No answer means no refusal.
    ///
    /// # Errors
    /// [`ClientError::TooLarge`] for a refusal. Every other error says nothing about the length.
    pub async fn probe(&self, form: Form, len: u64) -> Result<(), ClientError> {
        let nothing = futures_util::stream::pending::<std::io::Result<Vec<u8>>>();
        let request = self
            .request(Method::POST, "contribution/probe")?
            .header(CONTENT_TYPE, form.media_type())
            .header(CONTENT_LENGTH, len)
            .body(Body::wrap_stream(nothing));
        let answer = async { accepted(request.send().await.map_err(network)?).await };
        match timeout(PROBE_LIMIT, answer).await {
            Ok(answer) => answer.map(drop),
            Err(_) => Ok(()),
        }
    }

    /// `POST /contribution/complete`: sends the contribution, which may still be being written, and
    /// waits for the verdict.
    #[expect(clippy::missing_errors_doc, reason = "see `status`")]
    pub async fn complete(
        &self,
        form: Form,
        document: &Outgoing,
        progress: TransferProgress<'_>,
    ) -> Result<SignedReceipt, ClientError> {
        let upload = self.upload(form, document, progress);
        self.noted(Call::Untimed, upload).await
    }

    async fn upload(
        &self,
        form: Form,
        document: &Outgoing,
        progress: TransferProgress<'_>,
    ) -> Result<SignedReceipt, ClientError> {
        let total = document.len();
        let sent = Arc::new(AtomicU64::new(0));
        let request = self
            .request(Method::POST, "contribution/complete")?
            .header(CONTENT_TYPE, form.media_type())
            .header(CONTENT_LENGTH, total)
            .body(document.pieces(&sent));
        let answer = async {
            let response = request.send().await.map_err(network)?;
            read_answer(accepted(response).await?).await
        };
        tokio::pin!(answer);
        progress(0, Some(total));
        let (mut seen, mut since) = (0, Instant::now());
        loop {
            tokio::select! {
                answer = &mut answer => {
                    if answer.is_ok() {
                        progress(total, Some(total));
                    }
                    return answer;
                }
                () = sleep(Duration::from_millis(100)) => {}
            }
            let now = sent.load(Ordering::Relaxed);
            progress(now, Some(total));
            // While the document is being written, a pause is not the connection's fault.
            if now != seen || now == document.written() && now < total {
                (seen, since) = (now, Instant::now());
            }
            let limit = if now < total {
                IDLE_LIMIT
            } else {
                VERDICT_LIMIT
            };
            if since.elapsed() > limit {
                return Err(ClientError::Network(
                    "the connection stands still".to_owned(),
                ));
            }
        }
    }
}

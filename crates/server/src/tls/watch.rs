//! Looks at the files now and then: another pair is taken, and an operator hears of a certificate that is
//! about to expire.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tauline_queue_core::Timestamp;

use super::Tls;
use super::pair::date;
use super::stamp::Stamp;
use crate::clock::Clock;

/// How often the files are looked at. What has changed is read at the next look, when whoever writes
/// both has written the second, too.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long before the end of its validity a certificate is warned of: certbot and Caddy have another a
/// month before, so something has been wrong for two weeks.
const WARN_BEFORE: Duration = Duration::from_secs(14 * 24 * 3600);

/// How often the operator is told of it.
const TELL_EVERY: Duration = Duration::from_secs(24 * 3600);

impl Tls {
    /// Takes what the files hold when they have changed, for as long as it is polled.
    pub(crate) async fn watch(self: Arc<Self>) {
        let clock = Clock::system();
        let (mut last, mut told) = (*self.done_with(), None);
        loop {
            let tls = Arc::clone(&self);
            let looked = tokio::task::spawn_blocking(move || tls.look(last)).await;
            last = looked.unwrap_or(last);
            self.mind_expiry(clock.wall(), &mut told);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Looks at the files, and takes what is in them if they have changed and were the same at the `last`
    /// look. Gives how they look now.
    fn look(&self, last: Stamp) -> Stamp {
        let now = Stamp::of(&self.files);
        let done_with = *self.done_with();
        if now != done_with && now == last {
            match self.read() {
                Ok(pair) => self.install(pair),
                Err(error) => tracing::error!(
                    %error,
                    "the new certificate or its key cannot be used; the one before stays in force"
                ),
            }
        }
        now
    }

    fn mind_expiry(&self, now: Timestamp, told: &mut Option<Instant>) {
        let Some(expires_at) = self.expires_at() else {
            return;
        };
        if now.saturating_add(WARN_BEFORE) < expires_at {
            *told = None;
            return;
        }
        if told.is_some_and(|told| told.elapsed() < TELL_EVERY) {
            return;
        }
        *told = Some(Instant::now());
        let expires = date(Some(expires_at));
        if now < expires_at {
            tracing::warn!(
                %expires,
                "THE CERTIFICATE EXPIRES SOON: from then on nobody can take part. Renew it; a new one in its file is taken \
                 within seconds"
            );
        } else {
            tracing::error!(
                %expires,
                "THE CERTIFICATE HAS EXPIRED: participants' programs and browsers refuse it. Renew it; a new one in its file \
                 is taken within seconds"
            );
        }
    }
}

//! Looks at the files now and then: another pair is taken, and an operator hears of a certificate that is
//! about to expire.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tauline_queue_core::Timestamp;

use super::Tls;
use crate::clock::Clock;
use crate::config::TlsFiles;

/// How often the files are looked at. What has changed is read at the next look, when whoever writes
/// both has written the second, too.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long before the end of its validity a certificate is warned of: certbot and Caddy have another a
/// month before, so something has been wrong for two weeks.
const WARN_BEFORE: Duration = Duration::from_secs(14 * 24 * 3600);

/// How often the operator is told of it.
const TELL_EVERY: Duration = Duration::from_secs(24 * 3600);

/// What tells two states of the files apart, without reading them. Where a file is not there, nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp([Option<Seen>; 2]);

/// Device, file, length, and when it was last written and changed.
type Seen = (u64, u64, u64, (i64, i64), (i64, i64));

impl Stamp {
    /// That of the files now.
    pub(super) fn of(files: &TlsFiles) -> Self {
        Self([&files.certificate, &files.key].map(|path| seen(path)))
    }
}

fn seen(path: &Path) -> Option<Seen> {
    let file = std::fs::metadata(path).ok()?;
    let written = (file.mtime(), file.mtime_nsec());
    let changed = (file.ctime(), file.ctime_nsec());
    Some((file.dev(), file.ino(), file.len(), written, changed))
}

impl Tls {
    /// Takes what the files hold when they have changed, for as long as it is polled.
    pub(crate) async fn watch(self: Arc<Self>) {
        let clock = Clock::system();
        let (mut last, mut told) = (*self.read_as(), None);
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
        let read_as = *self.read_as();
        if now != read_as && now == last {
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

/// A time as a person reads it.
pub(super) fn date(at: Option<Timestamp>) -> String {
    let millis = at.and_then(|at| i64::try_from(at.as_millis()).ok());
    let date = millis.and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    date.map_or_else(|| "unknown".to_owned(), |date| date.to_string())
}

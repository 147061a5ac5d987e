//! Keeping what the coordinator signs, also when it signs with another key than before
//! (`docs/spec/public-log.md#rotation`).

use std::time::Duration;

use tauline_log::note::KeyId;
use tokio::time::timeout;

use super::news::News;
use super::state::Participant;
use crate::public_log::PublicLog;
use crate::tickets::{NotKept, Tickets};

/// How long the log is searched for a key. Meanwhile nobody checks in, for which there are five
/// seconds and as many of grace at least (`docs/spec/queue.md#grace`).
const SEARCH_LIMIT: Duration = Duration::from_secs(3);

/// How often it is searched in vain before the user is told. With witnesses, an entry is shown some
/// seconds after it is in force, and check-ins may be a second apart.
const SEARCHES: u32 = 8;

impl Participant<'_> {
    /// Keeps something that the coordinator has signed. Tells where, once, and what is wrong with it.
    pub(super) async fn keep_signed(&mut self, keep: impl Fn(&mut Tickets) -> Result<(), NotKept>) {
        let kept_before = self.tickets.path().is_some();
        let mut kept = keep(&mut self.tickets);
        if let Err(NotKept::OtherKey { id, .. }) = kept
            && self.key_searches < SEARCHES
        {
            self.key_searches += 1;
            if self.learn_key(id).await {
                kept = keep(&mut self.tickets);
            } else if kept_before {
                // The next check-in brings another promise.
                return;
            }
        }
        if let Err(why) = kept {
            let why = why.to_string();
            self.listener.tell(News::NotKept { why: &why });
        }
        if let Some(path) = self.tickets.path().filter(|_| !kept_before) {
            self.listener.tell(News::Kept { path });
        }
    }

    /// Looks for the key with this number in the log, where the coordinator certifies it. Says
    /// whether it is there.
    async fn learn_key(&mut self, id: KeyId) -> bool {
        let log = PublicLog::new(&self.client, SEARCH_LIMIT);
        let search = async {
            let checkpoint = log.checkpoint().await?;
            let of = checkpoint.unverified();
            log.certified_key(of, &self.coordinator, |key| key.id() == id)
                .await
        };
        let Ok(Ok(Some(key))) = timeout(SEARCH_LIMIT, search).await else {
            return false;
        };
        self.key_searches = 0;
        self.listener.tell(News::LogKey { key: &key });
        self.tickets.certified(&key);
        true
    }
}

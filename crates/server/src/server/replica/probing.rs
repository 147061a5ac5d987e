//! Whether the leader answers this replica.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::forward::{Link, Role, Roles};
use crate::health::{Health, LeadSeen};

/// How often the leader is asked whether it answers.
const PROBE: Duration = Duration::from_secs(1);

/// Asks the leader again and again whether it answers, for whoever wants to know whether this replica can serve.
pub(super) async fn probe(roles: Roles, link: Link, health: Arc<Health>) {
    let mut changes = roles.changes();
    loop {
        let role = changes.borrow_and_update().clone();
        health.sees(match role {
            Role::Follows(leader) => {
                let answer = link.probe(&leader).await;
                if let Err(error) = &answer {
                    tracing::debug!(%error, "the leader does not answer");
                }
                LeadSeen {
                    epoch: Some(leader.epoch),
                    is_here: false,
                    answers: answer.is_ok(),
                }
            }
            Role::Nobody { .. } => LeadSeen::default(),
            Role::Leads(lead) => LeadSeen {
                epoch: Some(lead.term.epoch()),
                is_here: true,
                answers: true,
            },
        });
        let _ = timeout(PROBE, changes.changed()).await;
    }
}

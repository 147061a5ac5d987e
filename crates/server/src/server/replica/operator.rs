//! The operator's requests, at whichever replica they arrive.

use std::sync::{Arc, PoisonError, RwLock, Weak};

use async_trait::async_trait;
use tauline_protocol::admin::{AdminAnswer, AdminRequest};

use crate::admin::{Operates, Operator};
use crate::forward::{Leader, Link, Role, Roles};
use crate::server::reload::InForce;

const NOBODY: &str = "no replica leads now: try again in a few seconds";

/// Does what an operator asks where this replica leads, or has the leader do it.
#[derive(Clone)]
pub(super) struct ReplicaOperator(Arc<Shared>);

struct Shared {
    roles: Roles,
    link: Link,
    /// Weak, so that all ends with the server.
    in_force: Weak<InForce>,
    /// What does it while this replica leads.
    leading: RwLock<Option<Operator>>,
}

impl ReplicaOperator {
    pub(super) fn new(roles: Roles, link: Link, in_force: &Arc<InForce>) -> Self {
        Self(Arc::new(Shared {
            roles,
            link,
            in_force: Arc::downgrade(in_force),
            leading: RwLock::default(),
        }))
    }

    /// This does it from now on; nothing, while this replica does not lead.
    pub(super) fn leads(&self, operator: Option<Operator>) {
        let mut leading = self
            .0
            .leading
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *leading = operator;
    }

    async fn reload(&self) -> Result<AdminAnswer, String> {
        let in_force = self.0.in_force.upgrade().ok_or("the server is stopping")?;
        tokio::task::spawn_blocking(move || in_force.reload())
            .await
            .map_err(|error| format!("this failed: {error}"))?
    }

    async fn ask(&self, leader: &Leader, request: &AdminRequest) -> Result<AdminAnswer, String> {
        if is_about_files(request) {
            return Err(format!(
                "this is about files, and done by the replica that leads: ask {} ({}), on its machine",
                leader.name, leader.authority
            ));
        }
        let bytes = serde_json::to_vec(request).map_err(|error| error.to_string())?;
        let answer = self.0.link.admin(leader, bytes.into()).await;
        let answer = answer.map_err(|error| format!("{error}: try again in a few seconds"))?;
        serde_json::from_slice(&answer).map_err(|error| {
            format!(
                "{} answers what cannot be understood here: {error}",
                leader.name
            )
        })
    }
}

/// Whether a request names files, or a file is changed by it: they are the leader's.
fn is_about_files(request: &AdminRequest) -> bool {
    matches!(
        request,
        AdminRequest::Backup { .. }
            | AdminRequest::Handover { .. }
            | AdminRequest::Invite { .. }
            | AdminRequest::Revoke { .. }
    )
}

#[async_trait]
impl Operates for ReplicaOperator {
    async fn operate(&self, request: AdminRequest) -> AdminAnswer {
        let leading = {
            let leading = self
                .0
                .leading
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            leading.clone()
        };
        if let Some(operator) = leading {
            return operator.admin(request).await;
        }
        let answer = match (&request, self.0.roles.now()) {
            (AdminRequest::Reload, _) => self.reload().await,
            (_, Role::Follows(leader)) => self.ask(&leader, &request).await,
            (_, Role::Nobody { .. } | Role::Leads(_)) => Err(NOBODY.to_owned()),
        };
        answer.unwrap_or_else(|error| AdminAnswer::Refused { error })
    }
}

//! Whether this replica invites whom the others do: each has a list of its own, and goes by it when it leads.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tauline_store::postgres::{Cluster, Member};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::leading::Grounds;
use crate::measures::{Measures, list};

/// How often the lists are compared: within this time after a list was copied, all agree again.
const AGAIN: Duration = Duration::from_secs(10);

/// Compares the list of this replica with those of the others from now on. None if it invites nobody.
pub(super) fn begin(
    grounds: &Grounds,
    cluster: &Arc<Cluster>,
    me: &Member,
) -> Option<JoinHandle<()>> {
    let path = grounds.settings.sign_in.invites.clone()?;
    let measures = Arc::clone(grounds.health.measures());
    let (cluster, name) = (Arc::clone(cluster), me.name.clone());
    Some(tokio::spawn(compare(cluster, name, path, measures)))
}

/// Compares the list of the replica of this name with those of the others, again and again.
async fn compare(cluster: Arc<Cluster>, name: String, path: PathBuf, measures: Arc<Measures>) {
    let mut before = Vec::new();
    loop {
        let (cluster, whose, path) = (Arc::clone(&cluster), name.clone(), path.clone());
        let asked = tokio::task::spawn_blocking(move || {
            let text = std::fs::read_to_string(path).ok()?;
            cluster.compare_invitations(&whose, digest(&text)).ok()
        });
        // A file that cannot be read is told of where it is used, and so is a database that is away.
        if let Ok(Some(mut others)) = asked.await {
            others.sort_unstable();
            let differ = f64::from(u8::from(!others.is_empty()));
            measures.set(&list::INVITES_DIFFER, &[], differ);
            if others != before {
                tell(&others);
                before = others;
            }
        }
        sleep(AGAIN).await;
    }
}

fn tell(others: &[String]) {
    match others {
        [] => tracing::info!("the replicas have the same invitations again"),
        others => tracing::warn!(
            others = others.join(", "),
            "the file of --invites is another here than at other replicas, and whoever leads goes by its own: copy \
             the right one to all, and reload them"
        ),
    }
}

/// What a list is known by: its lines, in whatever order, without comments.
fn digest(text: &str) -> [u8; 32] {
    let lines = text.lines().map(str::trim);
    let mut lines: Vec<&str> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    lines.sort_unstable();
    Sha256::digest(lines.join("\n")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_the_same_in_another_order_and_with_other_comments() {
        let one = digest("ada 1\nbob 2\n");
        assert_eq!(one, digest("# guests\n bob 2\n\nada 1"));
        assert_ne!(one, digest("ada 1\nbob 3\n"));
        assert_ne!(one, digest("ada 1\n"));
    }
}

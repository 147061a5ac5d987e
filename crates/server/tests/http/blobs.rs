//! Powers that are kept apart from the database, with `--blobs`.

use std::fs;
use std::path::Path;

use tauline_protocol::error::Code;
use tempfile::TempDir;

use crate::common::TestServer;
use crate::common::turn::{JSON, Turn};

/// A server that keeps powers in a directory.
async fn apart() -> (TempDir, TestServer) {
    let powers = tempfile::tempdir().unwrap();
    let url = format!("file://{}", powers.path().display());
    let server = TestServer::with(&[("blobs", url.as_str())]).await;
    (powers, server)
}

fn objects(powers: &Path) -> usize {
    fs::read_dir(powers.join("blobs")).map_or(0, Iterator::count)
}

#[tokio::test]
async fn a_ceremony_goes_on_from_powers_that_are_kept_apart() {
    let (powers, server) = apart().await;
    let sizes = server.sizes();
    server.client(1).await.take_part(&sizes).await;
    assert_eq!(objects(powers.path()), 1);
    let server = server.restart().await;
    server.client(2).await.take_part(&sizes).await;
    assert_eq!(objects(powers.path()), 2);
    assert_eq!(server.verify_transcript().await.unwrap().contributions, 2);
}

#[tokio::test]
async fn a_contribution_that_cannot_be_kept_can_be_sent_again() {
    let (powers, server) = apart().await;
    let turn = Turn::on(server).await;
    // A file stands where the folder has to be.
    fs::write(powers.path().join("blobs"), "").unwrap();
    let refused = turn.complete(JSON, turn.good()).await;
    refused.expect_error(Code::Unavailable);
    fs::remove_file(powers.path().join("blobs")).unwrap();
    turn.complete(JSON, turn.good()).await.expect_ok();
    assert_eq!(objects(powers.path()), 1);
}

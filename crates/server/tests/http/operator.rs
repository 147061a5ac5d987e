//! What an operator does over the socket while the server runs.

use std::collections::HashMap;

use tauline_protocol::admin::{AdminAnswer, AdminRequest, Invited, SOCKET_NAME};
use tauline_protocol::error::Code;
use tauline_protocol::status::QueueWord;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use crate::common::{Client, TestServer};

async fn ask(server: &TestServer, request: &AdminRequest) -> AdminAnswer {
    let path = server.data_dir().join(SOCKET_NAME);
    let (reader, mut writer) = UnixStream::connect(path).await.unwrap().into_split();
    let mut line = serde_json::to_vec(request).unwrap();
    line.push(b'\n');
    writer.write_all(&line).await.unwrap();
    let mut lines = BufReader::new(reader).lines();
    let answer = lines.next_line().await.unwrap().unwrap();
    serde_json::from_str(&answer).unwrap()
}

async fn invites(server: &TestServer, request: &AdminRequest) -> HashMap<String, Invited> {
    match ask(server, request).await {
        AdminAnswer::Invites { invites } => {
            let named = invites.into_iter().map(|one| (one.name.clone(), one));
            named.collect()
        }
        other => panic!("{other:?}"),
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A sign-in that is not remembered.
async fn signs_in(server: &TestServer, code: &str) -> Result<(), String> {
    let body = serde_json::json!({"invite": code});
    let answer = server.anonymous().login(&body).await;
    if answer.status == 200 {
        return Ok(());
    }
    Err(answer.expect_error(Code::LoginUnknownInvite))
}

#[tokio::test]
async fn who_is_invited_while_it_runs_contributes_and_who_is_revoked_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("invites");
    std::fs::write(&file, "# ours\nalice code-of-alice-0001\n").unwrap();
    let flags = [("signin", "invite"), ("invites", file.to_str().unwrap())];
    let server = TestServer::with(&flags).await;

    let request = AdminRequest::Invite {
        names: names(&["bob", "carol", "dan"]),
    };
    let made = invites(&server, &request).await;
    let code = |name: &str| made[name].code.clone().unwrap();
    let bob = server.invited(&code("bob")).await;
    bob.take_part(&server.sizes()).await;
    let carol = server.invited(&code("carol")).await;
    carol.join().await;

    let listed = invites(&server, &AdminRequest::Invites).await;
    let far: Vec<_> = ["alice", "bob", "carol", "dan"]
        .map(|name| listed[name].state)
        .to_vec();
    assert_eq!(
        far,
        [
            QueueWord::NotQueued,
            QueueWord::Contributed,
            QueueWord::ReadyToContribute,
            QueueWord::NotQueued
        ]
    );
    assert!(listed.values().all(|one| one.code.is_none()), "told once");

    let request = AdminRequest::Revoke {
        names: names(&["alice", "carol"]),
    };
    let revoked = invites(&server, &request).await;
    assert_eq!(revoked["carol"].state, QueueWord::ReadyToContribute);
    for code in ["code-of-alice-0001", &code("carol")] {
        signs_in(&server, code).await.unwrap_err();
    }
    signs_in(&server, &code("dan")).await.unwrap();
    // Who is in line keeps the place.
    carol.contribute(&server.sizes()).await;

    // It is all in the file: a restart changes nothing.
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with("# ours\n") && !text.contains("carol"),
        "{text}"
    );
    let server = server.restart().await;
    signs_in(&server, &code("dan")).await.unwrap();
    signs_in(&server, &code("carol")).await.unwrap_err();
}

#[tokio::test]
async fn what_cannot_be_invited_or_revoked_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("invites");
    std::fs::write(&file, "alice code-of-alice-0001\n").unwrap();
    let flags = [("signin", "invite"), ("invites", file.to_str().unwrap())];
    let server = TestServer::with(&flags).await;
    let refused = async |request: AdminRequest| match ask(&server, &request).await {
        AdminAnswer::Refused { error } => error,
        other => panic!("{other:?}"),
    };
    let error = refused(AdminRequest::Invite {
        names: names(&["alice"]),
    });
    assert!(error.await.contains("revoke alice first"));
    let error = refused(AdminRequest::Revoke {
        names: names(&["bob"]),
    });
    assert!(error.await.contains("bob is not invited"));
    std::fs::write(&file, "alice\n").unwrap();
    let error = refused(AdminRequest::Invite {
        names: names(&["bob"]),
    });
    assert!(error.await.starts_with("line 1 of the invitations"));
    signs_in(&server, "code-of-alice-0001").await.unwrap();
    std::fs::remove_file(&file).unwrap();
    let error = refused(AdminRequest::Invite {
        names: names(&["bob"]),
    });
    assert!(error.await.contains("cannot be read"));

    let server = TestServer::start().await;
    let error = match ask(&server, &AdminRequest::Invites).await {
        AdminAnswer::Refused { error } => error,
        other => panic!("{other:?}"),
    };
    assert!(error.contains("--signin invite --invites FILE"), "{error}");
    let _: Client = server.client(1).await;
}

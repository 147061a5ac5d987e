//! A small ceremony of the real program, in two runs, and all that it asked of the system meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use rustix::process::Signal;
use tauline_protocol::admin::{AdminAnswer, AdminRequest};
use tauline_protocol::error::Code;
use tauline_protocol::status::{EndedWord, QueueWord};
use tokio::runtime::Runtime;

use crate::common::spoil::g1;
use crate::common::turn::JSON;
use crate::common::{Client, alter_json};
use crate::operations::{Reader, Step};
use crate::server::{Server, ask, can_trace, sizes, traced};

/// What was recorded.
pub(crate) struct Recorded {
    pub(crate) steps: Vec<Step>,
    /// How many of the steps belong to the first run, which ended as it was told to.
    pub(crate) first_run: usize,
    /// What was in the files of the data directory after the first run.
    pub(crate) left: BTreeMap<String, Vec<u8>>,
}

/// The ceremony that all tests share. None, with a message, if nothing can be recorded here.
pub(crate) fn recorded() -> Option<&'static Recorded> {
    static RECORDED: OnceLock<Recorded> = OnceLock::new();
    can_trace().then(|| RECORDED.get_or_init(record))
}

fn record() -> Recorded {
    let place = tempfile::tempdir().unwrap();
    // As the system shows it.
    let path = place.path().canonicalize().unwrap();
    let data = path.join("data");
    let runtime = Runtime::new().unwrap();
    let mut reader = Reader::new(&data);
    let trace = path.join("trace");

    let server = Server::start(traced(&trace), &data);
    runtime.block_on(first_run(&server.url, &data));
    let ended = server.end(Signal::TERM);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    reader.read(&fs::read_to_string(&trace).unwrap());
    let first_run = reader.steps.len();
    let left = files_in(&data);

    let server = Server::start(traced(&trace), &data);
    runtime.block_on(second_run(&server.url));
    server.end(Signal::KILL);
    reader.read(&fs::read_to_string(&trace).unwrap());
    Recorded {
        steps: reader.steps,
        first_run,
        left,
    }
}

/// Four join. Two contribute, a contribution is invalid, one leaves, and the operator pauses once.
async fn first_run(url: &str, data: &Path) {
    let sizes = sizes();
    let mut people = Vec::new();
    for number in 1..=4 {
        let mut one = Client::with_key(url, number);
        one.sign_in().await.expect_ok();
        one.join().await;
        people.push(one);
    }
    let [anna, bert, cleo, dora] = &people[..] else {
        unreachable!()
    };
    for one in [bert, cleo, dora] {
        one.check_in().await;
    }
    for request in [AdminRequest::Pause, AdminRequest::Resume] {
        let answer = ask(data, &request);
        assert!(matches!(answer, AdminAnswer::Done { .. }), "{answer:?}");
    }
    anna.contribute(&sizes).await;

    let turn = bert.wait_for_turn().await;
    assert_eq!(turn.queue_status, QueueWord::ReadyToContribute, "{turn:?}");
    let base = bert.start(&sizes).await;
    let spoilt = alter_json(&bert.contribution(&base), |document| {
        g1(document, 0).swap(2, 3);
    });
    let answer = bert
        .post_bytes("/contribution/complete", JSON, spoilt)
        .await;
    answer.expect_error(Code::ContributionG1Powers);
    assert_eq!(bert.check_in().await.ended, Some(EndedWord::Invalid));

    let turn = cleo.wait_for_turn().await;
    assert_eq!(turn.queue_status, QueueWord::ReadyToContribute, "{turn:?}");
    cleo.contribute(&sizes).await;
    assert_eq!(dora.leave().await.ended, Some(EndedWord::Left));
    dora.get("/log/checkpoint").await.expect_ok();
}

/// Somebody contributes after a restart.
async fn second_run(url: &str) {
    let mut emil = Client::with_key(url, 5);
    emil.sign_in().await.expect_ok();
    emil.take_part(&sizes()).await;
    emil.get("/log/checkpoint").await.expect_ok();
}

/// The files of a directory with what is in them.
fn files_in(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            let name = entry.file_name().into_string().unwrap();
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    files
}

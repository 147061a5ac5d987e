//! Ctrl-C in line and in the turn.

use serde_json::Value;

use crate::common::holder::Holder;
use crate::common::server::{Running, Server};
use crate::common::{run, temporary};

#[test]
fn ctrl_c_in_line_gives_the_place_up() {
    let server = Server::start(&["--contribution-limit", "100"]);
    let dir = temporary();
    let holder = Holder::new(&server, 1);
    let args = ["contribute", "--server", &server.url, "--key", "key"];
    let mut waiting = Running::start(dir.path(), &args);
    waiting.says("You are next, ");
    assert_eq!(server.status()["queueLength"], 1);
    waiting.interrupt();
    let (exit, said) = waiting.ends();
    assert_eq!(exit, 1);
    assert!(
        said.contains("interrupted: the place in the queue was given up"),
        "{said}"
    );
    assert_eq!(server.status()["queueLength"], 0);
    holder.abort();
    let (exit, _, error) = run(dir.path(), &args);
    assert_eq!(exit, 1);
    assert!(error.contains("[Queue::UsedUp]"), "{error}");
    assert!(error.contains("you left the queue"), "{error}");
}

#[test]
fn ctrl_c_in_turn_aborts_it() {
    // Large enough to compute for a while.
    let server = Server::start(&["--ceremony", "16384:65", "--contribution-limit", "100"]);
    let dir = temporary();
    let args = ["contribute", "--server", &server.url, "--key", "key"];
    let mut busy = Running::start(dir.path(), &args);
    busy.says("Downloaded the powers");
    busy.interrupt();
    let (exit, said) = busy.ends();
    assert_eq!(exit, 1);
    assert!(
        said.contains("interrupted: the turn was given up"),
        "{said}"
    );
    assert_eq!(server.status()["turn"], Value::Null);
    let (exit, _, error) = run(dir.path(), &args);
    assert_eq!(exit, 1);
    assert!(error.contains("[Queue::UsedUp]"), "{error}");
    // The operator may forgive.
    let id = said
        .split("Signed in as ")
        .nth(1)
        .unwrap()
        .split('.')
        .next()
        .unwrap();
    let (exit, output, error) = server.admin(&["pardon", id]);
    assert_eq!(exit, 0, "{error}");
    assert!(output.contains("may join again"), "{output}");
    let (exit, _, error) = run(dir.path(), &args);
    assert_eq!(exit, 0, "{error}");
}

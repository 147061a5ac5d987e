//! Far back in line: the program goes by its deadline, follows the line on the public stream, and holds
//! its check-ins again as soon as its turn is near.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use common::holder::{Crowd, Holder};
use common::proxy::{self, Heard, Rule};
use common::server::{Running, Server};
use common::temporary;

/// Waits until a request begins like this.
fn asks(heads: &Heard, what: &str) {
    let began = Instant::now();
    while !has_asked(heads, what) {
        assert!(began.elapsed() < Duration::from_secs(60), "never {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn has_asked(heads: &Heard, what: &str) -> bool {
    let heads = heads.lock().unwrap();
    heads.iter().any(|(_, head)| head.starts_with(what))
}

#[test]
fn who_is_far_back_rests_until_the_line_moves() {
    // Nobody loses a place meanwhile, however slow the machine.
    let settings = ["--contribution-limit", "200", "--checkin-relaxed", "200"];
    let server = Server::start(&settings);
    let holder = Holder::new(&server, 1);
    let mut crowd = Crowd::join(&server, 2..36);
    let (url, heads) = proxy::gate(&server.url, |_, _| Rule::Pass);
    let dir = temporary();
    let mut waiting = Running::start(
        dir.path(),
        &["contribute", "--server", &url, "--key", "key"],
    );
    waiting.says("Number 35 in line");
    asks(&heads, "GET /ceremony/events ");
    // It has the first status by then, or soon, and has not asked for its own again.
    assert!(!has_asked(&heads, "POST /queue/checkin"));

    crowd.leave(5);
    asks(&heads, "POST /queue/checkin ");
    asks(&heads, "POST /queue/checkin?wait=15 ");

    crowd.leave(29);
    holder.abort();
    let (exit, said) = waiting.ends();
    assert_eq!(exit, 0, "{said}");
}

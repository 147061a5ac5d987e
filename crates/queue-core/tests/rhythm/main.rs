//! When a client lets itself be heard: case by case, and a whole line of such clients.

#![allow(clippy::unwrap_used)]

mod line;

use std::time::Duration;

use serde_json::Value;
use tauline_queue_core::rhythm::{Next, Told, hurry, next};

use self::line::{Line, People};

/// The page's tests read them, too (`web/test/rhythm.test.ts`).
const CASES: &str = include_str!("cases.json");

fn cases(of: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(CASES).unwrap();
    all[of].as_array().unwrap().clone()
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn each_case_is_decided_as_written() {
    for case in cases("next") {
        let number = |name: &str| case[name].as_u64().unwrap();
        let told = Told {
            position: number("position"),
            deadline_in: Duration::from_millis(number("deadlineInMs")),
            start_in: Duration::from_millis(number("startInMs")),
        };
        let late = Duration::from_millis(number("lateMs"));
        let chance = u16::try_from(number("chance")).unwrap();
        let rest = case["restMs"].as_u64().map(Duration::from_millis);
        let expected = rest.map_or(Next::Hold, Next::Rest);
        assert_eq!(next(&told, late, chance), expected, "{}", case["what"]);
    }
    for case in cases("hurry") {
        let number = |name: &str| case[name].as_u64().unwrap();
        let expected = case["inMs"].as_u64().map(Duration::from_millis);
        let soon = hurry(number("position"), number("gone"));
        assert_eq!(soon, expected, "{}", case["what"]);
    }
}

#[test]
fn two_tries_may_be_lost_before_any_deadline() {
    for seconds in 1..4000 {
        let told = Told {
            position: 1_000_000,
            deadline_in: secs(seconds),
            start_in: secs(1_000_000),
        };
        if let Next::Rest(rest) = next(&told, Duration::ZERO, 0) {
            // The page waits for an answer for 6 s, and pauses for 0.5 and 1 s; the grace is 5 s.
            let third = rest + secs(6) * 2 + Duration::from_millis(1500);
            assert!(third < secs(seconds + 5), "{seconds} s: {third:?}");
        }
    }
}

#[test]
fn who_waits_far_back_asks_as_the_interval_says() {
    // With n in line the interval is n / 1,000 s and at least 30 s; on average a rest is seven tenths of
    // it, and 17 s of 30.
    for (people, rest) in [(1_000, 17.0), (10_000, 17.0), (100_000, 70.0)] {
        let mut line = Line::of(&People {
            count: people,
            turn: secs(40)..secs(50),
            ..People::default()
        });
        line.run(secs(200));
        let before = line.asked();
        line.run(secs(600));
        let a_minute = (line.asked() - before) as f64 / 10.0 / f64::from(people);
        println!("{people} in line: {a_minute:.3} a minute each");
        assert!((a_minute - 60.0 / rest).abs() < 6.0 / rest, "{a_minute}");
        line.nobody_has_lost_anything();
    }
}

#[test]
fn nobody_who_rests_is_passed_or_missed() {
    // Turns of ordinary length, and a second each; two tries in a row are lost now and then.
    for (count, turn) in [(300, secs(20)..secs(50)), (1_500, secs(1)..secs(3))] {
        let mut line = Line::of(&People {
            count,
            turn,
            lost: 0.1,
        });
        line.run_to_the_end();
        line.nobody_has_lost_anything();
        assert_eq!(line.served(), count);
        assert!(line.longest_idle() < secs(1), "{:?}", line.longest_idle());
    }
}

#[test]
fn a_line_that_shrinks_at_once_finds_everybody_there() {
    let mut line = Line::of(&People {
        count: 20_000,
        turn: secs(20)..secs(50),
        ..People::default()
    });
    line.run(secs(100));
    let left = line.all_but(60);
    line.run_to_the_end();
    line.nobody_has_lost_anything();
    assert_eq!(line.served() + left, 20_000);
    assert!(line.longest_idle() < secs(1), "{:?}", line.longest_idle());
}

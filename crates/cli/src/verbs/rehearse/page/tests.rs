//! Pages of rehearsals that went well, badly, and not at all; and of servers that try to get into them.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::super::fate::Fate;
use super::super::parts::{Part, Role};
use super::super::samples::Sample;
use super::*;
use crate::client::{Answered, Call, Seen};
use crate::participant::Times;
use tauline_protocol::status::EndedWord;

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn played() -> Played {
    Played {
        server: "https://ceremony.example.org/".to_owned(),
        coordinator: "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf".to_owned(),
        program: Some("tauline-server 0.1.0".to_owned()),
        began: 1_790_000_000,
        dropouts: 0.2,
        sign_in: "new Ethereum keys",
        asked_form: Form::MsgpackUncompressed,
        form: Form::MsgpackUncompressed,
        contribution_len: 6_257_837,
        sizes: "4096:65, 8192:65".to_owned(),
        contribution_limit_in_ms: 180_000,
        interrupted: false,
    }
}

/// A rehearsal of so many participants, of whom every fifth drops out.
pub(super) fn rehearsal(count: usize) -> (Report, Series) {
    let began = Instant::now();
    let mut clock = 2.0;
    let fates: Vec<Fate> = (0..count)
        .map(|i| {
            let joined = Some(began + seconds(i as f64 * 0.01));
            let length = 24.0 + (i * 37 % 17) as f64;
            let idle = 0.4 + (i * 13 % 7) as f64 * 0.1;
            let called = began + seconds(clock + idle);
            let started = Some(called + seconds(0.3));
            if i % 5 == 4 {
                clock += 33.0;
                let part = Part {
                    role: Role::VanishAfterStart,
                    silent: i % 2 == 0,
                };
                let times = Times {
                    joined,
                    called: Some(called),
                    started,
                    ..Times::default()
                };
                return Fate::new(i, part, times, Ok(None), Some(EndedWord::Stalled));
            }
            clock += idle + length;
            let times = Times {
                joined,
                called: Some(called),
                started,
                accepted: Some(began + seconds(clock)),
                ..Times::default()
            };
            Fate::new(i, Part::CONTRIBUTE, times, Ok(Some(i as u64)), None)
        })
        .collect();
    let end = clock as u64;
    let samples: Vec<Sample> = (0..if count == 0 { 0 } else { end })
        .map(|second| Sample {
            at: Duration::from_secs(second),
            waiting: (count as u64).saturating_sub(second * count as u64 / end),
        })
        .collect();
    let seen = Seen {
        answered: (0..end * 4)
            .map(|i| Answered {
                call: Call::CheckIn,
                at: Duration::from_millis(i * 250),
                took: Duration::from_millis(3 + i * 7919 % 11 + if i % 53 == 0 { 90 } else { 0 }),
            })
            .collect(),
        failed_at: vec![seconds(clock / 2.0); usize::from(count > 0) * 3],
        failed: BTreeMap::from([("Request::RateLimited (429)".to_owned(), 3)]),
    };
    let seen = if count == 0 { Seen::default() } else { seen };
    let report = Report::new(42, seconds(clock), 3, &fates, &seen);
    let series = Series::of(began, &fates, &samples, &seen);
    (report, series)
}

/// The page without what the charts are drawn with.
fn text(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("<svg") {
        text.push_str(before);
        text.push_str("[chart]");
        rest = after.split_once("</svg>").unwrap().1;
    }
    text.push_str(rest);
    let style = text.find("<style>").unwrap()..text.find("</style>").unwrap();
    text.replace_range(style, "<style>");
    text.replace("><", ">\n<")
}

#[test]
fn a_rehearsal_that_held_is_told_as_reviewed() {
    let (report, series) = rehearsal(60);
    let page = page(&report, &series, &played());
    assert_eq!(page.matches("<svg").count(), 8);
    if let Some(path) = std::env::var_os("TAULINE_KEEP_PAGE") {
        std::fs::write(path, &page).unwrap();
    }
    insta::assert_snapshot!(text(&page));
}

#[test]
fn a_rehearsal_without_a_contribution_has_a_page() {
    let (report, series) = rehearsal(0);
    let page = page(&report, &series, &played());
    assert!(page.contains("It held, and nobody contributed"));
    assert!(page.contains("No contribution was accepted"));
    assert_eq!(page.matches("There was nothing of this.").count(), 8);
    assert!(!page.contains("NaN"), "{page}");
}

#[test]
fn what_goes_wrong_comes_first() {
    let was_passed = Times {
        passed: Some(Instant::now()),
        ..Times::default()
    };
    let fates = [
        Fate::new(
            0,
            Part::CONTRIBUTE,
            Times::default(),
            Err("it is cut".to_owned()),
            None,
        ),
        Fate::new(1, Part::CONTRIBUTE, was_passed, Ok(Some(1)), None),
    ];
    let seen = Seen {
        failed: BTreeMap::from([
            ("Server::Internal (500)".to_owned(), 2),
            ("a proxy answers 502".to_owned(), 1),
            ("no answer: connection refused".to_owned(), 4),
        ]),
        answered: vec![
            Answered {
                call: Call::CheckIn,
                at: Duration::ZERO,
                took: Duration::from_secs(3),
            };
            5
        ],
        ..Seen::default()
    };
    let report = Report::new(1, seconds(10.0), 7, &fates, &seen);
    let series = Series::of(Instant::now(), &fates, &[], &seen);
    let mut played = played();
    played.form = Form::Msgpack;
    let page = page(&report, &series, &played);
    let first = page.split_once("<li class=\"").unwrap().1;
    assert!(first.starts_with("bad"), "{first}");
    for says in [
        "The rehearsal did not go as it should",
        "One participant did not end as its part says",
        "it is cut",
        "One participant was not heard of when its turn came",
        "2 calls were answered by an error of the coordinator",
        "1 call was answered by a proxy",
        "4 calls got no answer",
        "99 of 100 within 3000 ms",
        "client_max_body_size",
        "msgpack-uncompressed, and msgpack was used",
    ] {
        assert!(page.contains(says), "{says}");
    }
    played.interrupted = true;
    let page = super::page(&report, &series, &played);
    assert!(page.contains("<h1>The rehearsal was interrupted</h1>"));
}

#[test]
fn nothing_that_a_server_says_is_more_than_text() {
    let hostile = format!(
        "{}<img src=https://evil.example/x onerror=alert(1)>",
        crate::shown::HOSTILE
    );
    let fates = [Fate::new(
        0,
        Part::CONTRIBUTE,
        Times::default(),
        Err(hostile.clone()),
        None,
    )];
    let seen = Seen {
        failed: BTreeMap::from([(hostile.clone(), 1)]),
        ..Seen::default()
    };
    let report = Report::new(1, seconds(1.0), 0, &fates, &seen);
    let mut played = played();
    played.server.clone_from(&hostile);
    played.coordinator.clone_from(&hostile);
    played.program = Some(hostile.clone());
    played.sizes = hostile;
    let page = page(
        &report,
        &Series::of(Instant::now(), &fates, &[], &seen),
        &played,
    );
    assert!(
        !page.contains("<script") && !page.contains("<img"),
        "{page}"
    );
    assert!(page.contains("&lt;script&gt;"));
    let wild = |letter: char| (letter.is_control() && letter != '\n') || letter == '\u{202e}';
    assert!(
        !page.contains(wild),
        "what is hidden is shown by its number"
    );
}

#[test]
fn nothing_is_loaded_from_anywhere() {
    let (report, series) = rehearsal(20);
    let page = page(&report, &series, &played());
    for word in [
        "<script", "<link", "<img", "<iframe", "@import", "url(", "src=",
    ] {
        assert!(!page.contains(word), "{word}");
    }
    let addresses = page
        .match_indices("://")
        .map(|(at, _)| &page[at.saturating_sub(5)..at + 30]);
    for address in addresses {
        let is_known =
            address.contains("www.w3.org/2000/svg") || address.contains("ceremony.example");
        assert!(is_known, "{address}");
    }
}

#[test]
fn every_colour_of_a_chart_has_one_for_the_dark() {
    let (report, series) = rehearsal(60);
    let page = page(&report, &series, &played());
    let style = include_str!("style.css");
    let svg = page.split_once("<svg").unwrap().1;
    for (attribute, _) in [("fill=\"#", 0), ("stroke=\"#", 0)] {
        for (at, _) in svg.match_indices(attribute) {
            let pair = &svg[at..at + attribute.len() + 7];
            assert!(style.contains(&format!("svg [{pair}]")), "{pair}");
        }
    }
}

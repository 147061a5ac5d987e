//! The view in each state and size, as reviewed.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::time::{Duration, Instant};

use super::draw::{as_text, draw};
use super::examples::{draining, empty, halted, hostile, moved, paused, running, seen, status};
use super::heard::{Heard, Via};
use super::state::State;
use super::theme::Theme;
use super::told::Told;
use super::view::{Drawn, View};

fn view() -> View {
    let mut view = View::new(Theme { colours: true });
    view.keys = true;
    view
}

fn buffer(state: &State, view: &View, now: Instant, width: u16, height: u16) -> (Buffer, Drawn) {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    let drawn = draw(state, view, state.changes, now, area, &mut buffer);
    (buffer, drawn)
}

fn shown(told: Told, width: u16, height: u16) -> String {
    let (state, now) = seen(told);
    as_text(&buffer(&state, &view(), now, width, height).0)
}

#[test]
fn a_ceremony_that_runs() {
    let sizes = [(80, 24), (60, 15), (132, 43)];
    let views = sizes.map(|(width, height)| shown(running(), width, height));
    insta::assert_snapshot!(views.join("\n\n=====\n\n"));
}

#[test]
fn states_of_a_ceremony() {
    let states = [empty(), draining(), paused(), halted(), moved()];
    let views = states.map(|told| shown(told, 80, 24));
    insta::assert_snapshot!(views.join("\n\n=====\n\n"));
}

#[test]
fn what_happens_while_one_watches() {
    let mut views = Vec::new();
    let (mut state, now) = seen(running());
    let later = |seconds| now + Duration::from_secs(seconds);
    state.hear(&status(running(), Via::Polls), now);
    views.push(as_text(&buffer(&state, &view(), now, 80, 15).0));
    let why = "connection refused".to_owned();
    state.hear(&Heard::Lost { why }, later(10));
    views.push(as_text(&buffer(&state, &view(), later(75), 80, 15).0));
    let mut still = view();
    still.paused = Some((later(10), state.changes - 3));
    views.push(as_text(&buffer(&state, &still, later(75), 80, 15).0));
    let mut help = view();
    help.help = true;
    views.push(as_text(&buffer(&state, &help, later(75), 80, 24).0));
    let to = "https://next.example.org/".parse().unwrap();
    state.hear(&Heard::Moved { to }, later(80));
    views.push(as_text(&buffer(&state, &view(), later(80), 80, 15).0));
    state.hear(&status(paused(), Via::Stream), later(81));
    views.push(as_text(&buffer(&state, &view(), later(81), 80, 15).0));
    insta::assert_snapshot!(views.join("\n\n=====\n\n"));
}

#[test]
fn a_coordinator_that_tells_no_turns() {
    let mut told = running();
    told.recent = None;
    told.name = None;
    insta::assert_snapshot!(shown(told, 80, 24));
}

#[test]
fn scrolling_shows_others() {
    let (state, now) = seen(running());
    let mut view = view();
    let (_, drawn) = buffer(&state, &view, now, 80, 24);
    assert_eq!(drawn.all, 90);
    view.offset = drawn.all - drawn.rows;
    let text = as_text(&buffer(&state, &view, now, 80, 24).0);
    let last = text.lines().rev().nth(1).unwrap().trim_start();
    assert!(
        last.starts_with("1,260 "),
        "the first of those that are told: {text}"
    );
    view.offset = usize::MAX;
    assert_eq!(as_text(&buffer(&state, &view, now, 80, 24).0), text);
}

#[test]
fn names_command_nothing_at_any_size() {
    let (mut state, now) = seen(hostile());
    state.hear(
        &Heard::NotFollowed {
            why: crate::shown::HOSTILE.to_owned(),
        },
        now,
    );
    state.hear(
        &Heard::Lost {
            why: crate::shown::HOSTILE.to_owned(),
        },
        now,
    );
    for (width, height) in [(80, 24), (60, 15), (200, 60), (30, 8), (5, 3), (1, 1)] {
        let (buffer, _) = buffer(&state, &view(), now, width, height);
        for cell in buffer.content() {
            let wild = |letter: char| letter.is_control() || letter == '\u{202e}';
            assert!(!cell.symbol().contains(wild), "{:?}", cell.symbol());
        }
    }
    insta::assert_snapshot!(as_text(&buffer(&state, &view(), now, 80, 24).0));
}

#[test]
fn no_size_is_too_small_or_too_large() {
    for told in [empty(), running(), moved(), hostile()] {
        let (state, now) = seen(told);
        for width in [0, 1, 2, 7, 13, 20, 59, 60, 111, 400] {
            for height in [0, 1, 2, 3, 5, 7, 9, 11, 14, 22, 90] {
                let mut view = view();
                view.help = height % 2 == 0;
                let (_, drawn) = buffer(&state, &view, now, width, height);
                assert!(drawn.rows <= height.into());
            }
        }
    }
}

#[test]
fn without_colours_there_are_none_and_with_them_there_are() {
    let (state, now) = seen(running());
    let colours = |colours| {
        let mut view = View::new(Theme { colours });
        view.keys = true;
        let mut terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
        terminal
            .draw(|frame| {
                let area = frame.area();
                draw(&state, &view, 0, now, area, frame.buffer_mut());
            })
            .unwrap();
        let cells = terminal.backend().buffer().content().iter();
        let colours = cells.map(|cell| (cell.fg, cell.bg));
        colours.collect::<std::collections::HashSet<_>>().len()
    };
    assert_eq!(colours(false), 1, "only the terminal's own");
    assert!(colours(true) > 3);
}

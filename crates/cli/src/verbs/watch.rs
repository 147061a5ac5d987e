//! `tauline watch`: shows a ceremony live.

mod draw;
mod heard;
mod json;
mod keys;
mod plain;
mod screen;
mod source;
mod state;
mod theme;
mod told;
mod view;
mod words;

#[cfg(test)]
mod examples;
#[cfg(test)]
mod views;

use std::io::{IsTerminal as _, stdout};
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use reqwest::Url;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval};

use self::draw::{as_text, draw};
use self::heard::{Heard, Via};
use self::plain::Plain;
use self::source::{Rhythm, Source};
use self::state::State;
use self::theme::Theme;
use self::told::Told;
use self::view::View;
use crate::client::{self, Client, parse_server};
use crate::exit::{Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::output;
use crate::runtime::online;

/// The width of a view that goes to a file, in columns.
const WIDTH: u16 = 80;

/// The height of a view that is printed, in lines: room for ten contributions.
const HEIGHT: u16 = 32;

/// How many things that were heard may wait to be shown.
const WAITING: usize = 16;

/// Watch a ceremony live: the turn, the line, the latest turns and contributions.
///
/// It is told by the coordinator's stream of events, and asks each 5 s where there is none. When the
/// ceremony is handed over to another coordinator, it goes on there once the public log says so.
///
/// Where standard output is not a terminal, a line is printed for each change. In the view: q quits, ?
/// shows all keys, the arrows scroll the contributions, p lets the view stand still. NO_COLOR leaves out
/// the colours.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The coordinator's address.
    #[arg(value_name = "URL", value_parser = parse_server, required_unless_present = "server")]
    url: Option<Url>,
    /// The coordinator's address, if it is not given by itself.
    #[arg(long, value_name = "URL", env = "TAULINE_SERVER", value_parser = parse_server)]
    server: Option<Url>,
    /// Print one view and end.
    #[arg(long)]
    once: bool,
    /// Print a line for each change, also on a terminal.
    #[arg(long, conflicts_with_all = ["json", "once"])]
    plain: bool,
    /// Print a line of JSON for each change: how the coordinator is reached, and its status.
    #[arg(long)]
    json: bool,
}

/// How a ceremony is shown.
enum Form {
    Screen,
    Lines(Box<Plain>),
    Json,
}

/// Shows the ceremony until it is interrupted.
///
/// # Errors
/// When the coordinator does not answer at first, or the terminal cannot be drawn on.
pub fn run(args: &Args) -> Outcome {
    let Some(server) = args.url.clone().or_else(|| args.server.clone()) else {
        return Err(Failure::usage("which ceremony?").help("tauline watch URL"));
    };
    let form = match args.json {
        true => Form::Json,
        false if args.plain || !can_draw() => Form::Lines(Box::default()),
        false => Form::Screen,
    };
    let once = args.once;
    online(watch(server, form, once))
}

/// Whether standard output is a terminal on which one can write anywhere.
fn can_draw() -> bool {
    let is_dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    stdout().is_terminal() && !is_dumb
}

async fn watch(server: Url, form: Form, once: bool) -> Outcome {
    let client = Client::new(client::http(&server)?, server.clone());
    let mut state = State::new(server.to_string(), Instant::now());
    state.hear(&first(&client).await?, Instant::now());
    if once {
        return match form {
            Form::Json => output::print(&json::line(&state)),
            Form::Lines(_) | Form::Screen => output::print(&printed(&state)),
        };
    }
    let interrupt = Interrupt::listen()?;
    let (sender, heard) = mpsc::channel(WAITING);
    let source = tokio::spawn(Source::new(client, Rhythm::USUAL, sender).run());
    let shown = match form {
        Form::Screen => screen::run(state, heard, interrupt).await,
        form => lines(form, state, heard, interrupt).await,
    };
    // As long as somebody listens, it ends by a panic only.
    if source.is_finished()
        && let Err(error) = source.await
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
    shown
}

/// What the coordinator tells when it is asked first. Whoever has mistyped the address learns it now.
async fn first(client: &Client) -> Outcome<Heard> {
    let text = match client.status_text().await {
        Ok(text) => text,
        Err(error) => return Err(client.explain(error).await),
    };
    let server = client.server();
    let told = Told::read(&text).map_err(|why| {
        Failure::io(format!("{server}: {why}"))
            .help("check that the address is a Tauline coordinator's")
    })?;
    Ok(Heard::Status {
        told: Box::new(told),
        text,
        via: Via::Polls,
    })
}

/// One view as text, as wide as the terminal.
fn printed(state: &State) -> String {
    let width = match stdout().is_terminal() {
        true => crossterm::terminal::size().map_or(WIDTH, |(width, _)| width),
        false => WIDTH,
    };
    let area = Rect::new(0, 0, width.max(WIDTH), HEIGHT);
    let mut buffer = Buffer::empty(area);
    let view = View::new(Theme { colours: false });
    draw(state, &view, 0, Instant::now(), area, &mut buffer);
    as_text(&buffer)
}

/// Prints lines until it is interrupted, or nobody reads them any more.
async fn lines(
    mut form: Form,
    mut state: State,
    mut heard: mpsc::Receiver<Heard>,
    mut interrupt: Interrupt,
) -> Outcome {
    let mut ticks = interval(Duration::from_secs(1));
    let mut changed = true;
    loop {
        let now = Instant::now();
        let lines = match &mut form {
            Form::Lines(plain) => plain.lines(&state, now),
            Form::Json | Form::Screen if changed => vec![json::line(&state)],
            Form::Json | Form::Screen => Vec::new(),
        };
        for line in lines {
            if !output::print_or_end(&line)? {
                return Ok(());
            }
        }
        changed = tokio::select! {
            biased;
            _ = interrupt.raised() => return Ok(()),
            heard = heard.recv() => match heard {
                Some(heard) => state.hear(&heard, Instant::now()),
                None => return Ok(()),
            },
            _ = ticks.tick() => false,
        };
    }
}
